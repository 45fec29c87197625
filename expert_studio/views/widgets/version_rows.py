"""The installed versions of one expert: which is active, use another, pin, compare.

Knows versions and what was pinned; nothing of disks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QAbstractButton,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from expert_studio.core.experts.library import InstalledExpert
from expert_studio.views.widgets.icon_button import IconButton
from expert_studio.views.widgets.plain_words import PlainLabel


class VersionRows(QWidget):
    """Signals:
    use_wanted(str): this version should be the active one.
    pin_wanted(str): this version should stay the active one when a newer one comes in.
    unpin_wanted(): the highest version should be active again.
    remove_wanted(str): this version alone should go.
    compare_wanted(str): what differs between this version and the active one.
    """

    use_wanted = Signal(str)
    pin_wanted = Signal(str)
    unpin_wanted = Signal()
    remove_wanted = Signal(str)
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
            row = self._row(expert, active, pinned)
            if len(versions) > 1:  # the last one goes by uninstalling the expert
                row.addWidget(self._remove_button(expert.version))
            held = QWidget()
            held.setLayout(row)
            self._column.addWidget(held)

    def press(self, name: str) -> None:
        """Presses the button with this accessible name, as by hand.

        Raises:
            StopIteration: there is none.
        """
        next(b for b in self.findChildren(QAbstractButton) if b.accessibleName() == name).click()

    def _remove_button(self, version: str) -> IconButton:
        button = IconButton("close", self.tr("Uninstall {version} alone").format(version=version))
        button.clicked.connect(lambda: self.remove_wanted.emit(version))
        return button

    def _row(self, expert: InstalledExpert, active: InstalledExpert, pinned: bool) -> QHBoxLayout:
        is_active = expert.version == active.version
        version = PlainLabel(expert.version)
        version.setProperty("role", "strong" if is_active else "muted")
        row = QHBoxLayout()
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
        return row


def _button(text: str, told: str, does: Callable[[], object]) -> QPushButton:
    button = QPushButton(text)
    button.setProperty("role", "quiet")
    button.setAccessibleName(told)
    button.setToolTip(told)
    button.clicked.connect(lambda _checked: does())
    return button
