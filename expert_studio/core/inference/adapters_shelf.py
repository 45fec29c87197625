"""The experts in memory, and the one stack they are composed into at the moment.

Knows nothing of the mathematics (`adapters_stack`) or of files (`adapters_file`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from expert_studio.core.inference.adapters import LoadedExpert, load_expert
from expert_studio.core.inference.adapters_stack import ExpertStack
from expert_studio.core.inference.decoder import Decoder, LayerDeltas
from expert_studio.core.inference.stack import Stack, StackMember

EXPERTS_KEPT = 16  # in memory between stacks, by least-recent use


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


class AdapterShelf:
    """The experts in memory, least recently used first."""

    def __init__(self, dtype: torch.dtype) -> None:
        self._dtype = dtype  # of low ranks
        self._loaded: OrderedDict[str, LoadedExpert] = OrderedDict()
        self._composed: tuple[tuple[str, ...], ExpertStack] | None = None

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
            self._composed = None  # its room first, then the new one's
            experts = [self._expert(member, decoder) for member in members]
            self._composed = (wanted, ExpertStack(experts, decoder))
        experts_on = self._composed[1]
        weights = [member.weight for member in members]
        experts_on.fold(weights)
        return Composition(experts_on.layers, experts_on.virtual_tokens(weights))

    def resident(self) -> tuple[tuple[str, int], ...]:
        """(name, bytes) of every expert in memory, in load order.

        The room the composed stack takes is divided by the sizes of its experts.
        """
        sizes = {key: expert.resident_bytes for key, expert in self._loaded.items()}
        if self._composed is not None:
            composed = [key for key in self._composed[0] if key in sizes]
            total = sum(sizes[key] for key in composed)
            room = self._composed[1].resident_bytes
            sizes |= {key: sizes[key] + room * sizes[key] // total for key in composed}
        order = sorted(self._loaded, key=lambda key: (self._loaded[key].load_order, key))
        return tuple((self._loaded[key].name, sizes[key]) for key in order)

    def clear(self) -> None:
        self._composed = None
        self._loaded.clear()

    def _expert(self, member: StackMember, decoder: Decoder) -> LoadedExpert:
        key = _key(member)
        loaded = self._loaded.get(key)
        if loaded is None:
            loaded = load_expert(member, decoder, self._dtype)
            self._loaded[key] = loaded
            while len(self._loaded) > EXPERTS_KEPT:
                self._loaded.popitem(last=False)
        self._loaded.move_to_end(key)
        return loaded


def _key(member: StackMember) -> str:
    return f"{member.name} {member.version} {member.weights_sha256}"
