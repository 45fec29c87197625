"""Archives no honest packer would write, byte by byte, for the tests of this folder."""

from __future__ import annotations

import gzip
import json
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


def member(name: str, data: bytes = b"{}", kind: bytes = tarfile.REGTYPE, link: str = "") -> bytes:
    """One tar member, header and padded content, with no check of anything."""
    header = tarfile.TarInfo(name)
    header.type, header.linkname = kind, link
    header.size = len(data)
    return header.tobuf(tarfile.GNU_FORMAT) + data + b"\0" * (-len(data) % 512)


def write_tar(path: Path, members: Iterable[bytes], end: bytes = b"\0" * 1024) -> Path:
    """A gzip-compressed tar of these members."""
    path.write_bytes(gzip.compress(b"".join(members) + end, mtime=0))
    return path


def files_of(archive: Path) -> dict[str, bytes]:
    """Name and content of each file in a sound package."""
    with tarfile.open(archive) as opened:
        return {m.name: opened.extractfile(m).read() for m in opened}  # type: ignore[union-attr]


def repacked(archive: Path, target: Path, changed: Mapping[str, bytes | None]) -> Path:
    """The package with files replaced, added or (None) dropped, and no hashes that would tell."""
    files: dict[str, Any] = {**files_of(archive), **changed}
    if "manifest.json" not in changed:
        said = json.loads(files["manifest.json"])
        said.pop("integrity", None)
        for base in said["base_models"]:
            for adapter in base["adapters"]:
                adapter["sha256"] = ""
        files["manifest.json"] = json.dumps(said).encode()
    return write_tar(target, [member(n, d) for n, d in files.items() if d is not None])


def safetensors_bytes(header: Any, buffer: bytes = b"", length: int | None = None) -> bytes:
    """A safetensors file with any header (JSON text or values) and any stated length."""
    text = header.encode() if isinstance(header, str) else json.dumps(header).encode()
    stated = len(text) if length is None else length
    return stated.to_bytes(8, "little") + text + buffer


def tree(folder: Path) -> dict[str, bytes]:
    """Every file under a folder with its content, the library's lock left out."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }
