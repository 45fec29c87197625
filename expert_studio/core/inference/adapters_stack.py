"""Several experts as one low-rank product beside each base weight.

The experts' ranks are laid one after another: one A of (sum r, in), one B of
(sum r, out), and between them every expert's weight times its scale, so that
`B (s * A x)` is exactly the weighted sum however many experts are on. Changing
weights writes sum r numbers a product and nothing else. Where IA³ or DoRA work
beside them, `adapters_scaled` puts its factors around this. Knows nothing of files
or of the forward pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from expert_studio.core.inference.adapters import LoadedExpert, LowRank
from expert_studio.core.inference.adapters_scaled import ScaledDelta, Share
from expert_studio.core.inference.decoder import Decoder, Delta, LayerDeltas
from expert_studio.core.inference.decoder_int4 import Int4Weight, Int8Table
from expert_studio.core.inference.decoder_kernels import whole_rows
from expert_studio.core.inference.decoder_shape import PRODUCTS
from expert_studio.core.inference.decoder_weights import Weight, multiplied_in

JOINED_RANKS = 64  # up to here one B with zeros in it may be faster than several
SINGLE_TOKENS = 2  # up to here a CPU reads A and B once a token: their vector kernels are faster


@dataclass(frozen=True, slots=True)
class _Block:
    """Where one expert's B stands in a part."""

    expert: int  # index in the stack
    outputs: slice  # columns of the part's B
    ranks: slice  # rows of it
    source: LowRank


class _Part:
    """One B: of one projection, or of all that share an input where ranks are few."""

    __slots__ = ("b", "blocks", "outputs", "ranks")

    def __init__(self, outputs: slice, ranks: slice, blocks: tuple[_Block, ...], a: Tensor) -> None:
        """a: of the product; b gets its dtype and device."""
        self.outputs = outputs  # of the fused product's output
        self.ranks = ranks  # of the fused product's A
        self.blocks = blocks
        # (sum r, out): a CPU adds up few long rows ten times faster than many short ones
        self.b = a.new_zeros(ranks.stop - ranks.start, outputs.stop - outputs.start)
        for block in blocks:
            source = block.source
            b = source.b
            if source.ratio is not None:
                b = b.to(a.device, torch.float32) * source.ratio.to(a.device)[:, None]
            self.b[block.ranks, block.outputs] = b.t()

    def lend(self) -> list[LowRank]:
        """Makes each expert's own B a view of this one's, where it is the same; whose."""
        lent = []
        for block in self.blocks:
            b = block.source.b
            if block.source.ratio is None and (b.device, b.dtype) == (self.b.device, self.b.dtype):
                block.source.b = self.b[block.ranks, block.outputs].t()
                lent.append(block.source)
        return lent


