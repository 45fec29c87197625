"""Experts that were uninstalled: brought back, or deleted for good.

Each lies in `library/.trash` as `install.uninstall` left it, under its name and twelve
hexadecimal digits. Knows nothing of why it was taken out.
"""

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path

from expert_studio.core.errors import LibraryError
from expert_studio.core.experts.library import InstalledExpert, Library, storage_error

KEPT_S = 24 * 3600.0  # another window may still offer to undo what it took out
_ENTRY = re.compile(r"(?P<name>[a-z0-9][a-z0-9-]{1,63})-[0-9a-f]{12}")


def restore(entry: Path, library: Library) -> InstalledExpert:
    """Puts back what `uninstall` moved to `entry`, every version of it, by one rename.

    Raises:
        LibraryError: it is no longer there, the name was installed anew, or the library is busy.
        StorageError: the folder cannot be moved.
    """
    found = _ENTRY.fullmatch(entry.name)
    if found is None or not entry.is_dir():
        raise LibraryError(
            f"{entry.name} was not brought back.",
            "It is no longer in the library's trash.",
            "Install it again from its file.",
        )
    name = found["name"]
    target = library.experts_folder / name
    with library.changing():
        if target.exists():
            raise LibraryError(
                f"{name} was not brought back.",
                "It has been installed again meanwhile.",
                f"Uninstall {name} first if you want the earlier one.",
            )
        try:
            entry.rename(target)
        except OSError as cause:
            what = f"{name} could not be brought back."
            raise storage_error(what, cause, library.root) from cause
    return library.find(name)


def empty(library: Library, older_than_s: float = KEPT_S) -> int:
    """Deletes what has lain in the trash for so long; returns how many experts that were.

    Raises:
        LibraryError: the library is busy.
        StorageError: something cannot be deleted.
    """
    trash = library.root / ".trash"
    if not trash.is_dir():
        return 0
    oldest_kept_s = time.time() - older_than_s
    deleted = 0
    with library.changing():
        for entry in sorted(trash.iterdir()):
            if entry.stat().st_mtime > oldest_kept_s:
                continue
            try:
                shutil.rmtree(entry)
            except OSError as cause:
                what = "The library's trash could not be emptied."
                raise storage_error(what, cause, trash) from cause
            deleted += 1
    return deleted
