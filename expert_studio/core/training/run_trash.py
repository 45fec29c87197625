"""Runs that were deleted: out of sight at once, brought back, or gone after thirty days.

Each lies in `runs/.trash` under the moment it was deleted. Knows nothing of windows.
"""

from __future__ import annotations

import shutil
import time
import uuid
from contextlib import suppress
from pathlib import Path

from expert_studio.core.errors import StorageError, TrainingError
from expert_studio.core.training import queue
from expert_studio.core.training.run_folder import RunFolder

KEPT_S = 30 * 24 * 3600.0


def delete(run: RunFolder) -> Path:
    """Takes a run out of sight; returns what `restore` needs.

    Raises:
        TrainingError: it is still going on.
        StorageError: its folder cannot be moved.
    """
    if run.is_alive():
        raise TrainingError(
            f"{run.identifier} cannot be deleted.", "It is still going on.", "Stop it first."
        )
    queue.withdraw(run)
    runs = run.path.parent
    entry = runs / ".trash" / f"{int(time.time())}-{uuid.uuid4().hex[:8]}" / run.identifier
    try:
        _empty(runs)
        entry.parent.mkdir(parents=True)
        run.path.rename(entry)
    except OSError as cause:
        raise StorageError(
            f"{run.identifier} could not be deleted.", f"{cause.strerror or cause}."
        ) from cause
    return entry


def restore(entry: Path) -> RunFolder:
    """Brings back what `delete` returned.

    Raises:
        TrainingError: it is not there any more.
    """
    runs = entry.parent.parent.parent
    try:
        entry.rename(runs / entry.name)
        entry.parent.rmdir()
    except OSError as cause:
        raise TrainingError(
            f"{entry.name} could not be brought back.", f"{cause.strerror or cause}."
        ) from cause
    return RunFolder.open(runs / entry.name)


def _empty(runs: Path) -> None:
    for entry in (runs / ".trash").glob("*-*"):
        with suppress(ValueError):
            if int(entry.name.partition("-")[0]) < time.time() - KEPT_S:
                shutil.rmtree(entry, ignore_errors=True)
