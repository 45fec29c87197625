"""Weights in torch's packed CPU formats: 4-bit groups for products, 8-bit rows for the table.

Knows nothing of layers or files. The packed order is torch's own and differs
between processors, so a packed weight is never stored.
"""

from __future__ import annotations

from functools import cache
from typing import ClassVar

import torch
from torch import Tensor

from expert_studio.core.errors import LoadError
from expert_studio.core.inference.decoder_kernels import whole_rows
from expert_studio.core.inference.decoder_weights import multiplied_in

GROUPS = (64, 32)  # inputs that share a scale; the first that divides the width
ROWS = 16  # the packed kernel takes outputs by so many
# from here the dense matrix, made for it, is faster than the packed kernel
DENSE_TOKENS = {torch.float32: 96, torch.bfloat16: 192}  # by what it is multiplied in
DENSE_OUTPUTS = 512  # of it in memory at a time: 2 MiB for 1,024 inputs


class Int4Weight:
    """(q - 8) * scale + zero in groups along the input, q in 0 to 15, scale and zero in bf16."""

    __slots__ = ("_group", "_inputs", "_packed", "_scales", "bias")

    def __init__(self, matrix: Tensor, bias: Tensor | None = None) -> None:
        """matrix: (out, in), any float dtype. Raises LoadError: its shape cannot be packed."""
        outputs, inputs = matrix.shape
        group = next((size for size in GROUPS if inputs % size == 0), 0)
        if not group or outputs % ROWS:
            raise LoadError(
                "This base cannot be loaded as int4.",
                f"A layer of {outputs} x {inputs} does not divide into groups.",
                "Choose nf4 or bf16.",
            )
        self._group = group
        self._inputs = inputs
        self.bias = bias
        codes, self._scales = _grouped(matrix, group)
        self._packed = torch.ops.aten._convert_weight_to_int4pack_for_cpu(codes, 1)

    def __call__(self, x: Tensor) -> Tensor:
        dtype = multiplied_in(x)
        if x.shape[0] >= DENSE_TOKENS[dtype] and x.dtype == torch.bfloat16 and self._order():
            y = self._of_many(x, dtype)
        else:
            # under its name in torch: torch.ops takes two microseconds more to find it
            y = torch._weight_int4pack_mm_for_cpu(x, self._packed, self._group, self._scales)
        return y if self.bias is None else y.add_(self.bias)

    def dequantized(self) -> Tensor:
        if not self._order():
            one = torch.eye(self._inputs)  # in fp32 the kernel's product with it is exact
            y = torch._weight_int4pack_mm_for_cpu(
                one, self._packed, self._group, self._scales.float()
            )
            return y.t().contiguous()
        return self._dense(0, self._packed.shape[0]).t().contiguous()

    def _of_many(self, x: Tensor, dtype: torch.dtype) -> Tensor:
        """The same product through the matrix in that dtype, of which one block is there."""
        outputs = self._packed.shape[0]
        y = x.new_empty(x.shape[0], outputs)
        tokens, x = x.shape[0], whole_rows(x.to(dtype))
        for start in range(0, outputs, DENSE_OUTPUTS):
            stop = min(start + DENSE_OUTPUTS, outputs)
            y[:, start:stop] = (x @ self._dense(start, stop).to(dtype))[:tokens]
        return y

    def _dense(self, start: int, stop: int) -> Tensor:
        """(in, stop - start) float32 of these outputs, only where the order is known."""
        codes = _unpacked(self._packed[start:stop], self._order())
        scale, zero = self._scales[:, None, start:stop].float().unbind(-1)  # (in / group, 1, out)
        groups = codes.view(-1, self._group, stop - start)
        return torch.addcmul(zero - 8 * scale, groups, scale, out=groups).view(self._inputs, -1)

    def _order(self) -> int:
        """As `_known_order`, where this weight can be in it."""
        half = _known_order()
        return half if half and self._packed.shape[0] % (2 * half) == 0 else 0

    def resident(self) -> tuple[Tensor, ...]:
        held = (self._packed, self._scales)
        return held if self.bias is None else (*held, self.bias)


class Int8Table:
    """The token table, and the head of a tied base: one bf16 scale a row."""

    __slots__ = ("_rows", "_scales")
    bias: ClassVar[None] = None

    def __init__(self, matrix: Tensor) -> None:
        """matrix: (vocabulary, hidden), any float dtype."""
        fine = matrix.to(torch.float32, copy=True).contiguous()
        largest = torch.maximum(fine.amax(dim=1), fine.amin(dim=1).neg_()).clamp_(min=1e-12)
        self._scales = (largest / 127).to(torch.bfloat16)  # (vocabulary,)
        codes = fine.div_(self._scales.float()[:, None]).round_().clamp_(-127, 127)
        self._rows = codes.to(torch.int8)  # (vocabulary, hidden)

    def __call__(self, x: Tensor) -> Tensor:
        return torch._weight_int8pack_mm(x, self._rows, self._scales)

    def rows(self, ids: Tensor) -> Tensor:
        return self._rows[ids].to(torch.bfloat16) * self._scales[ids][:, None]

    def dequantized(self) -> Tensor:
        return self._rows.float() * self._scales.float()[:, None]

    def resident(self) -> tuple[Tensor, ...]:
        return (self._rows, self._scales)


def _grouped(matrix: Tensor, group: int) -> tuple[Tensor, Tensor]:
    """Codes (out, in) int32 and scales with zeros (in / group, out, 2) bf16.

    Codes are chosen after scale and zero are rounded, so that rounding adds no error
    of its own.
    """
    outputs, inputs = matrix.shape
    grouped = matrix.float().view(outputs, inputs // group, group)
    low, high = grouped.amin(-1), grouped.amax(-1)
    scale = ((high - low) / 15).clamp(min=1e-8).to(torch.bfloat16)
    zero = (low + 8 * scale.float()).to(torch.bfloat16)
    codes = (grouped - zero.float()[..., None]) / scale.float()[..., None] + 8
    scales = torch.stack((scale, zero), dim=-1).transpose(0, 1).contiguous()
    return codes.round().clamp(0, 15).to(torch.int32).view(outputs, inputs), scales


def _unpacked(packed: Tensor, half: int) -> Tensor:
    """packed: (out, in / 2). Returns the codes, (in, out) float32.

    2 * half outputs stand together: for each input so many bytes, the first half of the
    outputs in their low bits and the others in the high ones.
    """
    outputs, inputs = packed.shape[0], 2 * packed.shape[1]
    blocks = packed.view(outputs // (2 * half), inputs, half).transpose(0, 1)
    codes = torch.empty(inputs, outputs // (2 * half), 2, half)
    codes[:, :, 0] = blocks & 15
    codes[:, :, 1] = blocks >> 4
    return codes.view(inputs, outputs)


@cache
def _known_order() -> int:
    """With which half this processor packs in the order `_unpacked` undoes, found out by doing it.

    32 with AVX-512, 16 with AVX2; 0 where it packs otherwise.
    """
    place = torch.arange(128 * 64)
    codes = ((place * 7 + place // 64 * 5 + place // 977) % 16).view(128, 64).to(torch.int32)
    packed = torch.ops.aten._convert_weight_to_int4pack_for_cpu(codes, 1)
    known = (half for half in (32, 16) if torch.equal(_unpacked(packed, half).t(), codes.float()))
    return next(known, 0)
