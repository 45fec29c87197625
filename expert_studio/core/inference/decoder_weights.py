"""What a base weight is, dense or quantized: it knows its product and its float32 value.

A weight is made once at load and never changed: experts only ever add to its
product. Knows nothing of layers, experts or files; the quantized kinds are in
`decoder_int4` and `decoder_bitsandbytes`.
"""

from __future__ import annotations

from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from expert_studio.core.inference.decoder_kernels import bf16_arithmetic, whole_rows

FINE_TOKENS = 8  # from here a processor without bf16 arithmetic is faster in fp32
FINE_OUTPUTS = 2048  # brought to fp32 at a time: 8 MiB for 1,024 inputs


class Weight(Protocol):
    """One (out, in) matrix, with its bias if it has one."""

    @property
    def bias(self) -> Tensor | None:
        """(out,) in the compute dtype; the product has it added."""
        ...

    def __call__(self, x: Tensor) -> Tensor:
        """x: (tokens, in) in the compute dtype. Returns (tokens, out), a tensor of its own."""
        ...

    def dequantized(self) -> Tensor:
        """The (out, in) float32 matrix that the product stands for."""
        ...

    def resident(self) -> tuple[Tensor, ...]:
        """The tensors it holds, for hashing and for counting bytes."""
        ...


class Table(Weight, Protocol):
    """A (vocabulary, hidden) weight that is read by row as well: the token table."""

    def rows(self, ids: Tensor) -> Tensor:
        """ids: (tokens,) int64. Returns (tokens, hidden) in the compute dtype."""
        ...


class DenseWeight:
    """bf16 or fp32, as it came from the file."""

    __slots__ = ("_matrix", "bias")

    def __init__(self, matrix: Tensor, bias: Tensor | None = None) -> None:
        self._matrix = matrix
        self.bias = bias

    def __call__(self, x: Tensor) -> Tensor:
        if x.shape[0] < FINE_TOKENS or multiplied_in(self._matrix) == x.dtype:
            return F.linear(whole_rows(x), self._matrix, self.bias)[: x.shape[0]]
        y = x.new_empty(x.shape[0], self._matrix.shape[0])
        fine = x.float()
        for start in range(0, y.shape[1], FINE_OUTPUTS):
            rows = slice(start, start + FINE_OUTPUTS)
            y[:, rows] = fine @ self._matrix[rows].float().t()
        return y if self.bias is None else y.add_(self.bias)

    def rows(self, ids: Tensor) -> Tensor:
        """As `Table.rows`."""
        return F.embedding(ids, self._matrix)

    def dequantized(self) -> Tensor:
        return self._matrix.float()

    def resident(self) -> tuple[Tensor, ...]:
        return (self._matrix,) if self.bias is None else (self._matrix, self.bias)


def multiplied_in(matrix: Tensor) -> torch.dtype:
    """The type in which this matrix is multiplied with many tokens at once.

    A processor without bf16 arithmetic goes through fp32, which is five to thirty times
    faster there, conversion included.
    """
    slow = matrix.dtype == torch.bfloat16 and matrix.device.type == "cpu" and not bf16_arithmetic()
    return torch.float32 if slow else matrix.dtype
