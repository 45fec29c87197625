"""What was measured of one or two experts' weights: plain figures, layer by layer.

Knows nothing of how they are measured (`weight_profile`, which needs numpy).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LayerNorm:
    """One layer of one expert."""

    layer: int  # -1: before the first token (a soft prompt)
    norm: float  # Frobenius, over all its adapted modules
    used_rank: float  # mean over its modules; 0 where there is no rank


@dataclass(frozen=True, slots=True)
class WeightProfile:
    """What one expert changes."""

    name: str
    version: str
    kind: str  # lora, dora, ia3, soft_prompt
    layers: tuple[LayerNorm, ...]
    rank: int | None  # as trained; None where there is none
    used_rank: float  # mean over all modules; 0 where there is no rank
    modules: int


@dataclass(frozen=True, slots=True)
class LayerMeeting:
    """One layer that both change."""

    layer: int
    overlap: float  # cosine of the two changes, -1 to 1
    sign_conflict: float  # 0 to 1: the share of what both change where they pull apart


@dataclass(frozen=True, slots=True)
class Meeting:
    """Two experts held against each other."""

    left: WeightProfile
    right: WeightProfile
    layers: tuple[LayerMeeting, ...]  # of modules that both adapt; () where there is none
    overlap: float
    sign_conflict: float
    shared_modules: int
