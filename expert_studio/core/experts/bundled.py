"""The experts that came with the app: installed once, and not again after they were removed.

Knows nothing of what they do.
"""

from __future__ import annotations

import json
from pathlib import Path

from expert_studio.core.experts.archive import Package, inspect
from expert_studio.core.experts.install import install
from expert_studio.core.experts.install_record import origin
from expert_studio.core.experts.library import Library, storage_error
from expert_studio.core.experts.package_file import write_by_rename
from expert_studio.core.experts.trash import put_away

OFFERED_FILE = "bundled.json"


def install_bundled(source: Path, library: Library) -> tuple[str, ...]:
    """Installs every `<source>/*/*.expert` that was never offered to this library.

    Returns the names installed now. Dependencies come first, by load order. What was
    offered is kept in `bundled.json` beside the library's experts, so that an expert the
    person uninstalled stays away. One that was trained anew since, for a newer base, takes
    the place of the one this put there.

    Raises:
        ExpertError: a package is damaged or the library cannot be written.
    """
    offered = _offered(library)
    packages = [(inspect(path), path) for path in sorted(source.glob("*/*.expert"))]
    packages.sort(key=lambda one: (one[0].manifest.constraints.load_order, one[0].manifest.name))
    names: list[str] = []
    for package, path in packages:
        key = f"{package.manifest.name}@{package.manifest.version}"
        if offered.get(key) == package.sha256:
            continue
        former = _installed(package, library)
        if former is None and key not in offered:
            names.append(install(path, library).expert.name)
        elif former is not None and key in offered and _is_ours(former, offered[key]):
            _replace(former, key, path, library)
            names.append(package.manifest.name)
        offered[key] = package.sha256
        _remember(library, offered)
    return tuple(names)


def _installed(package: Package, library: Library) -> Path | None:
    """The folder of that very version."""
    said = package.manifest
    there = (one for one in library.versions(said.name) if one.version == said.version)
    return next((one.folder for one in there), None)


def _is_ours(folder: Path, offered_sha256: str) -> bool:
    """Whether it is as it was put there; "" is what earlier versions of the app noted."""
    return offered_sha256 in ("", origin(folder).get("package_sha256"))


def _replace(former: Path, key: str, path: Path, library: Library) -> None:
    try:
        with library.changing():
            entry = put_away(former, key, library)
    except OSError as cause:
        raise storage_error(f"{key} could not be replaced.", cause, former) from cause
    try:
        install(path, library)
    except BaseException:
        former.parent.mkdir(exist_ok=True)
        entry.rename(former)  # the former one stays
        raise


def _offered(library: Library) -> dict[str, str]:
    """The packages' hashes by name and version."""
    try:
        stored = json.loads((library.root / OFFERED_FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    except OSError as cause:
        raise storage_error("The library cannot be read.", cause, library.root) from cause
    if isinstance(stored, dict):
        return {str(key): str(sha256) for key, sha256 in stored.items()}
    return {str(key): "" for key in stored} if isinstance(stored, list) else {}


def _remember(library: Library, offered: dict[str, str]) -> None:
    try:
        said = json.dumps(offered, indent=2) + "\n"
        write_by_rename(library.root / OFFERED_FILE, said.encode("utf-8"))
    except OSError as cause:
        raise storage_error("The library cannot be changed.", cause, library.root) from cause
