"""Text files of any size as lines: encodings, line ends, and lines no memory could hold.

Reads in bounded pieces: a line of a gigabyte costs that line. Knows nothing of rows.
"""

from __future__ import annotations

import codecs
import gzip
import lzma
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple, cast

from expert_studio.core.errors import DatasetError

LONGEST_LINE_BYTES = 16_000_000
_PIECE_BYTES = 1 << 18
_HEAD_BYTES = 1 << 16
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class Line(NamedTuple):
    """One line: its number from 1, its text without the line feed, or why it has none."""

    number: int
    text: str
    fault: str = ""


def lines(path: Path, read: Callable[[int], None] | None = None) -> Iterator[Line]:
    """The lines of a text file, `.xz` or `.gz` unpacked on the way.

    UTF-8 is read line by line, so that a wrong byte costs its line; files that begin with a
    mark or look like UTF-16 are decoded as a whole; other encodings are guessed.

    Args:
        read: told, now and then, how many bytes of the file were read.

    Raises:
        DatasetError: the file cannot be read, or is not text.
    """
    with opened(path) as stream:
        head = stream.read(_HEAD_BYTES)
        encoding = _encoding(head, path)
        pieces = _pieces(stream, head, path, read)
        if encoding == "utf-8":
            for number, raw, fault in _split(pieces):
                yield _decoded(number, raw, fault)
            return
        decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
        again = (decoder.decode(piece).encode("utf-8", "replace") for piece in pieces)
        for number, raw, fault in _split(again):
            line = _decoded(number, raw, fault)
            if "\ufffd" in line.text and encoding.startswith("utf"):
                line = Line(number, "", f"It is not {encoding.upper()}.")
            yield line


def text_of(path: Path, at_most: int) -> str:
    """A whole text file in its encoding.

    Raises:
        DatasetError: it cannot be read, or has more than `at_most` bytes.
    """
    with opened(path) as stream:
        data = stream.read(at_most + 1)
    if len(data) > at_most:
        raise DatasetError(
            f"{path.name} is too large to be read as one JSON value.",
            f"It has more than {at_most / 1e6:,.0f} MB.",
            "Give it as JSON lines, one object a line.",
        )
    encoding = _encoding(data[:_HEAD_BYTES], path)
    try:
        return data.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except UnicodeError as cause:
        raise DatasetError(
            f"{path.name} cannot be read.", f"It is not {encoding.upper()}: {cause}."
        ) from cause


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """The bytes of a file, unpacked where its name says so.

    Raises:
        DatasetError: it cannot be read.
    """
    try:
        with _stream(path) as stream:
            yield stream
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as cause:
        raise DatasetError(
            f"The file {path.name} cannot be read.",
            f"{getattr(cause, 'strerror', None) or cause}.",
            "Check that it is whole and may be read.",
        ) from cause


def _stream(path: Path) -> IO[bytes]:
    if path.suffix == ".xz":
        return cast(IO[bytes], lzma.open(path))
    if path.suffix == ".gz":
        return cast(IO[bytes], gzip.open(path))
    return path.open("rb")


def _encoding(head: bytes, path: Path) -> str:
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    if len(head) >= 4 and head.count(0) * 3 > len(head):  # every second byte of plain letters
        return "utf-16-le" if head[1] == 0 else "utf-16-be"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        if path.suffix.lower() in {".csv", ".tsv", ".txt"}:  # JSON is UTF-8 by its standard
            return _guessed(head, path)
    return "utf-8"


def _guessed(head: bytes, path: Path) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(head).best()
    if best is None:
        raise DatasetError(
            f"{path.name} cannot be read.", "It is not text in any known encoding.",
            "Save it as UTF-8.",
        )  # fmt: skip
    return best.encoding


def _pieces(
    stream: IO[bytes], head: bytes, path: Path, read: Callable[[int], None] | None
) -> Iterator[bytes]:
    piece = head.removeprefix(codecs.BOM_UTF8)
    while piece or head:
        if read is not None:
            read(_position(stream, path))
        yield piece
        head, piece = b"", stream.read(_PIECE_BYTES)


def _position(stream: IO[bytes], path: Path) -> int:
    """How far the file itself was read; of packed files, as far as its reader knows."""
    under = getattr(stream, "_fp", None) or getattr(stream, "fileobj", None) or stream
    try:
        return int(under.tell())
    except (OSError, ValueError, AttributeError):
        return path.stat().st_size


def _split(pieces: Iterator[bytes]) -> Iterator[tuple[int, bytes, str]]:
    """Lines by LF, a CR before it kept; one that grows beyond the cap is passed over."""
    number, kept, size = 1, [], 0
    for piece in pieces:
        parts = piece.split(b"\n")
        for at, part in enumerate(parts):
            size += len(part)
            if size <= LONGEST_LINE_BYTES:
                kept.append(part)
            else:
                kept.clear()
            if at < len(parts) - 1:
                yield number, b"".join(kept), _too_long(size)
                number, kept, size = number + 1, [], 0
    if size:
        yield number, b"".join(kept), _too_long(size)


def _too_long(size: int) -> str:
    if size <= LONGEST_LINE_BYTES:
        return ""
    return f"It is {size / 1e6:,.0f} MB long; at most {LONGEST_LINE_BYTES / 1e6:,.0f} MB are read."


def _decoded(number: int, raw: bytes, fault: str) -> Line:
    if fault:
        return Line(number, "", fault)
    try:
        return Line(number, raw.decode("utf-8"))
    except UnicodeDecodeError as cause:
        return Line(number, "", f"It is not UTF-8 at byte {cause.start + 1}.")
