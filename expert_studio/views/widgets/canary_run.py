"""Has the base, and the base with a package in quarantine, answer the same prompts in turn.

The package is held apart and never enters the library; its place is removed at the end.
Knows the model thread's signals and the quarantine; nothing of what is shown.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal, Slot

from expert_studio.core.errors import ExpertError
from expert_studio.core.experts.acceptance import Acceptance
from expert_studio.core.experts.acquisition import BaseWanted
from expert_studio.core.experts.arrival import Arrival, whole_base
from expert_studio.core.experts.canary import (
    CanaryFinding,
    CanaryPrompt,
    canary_prompts,
    findings,
)
from expert_studio.core.experts.dependencies import with_requirements
from expert_studio.core.experts.library import InstalledExpert, Library
from expert_studio.core.experts.quarantine import Held, Quarantine
from expert_studio.core.experts.requirement import parse_requirement
from expert_studio.core.inference.conversation import (
    Answer,
    BaseDescription,
    Message,
    Sampling,
)
from expert_studio.core.inference.stack import Stack, compose
from expert_studio.core.settings import Folders
from expert_studio.runtime.background import Background
from expert_studio.runtime.model_thread import ModelThread

SAMPLING = Sampling(max_tokens=96, temperature=0.0, seed=1)


@dataclass(frozen=True, slots=True)
class CanaryPlace:
    """What a run needs of the app."""

    folders: Folders
    library: Library
    background: Background
    model_thread: ModelThread
    acceptance: Callable[[], Acceptance]


@dataclass(frozen=True, slots=True)
class _Ready:
    held: Held
    experts: tuple[InstalledExpert, ...]  # it and what it needs
    prompts: tuple[CanaryPrompt, ...]


class CanaryRun(QObject):
    """Signals:
    began(tuple[CanaryPrompt, ...]): these will be asked.
    said(str, bool, str): prompt, whether the expert speaks, new text.
    judged(str, tuple[CanaryFinding, ...]): both have answered a prompt.
    ended(): everything was asked, or it was stopped.
    failed(ExpertError): the package cannot be tried.
    """

    began = Signal(object)
    said = Signal(str, bool, str)
    judged = Signal(str, object)
    ended = Signal()
    failed = Signal(object)

    def __init__(self, place: CanaryPlace, base: BaseDescription, parent: QObject) -> None:
        super().__init__(parent)
        self._place = place
        self._base = base
        self._pen = Quarantine(place.folders)
        self._ready: _Ready | None = None
        self._waiting: deque[tuple[CanaryPrompt, bool]] = deque()
        self._now: tuple[CanaryPrompt, bool] | None = None
        self._request = ""
        self._answers: dict[tuple[str, bool], str] = {}
        self._closed = False
        lane = place.model_thread
        lane.text_arrived.connect(self._on_text)
        lane.answer_finished.connect(self._on_answer)
        lane.answer_failed.connect(self._on_answer_failed)

    @property
    def running(self) -> bool:
        return bool(self._request)

    def start(self, arrival: Arrival) -> None:
        """Holds the package apart, then asks."""
        place, base = self._place, self._base
        self._place.background.run(
            _held,
            self._pen,
            arrival,
            place.library,
            place.acceptance,
            BaseWanted(base.name, base.sha256, base.folder),
            on_done=self._on_held,
            on_failed=self._on_not_held,
        )

    def stop(self) -> None:
        """Asks nothing more."""
        self._waiting.clear()
        if self._request:
            self._place.model_thread.stop(self._request)

    def close(self) -> None:
        """Ends it and removes what was held."""
        self._closed = True
        self.stop()
        if self._ready is not None:
            self._place.background.run(self._pen.discard, self._ready.held)
            self._ready = None

    def _ask_next(self) -> None:
        self._request, self._now = "", None
        if not self._waiting or self._ready is None:
            self.ended.emit()
            return
        self._now = prompt, with_expert = self._waiting.popleft()
        base = self._base
        stack = Stack((), base.sha256, base.quantization)
        if with_expert:
            chosen = {self._ready.held.expert.name: 1.0}
            stack = compose(chosen, self._ready.experts, base.sha256, base.quantization)
        message = Message("user", prompt.prompt)
        self._request = self._place.model_thread.ask((message,), stack, SAMPLING)

    @Slot(object)
    def _on_held(self, ready: _Ready) -> None:
        self._ready = ready
        if self._closed:
            self.close()
            return
        self.began.emit(ready.prompts)
        self._waiting = deque((p, speaks) for p in ready.prompts for speaks in (False, True))
        self._ask_next()

    @Slot(object)
    def _on_not_held(self, error: ExpertError) -> None:
        self.failed.emit(error)

    @Slot(str, object)
    def _on_text(self, request: str, text: str) -> None:
        if request == self._request and self._now is not None:
            self.said.emit(self._now[0].identifier, self._now[1], text)

    @Slot(str, object)
    def _on_answer(self, request: str, answer: Answer) -> None:
        if request != self._request or self._now is None:
            return
        prompt, with_expert = self._now
        self._answers[prompt.identifier, with_expert] = answer.text
        if with_expert and answer.finish_reason != "cancelled":
            base_said = self._answers.get((prompt.identifier, False), "")
            found: tuple[CanaryFinding, ...] = findings(prompt, base_said, answer.text)
            self.judged.emit(prompt.identifier, found)
        self._ask_next()

    @Slot(str, object)
    def _on_answer_failed(self, request: str, error: ExpertError) -> None:
        if request == self._request:
            self._waiting.clear()
            self._request = ""
            self.failed.emit(error)


def _held(
    pen: Quarantine,
    arrival: Arrival,
    library: Library,
    acceptance: Callable[[], Acceptance],
    base: BaseWanted,
) -> _Ready:
    held = pen.hold(arrival.source, library, acceptance(), whole_base(base))
    try:
        names = [parse_requirement(need).name for need in held.expert.manifest.needs]
        needed = with_requirements(names, library) if names else ()
    except ExpertError:
        pen.discard(held)
        raise
    prompts = canary_prompts(held.expert.manifest, held.expert.folder)
    return _Ready(held, (*needed, held.expert), prompts)
