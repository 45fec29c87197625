"""Upstream's `expert-registry.json`: written from the library, and read to install what it lists.

    exported(library, Folders.default())        the file's bytes
    read_registry(path)                         what it lists, and what could not be read
    import_registry(path, library, acceptance)  installs each version whose files are still there

Fields and the legacy flat list: upstream-spec part 6. Knows nothing of fetching: a version
whose `path` is gone is told with its source, for the person to install from there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from expert_studio.core.errors import ExpertError, LibraryError
from expert_studio.core.experts.acceptance import Acceptance
from expert_studio.core.experts.install import Installation, install
from expert_studio.core.experts.install_record import origin
from expert_studio.core.experts.library import MANIFEST_FILE, InstalledExpert, Library
from expert_studio.core.experts.requirement import is_name, parse_requirement, parse_version
from expert_studio.core.experts.untrusted_json import UnreadableJsonError, read_json_object
from expert_studio.core.settings import Folders

REGISTRY_FILE = "expert-registry.json"
MAX_BYTES = 16 << 20
REGISTRY_VERSION = "1.0"


@dataclass(frozen=True, slots=True)
class Listed:
    """One version a registry lists."""

    name: str
    version: str
    path: Path | None  # where its files were
    source: str = ""  # where it came from, as upstream noted it


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a registry."""

    installed: tuple[Installation, ...]
    missing: tuple[Listed, ...]  # their files are gone
    refused: tuple[str, ...]  # a sentence for each that may not come in
    problems: tuple[str, ...] = ()  # rows that could not be read


def exported(library: Library, folders: Folders) -> bytes:
    """Every installed version as upstream writes it, the newest of each expert first."""
    experts = [
        {"name": active.name, "versions": [_row(v) for v in library.versions(active.name)]}
        for active in sorted(library.experts(), key=lambda e: e.name)
    ]
    said = {
        "version": REGISTRY_VERSION,
        "last_updated": _time(datetime.now(UTC).timestamp()),
        "install_dir": str(library.experts_folder),
        "models_dir": str(folders.bases),
        "base_models": [],
        "experts": experts,
    }
    return (json.dumps(said, indent=2, ensure_ascii=False) + "\n").encode("utf-8")


def read_registry(path: Path) -> tuple[tuple[Listed, ...], tuple[str, ...]]:
    """What a registry lists, and a sentence for each row that is none.

    Raises:
        LibraryError: the file cannot be read as a registry.
    """
    try:
        with path.open("rb") as stream:
            said = read_json_object(stream.read(MAX_BYTES + 1), MAX_BYTES)
        rows = said["experts"]
        if not isinstance(rows, list):
            raise UnreadableJsonError("It has no list of experts.")
    except (OSError, KeyError, UnreadableJsonError) as cause:
        why = "It has no list of experts." if isinstance(cause, KeyError) else str(cause)
        raise LibraryError(f"{path.name} is no expert registry.", why) from cause
    problems: list[str] = []
    return tuple(_listed(rows, problems)), tuple(problems)


def import_registry(path: Path, library: Library, acceptance: Acceptance) -> Imported:
    """Installs what a registry lists and is still there, oldest versions first.

    Raises:
        LibraryError: the file cannot be read as a registry.
    """
    listed, problems = read_registry(path)
    installed, missing, refused = [], [], []
    for one in sorted(listed, key=lambda e: (e.name, parse_version(e.version))):
        if one.path is None or not _is_there(one.path):
            missing.append(one)
            continue
        try:
            installed.append(install(one.path, library, acceptance=acceptance))
        except ExpertError as cause:
            refused.append(f"{one.name} {one.version}: {cause}")
    return Imported(tuple(installed), tuple(missing), tuple(refused), problems)


def _is_there(path: Path) -> bool:
    return path.is_file() or (path / MANIFEST_FILE).is_file()


def _row(expert: InstalledExpert) -> dict[str, Any]:
    said = expert.manifest
    base = next(iter(said.base_models), None)
    adapters = base.adapters if base is not None else ()
    return {
        "version": expert.version,
        "base_model": base.name if base is not None else "",
        "path": str(expert.folder),
        "source": str(origin(expert.folder).get("source", "")),
        "installed_at": _time((expert.folder / MANIFEST_FILE).stat().st_mtime),
        "adapters": [
            {"type": a.type, "path": "adapter_model.safetensors", "sha256": a.sha256}
            for a in adapters
        ],
        "capabilities": list(said.capabilities),
        "dependencies": [
            {"name": need.name, "version": _spec(str(need)), "optional": False}
            for need in map(parse_requirement, said.needs)
        ],
    }


def _spec(need: str) -> str:
    return need.partition("@")[2] or "*"


def _time(seconds: float) -> str:
    when = datetime.fromtimestamp(seconds, UTC)
    return when.isoformat(timespec="seconds").replace("+00:00", "Z")


def _listed(rows: list[Any], problems: list[str]) -> Iterator[Listed]:
    """Versions of each expert, or the legacy flat list with one version a row."""
    for row in rows:
        name = row.get("name") if isinstance(row, dict) else None
        if not isinstance(name, str) or not is_name(name):
            problems.append(f"A row names no expert: {str(name)[:60]!a}.")
            continue
        versions = row.get("versions")
        for one in versions if isinstance(versions, list) else [row]:
            version = one.get("version") if isinstance(one, dict) else None
            try:
                parse_version(str(version))
            except ValueError as cause:
                problems.append(f"{name}: {cause}")
                continue
            path, source = one.get("path"), one.get("source")
            usable = isinstance(path, str) and path and "\0" not in path
            yield Listed(
                name,
                str(version),
                Path(str(path)) if usable else None,
                source if isinstance(source, str) else "",
            )
