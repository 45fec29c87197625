"""A row as the model meets it: the chat template filled in, the learned part shaded.

Knows the tokenizer of the chosen base through a folder; reading it takes a moment and is
done by whoever calls `render`, beside the window.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PySide6.QtCore import QEvent
from PySide6.QtGui import QColor, QResizeEvent, QTextCharFormat, QTextCursor, QTextOption
from PySide6.QtWidgets import QPlainTextEdit, QVBoxLayout, QWidget

from expert_studio.core.datasets.preference import PreferencePair
from expert_studio.core.datasets.row_body import Item
from expert_studio.core.datasets.row_document import ClassifiedDocument
from expert_studio.core.inference.conversation import Message
from expert_studio.core.inference.tokenizer import ChatTokenizer
from expert_studio.views.theme import mono_font, tokens_of, was_recoloured
from expert_studio.views.widgets.plain_words import PlainLabel

_LONGEST = 12_000  # characters shown
_PADDING_PX = 16  # the style's, above and below
_CONTROL = re.compile(r"<\|[^|<>]{1,40}\|>")


@dataclass(frozen=True, slots=True)
class Rendered:
    """What is fed before the answer, and the answers with the token that ends them.

    Attributes:
        tokens: prompt and first answer together.
    """

    prompt: str
    answers: tuple[str, ...]
    end: str
    tokens: int


def render(base_folder: Path, item: Item) -> Rendered:
    """Fills in the base's template.

    Raises:
        LoadError, InferenceError: the base has no tokenizer or template that can be used.
    """
    tokenizer = _tokenizer(base_folder)
    if isinstance(item, PreferencePair):
        turns, answers = item.prompt, (item.chosen, item.rejected)
    else:
        example = item.example if isinstance(item, ClassifiedDocument) else item
        turns, answers = example.prompt, (example.answer,)
    messages = [Message(turn.role, turn.content) for turn in turns]
    tokens = len(tokenizer.prompt_ids(messages)) + len(tokenizer.encode(answers[0])) + 1
    return Rendered(tokenizer.prompt_text(messages), answers, tokenizer.end_text, tokens)


@lru_cache(maxsize=2)
def _tokenizer(base_folder: Path) -> ChatTokenizer:
    return ChatTokenizer(base_folder)


class RenderedRow(QWidget):
    """Only the shaded part is learned; of a pair, the answer to prefer is green."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rendered: Rendered | None = None
        self._lines: tuple[int, int] | None = None
        self._shown = tokens_of(self)
        self._text = QPlainTextEdit()
        self._text.setProperty("role", "mono")
        self._text.setReadOnly(True)
        self._text.setFont(mono_font(11))
        self._text.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self._text.setAccessibleName(self.tr("The row as the model sees it"))
        self._text.setMinimumHeight(120)
        self._note = PlainLabel()
        self._note.setProperty("role", "small")
        self._note.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self._text, 1)
        column.addWidget(self._note)

    def fit(self, fewest: int, most: int) -> None:
        """Takes as many lines as the row has, between these; without this, what it is given."""
        self._lines = (fewest, most)
        self._text.setMinimumHeight(0)
        self._take_height()

    @property
    def text(self) -> str:
        return self._text.toPlainText()

    def show_rendered(self, rendered: Rendered) -> None:
        self._rendered = rendered
        self._fill()

    def show_problem(self, sentence: str) -> None:
        self._rendered = None
        self._text.clear()
        self._note.setText(sentence)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._take_height()

    def _take_height(self) -> None:
        if self._lines is None:
            return
        document = self._text.document()
        lines = min(max(self._lines[0], round(document.size().height())), self._lines[1])
        around = 2 * round(document.documentMargin() + self._text.frameWidth()) + _PADDING_PX
        self._text.setFixedHeight(lines * self._text.fontMetrics().lineSpacing() + around)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if was_recoloured(event, self._shown):
            self._fill()

    def _fill(self) -> None:
        self._shown = tokens = tokens_of(self)
        rendered = self._rendered
        if rendered is None:
            return
        self._text.clear()
        cursor = self._text.textCursor()
        faint, plain = _format(tokens.faint), _format(tokens.text)
        start = 0
        prompt = _shortened(rendered.prompt)
        for control in _CONTROL.finditer(prompt):
            cursor.insertText(prompt[start : control.start()], plain)
            cursor.insertText(control[0], faint)
            start = control.end()
        cursor.insertText(prompt[start:], plain)
        grounds = (tokens.good, tokens.bad)
        for number, answer in enumerate(rendered.answers):
            learned = _format(tokens.text)
            ground = QColor(grounds[number])
            ground.setAlphaF(0.24 if tokens.dark else 0.18)
            learned.setBackground(ground)
            if number:
                cursor.insertText("\n\n" + self.tr("rather than") + "\n", faint)
            cursor.insertText(_shortened(answer), learned)
            cursor.insertText(rendered.end, faint)
        self._text.moveCursor(QTextCursor.MoveOperation.Start)
        self._take_height()
        told = self.tr("{n} tokens.").format(n=rendered.tokens)
        if len(rendered.answers) > 1:
            self._note.setText(
                f"{told} " + self.tr("The green answer is to be preferred to the red one.")
            )
        else:
            self._note.setText(f"{told} " + self.tr("Only the shaded part is learned."))


def _format(colour: str) -> QTextCharFormat:
    made = QTextCharFormat()
    made.setForeground(QColor(colour))
    return made


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST] + " …"
