"""An expert that others need and that is not there: who waits for it, where to look.

Knows names, nothing of the library.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from expert_studio.views.widgets.plain_words import PlainLabel
from expert_studio.views.widgets.setting_card import note


class MissingExpert(QWidget):
    """Signals:
    install_wanted(): the person wants to look for its file.
    market_wanted(str): the person wants to look for it in the marketplace.
    """

    install_wanted = Signal()
    market_wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = PlainLabel()
        self._name.setStyleSheet("font-size: 15px; font-weight: 600")
        self.text = note("")
        self.look_for = QPushButton(self.tr("Install…"))
        self.look_for.setProperty("role", "primary")
        self.look_for.setAccessibleName(self.tr("Install the missing expert from a file"))
        self.look_in_market = QPushButton(self.tr("Search the marketplace"))
        self.look_in_market.setAccessibleName(self.look_in_market.text())
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.look_for)
        row.addWidget(self.look_in_market)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addWidget(self._name)
        column.addWidget(self.text)
        column.addLayout(row)
        self.look_for.clicked.connect(self.install_wanted)
        self.look_in_market.clicked.connect(self._on_market)

    def show_missing(self, name: str, needed_by: Sequence[str]) -> None:
        self._name.setText(name)
        self.text.setText(
            self.tr("Not installed. {names} cannot join a stack without it.").format(
                names=", ".join(needed_by)
            )
        )

    @Slot()
    def _on_market(self) -> None:
        self.market_wanted.emit(self._name.text())
