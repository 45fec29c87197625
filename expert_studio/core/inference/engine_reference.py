"""Our decoder against transformers on the same weights: the proof `doctor` shows.

Knows nothing of experts. Imports torch and, inside the one call, transformers; never
imported in the window's process.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from expert_studio.core.errors import LoadError

TOLERANCE = {"fp32": 1e-5, "bf16": 2e-2, "nf4": 2e-2, "int4": 2e-2, "int8": 2e-2}


class _ReadsTokens(Protocol):
    def logits(self, token_ids: Sequence[int]) -> torch.Tensor: ...


@dataclass(frozen=True, slots=True)
class Comparison:
    """How far our logits are from transformers' in float32."""

    relative_l2: float  # |ours - theirs| / |theirs| over all positions
    tokens: int
    same_choice: int  # positions where both would choose the same next token


def compare_with_transformers(
    engine: _ReadsTokens, folder: Path, token_ids: Sequence[int]
) -> Comparison:
    """Reads `token_ids` with both and compares (positions, vocabulary) logits on the CPU.

    transformers loads the folder's safetensors in float32, runs none of its code and asks no
    network.

    Raises:
        LoadError: transformers cannot load the base.
    """
    transformers: Any = importlib.import_module("transformers")
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    try:
        model = transformers.AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=torch.float32,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
        ).train(False)
    except (OSError, ValueError, RuntimeError) as cause:
        raise LoadError("transformers could not load the base.", f"{cause}.") from cause
    with torch.inference_mode():
        theirs = model(torch.tensor([list(token_ids)])).logits[0].float()  # (positions, vocabulary)
    ours = engine.logits(token_ids)  # (positions, vocabulary)
    return Comparison(
        relative_l2=float((ours - theirs).norm() / theirs.norm()),
        tokens=len(token_ids),
        same_choice=int((ours.argmax(-1) == theirs.argmax(-1)).sum()),
    )
