"""A gzip-compressed tar read front to back, member by member, within limits.

`tarfile` decodes each 512-byte header and nothing more: it follows extension headers of
any size and its extraction filters were escaped again in 2026 (cpython #151558). Links,
devices and sparse files are refused. Knows nothing of what the members mean.
"""

from __future__ import annotations

import hashlib
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO, NoReturn

from expert_studio.core.errors import ArchiveError
from expert_studio.core.experts.member_names import BadNameError, Names, shown, why_refused
from expert_studio.core.experts.package_file import (
    SEAL_AT,
    SEAL_BYTES,
    SEALED_FIELD,
    SEALED_FLAGS,
)

BLOCK = 512
_CHUNK_BYTES = 1 << 18
_MAX_EXTENSION_BYTES = 16 * 1024
_MAX_PADDING_BYTES = 1 << 20  # zeros after the last member; tar pads to 10 KiB
_MAX_HEADERS_BYTES = 64 << 20  # of all headers and padding together
_IGNORED_PAX_KEYS = frozenset(
    {"mtime", "atime", "ctime", "uid", "gid", "uname", "gname", "comment", "charset"}
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one archive may be. Sizes in bytes."""

    files: int = 1000
    file_bytes: int = 1 << 30
    total_bytes: int = 1 << 30
    ratio: int = 200  # unpacked bytes a packed byte, once past the floor
    ratio_floor_bytes: int = 16 << 20


LIMITS = Limits()


@dataclass(slots=True)
class Member:
    """A regular file in the archive; its bytes are read once, in pieces."""

    path: PurePosixPath
    size_bytes: int
    _stream: _Gunzip
    _left: int

    def pieces(self) -> Iterator[bytes]:
        """The content, at most 256 KiB a piece."""
        while self._left:
            piece = self._stream.read(min(self._left, _CHUNK_BYTES))
            self._left -= len(piece)
            yield piece

    def skip(self) -> None:
        """Passes over what was not read, and the padding after it."""
        for _ in self.pieces():
            pass
        self._stream.read(-self.size_bytes % BLOCK)


class TarStream:
    """Reads one archive from an open file. After the last member, `sha256` is of the whole file."""

    def __init__(self, source: BinaryIO, limits: Limits = LIMITS) -> None:
        self._stream = _Gunzip(source, limits)
        self._limits = limits
        self._names = Names()

    @property
    def sha256(self) -> str:
        return self._stream.digest.hexdigest()

    @property
    def seal(self) -> tuple[bytes | None, bytes, bool]:
        """The seal in the gzip header, the digest it should cover, and whether there is more.

        The digest is SHA-256 of the whole file with the seal's own bytes zero.
        """
        stream = self._stream
        return stream.seal, stream.unsealed_digest.digest(), stream.has_other_fields

    def members(self) -> Iterator[Member]:
        """Each regular file in turn; folders are passed over, all else is refused.

        Raises:
            ArchiveError: damaged, cut short, over a limit, or holding a name or kind of member
                that no package may hold.
        """
        count = total = 0
        longer_name: str | None = None
        while (block := self._stream.read(BLOCK)).strip(b"\0"):
            header = _decoded(block)
            if header.type in (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME):
                longer_name = self._extension(header) or longer_name
                continue
            name, longer_name = longer_name or header.name, None
            count += 1
            if count > self._limits.files:
                refuse(f"It holds more than {self._limits.files:,} files.")
            member = self._member(name, header)
            if member is None:
                continue
            total += member.size_bytes
            if member.size_bytes > self._limits.file_bytes or total > self._limits.total_bytes:
                refuse(f"Unpacked, it has more than {self._limits.total_bytes >> 20:,} MiB.")
            yield member
            member.skip()
        self._stream.finish()

    def _member(self, name: str, header: tarfile.TarInfo) -> Member | None:
        try:
            if header.type == tarfile.DIRTYPE:
                if name not in (".", "./"):
                    self._names.accept(name, is_folder=True)
                return None
            if header.type not in (tarfile.REGTYPE, tarfile.AREGTYPE):
                refuse(f"It holds {shown(name)}, which is a link or a device, not a file.")
            path = self._names.accept(name)
        except BadNameError as cause:
            refuse(str(cause))
        if (why := why_refused(path)) is not None:
            refuse(why)
        return Member(path, header.size, self._stream, header.size)

    def _extension(self, header: tarfile.TarInfo) -> str | None:
        """The longer name that a pax or GNU header gives the next member, if it does."""
        if header.size > _MAX_EXTENSION_BYTES:
            refuse("It holds a file name that is far too long.")
        data = self._stream.read(header.size)
        self._stream.read(-header.size % BLOCK)
        try:
            if header.type == tarfile.GNUTYPE_LONGNAME:
                return data.rstrip(b"\0").decode("utf-8")
            records = _pax_records(data)
        except ValueError:
            refuse("It holds a damaged file header.")
        path = records.pop("path", None)
        if header.type == tarfile.XGLTYPE and path is not None:
            refuse("It gives all its files one name.")
        if not set(records) <= _IGNORED_PAX_KEYS:
            refuse("It holds a file header with unknown instructions.")
        return path


class _Gunzip:
    """Exactly as many bytes as asked for, or an ArchiveError; watches size and ratio."""

    def __init__(self, source: BinaryIO, limits: Limits) -> None:
        self.digest = hashlib.sha256()
        self.unsealed_digest = self.digest
        self.seal: bytes | None = None
        self.has_other_fields = False
        self._source = source
        self._limits = limits
        self._inflate = zlib.decompressobj(wbits=31)  # 31: a gzip frame, checksum verified
        self._packed = 0
        self._unpacked = 0

    def read(self, wanted: int) -> bytes:
        pieces = []
        while wanted:
            piece = self._some(wanted)
            pieces.append(piece)
            wanted -= len(piece)
        return b"".join(pieces)

    def finish(self) -> None:
        """What follows the last member: zeros, the checksum, and nothing else."""
        padding = 0
        while not self._inflate.eof:
            piece = self._some(_CHUNK_BYTES, may_end=True)
            padding += len(piece)
            if piece.strip(b"\0") or padding > _MAX_PADDING_BYTES:
                refuse("It holds more after its last file.")
        if self._inflate.unused_data or self._fetch():
            refuse("It holds more after its end.")

    def _some(self, wanted: int, may_end: bool = False) -> bytes:
        """At least one byte, at most `wanted`; none only at the end, where that is allowed."""
        while True:
            if self._inflate.eof:
                if may_end:
                    return b""
                refuse("It was cut short.")
            packed = self._inflate.unconsumed_tail or self._fetch()
            try:
                piece = self._inflate.decompress(packed, wanted)
            except zlib.error:
                refuse("It is not a gzip-compressed tar archive, or it is damaged.")
            if piece:
                self._count(len(piece))
                return piece
            if not packed and not self._inflate.eof:
                refuse("It was cut short.")

    def _fetch(self) -> bytes:
        try:
            data = self._source.read(_CHUNK_BYTES)
        except OSError as cause:
            refuse(f"It cannot be read: {cause.strerror or cause}.")
        if not self._packed:
            self._look_for_seal(data)
        elif self.seal is not None:
            self.unsealed_digest.update(data)
        self.digest.update(data)
        self._packed += len(data)
        return data

    def _look_for_seal(self, start: bytes) -> None:
        end = SEAL_AT + SEAL_BYTES
        if start[:4] == SEALED_FLAGS and start[10:SEAL_AT] == SEALED_FIELD and len(start) > end:
            self.seal = start[SEAL_AT:end]
            zeroed = start[:SEAL_AT] + bytes(SEAL_BYTES) + start[end:]
            self.unsealed_digest = hashlib.sha256(zeroed)
        else:
            self.has_other_fields = start[3:4] != b"\0"

    def _count(self, unpacked: int) -> None:
        self._unpacked += unpacked
        if self._unpacked > self._limits.total_bytes + _MAX_HEADERS_BYTES:
            refuse(f"Unpacked, it has more than {self._limits.total_bytes >> 20:,} MiB.")
        past_floor = self._unpacked > self._limits.ratio_floor_bytes
        if past_floor and self._unpacked > self._limits.ratio * self._packed:
            refuse("It unpacks to far more than it holds, as a bomb does.")


def _decoded(block: bytes) -> tarfile.TarInfo:
    try:
        header = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
    except (tarfile.HeaderError, UnicodeDecodeError, ValueError):
        refuse("It is not a tar archive inside, or it is damaged.")
    if header.size < 0:
        refuse("It holds a file of negative size.")
    return header


def _pax_records(data: bytes) -> dict[str, str]:
    """Records are `length key=value\\n`; the length counts itself."""
    records = {}
    while data:
        length_text, _, _ = data.partition(b" ")
        length = int(length_text)
        record, data = data[len(length_text) + 1 : length - 1], data[length:]
        key, equals, value = record.decode("utf-8").partition("=")
        if length < 5 or not equals:
            raise ValueError(length)
        records[key] = value
    return records


def refuse(why: str) -> NoReturn:
    """Raises the ArchiveError that every damaged or hostile package ends in."""
    raise ArchiveError(
        "The package cannot be opened.", why, "Get it again from its maker, or ask for a sound one."
    )
