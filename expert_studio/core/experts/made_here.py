"""The packages this person packed: nobody needs to vouch for those.

One small file of SHA-256, written by one rename. Knows nothing of signatures.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from expert_studio.core.errors import StorageError
from expert_studio.core.experts.package_file import write_by_rename
from expert_studio.core.settings import Folders

_KEPT = 1000  # the latest so many
_DIGEST = re.compile(r"[0-9a-f]{64}")


def made_here(folders: Folders) -> frozenset[str]:
    """SHA-256 of packages packed here; a damaged list vouches for nothing."""
    return frozenset(_read(_file(folders)))


def remember(sha256: str, folders: Folders) -> None:
    """Notes a package that was just packed.

    Raises:
        StorageError: the list cannot be written.
    """
    path = _file(folders)
    known = [digest for digest in _read(path) if digest != sha256]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        said = json.dumps([*known, sha256][-_KEPT:], indent=2) + "\n"
        write_by_rename(path, said.encode("utf-8"))
    except OSError as cause:
        raise StorageError(
            "The package was packed, but not noted as your own.",
            f"{cause.strerror or cause}.",
            f"Free some space, or allow writing to {path.parent}.",
        ) from cause


def _file(folders: Folders) -> Path:
    return folders.data / "made-here.json"


def _read(path: Path) -> list[str]:
    try:
        stored: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    listed = stored if isinstance(stored, list) else []
    return [d for d in listed if isinstance(d, str) and _DIGEST.fullmatch(d)]
