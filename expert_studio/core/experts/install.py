"""Bringing experts into the library and out of it, wholly or not at all.

An expert is unpacked and checked in a staging folder; one rename makes it visible.
Taking one out is one rename into the trash. Knows nothing of models in memory.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from expert_studio.core.errors import (
    CompatibilityError,
    DependencyError,
    IntegrityError,
    LibraryError,
)
from expert_studio.core.experts import archive
from expert_studio.core.experts.acceptance import Acceptance
from expert_studio.core.experts.adapter_config import AdapterConfig
from expert_studio.core.experts.dependencies import refuse_circle
from expert_studio.core.experts.install_record import write_record
from expert_studio.core.experts.layout import settle
from expert_studio.core.experts.library import (
    MANIFEST_FILE,
    WEIGHTS_FILE,
    InstalledExpert,
    Library,
    storage_error,
)
from expert_studio.core.experts.manifest import BaseEntry, Manifest, read_manifest
from expert_studio.core.experts.requirement import (
    parse_requirement,
    parse_version,
)
from expert_studio.core.experts.staging import staging
from expert_studio.core.experts.trash import put_away
from expert_studio.core.experts.weights import (
    base_shape,
    check_weights,
    read_header,
    weights_sha256,
)


@dataclass(frozen=True, slots=True)
class Installation:
    """What became of an install."""

    expert: InstalledExpert
    warnings: tuple[str, ...] = ()


def install(
    source: Path,
    library: Library,
    base_name: str | None = None,
    base_sha256: str | None = None,
    base_folder: Path | None = None,
    acceptance: Acceptance | None = None,
    origin: Mapping[str, str] | None = None,
) -> Installation:
    """Installs a `.expert` file, or the folder of one, and returns it as the library sees it.

    Installing what is already there changes nothing. A version lower than the active one
    is installed beside it and does not become active.

    Args:
        base_name, base_sha256: the base it must be made for; neither given, any will do.
        base_folder: that base's folder; given, the shapes of the weights must fit it.
        acceptance: the person's trust and policy; without it only what is INVALID is refused.
        origin: where it came from, to be noted beside it (`acquisition.Origin`).

    Raises:
        ArchiveError, IntegrityError, ManifestError: the package is damaged or hostile.
        ConsentError: the person has to agree first, as `acceptance` says.
        CompatibilityError: it was made for another base.
        DependencyError: with the installed ones it would need itself; the circle is named.
        LibraryError: other contents of that version are installed, or the library is busy.
        StorageError: the disk is full or cannot be written.
    After any of them the library is as it was before.
    """
    with staging(library) as place:
        packed = _packed(source, place, base_name)
        package = archive.unpack(packed, unpacked := place / "unpacked")
        manifest = package.manifest
        warnings = [*package.warnings, *(f"Its manifest: {d}" for d in package.deviations)]
        base = _base_asked_for(manifest, base_name, base_sha256, warnings)
        try:
            config = settle(unpacked, manifest, base)
            if config.kind != manifest.kind:
                warnings.append(f"Its manifest says {manifest.kind}, its weights {config.kind}.")
            digest = _checked_weights(unpacked, manifest, config, base, base_folder)
            _note(unpacked, digest, package, origin or {})
            _flush_folder(unpacked)
        except OSError as cause:
            what = f"{manifest.name} could not be installed."
            raise storage_error(what, cause, library.root) from cause
        with library.changing():
            if acceptance is not None:
                standing = acceptance.check(package, library.versions(manifest.name))
                if standing.state != "trusted":
                    warnings.append(standing.sentence)
            refuse_circle(manifest, library.experts())
            expert = _make_visible(unpacked, manifest, digest, library, warnings)
    warnings += _missing(expert, library)
    return Installation(expert, tuple(dict.fromkeys(warnings)))


def uninstall(name: str, library: Library) -> Path:
    """Moves every version of an expert to the library's trash, by one rename.

    Returns where it lies now; `trash.restore` brings it back.

    Raises:
        LibraryError: no such expert, or the library is busy.
        DependencyError: other experts need it; they are named.
        StorageError: its folder cannot be moved (on Windows: a file is open).
    """
    with library.changing():
        folder = library.folder_of(name)  # also of one too damaged to be listed
        dependants = [
            other.name
            for other in library.experts()
            if other.name != folder.name
            and any(parse_requirement(n).names(folder.name) for n in other.manifest.needs)
        ]
        if dependants:
            raise DependencyError(
                f"{folder.name} was not removed.",
                f"{_listed(dependants)} cannot work without it.",
                "Remove what needs it first.",
            )
        try:
            return put_away(folder, folder.name, library)
        except OSError as cause:
            what = f"{folder.name} could not be removed."
            raise storage_error(what, cause, library.root) from cause


def _packed(source: Path, place: Path, base_name: str | None) -> Path:
    """The package itself, or one made of a loose folder for the base asked for."""
    if not source.is_dir():
        return source
    said = source / MANIFEST_FILE
    several = (
        said.is_file() and len(read_manifest(said.read_bytes(), str(source))[0].base_models) > 1
    )
    return archive.build(source, place, base_name if several else None, as_signed=True)


def _note(
    folder: Path, weights_digest: str, package: archive.Package, origin: Mapping[str, str]
) -> None:
    came_from = dict(origin) | {
        "package_sha256": package.sha256,
        "signed_by": package.signature.public_key,
        "publisher": package.signature.publisher,
    }
    write_record(folder, weights_digest, came_from)


def _base_asked_for(
    manifest: Manifest, name: str | None, sha256: str | None, warnings: list[str]
) -> BaseEntry | None:
    if name is None and sha256 is None:
        return next(iter(manifest.base_models), None)
    base = manifest.base_for(name, sha256)
    if base is None:
        made_for = _listed([b.name for b in manifest.base_models]) or "no base it names"
        raise CompatibilityError(
            f"{manifest.name} {manifest.version} does not work with {name or 'this base'}.",
            f"It was made for {made_for}.",
            "Load that base, or get the expert made for yours.",
        )
    if sha256 and base.sha256 and base.sha256 != sha256:
        warnings.append(f"It was made for another revision of {base.name}; answers may be worse.")
    return base


def _checked_weights(
    place: Path,
    manifest: Manifest,
    config: AdapterConfig,
    base: BaseEntry | None,
    base_folder: Path | None,
) -> str:
    """Checks the weights in the staging folder and returns their SHA-256."""
    weights = place / WEIGHTS_FILE
    shape = base_shape(base_folder / "config.json") if base_folder is not None else None
    check_weights(weights, config, shape)
    for extra in sorted(place.rglob("*.safetensors")):
        if extra != weights:
            read_header(extra)
    digest = weights_sha256(weights)
    stated = next((a.sha256 for a in base.adapters), "") if base is not None else ""
    if stated and stated != digest:
        raise IntegrityError(
            f"{manifest.name} {manifest.version} is damaged or was tampered with.",
            "Its weights are not those its manifest was written for.",
            "Get the package again from its maker.",
        )
    return digest


def _make_visible(
    place: Path, manifest: Manifest, digest: str, library: Library, warnings: list[str]
) -> InstalledExpert:
    """The one rename. The library is held by the caller."""
    name, version = manifest.name, manifest.version
    before = library.versions(name)
    for other in before:
        if other.name != name:
            raise LibraryError(
                f"{name} was not installed.",
                f"{other.name} is installed, and both spellings are one name.",
                f"Remove {other.name} first.",
            )
        if other.version.lower() == version.lower():
            return _already_there(other, manifest, digest, warnings)
    target = library.experts_folder / name / version
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():  # damaged, or it would have been found above
            put_away(target, f"{name}-{version}", library)
        place.rename(target)
        _flush_folder(target.parent)
    except OSError as cause:
        if not before and target.parent.is_dir() and not any(target.parent.iterdir()):
            target.parent.rmdir()
        raise storage_error(f"{name} could not be installed.", cause, library.root) from cause
    expert = next(e for e in library.versions(name) if e.version == version)
    active = library.find(name)
    if active.version != version:
        warnings.append(f"{active.name} {active.version} stays the active version.")
    elif before and parse_version(before[0].version) < parse_version(version):
        warnings.append(f"It takes the place of {name} {before[0].version}, which is kept.")
    return expert


def _already_there(
    other: InstalledExpert, manifest: Manifest, digest: str, warnings: list[str]
) -> InstalledExpert:
    if other.weights_sha256 != digest or other.manifest != manifest:
        raise LibraryError(
            f"{manifest.name} {manifest.version} was not installed.",
            "Another package of the same name and version is installed.",
            f"Remove {other.name} first, or give the new one another version.",
        )
    warnings.append(f"{other.name} {other.version} was already installed.")
    return other


def _missing(expert: InstalledExpert, library: Library) -> list[str]:
    installed = library.experts()
    missing = []
    for text in expert.manifest.needs:
        need = parse_requirement(text)
        if not any(need.names(e.name) and need.accepts(e.version) for e in installed):
            missing.append(f"It needs {need}, which is not installed yet.")
    return missing


def _flush_folder(folder: Path) -> None:
    """Makes names in a folder survive a power cut, where the system can (not on Windows)."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _listed(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
