"""Which experts answer, how strongly, on which base: a frozen value with a hash.

The hash names the KV caches an answer may use and stands on every answer.
Knows nothing of tensors or of how a library stores experts on disk beyond
`InstalledExpert`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from expert_studio.core.errors import DependencyError, UsageError
from expert_studio.core.experts.library import InstalledExpert
from expert_studio.core.experts.requirement import name_key
from expert_studio.core.inference.rope_scaling import as_text

MAX_EXPERTS = 10
WEIGHT_RANGE = (-2.0, 2.0)
Mode = Literal["sum", "blend"]


@dataclass(frozen=True, slots=True)
class StackMember:
    """One expert in a stack."""

    name: str
    version: str
    weights_sha256: str
    weight: float
    load_order: int
    tier: str  # format, language, technology, domain, task
    folder: Path = field(compare=False)  # where its files lie; no part of the identity
    required_by: tuple[str, ...] = ()  # names of members that need it; () = chosen by the person
    trained_weight: float | None = None  # the weight its dependants were trained with, if any
    rope_scaling: str = ""  # what its manifest asks for, as `rope_scaling.as_text` gives it

    @property
    def as_trained(self) -> bool:
        """Whether its weight is the one its dependants learned on."""
        return self.trained_weight is None or abs(self.weight - self.trained_weight) < 1e-9


@dataclass(frozen=True, slots=True)
class Stack:
    """Experts in canonical load order with weights, on one base revision and quantization."""

    members: tuple[StackMember, ...] = ()
    base_sha256: str = ""
    quantization: str = ""

    @property
    def hash(self) -> str:
        """64 hex digits over experts, versions, weight hashes, weights, base and quantization."""
        identity = {
            "base": self.base_sha256,
            "quantization": self.quantization,
            "members": [
                [m.name, m.version, m.weights_sha256, float(m.weight).hex()] for m in self.members
            ],
        }
        return hashlib.sha256(json.dumps(identity, separators=(",", ":")).encode()).hexdigest()

    @property
    def short_hash(self) -> str:
        """The first six digits, as the status line shows them."""
        return self.hash[:6]


EMPTY = Stack()


def compose(
    chosen: Mapping[str, float],
    experts: Sequence[InstalledExpert],
    base_sha256: str,
    quantization: str,
    mode: Mode = "sum",
    blend_total: float = 1.0,
) -> Stack:
    """Builds the stack for the chosen experts and everything they need.

    `experts` is `dependencies.with_requirements(chosen, library)`: dependencies are
    attached at the weight their dependants were trained with, unless `chosen` names
    them too. Where dependants differ, one that is chosen counts before one that only
    comes along, then the last in order, which stands on the others. Blend scales all
    weights so that their absolute values sum to `blend_total`.

    Raises:
        DependencyError: more than ten experts, counting dependencies.
        UsageError: a weight outside -2 to 2.
    """
    if len(experts) > MAX_EXPERTS:
        raise DependencyError(
            f"{len(experts)} experts are more than one stack can hold.",
            f"At most {MAX_EXPERTS} work together, counting those that others need.",
            "Untick some of them.",
        )
    members = [_member(expert, chosen, experts, base_sha256) for expert in experts]
    total = sum(abs(member.weight) for member in members)
    if mode == "blend" and total > 0:
        members = [_scaled(member, blend_total / total) for member in members]
    members.sort(key=lambda member: (member.load_order, member.name))
    return Stack(tuple(members), base_sha256, quantization)


def _member(
    expert: InstalledExpert,
    chosen: Mapping[str, float],
    experts: Sequence[InstalledExpert],
    base_sha256: str,
) -> StackMember:
    recorded = {
        other.name: trained.weight
        for other in sorted(experts, key=lambda other: other.name not in chosen, reverse=True)
        for trained in other.manifest.trained_with
        if name_key(trained.name) == name_key(expert.name)
    }
    trained_weight = list(recorded.values())[-1] if recorded else None
    weight = chosen.get(expert.name, 1.0 if trained_weight is None else trained_weight)
    low, high = WEIGHT_RANGE
    if not low <= weight <= high:
        raise UsageError(
            f"{expert.name} cannot take the weight {weight:g}.",
            f"Weights go from {low:g} to {high:g}.",
        )
    bases = expert.manifest.base_models
    base = expert.manifest.base_for(None, base_sha256) or (bases[0] if bases else None)
    return StackMember(
        name=expert.name,
        version=expert.version,
        weights_sha256=expert.weights_sha256,
        weight=weight,
        load_order=expert.manifest.constraints.load_order,
        tier=expert.manifest.tier,
        folder=expert.folder,
        required_by=tuple(sorted(recorded)),
        trained_weight=trained_weight,
        rope_scaling=as_text(base.rope_scaling if base else None),
    )


def _scaled(member: StackMember, factor: float) -> StackMember:
    return replace(member, weight=member.weight * factor)
