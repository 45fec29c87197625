"""The experts that came with the app: installed once, and not again after they were removed.

Knows nothing of what they do.
"""

from __future__ import annotations

import json
from pathlib import Path

from expert_studio.core.experts.archive import inspect
from expert_studio.core.experts.install import install
from expert_studio.core.experts.library import Library, storage_error

OFFERED_FILE = "bundled.json"


def install_bundled(source: Path, library: Library) -> tuple[str, ...]:
    """Installs every `<source>/*/*.expert` that was never offered to this library.

    Returns the names installed now. Dependencies come first, by load order. What was
    offered is kept in `bundled.json` beside the library's experts, so that an expert the
    person uninstalled stays away.

    Raises:
        ExpertError: a package is damaged or the library cannot be written.
    """
    offered = _offered(library)
    packages = [(inspect(path).manifest, path) for path in sorted(source.glob("*/*.expert"))]
    packages.sort(key=lambda package: (package[0].constraints.load_order, package[0].name))
    installed = {(expert.name, expert.version) for expert in library.experts()}
    names: list[str] = []
    for manifest, path in packages:
        key = f"{manifest.name}@{manifest.version}"
        if key in offered:
            continue
        if (manifest.name, manifest.version) not in installed:
            names.append(install(path, library).expert.name)
        offered.append(key)
        _remember(library, offered)
    return tuple(names)


def _offered(library: Library) -> list[str]:
    try:
        stored = json.loads((library.root / OFFERED_FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return []
    except OSError as cause:
        raise storage_error("The library cannot be read.", cause, library.root) from cause
    return [str(key) for key in stored] if isinstance(stored, list) else []


def _remember(library: Library, offered: list[str]) -> None:
    path = library.root / OFFERED_FILE
    partial = path.with_suffix(".partial")
    try:
        partial.write_text(json.dumps(offered, indent=2) + "\n", encoding="utf-8")
        partial.replace(path)
    except OSError as cause:
        raise storage_error("The library cannot be changed.", cause, library.root) from cause
