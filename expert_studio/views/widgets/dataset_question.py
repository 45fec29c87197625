"""A small question whose answer is kept in a dataset: its buttons, and which dataset that is.

Which answer that is, each question says itself. Knows no dataset.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QPushButton, QWidget

from expert_studio.views.widgets.dataset_choice import DatasetChoice


class DatasetQuestion(QDialog):
    """Signals:
    chosen(str): the answer shall be kept in this dataset.
    """

    chosen = Signal(str)

    def __init__(self, names: Sequence[str], chosen: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._choice = DatasetChoice(names, chosen)
        self._buttons = _buttons()
        self._buttons.accepted.connect(self._on_accepted)
        self._buttons.rejected.connect(self.reject)

    def name(self, title: str, accept: str) -> None:
        """What the window is called, and its button that keeps the answer."""
        self.setWindowTitle(title)
        self.keep.setText(accept)
        self.keep.setAccessibleName(accept)

    @property
    def keep(self) -> QPushButton:
        """The button that keeps it."""
        return self._buttons.button(QDialogButtonBox.StandardButton.Ok)

    @Slot()
    def _on_accepted(self) -> None:
        dataset = self._choice.chosen()
        if dataset:
            self.chosen.emit(dataset)
            self.accept()


def _buttons() -> QDialogButtonBox:
    """Cancel, and a primary button that is to be named; neither has an icon."""
    box = QDialogButtonBox(
        QDialogButtonBox.StandardButton.Cancel | QDialogButtonBox.StandardButton.Ok
    )
    for button in box.buttons():
        button.setIcon(QIcon())
        button.setAccessibleName(button.text())
    box.button(QDialogButtonBox.StandardButton.Ok).setProperty("role", "primary")
    return box
