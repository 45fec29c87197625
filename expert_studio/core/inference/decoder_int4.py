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

GROUPS = (64, 32)  # inputs that share a scale; the first that divides the width
ROWS = 16  # the packed kernel takes outputs by so many


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
        y: Tensor = torch.ops.aten._weight_int4pack_mm_for_cpu(
            x, self._packed, self._group, self._scales
        )
        return y if self.bias is None else y.add_(self.bias)

    def dequantized(self) -> Tensor:
        if self._packed.shape[0] % 64 or not _known_order():
            one = torch.eye(self._inputs)  # in fp32 the kernel's product with it is exact
            y: Tensor = torch.ops.aten._weight_int4pack_mm_for_cpu(
                one, self._packed, self._group, self._scales.float()
            )
            return y.t().contiguous()
        return self._dense(torch.float32).t().contiguous()

    def _dense(self, dtype: torch.dtype) -> Tensor:
        """(in, out), only where the order is known."""
        inputs, outputs = self._inputs, self._packed.shape[0]
        codes = (_unpacked(self._packed).to(torch.int8) - 8).to(dtype)
        scale, zero = self._scales.to(dtype)[:, None].unbind(-1)  # (in / group, 1, out)
        groups = codes.view(inputs // self._group, self._group, outputs)
        return torch.addcmul(zero, groups, scale).view(inputs, outputs)

    def resident(self) -> tuple[Tensor, ...]:
        held = (self._packed, self._scales)
        return held if self.bias is None else (*held, self.bias)


class Int8Table:
    """The token table, and the head of a tied base: one bf16 scale a row."""

    __slots__ = ("_rows", "_scales")
    bias: ClassVar[None] = None

    def __init__(self, matrix: Tensor) -> None:
        """matrix: (vocabulary, hidden), any float dtype."""
        largest = matrix.float().abs().amax(dim=1).clamp(min=1e-12)
        self._scales = (largest / 127).to(torch.bfloat16)  # (vocabulary,)
        codes = matrix.float() / self._scales.float()[:, None]
        self._rows = codes.round().clamp(-127, 127).to(torch.int8)  # (vocabulary, hidden)

    def __call__(self, x: Tensor) -> Tensor:
        y: Tensor = torch.ops.aten._weight_int8pack_mm(x, self._rows, self._scales)
        return y

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


def _unpacked(packed: Tensor) -> Tensor:
    """packed: (out, in / 2) in AVX-512 order. Returns the codes, (in, out) uint8.

    64 outputs stand together: for each input 32 bytes, the first 32 outputs in the low
    halves and the others in the high ones.
    """
    outputs, half = packed.shape
    blocks = packed.view(outputs // 64, 2 * half, 32)
    return torch.cat((blocks & 15, blocks >> 4), dim=-1).transpose(0, 1).reshape(2 * half, outputs)


@cache
def _known_order() -> bool:
    """Whether this processor packs in the order `_unpacked` undoes, found out by doing it."""
    place = torch.arange(128 * 64)
    codes = ((place * 7 + place // 64 * 5 + place // 977) % 16).view(128, 64).to(torch.int32)
    packed = torch.ops.aten._convert_weight_to_int4pack_for_cpu(codes, 1)
    return torch.equal(_unpacked(packed).t().to(torch.int32), codes)
