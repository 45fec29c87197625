"""The conversation that is open, the answer under way, and what is kept of both.

Lives on the main thread. Writes to the history only through a serial background lane,
asks only through the model thread. Knows nothing of widgets.

Signals:
    listed(tuple[Conversation, ...]): the list after a refresh.
    opened(Conversation | None, tuple[Turn, ...]): another conversation is on the desk.
    turn_added(Turn): said by the person, or an answer that begins.
    text_arrived(str, str): turn and new text, for the open conversation only.
    prompt_read(str, int, int): turn, tokens read and tokens to read, likewise.
    stack_changed(str, Stack): turn and the stack that goes on with it, likewise.
    turn_ended(Turn): an answer of the open conversation, finished, stopped or failed.
    busy_changed(bool): whether an answer is under way in any conversation.
    failed(ExpertError): asking or keeping did not work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from expert_studio.core.errors import ExpertError
from expert_studio.core.inference.conversation import Answer, Message, Sampling, StackSpan
from expert_studio.core.inference.history import (
    Composition,
    Conversation,
    History,
    Turn,
    TurnState,
    messages,
)
from expert_studio.core.inference.stack import Stack

if TYPE_CHECKING:
    from expert_studio.runtime.background import Background
    from expert_studio.runtime.model_thread import ModelThread

KEEP_EVERY_MS = 1000
SETTLED_AFTER_MS = 300  # a slider that is dragged asks for one change, not for thirty
TITLE_LENGTH = 60


@dataclass(slots=True)
class _Live:
    """The answer under way."""

    request: str
    conversation: str
    turn: Turn
    kept_length: int = 0


class Dialogue(QObject):
    listed = Signal(object)
    opened = Signal(object, object)
    turn_added = Signal(object)
    text_arrived = Signal(str, str)
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
        self._search = ""
        self._conversation: Conversation | None = None
        self._opening = False
        self._turns: list[Turn] = []
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
    def turns(self) -> tuple[Turn, ...]:
        return tuple(self._turns)

    @property
    def last_said(self) -> str:
        """What the person said last in the open conversation, or ""."""
        return next((turn.text for turn in reversed(self._turns) if turn.role == "user"), "")

    def asked_before(self, turn: str) -> tuple[Message, ...]:
        """What an answer of the open conversation answers: all that was said before it."""
        ids = [other.id for other in self._turns]
        return messages(_answered(self._turns[: ids.index(turn)])) if turn in ids else ()

    def answers(self, turn: str) -> bool:
        """Whether this turn is the answer under way."""
        return self._live is not None and self._live.turn.id == turn

    def refresh(self, search: str | None = None) -> None:
        """Lists the conversations again, with the last search where none is given."""
        self._search = self._search if search is None else search
        self._keep_or_tell(self._history.conversations, self._search, on_done=self._on_listed)

    def open(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._turns = []
        self._opening = True
        self._lane.run(
            _read_turns,
            self._history,
            conversation.id,
            on_done=self._on_turns,
            on_failed=self._on_open_failed,
        )

    def new(self) -> None:
        """An empty desk; the conversation is made with the first thing said."""
        self._conversation = None
        self._turns = []
        self._opening = False
        self.opened.emit(None, ())

    def ask(self, text: str, stack: Stack, sampling: Sampling, composition: Composition) -> bool:
        """Says `text` and has it answered.

        Returns False, and does nothing, while an answer is under way, while a
        conversation is being read, or where there is nothing to say.
        """
        if self._live is not None or self._opening or not text.strip():
            return False
        if self._conversation is None:
            self._conversation = Conversation.begun(_title(text), composition)
            self._keep_or_tell(self._history.create, self._conversation)
            self.opened.emit(self._conversation, ())
        said = Turn.said(text)
        self._turns.append(said)
        self.turn_added.emit(said)
        self._keep_or_tell(self._history.add, self._conversation.id, said)
        self._begin(stack, sampling)
        return True

    def regenerate(self, stack: Stack, sampling: Sampling) -> None:
        """Answers the last thing said once more; the answer before stays in the file."""
        if self._live is not None or self._conversation is None:
            return
        while self._turns and self._turns[-1].role == "assistant":
            gone = self._turns.pop()
            self._keep_or_tell(self._history.supersede, gone.id)
        if self._turns:
            self._begin(stack, sampling)

    def use_stack(self, stack: Stack) -> None:
        """What the composer shows now: an answer under way in the open conversation goes on
        with it, else it is read ahead of the next question. Neither before it has settled."""
        self._wanted_stack = stack
        self._settling.start()

    def stop(self) -> None:
        if self._live is not None:
            self._model_thread.stop(self._live.request)

    def rename(self, conversation: Conversation, title: str) -> None:
        title = _title(title)
        self._keep_or_tell(self._history.rename, conversation.id, title)
        if self._conversation is not None and self._conversation.id == conversation.id:
            self._conversation = replace(self._conversation, title=title)
        self.refresh()

    def delete(self, conversation: Conversation) -> None:
        """Takes it off the list; `restore` puts it back."""
        if self._live is not None and self._live.conversation == conversation.id:
            self.stop()
        self._keep_or_tell(self._history.delete, conversation.id)
        if self._conversation is not None and self._conversation.id == conversation.id:
            self.new()
        self.refresh()

    def restore(self, conversation: Conversation) -> None:
        self._keep_or_tell(self._history.restore, conversation.id)
        self.refresh()
        self.open(conversation)

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

    def _begin(self, stack: Stack, sampling: Sampling) -> None:
        assert self._conversation is not None
        asked = messages(_answered(self._turns))
        turn = Turn.begun(stack, sampling)
        self._turns.append(turn)
        self.turn_added.emit(turn)
        self._keep_or_tell(self._history.add, self._conversation.id, turn)
        request = self._model_thread.ask(asked, stack, sampling)
        self._live = _Live(request, self._conversation.id, turn)
        self._keeping.start()
        self.busy_changed.emit(True)
        self.refresh()

    def _keep_or_tell(self, function: Any, *args: Any, on_done: Any = None) -> None:
        self._lane.run(function, *args, on_done=on_done, on_failed=self._on_lane_failed)

    def _is_open(self, conversation: str) -> bool:
        return self._conversation is not None and self._conversation.id == conversation

    def _end(self, turn: Turn) -> None:
        assert self._live is not None
        conversation, self._live = self._live.conversation, None
        self._keeping.stop()
        if self._is_open(conversation):
            self._turns = [turn if turn.id == other.id else other for other in self._turns]
            self.turn_ended.emit(turn)
        self.busy_changed.emit(False)
        self.refresh()

    @Slot(str, str)
    def _on_text_arrived(self, request: str, text: str) -> None:
        live = self._live
        if live is None or live.request != request:
            return
        live.turn = replace(live.turn, text=live.turn.text + text)
        if self._is_open(live.conversation):
            self.text_arrived.emit(live.turn.id, text)

    @Slot(str, int, int)
    def _on_prompt_read(self, request: str, done: int, whole: int) -> None:
        live = self._live
        if live is not None and live.request == request and self._is_open(live.conversation):
            self.prompt_read.emit(live.turn.id, done, whole)

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
        live.turn = replace(turn, stack=stack, spans=spans)
        live.kept_length = len(turn.text)
        self._keep_or_tell(self._history.keep_parts, live.turn)
        if self._is_open(live.conversation):
            self._turns = [live.turn if turn.id == t.id else t for t in self._turns]
            self.stack_changed.emit(turn.id, stack)

    @Slot(str, object)
    def _on_answer_finished(self, request: str, answer: Answer) -> None:
        live = self._live
        if live is None or live.request != request:
            return
        states: dict[str, TurnState] = {
            "stop": "finished",
            "length": "length",
            "cancelled": "cancelled",
        }
        self._keep_or_tell(self._history.finish, live.turn.id, answer)
        self._end(
            replace(
                live.turn,
                text=answer.text,
                state=states[answer.finish_reason],
                stack=answer.stack,
                sampling=answer.sampling,
                timing=answer.timing,
                spans=answer.spans if len(answer.spans) > 1 else (),
                context_used=answer.context_used,
                context_limit=answer.context_limit,
            )
        )

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
    def _on_listed(self, conversations: Sequence[Conversation]) -> None:
        self.listed.emit(tuple(conversations))

    @Slot(object)
    def _on_turns(self, read: tuple[str, Sequence[Turn]]) -> None:
        of, turns = read
        conversation = self._conversation
        if conversation is None or conversation.id != of or not self._opening:
            return
        self._opening = False
        live = self._live
        if live is not None:
            turns = [live.turn if turn.id == live.turn.id else turn for turn in turns]
        self._turns = list(turns)
        self.opened.emit(conversation, tuple(turns))

    @Slot(object)
    def _on_open_failed(self, error: ExpertError) -> None:
        if self._opening:
            self.new()  # else nothing could be asked any more
        self.failed.emit(error)

    @Slot(object)
    def _on_lane_failed(self, error: ExpertError) -> None:
        self.failed.emit(error)


def _read_turns(history: History, conversation: str) -> tuple[str, tuple[Turn, ...]]:
    return conversation, history.turns(conversation)


def _answered(turns: Sequence[Turn]) -> list[Turn]:
    """The turns without what was said in vain: a prompt too long once would be so for ever."""
    kept: list[Turn] = []
    for turn in turns:
        if turn.state == "failed" and not turn.text:
            while kept and kept[-1].role == "user":
                kept.pop()
        else:
            kept.append(turn)
    return kept


def _title(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= TITLE_LENGTH else f"{line[: TITLE_LENGTH - 1].rstrip()}…"
