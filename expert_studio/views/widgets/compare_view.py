"""One prompt, two to four stacks side by side, openly or blind. Knows no engine.

What arrives for a column goes to the column that was asked, wherever it stands by then.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from expert_studio.core.inference.conversation import Answer, Question
from expert_studio.core.inference.turns import Composition
from expert_studio.views.widgets.compare_column import CompareColumn
from expert_studio.views.widgets.plain_words import PlainLabel

FEWEST, MOST = 2, 4
LETTERS = "ABCD"


class CompareView(QWidget):
    """Signals:
    preferred(Answer, tuple[Answer, ...]): the one that was liked best, and the others.
    link_followed(str): a link in an answer was clicked.
    """

    preferred = Signal(object, object)
    link_followed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._columns: list[CompareColumn] = []
        self._asked: tuple[CompareColumn, ...] = ()  # in the order of the questions
        self._choices: dict[str, Composition | None] = {}
        self._running = False
        self._row = QHBoxLayout()
        self._blind = QCheckBox(self.tr("Blind"))
        self._add = QPushButton(self.tr("+ Column"))
        self._told = PlainLabel()
        self._build()
        for _ in range(FEWEST):
            self._on_add()

    def _build(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(10)
        self._told.setProperty("role", "secondary")
        self._told.setWordWrap(True)
        self._told.setText(self.tr("One prompt, put to each of these stacks at the same time."))
        self._blind.setAccessibleName(self.tr("Blind: names are hidden until you have voted"))
        self._blind.setToolTip(self._blind.accessibleName())
        self._add.setProperty("role", "small")
        self._add.setAccessibleName(self.tr("Add a column"))
        self._add.clicked.connect(self._on_add)
        head.addWidget(self._told, 1)
        head.addWidget(self._blind)
        head.addWidget(self._add)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(10)
        content = QWidget()
        content.setProperty("role", "scroll")
        content.setLayout(self._row)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(content)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 14, 12, 12)
        column.setSpacing(10)
        column.addLayout(head)
        column.addWidget(area, 1)

    @property
    def columns(self) -> tuple[CompareColumn, ...]:
        """From left to right."""
        return tuple(self._columns)

    @property
    def blind(self) -> QCheckBox:
        """Whether names are hidden in the next comparison."""
        return self._blind

    @property
    def told(self) -> str:
        return self._told.text()

    def set_choices(self, choices: Mapping[str, Composition | None]) -> None:
        """The stacks there are, by name; None for the base alone."""
        self._choices = dict(choices)
        names = list(self._choices)
        for place, column in enumerate(self._columns):
            fresh = not column.choice
            column.set_choices(names)
            if fresh and names:
                column.choose(names[min(place, len(names) - 1)])

    def wanted(self) -> tuple[Composition | None, ...]:
        """What each column is to be asked with, from left to right; blind, in any order."""
        if self._blind.isChecked():
            names = [column.choice for column in self._columns]
            random.shuffle(names)
            for column, name in zip(self._columns, names, strict=True):
                column.choose(name)
        return tuple(self._choices.get(column.choice) for column in self._columns)

    def add_column(self, name: str = "") -> None:
        """As by hand, with that stack."""
        self._on_add()
        if name:
            self._columns[-1].choose(name)

    @Slot(object)
    def begin(self, questions: Sequence[Question]) -> None:
        """Each column is asked its question."""
        self._asked = tuple(self._columns)
        self._set_running(True)
        self._told.setText(questions[0].messages[-1].content[:200])
        blind = self._blind.isChecked()
        for place, (column, question) in enumerate(zip(self._asked, questions, strict=True)):
            column.begin(question, LETTERS[place] if blind else "")

    @Slot(int, str)
    def append(self, place: int, text: str) -> None:
        """Adds streamed text to the column that was asked in that place."""
        self._asked[place].append(text)

    @Slot(object)
    def finish(self, answers: Sequence[Answer]) -> None:
        """() where nothing was answered."""
        for place, column in enumerate(self._asked):
            if place < len(answers):
                column.finish(answers[place])
            else:
                column.fail()
        self._set_running(False)
        said = len({answer.text.strip() for answer in answers}) > 1
        for column in self._asked:
            column.offer_vote(said and column.answer is not None and bool(column.text.strip()))
        if answers and not said:  # there is nothing to prefer, and so nothing to hide
            for column in self._asked:
                column.reveal(preferred=False)

    def _set_running(self, running: bool) -> None:
        self._running = running
        self._show_state()

    def _show_state(self) -> None:
        self._blind.setEnabled(not self._running)
        self._add.setEnabled(not self._running and len(self._columns) < MOST)
        for column in self._columns:
            column.set_running(self._running, len(self._columns) > FEWEST)

    @Slot()
    def _on_add(self) -> None:
        if len(self._columns) >= MOST or self._running:
            return
        column = CompareColumn()
        column.moved.connect(self._on_moved)
        column.dropped.connect(self._on_dropped)
        column.preferred.connect(self._on_preferred)
        column.link_followed.connect(self.link_followed)
        self._columns.append(column)
        self._row.addWidget(column, 1)
        self.set_choices(self._choices)
        self._show_state()

    @Slot(object)
    def _on_moved(self, column: CompareColumn) -> None:
        """One place to the right; from the last place to the first."""
        place = self._columns.index(column)
        self._columns.remove(column)
        self._columns.insert((place + 1) % (len(self._columns) + 1), column)
        for at, each in enumerate(self._columns):
            self._row.removeWidget(each)
            self._row.insertWidget(at, each, 1)

    @Slot(object)
    def _on_dropped(self, column: CompareColumn) -> None:
        if self._running or len(self._columns) <= FEWEST:
            return
        self._columns.remove(column)
        self._asked = tuple(each for each in self._asked if each is not column)
        self._row.removeWidget(column)
        column.hide()
        column.deleteLater()
        self._show_state()

    @Slot(object)
    def _on_preferred(self, column: CompareColumn) -> None:
        best = column.answer
        others = [each.answer for each in self._asked if each is not column]
        for each in self._asked:
            each.reveal(preferred=each is column)
        if best is not None:
            worse = tuple(
                a for a in others if a is not None and a.text.strip() != best.text.strip()
            )
            self.preferred.emit(best, worse)
