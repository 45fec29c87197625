"""Child processes that outlive whoever started them: workers of runs, and of the queue.

Knows nothing of what they do.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from filelock import BaseFileLock, Timeout

# Those that were started here: kept, so that those that ended are reaped.
_children: list[subprocess.Popen[bytes]] = []


@atexit.register
def _let_go() -> None:
    """They live on: no complaint that they do when this process ends."""
    for child in _children:
        if child.poll() is None:
            child.returncode = 0


def start_detached(
    work: list[str], folder: Path, log_path: Path, environment: Mapping[str, str] | None = None
) -> int:
    """Starts `--worker WORK...` in a session of its own; returns its process id.

    What it prints is added to `log_path`.

    Raises:
        OSError: the system refuses.
    """
    reap()
    flags, new_session = _detachment()
    with log_path.open("ab") as output:
        child = subprocess.Popen(
            [*door(), "--worker", *work],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=_environment() | dict(environment or {}),
            creationflags=flags,
            start_new_session=new_session,
        )
    _children.append(child)
    return child.pid


def reap() -> None:
    """Takes note of those that ended, so that they are no zombies."""
    _children[:] = [child for child in _children if child.poll() is None]


def is_held(lock: BaseFileLock) -> bool:
    """Whether another process lives that holds it: the system frees the locks of dead ones.

    Raises:
        OSError: the file cannot be opened.
    """
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


def door() -> list[str]:
    """How this program is called, from source or from a frozen bundle."""
    if getattr(sys, "frozen", False):
        return [sys.executable]
    return [sys.executable, "-m", "expert_studio"]


def _environment() -> dict[str, str]:
    environment = dict(os.environ)
    package_root = str(Path(__file__).resolve().parents[3])
    known = environment.get("PYTHONPATH", "")
    environment["PYTHONPATH"] = os.pathsep.join(part for part in (package_root, known) if part)
    # Threads that wait must sleep: spinning ones take the cores from the window, and on a
    # busy machine made training itself eight times slower.
    environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    environment["PYTHONUNBUFFERED"] = "1"
    return environment


def _detachment() -> tuple[int, bool]:
    """Popen's creationflags and start_new_session: out of this process's group and console."""
    if sys.platform == "win32":
        return (
            subprocess.CREATE_NEW_PROCESS_GROUP
            | subprocess.CREATE_NO_WINDOW
            | subprocess.CREATE_BREAKAWAY_FROM_JOB
        ), False
    return 0, True
