"""One column of the first task: which experts, what they answered, how fast."""

from __future__ import annotations

import html
from collections.abc import Mapping

from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from expert_studio.core.inference.conversation import Answer
from expert_studio.core.inference.stack import Stack
from expert_studio.views import theme
from expert_studio.views.widgets.elided_label import ElidedLabel
from expert_studio.views.widgets.json_block import json_block
from expert_studio.views.widgets.markdown import coloured, plain
from expert_studio.views.widgets.plain_words import PlainLabel
from expert_studio.views.widgets.rich_text import RichText
from expert_studio.views.widgets.tier_dot import TierDot

LEAST_HEIGHT = 150


class FirstRunAnswer(QFrame):
    def __init__(
        self, experts: tuple[str, ...], tiers: Mapping[str, str], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self.setMinimumHeight(LEAST_HEIGHT)
        self.experts = experts  # all that are at work, in load order
        self._text = ""
        self._finished = False
        self._stopped = False
        self._shown = theme.tokens_of(self)
        self._body = RichText()
        self._facts = ElidedLabel()
        self._build(experts, tiers)

    def _build(self, experts: tuple[str, ...], tiers: Mapping[str, str]) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(13, 11, 13, 10)
        column.setSpacing(6)
        counts = (self.tr("No expert"), self.tr("One expert"), self.tr("Two experts"))
        many = self.tr("{0} experts").format(len(experts))
        title = PlainLabel(counts[len(experts)] if len(experts) < len(counts) else many)
        title.setProperty("role", "heading")
        column.addWidget(title)
        for name in experts or ("",):
            row = QHBoxLayout()
            row.setSpacing(7)
            row.addWidget(TierDot(tiers.get(name, "base")))
            label = ElidedLabel(name or self.tr("the base alone"))
            label.setProperty("role", "small")
            row.addWidget(label, 1)
            column.addLayout(row)
        self._body.setAccessibleName(self.tr("Answer of {0}").format(", ".join(experts) or "base"))
        column.addWidget(self._body)
        column.addStretch(1)
        self._facts.setProperty("role", "facts")
        column.addWidget(self._facts, 0, Qt.AlignmentFlag.AlignBottom)
        self._facts.hide()

    @property
    def text(self) -> str:
        return self._text

    def begin(self, stack: Stack) -> None:
        self._text = ""
        self._finished = False
        self._facts.hide()
        self._body.show_html(_small("…"))

    def append(self, text: str) -> None:
        self._text += text
        self._body.show_html(_small(plain(self._text)))

    def finish(self, answer: Answer) -> None:
        self._text = answer.text
        self._finished = True
        self._stopped = answer.finish_reason == "cancelled"
        self._show_whole()
        self._facts.set_text(
            self.tr("{0} tok · {1:.0f} tok/s").format(
                answer.timing.tokens, answer.timing.decode_tok_s
            )
        )
        if self._stopped:
            self._facts.set_text(self.tr("{0} tok · stopped").format(answer.timing.tokens))
        self._facts.setToolTip(answer.stack.hash)
        self._facts.show()

    def fail(self) -> None:
        self._body.show_html(_small(self.tr("This one could not be answered.")))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if self._finished and theme.was_recoloured(event, self._shown):
            self._show_whole()

    def _show_whole(self) -> None:
        self._shown = theme.tokens_of(self)
        self._body.show_html(self._formatted(plain(self._text)))

    def _formatted(self, text: str) -> str:
        if not text.strip():
            return _small(self.tr("Stopped.") if self._stopped else self.tr("(nothing)"))
        block = json_block(text)
        if block is None:
            return _small(text)
        marked = coloured(block, self._shown)
        return f'<pre style="margin: 0; white-space: pre-wrap; line-height: 125%">{marked}</pre>'


def _small(text: str) -> str:
    size = theme.scaled(12)
    style = f"margin: 0; font-size: {size}px; line-height: 125%; white-space: pre-wrap"
    return f'<p style="{style}">{html.escape(text)}</p>'
