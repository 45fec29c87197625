"""The text of one answer, formatted as it streams. Knows no engine and no turn.

Blocks that are complete are formatted once and the growing tail stays plain; the whole is
formatted once more when the answer ends. Of a text too long to lay out the beginning is shown.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtWidgets import QVBoxLayout, QWidget

from expert_studio.core.inference.conversation import StackSpan
from expert_studio.core.inference.stack import Stack
from expert_studio.views.widgets.answer_parts import open_fence, parts
from expert_studio.views.widgets.json_block import json_block
from expert_studio.views.widgets.markdown import (
    LONGEST_SHOWN,
    Code,
    Prose,
    blocks,
    open_code,
    plain,
    split_open,
)
from expert_studio.views.widgets.plain_words import PlainLabel
from expert_studio.views.widgets.rich_text import CodeFrame, RichText, as_wide_as_parent
from expert_studio.views.widgets.stack_change import StackChange

WAITING = "…"  # until the first token is there


class AnswerBody(QWidget):
    """Signals:
    link_followed(str): a link in the text was clicked.
    """

    link_followed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        as_wide_as_parent(self)
        self._text = ""
        self._beyond: list[str] = []  # what came after as much as is shown, not yet joined to it
        self._done = 0  # characters of the text that stand in finished blocks
        self._ahead = ""  # a fence that the part before left open
        self._arrived = False  # whether there is text that is not yet shown
        self._tail: RichText | CodeFrame | None = None
        self._blocks = QVBoxLayout()
        self._left_out = PlainLabel("", self)
        self._left_out.setProperty("role", "small")
        self._left_out.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        self._blocks.setSpacing(8)
        column.addLayout(self._blocks)
        column.addWidget(self._left_out)

    @property
    def text(self) -> str:
        if self._beyond:
            self._text = "".join((self._text, *self._beyond))
            self._beyond.clear()
        return self._text

    @property
    def left_out(self) -> str:
        """What is said of a text that is too long to lay out, or ""."""
        return "" if self._left_out.isHidden() else self._left_out.text()

    @property
    def changes(self) -> tuple[StackChange, ...]:
        """The lines where another stack went on, in order."""
        items = (self._blocks.itemAt(at) for at in range(self._blocks.count()))
        widgets = (item.widget() for item in items if item is not None)
        return tuple(widget for widget in widgets if isinstance(widget, StackChange))

    def begin(self, so_far: str = "", spans: Sequence[StackSpan] = ()) -> None:
        """A text that streams, of which so much is there."""
        self._clear()
        for span in spans[1:]:
            self._text = so_far[: span.text_start]
            self.change_stack(span.stack)
        self._text = so_far
        self._show_stream()

    def append(self, text: str) -> None:
        """Adds streamed text. It is shown in a turn of its own, with all that came by then."""
        if len(self._text) > LONGEST_SHOWN:  # only how much is not shown changes
            self._beyond.append(text)
            self._show_left_out()
            return
        self._text += text
        if not self._arrived:
            self._arrived = True
            QTimer.singleShot(0, self, self._on_arrived)

    def change_stack(self, stack: Stack) -> None:
        """Another stack goes on after the text so far."""
        rest = self._ahead + self._text[self._done : LONGEST_SHOWN]
        self._arrived = False
        self._drop_tail()
        if rest.strip():
            self._add_blocks(rest)
        self._done = len(self.text)
        self._show_left_out()
        self._ahead = open_fence(self._text[:LONGEST_SHOWN])
        self._put(StackChange(stack, self))

    def show_whole(self, text: str, spans: Sequence[StackSpan] = ()) -> None:
        """A text that has come to its end; spans: where several stacks said it."""
        self._clear()
        self._text = text
        shown = text[: LONGEST_SHOWN + 1]
        whole = json_block(plain(shown))
        cut = parts(shown, [span for span in spans if span.text_start < len(shown)])
        if not cut and whole is not None:
            self._put(CodeFrame(whole, self))
        elif not cut:
            self._add_blocks(shown)
        for place, part in enumerate(cut):
            if place:
                self._put(StackChange(part.stack, self))
            if whole is not None:
                self._put(CodeFrame(Code("json", plain(part.text)), self))
            elif part.text.strip():
                self._add_blocks(part.text)
        self._show_left_out()

    @Slot()
    def _on_arrived(self) -> None:
        if self._arrived:  # else the answer has ended, or another stack went on, meanwhile
            self._arrived = False
            self._show_stream()

    def _clear(self) -> None:
        self._arrived = False
        self._drop_tail()
        while self._blocks.count():
            item = self._blocks.takeAt(0)
            if item is not None and (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self._text, self._done, self._ahead = "", 0, ""
        self._beyond.clear()

    def _show_left_out(self) -> None:
        left_out = len(self._text) + sum(map(len, self._beyond)) - LONGEST_SHOWN
        self._left_out.setVisible(left_out > 0)
        if left_out > 0:
            told = self.tr("… and {0} more characters; Copy takes all of them.")
            self._left_out.setText(told.format(f"{left_out:,}"))

    def _show_stream(self) -> None:
        self._show_left_out()
        whole, tail = split_open(self._ahead + self._text[self._done : LONGEST_SHOWN])
        if whole.strip():
            self._drop_tail()
            self._add_blocks(whole)
        if whole:
            self._done += len(whole) - len(self._ahead)
            self._ahead = ""
        self._show_tail(tail)

    def _show_tail(self, tail: str) -> None:
        code = open_code(tail)
        if code is not None:
            if not isinstance(self._tail, CodeFrame):
                self._drop_tail()
                self._tail = CodeFrame(code, self)
                self._put(self._tail)
            self._tail.grow_to(code)
            return
        if not isinstance(self._tail, RichText):
            self._drop_tail()
            self._tail = self._rich_text()
            self._put(self._tail)
        self._tail.grow_to(plain(tail) if tail or self._text else WAITING)

    def _add_blocks(self, text: str) -> None:
        for block in blocks(text):
            if isinstance(block, Prose):
                view = self._rich_text()
                self._put(view)
                view.show_html(block.html)
            else:
                self._put(CodeFrame(block, self))

    def _put(self, block: QWidget) -> None:
        self._blocks.addWidget(block)
        block.show()  # at once: a turn later, the answer would be blank for one picture

    def _rich_text(self) -> RichText:
        view = RichText(parent=self)
        view.setAccessibleName(self.tr("Answer"))
        view.link_followed.connect(self.link_followed)
        return view

    def _drop_tail(self) -> None:
        if self._tail is not None:
            self._blocks.removeWidget(self._tail)
            self._tail.hide()
            self._tail.deleteLater()
            self._tail = None
