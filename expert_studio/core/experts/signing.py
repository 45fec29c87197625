"""Signing a package, and looking at one, an installed version or a loose folder again.

Knows nothing of who asks; trust is `trust`'s business.
"""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from expert_studio.core.errors import IntegrityError
from expert_studio.core.experts.archive import Package, inspect
from expert_studio.core.experts.install_record import RECORD_FILE
from expert_studio.core.experts.keys import SigningKey
from expert_studio.core.experts.library import InstalledExpert, storage_error
from expert_studio.core.experts.member_names import is_kept
from expert_studio.core.experts.package_file import archive_bytes, write_archive
from expert_studio.core.experts.signature import (
    MANIFEST,
    SIGNATURE_FILE,
    Signature,
    check,
    signed_manifest,
)
from expert_studio.core.experts.tar_stream import TarStream
from expert_studio.core.experts.trust import Standing, TrustStore


def sign(
    path: Path, key: SigningKey, destination: Path | None = None, at: str | None = None
) -> Path:
    """Writes the package anew, signed and sealed, with its sidecar, and returns it.

    Members stay as they are, byte for byte; pickles and files no expert needs are left
    out. An earlier signature is replaced, once it has been seen to hold.

    Args:
        destination: the file to write; the package itself if not given.
        at: when it is signed, ISO 8601; now if not given. The same time, the same bytes.

    Raises:
        ArchiveError, IntegrityError, ManifestError: what is damaged or INVALID is not signed.
        StorageError: it cannot be written.
    """
    target = destination or path
    first = inspect(path).sha256
    members = _members_of(path)
    if first != members[1]:
        raise IntegrityError(f"{path.name} changed while it was read.", "", "Try again.")
    files = members[0]
    manifest = files.pop(MANIFEST)
    files.pop(SIGNATURE_FILE, None)
    hashes = {name: sha256(data).hexdigest() for name, data in files.items()}
    when = at or datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    signed = {MANIFEST: signed_manifest(manifest, hashes, key, when)}
    write_archive(target, archive_bytes(signed | dict(sorted(files.items())), key.sign))
    inspect(target)
    return target


def examine(path: Path, store: TrustStore) -> tuple[Standing, Package | None]:
    """What a package's signature is worth; an INVALID one is told, not raised.

    Raises:
        ArchiveError, ManifestError: it is no sound package at all.
    """
    try:
        package = inspect(path)
    except IntegrityError as cause:
        return Standing("INVALID", f"{cause.what} {cause.why}"), None
    return store.standing(package.signature), package


def examine_installed(expert: InstalledExpert, store: TrustStore) -> Standing:
    """As `examine`, of an installed version: every file is read and hashed anew.

    Raises:
        StorageError: a file cannot be read.
    """
    try:
        found = folder_signature(expert.folder)
    except IntegrityError as cause:
        return Standing("INVALID", f"{cause.what} {cause.why}")
    except OSError as cause:
        what = f"{expert.name} {expert.version} cannot be checked."
        raise storage_error(what, cause, expert.folder) from cause
    return store.standing(found)


def folder_signature(folder: Path) -> Signature:
    """The signature of an unpacked package, over every file in its folder.

    Raises:
        IntegrityError: INVALID.
        OSError: a file cannot be read.
    """
    hashes: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name not in (MANIFEST, RECORD_FILE):
            hashes[name] = sha256(path.read_bytes()).hexdigest()
    return check((folder / MANIFEST).read_bytes(), hashes)


def _members_of(path: Path) -> tuple[dict[str, bytes], str]:
    """Every member that is kept, and the SHA-256 of the file they were read from."""
    files: dict[str, bytes] = {}
    with path.open("rb") as source:
        stream = TarStream(source)
        for member in stream.members():
            if is_kept(member.path):
                files[str(member.path)] = b"".join(member.pieces())
    return files, stream.sha256
