"""The one serial lane that owns the base and its experts. Lives on the main thread.

Its worker lives on a QThread of its own; the engine is made there by the factory, so
torch is imported on that thread and nowhere else. Knows nothing of torch or of pages.

Signals:
    base_loading(float): 0.0 to 1.0; 0.0 before the factory is called.
    base_ready(BaseDescription): once for each `load_base` that worked.
    base_failed(ExpertError): once for each `load_base` that did not; nothing is loaded then.
    text_arrived(str, str): request and new text, at most about thirty times a second.
    prompt_read(str, int, int): request, tokens read and tokens to read, piece by piece.
    stack_changed(str, Stack): another stack goes on with an answer after the text so far.
    answer_finished(str, Answer): exactly one of these two for each `ask`.
    answer_failed(str, ExpertError)
    memory_changed(MemoryByOwner): after a base was loaded, each answer and each prefetch.
    crashed(CrashReport): a defect on the lane; the request concerned has failed as well.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from PySide6.QtCore import QObject, Qt, QThread, Signal, Slot

from expert_studio.core.errors import CrashReport, ExpertError, InferenceError, LoadError
from expert_studio.core.inference.conversation import (
    BaseRequest,
    ChatEngine,
    EngineFactory,
    Message,
    Sampling,
)
from expert_studio.core.inference.stack import Stack

COALESCE_S = 0.03


@dataclass(frozen=True, slots=True)
class _Ask:
    request: str
    messages: tuple[Message, ...]
    stack: Stack
    sampling: Sampling
    stop: threading.Event = field(compare=False)
    wanted: _Wanted = field(compare=False)


class _Wanted:
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
class _Prefetch:
    stack: Stack
    cancelled: threading.Event = field(compare=False)


@dataclass(frozen=True, slots=True)
class _Load:
    request: BaseRequest
    abandon: threading.Event = field(compare=False)


class ModelThread(QObject):
    base_loading = Signal(float)
    base_ready = Signal(object)
    base_failed = Signal(object)
    text_arrived = Signal(str, str)
    prompt_read = Signal(str, int, int)
    stack_changed = Signal(str, object)
    answer_finished = Signal(str, object)
    answer_failed = Signal(str, object)
    memory_changed = Signal(object)
    crashed = Signal(object)

    _load_wanted = Signal(object)
    _ask_wanted = Signal(object)
    _prefetch_wanted = Signal(object)
    _close_wanted = Signal()

    def __init__(self, factory: EngineFactory, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._stops: dict[str, threading.Event] = {}
        self._wanted: dict[str, _Wanted] = {}
        self._prefetch = threading.Event()  # cancels the one that waits or runs
        self._abandon = threading.Event()
        self._thread = QThread()
        self._thread.setObjectName("model")
        self._lane = _Lane(factory)
        self._lane.moveToThread(self._thread)
        self._connect()

    def _connect(self) -> None:
        lane = self._lane
        self._load_wanted.connect(lane.load)
        self._ask_wanted.connect(lane.ask)
        self._prefetch_wanted.connect(lane.prefetch)
        self._close_wanted.connect(lane.close, Qt.ConnectionType.QueuedConnection)
        lane.base_loading.connect(self.base_loading)
        lane.base_ready.connect(self.base_ready)
        lane.base_failed.connect(self.base_failed)
        lane.text_arrived.connect(self.text_arrived)
        lane.prompt_read.connect(self.prompt_read)
        lane.stack_changed.connect(self.stack_changed)
        lane.answer_finished.connect(self._on_answer_finished)
        lane.answer_failed.connect(self._on_answer_failed)
        lane.memory_changed.connect(self.memory_changed)
        lane.crashed.connect(self.crashed)

    @property
    def busy(self) -> bool:
        """Whether an answer is running or queued."""
        return bool(self._stops)

    def start(self) -> None:
        """Starts the thread; nothing heavy is imported until `load_base`."""
        self._thread.start()

    def load_base(self, request: BaseRequest) -> None:
        """Stops what is being answered, then loads another base in its place."""
        self.stop_all()
        self._prefetch.set()
        self._load_wanted.emit(_Load(request, self._abandon))

    def ask(self, messages: Sequence[Message], stack: Stack, sampling: Sampling) -> str:
        """Queues one answer and returns the request's id, which its signals carry."""
        request = uuid.uuid4().hex
        stop, wanted = threading.Event(), _Wanted()
        self._stops[request], self._wanted[request] = stop, wanted
        self._prefetch.set()
        self._ask_wanted.emit(_Ask(request, tuple(messages), stack, sampling, stop, wanted))
        return request

    def change_stack(self, request: str, stack: Stack) -> None:
        """Has another stack go on with an answer under way, from its next token on."""
        if request in self._wanted:
            self._wanted[request].put(stack)

    def prefetch(self, stack: Stack) -> None:
        """Reads a stack's experts while nothing else is to be done.

        Gives way to the next answer, base or prefetch, at the latest after the expert that is
        being read. What fails is told when the stack is asked.
        """
        self._prefetch.set()
        if self.busy or not stack.members:
            return
        self._prefetch = threading.Event()
        self._prefetch_wanted.emit(_Prefetch(stack, self._prefetch))

    def stop(self, request: str) -> None:
        """Ends an answer at its next token; it still finishes, as cancelled."""
        if request in self._stops:
            self._stops[request].set()

    def stop_all(self) -> None:
        for stop in self._stops.values():
            stop.set()

    def close(self, limit_s: float = 10.0) -> bool:
        """Stops answers, frees the engine, ends the thread. True when it ended in time."""
        if not self._thread.isRunning():
            return True
        self.stop_all()
        self._prefetch.set()
        self._abandon.set()
        self._close_wanted.emit()
        return self._thread.wait(int(limit_s * 1000))

    @Slot(str, object)
    def _on_answer_finished(self, request: str, answer: object) -> None:
        self._forget(request)
        self.answer_finished.emit(request, answer)

    @Slot(str, object)
    def _on_answer_failed(self, request: str, error: object) -> None:
        self._forget(request)
        self.answer_failed.emit(request, error)

    def _forget(self, request: str) -> None:
        self._stops.pop(request, None)
        self._wanted.pop(request, None)


