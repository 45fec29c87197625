"""Several experts as one low-rank product beside each base weight.

The experts' ranks are laid one after another: one A of (sum r, in), one B of
(out, sum r) with every expert's weight folded into its columns, so that
`B (A x)` is exactly the weighted sum however many experts are on. Changing
weights rewrites B alone. Knows nothing of files or of the forward pass.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from expert_studio.core.inference.adapters import LoadedExpert, LowRank, load_expert
from expert_studio.core.inference.decoder import LayerDeltas
from expert_studio.core.inference.decoder_shape import DecoderShape
from expert_studio.core.inference.stack import Stack, StackMember

EXPERTS_KEPT = 16  # in memory between stacks, by least-recent use
QKV, GATE_UP = ("q_proj", "k_proj", "v_proj"), ("gate_proj", "up_proj")


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where one expert stands in a part's B."""

    expert: int  # index in the stack
    start: int
    end: int
    source: LowRank


class _Part:
    """The B of one projection within a fused product."""

    __slots__ = ("b", "columns", "outputs", "ranks")

    def __init__(self, outputs: slice, ranks: slice, columns: tuple[_Columns, ...]) -> None:
        self.outputs = outputs  # of the fused product's output
        self.ranks = ranks  # of the fused product's A
        self.columns = columns
        first = columns[0].source.b
        self.b = first.new_empty(outputs.stop - outputs.start, ranks.stop - ranks.start)

    def fold(self, weights: Sequence[float]) -> None:
        for place in self.columns:
            factor = place.source.scale * weights[place.expert]
            self.b[:, place.start : place.end] = place.source.b.float() * factor


class StackedDelta:
    """What all experts of a stack add to one product of the base."""

    __slots__ = ("a", "parts")

    def __init__(self, a: Tensor, parts: tuple[_Part, ...]) -> None:
        self.a = a  # (sum r, in)
        self.parts = parts

    def add_to(self, y: Tensor, x: Tensor) -> None:
        """y: (tokens, out), added to in place; x: (tokens, in)."""
        low = F.linear(x, self.a)  # (tokens, sum r)
        for part in self.parts:
            y[:, part.outputs].addmm_(low[:, part.ranks], part.b.t())


class RankStack:
    """The stacked deltas of some experts at all layers; their weights can be changed."""

    def __init__(self, experts: Sequence[LoadedExpert], shape: DecoderShape) -> None:
        self._deltas: list[StackedDelta] = []
        self._experts = tuple(experts)
        self._shape = shape
        self._weights: tuple[float, ...] | None = None
        self.layers = tuple(
            LayerDeltas(
                qkv=self._stacked(layer, *QKV),
                o=self._stacked(layer, "o_proj"),
                gate_up=self._stacked(layer, *GATE_UP),
                down=self._stacked(layer, "down_proj"),
            )
            for layer in range(shape.layers)
        )

    @property
    def resident_bytes(self) -> int:
        tensors = [d.a for d in self._deltas] + [p.b for d in self._deltas for p in d.parts]
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors)

    def fold(self, weights: Sequence[float]) -> None:
        """Writes the weights, one per expert, into every B. Nothing else is touched."""
        if self._weights == tuple(weights):
            return
        self._weights = None
        for delta in self._deltas:
            for part in delta.parts:
                part.fold(weights)
        self._weights = tuple(weights)

    def _stacked(self, layer: int, *projections: str) -> StackedDelta | None:
        rows: list[Tensor] = []
        parts: list[_Part] = []
        first_output = first_rank = 0
        for projection in projections:
            outputs, _ = self._shape.projection(projection)
            columns: list[_Columns] = []
            rank = 0
            for index, expert in enumerate(self._experts):
                source = expert.low_ranks.get((layer, projection))
                if source is not None:
                    columns.append(_Columns(index, rank, rank + source.a.shape[0], source))
                    rows.append(source.a)
                    rank += source.a.shape[0]
            if columns:
                where = slice(first_output, first_output + outputs)
                parts.append(_Part(where, slice(first_rank, first_rank + rank), tuple(columns)))
            first_output += outputs
            first_rank += rank
        if not parts:
            return None
        delta = StackedDelta(torch.cat(rows), tuple(parts))
        self._deltas.append(delta)
        return delta


class AdapterShelf:
    """The experts in memory, and the one stack they are composed into at the moment."""

    def __init__(self, shape: DecoderShape, dtype: torch.dtype, device: torch.device) -> None:
        self._shape = shape
        self._dtype = dtype
        self._device = device
        self._loaded: OrderedDict[str, LoadedExpert] = OrderedDict()
        self._composed: tuple[tuple[str, ...], RankStack] | None = None

    def deltas(self, stack: Stack) -> tuple[LayerDeltas, ...]:
        """One entry a layer, or () for the base alone.

        Experts that are in memory are not read again; when only weights differ from
        the stack before, only B is written.

        Raises:
            LoadError, IntegrityError, CompatibilityError: an expert cannot be used.
        """
        if not stack.members:
            return ()
        members = sorted(stack.members, key=lambda member: (member.load_order, member.name))
        wanted = tuple(member.weights_sha256 + member.name for member in members)
        if self._composed is None or self._composed[0] != wanted:
            self._composed = None  # its room first, then the new one's
            experts = [self._expert(member) for member in members]
            self._composed = (wanted, RankStack(experts, self._shape))
        ranks = self._composed[1]
        ranks.fold([member.weight for member in members])
        return ranks.layers

    def resident(self) -> tuple[tuple[str, int], ...]:
        """(name, bytes) of every expert in memory, its share of the composed stack included."""
        shares = dict.fromkeys(self._loaded, 0)
        if self._composed is not None:
            for key in self._composed[0]:
                if key in shares:  # a stack holds what its experts hold, once more
                    shares[key] = self._loaded[key].resident_bytes
        return tuple(
            (expert.name, expert.resident_bytes + shares[key])
            for key, expert in self._loaded.items()
        )

    def clear(self) -> None:
        self._composed = None
        self._loaded.clear()

    def _expert(self, member: StackMember) -> LoadedExpert:
        key = member.weights_sha256 + member.name
        loaded = self._loaded.get(key)
        if loaded is None:
            loaded = load_expert(member, self._shape, self._dtype, self._device)
            self._loaded[key] = loaded
            while len(self._loaded) > EXPERTS_KEPT:
                self._loaded.popitem(last=False)
        self._loaded.move_to_end(key)
        return loaded
