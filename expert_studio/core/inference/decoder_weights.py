"""The base's linear weights, dense or quantized: each knows its product and its float32 value.

A weight is made once at load and never changed: experts only ever add to its
product. Knows nothing of layers, experts or files.

`nf4` and `int8` are bitsandbytes' formats (NF4 in blocks of 64; LLM.int8 with
outlier columns kept in float), `int4` is torch's packed CPU format (groups of
64 or 32 along the input, asymmetric).
"""

from __future__ import annotations

from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from expert_studio.core.errors import LoadError
from expert_studio.core.settings import Quantization


class Weight(Protocol):
    """One (out, in) matrix, with its bias if it has one."""

    def __call__(self, x: Tensor) -> Tensor:
        """x: (tokens, in) in the compute dtype. Returns (tokens, out), a tensor of its own."""
        ...

    def dequantized(self) -> Tensor:
        """The (out, in) float32 matrix that the product stands for."""
        ...

    def resident(self) -> tuple[Tensor, ...]:
        """The tensors it holds, for hashing and for counting bytes."""
        ...


class DenseWeight:
    """bf16 or fp32, as it came from the file."""

    __slots__ = ("_bias", "_matrix")

    def __init__(self, matrix: Tensor, bias: Tensor | None = None) -> None:
        self._matrix = matrix
        self._bias = bias

    def __call__(self, x: Tensor) -> Tensor:
        return F.linear(x, self._matrix, self._bias)

    def rows(self, ids: Tensor) -> Tensor:
        """ids: (tokens,) int64. Returns (tokens, in): the matrix read as an embedding."""
        return F.embedding(ids, self._matrix)

    def dequantized(self) -> Tensor:
        return self._matrix.float()

    def resident(self) -> tuple[Tensor, ...]:
        return (self._matrix,) if self._bias is None else (self._matrix, self._bias)


def compute_dtype(quantization: Quantization) -> torch.dtype:
    """The dtype activations, norms, adapters and KV caches have under a quantization."""
    return torch.float32 if quantization == "fp32" else torch.bfloat16


def quantize(
    matrix: Tensor, bias: Tensor | None, quantization: Quantization, device: torch.device
) -> Weight:
    """Puts one (out, in) matrix on the device in the given quantization.

    Raises:
        LoadError: this device or this shape cannot hold that quantization.
    """
    dtype = compute_dtype(quantization)
    bias = None if bias is None else bias.to(device, dtype)
    if quantization in ("bf16", "fp32"):
        return DenseWeight(matrix.to(device, dtype), bias)
    raise LoadError(f"Bases cannot be loaded as {quantization} yet.")


def embedding(matrix: Tensor, quantization: Quantization, device: torch.device) -> DenseWeight:
    """The (vocabulary, hidden) token table; also the head of a tied base."""
    return DenseWeight(matrix.to(device, compute_dtype(quantization), copy=True))