class StackedDelta:
    """What all experts of a stack add to one product of the base.

    Beside a base in int4 a single token is multiplied by copies of A and B in eight bits: half
    the bytes to read, in a kernel several times as fast. Errors: half a percent of what is added.
    """

    __slots__ = ("_low", "_quick", "_steps", "_weights", "a", "parts")

    def __init__(self, a: Tensor, parts: tuple[_Part, ...], quick: bool = False) -> None:
        """quick: whether a single token may be multiplied in eight bits."""
        self.a = a  # (sum r, in)
        self.parts = parts
        self._quick = _QuickCopy(a, parts) if quick else None
        self._weights = a.new_ones(a.shape[0], dtype=torch.float32)  # between A and B
        self._low = a.new_empty(a.shape[0])  # A x of one token
        whole = len(parts) == 1 and parts[0].outputs.start == 0
        self._steps = tuple(  # what one token takes: which outputs, B as (out, sum r), its A x
            (None if whole else part.outputs, part.b.t(), self._low[part.ranks]) for part in parts
        )

    @property
    def resident_bytes(self) -> int:
        copies = () if self._quick is None else self._quick.resident()
        held = (self.a, self._weights, self._low, *(part.b for part in self.parts), *copies)
        return sum(tensor.numel() * tensor.element_size() for tensor in held)

    def fold(self, weights: Sequence[float]) -> None:
        """Writes the weights, one per expert of the stack, between A and B."""
        values = torch.empty(self.a.shape[0])
        for part in self.parts:
            of_part = values[part.ranks]
            for block in part.blocks:
                of_part[block.ranks] = block.source.scale * weights[block.expert]
        rounded = values.to(self.a.dtype)
        if self.a.device.type == "cpu" and torch.equal(rounded.float(), values):
            self._weights = rounded  # multiplied with in a third of the time
        elif self._weights.dtype == torch.float32:
            self._weights.copy_(values)
        else:
            self._weights = values

    def product(self, weight: Weight, x: Tensor) -> Tensor:
        """As `Delta.product`."""
        y = weight(x)
        self.add_to(y, x)
        return y

    def finish(self, weight: Weight, y: Tensor, x: Tensor) -> None:  # noqa: ARG002
        """As `Delta.finish`."""
        self.add_to(y, x)

    def add_to(self, y: Tensor, x: Tensor) -> None:
        """y: (tokens, out), added to in place; x: (tokens, in). Both may be less fine than a."""
        if x.shape[0] <= SINGLE_TOKENS and x.device.type == "cpu":
            for row in range(x.shape[0]):
                if self._quick is not None:
                    self._quick.add_to(y[row], x[row : row + 1], self._weights)
                else:
                    self._add_one(y[row], x[row])
            return
        dtype, tokens = multiplied_in(self.a), x.shape[0]
        rows = whole_rows(x.to(dtype))
        low = F.linear(rows, self.a.to(dtype)).mul_(self._weights)  # (tokens, sum r)
        for part in self.parts:
            y[:, part.outputs].add_((low[:, part.ranks] @ part.b.to(dtype))[:tokens])

    def _add_one(self, y: Tensor, x: Tensor) -> None:
        """y: (out,), x: (in,)."""
        same = x.dtype == self.a.dtype
        # Where oneDNN has bf16 arithmetic, making its product ready takes ten times as long as
        # torch's own kernel takes for a product of this size.
        with_onednn = torch._C._get_mkldnn_enabled()
        torch._C._set_mkldnn_enabled(False)
        try:
            torch.mv(self.a, x if same else x.to(self.a.dtype), out=self._low).mul_(self._weights)
            for outputs, b, low in self._steps:
                place = y if outputs is None else y[outputs]
                if same:
                    place.addmv_(b, low)
                else:
                    place.add_(torch.mv(b, low))
        finally:
            torch._C._set_mkldnn_enabled(with_onednn)


class _QuickCopy:
    """A and every B of one product in eight bits, a scale for each row."""

    __slots__ = ("_a", "_steps")

    def __init__(self, a: Tensor, parts: tuple[_Part, ...]) -> None:
        self._a = Int8Table(a)
        self._steps = tuple(
            (part.outputs, Int8Table(part.b.t()), slice(part.ranks.start, part.ranks.stop))
            for part in parts
        )

    def resident(self) -> tuple[Tensor, ...]:
        tables = (self._a, *(b for _, b, _ in self._steps))
        return tuple(tensor for table in tables for tensor in table.resident())

    def add_to(self, y: Tensor, x: Tensor, weights: Tensor) -> None:
        """y: (out,), added to in place; x: (1, in); weights: (sum r,)."""
        low = self._a(x).mul_(weights)  # (1, sum r)
        for outputs, b, ranks in self._steps:
            y[outputs].add_(b(low[:, ranks])[0])


