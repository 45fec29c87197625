"""Adapter weights on disk: are they safe and sound, before anything loads them.

Reads safetensors headers itself and streams the numbers with numpy; never imports
torch. What the numbers do to a model is `inference.adapters`' business.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

_CHUNK_BYTES = 1 << 20


def weights_sha256(path: Path) -> str:
    """SHA-256 of the whole file, 64 hex digits."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
