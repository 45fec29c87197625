"""What was said, newest below. Knows nothing of engines or of the history.

Follows the text while it streams until the person scrolls up, and again from the bottom.
A long conversation is built from its end; older turns are added when scrolled to.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, Qt, Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from expert_studio.core.inference.history import Turn
from expert_studio.core.inference.stack import Stack
from expert_studio.views.widgets.answer_view import AnswerView
from expert_studio.views.widgets.column_scroll import ColumnScroll
from expert_studio.views.widgets.markdown import as_plain_html, plain
from expert_studio.views.widgets.rich_text import RichText

COLUMN_WIDTH = 840
BATCH = 16
NEAR_END = 12
LONGEST_BUBBLE = 4_000


class Transcript(ColumnScroll):
    """Signals:
    regenerate_wanted(): of the last answer.
    judged(str, str): turn, and what the person says of it, as `AnswerFoot.judged`.
    link_followed(str): a link in an answer was clicked; nothing was opened.
    """

    regenerate_wanted = Signal()
    judged = Signal(str, str)
    link_followed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(COLUMN_WIDTH, parent)
        self._older: list[Turn] = []
        self._views: list[QWidget] = []
        self._following = True
        self._programmatic = False
        self._column = QVBoxLayout()
        self._more = QPushButton(self.tr("Show earlier messages"))
        self._latest = QPushButton(self.tr("Jump to the latest"), self)
        self._build()
        self._connect()

    def _build(self) -> None:
        self.setAccessibleName(self.tr("Conversation"))
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(16)
        self._more.setProperty("role", "quiet")
        self._more.setAccessibleName(self._more.text())
        self._more.hide()
        self._column.addWidget(self._more, 0, Qt.AlignmentFlag.AlignHCenter)
        self._column.addStretch(1)
        self.column.setLayout(self._column)
        self._latest.setProperty("role", "small")
        self._latest.setAccessibleName(self._latest.text())
        self._latest.hide()

    def _connect(self) -> None:
        bar = self.verticalScrollBar()
        bar.rangeChanged.connect(self._on_range)
        bar.valueChanged.connect(self._on_value)
        self._more.clicked.connect(self._on_more)
        self._latest.clicked.connect(self._on_latest)

    @property
    def answers(self) -> tuple[AnswerView, ...]:
        return tuple(view for view in self._views if isinstance(view, AnswerView))

    @property
    def following(self) -> bool:
        """Whether new text scrolls the transcript."""
        return self._following

    def show_turns(self, turns: Sequence[Turn], live_turn: str = "") -> None:
        """Replaces everything; the turn with the id `live_turn` is still streaming."""
        self.clear()
        self._older = list(turns[:-BATCH])
        for turn in turns[-BATCH:]:
            self._add(turn, live=turn.id == live_turn)
        self._more.setVisible(bool(self._older))
        self._mark_last()
        self._on_latest()

    def add(self, turn: Turn) -> None:
        """Appends what the person said, or an answer that begins."""
        self._add(turn, live=turn.role == "assistant")
        self._mark_last()
        self._on_latest()

    def append_text(self, turn: str, text: str) -> None:
        if (view := self.answer(turn)) is not None:
            view.append(text)

    def show_read(self, turn: str, done: int, whole: int) -> None:
        """How many tokens are read of those before the next word of an answer."""
        if (view := self.answer(turn)) is not None:
            view.show_read(done, whole)

    def change_stack(self, turn: str, stack: Stack) -> None:
        """Another stack goes on with an answer."""
        if (view := self.answer(turn)) is not None:
            view.change_stack(stack)

    def finish(self, turn: Turn) -> None:
        if (view := self.answer(turn.id)) is not None:
            view.finish(turn)
        self._mark_last()

    def answer(self, turn: str) -> AnswerView | None:
        """The view of an answer; None where it is not built."""
        return next((view for view in reversed(self.answers) if view.turn.id == turn), None)

    def drop_last_answer(self) -> None:
        """Takes the last answers away, for they are generated once more."""
        while self._views and isinstance(self._views[-1], AnswerView):
            self._remove(self._views.pop())

    def clear(self) -> None:
        self._older = []
        while self._views:
            self._remove(self._views.pop())
        self._more.hide()
        self._following = True

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_latest()

    def _add(self, turn: Turn, live: bool, at_top: bool = False) -> None:
        view: QWidget
        if turn.role == "user":
            view = _Bubble(turn.text)
        else:
            view = AnswerView(turn, live)
            view.regenerate_wanted.connect(self.regenerate_wanted)
            view.judged.connect(self.judged)
            view.link_followed.connect(self.link_followed)
        position = 1 if at_top else self._column.count() - 1
        self._column.insertWidget(position, view)
        self._views.insert(0 if at_top else len(self._views), view)

    def _remove(self, view: QWidget) -> None:
        self._column.removeWidget(view)
        view.hide()
        view.deleteLater()

    def _mark_last(self) -> None:
        for view in self.answers:
            view.set_last(view is self._views[-1])

    def _place_latest(self) -> None:
        size = self._latest.sizeHint()
        self._latest.setGeometry(
            (self.width() - size.width()) // 2,
            self.height() - size.height() - 8,
            size.width(),
            size.height(),
        )

    @Slot(int, int)
    def _on_range(self, low: int, high: int) -> None:
        if self._following:
            self._scroll_to_end()

    @Slot(int)
    def _on_value(self, value: int) -> None:
        if self._programmatic:
            return
        bar = self.verticalScrollBar()
        self._following = value >= bar.maximum() - NEAR_END
        self._latest.setVisible(not self._following)
        self._place_latest()
        if value <= bar.minimum() and self._older:
            self._on_more()

    @Slot()
    def _on_more(self) -> None:
        batch, self._older = self._older[-BATCH:], self._older[:-BATCH]
        from_end = self.verticalScrollBar().maximum() - self.verticalScrollBar().value()
        self._programmatic = True
        for turn in reversed(batch):
            self._add(turn, live=False, at_top=True)
        self._more.setVisible(bool(self._older))
        content = self.widget()
        if content is not None and (layout := content.layout()) is not None:
            layout.activate()
        self._programmatic = False
        bar = self.verticalScrollBar()
        bar.setValue(max(bar.maximum() - from_end, 1))

    @Slot()
    def _on_latest(self) -> None:
        self._following = True
        self._latest.hide()
        self._scroll_to_end()

    def _scroll_to_end(self) -> None:
        self._programmatic = True
        self.verticalScrollBar().setValue(self.verticalScrollBar().maximum())
        self._programmatic = False


class _Bubble(QWidget):
    """What the person said, at the right, as wide as its text up to most of the column."""

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._frame = QFrame()
        self._frame.setProperty("role", "bubble")
        self._text = RichText()
        self._text.setAccessibleName(self.tr("You said"))
        shown = plain(text)
        if len(shown) > LONGEST_BUBBLE:
            left_out = len(text) - LONGEST_BUBBLE
            shown = shown[:LONGEST_BUBBLE] + self.tr("… and {0} more characters").format(
                f"{left_out:,}"
            )
        inside = QVBoxLayout(self._frame)
        inside.setContentsMargins(14, 10, 14, 7)
        inside.addWidget(self._text)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addStretch(1)
        row.addWidget(self._frame)
        self._text.show_html(as_plain_html(shown))
        self._hug()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._hug()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._hug()

    def _hug(self) -> None:
        document = self._text.document().clone()
        document.setTextWidth(-1)
        natural = int(document.idealWidth()) + 32
        most = max(220, int(self.width() * 0.78))
        self._frame.setFixedWidth(min(natural, most))
