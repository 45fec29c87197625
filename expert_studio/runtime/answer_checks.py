"""What is asked about answers that are there: the same once more, and who did what for it.

Lives on the main thread; asks only through the model thread. Knows nothing of widgets.

Signals:
    repeated(str, Repetition): turn, and whether exactly the same came again.
    began(str, str): turn, and what is asked: "repeat" or "attribute".
    progressed(str, int, int): turn, passes done and passes there are, of an attribution.
    attributed(str, Attribution): turn, and what each expert did for it.
    ended(str): turn; after either of these, after a stop and after a failure.
    failed(ExpertError): it could not be asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from expert_studio.core.errors import ExpertError
from expert_studio.core.inference.conversation import Answer, Attribution, Message
from expert_studio.core.inference.turns import Turn

if TYPE_CHECKING:
    from expert_studio.runtime.model_thread import ModelThread


@dataclass(frozen=True, slots=True)
class Repetition:
    """An answer beside the same asked once more.

    Attributes:
        tokens: of the first.
        same: at the beginning of both.
        whole: whether both are one, token for token.
    """

    text: str
    tokens: int
    same: int
    whole: bool


class AnswerChecks(QObject):
    repeated = Signal(str, object)
    began = Signal(str, str)
    progressed = Signal(str, int, int)
    attributed = Signal(str, object)
    ended = Signal(str)
    failed = Signal(object)

    def __init__(self, model_thread: ModelThread, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._model_thread = model_thread
        self._asked: dict[str, Turn] = {}  # by request
        model_thread.answer_finished.connect(self._on_finished)
        model_thread.answer_failed.connect(self._on_failed)
        model_thread.attributed.connect(self._on_attributed)
        model_thread.pass_done.connect(self._on_pass)

    def busy(self, turn: str) -> bool:
        """Whether something is being asked about this answer."""
        return any(each.id == turn for each in self._asked.values())

    def repeat(self, turn: Turn, asked: Sequence[Message]) -> None:
        """Asks exactly the same again; does nothing where seed or tokens are not known."""
        sampling = turn.sampling
        if sampling is None or sampling.seed is None or not turn.tokens or self.busy(turn.id):
            return
        if turn.state == "cancelled":  # no further than it came
            sampling = replace(sampling, max_tokens=len(turn.tokens))
        stack, replay = turn.asked_with
        request = self._model_thread.ask(asked, stack, sampling, replay)
        self._begin(request, turn, "repeat")

    def attribute(self, turn: Turn, asked: Sequence[Message]) -> None:
        """Asks what each expert did for it; does nothing of an answer of several stacks."""
        if turn.stack is None or not turn.tokens or self.busy(turn.id):
            return
        self._begin(self._model_thread.attribute(asked, turn.tokens, turn.stack), turn, "attribute")

    def stop(self, turn: str = "") -> None:
        """What is being asked about one answer, or about any."""
        for request, of in self._asked.items():
            if not turn or of.id == turn:
                self._model_thread.stop(request)

    def _begin(self, request: str, turn: Turn, what: str) -> None:
        self._asked[request] = turn
        self.began.emit(turn.id, what)

    @Slot(str, object)
    def _on_finished(self, request: str, answer: Answer) -> None:
        turn = self._asked.pop(request, None)
        if turn is None:
            return
        if answer.finish_reason != "cancelled":
            self.repeated.emit(turn.id, compared(turn, answer))
        self.ended.emit(turn.id)

    @Slot(str, object)
    def _on_attributed(self, request: str, attribution: Attribution | None) -> None:
        turn = self._asked.pop(request, None)
        if turn is None:
            return
        if attribution is not None:
            self.attributed.emit(turn.id, attribution)
        self.ended.emit(turn.id)

    @Slot(str, object)
    def _on_failed(self, request: str, error: ExpertError) -> None:
        turn = self._asked.pop(request, None)
        if turn is not None:
            self.failed.emit(error)
            self.ended.emit(turn.id)

    @Slot(str, int, int)
    def _on_pass(self, request: str, done: int, whole: int) -> None:
        if request in self._asked:
            self.progressed.emit(self._asked[request].id, done, whole)


def compared(turn: Turn, answer: Answer) -> Repetition:
    """Of an answer that was stopped, only what had come can come again."""
    first, again = turn.tokens, answer.tokens
    same = next(
        (at for at, (one, other) in enumerate(zip(first, again, strict=False)) if one != other),
        min(len(first), len(again)),
    )
    said = turn.text[turn.begun_with :]
    if turn.state == "cancelled":
        whole = same == len(first) and answer.text.startswith(said)
    else:
        whole = first == again and answer.text == said
    return Repetition(answer.text, len(first), same, whole)
