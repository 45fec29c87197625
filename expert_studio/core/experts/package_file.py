"""The bytes of a `.expert` file: a gzip-compressed tar, the same for the same members.

Manifest first, then members as given; times, owners and the gzip stamp zero. A signed
package carries a seal in gzip's extra field, over every byte of the file: compressed
data has bits that say nothing, and the hashes inside cannot vouch for those. Knows
nothing of what the members mean.
"""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path

from expert_studio.core.errors import StorageError

SEAL_AT = 16  # after gzip's header of 10, the field's length of 2, its name and length of 4
SEAL_BYTES = 64
SEALED_FLAGS = b"\x1f\x8b\x08\x04"  # gzip, deflate, and nothing but an extra field
SEALED_FIELD = b"\x44\x00ES\x40\x00"  # 68 bytes: the field ES of 64
SEAL_DOMAIN = b"expert-studio-seal-1\n"


def archive_bytes(
    members: Mapping[str, bytes], seal_with: Callable[[bytes], bytes] | None = None
) -> bytes:
    """The archive as bytes.

    Args:
        seal_with: signs a message with Ed25519; given, the file is sealed with it.
    """
    packed = io.BytesIO()
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=packed, compresslevel=6, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.USTAR_FORMAT) as archive,
    ):
        for name, data in members.items():
            header = tarfile.TarInfo(name)  # mode 0644; times, owner and group zero
            header.size = len(data)
            archive.addfile(header, io.BytesIO(data))
    plain = packed.getvalue()
    if seal_with is None:
        return plain
    head, body = SEALED_FLAGS + plain[4:10] + SEALED_FIELD, plain[10:]
    digest = sha256(head + bytes(SEAL_BYTES))
    digest.update(body)
    return b"".join((head, seal_with(SEAL_DOMAIN + digest.digest()), body))


def write_archive(target: Path, packed: bytes) -> None:
    """Writes the package and its `.sha256` sidecar, each by one rename.

    Raises:
        StorageError: it cannot be written; nothing half-written stays.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        sidecar = target.with_name(target.name + ".sha256")
        sidecar.unlink(missing_ok=True)  # an old one would contradict the new archive
        write_by_rename(target, packed)
        write_by_rename(sidecar, f"{sha256(packed).hexdigest()}  {target.name}\n".encode())
    except OSError as cause:
        raise StorageError(
            f"{target.name} could not be written.",
            f"{cause.strerror or cause}; it needs {len(packed):,} bytes.",
            f"Free some space, or allow writing to {target.parent}.",
        ) from cause


def write_by_rename(target: Path, data: bytes) -> None:
    """Writes a file beside its place and renames it there.

    Raises:
        OSError: the disk refuses; what stood there before still does.
    """
    partial = target.with_name(target.name + ".partial")
    try:
        with partial.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(target)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
