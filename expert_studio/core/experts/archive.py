"""The `.expert` file: a gzip-compressed tar of one expert, read with distrust.

Every member is iterated, named, hashed and written here, and nothing is trusted that
can be checked. Knows nothing of libraries; the writing side is in `packing`.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from expert_studio.core.errors import ArchiveError, IntegrityError, StorageError
from expert_studio.core.experts.leniency import Deviation
from expert_studio.core.experts.manifest import (
    MAX_MANIFEST_BYTES,
    Manifest,
    read_manifest,
)
from expert_studio.core.experts.member_names import is_kept
from expert_studio.core.experts.packing import write_package
from expert_studio.core.experts.signature import MANIFEST, SIGNATURE_FILE, Seal, Signature, check
from expert_studio.core.experts.tar_stream import LIMITS, Limits, Member, TarStream, refuse

SUFFIX = ".expert"
_NOT_COVERED = frozenset({MANIFEST, SIGNATURE_FILE})  # they hold or follow the hashes
_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))


@dataclass(frozen=True, slots=True)
class PackagedFile:
    """One file in a package."""

    path: str  # relative, with forward slashes
    size_bytes: int
    sha256: str
    kept: bool  # False: never written to disk (pickles, files no expert needs)


@dataclass(frozen=True, slots=True)
class Package:
    """What a `.expert` file holds."""

    manifest: Manifest
    files: tuple[PackagedFile, ...]
    sha256: str  # of the archive file
    size_bytes: int  # of the archive file
    unpacked_bytes: int
    deviations: tuple[Deviation, ...] = ()
    warnings: tuple[str, ...] = ()
    signature: Signature = field(default_factory=Signature)


def build(
    folder: Path, destination: Path, base_name: str | None = None, *, as_signed: bool = False
) -> Path:
    """Packs the expert in `folder` and returns the `.expert` file, its `.sha256` beside it.

    The folder holds manifest.json, adapter_config.json and adapter_model.safetensors (any
    float type; bfloat16 is written), and may hold README.md, LICENSE, grammar.gbnf, tests/
    and soft_prompts/; anything else in it is not packed. The same content gives the same
    bytes. Needs about three times the weights' size in memory.

    Args:
        destination: the file to write, or a folder to write `<name>-<base>.v<version>.expert` in.
        base_name: which base's entry to keep; needed when the manifest has several.
        as_signed: a signature in the folder's manifest must hold for its files. Without it, one
            that still holds is kept, and one that no longer does is left out.

    Raises:
        ArchiveError: a file is missing, or weights or config cannot be used.
        IntegrityError: as `as_signed` says.
        ManifestError: the manifest leaves the schema.
        StorageError: the package cannot be written; nothing half-written stays.
    """
    return write_package(folder, destination, base_name, as_signed)


def inspect(path: Path, limits: Limits = LIMITS) -> Package:
    """Reads a package from front to back and checks every hash it states; writes nothing.

    Raises:
        ArchiveError: it is damaged, hostile, or no package.
        IntegrityError: a file is not the one its hash was made of.
        ManifestError: its manifest cannot be used.
    """
    return _read(path, limits, lambda _: None)


def unpack(path: Path, staging: Path, limits: Limits = LIMITS) -> Package:
    """Writes a package's files under `staging`, a new folder, hashing what it writes.

    What stands there after an error is worthless: the caller removes the folder.

    Raises:
        ArchiveError, IntegrityError, ManifestError: as `inspect`.
        StorageError: the disk is full (says how much is needed) or cannot be written.
    """
    try:
        staging.mkdir(parents=True)
        needed = _unpacked_estimate(path)
        if needed > shutil.disk_usage(staging).free:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return _read(path, limits, lambda name: _created(staging / name))
    except OSError as cause:
        raise _unpack_error(path, staging, cause) from cause


def _created(target: Path) -> BinaryIO:
    target.parent.mkdir(parents=True, exist_ok=True)
    return target.open("xb")


def _read(
    path: Path, limits: Limits, create: Callable[[PurePosixPath], BinaryIO | None]
) -> Package:
    files: list[PackagedFile] = []
    manifest_bytes: bytes | None = None
    with _opened(path) as source:
        size = os.fstat(source.fileno()).st_size
        stream = TarStream(source, limits)
        for member in stream.members():
            held = bytearray() if str(member.path) == MANIFEST else None
            files.append(_taken(member, create, held))
            manifest_bytes = manifest_bytes if held is None else bytes(held)
    if manifest_bytes is None:
        refuse("It has no manifest.json.")
    _check_sidecar(path, stream.sha256)
    manifest, deviations = read_manifest(manifest_bytes, path.name)
    _ = manifest.kind  # an adapter type that cannot be run is refused here
    warnings = _checked_hashes(manifest, files)
    hashes = {file.path: file.sha256 for file in files if file.path != MANIFEST}
    signature = check(manifest_bytes, hashes, Seal(*stream.seal))
    return Package(
        manifest=manifest,
        files=tuple(files),
        sha256=stream.sha256,
        size_bytes=size,
        unpacked_bytes=sum(file.size_bytes for file in files),
        deviations=deviations,
        warnings=warnings,
        signature=signature,
    )


def _taken(
    member: Member,
    create: Callable[[PurePosixPath], BinaryIO | None],
    held: bytearray | None,
) -> PackagedFile:
    """Hashes a member, writes it if it is kept and somewhere to write is given."""
    if held is not None and member.size_bytes > MAX_MANIFEST_BYTES:
        refuse(f"Its manifest has {member.size_bytes:,} bytes.")
    kept = is_kept(member.path)
    digest = hashlib.sha256()
    with (create(member.path) if kept else None) or nullcontext() as target:
        for piece in member.pieces():
            digest.update(piece)
            if held is not None:
                held += piece
            if target is not None:
                target.write(piece)
        if target is not None:
            target.flush()
            os.fsync(target.fileno())
    return PackagedFile(str(member.path), member.size_bytes, digest.hexdigest(), kept)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """The package's file; that it cannot be read is no storage trouble of ours."""
    try:
        if path.exists() and not path.is_file():  # opening a pipe would wait for ever
            raise OSError(errno.EINVAL, "It is not a file")
        source = path.open("rb")
    except OSError as cause:
        raise ArchiveError(
            f"{path.name} cannot be opened.", f"{cause.strerror or cause}.", "Check where it lies."
        ) from cause
    with source:
        yield source


