"""Two small questions about an answer: what it should have been, and where that is kept."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import (
    QPlainTextEdit,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from expert_studio.views.widgets.dataset_question import DatasetQuestion
from expert_studio.views.widgets.plain_words import PlainLabel
from expert_studio.views.widgets.setting_card import note

EDITOR_LINES = 12


class CorrectionDialog(DatasetQuestion):
    """Signals:
    written(str, bool, str): the answer as it should have been, whether the row is a pair that
        prefers it to the given one, and the dataset.
    """

    written = Signal(str, bool, str)

    def __init__(self, given: str, names: Sequence[str], chosen: str, parent: QWidget) -> None:
        super().__init__(names, chosen, parent)
        self.name(self.tr("Correct the answer"), self.tr("Keep"))
        self.setMinimumWidth(560)
        self._given = given
        label = PlainLabel(self.tr("What the answer should have been"))
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
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(8)
        column.addWidget(label)
        column.addWidget(self._editor, 1)
        column.addSpacing(4)
        column.addWidget(self._answer)
        column.addWidget(self._pair)
        column.addSpacing(4)
        column.addWidget(PlainLabel(self.tr("Kept in the dataset")))
        column.addWidget(self._choice)
        column.addSpacing(6)
        column.addWidget(self._buttons)
        self._editor.textChanged.connect(self._on_edited)
        self.chosen.connect(self._on_chosen)
        self._on_edited()

    def write(self, text: str, pair: bool = False, dataset: str = "") -> None:
        """As by hand, without pressing the button."""
        self._editor.setPlainText(text)
        (self._pair if pair else self._answer).setChecked(True)
        if dataset:
            self._choice.choose(dataset)

    @Slot()
    def _on_edited(self) -> None:
        edited = self._editor.toPlainText().strip()
        self.keep.setEnabled(bool(edited) and edited != self._given.strip())

    @Slot(str)
    def _on_chosen(self, dataset: str) -> None:
        self.written.emit(self._editor.toPlainText(), self._pair.isChecked(), dataset)


class DatasetDialog(DatasetQuestion):
    """What is chosen is where what is said of answers goes from now on."""

    def __init__(self, names: Sequence[str], chosen: str, parent: QWidget) -> None:
        super().__init__(names, chosen, parent)
        self.name(self.tr("Where good and bad answers are kept"), self.tr("Keep them here"))
        self.setMinimumWidth(400)
        told = note(
            self.tr(
                "Each becomes a row with its conversation and stack beside it. A bad answer "
                "waits there, rejected, until it is corrected. Nothing leaves this machine."
            )
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(10)
        column.addWidget(told)
        column.addWidget(self._choice)
        column.addSpacing(6)
        column.addWidget(self._buttons)

    def choose(self, name: str) -> None:
        """As by hand, with the button."""
        self._choice.choose(name)
        self.keep.click()
