"""Text files given to a conversation as context: read with distrust, written into a message.

Only text is read: nothing in a file is run, fetched or followed. Knows nothing of widgets.
"""

from __future__ import annotations

import codecs
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from expert_studio.core.errors import UsageError

MOST_BYTES = 2 << 20
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"),
          (codecs.BOM_UTF16_BE, "utf-16"))  # fmt: skip


@dataclass(frozen=True, slots=True)
class AttachedText:
    """One file's text under its name."""

    name: str
    text: str


def read_attached(path: Path) -> AttachedText:
    """Reads a text file.

    Raises:
        UsageError: it is no regular file, is too large, is not text, or cannot be read.
    """
    what = f"{path.name} cannot be given to the conversation."
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise UsageError(what, "It is not a file.", "Choose a text file.")
        if found.st_size > MOST_BYTES:
            raise UsageError(
                what,
                f"It has {found.st_size / 1e6:.1f} MB; at most {MOST_BYTES / 1e6:.1f} MB are read.",
                "Choose a part of it.",
            )
        with path.open("rb") as stream:
            raw = stream.read(MOST_BYTES + 1)
    except OSError as cause:
        raise UsageError(what, f"{cause.strerror or cause}.", "Choose another file.") from cause
    text = _decoded(raw)
    if text is None:
        raise UsageError(what, "It is not text.", "Choose a text file.")
    if not text.strip():
        raise UsageError(what, "It is empty.", "Choose another file.")
    return AttachedText(path.name, text)


def with_attached(text: str, files: Sequence[AttachedText]) -> str:
    """The message with the files below it, each in a fence that nothing in it can close."""
    parts = [text.strip()] if text.strip() else []
    for file in files:
        # the first look is quick, also at megabytes
        runs = re.findall(r"`{3,}", file.text) if "```" in file.text else ()
        fence = "`" * (max(map(len, runs), default=2) + 1)
        between = "\n\n" if parts else ""
        parts += [f"{between}{file.name}:\n{fence}\n", file.text.rstrip(), f"\n{fence}"]
    return "".join(parts)  # megabytes are copied once


def _decoded(raw: bytes) -> str | None:
    encoding = next((name for mark, name in _MARKS if raw.startswith(mark)), "")
    if not encoding and b"\0" in raw:
        return None
    for name in (encoding,) if encoding else ("utf-8", "cp1252"):
        try:
            return raw.decode(name).replace("\r\n", "\n")
        except UnicodeDecodeError:
            continue
    return None
