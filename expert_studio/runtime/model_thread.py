"""The one serial lane that owns the base and its experts. Lives on the main thread.

Its worker lives on a QThread of its own; the engine is made there by the factory, so
torch is imported on that thread and nowhere else. Knows nothing of torch or of pages.

Signals:
    base_loading(float): 0.0 to 1.0; 0.0 before the factory is called.
    base_ready(BaseDescription): once for each `load_base` that worked.
    base_failed(ExpertError): once for each `load_base` that did not; nothing is loaded then.
    base_unloaded(): its memory is free; the next question loads it again.
    text_arrived(str, str): request and new text, at most about thirty times a second.
    prompt_read(str, int, int): request, tokens read and tokens to read, piece by piece.
    stack_changed(str, Stack): another stack goes on with an answer after the text so far.
    answer_finished(str, Answer): exactly one of these two for each `ask`.
    answer_failed(str, ExpertError)
    part_arrived(str, int, str): of several answers at once: request, which one, and new text.
    all_finished(str, tuple[Answer, ...]): this or `answer_failed` once for each `ask_together`.
    pass_done(str, int, int): request, passes done and passes there are.
    attributed(str, Attribution | None): this or `answer_failed` once for each `attribute`; None
        where it was stopped.
    memory_changed(MemoryByOwner): after a base was loaded, each answer and each prefetch.
    crashed(CrashReport): a defect on the lane; the request concerned has failed as well.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from PySide6.QtCore import QObject, Qt, QThread, Signal, Slot

from expert_studio.core.errors import CrashReport, ExpertError
from expert_studio.core.inference.conversation import (
    BaseRequest,
    ChatEngine,
    EngineFactory,
    Message,
    Question,
    Sampling,
    StackSpan,
)
from expert_studio.core.inference.model_requests import (
    Ask,
    AskTogether,
    Attribute,
    Load,
    Pieces,
    Prefetch,
    WantedStack,
    answer_defect,
    load_defect,
    no_base,
)
from expert_studio.core.inference.stack import Stack

_PASSED_ON = (
    "base_loading", "base_ready", "base_failed", "base_unloaded", "text_arrived", "prompt_read",
    "stack_changed", "part_arrived", "pass_done", "memory_changed", "crashed",
)  # fmt: skip


class _Telling(QObject):
    """What the lane says, and its thread after it."""

    base_loading = Signal(float)
    base_ready = Signal(object)
    base_failed = Signal(object)
    base_unloaded = Signal()
    text_arrived = Signal(str, object)
    prompt_read = Signal(str, int, int)
    stack_changed = Signal(str, object)
    answer_finished = Signal(str, object)
    answer_failed = Signal(str, object)
    part_arrived = Signal(str, int, object)
    all_finished = Signal(str, object)
    pass_done = Signal(str, int, int)
    attributed = Signal(str, object)
    memory_changed = Signal(object)
    crashed = Signal(object)


class ModelThread(_Telling):
    _load_wanted = Signal(object)
    _ask_wanted = Signal(object)
    _together_wanted = Signal(object)
    _attribution_wanted = Signal(object)
    _prefetch_wanted = Signal(object)
    _unload_wanted = Signal()
    _close_wanted = Signal()

    def __init__(self, factory: EngineFactory, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._stops: dict[str, threading.Event] = {}
        self._wanted: dict[str, WantedStack] = {}
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
        self._together_wanted.connect(lane.ask_together)
        self._attribution_wanted.connect(lane.attribute)
        self._prefetch_wanted.connect(lane.prefetch)
        self._unload_wanted.connect(lane.unload)
        self._close_wanted.connect(lane.close, Qt.ConnectionType.QueuedConnection)
        for told in _PASSED_ON:
            getattr(lane, told).connect(getattr(self, told))
        lane.answer_finished.connect(self._on_answer_finished)
        lane.answer_failed.connect(self._on_answer_failed)
        lane.all_finished.connect(self._on_all_finished)
        lane.attributed.connect(self._on_attributed)

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
        self._load_wanted.emit(Load(request, self._abandon))

    def unload_base(self) -> None:
        """Frees what the base takes once all that was asked is answered."""
        self._prefetch.set()
        self._unload_wanted.emit()

    def ask(
        self,
        messages: Sequence[Message],
        stack: Stack,
        sampling: Sampling,
        replay: Sequence[StackSpan] = (),
    ) -> str:
        """Queues one answer and returns the request's id, which its signals carry.

        As `ChatEngine.generate`, also where the last message is the assistant's.
        """
        request, stop = self._begin()
        wanted = self._wanted[request] = WantedStack()
        asked = (tuple(messages), stack, sampling, tuple(replay))
        self._ask_wanted.emit(Ask(request, *asked, stop, wanted))
        return request

    def ask_together(self, questions: Sequence[Question]) -> str:
        """Queues several answers that are said at once."""
        request, stop = self._begin()
        self._together_wanted.emit(AskTogether(request, tuple(questions), stop))
        return request

    def attribute(self, messages: Sequence[Message], tokens: Sequence[int], stack: Stack) -> str:
        """Queues the question what each expert of the stack did for an answer."""
        request, stop = self._begin()
        asked = (tuple(messages), tuple(tokens), stack)
        self._attribution_wanted.emit(Attribute(request, *asked, stop))
        return request

    def _begin(self) -> tuple[str, threading.Event]:
        request, stop = uuid.uuid4().hex, threading.Event()
        self._stops[request] = stop
        self._prefetch.set()
        return request, stop

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
        self._prefetch_wanted.emit(Prefetch(stack, self._prefetch))

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
    def _on_all_finished(self, request: str, answers: object) -> None:
        self._forget(request)
        self.all_finished.emit(request, answers)

    @Slot(str, object)
    def _on_attributed(self, request: str, attribution: object) -> None:
        self._forget(request)
        self.attributed.emit(request, attribution)

    @Slot(str, object)
    def _on_answer_failed(self, request: str, error: object) -> None:
        self._forget(request)
        self.answer_failed.emit(request, error)

    def _forget(self, request: str) -> None:
        self._stops.pop(request, None)
        self._wanted.pop(request, None)


class _Lane(_Telling):
    """Lives on the model thread; every slot runs there, one after the other."""

    def __init__(self, factory: EngineFactory) -> None:
        super().__init__()
        self._factory = factory
        self._engine: ChatEngine | None = None
        self._loaded: Load | None = None  # by which it is loaded again, once unloaded

    @Slot(object)
    def load(self, command: Load) -> None:
        if command.abandon.is_set():
            return
        self._loaded = None
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
            self.base_failed.emit(load_defect(command.request))
        else:
            self._loaded = command
            self.base_ready.emit(self._engine.base)
            self.memory_changed.emit(memory)

    @Slot()
    def unload(self) -> None:
        if self._engine is not None:
            self._release()
            self.base_unloaded.emit()

    @Slot(object)
    def ask(self, command: Ask) -> None:
        if (engine := self._asked(command.request)) is None:
            return
        pieces = Pieces(partial(self.text_arrived.emit, command.request))
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

        with self._telling(command.request, "answering", pieces.flush):
            answer = engine.generate(
                command.messages,
                command.stack,
                command.sampling,
                pieces.add,
                command.stop.is_set,
                on_read=partial(self.prompt_read.emit, command.request),
                next_stack=next_stack,
                replay=command.replay,
            )
            pieces.flush()
            self.answer_finished.emit(command.request, answer)
            self.memory_changed.emit(engine.memory())

    @Slot(object)
    def ask_together(self, command: AskTogether) -> None:
        if (engine := self._asked(command.request)) is None:
            return
        every = [
            Pieces(partial(self.part_arrived.emit, command.request, index))
            for index in range(len(command.questions))
        ]

        def flush() -> None:
            for pieces in every:
                pieces.flush()

        with self._telling(command.request, "answering", flush):
            answers = engine.generate_batch(
                command.questions,
                lambda index, text: every[index].add(text),
                command.stop.is_set,
            )
            flush()
            self.all_finished.emit(command.request, answers)
            self.memory_changed.emit(engine.memory())

    @Slot(object)
    def attribute(self, command: Attribute) -> None:
        if (engine := self._asked(command.request)) is None:
            return
        with self._telling(command.request, "attributing an answer", lambda: None):
            found = engine.attribute(
                command.messages,
                command.tokens,
                command.stack,
                partial(self.pass_done.emit, command.request),
                command.stop.is_set,
            )
            self.attributed.emit(command.request, found)

    def _asked(self, request: str) -> ChatEngine | None:
        """The engine, loaded again where it was unloaded; where there is none, that is told."""
        if self._engine is None and self._loaded is not None:
            self.load(self._loaded)
        if self._engine is None:
            self.answer_failed.emit(request, no_base())
        return self._engine

    @contextmanager
    def _telling(self, request: str, doing: str, flush: Callable[[], None]) -> Iterator[None]:
        """What fails within is told once, after what was gathered."""
        try:
            yield
        except ExpertError as error:
            flush()
            self.answer_failed.emit(request, error)
        except Exception as defect:  # noqa: BLE001 (a defect of any kind is reported)
            flush()
            self.crashed.emit(CrashReport.of(defect, doing))
            self.answer_failed.emit(request, answer_defect())

    @Slot(object)
    def prefetch(self, command: Prefetch) -> None:
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
