"""One answer in the transcript: its stack, its text as it streams, its facts.

While text streams, blocks that are complete are formatted once and the growing tail
stays plain; the whole is formatted once more when the answer ends. Knows no engine.
"""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from expert_studio.core.inference.history import Turn
from expert_studio.core.inference.stack import EMPTY
from expert_studio.views import theme
from expert_studio.views.widgets.elided_label import ElidedLabel
from expert_studio.views.widgets.json_block import json_block
from expert_studio.views.widgets.markdown import (
    Prose,
    blocks,
    open_code,
    plain,
    split_open,
)
from expert_studio.views.widgets.rich_text import CodeFrame, RichText
from expert_studio.views.widgets.stack_chips import StackChips

WAITING = "…"  # until the first token is there


class AnswerView(QWidget):
    """Signals:
    regenerate_wanted(): the person wants this answered once more.
    link_followed(str): a link in the text was clicked.
    """

    regenerate_wanted = Signal()
    link_followed = Signal(str)

    def __init__(self, turn: Turn, live: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._turn = turn
        self._live = live
        self._text = turn.text
        self._done = 0  # characters of the text that stand in finished blocks
        self._tail: RichText | CodeFrame | None = None
        self._chips = StackChips(turn.stack or EMPTY)
        self._body = QVBoxLayout()
        self._note = QLabel()
        self._facts = ElidedLabel()
        self._regenerate = QPushButton(self.tr("Regenerate"))
        self._copy = QPushButton(self.tr("Copy"))
        self._foot = QWidget()
        self._build()
        if live:
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
        self._note.setProperty("role", "warn")
        self._note.setWordWrap(True)
        column.addWidget(self._note)
        row = QHBoxLayout(self._foot)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        for button, name in (
            (self._regenerate, self.tr("Answer this once more with the stack as it is now")),
            (self._copy, self.tr("Copy the whole answer")),
        ):
            button.setProperty("role", "foot")
            button.setAccessibleName(name)
            button.setToolTip(name)
            row.addWidget(button)
        row.addSpacing(12)
        row.addStretch(1)
        self._facts.setProperty("role", "facts")
        self._facts.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self._facts)
        column.addWidget(self._foot)
        self._regenerate.clicked.connect(self.regenerate_wanted)
        self._copy.clicked.connect(self._on_copy)
        self._regenerate.hide()

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
        return self._facts.whole_text

    def append(self, text: str) -> None:
        """Adds streamed text."""
        self._text += text
        self._show_stream()

    def finish(self, turn: Turn) -> None:
        """The answer ended; formats the whole and shows what it cost."""
        self._turn = turn
        self._text = turn.text
        self._live = False
        self._chips.set_stack(turn.stack or EMPTY)
        self._show_whole()

    def set_last(self, last: bool) -> None:
        """Only the last answer can be asked for once more."""
        self._regenerate.setVisible(last and not self._live)

    def _show_stream(self) -> None:
        whole, tail = split_open(self._text[self._done :])
        if whole.strip():
            self._drop_tail()
            self._add_blocks(whole)
        self._done += len(whole)
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
        self._tail.grow_to(plain(tail) if self._text else WAITING)

    def _show_whole(self) -> None:
        self._drop_tail()
        while self._body.count():
            item = self._body.takeAt(0)
            if item is not None and (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        whole = json_block(plain(self._text))
        if whole is None:
            self._add_blocks(self._text)
        else:
            self._body.addWidget(CodeFrame(whole))
        note = self._told()
        theme.restyle(self._note, role="small" if self._turn.state == "cancelled" else "warn")
        self._note.setText(note)
        self._note.setVisible(bool(note))
        self._facts.set_text(self._cost())
        self._foot.show()

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
        parts: list[str] = []
        if self._turn.stack is not None:
            parts.append(self._turn.stack.short_hash)
        if self._turn.sampling is not None and self._turn.sampling.seed is not None:
            parts.append(self.tr("seed {0}").format(self._turn.sampling.seed))
        timing = self._turn.timing
        if timing is not None:
            parts.append(self.tr("{0} tok").format(timing.tokens))
            if timing.decode_tok_s > 0:
                parts.append(self.tr("{0:.0f} tok/s").format(timing.decode_tok_s))
            if timing.tokens:
                parts.append(self.tr("first {0:.0f} ms").format(timing.ttft_ms))
        return " · ".join(parts)

    @Slot()
    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self._text)