class ExpertStack:
    """Some experts composed at all layers of a base; their weights can be changed."""

    def __init__(
        self,
        experts: Sequence[LoadedExpert],
        decoder: Decoder,
        dtype: torch.dtype,
        lends: bool = True,
    ) -> None:
        """dtype: of the stacked low ranks; factors have the base's.

        lends: whether the experts' own A and B may become views of this stack's, until `release`.
        """
        self._deltas: list[StackedDelta | ScaledDelta] = []
        self._experts = tuple(experts)
        self._shape = decoder.shape
        self._dtype = decoder.dtype
        self._low_dtype = dtype
        self._lends = lends
        self._device = decoder.device
        self._lent_a: list[LowRank] = []  # whose A is a view of this stack's
        self._lent_b: list[LowRank] = []
        self._weights: tuple[float, ...] | None = None
        layers = []
        for index, layer in enumerate(decoder.layers):
            deltas = {name: self._delta(index, name, layer.weight(name)) for name in PRODUCTS}
            layers.append(LayerDeltas(**deltas))
        self.layers = tuple(layers) if self._deltas else ()

    @property
    def resident_bytes(self) -> int:
        """Beside what its experts hold themselves."""
        views = [low.a for low in self._lent_a] + [low.b for low in self._lent_b]
        lent = sum(view.numel() * view.element_size() for view in views)
        return sum(delta.resident_bytes for delta in self._deltas) - lent

    def release(self) -> None:
        """Gives every expert its own A and B back; the stack is of no use afterwards."""
        for low in self._lent_a:
            low.a = low.a.clone()
        for low in self._lent_b:
            low.b = low.b.clone()
        self._lent_a.clear()
        self._lent_b.clear()
        self._deltas.clear()
        self.layers = ()

    def fold(self, weights: Sequence[float]) -> None:
        """Writes the weights, one per expert, beside every B and into every factor."""
        if self._weights == tuple(weights):
            return
        self._weights = None
        for delta in self._deltas:
            delta.fold(weights)
        self._weights = tuple(weights)

    def virtual_tokens(self, weights: Sequence[float]) -> Tensor | None:
        """(tokens, hidden) of the soft prompts whose weight is above nought, in load order."""
        on = [
            expert.virtual_tokens.to(self._device)
            for expert, weight in zip(self._experts, weights, strict=True)
            if expert.virtual_tokens is not None and weight > 0
        ]
        return torch.cat(on) if len(on) > 1 else next(iter(on), None)

    def _delta(self, layer: int, product: str, weight: Weight) -> Delta | None:
        low_rank = self._stacked(layer, product, weight)
        shares = self._shares(layer, product)
        delta: StackedDelta | ScaledDelta | None = low_rank
        if shares:
            rows = self._shape.rows(product)
            delta = ScaledDelta(shares, low_rank, rows, weight.bias, self._dtype)
        if delta is not None:
            self._deltas.append(delta)
        return delta

    def _shares(self, layer: int, product: str) -> tuple[Share, ...]:
        """What IA³ and DoRA experts multiply, in the order of the stack."""
        shares = []
        for index, expert in enumerate(self._experts):
            for projection in PRODUCTS[product]:
                low_rank = expert.low_ranks.get((layer, projection))
                factors = expert.factors.get((layer, projection))
                if low_rank is not None and low_rank.ratio is not None:
                    ratio = low_rank.ratio.to(self._device)
                    shares.append(Share(index, projection, "ratio", ratio))
                if factors is not None:
                    kind: Literal["input", "output"] = "input" if factors.of_input else "output"
                    vector = factors.vector.to(self._device)
                    shares.append(Share(index, projection, kind, vector))
        return tuple(shares)

    def _stacked(self, layer: int, product: str, weight: Weight) -> StackedDelta | None:
        """The low ranks of projections that share an input, laid out as the base's product."""
        rows = 0
        blocks: list[list[_Block]] = []  # by projection
        places = self._shape.rows(product)
        for projection, outputs in places.items():
            blocks.append([])
            for index, expert in enumerate(self._experts):
                source = expert.low_ranks.get((layer, projection))
                if source is not None:
                    ranks = slice(rows, rows + source.a.shape[0])
                    blocks[-1].append(_Block(index, outputs, ranks, source))
                    rows = ranks.stop
        if not rows:
            return None
        sources = [(block.source, block.ranks) for some in blocks for block in some]
        a = torch.cat([source.a.to(self._device, self._low_dtype) for source, _ in sources])
        for source, ranks in sources:
            same = (source.a.device, source.a.dtype) == (a.device, a.dtype)
            if self._lends and same:
                source.a = a[ranks]
                self._lent_a.append(source)
        parts = _parts(blocks, list(places.values())[-1].stop, a)
        if self._lends:
            self._lent_b += [low for part in parts for low in part.lend()]
        quick = isinstance(weight, Int4Weight) and a.dtype == self._dtype
        return StackedDelta(a, parts, quick)


def _parts(blocks: Sequence[Sequence[_Block]], width: int, a: Tensor) -> tuple[_Part, ...]:
    """One part a projection, or one for all where a product's start costs more than zeros do."""
    every = [block for some in blocks for block in some]
    small = a.device.type != "cpu" or a.dtype == torch.float32  # as on a small base
    if every[-1].ranks.stop <= JOINED_RANKS and small:
        return (_Part(slice(0, width), slice(0, every[-1].ranks.stop), tuple(every), a),)
    parts = []
    for some in blocks:
        if some:
            outputs = some[0].outputs
            ranks = slice(some[0].ranks.start, some[-1].ranks.stop)
            moved = tuple(_moved(block, outputs, ranks) for block in some)
            parts.append(_Part(outputs, ranks, moved, a))
    return tuple(parts)


def _moved(block: _Block, outputs: slice, ranks: slice) -> _Block:
    """The block as counted from the corner of its part."""
    return replace(
        block,
        outputs=slice(0, outputs.stop - outputs.start),
        ranks=slice(block.ranks.start - ranks.start, block.ranks.stop - ranks.start),
    )
