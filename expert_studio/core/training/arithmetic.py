"""Which numbers a run reckons in, by its recipe and by what the machine can do.

Knows nothing of tensors, so that an estimate can ask as well.
"""

from __future__ import annotations

from typing import Literal

from expert_studio.core.telemetry.processor import multiplies_bf16
from expert_studio.core.training.recipe import Held, Recipe

Numbers = Literal["bf16", "fp32"]


def computed_in(recipe: Recipe, device: str) -> Numbers:
    """As the recipe says; but fp32 on a processor that has no bf16 arithmetic of its own.

    There bf16 would take about 30 times as long. The base's weights are the same numbers in
    either, and the adapter is learned in fp32 anyway.
    """
    return "fp32" if recipe.precision == "bf16" and _lacks_bf16(device) else recipe.precision


def held_as(recipe: Recipe, device: str) -> Held:
    """How the base lies in memory while it is trained on: bf16 only where it is reckoned in."""
    return "fp32" if recipe.quantization == "bf16" and _lacks_bf16(device) else recipe.quantization


def _lacks_bf16(device: str) -> bool:
    return device == "cpu" and not multiplies_bf16()
