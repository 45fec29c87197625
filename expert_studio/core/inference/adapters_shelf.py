"""The experts in memory, and the one stack they are composed into at the moment.

An expert stays on the device while the budget allows, then in RAM, then only on disk;
the least recently used goes first. Knows nothing of the mathematics (`adapters_stack`)
or of files (`adapters_file`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import psutil
import torch
from torch import Tensor

from expert_studio.core.inference.adapters import LoadedExpert, load_expert, moved
from expert_studio.core.inference.adapters_stack import ExpertStack
from expert_studio.core.inference.decoder import Decoder, LayerDeltas
from expert_studio.core.inference.residency import ResidencyBudget, ResidentExpert
from expert_studio.core.inference.stack import Stack, StackMember

SHARE_OF_MEMORY = 8  # experts may take an eighth of the device's, and of the machine's
RAM = torch.device("cpu")


@dataclass(frozen=True, slots=True)
class Composition:
    """What a stack makes of a base."""

    layers: tuple[LayerDeltas, ...] = ()  # one a layer; () for the base's own
    virtual_tokens: Tensor | None = None  # (tokens, hidden), read before the first token

    @property
    def ahead(self) -> int:
        """Positions the virtual tokens take."""
        return 0 if self.virtual_tokens is None else self.virtual_tokens.shape[0]

    def embed(self, decoder: Decoder, tokens: Sequence[int], first: bool) -> Tensor:
        """(tokens, hidden); with the virtual tokens ahead where these are the first."""
        embedded = decoder.embed(tokens)
        if not first or self.virtual_tokens is None:
            return embedded
        return torch.cat((self.virtual_tokens, embedded))


class _Held:
    """One expert on the shelf."""

    __slots__ = ("expert", "last_used", "on_device", "version")

    def __init__(self, expert: LoadedExpert, version: str) -> None:
        self.expert = expert
        self.version = version
        self.on_device = True
        self.last_used = datetime.now(UTC)


class AdapterShelf:
    """The experts in memory, least recently used first."""

    def __init__(self, dtype: torch.dtype, device: torch.device) -> None:
        """dtype: of low ranks that are composed."""
        self._dtype = dtype
        self._device = device
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._composed: tuple[tuple[str, ...], ExpertStack] | None = None
        self._pinned: frozenset[str] = frozenset()
        self.budget = default_budget(device)

    def compose(self, stack: Stack, decoder: Decoder) -> Composition:
        """The stack on its base.

        Experts that are in memory are not read again; when only weights differ from
        the stack before, only they are written.

        Raises:
            LoadError, IntegrityError, CompatibilityError: an expert cannot be used.
        """
        if not stack.members:
            return Composition()
        members = sorted(stack.members, key=lambda member: (member.load_order, member.name))
        wanted = tuple(_key(member) for member in members)
        if self._composed is None or self._composed[0] != wanted:
            self._take_apart()  # its room first, then the new one's
            experts = [self._expert(member, decoder) for member in members]
            self._composed = (wanted, ExpertStack(experts, decoder, self._dtype))
        self._used(wanted)
        self._keep_to_budget()
        experts_on = self._composed[1]
        weights = [member.weight for member in members]
        experts_on.fold(weights)
        return Composition(experts_on.layers, experts_on.virtual_tokens(weights))

    def compose_apart(self, stack: Stack, decoder: Decoder) -> Composition:
        """As `compose`, beside the stack that is composed, for as long as it is referred to."""
        members = sorted(stack.members, key=lambda member: (member.load_order, member.name))
        if not members:
            return Composition()
        experts = [self._expert(member, decoder) for member in members]
        self._used([_key(member) for member in members])
        weights = [member.weight for member in members]
        composed = ExpertStack(experts, decoder, self._dtype, lends=False)
        composed.fold(weights)
        return Composition(composed.layers, composed.virtual_tokens(weights))

    def detach(self, name: str) -> bool:
        """Forgets every version of an expert; whether there was one."""
        keys = [key for key, held in self._held.items() if held.expert.name == name]
        if self._composed is not None and set(keys) & set(self._composed[0]):
            self._take_apart()
        for key in keys:
            del self._held[key]
        return bool(keys)

    def pin(self, names: Collection[str]) -> None:
        """These experts stay in memory until they are detached; no others do."""
        self._pinned = frozenset(names)
        self._keep_to_budget()

    def keep_to(self, budget: ResidencyBudget) -> None:
        """From now on, and at once."""
        self.budget = budget
        self._keep_to_budget()

    def resident(self) -> tuple[ResidentExpert, ...]:
        """Every expert in memory, in load order.

        The room the composed stack takes is divided by the sizes of its experts.
        """
        sizes = {key: held.expert.resident_bytes for key, held in self._held.items()}
        composed: tuple[str, ...] = ()
        if self._composed is not None:
            composed = self._composed[0]
            total, room = sum(sizes[key] for key in composed), self._composed[1].resident_bytes
            sizes |= {key: sizes[key] + room * sizes[key] // total for key in composed}
        order = sorted(self._held, key=lambda key: (self._held[key].expert.load_order, key))
        return tuple(
            ResidentExpert(
                name=held.expert.name,
                version=held.version,
                size_bytes=sizes[key],
                where="device" if held.on_device and self._device.type != "cpu" else "ram",
                last_used=held.last_used,
                composed=key in composed,
                pinned=held.expert.name in self._pinned,
            )
            for key, held in ((key, self._held[key]) for key in order)
        )

    def clear(self) -> None:
        """Forgets every expert, without taking room for anything."""
        self._composed = None
        self._held.clear()

    def _expert(self, member: StackMember, decoder: Decoder) -> LoadedExpert:
        key = _key(member)
        if key not in self._held:
            self._held[key] = _Held(load_expert(member, decoder, self._dtype), member.version)
        return self._held[key].expert

    def _used(self, keys: Sequence[str]) -> None:
        for key in keys:
            self._held[key].last_used = datetime.now(UTC)
            self._held.move_to_end(key)

    def _take_apart(self) -> None:
        if self._composed is not None:
            self._composed[1].release()
            self._composed = None

    def _keep_to_budget(self) -> None:
        """Least recently used first; what is composed or pinned stays where it is."""
        composed = () if self._composed is None else self._composed[0]
        idle = [
            key
            for key, held in self._held.items()
            if key not in composed and held.expert.name not in self._pinned
        ]
        if self._device.type != "cpu":
            for key in idle:
                held = self._held[key]
                if self._bytes(on_device=True) > self.budget.device_bytes and held.on_device:
                    held.expert, held.on_device = moved(held.expert, RAM), False
        in_ram = self._device.type == "cpu"
        for key in idle:
            over = self._bytes(on_device=in_ram) > self.budget.ram_bytes
            if over and self._held[key].on_device == in_ram:
                del self._held[key]

    def _bytes(self, on_device: bool) -> int:
        return sum(h.expert.resident_bytes for h in self._held.values() if h.on_device == on_device)


def default_budget(device: torch.device) -> ResidencyBudget:
    """An eighth of the device's memory, and of the machine's."""
    machine: int = psutil.virtual_memory().total
    there = machine
    if device.type == "cuda":
        there = torch.cuda.get_device_properties(device).total_memory
    return ResidencyBudget(there // SHARE_OF_MEMORY, machine // SHARE_OF_MEMORY)


def _key(member: StackMember) -> str:
    return f"{member.name} {member.version} {member.weights_sha256}"
