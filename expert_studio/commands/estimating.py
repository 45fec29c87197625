"""The verb estimate: what a base, its experts and a context will take, before they are loaded.

Knows nothing of the arithmetic (`core.inference.memory_estimate`).
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from expert_studio.commands.answering import Context, Kv, KvOption, Quant, QuantOption
from expert_studio.commands.bases import Base
from expert_studio.commands.report import AsJson, say, say_json, say_table
from expert_studio.core import settings
from expert_studio.core.inference.base_choice import base_folder
from expert_studio.core.inference.decoder_shape import read_shape, stretched
from expert_studio.core.inference.memory_estimate import (
    estimate,
    free_bytes,
    in_words,
    kv_bytes_per_token,
    native_width,
)
from expert_studio.core.settings import Folders


def estimate_memory(
    base: Base = None,
    quant: QuantOption = None,
    kv: KvOption = None,
    context: Context = None,
    experts: Annotated[int, typer.Option(min=0, max=10, help="How many, as LoRA.")] = 0,
    rank: Annotated[int, typer.Option(min=1, max=256, help="Of each expert.")] = 16,
    as_json: AsJson = False,
) -> None:
    """Say what memory it takes, by owner; nothing is loaded."""
    folders = Folders.default()
    chosen = settings.load(folders)
    folder = base_folder(base, folders)
    held = quant or Quant(chosen.quantization)
    kept = kv or Kv(chosen.kv)
    shape = stretched(read_shape(folder), chosen.context if context is None else context, folder)
    owners = estimate(shape, held.value, kept.value, 0, experts, rank)
    per_token = kv_bytes_per_token(shape, kept.value, native_width(held.value))
    free = free_bytes()
    if as_json:
        say_json(
            {
                "base": str(folder),
                "quantization": held.value,
                "kv": kept.value,
                "context": shape.context_length,
                "kv_bytes_per_token": per_token,
                "bytes": asdict(owners) | {"total": owners.total},
                "free_bytes": free,
                "fits": owners.total <= free,
            }
        )
        return
    rows = [
        ("base", in_words(owners.base), held.value),
        ("experts", in_words(owners.experts), f"{experts}, rank {rank}"),
        ("keys and values", in_words(owners.kv_cache),
         f"{shape.context_length:,} tokens of {in_words(per_token)}, {kept.value}"),
        ("reading a prompt", in_words(owners.prefill), "given back afterwards"),
        ("together", in_words(owners.total), f"{in_words(free)} are free"),
    ]  # fmt: skip
    say_table(("", "takes", ""), rows)
    if owners.total > free:
        say("It does not fit. int8 or int4 for keys and values, or a smaller context, takes less.")
