"""Puts a base's matrices on a device in the quantization that was asked for.

| quantization | linear weights | token table and head | runs on |
| --- | --- | --- | --- |
| fp32, bf16 | as they are | as they are | CPU, CUDA, MPS |
| nf4 | bitsandbytes NF4, blocks of 64 | bf16 | CPU, CUDA, MPS |
| int8 | bitsandbytes LLM.int8 | bf16 | CPU, CUDA |
| int4 | torch's packed groups of 64 or 32 | int8 by row | CPU |

Knows nothing of layers or files.
"""

from __future__ import annotations

import torch
from torch import Tensor

from expert_studio.core.errors import LoadError
from expert_studio.core.inference.decoder_int4 import Int4Weight, Int8Table
from expert_studio.core.inference.decoder_weights import DenseWeight, Table, Weight
from expert_studio.core.settings import Quantization

_RUNS_ON = {
    "fp32": ("cpu", "cuda", "mps"),
    "bf16": ("cpu", "cuda", "mps"),
    "nf4": ("cpu", "cuda", "mps"),
    "int8": ("cpu", "cuda"),
    "int4": ("cpu",),
}


def check_quantization(quantization: Quantization, device: torch.device) -> None:
    """Raises LoadError: this device has no kernel for this quantization."""
    if device.type not in _RUNS_ON[quantization]:
        raise LoadError(
            f"A base cannot be loaded as {quantization} on {device.type}.",
            f"{quantization} runs on {' and '.join(_RUNS_ON[quantization])} only.",
            "Choose nf4, which is as small.",
        )


def compute_dtype(quantization: Quantization) -> torch.dtype:
    """The dtype activations, norms, adapters and KV caches have under a quantization."""
    return torch.float32 if quantization == "fp32" else torch.bfloat16


def quantize(
    matrix: Tensor, bias: Tensor | None, quantization: Quantization, device: torch.device
) -> Weight:
    """Puts one (out, in) matrix on the device, copied.

    Raises:
        LoadError: this quantization cannot hold this shape.
    """
    dtype = compute_dtype(quantization)
    bias = None if bias is None else bias.to(device, dtype, copy=True)
    if quantization == "int4":
        return Int4Weight(matrix.to(device), bias)
    if quantization in ("nf4", "int8"):
        # Imported here: bitsandbytes takes a second, and most people never need it.
        from expert_studio.core.inference.decoder_bitsandbytes import Int8Weight, Nf4Weight

        kind = Nf4Weight if quantization == "nf4" else Int8Weight
        return kind(matrix.to(device), bias)
    return DenseWeight(matrix.to(device, dtype, copy=True), bias)


def quantize_table(matrix: Tensor, quantization: Quantization, device: torch.device) -> Table:
    """Puts the (vocabulary, hidden) token table on the device, copied."""
    if quantization == "int4":
        return Int8Table(matrix.to(device))
    return DenseWeight(matrix.to(device, compute_dtype(quantization), copy=True))
