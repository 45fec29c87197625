"""What was said, newest below. Knows nothing of engines or of the history.

Follows the text while it streams until the person scrolls up, and again from the bottom.
A long conversation is built from its end; older turns are added when scrolled to, in parts
that are laid out by themselves, and folded while they are far from what is seen.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from PySide6.QtCore import QEvent, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QApplication, QPushButton, QVBoxLayout, QWidget

from expert_studio.core.inference.stack import Stack
from expert_studio.core.inference.turns import Turn
from expert_studio.views.widgets.answer_view import AnswerView
from expert_studio.views.widgets.column_scroll import ColumnScroll
from expert_studio.views.widgets.message_bubble import MessageBubble
from expert_studio.views.widgets.transcript_part import TranscriptPart

COLUMN_WIDTH = 840
BATCH = 16  # turns in a part
SPACING = 16
NEAR_END = 12
FIRST_S = 0.012  # so long, at most about, turns are built before a conversation is shown
EACH_S = 0.006  # and so long in each turn of the event loop after it
NEAR = 2  # heights of the window above and below, within which parts are unfolded


class Transcript(ColumnScroll):
    """Signals:
    regenerate_wanted(), continue_wanted(): of the last answer.
    edit_wanted(str): something else shall be said in the place of this turn.
    branch_wanted(str): the turn to look at in the place of one beside it.
    inquired(str, str): turn, and what is asked about it, as `AnswerView.inquired`.
    judged(str, str): turn, and what the person says of it, as `AnswerFoot.judged`.
    link_followed(str): a link in an answer was clicked; nothing was opened.
    built(str): an answer that was said before has its view now.
    """

    regenerate_wanted = Signal()
    continue_wanted = Signal()
    edit_wanted = Signal(str)
    branch_wanted = Signal(str)
    inquired = Signal(str, str)
    judged = Signal(str, str)
    link_followed = Signal(str)
    built = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(COLUMN_WIDTH, parent)
        self._older: list[Turn] = []
        self._due = 0  # of the older ones, how many shall be built
        self._branches: Mapping[str, Sequence[str]] = {}
        self._building = QTimer(self)
        self._building.setInterval(0)
        self._building.timeout.connect(self._on_building)
        self._views: list[MessageBubble | AnswerView] = []
        self._parts: list[TranscriptPart] = []  # of older turns, topmost last
        self._folding = QTimer(self)
        self._folding.setInterval(0)
        self._folding.timeout.connect(self._on_folding)
        self._marked: AnswerView | None = None  # as the last
        self._following = True
        self._live_turn = ""
        self._programmatic = False
        self._column = QVBoxLayout()
        self._more = QPushButton(self.tr("Show earlier messages"))
        self._latest = QPushButton(self.tr("Jump to the latest"), self)
        self._build()
        self._connect()

    def _build(self) -> None:
        self.setAccessibleName(self.tr("Conversation"))
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(SPACING)
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
        self._older = list(turns)
        self._live_turn = live_turn
        self._due = min(BATCH, len(turns))
        self._build_for(FIRST_S)
        self._on_latest()

    def show_branches(self, branches: Mapping[str, Sequence[str]]) -> None:
        """For each turn that has others beside it: all in its place."""
        self._branches = branches
        for view in self._views:
            self._show_branches_of(view)

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
        for view in reversed(self._views):
            if view.turn.id == turn and isinstance(view, AnswerView):
                return view
        return None

    def drop_last_answer(self) -> None:
        """Takes the last answers away, for they are generated once more."""
        while self._views and isinstance(self._views[-1], AnswerView):
            self._remove(self._views.pop())

    def clear(self) -> None:
        self._older = []
        self._due = 0
        self._building.stop()
        self._folding.stop()
        while self._views:
            self._remove(self._views.pop())
        while self._parts:
            self._parts.pop().deleteLater()
        self._more.hide()
        self._following = True

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_latest()
        if self._parts:
            self._folding.start()

    def _add(self, turn: Turn, live: bool, at_top: bool = False) -> None:
        view: MessageBubble | AnswerView
        place = self._top_part() if at_top else self._column
        holder = place.parentWidget()  # known from the start: what is moved is styled twice
        if turn.role == "user":
            view = MessageBubble(turn, holder)
            view.edit_wanted.connect(self.edit_wanted)
            view.branches.wanted.connect(self.branch_wanted)
        else:
            view = AnswerView(turn, live, holder)
            view.regenerate_wanted.connect(self.regenerate_wanted)
            view.continue_wanted.connect(self.continue_wanted)
            view.branch_wanted.connect(self.branch_wanted)
            view.inquired.connect(self.inquired)
            view.judged.connect(self.judged)
            view.link_followed.connect(self.link_followed)
        place.insertWidget(0 if at_top else place.count() - 1, view)
        view.show()  # else Qt does it later, and lays out all of it once more
        self._views.insert(0 if at_top else len(self._views), view)
        self._show_branches_of(view)

    def _top_part(self) -> QVBoxLayout:
        """Where the next older turn has its place."""
        if not self._parts or self._parts[-1].turns.count() >= BATCH:
            self._parts.append(TranscriptPart(SPACING, self.column))
            self._column.insertWidget(1, self._parts[-1])
        return self._parts[-1].turns

    def _show_branches_of(self, view: MessageBubble | AnswerView) -> None:
        beside = self._branches.get(view.turn.id, ())
        if isinstance(view, AnswerView):
            view.show_branches(beside)
        else:
            view.branches.show_branches(beside, view.turn.id)

    def _remove(self, view: QWidget) -> None:
        if view is self._marked:
            self._marked = None
        layout = view.parentWidget().layout()
        if layout is not None:
            layout.removeWidget(view)
        view.hide()
        view.deleteLater()

    def _mark_last(self) -> None:
        last = self._views[-1] if self._views else None
        if self._marked is not None and self._marked is not last:
            self._marked.set_last(False)
        self._marked = last if isinstance(last, AnswerView) else None
        if self._marked is not None:
            self._marked.set_last(True)

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
        if self._parts:
            self._folding.start()
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
        """Builds some of the older ones, a few in each turn of the event loop."""
        self._due = min(BATCH, len(self._older))
        self._building.start()

    @Slot()
    def _on_building(self) -> None:
        self._build_for(EACH_S)

    def _build_for(self, seconds: float) -> None:
        """Adds older turns at the top for about so long, at least one; what is seen stays put."""
        until = time.monotonic() + seconds
        bar = self.verticalScrollBar()
        from_end = bar.maximum() - bar.value()
        self._programmatic = True
        while self._due:
            self._due -= 1
            turn = self._older.pop()
            self._add(turn, live=turn.id == self._live_turn, at_top=True)
            if turn.role == "assistant":
                self.built.emit(turn.id)
            if time.monotonic() > until:
                break
        self._lay_out_now()
        self._programmatic = False
        self._more.setVisible(bool(self._older))
        self._mark_last()
        self._stay_at(from_end)
        if self._due:
            self._building.start()
        else:
            self._building.stop()
            self._folding.start()

    def _lay_out_now(self) -> None:
        """Tells the scroll area its new height now, so that what is seen can stay put."""
        content = self.widget()
        if content is not None and (layout := content.layout()) is not None:
            layout.activate()
            QApplication.sendEvent(content, QEvent(QEvent.Type.LayoutRequest))

    def _stay_at(self, from_end: int) -> None:
        bar = self.verticalScrollBar()
        if self._following:
            self._scroll_to_end()
        else:
            bar.setValue(max(bar.maximum() - from_end, 1))

    @Slot()
    def _on_folding(self) -> None:
        """Unfolds a part near what is seen, or folds one far from it; one in each turn."""
        bar, height = self.verticalScrollBar(), self.viewport().height()
        near = range(bar.value() - NEAR * height, bar.value() + (NEAR + 1) * height)
        top = self.column.y()
        for part in self._parts:
            above = top + part.y() + part.height()  # where it ends
            far = above < near.start or top + part.y() > near.stop
            if far == part.folded:
                continue
            if far and not part.fold():
                continue
            if not far:
                from_end = bar.maximum() - bar.value()
                part.unfold()
                self._lay_out_now()
                if above <= bar.value():
                    self._stay_at(from_end)
            return
        self._folding.stop()

    @Slot()
    def _on_latest(self) -> None:
        self._following = True
        self._latest.hide()
        self._scroll_to_end()

    def _scroll_to_end(self) -> None:
        self._programmatic = True
        self.verticalScrollBar().setValue(self.verticalScrollBar().maximum())
        self._programmatic = False
