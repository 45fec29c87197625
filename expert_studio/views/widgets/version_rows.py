"""The installed versions of one expert: which is active, use another, pin, compare.

Knows versions and what was pinned; nothing of disks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from expert_studio.core.experts.library import InstalledExpert
from expert_studio.views.widgets.plain_words import PlainLabel


class VersionRows(QWidget):
    """Signals:
    use_wanted(str): this version should be the active one.
    pin_wanted(str): this version should stay the active one when a newer one comes in.
    unpin_wanted(): the highest version should be active again.
    compare_wanted(str): what differs between this version and the active one.
    """

    use_wanted = Signal(str)
    pin_wanted = Signal(str)
    unpin_wanted = Signal()
    compare_wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(2)

    def show_versions(
        self, versions: Sequence[InstalledExpert], active: InstalledExpert, pinned: bool
    ) -> None:
        """Shows these, highest first; `pinned` says that the active one is to stay so."""
        while (item := self._column.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        for expert in versions:
            self._column.addWidget(self._row(expert, active, pinned))

    def press(self, name: str) -> None:
        """Presses the button with this accessible name, as by hand.

        Raises:
            StopIteration: there is none.
        """
        next(b for b in self.findChildren(QPushButton) if b.accessibleName() == name).click()

    def _row(self, expert: InstalledExpert, active: InstalledExpert, pinned: bool) -> QWidget:
        is_active = expert.version == active.version
        row_widget = QWidget()
        version = PlainLabel(expert.version)
        version.setProperty("role", "strong" if is_active else "muted")
        row = QHBoxLayout(row_widget)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(version)
        if is_active:
            chip = PlainLabel(self.tr("pinned") if pinned else self.tr("active"))
            chip.setProperty("role", "chip")
            chip.setProperty("severity", "now")
            row.addWidget(chip)
        row.addStretch(1)
        if not is_active:
            told = self.tr("Compare {version} with the active one").format(version=expert.version)
            row.addWidget(
                _button(self.tr("Compare"), told, partial(self.compare_wanted.emit, expert.version))
            )
            told = self.tr("Make {version} the active version").format(version=expert.version)
            row.addWidget(
                _button(self.tr("Use"), told, partial(self.use_wanted.emit, expert.version))
            )
        elif pinned:
            told = self.tr("Let the highest version be active again")
            row.addWidget(_button(self.tr("Unpin"), told, self.unpin_wanted.emit))
        else:
            told = self.tr("Keep {version} active when a newer one comes in").format(
                version=expert.version
            )
            row.addWidget(
                _button(self.tr("Pin"), told, partial(self.pin_wanted.emit, expert.version))
            )
        return row_widget


def _button(text: str, told: str, does: Callable[[], object]) -> QPushButton:
    button = QPushButton(text)
    button.setProperty("role", "quiet")
    button.setAccessibleName(told)
    button.setToolTip(told)
    button.clicked.connect(lambda _checked: does())
    return button
