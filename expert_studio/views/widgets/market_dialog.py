"""Where a marketplace lies and what it shall be called. Knows no network."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from expert_studio.views.widgets.plain_words import PlainLabel
from expert_studio.views.widgets.setting_card import note


class MarketDialog(QDialog):
    """Signals:
    named(str, str): the name, and the address of the repository.
    """

    named = Signal(str, str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Add a marketplace"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(460)
        self.name = QLineEdit()
        self.name.setPlaceholderText(self.tr("main"))
        self.source = QLineEdit()
        self.source.setPlaceholderText("git+https://…")
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(8)
        fields = ((self.tr("Address"), self.source), (self.tr("Name"), self.name))
        for text, field in fields:
            label = PlainLabel(text)
            label.setBuddy(field)
            field.setAccessibleName(text)
            field.textChanged.connect(self._on_typed)
            column.addWidget(label)
            column.addWidget(field)
        column.addWidget(
            note(
                self.tr(
                    "Its list of experts is fetched now and kept here. Nothing is installed, and "
                    "nothing is fetched again until you ask for it."
                )
            )
        )
        box = QDialogButtonBox.StandardButton
        self._buttons = QDialogButtonBox(box.Cancel | box.Ok)
        self.add = self._buttons.button(box.Ok)
        self.add.setText(self.tr("Fetch its list"))
        self.add.setProperty("role", "primary")
        for button in self._buttons.buttons():
            button.setIcon(type(button.icon())())
            button.setAccessibleName(button.text())
        column.addSpacing(6)
        column.addWidget(self._buttons)
        self._buttons.accepted.connect(self._on_accepted)
        self._buttons.rejected.connect(self.reject)
        self._on_typed()

    @Slot()
    def _on_typed(self) -> None:
        self.add.setEnabled(bool(self.name.text().strip() and self.source.text().strip()))

    @Slot()
    def _on_accepted(self) -> None:
        source = self.source.text().strip()
        source = source if source.startswith("git+") else f"git+{source}"
        self.named.emit(self.name.text().strip(), source)
        self.accept()
