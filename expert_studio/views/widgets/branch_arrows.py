"""Which of several branches is shown, with an arrow to each side. Knows no conversation."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from expert_studio.views.widgets.icon_button import IconButton
from expert_studio.views.widgets.plain_words import PlainLabel


class BranchArrows(QWidget):
    """Signals:
    wanted(str): the turn that shall be looked at.
    """

    wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._turns: tuple[str, ...] = ()
        self._at = 0
        self._parts: tuple[IconButton, QLabel, IconButton] | None = None
        self.hide()

    @property
    def told(self) -> str:
        """ "2 / 3", or "" where there is but one."""
        return "" if self._parts is None or self.isHidden() else self._parts[1].text()

    def show_branches(self, turns: Sequence[str], shown: str) -> None:
        """Hidden where there is but one."""
        if len(turns) < 2 and len(self._turns) < 2:
            return  # asked of every turn of a conversation, and few have branches
        self._turns = tuple(turns)
        self.setVisible(len(turns) > 1)
        if len(turns) < 2:
            return
        before, told, after = self._built()
        self._at = self._turns.index(shown)
        told.setText(f"{self._at + 1} / {len(turns)}")
        told.setAccessibleName(self.tr("Version {0} of {1}").format(self._at + 1, len(turns)))
        before.setEnabled(self._at > 0)
        after.setEnabled(self._at < len(turns) - 1)

    def _built(self) -> tuple[IconButton, QLabel, IconButton]:
        """The parts, made with the first branch."""
        if self._parts is None:
            before = IconButton("left", self.tr("The version before"), 12, self)
            after = IconButton("right", self.tr("The version after"), 12, self)
            told = PlainLabel("", self)
            told.setProperty("role", "small")
            row = QHBoxLayout(self)
            row.setContentsMargins(0, 0, 0, 0)
            row.setSpacing(0)
            for part in (before, told, after):
                row.addWidget(part)
            before.clicked.connect(self._on_before)
            after.clicked.connect(self._on_after)
            self._parts = (before, told, after)
        return self._parts

    def step(self, by: int) -> None:
        """As by hand: -1 to the version before, 1 to the one after."""
        at = self._at + by
        if 0 <= at < len(self._turns):
            self.wanted.emit(self._turns[at])

    @Slot()
    def _on_before(self) -> None:
        self.step(-1)

    @Slot()
    def _on_after(self) -> None:
        self.step(1)
