"""IA³ and DoRA at one product of the base: factors around it, low ranks beside it.

`y = (W (x * f) + b) * o + (W x) * c + B A x` with, over experts i of weight s_i,
`f` and `o` the products of `1 + s_i (l_i - 1)` (IA³) and `c` the sum of
`s_i (ratio_i - 1)` (DoRA). W is only ever multiplied with; low ranks and `c` read the
unscaled x, so that order never matters. Knows nothing of files or of which layer it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor

from expert_studio.core.inference.decoder_weights import Weight


@dataclass(frozen=True, slots=True)
class Share:
    """One expert's vector at one projection."""

    expert: int  # index in the stack
    projection: str
    kind: Literal["input", "output", "ratio"]
    vector: Tensor  # (in,) of an input, else (out,); float32


class _LowRanks(Protocol):
    @property
    def resident_bytes(self) -> int: ...

    def fold(self, weights: Sequence[float]) -> None: ...

    def add_to(self, y: Tensor, x: Tensor) -> None: ...


class ScaledDelta:
    """The factors of a stack at one product, and its low ranks if it has any there.

    Factors are kept less one, so that rounding them to bf16 spares small changes.
    """

    __slots__ = (
        "_bias", "_inputs", "_low_ranks", "_moved_bias", "_ratios", "_rows", "_scales", "_shares",
    )  # fmt: skip

    def __init__(
        self,
        shares: Sequence[Share],
        low_ranks: _LowRanks | None,
        rows: Mapping[str, slice],
        bias: Tensor | None,
        dtype: torch.dtype,
    ) -> None:
        """rows: which outputs each projection has; bias: the base's; dtype: the product's."""
        self._shares = tuple(shares)
        self._low_ranks = low_ranks
        self._rows = rows
        self._bias = bias
        width = max(outputs.stop for outputs in rows.values())
        like = shares[0].vector
        self._inputs = {
            share.projection: like.new_zeros(share.vector.shape, dtype=dtype)
            for share in shares
            if share.kind == "input"
        }
        self._scales = like.new_zeros(width, dtype=dtype)  # o - 1, and c where nothing has an f
        self._ratios: Tensor | None = None  # c where it cannot share o's product
        self._moved_bias: Tensor | None = None  # b * c: DoRA scales W x alone
        if any(share.kind == "ratio" for share in shares):
            self._ratios = self._scales.clone() if self._inputs else None
            self._moved_bias = None if bias is None else self._scales.clone()

    @property
    def resident_bytes(self) -> int:
        own = (self._scales, self._ratios, self._moved_bias, *self._inputs.values())
        held = sum(t.numel() * t.element_size() for t in own if t is not None)
        return held + (0 if self._low_ranks is None else self._low_ranks.resident_bytes)

    def fold(self, weights: Sequence[float]) -> None:
        """Writes the weights, one per expert of the stack, into every factor."""
        ones = torch.ones_like(self._scales, dtype=torch.float32)
        outputs, ratios = ones, torch.zeros_like(ones)
        inputs = {name: torch.ones_like(f, dtype=torch.float32) for name, f in self._inputs.items()}
        for share in self._shares:
            change = (share.vector - 1) * weights[share.expert]
            rows = self._rows[share.projection]
            if share.kind == "ratio":
                ratios[rows] += change
            elif share.kind == "output":
                outputs[rows] *= 1 + change
            else:
                inputs[share.projection] *= 1 + change
        for name, factor in inputs.items():
            self._inputs[name].copy_(factor - 1)
        if self._ratios is None:
            self._scales.copy_(outputs - 1 + ratios)
        else:
            self._scales.copy_(outputs - 1)
            self._ratios.copy_(ratios)
        if self._moved_bias is not None and self._bias is not None:
            self._moved_bias.copy_(ratios * self._bias)
        if self._low_ranks is not None:
            self._low_ranks.fold(weights)

    def product(self, weight: Weight, x: Tensor) -> Tensor:
        """As `Delta.product`."""
        if not self._inputs:
            y = weight(x)
            self.finish(weight, y, x)
            return y
        return self._beside(self._of_scaled_inputs(weight, x), x)

    def finish(self, weight: Weight, y: Tensor, x: Tensor) -> None:
        """As `Delta.finish`."""
        if self._inputs:
            y.copy_(self.product(weight, x))
            return
        y.addcmul_(y, self._scales)
        self._beside(y, x)

    def _beside(self, y: Tensor, x: Tensor) -> Tensor:
        if self._moved_bias is not None:
            y.sub_(self._moved_bias)
        if self._low_ranks is not None:
            self._low_ranks.add_to(y, x)
        return y

    def _of_scaled_inputs(self, weight: Weight, x: Tensor) -> Tensor:
        """(W (x * f) + b) * o + (W x + b) * c, the whole product again for each projection's f."""
        plain = None
        if self._ratios is not None or len(self._inputs) < len(self._rows):
            plain = weight(x)
        y = None if plain is None else plain.clone()
        for projection, factor in self._inputs.items():
            scaled = weight(torch.addcmul(x, x, factor))
            if y is None or len(self._rows) == 1:
                y = scaled
            else:
                rows = self._rows[projection]
                y[:, rows] = scaled[:, rows]
        assert y is not None
        y.addcmul_(y, self._scales)
        if plain is not None and self._ratios is not None:
            y.addcmul_(plain, self._ratios)
        return y
