"""One engine of a benchmark in a process of its own: it waits for a command, then answers.

Requests and answers are one JSON object a line, on stdin and what was stdout; whatever a
library prints goes to stderr. The process ends when its stdin does. Knows nothing of what
the commands do. Only the standard library is imported: a peer may live in another
interpreter, where nothing of ours is installed.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

Handler = Callable[..., dict[str, Any]]
SWAPS = 3  # there and back; the median of all is told
# read and said before the clock runs: the other engines had the processor's caches in between
WARM_PROMPT = 16
WARM_TOKENS = 4


def serve(handlers: Mapping[str, Handler]) -> None:
    """Answers `{"do": name, ...}` with the handler of that name, until stdin ends.

    A handler that fails ends the process with its traceback on stderr.
    """
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)
        for line in sys.stdin:
            request = json.loads(line)
            answer = handlers[request.pop("do")](**request)
            print(json.dumps(answer), file=answers, flush=True)


class Clock:
    """Milliseconds since it was made."""

    def __init__(self) -> None:
        self._started_s = time.perf_counter()

    @property
    def ms(self) -> float:
        return (time.perf_counter() - self._started_s) * 1000


def reset_peak() -> None:
    """Lets the peak start again from what is resident now; only Linux can."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return  # the peak is then that of all measurements so far


def peak_mb() -> float | None:
    """The most memory that was resident since `reset_peak`, in MB; None where it is not told."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        told = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        return int(told.split()[1]) * 1024 / 1e6
    except (OSError, StopIteration):
        pass
    if sys.platform == "win32":
        return None
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 1e6 if sys.platform == "darwin" else most * 1024 / 1e6


def forget_pages(folders: Iterable[str]) -> None:
    """Drops the files of these folders from the system's cache, where it lets us."""
    advise = getattr(os, "posix_fadvise", None)
    if advise is None:
        return
    for folder in folders:
        for path in Path(folder).iterdir():
            with path.open("rb") as stream:
                os.fsync(stream.fileno())
                advise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def median(values: Iterable[float]) -> float:
    """The middle one, or the mean of the two in the middle."""
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
