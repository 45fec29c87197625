"""A folder where a change to the library is prepared, out of everyone's sight.

Each is locked while its process lives, so that another process can tell a stale one
(its owner crashed) from one in use without trusting process numbers. Knows nothing of
what is prepared.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from expert_studio.core.experts.library import Library, storage_error


@contextmanager
def staging(library: Library) -> Iterator[Path]:
    """A new, empty folder in `library/.staging`; what is left in it is removed afterwards.

    Sweeps what crashed processes left.

    Raises:
        LibraryError: another process held the library for too long.
        StorageError: the library folder cannot be written.
    """
    parent = library.root / ".staging"
    place = parent / uuid.uuid4().hex
    lock = FileLock(_lock_file(place), thread_local=False)
    with library.changing():
        try:
            parent.mkdir(parents=True, exist_ok=True)
            sweep(library)
            lock.acquire(timeout=0)
            place.mkdir()
        except OSError as cause:
            raise storage_error("Nothing can be installed.", cause, library.root) from cause
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
        lock.release()
        _lock_file(place).unlink(missing_ok=True)


def sweep(library: Library) -> None:
    """Removes the staging folders whose owners are gone. Call it while the library is held."""
    for left in sorted((library.root / ".staging").iterdir()):
        place = left.with_suffix("") if left.suffix == ".lock" else left
        lock = FileLock(_lock_file(place), thread_local=False)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            continue  # in use by a living process
        shutil.rmtree(place, ignore_errors=True)
        lock.release()
        _lock_file(place).unlink(missing_ok=True)


def _lock_file(place: Path) -> Path:
    return place.with_name(place.name + ".lock")
