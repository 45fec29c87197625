"""An expert in memory: what it adds to or multiplies at each linear layer of one base.

All four kinds become at most three things: low-rank deltas (LoRA, and DoRA with its
magnitude ratio), factors (IA³) and virtual tokens (soft prompts). Knows nothing of
weights given by a person or of several experts together: see `adapters_stack`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from expert_studio.core.inference.adapters_file import AdapterFile, Place, read_adapter_file
from expert_studio.core.inference.decoder import Decoder
from expert_studio.core.inference.decoder_shape import PRODUCTS
from expert_studio.core.inference.stack import StackMember


@dataclass(slots=True)
class LowRank:
    """One expert's delta at one linear layer W.

    Without a ratio it is scale * B A x. With one (DoRA, arXiv 2402.09353) it is
    (ratio - 1) * W x + ratio * scale * B A x: what W + scale B A gives with its rows
    brought to the magnitudes that were learned, less W x.

    `a` may be replaced by an equal view of a stack's, so that it is held once.
    """

    a: Tensor  # (rank, in)
    b: Tensor  # (out, rank)
    scale: float  # alpha / rank, or alpha / sqrt(rank)
    ratio: Tensor | None = None  # (out,) float32

    @property
    def resident_bytes(self) -> int:
        return _bytes(self.a, self.b) + (0 if self.ratio is None else _bytes(self.ratio))


@dataclass(frozen=True, slots=True)
class Factors:
    """IA³ (arXiv 2205.05638) at one linear layer."""

    vector: Tensor  # (in,) or (out,) float32
    of_input: bool  # multiplies what the layer reads, else what it says


@dataclass(frozen=True, slots=True)
class LoadedExpert:
    """An expert in memory, as its file holds it: no weight folded in."""

    name: str
    load_order: int
    low_ranks: Mapping[Place, LowRank] = field(default_factory=dict)
    factors: Mapping[Place, Factors] = field(default_factory=dict)
    virtual_tokens: Tensor | None = None  # (tokens, hidden), as embedded tokens

    @property
    def resident_bytes(self) -> int:
        held = sum(low_rank.resident_bytes for low_rank in self.low_ranks.values())
        held += sum(_bytes(factors.vector) for factors in self.factors.values())
        return held + (0 if self.virtual_tokens is None else _bytes(self.virtual_tokens))


def load_expert(member: StackMember, decoder: Decoder, dtype: torch.dtype) -> LoadedExpert:
    """Reads one expert from its folder onto the base's device.

    Low ranks stay in the file's dtype, but are never wider than `dtype`.

    Raises:
        LoadError: its files are missing or damaged.
        IntegrityError: its weights are not those the stack names.
        CompatibilityError: its tensors do not fit the base.
    """
    file = read_adapter_file(member, decoder.shape)
    device, name, order = decoder.device, member.name, member.load_order
    if file.virtual_tokens is not None:
        tokens = file.virtual_tokens.to(device, decoder.dtype, copy=True)
        return LoadedExpert(name, order, virtual_tokens=tokens)
    if file.config.kind == "ia3":
        factors = {
            place: Factors(
                held["ia3_l"].to(device, torch.float32, copy=True), file.scales_input(place)
            )
            for place, held in file.parts.items()
        }
        return LoadedExpert(name, order, factors=factors)
    ratios = _ratios(file, decoder) if file.config.kind == "dora" else {}
    low_ranks = {}
    for place, held in file.parts.items():
        a, b = held["lora_A"], held["lora_B"]
        kept = a.dtype if a.dtype == b.dtype and a.itemsize <= dtype.itemsize else dtype
        scale = file.config.scale_of(file.path_of(place))
        low_ranks[place] = LowRank(
            a.to(device, kept, copy=True), b.to(device, kept, copy=True), scale, ratios.get(place)
        )
    return LoadedExpert(name, order, low_ranks)


def moved(expert: LoadedExpert, device: torch.device) -> LoadedExpert:
    """The same expert in another memory."""
    tokens = expert.virtual_tokens
    return replace(
        expert,
        low_ranks={
            place: LowRank(
                low.a.to(device),
                low.b.to(device),
                low.scale,
                None if low.ratio is None else low.ratio.to(device),
            )
            for place, low in expert.low_ranks.items()
        },
        factors={
            place: Factors(factors.vector.to(device), factors.of_input)
            for place, factors in expert.factors.items()
        },
        virtual_tokens=None if tokens is None else tokens.to(device),
    )


def _ratios(file: AdapterFile, decoder: Decoder) -> dict[Place, Tensor]:
    """DoRA's magnitude over the row norms of W + scale B A, in float32, by place.

    W is what the quantized weight stands for. The ratio is of this expert alone, so
    that what it adds does not depend on which others are on.
    """
    ratios: dict[Place, Tensor] = {}
    for index, layer in enumerate(decoder.layers):
        for product, projections in PRODUCTS.items():
            wanted = [name for name in projections if (index, name) in file.parts]
            if not wanted:
                continue
            matrix = layer.weight(product).dequantized()
            rows = decoder.shape.rows(product)
            for projection in wanted:
                place = (index, projection)
                held = {n: t.to(matrix) for n, t in file.parts[place].items()}
                scale = file.config.scale_of(file.path_of(place))
                adapted = torch.addmm(
                    matrix[rows[projection]], held["lora_B"], held["lora_A"], alpha=scale
                )
                norms = adapted.norm(dim=1)
                ratio = held["lora_magnitude_vector"] / norms
                # a row of nothing stays nothing, whatever its magnitude
                ratios[place] = torch.where(norms > 0, ratio, torch.zeros_like(ratio))
    return ratios


def _bytes(*tensors: Tensor) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
