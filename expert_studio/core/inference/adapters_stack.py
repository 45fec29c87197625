"""Several experts as one low-rank product beside each base weight.

The experts' ranks are laid one after another: one A of (sum r, in), one B of
(out, sum r) with every expert's weight folded into its columns, so that
`B (A x)` is exactly the weighted sum however many experts are on. Changing
weights rewrites B alone. Knows nothing of files or of the forward pass.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from expert_studio.core.inference.adapters import LoadedExpert, LowRank, load_expert
from expert_studio.core.inference.decoder import LayerDeltas
from expert_studio.core.inference.decoder_shape import DecoderShape
from expert_studio.core.inference.stack import Stack, StackMember

EXPERTS_KEPT = 16  # in memory between stacks, by least-recent use
JOINED_RANKS = 64  # up to here one B with zeros in it is faster than one a projection
QKV, GATE_UP = ("q_proj", "k_proj", "v_proj"), ("gate_proj", "up_proj")


@dataclass(frozen=True, slots=True)
class _Block:
    """Where one expert's B stands in a part."""

    expert: int  # index in the stack
    outputs: slice  # rows of the part's B
    ranks: slice  # columns of it
    source: LowRank


class _Part:
    """One B: of one projection, or of all that share an input where ranks are few."""

    __slots__ = ("b", "blocks", "outputs", "ranks")

    def __init__(self, outputs: slice, ranks: slice, blocks: tuple[_Block, ...]) -> None:
        self.outputs = outputs  # of the fused product's output
        self.ranks = ranks  # of the fused product's A
        self.blocks = blocks
        like = blocks[0].source.b
        width, rank = outputs.stop - outputs.start, ranks.stop - ranks.start
        # (out, sum r). In fp32 its columns lie together: one token is read up to four times faster.
        columns = like.dtype == torch.float32
        self.b = like.new_zeros(rank, width).t() if columns else like.new_zeros(width, rank)

    def fold(self, weights: Sequence[float]) -> None:
        for block in self.blocks:
            factor = block.source.scale * weights[block.expert]
            self.b[block.outputs, block.ranks] = block.source.b.float() * factor


class StackedDelta:
    """What all experts of a stack add to one product of the base."""

    __slots__ = ("a", "parts")

    def __init__(self, a: Tensor, parts: tuple[_Part, ...]) -> None:
        self.a = a  # (sum r, in)
        self.parts = parts

    def add_to(self, y: Tensor, x: Tensor) -> None:
        """y: (tokens, out), added to in place; x: (tokens, in). Both may be less fine than a."""
        low = F.linear(x.to(self.a.dtype), self.a)  # (tokens, sum r)
        for part in self.parts:
            # linear and add, not addmm: a third faster for one token in bf16 on a CPU
            y[:, part.outputs].add_(F.linear(low[:, part.ranks], part.b))


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
        """The delta of projections that share an input, laid out as the base's fused product."""
        rows: list[Tensor] = []
        blocks: list[list[_Block]] = []  # by projection
        first_output = 0
        for projection in projections:
            outputs = slice(first_output, first_output + self._shape.projection(projection)[0])
            first_output = outputs.stop
            blocks.append([])
            for index, expert in enumerate(self._experts):
                source = expert.low_ranks.get((layer, projection))
                if source is not None:
                    start = sum(a.shape[0] for a in rows)
                    ranks = slice(start, start + source.a.shape[0])
                    blocks[-1].append(_Block(index, outputs, ranks, source))
                    rows.append(source.a)
        if not rows:
            return None
        delta = StackedDelta(torch.cat(rows), _parts(blocks, first_output))
        self._deltas.append(delta)
        return delta


def _parts(blocks: Sequence[Sequence[_Block]], width: int) -> tuple[_Part, ...]:
    """One part for all projections while ranks are few, else one a projection."""
    every = [block for some in blocks for block in some]
    if every[-1].ranks.stop <= JOINED_RANKS:
        return (_Part(slice(0, width), slice(0, every[-1].ranks.stop), tuple(every)),)
    parts = []
    for some in blocks:
        if some:
            outputs = some[0].outputs
            ranks = slice(some[0].ranks.start, some[-1].ranks.stop)
            parts.append(_Part(outputs, ranks, tuple(_moved(b, outputs, ranks) for b in some)))
    return tuple(parts)


def _moved(block: _Block, outputs: slice, ranks: slice) -> _Block:
    """The block as counted from the corner of its part."""
    return replace(
        block,
        outputs=slice(0, outputs.stop - outputs.start),
        ranks=slice(block.ranks.start - ranks.start, block.ranks.stop - ranks.start),
    )


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
        wanted = tuple(_key(member) for member in members)
        if self._composed is None or self._composed[0] != wanted:
            self._composed = None  # its room first, then the new one's
            experts = [self._expert(member) for member in members]
            self._composed = (wanted, RankStack(experts, self._shape))
        ranks = self._composed[1]
        ranks.fold([member.weight for member in members])
        return ranks.layers

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

    def _expert(self, member: StackMember) -> LoadedExpert:
        key = _key(member)
        loaded = self._loaded.get(key)
        if loaded is None:
            loaded = load_expert(member, self._shape, self._dtype, self._device)
            self._loaded[key] = loaded
            while len(self._loaded) > EXPERTS_KEPT:
                self._loaded.popitem(last=False)
        self._loaded.move_to_end(key)
        return loaded


def _key(member: StackMember) -> str:
    return f"{member.name} {member.weights_sha256}"
