"""A base's weight files on disk: which there are, whether they are whole, their hash.

Knows nothing of tensors' meaning. Only safetensors: pickled weights are refused,
since reading one runs code.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

from safetensors import SafetensorError, safe_open

from expert_studio.core.errors import LoadError
from expert_studio.core.settings import BUNDLED_BASE_NAME, resources_folder

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
CHUNK_BYTES = 1 << 20
PICKLED = (".bin", ".pt", ".pth", ".ckpt")


def base_name(folder: Path) -> str:
    """As manifests name it: the folder's name, but for the bundled base, whose is just "base"."""
    here = folder.resolve()
    return BUNDLED_BASE_NAME if here == (resources_folder() / "base").resolve() else here.name


def weight_files(folder: Path) -> tuple[Path, ...]:
    """The safetensors files of a base, shards in name order.

    Raises:
        LoadError: none, or only pickled ones; a shard is missing; the index is unreadable.
    """
    single = folder / SINGLE
    if single.is_file():
        return (single,)
    if (folder / INDEX).is_file():
        return _shards(folder)
    if any(path.suffix in PICKLED for path in folder.iterdir()):
        raise LoadError(
            f"The base in {folder} has only pickled weights.",
            "Reading such a file can run any program hidden in it, so Expert Studio does not.",
            "Use a release of the base with model.safetensors.",
        )
    raise LoadError(
        f"The base in {folder} has no weights.",
        f"Neither {SINGLE} nor {INDEX} is there.",
        "Download the base again.",
    )


def _shards(folder: Path) -> tuple[Path, ...]:
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        names = sorted(set(index["weight_map"].values()))
        foreign = [name for name in names if Path(name).name != name]
        if foreign or not names:
            raise ValueError(f"it names {foreign[0]!r}" if foreign else "it names no file")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as cause:
        raise LoadError(
            f"The base in {folder} cannot be used.",
            f"{INDEX} could not be read: {cause}.",
            "Download the base again.",
        ) from cause
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise LoadError(
            f"The base in {folder} is not complete.",
            f"{missing[0]} is missing" + (f" and {len(missing) - 1} more." if missing[1:] else "."),
            "Resume its download, or download it again.",
        )
    return tuple(folder / name for name in names)


def check_whole(files: tuple[Path, ...]) -> None:
    """Reads each file's header, which tells how long it must be; no weights.

    Raises:
        LoadError: one is cut short or is no safetensors file.
    """
    for path in files:
        try:
            with safe_open(path, framework="numpy"):
                pass
        except (SafetensorError, OSError) as cause:
            raise LoadError(
                f"{path.name} of the base cannot be read.",
                f"{cause}.",
                "Download the base again.",
            ) from cause


def base_sha256(files: tuple[Path, ...], on_progress: Callable[[float], None]) -> str:
    """The SHA-256 of the one file, or of the shards' hex hashes joined in name order.

    Reads in chunks of 1 MiB; `on_progress` gets 0.0 to 1.0.

    Raises:
        LoadError: a file cannot be read.
    """
    total = max(1, sum(path.stat().st_size for path in files))
    done = 0
    hashes = []
    for path in files:
        digest = hashlib.sha256()
        try:
            with path.open("rb") as stream:
                while chunk := stream.read(CHUNK_BYTES):
                    digest.update(chunk)
                    done += len(chunk)
                    on_progress(min(1.0, done / total))
        except OSError as cause:
            raise LoadError(
                f"{path.name} of the base could not be read.",
                f"{cause.strerror or cause}.",
                "Check the disk, then try again.",
            ) from cause
        hashes.append(digest.hexdigest())
    return hashes[0] if len(hashes) == 1 else hashlib.sha256("".join(hashes).encode()).hexdigest()
