"""What nobody caught, on any thread, brought to one place. Knows nothing of what shows it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType


@contextmanager
def defects_reported_to(report: Callable[[BaseException, str], None]) -> Iterator[None]:
    """Until the end of the block, `report` gets every uncaught exception and where it came from.

    It is called on the thread that met the exception.
    """
    of_main, of_threads = sys.excepthook, threading.excepthook

    def on_main(
        kind: type[BaseException], defect: BaseException, trace: TracebackType | None
    ) -> None:
        of_main(kind, defect, trace)
        if isinstance(defect, Exception):
            report(defect, "the window")

    def on_thread(told: threading.ExceptHookArgs) -> None:
        of_threads(told)
        if isinstance(told.exc_value, Exception):
            report(told.exc_value, told.thread.name if told.thread else "a thread")

    sys.excepthook, threading.excepthook = on_main, on_thread
    try:
        yield
    finally:
        sys.excepthook, threading.excepthook = of_main, of_threads
