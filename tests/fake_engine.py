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
    BaseDescription,
    BaseRequest,
    MemoryByOwner,
    Message,
    Sampling,
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
    """Streams `pieces`; waits for `gate` before the last of them."""

    pieces: Sequence[str] = ("he", "llo")
    failure: Exception | None = None
    gate: threading.Event = field(default_factory=threading.Event)
    asked: list[tuple[tuple[Message, ...], Stack, Sampling]] = field(default_factory=list)
    threads: list[str] = field(default_factory=list)
    closed: bool = False
    base: BaseDescription = BASE

    def __post_init__(self) -> None:
        self.gate.set()

    def generate(
        self,
        messages: Sequence[Message],
        stack: Stack,
        sampling: Sampling,
        on_text: Callable[[str], None],
        should_stop: Callable[[], bool],
    ) -> Answer:
        self.asked.append((tuple(messages), stack, sampling))
        self.threads.append(threading.current_thread().name)
        said: list[str] = []
        for index, piece in enumerate(self.pieces):
            if index == len(self.pieces) - 1:
                while not self.gate.wait(0.005):
                    if should_stop():
                        break
            if should_stop():
                return self._answer("".join(said), stack, sampling, "cancelled")
            said.append(piece)
            on_text(piece)
        if self.failure is not None:
            raise self.failure
        return self._answer("".join(said), stack, sampling, "stop")

    def _answer(self, text: str, stack: Stack, sampling: Sampling, reason: str) -> Answer:
        timing = AnswerTiming(38.0, 47.0, 12, 0, max(1, len(text)))
        used = replace(sampling, seed=sampling.seed or 7)
        return Answer(text, stack, used, reason, timing)  # type: ignore[arg-type]

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
