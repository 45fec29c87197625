"""What uninstalling an expert would break, asked in place. Knows names, nothing of disks."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from expert_studio.views.widgets.setting_card import note


class UninstallQuestion(QFrame):
    """Hidden until it is asked.

    Signals:
        confirmed(): all of them shall go.
        kept(): nothing shall.
    """

    confirmed = Signal()
    kept = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "inset")
        self.consequence = note("")
        self.confirm = QPushButton()
        self.confirm.setProperty("role", "danger")
        self.confirm.setAccessibleName(self.tr("Uninstall it and what needs it"))
        self.keep = QPushButton(self.tr("Keep"))
        self.keep.setAccessibleName(self.tr("Keep this expert"))
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.confirm)
        row.addWidget(self.keep)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 10)
        column.setSpacing(8)
        column.addWidget(self.consequence)
        column.addLayout(row)
        self.confirm.clicked.connect(self.confirmed)
        self.keep.clicked.connect(self.kept)
        self.hide()

    def ask(self, name: str, dependants: Sequence[str]) -> None:
        """Names what cannot work without it."""
        self.consequence.setText(
            self.tr("{names} cannot work without {expert} and would be uninstalled too.").format(
                names=", ".join(dependants), expert=name
            )
        )
        self.confirm.setText(self.tr("Uninstall all {n}").format(n=len(dependants) + 1))
        self.show()
        self.keep.setFocus()
