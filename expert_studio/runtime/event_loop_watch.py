"""Measures for how long the main thread's event loop stood still. Lives on the main thread.

A 10 ms timer notes how late it fires. Gaps are kept apart by phase, so that the one-time
import of torch is not mixed with the rest, and apart from times in which the whole process
was stopped from outside: no thread of it ran then. Knows nothing of what caused a gap.
"""

from __future__ import annotations

import signal
import threading
import time
from dataclasses import dataclass
from types import FrameType

from PySide6.QtCore import QObject, Qt, QTimer, Slot

INTERVAL_MS = 10
# what the system sends a process that goes on after a stop; Windows has no such thing
_GOES_ON: signal.Signals | None = getattr(signal, "SIGCONT", None)


@dataclass(frozen=True, slots=True)
class LongestGap:
    """The worst of one phase."""

    phase: str
    gap_ms: float  # between two firings, less the timer's own interval
    ticks: int


class EventLoopWatch(QObject):
    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._phase = "start"
        self._gaps: dict[str, list[float]] = {}
        self._stopped: list[tuple[str, float]] = []
        self._was_stopped = False
        self._handler_before: object = None
        self._last_s = 0.0  # monotonic clock
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(self._on_tick)

    def start(self) -> None:
        self._last_s = time.monotonic()
        self._was_stopped = False
        if _GOES_ON is not None and threading.current_thread() is threading.main_thread():
            self._handler_before = signal.signal(_GOES_ON, self._on_goes_on)
        self._timer.start()

    def stop(self) -> None:
        self._timer.stop()
        if _GOES_ON is not None and self._handler_before is not None:
            signal.signal(_GOES_ON, self._handler_before)  # type: ignore[arg-type]
            self._handler_before = None

    def enter(self, phase: str) -> None:
        """Gaps that end from now on count for this phase."""
        if self._timer.isActive():
            self._on_tick()
        self._phase = phase

    def longest(self) -> tuple[LongestGap, ...]:
        """One line for each phase, in the order in which they began."""
        return tuple(LongestGap(phase, max(gaps), len(gaps)) for phase, gaps in self._gaps.items())

    def gaps_over(self, limit_ms: float) -> tuple[tuple[str, float], ...]:
        """(phase, ms) of every gap longer than `limit_ms`."""
        return tuple(
            (phase, gap) for phase, gaps in self._gaps.items() for gap in gaps if gap > limit_ms
        )

    @property
    def stopped(self) -> tuple[tuple[str, float], ...]:
        """(phase, ms) of every time the process was stopped from outside; no gaps of the loop."""
        return tuple(self._stopped)

    def _on_goes_on(self, _signal: int, _frame: FrameType | None) -> None:
        self._was_stopped = True

    @Slot()
    def _on_tick(self) -> None:
        now = time.monotonic()
        gap_ms = max(0.0, (now - self._last_s) * 1000 - INTERVAL_MS)
        self._last_s = now
        if self._was_stopped:
            self._was_stopped = False
            self._stopped.append((self._phase, gap_ms))
        else:
            self._gaps.setdefault(self._phase, []).append(gap_ms)
