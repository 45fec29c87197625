"""The experts one Python caller has loaded in a lane, and the stacks it asks for.

Knows nothing of other callers but which experts they compose.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from expert_studio.core.errors import InferenceError
from expert_studio.core.experts.dependencies import with_requirements
from expert_studio.core.experts.library import InstalledExpert
from expert_studio.core.experts.requirement import name_key
from expert_studio.core.inference.call_arguments import Prompt, checked_sampling, read_messages
from expert_studio.core.inference.conversation import Question
from expert_studio.core.inference.decoding import sampling_for
from expert_studio.core.inference.lane import Lane
from expert_studio.core.inference.shelves import Shelves
from expert_studio.core.inference.stack import Stack, StackMember, compose

if TYPE_CHECKING:
    from expert_studio.core.inference.engine import Engine

Chosen = str | Iterable[str] | Mapping[str, float]


@dataclass(frozen=True, slots=True)
class LoadedExpert:
    """One expert a manager holds, by name or because another needs it."""

    name: str
    version: str
    base: str  # as manifests name it: "expert-base-12m"
    weight: float  # -2 to 2; of one that came along, the weight its dependant was trained with
    size_bytes: int  # in memory now; 0 while it is on disk alone
    last_used: datetime | None  # UTC; None while it is on disk alone
    required_by: tuple[str, ...]  # loaded experts that need it


class LoadedExperts:
    """Names, weights and what came along; errors as `sdk.ExpertManager` says."""

    def __init__(self, lane: Lane, shelves: Shelves) -> None:
        self._lane = lane
        self._shelves = shelves
        self._weights: dict[str, float] = {}
        self._needs: dict[str, tuple[StackMember, ...]] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Those that were loaded by name or path."""
        return tuple(self._weights)

    def load(self, path_or_name: str | Path, weight: float) -> InstalledExpert:
        """Attaches an expert with what it needs."""
        expert = self._shelves.found(path_or_name, self._lane.engine.base)
        self._shelves.bring_what_ships(expert)
        stack, _ = self._composed({expert.name: weight})
        self._lane.call(lambda engine: engine.attach_experts(stack))
        self._weights[expert.name] = weight
        self._needs[expert.name] = stack.members
        self._lane.note(id(self), self._members())
        return expert

    def unload(self, name: str) -> int:
        """Detaches what nobody uses then; the bytes given back."""
        name = self.name_of(name)
        before = self._members()
        del self._weights[name], self._needs[name]
        self._lane.note(id(self), self._members())
        idle = before - self._members() - self._lane.used_by_others(id(self))
        return self._lane.call(lambda engine: _detach(engine, idle))

    def set_weight(self, name: str, weight: float) -> None:
        """From the next answer on."""
        name = self.name_of(name)
        stack, _ = self._composed({name: weight})
        self._weights[name] = weight
        self._needs[name] = stack.members

    def listed(self) -> tuple[LoadedExpert, ...]:
        """All that are held, in load order."""
        base = self._lane.engine.base.name
        resident = {
            (e.name, e.version): e for e in self._lane.call(lambda e: e.list_loaded_experts())
        }
        members = {m.name: m for needed in self._needs.values() for m in needed}
        # one that was loaded by name has the weight given then, whoever else needs it
        members |= {name: m for name, ms in self._needs.items() for m in ms if m.name == name}
        found = []
        for member in sorted(members.values(), key=lambda m: (m.load_order, m.name)):
            there = resident.get((member.name, member.version))
            needing = (n for n, ms in self._needs.items() if member.name in {m.name for m in ms})
            found.append(
                LoadedExpert(
                    member.name,
                    member.version,
                    base,
                    member.weight,
                    there.size_bytes if there else 0,
                    there.last_used if there else None,
                    tuple(sorted(n for n in needing if n != member.name)),
                )
            )
        return tuple(found)

    def name_of(self, name: str) -> str:
        """The name as the expert itself spells it.

        Raises:
            InferenceError: it is not loaded.
        """
        for loaded in self._weights:
            if name_key(loaded) == name_key(name):
                return loaded
        raise InferenceError(f"{name} is not loaded.", "", "Load it first.")

    def _members(self) -> frozenset[str]:
        return frozenset(m.name for members in self._needs.values() for m in members)

    def question(
        self, prompt: Prompt, experts: Chosen | None, sampling: Mapping[str, Any]
    ) -> Question:
        """What to ask the engine; None asks all that are loaded by name.

        Raises:
            InferenceError, UsageError, DependencyError: as `sdk.ExpertManager.generate`.
        """
        if experts is None:
            chosen = dict(self._weights)
        elif isinstance(experts, Mapping):
            chosen = {self.name_of(name): weight for name, weight in experts.items()}
        else:
            names = [experts] if isinstance(experts, str) else experts
            chosen = {name: self._weights[name] for name in map(self.name_of, names)}
        stack, found = self._composed(chosen)
        manifests = {expert.name: expert.manifest for expert in found}
        ordered = [manifests[member.name] for member in stack.members]
        return Question(
            read_messages(prompt), stack, sampling_for(checked_sampling(sampling), ordered)
        )

    def _composed(self, chosen: Mapping[str, float]) -> tuple[Stack, tuple[InstalledExpert, ...]]:
        base = self._lane.engine.base
        self._shelves.favour(base.name, base.sha256)
        found = with_requirements(tuple(chosen), self._shelves)
        return compose(chosen, found, base.sha256, base.quantization), found


def _detach(engine: Engine, names: Iterable[str]) -> int:
    resident = engine.list_loaded_experts()
    for name in {expert.name for expert in resident} & set(names):
        engine.detach(name)
    return sum(e.size_bytes for e in resident) - sum(
        e.size_bytes for e in engine.list_loaded_experts()
    )
