"""Answers of the base and of a package that is not installed, side by side, with what is odd.

Shows what a `CanaryRun` tells; knows nothing of models or of quarantine.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from expert_studio.core.experts.canary import CanaryFinding, CanaryPrompt
from expert_studio.views.widgets.plain_words import PlainLabel
from expert_studio.views.widgets.scrolling import scrolling
from expert_studio.views.widgets.setting_card import note

_LONG_RUN = re.compile(r"(\S{20})")  # a word so long may be broken anywhere


class CanaryDialog(QDialog):
    """Signals:
    stop_wanted(): nothing more should be asked.
    """

    stop_wanted = Signal()

    def __init__(self, name: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("Try {name}, without installing it").format(name=name))
        self.setMinimumSize(760, 560)
        self._name = name
        self._cards: dict[str, _PromptCard] = {}
        self._warnings = 0
        self._judged = 0
        self._build()

    @property
    def summary(self) -> str:
        return self._summary.text()

    def answer(self, identifier: str, with_expert: bool) -> str:
        """What was said to a prompt so far.

        Raises:
            KeyError: it is not asked.
        """
        return self._cards[identifier].answers[with_expert].said

    @Slot(object)
    def show_prompts(self, prompts: Sequence[CanaryPrompt]) -> None:
        """These will be asked."""
        for prompt in prompts:
            card = _PromptCard(prompt, self._name)
            self._cards[prompt.identifier] = card
            self._column.insertWidget(self._column.count() - 1, card)
        self._say()
        self.stop.setEnabled(True)

    @Slot(str, bool, str)
    def add_text(self, identifier: str, with_expert: bool, text: str) -> None:
        """One of the two goes on."""
        self._cards[identifier].answers[with_expert].add(text)

    @Slot(str, object)
    def show_findings(self, identifier: str, found: Sequence[CanaryFinding]) -> None:
        """Both have answered."""
        self._judged += 1
        self._warnings += sum(one.level == "warning" for one in found)
        self._cards[identifier].show_findings(found)
        self._say()

    @Slot()
    def show_end(self) -> None:
        """Nothing more is asked."""
        self.stop.setEnabled(False)
        self._say()

    @Slot(object)
    def show_problem(self, error: Exception) -> None:
        """It cannot be tried, or not on."""
        self.stop.setEnabled(False)
        self._summary.setText(str(error))

    def _build(self) -> None:
        title = PlainLabel(self.windowTitle())
        title.setProperty("role", "title")
        told = note(
            self.tr(
                "It lies in a place of its own and is removed when this window is closed. A sign "
                "below is something to look at, no verdict."
            )
        )
        self._summary = note(self.tr("It is being unpacked and checked…"))
        inside = QWidget()
        inside.setProperty("role", "scroll")
        self._column = QVBoxLayout(inside)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(10)
        self._column.addStretch(1)
        self.stop = QPushButton(self.tr("Stop"))
        self.stop.setAccessibleName(self.tr("Ask nothing more"))
        self.stop.setEnabled(False)
        close = QPushButton(self.tr("Close"))
        close.setAccessibleName(close.text())
        foot = QHBoxLayout()
        foot.setSpacing(8)
        foot.addStretch(1)
        foot.addWidget(self.stop)
        foot.addWidget(close)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(20, 18, 20, 16)
        outer.setSpacing(10)
        for widget in (title, told, self._summary):
            outer.addWidget(widget)
        outer.addWidget(scrolling(inside), 1)
        outer.addLayout(foot)
        self.stop.clicked.connect(self.stop_wanted)
        close.clicked.connect(self.accept)

    def _say(self) -> None:
        self._summary.setText(
            self.tr("{n} of {m} prompts answered by both · {w} warnings").format(
                n=self._judged, m=len(self._cards), w=self._warnings
            )
        )


class _PromptCard(QFrame):
    """One prompt with both answers under it."""

    def __init__(self, prompt: CanaryPrompt, name: str) -> None:
        super().__init__()
        self.setProperty("role", "card")
        title = PlainLabel(prompt.title)
        title.setProperty("role", "heading")
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(14, 12, 14, 12)
        self._column.setSpacing(6)
        self._column.addWidget(title)
        self._column.addWidget(note(prompt.prompt))
        columns = QHBoxLayout()
        columns.setSpacing(12)
        self.answers = {False: _AnswerText(), True: _AnswerText()}
        heads = {False: self.tr("Base alone"), True: self.tr("With {name}").format(name=name)}
        for with_expert, label in self.answers.items():
            label.setAccessibleName(f"{prompt.title}: {heads[with_expert]}")
            head = PlainLabel(heads[with_expert])
            head.setProperty("role", "small")
            side = QFrame()
            side.setProperty("role", "inset")
            held = QVBoxLayout(side)
            held.setContentsMargins(10, 8, 10, 8)
            held.setSpacing(4)
            held.addWidget(head)
            held.addWidget(label)
            held.addStretch(1)
            columns.addWidget(side, 1)
        self._column.addLayout(columns)

    def show_findings(self, found: Sequence[CanaryFinding]) -> None:
        for one in found:
            told = note(one.sentence)
            told.setProperty("role", "bad" if one.level == "warning" else "warn")
            self._column.addWidget(told)
        if not found:
            fine = note(self.tr("Nothing odd was found."))
            fine.setProperty("role", "good")
            self._column.addWidget(fine)


class _AnswerText(QLabel):
    """What was said so far; a run without spaces is broken where the column ends."""

    def __init__(self) -> None:
        super().__init__()
        self.said = ""
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setStyleSheet("font-size: 12px")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def add(self, text: str) -> None:
        self.said += text
        self.setText(_LONG_RUN.sub("\\1\u200b", self.said))