def _check_sidecar(path: Path, sha256: str) -> None:
    """Compares with `<file>.sha256` beside it, if there: 64 hex digits, two spaces, the name."""
    sidecar = path.with_name(path.name + ".sha256")
    try:
        with sidecar.open("rb") as stream:
            stated = stream.read(4096).split()
    except FileNotFoundError:
        return
    if not stated or stated[0].decode("ascii", "replace").lower() != sha256:
        raise IntegrityError(
            f"{path.name} is not the file its maker wrote.",
            f"Its SHA-256 is not the one in {sidecar.name}.",
            "Get both files again.",
        )


def _checked_hashes(manifest: Manifest, files: list[PackagedFile]) -> tuple[str, ...]:
    """Compares every file with the hashes in the manifest; returns what deserves a warning."""
    stated = dict(manifest.integrity.files) if manifest.integrity is not None else {}
    found = {file.path: file for file in files}
    for path, digest in stated.items():
        if path in _NOT_COVERED:
            continue
        if path not in found or found[path].sha256 != digest.lower():
            state = "missing" if path not in found else "not the one its maker packed"
            raise IntegrityError(
                f"{manifest.name} {manifest.version} is damaged or was tampered with.",
                f"Its file {path[:100]!r} is {state}.",
                "Get the package again from its maker.",
            )
    uncovered = [p for p in found if stated and p not in stated and p not in _NOT_COVERED]
    return tuple(
        [f"{path} is not covered by the manifest's hashes." for path in uncovered]
        + [f"{f.path} was left out: experts do not need it." for f in files if not f.kept]
    )


def _unpacked_estimate(path: Path) -> int:
    """What gzip says at its end, bytes; a hint from a stranger, never relied upon."""
    with _opened(path) as source:
        size = source.seek(0, os.SEEK_END)
        source.seek(max(size - 4, 0))
        return min(int.from_bytes(source.read(4), "little"), 200 * size)


def _unpack_error(path: Path, staging: Path, cause: OSError) -> StorageError:
    if cause.errno not in _FULL:
        return StorageError(
            f"{path.name} could not be unpacked.",
            f"{cause.strerror or cause}.",
            f"Allow writing to {staging.parent}.",
        )
    place = staging if staging.exists() else staging.parent
    needed, free = _unpacked_estimate(path), shutil.disk_usage(place).free
    why = f"It needs {_megabytes(needed)}; {_megabytes(free)} are free."
    if free >= needed:
        why = f"The disk takes no more files, though {_megabytes(free)} are free."
    return StorageError(
        f"{path.name} could not be unpacked: the disk is full.",
        why,
        "Free some space, then try again. Nothing was changed.",
    )


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB" if count >= 1e6 else f"{count / 1e3:,.0f} KB"
