"""How Python's interpreter serves a window: who collects cycles, how long a thread's turn is.

Lives on the main thread.

Left to itself, Python collects on whichever thread allocates next. A widget in a cycle
would then be destroyed on the model thread, where Qt cannot stop its timers, and the next
tick of such a timer ends the process. And a thread that paints gives the interpreter's lock
away at every call into Qt, and waits a whole turn (5 ms by Python's custom) to have it back
from one that reads files: turns are short here. Knows nothing of what is collected or run.
"""

from __future__ import annotations

import gc
import sys
import time

from PySide6.QtCore import QObject, QTimer, Slot

LOOK_EVERY_MS = 250  # what was made meanwhile is looked at in one go
TURN_S = 0.0005
LONG_S = 0.04  # what outlives a collection that takes longer is taken for lasting


class CycleCollector(QObject):
    """Collects by Python's own thresholds, but only between two events of the window."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._was_enabled = False
        self._usual_turn_s = sys.getswitchinterval()
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_EVERY_MS)
        self._timer.timeout.connect(self._on_look)

    def start(self) -> None:
        """Takes collecting over from the interpreter, and shortens the turns of threads."""
        self._usual_turn_s = sys.getswitchinterval()
        sys.setswitchinterval(TURN_S)
        self._was_enabled = gc.isenabled()
        gc.disable()
        self._timer.start()

    def settle(self) -> None:
        """What lives now (torch's modules above all) is not looked at again: collecting stays
        quick however much was imported."""
        gc.freeze()

    def close(self) -> None:
        """Hands both back."""
        sys.setswitchinterval(self._usual_turn_s)
        self._timer.stop()
        gc.unfreeze()
        if self._was_enabled:
            gc.enable()

    @Slot()
    def _on_look(self) -> None:
        counts, thresholds = gc.get_count(), gc.get_threshold()
        due = [g for g in range(3) if thresholds[g] and counts[g] > thresholds[g]]
        if not due:
            return
        began = time.perf_counter()
        gc.collect(max(due))
        if max(due) == 2 and time.perf_counter() - began > LONG_S:
            gc.freeze()
