"""How far estimates of a run's memory were off on this machine: one line for each session.

`runs/memory.jsonl` outlives the runs. Knows nothing of how an estimate is made.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import psutil

FILE = "memory.jsonl"


@dataclass(frozen=True, slots=True)
class Measured:
    """What one session was thought to take and what it took at most, in bytes."""

    at_s: float
    run: str
    device: str  # cpu, cuda or mps
    estimated_bytes: int
    peak_bytes: int

    @property
    def error(self) -> float:
        """0.1: the estimate was a tenth too high."""
        return self.estimated_bytes / self.peak_bytes - 1


@dataclass(frozen=True, slots=True)
class UsualError:
    """Over the sessions of one kind of device."""

    sessions: int
    median: float  # of the errors, with their sign
    worst: float  # the one farthest from 0


def note_peak(runs: Path, run: str, device: str, estimated_bytes: int, peak_bytes: int) -> None:
    """Adds a line; a disk that refuses is no reason to fail a run that is done."""
    if estimated_bytes <= 0 or peak_bytes <= 0:
        return
    line = json.dumps(asdict(Measured(time.time(), run, device, estimated_bytes, peak_bytes)))
    try:
        with (runs / FILE).open("a", encoding="utf-8") as stream:
            stream.write(line + "\n")
    except OSError:
        return


def measured(runs: Path, device: str | None = None) -> tuple[Measured, ...]:
    """Every session noted so far, oldest first; lines that are none are left out."""
    try:
        lines = (runs / FILE).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return ()
    found = []
    for line in lines:
        try:
            entry = Measured(**json.loads(line))
        except (ValueError, TypeError):
            continue
        if entry.peak_bytes > 0 and device in (None, entry.device):
            found.append(entry)
    return tuple(found)


def usual_error(runs: Path, device: str) -> UsualError | None:
    """None where nothing was measured on such a device yet."""
    errors = [entry.error for entry in measured(runs, device)]
    if not errors:
        return None
    return UsualError(len(errors), median(errors), max(errors, key=abs))


def process_peak_bytes() -> int:
    """The most this process held in the machine's memory so far."""
    if sys.platform == "linux":
        # getrusage would count what the parent held when it forked
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)  # bytes on macOS
