"""An engine that says what it is told to, for tests of what stands around an engine.

Only for units of views and runtime: journeys use the real base.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from expert_studio.core.inference.conversation import (
    Answer,
    AnswerTiming,
    AttributedToken,
    Attribution,
    BaseDescription,
    BaseRequest,
    MemoryByOwner,
    Message,
    Question,
    Sampling,
    StackSpan,
)
from expert_studio.core.inference.stack import Stack

BASE = BaseDescription(
    name="expert-base-12m",
    folder=Path("base"),
    sha256="b" * 64,
    architecture="qwen3",
    quantization="bf16",
    device="cpu",
    device_name="CPU, 2 cores",
    parameters=12_000_000,
    resident_bytes=24_000_000,
    context_length=4096,
)


@dataclass
class FakeEngine:
    """Reads `reads`, streams `pieces`; waits for `gate` before the last of them."""

    pieces: Sequence[str] = ("he", "llo")
    failure: Exception | None = None
    gate: threading.Event = field(default_factory=threading.Event)
    asked: list[tuple[tuple[Message, ...], Stack, Sampling]] = field(default_factory=list)
    reads: Sequence[tuple[int, int]] = ()
    read_gate: threading.Event = field(default_factory=threading.Event)
    attached: list[Stack] = field(default_factory=list)
    attach_gate: threading.Event = field(default_factory=threading.Event)
    threads: list[str] = field(default_factory=list)
    closed: bool = False
    base: BaseDescription = BASE

    def __post_init__(self) -> None:
        for gate in (self.gate, self.read_gate, self.attach_gate):
            gate.set()

    def attach_experts(self, stack: Stack) -> None:
        self.attached.append(stack)
        self.attach_gate.wait(30)

    def generate(
        self,
        messages: Sequence[Message],
        stack: Stack,
        sampling: Sampling,
        on_text: Callable[[str], None],
        should_stop: Callable[[], bool],
        on_read: Callable[[int, int], None] | None = None,
        next_stack: Callable[[], Stack | None] | None = None,
        replay: Sequence[StackSpan] = (),
    ) -> Answer:
        self.asked.append((tuple(messages), stack, sampling))
        self.threads.append(threading.current_thread().name)
        said: list[str] = []
        spans = [StackSpan(stack, 0, 0, 0)]
        for done, whole in self.reads:
            if on_read is not None:
                on_read(done, whole)
            while not self.read_gate.wait(0.005):
                if should_stop():
                    return self._answer("", stack, sampling, "cancelled")
        for index, piece in enumerate(self.pieces):
            if index == len(self.pieces) - 1:
                while not self.gate.wait(0.005):
                    if should_stop():
                        break
            if should_stop():
                return self._answer("".join(said), stack, sampling, "cancelled", spans)
            wanted = next_stack() if said and next_stack is not None else None
            if wanted is not None:
                stack = wanted
                spans.append(StackSpan(stack, index, index, len("".join(said))))
            said.append(piece)
            on_text(piece)
        if self.failure is not None:
            raise self.failure
        return self._answer("".join(said), stack, sampling, "stop", spans)

    def generate_batch(
        self,
        questions: Sequence[Question],
        on_text: Callable[[int, str], None],
        should_stop: Callable[[], bool],
    ) -> tuple[Answer, ...]:
        """Each says the pieces and the names of its own experts, turn by turn."""
        said = [""] * len(questions)
        for place, piece in enumerate(self.pieces):
            while place == len(self.pieces) - 1 and not self.gate.wait(0.005):
                if should_stop():
                    break
            if should_stop():
                break
            for index, question in enumerate(questions):
                names = "+".join(member.name for member in question.stack.members) or "base"
                told = f"{piece} {names};"
                said[index] += told
                on_text(index, told)
        if self.failure is not None:
            raise self.failure
        self.asked += [(q.messages, q.stack, q.sampling) for q in questions]
        reason = "cancelled" if should_stop() else "stop"
        return tuple(
            self._answer(text, question.stack, question.sampling, reason)
            for text, question in zip(said, questions, strict=True)
        )

    def attribute(
        self,
        messages: Sequence[Message],
        tokens: Sequence[int],
        stack: Stack,
        on_done: Callable[[int, int], None],
        should_stop: Callable[[], bool],
    ) -> Attribution | None:
        """Every expert gives the token of its own place most."""
        count = len(stack.members)
        for done in range(count + 2):
            on_done(done, count + 1)
            while done and not self.gate.wait(0.005):
                if should_stop():
                    return None
        said = tuple(
            AttributedToken(
                chr(token), -0.5, tuple(2.0 if at == place % count else -0.1 for at in range(count))
            )
            for place, token in enumerate(tokens)
        )
        return Attribution(tuple(member.name for member in stack.members), said)

    def _answer(
        self,
        text: str,
        stack: Stack,
        sampling: Sampling,
        reason: str,
        spans: Sequence[StackSpan] = (),
    ) -> Answer:
        timing = AnswerTiming(38.0, 47.0, 12, 0, max(1, len(text)))
        used = replace(sampling, seed=sampling.seed or 7)
        return Answer(
            text, stack, used, reason, timing,  # type: ignore[arg-type]
            context_used=12 + len(text), context_limit=4096, spans=tuple(spans),
            tokens=tuple(map(ord, text[:10_000])),  # no model says millions
        )  # fmt: skip

    def memory(self) -> MemoryByOwner:
        return MemoryByOwner(24_000_000, (("json-parser", 80_000),), 1_000_000)

    def close(self) -> None:
        self.closed = True


def factory_of(
    engine: FakeEngine, failure: Exception | None = None
) -> Callable[[BaseRequest, Callable[[float], None]], FakeEngine]:
    """An EngineFactory that gives this engine, or fails."""

    def load(request: BaseRequest, on_progress: Callable[[float], None]) -> FakeEngine:
        on_progress(0.5)
        if failure is not None:
            raise failure
        return engine

    return load
