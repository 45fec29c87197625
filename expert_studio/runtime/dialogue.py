"""The conversation that is open, the answer under way, and what is kept of both.

Lives on the main thread. Writes to the history only through a serial background lane,
asks only through the model thread. Knows nothing of widgets.

Signals:
    list_changed(): a conversation was made, or said something.
    opened(Conversation | None, tuple[Turn, ...]): another conversation, or another branch of it,
        is on the desk.
    turn_added(Turn): said by the person, or an answer that begins.
    text_arrived(str, str): turn and new text, for the open conversation only.
    prompt_read(str, int, int): turn, tokens read and tokens to read, likewise.
    stack_changed(str, Stack): turn and the stack that goes on with it, likewise.
    turn_ended(Turn): an answer of the open conversation, finished, stopped or failed.
    busy_changed(bool): whether an answer is under way in any conversation.
    failed(ExpertError): asking or keeping did not work.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from expert_studio.core.errors import ExpertError
from expert_studio.core.inference.conversation import Answer, Message, Sampling, StackSpan
from expert_studio.core.inference.history import History
from expert_studio.core.inference.stack import Stack
from expert_studio.core.inference.turns import (
    Composition,
    Conversation,
    Thread,
    Turn,
    answered,
    is_blank,
    messages,
    title_of,
)

if TYPE_CHECKING:
    from expert_studio.runtime.background import Background
    from expert_studio.runtime.model_thread import ModelThread

KEEP_EVERY_MS = 1000
SETTLED_AFTER_MS = 300  # a slider that is dragged asks for one change, not for thirty


@dataclass(slots=True)
class _Live:
    """The answer under way."""

    request: str
    conversation: str
    begun: Turn
    kept_length: int = 0
    arrived: list[str] = field(default_factory=list)  # not yet joined to what was said before

    @property
    def turn(self) -> Turn:
        """With all that has arrived."""
        if self.arrived:
            self.begun = replace(self.begun, text="".join((self.begun.text, *self.arrived)))
            self.arrived.clear()
        return self.begun


class Dialogue(QObject):
    list_changed = Signal()
    opened = Signal(object, object)
    turn_added = Signal(object)
    text_arrived = Signal(str, object)
    prompt_read = Signal(str, int, int)
    stack_changed = Signal(str, object)
    turn_ended = Signal(object)
    busy_changed = Signal(bool)
    failed = Signal(object)

    def __init__(
        self,
        model_thread: ModelThread,
        history: History,
        lane: Background,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._model_thread = model_thread
        self._history = history
        self._lane = lane
        self._conversation: Conversation | None = None
        self._opening = False
        self._thread = Thread()
        self._path: tuple[Turn, ...] = ()
        self._live: _Live | None = None
        self._keeping = QTimer(self)
        self._keeping.setInterval(KEEP_EVERY_MS)
        self._keeping.timeout.connect(self._on_keep)
        self._wanted_stack: Stack | None = None
        self._settling = QTimer(self)
        self._settling.setSingleShot(True)
        self._settling.setInterval(SETTLED_AFTER_MS)
        self._settling.timeout.connect(self._on_settled)
        model_thread.text_arrived.connect(self._on_text_arrived)
        model_thread.prompt_read.connect(self._on_prompt_read)
        model_thread.stack_changed.connect(self._on_stack_changed)
        model_thread.answer_finished.connect(self._on_answer_finished)
        model_thread.answer_failed.connect(self._on_answer_failed)

    @property
    def busy(self) -> bool:
        return self._live is not None

    @property
    def conversation(self) -> Conversation | None:
        return self._conversation

    @property
    def turns(self) -> tuple[Turn, ...]:  # of the branch that is looked at
        return self._path

    def branches(self) -> dict[str, tuple[str, ...]]:
        """As `Thread.branches`, of the open conversation."""
        return self._thread.branches()

    @property
    def last_said(self) -> str:
        """What the person said last in the open conversation, or ""."""
        return next((turn.text for turn in reversed(self._path) if turn.role == "user"), "")

    def asked_before(self, turn: str) -> tuple[Message, ...]:
        """What an answer of the open conversation answers: all that was said before it.

        The last message is the assistant's where the answer continued another.
        """
        this = self._thread.find(turn)
        if this is None:
            return ()
        before = replace(self._thread, tip=this.parent or "").path()
        asked = messages(answered(before), this.system)
        begun = (Message("assistant", this.text[: this.begun_with]),) if this.begun_with else ()
        return (*asked, *begun)

    def answers(self, turn: str) -> bool:
        """Whether this turn is the answer under way."""
        return self._live is not None and self._live.begun.id == turn

    def open(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._show(Thread())
        self._opening = True
        self._lane.run(
            _read_thread,
            self._history,
            conversation.id,
            on_done=self._on_thread,
            on_failed=self._on_open_failed,
        )

    def new(self) -> None:
        """An empty desk; the conversation is made with the first thing said."""
        self._conversation = None
        self._show(Thread())
        self._opening = False
        self.opened.emit(None, ())

    def ask(self, text: str, stack: Stack, sampling: Sampling, composition: Composition) -> bool:
        """Says `text` and has it answered.

        Returns False, and does nothing, while an answer is under way, while a
        conversation is being read, or where there is nothing to say.
        """
        if self._live is not None or self._opening or is_blank(text):
            return False
        if self._conversation is None:
            self._conversation = Conversation.begun(title_of(text), composition)
            self._keep_or_tell(self._history.create, self._conversation)
            self.opened.emit(self._conversation, ())
        self._say(text, self._thread.tip, stack, sampling)
        return True

    def edit(self, turn: str, text: str, stack: Stack, sampling: Sampling) -> bool:
        """Says something else in the place of what was said; the other stays as a branch."""
        this = self._thread.find(turn)
        if not self._can_answer or this is None or is_blank(text):
            return False
        self._show(replace(self._thread, tip=this.parent or ""))
        self.opened.emit(self._conversation, self._path)
        self._say(text, this.parent or "", stack, sampling)
        return True

    def regenerate(self, stack: Stack, sampling: Sampling) -> None:
        """Answers the last thing said once more; the answer before stays as a branch."""
        asked = next((t for t in reversed(self._path) if t.role == "user"), None)
        if self._can_answer and asked is not None:
            self._show(replace(self._thread, tip=asked.id))
            self._begin(Turn.begun(stack, sampling, asked.id, self._system))

    def go_on(self, stack: Stack, sampling: Sampling) -> None:
        """Has the last answer continued, in a branch beside it."""
        last = self._path[-1] if self._path else None
        if self._can_answer and last is not None and last.role == "assistant" and last.text:
            self._show(replace(self._thread, tip=last.parent or ""))
            self._begin(last.continued(stack, sampling))

    def look_at(self, turn: str) -> None:
        """Shows the branch of this turn; not while an answer of the conversation is under way."""
        conversation = self._conversation
        if conversation is None or not self._can_answer or self._thread.find(turn) is None:
            return
        self._show(self._thread.at(turn))
        self._keep_or_tell(self._history.look_at, conversation.id, self._thread.tip)
        self.opened.emit(conversation, self._path)

    def use_stack(self, stack: Stack) -> None:
        """What the composer shows now: an answer under way in the open conversation goes on
        with it, else it is read ahead of the next question. Neither before it has settled."""
        self._wanted_stack = stack
        self._settling.start()

    def stop(self) -> None:
        if self._live is not None:
            self._model_thread.stop(self._live.request)

    def renamed(self, conversation: str, title: str) -> None:
        """The open conversation may have another title."""
        if self._conversation is not None and self._conversation.id == conversation:
            self._conversation = replace(self._conversation, title=title)

    def leave(self, conversation: str) -> None:
        """It was taken off the list: its answer is stopped, and it is no longer on the desk."""
        if self._live is not None and self._live.conversation == conversation:
            self.stop()
        if self._is_open(conversation):
            self.new()

    def keep_composition(self, composition: Composition) -> None:
        """What is ticked belongs to the conversation that is open."""
        if self._conversation is not None:
            self._conversation = replace(self._conversation, composition=composition)
            self._keep_or_tell(self._history.keep_composition, self._conversation.id, composition)

    def close(self) -> None:
        """Keeps what has arrived; call before the lane is closed."""
        self._on_keep()
        self._keeping.stop()
        self._settling.stop()

    @property
    def _can_answer(self) -> bool:
        return self._live is None and not self._opening and self._conversation is not None

    @property
    def _system(self) -> str:
        return self._conversation.composition.system if self._conversation is not None else ""

    def _show(self, thread: Thread) -> None:
        self._thread, self._path = thread, thread.path()

    def _add(self, turn: Turn) -> None:
        assert self._conversation is not None
        self._show(self._thread.with_turn(turn))
        self.turn_added.emit(turn)
        self._keep_or_tell(self._history.add, self._conversation.id, turn)

    def _say(self, text: str, after: str, stack: Stack, sampling: Sampling) -> None:
        said = Turn.said(text, after)
        self._add(said)
        self._begin(Turn.begun(stack, sampling, said.id, self._system))

    def _begin(self, turn: Turn) -> None:
        assert self._conversation is not None
        assert turn.stack is not None
        assert turn.sampling is not None
        self._add(turn)
        request = self._model_thread.ask(self.asked_before(turn.id), turn.stack, turn.sampling)
        self._live = _Live(request, self._conversation.id, turn, len(turn.text))
        self._keeping.start()
        self.busy_changed.emit(True)
        self.list_changed.emit()

    def _keep_or_tell(self, function: Any, *args: Any, on_done: Any = None) -> None:
        self._lane.run(function, *args, on_done=on_done, on_failed=self._on_lane_failed)

    def _is_open(self, conversation: str) -> bool:
        return self._conversation is not None and self._conversation.id == conversation

    def _end(self, turn: Turn) -> None:
        assert self._live is not None
        conversation, self._live = self._live.conversation, None
        self._keeping.stop()
        if self._is_open(conversation):
            self._show(self._thread.with_turn(turn))
            self.turn_ended.emit(turn)
        self.busy_changed.emit(False)
        self.list_changed.emit()

    @Slot(str, object)
    def _on_text_arrived(self, request: str, text: str) -> None:
        live = self._live
        if live is None or live.request != request:
            return
        live.arrived.append(text)
        if self._is_open(live.conversation):
            self.text_arrived.emit(live.begun.id, text)

    @Slot(str, int, int)
    def _on_prompt_read(self, request: str, done: int, whole: int) -> None:
        live = self._live
        if live is not None and live.request == request and self._is_open(live.conversation):
            self.prompt_read.emit(live.begun.id, done, whole)

    @Slot()
    def _on_settled(self) -> None:
        stack, self._wanted_stack = self._wanted_stack, None
        live = self._live
        if stack is None:
            return
        if live is None:
            self._model_thread.prefetch(stack)
        elif self._is_open(live.conversation):
            self._model_thread.change_stack(live.request, stack)

    @Slot(str, object)
    def _on_stack_changed(self, request: str, stack: Stack) -> None:
        live = self._live
        if live is None or live.request != request:
            return
        turn = live.turn
        spans = turn.spans
        if not spans and turn.stack is not None:
            spans = (StackSpan(turn.stack, 0, 0, 0),)
        spans = (*spans, StackSpan(stack, 0, 0, len(turn.text)))
        live.begun = replace(turn, stack=stack, spans=spans)
        live.kept_length = len(turn.text)
        self._keep_or_tell(self._history.keep_parts, live.turn)
        if self._is_open(live.conversation):
            self._show(self._thread.with_turn(live.turn))
            self.stack_changed.emit(turn.id, stack)

    @Slot(str, object)
    def _on_answer_finished(self, request: str, answer: Answer) -> None:
        live = self._live
        if live is None or live.request != request:
            return
        ended = live.turn.ended(answer)
        self._keep_or_tell(self._history.end, ended)
        self._end(ended)

    @Slot(str, object)
    def _on_answer_failed(self, request: str, error: ExpertError) -> None:
        live = self._live
        if live is None or live.request != request:
            return
        self._keep_or_tell(self._history.fail, live.turn.id, live.turn.text)
        self._end(replace(live.turn, state="failed"))
        self.failed.emit(error)

    @Slot()
    def _on_keep(self) -> None:
        live = self._live
        if live is not None and len(live.turn.text) != live.kept_length:
            live.kept_length = len(live.turn.text)
            self._keep_or_tell(self._history.keep_text, live.turn.id, live.turn.text)

    @Slot(object)
    def _on_thread(self, read: tuple[str, Thread]) -> None:
        of, thread = read
        conversation = self._conversation
        if conversation is None or conversation.id != of or not self._opening:
            return
        self._opening = False
        live = self._live
        if live is not None and thread.find(live.turn.id) is not None:
            thread = thread.with_turn(live.turn)
        self._show(thread)
        self.opened.emit(conversation, self._path)

    @Slot(object)
    def _on_open_failed(self, error: ExpertError) -> None:
        if self._opening:
            self.new()  # else nothing could be asked any more
        self.failed.emit(error)

    @Slot(object)
    def _on_lane_failed(self, error: ExpertError) -> None:
        self.failed.emit(error)


def _read_thread(history: History, conversation: str) -> tuple[str, Thread]:
    return conversation, history.thread(conversation)
