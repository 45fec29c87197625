"""Logits in a file and the hash of weights in memory: what can be checked from outside.

Knows nothing of how either was computed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from expert_studio.core.errors import StorageError
from expert_studio.core.inference.stack import Stack

HASH_BYTES = 1 << 24


def write_logits(path: Path, token_ids: Sequence[int], logits: Tensor, stack: Stack) -> None:
    """Writes `tokens` (positions,) int64 and `logits` (positions, vocabulary) float32.

    Raises:
        StorageError: the file cannot be written; nothing is left half-written.
    """
    tensors = {"tokens": torch.tensor(token_ids, dtype=torch.int64), "logits": logits}
    partial = path.with_name(f"{path.name}.partial")
    try:
        save_file(tensors, partial, metadata={"stack": stack.hash})
        partial.replace(path)
    except (OSError, SafetensorError) as cause:
        partial.unlink(missing_ok=True)
        raise StorageError(
            f"The logits could not be written to {path}.", f"{cause}.", "Choose another place."
        ) from cause


def tensors_sha256(tensors: Iterable[Tensor]) -> str:
    """64 hex digits over the bytes of all, in order."""
    digest = hashlib.sha256()
    for tensor in tensors:
        flat = tensor.detach().cpu().contiguous().view(-1).view(torch.uint8)
        for start in range(0, flat.numel(), HASH_BYTES):
            digest.update(flat[start : start + HASH_BYTES].numpy().tobytes())
    return digest.hexdigest()
