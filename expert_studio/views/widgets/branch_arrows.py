"""Which of several branches is shown, with an arrow to each side. Knows no conversation."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from expert_studio.views.widgets.icon_button import IconButton


class BranchArrows(QWidget):
    """Signals:
    wanted(str): the turn that shall be looked at.
    """

    wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._turns: tuple[str, ...] = ()
        self._at = 0
        self._before = IconButton("left", self.tr("The version before"), side=12)
        self._after = IconButton("right", self.tr("The version after"), side=12)
        self._told = QLabel()
        self._told.setProperty("role", "small")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        for part in (self._before, self._told, self._after):
            row.addWidget(part)
        self._before.clicked.connect(self._on_before)
        self._after.clicked.connect(self._on_after)
        self.hide()

    @property
    def told(self) -> str:
        """ "2 / 3", or "" where there is but one."""
        return "" if self.isHidden() else self._told.text()

    def show_branches(self, turns: Sequence[str], shown: str) -> None:
        """Hidden where there is but one."""
        self._turns = tuple(turns)
        self.setVisible(len(turns) > 1)
        if len(turns) < 2:
            return
        self._at = self._turns.index(shown)
        self._told.setText(f"{self._at + 1} / {len(turns)}")
        self._told.setAccessibleName(self.tr("Version {0} of {1}").format(self._at + 1, len(turns)))
        self._before.setEnabled(self._at > 0)
        self._after.setEnabled(self._at < len(turns) - 1)

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
