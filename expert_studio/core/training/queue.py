"""Runs that wait for their turn: files in a folder, and a process of its own that takes the next.

Every run that waits is a file `RUN.json` in `runs/queue`, so that a line outlives window and
machine. The keeper is started when something joins, holds `keeper.lock`, and ends when nobody
waits. Knows nothing of tensors or of Qt.
"""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from expert_studio.core.errors import ExpertError, StorageError, TrainingError
from expert_studio.core.training import launch
from expert_studio.core.training.child_process import is_held, reap, start_detached
from expert_studio.core.training.events import Ended, EventLog, Launched
from expert_studio.core.training.run_folder import RunFolder, list_runs

POLL_S = 0.5
MOST_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class Waiting:
    """A run in the line."""

    run: RunFolder
    priority: int  # higher goes first; of equals, who came first
    at_s: float  # when it joined, seconds since 1970


def enqueue(run: RunFolder, priority: int = 0) -> None:
    """Puts a run that is set up, stopped or failed into the line, or gives it another priority.

    Raises:
        TrainingError: it is going on or finished.
        StorageError: the disk refuses.
    """
    status = run.state().status
    if status in ("running", "paused", "finished"):
        raise TrainingError(f"{run.identifier} cannot wait for its turn: it is {status}.")
    folder = queue_folder(run.path.parent)
    known = _read(folder / f"{run.identifier}.json")
    said = {"priority": priority, "at_s": known.at_s if known else time.time()}
    _write(folder / f"{run.identifier}.json", said)


def withdraw(run: RunFolder) -> bool:
    """Takes a run out of the line; whether it was in it."""
    path = queue_folder(run.path.parent) / f"{run.identifier}.json"
    there = path.is_file()
    path.unlink(missing_ok=True)
    return there


def waiting(runs: Path) -> tuple[Waiting, ...]:
    """The line, next first. Files whose run is gone are left out."""
    found = (_read(path) for path in queue_folder(runs).glob("*.json"))
    line = [entry for entry in found if entry is not None]
    return tuple(sorted(line, key=lambda entry: (-entry.priority, entry.at_s)))


def at_once(runs: Path) -> int:
    """How many runs may go on at a time; 1 where nobody said."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        said = json.loads((queue_folder(runs) / "settings" / "at_once.json").read_text("utf-8"))
        return max(1, min(MOST_AT_ONCE, int(said["at_once"])))
    return 1


def set_at_once(runs: Path, count: int) -> None:
    """Raises StorageError."""
    _write(queue_folder(runs) / "settings" / "at_once.json", {"at_once": count})


def wake(runs: Path) -> None:
    """Starts a keeper where runs wait and none lives; returns at once.

    Raises:
        TrainingError: the system refuses.
    """
    if not waiting(runs) or is_kept(runs):
        return
    folder = queue_folder(runs)
    try:
        start_detached(["queue", str(runs.resolve())], folder, folder / "keeper.log")
    except OSError as cause:
        raise TrainingError(
            "The waiting runs could not be started.",
            f"{cause.strerror or cause}.",
            "They stay in the line: expert-cli train --queue",
        ) from cause


def is_kept(runs: Path) -> bool:
    """Whether a keeper lives."""
    try:
        return is_held(_lock(runs))
    except OSError:
        return True


def keep(runs: Path) -> int:
    """The keeper: starts whoever is next whenever there is room; ends when nobody waits."""
    # Who joins between the last look and the end of the lock is seen by the look after it.
    while waiting(runs):
        lock = _lock(runs)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return 0  # another one keeps it
        try:
            _serve(runs)
        finally:
            lock.release()
    return 0


def _serve(runs: Path) -> None:
    while line := waiting(runs):
        reap()
        if sum(run.is_alive() for run in list_runs(runs)) < at_once(runs):
            _begin(line[0].run)
        else:
            time.sleep(POLL_S)


def _begin(run: RunFolder) -> None:
    """Starts it; one that cannot be is told as failed, and the line goes on."""
    try:
        if run.state().status not in ("running", "paused", "finished"):
            launch.resume(run)
    except (ExpertError, OSError) as cause:
        told = cause if isinstance(cause, ExpertError) else TrainingError(str(cause))
        log = EventLog(run.events_path)
        log.append(Launched(time.time(), 0, 0))
        log.append(
            Ended(time.time(), "failed", run.state().step, 0.0, told.what, told.why, told.remedy)
        )
    withdraw(run)


def queue_folder(runs: Path) -> Path:
    """Where the line of the runs in `runs` is kept."""
    return runs / "queue"


def _lock(runs: Path) -> FileLock:
    queue_folder(runs).mkdir(parents=True, exist_ok=True)
    return FileLock(queue_folder(runs) / "keeper.lock", thread_local=False)


def _read(path: Path) -> Waiting | None:
    run = RunFolder(path.parent.parent / path.stem)
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        entry = Waiting(run, int(said["priority"]), float(said["at_s"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return entry if (run.path / "run.json").is_file() else None


def _write(path: Path, said: dict[str, float]) -> None:
    partial = path.with_name(path.name + ".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps(said) + "\n", encoding="utf-8")
        partial.replace(path)
    except OSError as cause:
        raise StorageError(
            "The line of waiting runs could not be written.",
            f"{cause.strerror or cause}.",
            "Free some space or allow writing there.",
        ) from cause
