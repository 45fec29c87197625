"""One thread that owns one engine, shared by all who ask for the same base.

Everything an engine does happens in its lane, one call after another. Knows nothing of
experts' files or of how an engine is made: it is given the factory.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Self, TypeVar

from expert_studio.core.errors import InferenceError
from expert_studio.core.inference.conversation import Answer, BaseRequest, Question

if TYPE_CHECKING:
    from expert_studio.core.inference.engine import Engine

T = TypeVar("T")
Factory = Callable[[BaseRequest, Callable[[float], None]], "Engine"]


class Lane:
    """One engine and its thread."""

    def __init__(self, request: BaseRequest, factory: Factory) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="expert-studio-engine")
        self._used: dict[int, frozenset[str]] = {}  # by user: names of experts it composes
        self.request = request
        self.users = 0
        try:
            self.engine = self._thread.submit(factory, request, lambda _: None).result()
        except BaseException:
            self._thread.shutdown(wait=False)
            raise

    def submit(self, work: Callable[[Engine], T]) -> Future[T]:
        """Queues work for the engine behind what it has to do already."""
        return self._thread.submit(lambda: work(self.engine))

    def call(self, work: Callable[[Engine], T]) -> T:
        """Has work done, waits, and returns or raises what comes of it."""
        return self.submit(work).result()

    def note(self, user: int, names: frozenset[str]) -> None:
        """Remembers which experts a user composes."""
        self._used[user] = names

    def used_by_others(self, user: int) -> frozenset[str]:
        """The experts that somebody else composes."""
        others = [names for other, names in self._used.items() if other != user]
        return frozenset().union(*others)

    def leave(self, user: int) -> None:
        """One user less; the last one closes the engine, without waiting for it."""
        with _sharing:
            self._used.pop(user, None)
            self.users -= 1
            if self.users:
                return
            _lanes.pop(self.request, None)
        self._thread.submit(self.engine.close)
        self._thread.shutdown(wait=False)

    def wait_closed(self) -> None:
        """Waits for the thread to end, if its last user has left."""
        if not self.users:
            self._thread.shutdown(wait=True)


_lanes: dict[BaseRequest, Lane] = {}
_loading = threading.Lock()
# apart from the other: the collector may find one who has left in the thread that loads
_sharing = threading.RLock()


def join(request: BaseRequest, factory: Factory) -> Lane:
    """The lane of this base; loads the base where nobody has. Each `join` needs a `leave`.

    Raises:
        LoadError, OutOfMemoryError: as the factory.
    """
    with _loading:
        with _sharing:
            lane = _lanes.get(request)
            if lane is not None:
                lane.users += 1
                return lane
        lane = Lane(request, factory)
        with _sharing:
            _lanes[request] = lane
            lane.users = 1
        return lane


def asking(
    question: Question, on_text: Callable[[str], None], stopped: threading.Event
) -> Callable[[Engine], Answer]:
    """The work of answering one question."""
    return lambda engine: engine.generate(
        question.messages, question.stack, question.sampling, on_text, stopped.is_set
    )


class AnswerStream:
    """One answer, piece by piece as decoded text: an async iterator.

    It begins with the first piece asked for. Cancelled, closed or forgotten, it stops at
    the next token. Errors of the answer are raised where the next piece is awaited.
    """

    def __init__(self, lane: Lane, question: Question) -> None:
        self._lane = lane
        self._question = question
        self._stopped = threading.Event()
        self._heard: asyncio.Queue[str | None] = asyncio.Queue()
        self._future: Future[Answer] | None = None
        self._over = False  # nothing more is to be heard

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> str:
        if self._over:
            raise StopAsyncIteration
        if self._future is None:
            self._future = self._begin()
        try:
            piece = await self._heard.get()
        except asyncio.CancelledError:
            self._over = True
            self._stopped.set()
            raise
        if piece is None:
            self._over = True
            self.answer  # noqa: B018 - raises what ended the answer
            raise StopAsyncIteration
        return piece

    async def aclose(self) -> None:
        """Stops at the next token and waits for it; `answer` then holds what was said."""
        self._over = True
        self._stopped.set()
        if self._future is not None:
            await asyncio.wrap_future(self._future)

    @property
    def answer(self) -> Answer:
        """The whole answer, once it has ended.

        Raises:
            InferenceError: it has not ended yet.
            As `generate`, where it failed.
        """
        if self._future is None or not self._future.done():
            raise InferenceError("The answer has not ended yet.", "", "Read it to its end first.")
        return self._future.result()

    def __del__(self) -> None:
        self._stopped.set()

    def _begin(self) -> Future[Answer]:
        """The work holds no reference to this stream, so that forgetting it stops the work."""
        loop, heard, stopped = asyncio.get_running_loop(), self._heard, self._stopped

        def tell(piece: str | None) -> None:
            try:
                loop.call_soon_threadsafe(heard.put_nowait, piece)
            except RuntimeError:  # the loop was closed: nobody listens any more
                stopped.set()

        future = self._lane.submit(asking(self._question, tell, stopped))
        future.add_done_callback(lambda _: tell(None))
        return future
