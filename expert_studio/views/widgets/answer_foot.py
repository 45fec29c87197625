"""What stands under an answer: once more, copy, what the person says of it, its facts."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from expert_studio.views.widgets.elided_label import ElidedLabel


class AnswerFoot(QWidget):
    """Signals:
    regenerate_wanted(), copy_wanted(): the person wants this.
    judged(str): "good", "bad" or "correct"; "dataset" to choose where such words are kept.
    """

    regenerate_wanted = Signal()
    copy_wanted = Signal()
    judged = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._regenerate = QPushButton(self.tr("Regenerate"))
        self._copy = QPushButton(self.tr("Copy"))
        self._verdicts = {
            "good": QPushButton(self.tr("Good")),
            "bad": QPushButton(self.tr("Bad")),
            "correct": QPushButton(self.tr("Correct…")),
        }
        self._facts = ElidedLabel()
        self._build()

    def _build(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        kept = self.tr("; the menu key or a right click chooses the dataset")
        names = {
            self._regenerate: self.tr("Answer this once more with the stack as it is now"),
            self._copy: self.tr("Copy the whole answer"),
            self._verdicts["good"]: self.tr("A good answer: keep it as a row to learn") + kept,
            self._verdicts["bad"]: self.tr("A bad answer: keep it as a row to be corrected") + kept,
            self._verdicts["correct"]: self.tr("Write what the answer should have been"),
        }
        for button, name in names.items():
            button.setProperty("role", "foot")
            button.setAccessibleName(name)
            button.setToolTip(name)
            row.addWidget(button)
        row.addSpacing(8)
        row.addStretch(1)
        self._facts.setProperty("role", "facts")
        self._facts.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self._facts)
        self._regenerate.clicked.connect(self.regenerate_wanted)
        self._regenerate.hide()
        self._copy.clicked.connect(self.copy_wanted)
        self._verdicts["good"].clicked.connect(self._on_good)
        self._verdicts["bad"].clicked.connect(self._on_bad)
        self._verdicts["correct"].clicked.connect(self._on_correct)
        for button in self._verdicts.values():
            button.setCheckable(True)
            choose = QAction(self.tr("Choose the dataset…"), button)
            choose.triggered.connect(self._on_dataset)
            button.addAction(choose)
            button.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)

    @property
    def facts(self) -> str:
        return self._facts.whole_text

    def set_facts(self, facts: str) -> None:
        self._facts.set_text(facts)

    def set_last(self, last: bool) -> None:
        """Only the last answer can be asked for once more."""
        self._regenerate.setVisible(last)

    def set_said(self, said: bool) -> None:
        """Of an answer that says nothing there is nothing to learn."""
        for button in self._verdicts.values():
            button.setVisible(said)

    def mark(self, verdict: str) -> None:
        """What the person said of it; "" where that was taken back."""
        for name, button in self._verdicts.items():
            button.setChecked(name == verdict)

    def press(self, verdict: str) -> None:
        """As by hand."""
        self._verdicts[verdict].click()

    def _judge(self, verdict: str) -> None:
        button = self._verdicts[verdict]
        button.setChecked(not button.isChecked())  # marked once it is kept
        self.judged.emit(verdict)

    @Slot()
    def _on_good(self) -> None:
        self._judge("good")

    @Slot()
    def _on_bad(self) -> None:
        self._judge("bad")

    @Slot()
    def _on_correct(self) -> None:
        self._judge("correct")

    @Slot()
    def _on_dataset(self) -> None:
        self.judged.emit("dataset")
