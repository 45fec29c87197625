"""What an expert costs on a base before it is taken: memory, and time for each token.

By arithmetic from the size of its weights; torch-free. Knows nothing of what is in memory.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from expert_studio.core.experts.library import InstalledExpert
from expert_studio.core.experts.requirement import name_key, parse_requirement
from expert_studio.core.inference.conversation import BaseDescription

STORED_BYTES = 2  # of one number in a package, and of one that waits to be composed
SMALL_BASE_BYTES = 64 << 20  # below, on a processor, what is composed is computed in fp32


@dataclass(frozen=True, slots=True)
class StackCost:
    """Beside the base.

    Attributes:
        slower: the share by which a token takes longer, by the bytes that are read for it.
    """

    memory_bytes: int
    slower: float


def stack_cost(experts: Iterable[InstalledExpert], base: BaseDescription) -> StackCost:
    """Of all these experts together on this base."""
    width = 2
    on_processor = base.device == "cpu"
    if base.quantization == "fp32" or (on_processor and base.resident_bytes < SMALL_BASE_BYTES):
        width = 4
    numbers = sum(_numbers(expert) for expert in experts)
    composed = 0 if width == STORED_BYTES else numbers * width  # else it is lent
    return StackCost(
        memory_bytes=numbers * STORED_BYTES + composed,
        slower=numbers * width / max(1, base.resident_bytes),
    )


def brought_along(
    expert: InstalledExpert, installed: Iterable[InstalledExpert]
) -> tuple[InstalledExpert, ...]:
    """The expert and all it needs of those that are installed."""
    by_key = {name_key(each.name): each for each in installed}
    found = {name_key(expert.name): expert}
    waiting = [expert]
    while waiting:
        for need in waiting.pop().manifest.needs:
            key = name_key(parse_requirement(need).name)
            if key in by_key and key not in found:
                found[key] = by_key[key]
                waiting.append(by_key[key])
    return tuple(found.values())


def _numbers(expert: InstalledExpert) -> int:
    sizes = (a.size_bytes for base in expert.manifest.base_models for a in base.adapters)
    return (max(sizes, default=0) or expert.size_bytes) // STORED_BYTES
