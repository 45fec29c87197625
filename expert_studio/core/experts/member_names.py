"""Which file names a package may hold: safe on Windows and POSIX alike, whatever runs here.

Knows nothing of archives or of what the files are for.
"""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath

MAX_NAME_CHARACTERS = 200
MAX_PART_CHARACTERS = 100
MAX_FOLDERS_DEEP = 4
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]*")
_RESERVED = re.compile(r"(CON|PRN|AUX|NUL|CONIN|CONOUT|COM[0-9]|LPT[0-9])", re.IGNORECASE)
_ARCHIVES = frozenset(
    {".expert", ".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".rar"}
)
_PROGRAMS = frozenset(
    {".py", ".pyc", ".pyd", ".sh", ".bash", ".js", ".jar", ".command", ".desktop"}
    | {".bat", ".cmd", ".ps1", ".vbs", ".com", ".exe", ".dll", ".msi", ".scr", ".lnk"}
    | {".so", ".dylib", ".app"}
)
_KEPT = frozenset({".json", ".jsonl", ".safetensors", ".md", ".txt", ".gbnf", ".sig"})
_KEPT_WHOLE = frozenset({"LICENSE", "NOTICE"})


class BadNameError(ValueError):
    """A name no package may hold; the message is one sentence saying why."""


class Names:
    """The names seen in one package so far: each is checked by itself and against the others."""

    def __init__(self) -> None:
        self._files: set[str] = set()
        self._folders: set[str] = set()

    def accept(self, name: str, is_folder: bool = False) -> PurePosixPath:
        """Returns the name as a relative path.

        Raises:
            BadNameError: it leaves the folder, is not a name everywhere, or is taken.
        """
        path = checked_path(name)
        keys = [_key(parent) for parent in (*reversed(path.parents[:-1]), path)]
        folders, own = (keys, None) if is_folder else (keys[:-1], keys[-1])
        if own is not None and own in self._files | self._folders:
            raise BadNameError(
                f"It holds {shown(name)} twice, or only letter case tells them apart."
            )
        if self._files & set(folders):
            raise BadNameError(f"It holds {shown(name)} as a file and as a folder.")
        self._folders.update(folders)
        if own is not None:
            self._files.add(own)
        return path


def checked_path(name: str) -> PurePosixPath:
    """A relative path of plain names, or the reason why it is none.

    Raises:
        BadNameError: absolute, with `..`, a drive, a backslash, a reserved or overlong name.
    """
    if len(name) > MAX_NAME_CHARACTERS:
        raise BadNameError(f"It holds a file name of {len(name):,} characters.")
    parts = name.removeprefix("./").rstrip("/").split("/")
    if name.startswith("/") or ".." in parts or "\\" in name or ":" in name:
        raise BadNameError(f"It tries to write outside its folder, to {shown(name)}.")
    if len(parts) > MAX_FOLDERS_DEEP:
        raise BadNameError(f"It holds {shown(name)}, more than {MAX_FOLDERS_DEEP} folders deep.")
    for part in parts:
        if not _PART.fullmatch(part) or len(part) > MAX_PART_CHARACTERS or part.endswith("."):
            raise BadNameError(
                f"It holds {shown(name)}; names may have letters A to Z, digits and . _ + - only."
            )
        if _RESERVED.fullmatch(part.split(".")[0]):
            raise BadNameError(f"It holds {shown(name)}, a name that Windows keeps for itself.")
    return PurePosixPath(*parts)


def why_refused(path: PurePosixPath) -> str | None:
    """A sentence if a file of this name has no business in a package, else None."""
    suffix = path.suffix.lower()
    if suffix in _ARCHIVES:
        return f"It holds another archive, {shown(str(path))}."
    if suffix in _PROGRAMS:
        return f"It holds a program, {shown(str(path))}; experts are data only."
    return None


def is_kept(path: PurePosixPath) -> bool:
    """Whether a file of this name is written to disk; pickles and strangers are left out."""
    return path.suffix.lower() in _KEPT or path.name in _KEPT_WHOLE


def shown(name: str) -> str:
    """The name as an error may show it: short, quoted, with nothing unprintable in it."""
    return ascii(name if len(name) <= 80 else name[:77] + "...")


def _key(path: PurePosixPath) -> str:
    return unicodedata.normalize("NFC", str(path)).casefold()
