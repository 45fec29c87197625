"""Two small questions about an answer: what it should have been, and where that is kept."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from expert_studio.views.widgets.dataset_choice import DatasetChoice
from expert_studio.views.widgets.setting_card import note

EDITOR_LINES = 12


class CorrectionDialog(QDialog):
    """Signals:
    written(str, bool, str): the answer as it should have been, whether the row is a pair that
        prefers it to the given one, and the dataset.
    """

    written = Signal(str, bool, str)

    def __init__(self, given: str, names: Sequence[str], chosen: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Correct the answer"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(560)
        self._given = given
        label = QLabel(self.tr("What the answer should have been"))
        self._editor = QPlainTextEdit(given)
        self._editor.setProperty("role", "mono")
        self._editor.setTabChangesFocus(True)
        self._editor.setAccessibleName(label.text())
        self._editor.setMinimumHeight(self._editor.fontMetrics().lineSpacing() * EDITOR_LINES)
        label.setBuddy(self._editor)
        self._answer = QRadioButton(self.tr("An answer to learn"))
        self._answer.setToolTip(self.tr("One row: the prompt and your answer, for fine-tuning"))
        self._answer.setAccessibleName(f"{self._answer.text()}: {self._answer.toolTip()}")
        self._pair = QRadioButton(self.tr("A pair that prefers it to the given answer"))
        self._pair.setToolTip(self.tr("Yours is chosen, the given one is rejected, for DPO"))
        self._pair.setAccessibleName(f"{self._pair.text()}: {self._pair.toolTip()}")
        self._answer.setChecked(True)
        self._choice = DatasetChoice(names, chosen)
        self._buttons = choice_buttons(self.tr("Keep"))
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(8)
        column.addWidget(label)
        column.addWidget(self._editor, 1)
        column.addSpacing(4)
        column.addWidget(self._answer)
        column.addWidget(self._pair)
        column.addSpacing(4)
        column.addWidget(QLabel(self.tr("Kept in the dataset")))
        column.addWidget(self._choice)
        column.addSpacing(6)
        column.addWidget(self._buttons)
        self._editor.textChanged.connect(self._on_edited)
        self._buttons.accepted.connect(self._on_accepted)
        self._buttons.rejected.connect(self.reject)
        self._on_edited()

    def write(self, text: str, pair: bool = False, dataset: str = "") -> None:
        """As by hand, without pressing the button."""
        self._editor.setPlainText(text)
        (self._pair if pair else self._answer).setChecked(True)
        if dataset:
            self._choice.choose(dataset)

    @property
    def keep(self) -> QPushButton:
        """The button that keeps it."""
        return self._buttons.button(QDialogButtonBox.StandardButton.Ok)

    @Slot()
    def _on_edited(self) -> None:
        edited = self._editor.toPlainText().strip()
        self.keep.setEnabled(bool(edited) and edited != self._given.strip())

    @Slot()
    def _on_accepted(self) -> None:
        dataset = self._choice.chosen()
        if dataset:
            self.written.emit(self._editor.toPlainText(), self._pair.isChecked(), dataset)
            self.accept()


class DatasetDialog(QDialog):
    """Signals:
    chosen(str): where what is said of answers goes from now on.
    """

    chosen = Signal(str)

    def __init__(self, names: Sequence[str], chosen: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Where good and bad answers are kept"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(400)
        self._choice = DatasetChoice(names, chosen)
        told = note(
            self.tr(
                "Each becomes a row with its conversation and stack beside it. A bad answer "
                "waits there, rejected, until it is corrected. Nothing leaves this machine."
            )
        )
        self._buttons = choice_buttons(self.tr("Keep them here"))
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(10)
        column.addWidget(told)
        column.addWidget(self._choice)
        column.addSpacing(6)
        column.addWidget(self._buttons)
        self._buttons.accepted.connect(self._on_accepted)
        self._buttons.rejected.connect(self.reject)

    def choose(self, name: str) -> None:
        """As by hand, with the button."""
        self._choice.choose(name)
        self._buttons.button(QDialogButtonBox.StandardButton.Ok).click()

    @Slot()
    def _on_accepted(self) -> None:
        dataset = self._choice.chosen()
        if dataset:
            self.chosen.emit(dataset)
            self.accept()


def choice_buttons(accept: str) -> QDialogButtonBox:
    """Cancel, and a primary button of this text."""
    box = QDialogButtonBox(
        QDialogButtonBox.StandardButton.Cancel | QDialogButtonBox.StandardButton.Ok
    )
    yes = box.button(QDialogButtonBox.StandardButton.Ok)
    yes.setText(accept)
    yes.setIcon(type(yes.icon())())
    yes.setProperty("role", "primary")
    no = box.button(QDialogButtonBox.StandardButton.Cancel)
    no.setIcon(type(no.icon())())
    for button in (yes, no):
        button.setAccessibleName(button.text())
    return box
