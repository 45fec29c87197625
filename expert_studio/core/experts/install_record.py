"""What is noted beside an installed expert: its weights' hash, its size, where it came from.

Knows one version's folder; not the library around it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

RECORD_FILE = "installed.json"
_WEIGHTS_FILE = "adapter_model.safetensors"


def write_record(
    folder: Path, weights_digest: str, came_from: Mapping[str, str] | None = None
) -> None:
    """Notes the weights' hash and all files' size, so that listing need not read them again.

    Size and modification time stand with it: weights changed later are hashed anew.

    Args:
        came_from: what else to note: the package's hash and who signed it.
    """
    weights = (folder / _WEIGHTS_FILE).stat()
    record = {
        "weights_sha256": weights_digest,
        "weights_bytes": weights.st_size,
        "weights_mtime_ns": weights.st_mtime_ns,
        "size_bytes": size_of(folder),
    } | dict(came_from or {})
    (folder / RECORD_FILE).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def origin(folder: Path) -> dict[str, Any]:
    """What the record of an installed version notes; {} where there is none."""
    try:
        said = json.loads((folder / RECORD_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def recorded(folder: Path, weights_bytes: int, weights_mtime_ns: int) -> tuple[str, int] | None:
    """Weights' hash and size of all files from the record, while the weights are as it says."""
    try:
        record = json.loads((folder / RECORD_FILE).read_text(encoding="utf-8"))
        stated = (record["weights_bytes"], record["weights_mtime_ns"])
        if stated != (weights_bytes, weights_mtime_ns):
            return None
        return str(record["weights_sha256"]), int(record["size_bytes"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def size_of(folder: Path) -> int:
    """Bytes of all files in it."""
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
