"""Weights in bitsandbytes' formats: NF4 blocks and LLM.int8 rows.

Knows nothing of layers or files. Both run on a CPU as well as on CUDA: NF4 by a
fused kernel where the processor has AVX512-BF16 (elsewhere each product unpacks
the whole weight first), LLM.int8 by torch's int8 product where it has AVX-512
(elsewhere in float, slowly).
"""

from __future__ import annotations

import logging
import sys
from functools import cache
from typing import Any

import torch
from torch import Tensor

from expert_studio.core.errors import LoadError
from expert_studio.core.inference.decoder_kernels import whole_rows
from expert_studio.core.inference.decoder_weights import FINE_OUTPUTS, multiplied_in

BLOCK = 64  # inputs that share an NF4 scale
PACKED_ROWS = 32  # outputs the fused CPU kernel takes at a time
OUTLIER = 6.0  # input columns with a value this large stay in float (LLM.int8's own figure)


class Nf4Weight:
    """code[q] * scale in blocks of 64 along the input."""

    __slots__ = ("_codes", "_fused", "_scales", "_shape", "_table", "bias")

    def __init__(self, matrix: Tensor, bias: Tensor | None = None) -> None:
        """matrix: (out, in), any float dtype. Raises LoadError: rows are no whole blocks."""
        if matrix.shape[1] % BLOCK:  # bitsandbytes' CPU kernels would unpack such rows wrongly
            raise LoadError(
                "This base cannot be loaded as nf4.",
                f"A layer reads {matrix.shape[1]} values, which is no multiple of {BLOCK}.",
                "Choose int8 or bf16.",
            )
        functional = _bitsandbytes().functional
        dense = matrix.to(torch.bfloat16).contiguous()
        codes, state = functional.quantize_4bit(
            dense, blocksize=BLOCK, quant_type="nf4", compress_statistics=False
        )
        outputs, inputs = matrix.shape
        self._fused = (
            matrix.device.type == "cpu"
            and outputs % PACKED_ROWS == 0
            and inputs % BLOCK == 0
            and bool(functional.has_avx512bf16())
        )
        if self._fused:
            codes, state = functional._convert_weight_packed_for_cpu(codes, state)
        self._shape = (outputs, inputs)
        self._codes: Tensor = codes
        self._scales: Tensor = state.absmax
        self._table: Tensor = state.code
        self.bias = bias

    def __call__(self, x: Tensor) -> Tensor:
        operations = torch.ops.bitsandbytes
        y: Tensor
        if self._fused:
            y = operations.gemv_4bit(x, self._codes, self._shape, self._scales, self._table, BLOCK)
        elif multiplied_in(x) != x.dtype:
            y = self._in_float(x)
        else:
            rows = whole_rows(x)
            y = operations.gemm_4bit(rows, self._codes, self._shape, self._scales, BLOCK, "nf4")
            y = y[: x.shape[0]]
        return y if self.bias is None else y.add_(self.bias)

    def dequantized(self) -> Tensor:
        outputs, inputs = self._shape
        if not self._fused:
            return self._rows(0, outputs)
        # 32 rows at a time, two inputs at a time; low nibbles first, then high ones
        pairs = self._codes.reshape(-1, 32)
        codes = torch.cat((pairs & 15, pairs >> 4), dim=-1).view(-1, inputs // 2, 32, 2)
        values: Tensor = self._table[codes.transpose(1, 2).reshape(outputs, inputs).long()]
        return values * self._scales.t().float().repeat_interleave(BLOCK, dim=1)

    def _in_float(self, x: Tensor) -> Tensor:
        """Through float32 rows, some at a time: two to six times faster where bf16 is emulated."""
        outputs = self._shape[0]
        y = x.new_empty(x.shape[0], outputs)
        fine = x.float()
        for start in range(0, outputs, FINE_OUTPUTS):
            stop = min(start + FINE_OUTPUTS, outputs)
            y[:, start:stop] = fine @ self._rows(start, stop).t()
        return y

    def _rows(self, start: int, stop: int) -> Tensor:
        """(stop - start, in) float32 of these outputs, not of the fused packing."""
        outputs, inputs = self._shape
        y: Tensor = torch.ops.bitsandbytes.dequantize_4bit(
            self._codes.view(outputs, inputs // 2)[start:stop].reshape(-1, 1),
            self._scales.view(outputs, inputs // BLOCK)[start:stop].reshape(-1),
            BLOCK,
            "nf4",
            (stop - start, inputs),
            torch.float32,
        )
        return y

    def resident(self) -> tuple[Tensor, ...]:
        held = (self._codes, self._scales)
        return held if self.bias is None else (*held, self.bias)


class Int8Weight:
    """row * scale / 127; inputs are quantized by row as well, outlier columns stay in float."""

    __slots__ = ("_rows", "_scales", "bias")

    def __init__(self, matrix: Tensor, bias: Tensor | None = None) -> None:
        """matrix: (out, in), any float dtype."""
        functional = _bitsandbytes().functional
        rows, scales, _ = functional.int8_vectorwise_quant(matrix.to(torch.float16))
        self._rows: Tensor = rows
        self._scales: Tensor = scales
        self.bias = bias

    def __call__(self, x: Tensor) -> Tensor:
        operations = torch.ops.bitsandbytes
        rows, scales, outliers = operations.int8_vectorwise_quant(x.to(torch.float16), OUTLIER)
        y: Tensor = operations.int8_mixed_scaled_mm(
            x, rows, self._rows, scales, self._scales, outliers, self.bias
        )[0]
        return y

    def dequantized(self) -> Tensor:
        return self._rows.float() * (self._scales.float() / 127)[:, None]

    def resident(self) -> tuple[Tensor, ...]:
        held = (self._rows, self._scales)
        return held if self.bias is None else (*held, self.bias)


@cache
def _bitsandbytes() -> Any:
    """The library, kept from fetching native code.

    On a processor with AVX512-BF16 its CPU backend asks the `kernels` package, where
    one is installed, to download a replacement kernel from a hub; without the package
    it prints a warning that asks people to install it. Neither happens here.
    """
    absent: Any = None
    backend = logging.getLogger("bitsandbytes.backends.cpu.ops")
    level = backend.level
    shadowed = "kernels" not in sys.modules
    try:
        if shadowed:
            sys.modules["kernels"] = absent
        backend.setLevel(logging.ERROR)
        import bitsandbytes

        return bitsandbytes
    finally:
        backend.setLevel(level)
        if shadowed:
            del sys.modules["kernels"]
