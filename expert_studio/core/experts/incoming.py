"""A folder for what was fetched and is not installed yet, gone with its owner.

Each is locked while its process lives; what a crashed one left is removed by the next. Knows
nothing of what lies in it.
"""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path

from filelock import FileLock, Timeout

from expert_studio.core.errors import StorageError


class Scratch:
    """A folder for what came; others' are removed once their owners are gone."""

    def __init__(self, parent: Path) -> None:
        self.folder = parent / uuid.uuid4().hex
        self._lock = FileLock(self._lock_of(self.folder), thread_local=False)
        try:
            parent.mkdir(parents=True, exist_ok=True)
            for left in sorted(parent.glob("*.lock")):
                self._sweep(left)
            self._lock.acquire(timeout=0)
            self.folder.mkdir()
        except (OSError, Timeout) as cause:
            raise StorageError(
                "Nothing can be fetched.", f"{cause}.", f"Allow writing to {parent}."
            ) from cause

    def close(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.release()
        self._lock_of(self.folder).unlink(missing_ok=True)

    @staticmethod
    def _lock_of(folder: Path) -> Path:
        return folder.with_name(folder.name + ".lock")

    @staticmethod
    def _sweep(lock_file: Path) -> None:
        lock = FileLock(lock_file, thread_local=False)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return
        shutil.rmtree(lock_file.with_suffix(""), ignore_errors=True)
        lock.release()
        lock_file.unlink(missing_ok=True)
