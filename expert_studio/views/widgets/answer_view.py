"""One answer in the transcript: its stack, its text as it streams, its facts.

While text streams, blocks that are complete are formatted once and the growing tail
stays plain; the whole is formatted once more when the answer ends. Knows no engine.
"""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from expert_studio.core.inference.history import Turn
from expert_studio.core.inference.stack import EMPTY, Stack
from expert_studio.views import theme
from expert_studio.views.widgets.answer_foot import AnswerFoot
from expert_studio.views.widgets.answer_parts import open_fence, parts
from expert_studio.views.widgets.json_block import json_block
from expert_studio.views.widgets.markdown import (
    Code,
    Prose,
    blocks,
    open_code,
    plain,
    split_open,
)
from expert_studio.views.widgets.reading_bar import ReadingBar
from expert_studio.views.widgets.rich_text import CodeFrame, RichText
from expert_studio.views.widgets.stack_change import StackChange
from expert_studio.views.widgets.stack_chips import StackChips

WAITING = "…"  # until the first token is there


class AnswerView(QWidget):
    """Signals:
    regenerate_wanted(): the person wants this answered once more.
    judged(str, str): turn, and what the person says of it, as `AnswerFoot.judged`.
    link_followed(str): a link in the text was clicked.
    """

    regenerate_wanted = Signal()
    judged = Signal(str, str)
    link_followed = Signal(str)

    def __init__(self, turn: Turn, live: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._turn = turn
        self._live = live
        self._text = turn.text
        self._done = 0  # characters of the text that stand in finished blocks
        self._ahead = ""  # a fence that the part before left open
        self._tail: RichText | CodeFrame | None = None
        self._chips = StackChips(_first_stack(turn))
        self._body = QVBoxLayout()
        self._note = QLabel()
        self._reading = ReadingBar()
        self._foot = AnswerFoot()
        self._build()
        if live:
            self._show_parts_so_far()
            self._show_stream()
        else:
            self._show_whole()

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self._chips)
        self._body.setSpacing(8)
        column.addLayout(self._body)
        column.addWidget(self._reading)
        self._note.setProperty("role", "warn")
        self._note.setWordWrap(True)
        column.addWidget(self._note)
        column.addWidget(self._foot)
        self._foot.regenerate_wanted.connect(self.regenerate_wanted)
        self._foot.copy_wanted.connect(self._on_copy)
        self._foot.judged.connect(self._on_judged)

    @property
    def turn(self) -> Turn:
        return self._turn

    @property
    def text(self) -> str:
        return self._text

    @property
    def note(self) -> str:
        """How the answer ended, where it did not end by itself."""
        return self._note.text()

    @property
    def facts(self) -> str:
        return self._foot.facts

    @property
    def reading(self) -> str:
        """How far what comes before is read, or ""."""
        return self._reading.told

    @property
    def changes(self) -> tuple[StackChange, ...]:
        """The lines where another stack went on, in order."""
        items = (self._body.itemAt(at) for at in range(self._body.count()))
        widgets = (item.widget() for item in items if item is not None)
        return tuple(widget for widget in widgets if isinstance(widget, StackChange))

    def show_read(self, done: int, whole: int) -> None:
        """How many tokens are read of those to read before the next word."""
        self._reading.show_read(done, whole)

    def change_stack(self, stack: Stack) -> None:
        """Another stack goes on after the text so far."""
        rest = self._ahead + self._text[self._done :]
        self._drop_tail()
        if rest.strip():
            self._add_blocks(rest)
        self._done, self._ahead = len(self._text), open_fence(self._text)
        self._body.addWidget(StackChange(stack))
        self._reading.begin_again()

    def mark(self, verdict: str) -> None:
        """What the person said of it: "good", "bad", "correct" or ""."""
        self._foot.mark(verdict)

    def append(self, text: str) -> None:
        """Adds streamed text."""
        self._reading.end()
        self._text += text
        self._show_stream()

    def finish(self, turn: Turn) -> None:
        """The answer ended; formats the whole and shows what it cost."""
        self._turn = turn
        self._text = turn.text
        self._live = False
        self._reading.end()
        self._chips.set_stack(_first_stack(turn))
        self._show_whole()

    def set_last(self, last: bool) -> None:
        """Only the last answer can be asked for once more."""
        self._foot.set_last(last and not self._live)

    def _show_parts_so_far(self) -> None:
        """Of an answer that is looked at again while it streams."""
        so_far, self._text = self._text, ""
        for span in self._turn.spans[1:]:
            self._text = so_far[: span.text_start]
            self.change_stack(span.stack)
        self._text = so_far
        self._reading.end()

    def _show_stream(self) -> None:
        whole, tail = split_open(self._ahead + self._text[self._done :])
        if whole.strip():
            self._drop_tail()
            self._add_blocks(whole)
        if whole:
            self._done += len(whole) - len(self._ahead)
            self._ahead = ""
        self._show_tail(tail)
        self._note.hide()
        self._foot.hide()

    def _show_tail(self, tail: str) -> None:
        code = open_code(tail)
        if code is not None:
            if not isinstance(self._tail, CodeFrame):
                self._drop_tail()
                self._tail = CodeFrame(code)
                self._body.addWidget(self._tail)
            self._tail.grow_to(code)
            return
        if not isinstance(self._tail, RichText):
            self._drop_tail()
            self._tail = self._rich_text()
            self._body.addWidget(self._tail)
        self._tail.grow_to(plain(tail) if tail or self._text else WAITING)

    def _show_whole(self) -> None:
        self._drop_tail()
        while self._body.count():
            item = self._body.takeAt(0)
            if item is not None and (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self._add_whole()
        note = self._told()
        theme.restyle(self._note, role="small" if self._turn.state == "cancelled" else "warn")
        self._note.setText(note)
        self._note.setVisible(bool(note))
        self._foot.set_facts(self._cost())
        self._foot.set_said(bool(self._text.strip()))
        self._foot.show()

    def _add_whole(self) -> None:
        whole = json_block(plain(self._text))
        cut = parts(self._text, self._turn.spans)
        if not cut and whole is not None:
            self._body.addWidget(CodeFrame(whole))
        elif not cut:
            self._add_blocks(self._text)
        for place, part in enumerate(cut):
            if place:
                self._body.addWidget(StackChange(part.stack))
            if whole is not None:
                self._body.addWidget(CodeFrame(Code("json", plain(part.text))))
            elif part.text.strip():
                self._add_blocks(part.text)

    def _add_blocks(self, text: str) -> None:
        for block in blocks(text):
            if isinstance(block, Prose):
                view = self._rich_text()
                self._body.addWidget(view)
                view.show_html(block.html)
            else:
                self._body.addWidget(CodeFrame(block))

    def _rich_text(self) -> RichText:
        view = RichText()
        view.setAccessibleName(self.tr("Answer"))
        view.link_followed.connect(self.link_followed)
        return view

    def _drop_tail(self) -> None:
        if self._tail is not None:
            self._body.removeWidget(self._tail)
            self._tail.hide()
            self._tail.deleteLater()
            self._tail = None

    def _told(self) -> str:
        if self._turn.state == "finished":
            return "" if self._text.strip() else self.tr("The answer is empty.")
        if self._turn.state == "failed" and not self._text:
            return self.tr("This was not answered; it is left out of what is asked next.")
        told = {
            "cancelled": self.tr("Stopped."),
            "length": self.tr("Cut off at the token limit."),
            "failed": self.tr("This answer broke off; what had arrived is kept."),
            "streaming": self.tr("Expert Studio ended during this answer; this much was kept."),
        }
        return told[self._turn.state]

    def _cost(self) -> str:
        told: list[str] = []
        stacks = [span.stack for span in self._turn.spans] or [self._turn.stack or EMPTY]
        if self._turn.stack is not None:
            told.append(" → ".join(stack.short_hash for stack in stacks))
        if self._turn.sampling is not None and self._turn.sampling.seed is not None:
            told.append(self.tr("seed {0}").format(self._turn.sampling.seed))
        timing = self._turn.timing
        if timing is not None:
            told.append(self.tr("{0} tok").format(timing.tokens))
            if timing.decode_tok_s > 0:
                told.append(self.tr("{0:.0f} tok/s").format(timing.decode_tok_s))
            if timing.tokens:
                told.append(self.tr("first {0:.0f} ms").format(timing.ttft_ms))
        return " · ".join(told)

    @Slot()
    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self._text)

    @Slot(str)
    def _on_judged(self, verdict: str) -> None:
        self.judged.emit(self._turn.id, verdict)


def _first_stack(turn: Turn) -> Stack:
    return turn.spans[0].stack if turn.spans else turn.stack or EMPTY
