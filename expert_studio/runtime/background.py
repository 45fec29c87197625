"""Short work on a thread pool, results back on the main thread. Lives on the main thread.

Knows nothing of the work. With `threads=1` it is a serial lane: work runs in the
order in which it was given, which is what the one SQLite connection needs.

Signals:
    failed(ExpertError): work ended in an expected failure and named no `on_failed`.
    crashed(CrashReport): work ended in anything else, which is a defect.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import shiboken6
from PySide6.QtCore import QObject, QRunnable, QThreadPool, Signal, Slot

from expert_studio.core.errors import CrashReport, ExpertError

OnDone = Callable[[Any], None]
OnFailed = Callable[[ExpertError], None]


class Background(QObject):
    failed = Signal(object)
    crashed = Signal(object)
    _ended = Signal(int, object, object)  # job number, result, exception or None

    def __init__(self, threads: int = 2, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(threads)
        self._waiting: dict[int, tuple[str, OnDone | None, OnFailed | None]] = {}
        self._next_number = 0
        self._closed = threading.Event()
        self._ended.connect(self._on_ended)

    @property
    def busy(self) -> bool:
        """Whether work is running, queued, or its result not yet delivered."""
        return bool(self._waiting)

    def run(
        self,
        function: Callable[..., Any],
        *args: Any,
        on_done: OnDone | None = None,
        on_failed: OnFailed | None = None,
    ) -> None:
        """Runs `function(*args)` on the pool and gives its result to `on_done` here.

        A receiver that was destroyed meanwhile is not called. Without `on_failed` an
        ExpertError is emitted by `failed`.
        """
        self._next_number += 1
        number = self._next_number
        self._waiting[number] = (getattr(function, "__qualname__", "work"), on_done, on_failed)
        self._pool.start(_Job(number, function, args, self._hand_back))

    def close(self, limit_s: float = 5.0) -> bool:
        """Waits for what is running; results are no longer delivered. True when all ended."""
        self._closed.set()
        self._waiting.clear()
        return self._pool.waitForDone(int(limit_s * 1000))

    def _hand_back(self, number: int, result: Any, defect: Exception | None) -> None:
        """Called on the pool's thread."""
        if not self._closed.is_set():
            self._ended.emit(number, result, defect)

    @Slot(int, object, object)
    def _on_ended(self, number: int, result: object, defect: Exception | None) -> None:
        entry = self._waiting.pop(number, None)
        if entry is None:
            return
        name, on_done, on_failed = entry
        if defect is None:
            if on_done is not None and _alive(on_done):
                on_done(result)
        elif not isinstance(defect, ExpertError):
            self.crashed.emit(CrashReport.of(defect, name))
        elif on_failed is None:
            self.failed.emit(defect)
        elif _alive(on_failed):
            on_failed(defect)


class _Job(QRunnable):
    def __init__(
        self,
        number: int,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        hand_back: Callable[[int, Any, Exception | None], None],
    ) -> None:
        super().__init__()
        self._number = number
        self._function = function
        self._args = args
        self._hand_back = hand_back

    def run(self) -> None:
        try:
            result = self._function(*self._args)
        except Exception as defect:  # noqa: BLE001 (sorted on the main thread)
            self._hand_back(self._number, None, defect)
        else:
            self._hand_back(self._number, result, None)


def _alive(slot: Callable[..., Any]) -> bool:
    receiver = getattr(slot, "__self__", None)
    return not isinstance(receiver, QObject) or shiboken6.isValid(receiver)
