"""Experts that were uninstalled: brought back, or deleted for good.

Each lies in `library/.trash` as `put_away` left it: under its name, or name and version, and
twelve hexadecimal digits. Knows nothing of why it was taken out.
"""

from __future__ import annotations

import os
import re
import shutil
import time
import uuid
from pathlib import Path

from expert_studio.core.errors import LibraryError
from expert_studio.core.experts.library import InstalledExpert, Library, storage_error

KEPT_S = 24 * 3600.0  # another window may still offer to undo what it took out
_ENTRY = re.compile(
    r"(?P<name>[a-z0-9][a-z0-9-]{1,63})(?:@(?P<version>[0-9A-Za-z.+-]{5,64}))?-[0-9a-f]{12}"
)


def put_away(folder: Path, label: str, library: Library) -> Path:
    """Moves a folder of the library to the trash by one rename; the library is held.

    Args:
        label: the expert's name, or `name@version`.

    Raises:
        OSError: it cannot be moved.
    """
    entry = library.root / ".trash" / f"{label}-{uuid.uuid4().hex[:12]}"
    entry.parent.mkdir(parents=True, exist_ok=True)
    folder.rename(entry)
    if not entry.is_symlink():
        os.utime(entry)  # the trash is emptied by age
    return entry


def restore(entry: Path, library: Library) -> InstalledExpert:
    """Puts back what was moved to `entry`, one version or every one, by one rename.

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
    name, version = found["name"], found["version"]
    target = library.experts_folder / name
    what = name if version is None else f"{name} {version}"
    with library.changing():
        if version is not None:
            target /= version
        if target.exists():
            raise LibraryError(
                f"{what} was not brought back.",
                "It has been installed again meanwhile.",
                f"Uninstall {what} first if you want the earlier one.",
            )
        try:
            target.parent.mkdir(exist_ok=True)
            entry.rename(target)
        except OSError as cause:
            raise storage_error(
                f"{what} could not be brought back.", cause, library.root
            ) from cause
    if version is None:
        return library.find(name)
    return next(e for e in library.versions(name) if e.version == version)


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
            if entry.lstat().st_mtime > oldest_kept_s:
                continue
            try:
                if entry.is_symlink():  # a version that was linked in place
                    entry.unlink()
                else:
                    shutil.rmtree(entry)
            except OSError as cause:
                what = "The library's trash could not be emptied."
                raise storage_error(what, cause, trash) from cause
            deleted += 1
    return deleted