class _Lane(QObject):
    """Lives on the model thread; every slot runs there, one after the other."""

    base_loading = Signal(float)
    base_ready = Signal(object)
    base_failed = Signal(object)
    text_arrived = Signal(str, str)
    prompt_read = Signal(str, int, int)
    stack_changed = Signal(str, object)
    answer_finished = Signal(str, object)
    answer_failed = Signal(str, object)
    memory_changed = Signal(object)
    crashed = Signal(object)

    def __init__(self, factory: EngineFactory) -> None:
        super().__init__()
        self._factory = factory
        self._engine: ChatEngine | None = None

    @Slot(object)
    def load(self, command: _Load) -> None:
        if command.abandon.is_set():
            return
        self._release()
        self.base_loading.emit(0.0)
        try:
            self._engine = self._factory(command.request, self.base_loading.emit)
            memory = self._engine.memory()
        except ExpertError as error:
            self._release()
            self.base_failed.emit(error)
        except Exception as defect:  # noqa: BLE001 (a defect of any kind is reported)
            self._release()
            self.crashed.emit(CrashReport.of(defect, "loading a base"))
            self.base_failed.emit(_load_defect(command.request))
        else:
            self.base_ready.emit(self._engine.base)
            self.memory_changed.emit(memory)

    @Slot(object)
    def ask(self, command: _Ask) -> None:
        if self._engine is None:
            self.answer_failed.emit(command.request, _no_base())
            return
        pieces = _Pieces(command.request, self.text_arrived.emit)
        speaking = command.stack.hash

        def next_stack() -> Stack | None:
            nonlocal speaking
            wanted = command.wanted.take()
            if wanted is None or wanted.hash == speaking:
                return None
            speaking = wanted.hash
            pieces.flush()
            self.stack_changed.emit(command.request, wanted)
            return wanted

        try:
            answer = self._engine.generate(
                command.messages,
                command.stack,
                command.sampling,
                pieces.add,
                command.stop.is_set,
                on_read=lambda done, whole: self.prompt_read.emit(command.request, done, whole),
                next_stack=next_stack,
            )
        except ExpertError as error:
            pieces.flush()
            self.answer_failed.emit(command.request, error)
        except Exception as defect:  # noqa: BLE001 (a defect of any kind is reported)
            pieces.flush()
            self.crashed.emit(CrashReport.of(defect, "answering"))
            self.answer_failed.emit(command.request, _answer_defect())
        else:
            pieces.flush()
            self.answer_finished.emit(command.request, answer)
            self.memory_changed.emit(self._engine.memory())

    @Slot(object)
    def prefetch(self, command: _Prefetch) -> None:
        engine, stack = self._engine, command.stack
        if engine is None:
            return
        try:
            there = {name for name, _ in engine.memory().experts}
            new = [member for member in stack.members if member.name not in there]
            # one by one, so that what is asked meanwhile waits for one expert at most
            parts = [replace(stack, members=(member,)) for member in new]
            if len(stack.members) > 1 or not new:
                parts.append(stack)
            for part in parts:
                if command.cancelled.is_set():
                    return
                engine.attach_experts(part)
            if not command.cancelled.is_set():
                self.memory_changed.emit(engine.memory())
        except ExpertError:
            return  # the same sentence comes when the stack is asked
        except Exception as defect:  # noqa: BLE001 (a defect of any kind is reported)
            self.crashed.emit(CrashReport.of(defect, "reading experts ahead"))

    @Slot()
    def close(self) -> None:
        try:
            self._release()
        finally:
            self.thread().quit()

    def _release(self) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()


class _Pieces:
    """Gathers streamed text so that the window gets about thirty signals a second."""

    def __init__(self, request: str, emit: Callable[[str, str], None]) -> None:
        self._request = request
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
            self._emit(self._request, text)
            self._emitted_at = time.monotonic()


def _no_base() -> InferenceError:
    return InferenceError(
        "There is nothing to answer with.",
        "No base model is loaded.",
        "Choose a base under Settings.",
    )


def _answer_defect() -> InferenceError:
    return InferenceError(
        "The answer broke off.",
        "Expert Studio met a defect while answering.",
        "Copy the report that was shown, then ask again.",
    )


def _load_defect(request: BaseRequest) -> LoadError:
    return LoadError(
        f"The base in {request.folder} could not be loaded.",
        "Expert Studio met a defect while loading it.",
        "Copy the report that was shown, then choose another base under Settings.",
    )
