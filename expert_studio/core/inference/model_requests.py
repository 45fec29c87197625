"""What is asked of the thread that owns an engine, and how streamed text is gathered for a window.

Frozen but for what several threads share: events, and the stack wanted next. Knows no engine.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from expert_studio.core.errors import InferenceError, LoadError
from expert_studio.core.inference.conversation import (
    BaseRequest,
    Message,
    Question,
    Sampling,
    StackSpan,
)
from expert_studio.core.inference.stack import Stack

COALESCE_S = 0.03


class WantedStack:
    """The stack that an answer under way shall go on with; any thread may call."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stack: Stack | None = None

    def put(self, stack: Stack) -> None:
        with self._lock:
            self._stack = stack

    def take(self) -> Stack | None:
        """The latest that was put, once."""
        with self._lock:
            stack, self._stack = self._stack, None
            return stack


@dataclass(frozen=True, slots=True)
class Ask:
    """One answer."""

    request: str
    messages: tuple[Message, ...]
    stack: Stack
    sampling: Sampling
    replay: tuple[StackSpan, ...]
    stop: threading.Event = field(compare=False)
    wanted: WantedStack = field(compare=False)


@dataclass(frozen=True, slots=True)
class AskTogether:
    """Several answers at once."""

    request: str
    questions: tuple[Question, ...]
    stop: threading.Event = field(compare=False)


@dataclass(frozen=True, slots=True)
class Attribute:
    """What each expert did for an answer."""

    request: str
    messages: tuple[Message, ...]
    tokens: tuple[int, ...]
    stack: Stack
    stop: threading.Event = field(compare=False)


@dataclass(frozen=True, slots=True)
class Prefetch:
    """Experts to read ahead of a question."""

    stack: Stack
    cancelled: threading.Event = field(compare=False)


@dataclass(frozen=True, slots=True)
class Load:
    """Another base."""

    request: BaseRequest
    abandon: threading.Event = field(compare=False)


class Pieces:
    """Gathers streamed text so that the window gets about thirty signals a second."""

    def __init__(self, emit: Callable[[str], None]) -> None:
        self._emit = emit
        self._held: list[str] = []
        self._emitted_at = 0.0  # monotonic clock

    def add(self, text: str) -> None:
        self._held.append(text)
        if time.monotonic() - self._emitted_at >= COALESCE_S:
            self.flush()

    def flush(self) -> None:
        text = "".join(self._held)
        self._held.clear()
        if text:
            self._emit(text)
            self._emitted_at = time.monotonic()


def no_base() -> InferenceError:
    """Nothing was loaded, or it failed."""
    return InferenceError(
        "There is nothing to answer with.",
        "No base model is loaded.",
        "Choose a base under Settings.",
    )


def answer_defect() -> InferenceError:
    """Where a report of the defect is shown beside it."""
    return InferenceError(
        "The answer broke off.",
        "Expert Studio met a defect while answering.",
        "Copy the report that was shown, then ask again.",
    )


def load_defect(request: BaseRequest) -> LoadError:
    """As `answer_defect`."""
    return LoadError(
        f"The base in {request.folder} could not be loaded.",
        "Expert Studio met a defect while loading it.",
        "Copy the report that was shown, then choose another base under Settings.",
    )
