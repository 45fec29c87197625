"""One stack of a comparison: which it is to be, what it says, how well. Knows no engine.

The name above an answer is always that of the stack it was asked with, never of what is
chosen meanwhile; blind, it is a letter until somebody has voted.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from expert_studio.core.inference.conversation import Answer, Question
from expert_studio.views.widgets.answer_body import AnswerBody
from expert_studio.views.widgets.icon_button import IconButton
from expert_studio.views.widgets.plain_words import PlainLabel
from expert_studio.views.widgets.stack_chips import StackChips

LEAST_WIDTH = 185


class CompareColumn(QFrame):
    """Signals:
    moved(CompareColumn): it shall stand one place further right.
    dropped(CompareColumn): it is needed no longer.
    preferred(CompareColumn): the person likes this answer best.
    link_followed(str): a link in the answer was clicked.
    """

    moved = Signal(object)
    dropped = Signal(object)
    preferred = Signal(object)
    link_followed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self.setMinimumWidth(LEAST_WIDTH)
        self._question: Question | None = None
        self._answer: Answer | None = None
        self._letter = ""  # while it is blind
        self._choice = QComboBox()
        self._right = IconButton("right", self.tr("Move this column to the right"), side=12)
        self._drop = IconButton("close", self.tr("Take this column away"), side=12)
        self._head = PlainLabel()
        self._chips: StackChips | None = None
        self._body = AnswerBody()
        self._facts = PlainLabel()
        self._best = QPushButton(self.tr("This one is best"))
        self._column = QVBoxLayout(self)
        self._build()

    def _build(self) -> None:
        self._choice.setAccessibleName(self.tr("Stack of this column"))
        self._choice.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self._choice.setMinimumContentsLength(8)
        top = QHBoxLayout()
        top.setSpacing(2)
        top.addWidget(self._choice, 1)
        top.addWidget(self._head, 1)
        top.addWidget(self._right)
        top.addWidget(self._drop)
        self._head.setProperty("role", "title")
        self._head.hide()
        column = self._column
        column.setContentsMargins(10, 9, 6, 9)
        column.setSpacing(8)
        column.addLayout(top)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        content = QWidget()
        content.setProperty("role", "scroll")
        inside = QVBoxLayout(content)
        inside.setContentsMargins(0, 0, 4, 0)
        inside.addWidget(self._body)
        inside.addStretch(1)
        area.setWidget(content)
        column.addWidget(area, 1)
        self._facts.setProperty("role", "facts")
        self._facts.setWordWrap(True)
        self._facts.setTextFormat(Qt.TextFormat.PlainText)
        self._facts.hide()
        column.addWidget(self._facts)
        self._best.setProperty("role", "small")
        self._best.setAccessibleName(self._best.text())
        self._best.setToolTip(self.tr("Keep a preference pair: this answer before each other"))
        self._best.hide()
        column.addWidget(self._best)
        self._choice.currentTextChanged.connect(self._choice.setToolTip)
        self._right.clicked.connect(self._on_right)
        self._drop.clicked.connect(self._on_drop)
        self._best.clicked.connect(self._on_best)
        self._body.link_followed.connect(self.link_followed)

    @property
    def choice(self) -> str:
        """The name of the stack it is to be asked with next."""
        return self._choice.currentText()

    @property
    def question(self) -> Question | None:
        """What it was asked last."""
        return self._question

    @property
    def answer(self) -> Answer | None:
        return self._answer

    @property
    def text(self) -> str:
        return self._body.text

    @property
    def name_shown(self) -> str:
        """What stands above the answer: the stack in words, or a letter."""
        if self._letter:
            return self._letter
        return "" if self._chips is None else self._chips.accessibleName()

    @property
    def facts(self) -> str:
        return "" if self._facts.isHidden() else self._facts.text()

    def set_choices(self, names: Sequence[str]) -> None:
        """The stacks there are; the one that was chosen stays so while it is among them."""
        if list(names) == [self._choice.itemText(at) for at in range(self._choice.count())]:
            return  # asked at every move of a slider
        chosen = self.choice
        with QSignalBlocker(self._choice):
            self._choice.clear()
            self._choice.addItems(list(names))
        if chosen in names:
            self.choose(chosen)

    def choose(self, name: str) -> None:
        """As by hand."""
        self._choice.setCurrentText(name)

    def press_best(self) -> None:
        """As by hand."""
        self._best.click()

    def press_right(self) -> None:
        """As by hand."""
        self._right.click()

    def set_running(self, running: bool, removable: bool) -> None:
        self._choice.setEnabled(not running)
        self._drop.setVisible(removable and not running)

    def begin(self, question: Question, letter: str) -> None:
        """It is asked; `letter` stands for the stack's name where nobody shall know it."""
        self._question, self._answer, self._letter = question, None, letter
        self._best.hide()
        self._facts.hide()
        self._show_name()
        self._body.begin()

    def append(self, text: str) -> None:
        """Adds streamed text."""
        self._body.append(text)

    def finish(self, answer: Answer) -> None:
        self._answer = answer
        self._body.show_whole(answer.text)
        told = {"cancelled": self.tr("stopped"), "length": self.tr("cut off")}
        timing = answer.timing
        parts = [
            answer.stack.short_hash,
            self.tr("seed {0}").format(answer.sampling.seed),
            self.tr("{0} tok").format(timing.tokens),
            self.tr("{0:.0f} tok/s").format(timing.decode_tok_s),
            *([told[answer.finish_reason]] if answer.finish_reason in told else []),
        ]
        self._facts.setText(" · ".join(parts))
        self._facts.setVisible(not self._letter)

    def fail(self) -> None:
        self._body.show_whole(self.tr("This was not answered."))

    def offer_vote(self, offered: bool) -> None:
        self._best.setVisible(offered)

    def reveal(self, preferred: bool) -> None:
        """Somebody has voted: every name may be known."""
        self._letter = ""
        self._best.hide()
        self._show_name()
        self._facts.setVisible(self._answer is not None)
        if preferred:
            self._facts.setText(f"{self.tr('preferred')} · {self._facts.text()}")

    def _show_name(self) -> None:
        self._choice.setVisible(not self._letter)
        self._head.setVisible(bool(self._letter))
        self._head.setText(self._letter)
        if self._chips is not None:
            self._column.removeWidget(self._chips)
            self._chips.hide()
            self._chips.deleteLater()
            self._chips = None
        if not self._letter and self._question is not None:
            self._chips = StackChips(self._question.stack)
            self._column.insertWidget(1, self._chips)

    @Slot()
    def _on_right(self) -> None:
        self.moved.emit(self)

    @Slot()
    def _on_drop(self) -> None:
        self.dropped.emit(self)

    @Slot()
    def _on_best(self) -> None:
        self.preferred.emit(self)
