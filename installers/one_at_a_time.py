"""Keeps two set-ups out of one folder.

On POSIX the lock passes to pip with the open file, so that it holds as long as a pip whose
set-up was killed still writes. Knows nothing of what is set up.
"""

from __future__ import annotations

import getpass
import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

WAITING = "Another set-up of this folder is still running; waiting for it to end."


def _place(folder: Path) -> Path:
    """A file of this person's for that folder; beside it, it would be in the way."""
    name = hashlib.sha256(f"{getpass.getuser()} {folder}".encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir(), f"expert-studio-{name}.lock")


def _try_lock(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Waits until no other set-up works in the folder, and holds it meanwhile."""
    descriptor = os.open(_place(folder), os.O_RDWR | os.O_CREAT, 0o600)
    os.set_inheritable(descriptor, True)
    try:
        told = False
        while not _try_lock(descriptor):
            if not told:
                print(WAITING, flush=True)
                told = True
            time.sleep(0.5)
        yield
    finally:
        os.close(descriptor)
