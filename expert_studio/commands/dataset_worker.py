"""The child process that works on a dataset for the window: orders in, progress out.

The first line of standard input is the order, later ones are "pause", "resume" or "stop";
its end means stop, so that a killed window leaves nothing running. Standard output takes
one line of JSON an event. Knows nothing of the window.
"""

from __future__ import annotations

import io
import json
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, TextIO

from expert_studio.core.errors import CrashReport, ExpertError

_TOLD_EVERY_S = 0.1

Work = Callable[[Mapping[str, Any], "Desk"], dict[str, Any]]


class Desk:
    """What a piece of work hears and says.

    Attributes:
        stop: set once the work should end after its next row.
    """

    def __init__(self, told: TextIO) -> None:
        self.stop = threading.Event()
        self._going = threading.Event()
        self._going.set()
        self._told = told
        self._told_at_s = 0.0

    @property
    def paused(self) -> bool:
        return not self._going.is_set()

    def rest(self) -> None:
        """Returns at once, or when a pause is over."""
        self._going.wait()

    def progress(self, done: int, total: int | None, **facts: object) -> None:
        """Tells how far the work is; too frequent news is dropped."""
        now_s = time.monotonic()
        if now_s - self._told_at_s >= _TOLD_EVERY_S:
            self._told_at_s = now_s
            self.tell("progress", done=done, total=total, facts=facts)

    def tell(self, event: str, **said: object) -> None:
        self._told.write(json.dumps({"event": event, **said}) + "\n")
        self._told.flush()

    def listen(self, orders: BinaryIO) -> None:
        """Hears the window until it hangs up."""
        while line := orders.readline():
            match json.loads(line):
                case "pause":
                    self._going.clear()
                case "resume":
                    self._going.set()
                case "stop":
                    break
        self.stop.set()
        self._going.set()


def main() -> int:
    """Does the one piece of work that is ordered; returns the exit code."""
    # unbuffered: a thread that waits in a buffered reader may not be left at the end
    orders = io.FileIO(sys.stdin.fileno(), closefd=False)
    desk = Desk(sys.stdout)
    sys.stdout = sys.stderr  # what a library prints is no event
    order = json.loads(orders.readline() or b"null")
    if order is None:
        return 0
    threading.Thread(target=desk.listen, args=(orders,), daemon=True).start()
    try:
        from expert_studio.commands import dataset_work

        work = order.pop("work")
        result = dataset_work.WORKS[work](order, desk)
        if work in dataset_work.MAKE_ROWS:
            dataset_work.settle(order, result)
    except ExpertError as error:
        desk.tell("failed", what=error.what, why=error.why, remedy=error.remedy)
        return 1
    except Exception as defect:  # noqa: BLE001 (brought to the crash dialog)
        report = CrashReport.of(defect, "the work on a dataset")
        desk.tell("crashed", summary=report.summary, trace=report.trace, where=report.where)
        return 1
    desk.tell("finished", result=result)
    return 0
