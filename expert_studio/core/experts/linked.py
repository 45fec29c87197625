"""An expert's own folder as an installed version, linked in place: for its maker, at work on it.

Knows nothing of packages: what changes in the folder counts at once.
"""

from __future__ import annotations

import os
from pathlib import Path

from expert_studio.core.errors import ArchiveError, LibraryError
from expert_studio.core.experts.adapter_config import MAX_CONFIG_BYTES, parse_adapter_config
from expert_studio.core.experts.dependencies import refuse_circle
from expert_studio.core.experts.library import (
    CONFIG_FILE,
    MANIFEST_FILE,
    WEIGHTS_FILE,
    InstalledExpert,
    Library,
    storage_error,
)
from expert_studio.core.experts.manifest import MAX_MANIFEST_BYTES, read_manifest
from expert_studio.core.experts.staging import staging
from expert_studio.core.experts.weights import base_shape, check_weights


def link(folder: Path, library: Library, base_folder: Path | None = None) -> InstalledExpert:
    """Makes the folder a version of the library by a link; uninstalling removes the link alone.

    Raises:
        ArchiveError, ManifestError: manifest, config or weights are missing or unsound.
        DependencyError: with the installed ones it would need itself.
        LibraryError: that version is installed, or the library is busy.
        StorageError: no link can be made (Windows: only with developer mode on).
    """
    place = folder.resolve()
    try:
        with (place / MANIFEST_FILE).open("rb") as stream:
            manifest, _ = read_manifest(stream.read(MAX_MANIFEST_BYTES + 1), str(place))
        with (place / CONFIG_FILE).open("rb") as stream:
            config = parse_adapter_config(stream.read(MAX_CONFIG_BYTES + 1))
        shape = base_shape(base_folder / "config.json") if base_folder is not None else None
        check_weights(place / WEIGHTS_FILE, config, shape)
    except OSError as cause:
        raise ArchiveError(
            f"{folder} cannot be linked.",
            f"{Path(cause.filename or folder).name}: {cause.strerror or cause}.",
            "It needs manifest.json, adapter_config.json and adapter_model.safetensors.",
        ) from cause
    target = library.experts_folder / manifest.name / manifest.version
    with staging(library) as scratch, library.changing():
        refuse_circle(manifest, library.experts())
        if os.path.lexists(target):
            raise LibraryError(
                f"{manifest.name} {manifest.version} was not linked.",
                "That version is installed.",
                f"Remove it first: expert-cli uninstall {manifest.name}@{manifest.version}",
            )
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            (scratch / "link").symlink_to(place, target_is_directory=True)
            (scratch / "link").rename(target)
        except OSError as cause:
            what = f"{manifest.name} could not be linked."
            raise storage_error(what, cause, library.root) from cause
    return next(e for e in library.versions(manifest.name) if e.version == manifest.version)
