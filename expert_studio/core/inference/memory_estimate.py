"""What a base, its experts and a context will take, by arithmetic, before any of it is taken.

The one estimator for whoever plans or refuses. Torch-free: knows shapes, not tensors.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import psutil

from expert_studio.core.inference.decoder_shape import PROJECTIONS, DecoderShape
from expert_studio.core.settings import KVFormat, Quantization

PREFILL_TOKENS = 256  # read at once
KV_GROUP_CHANNELS = 64  # that share a scale
KV_BLOCK_POSITIONS = 1024  # made readable at once
SPARE_BYTES = 256 << 20  # what the machine keeps for other things
# bytes a weight of a projection takes: bf16 scale and zero, or one fp32 scale, a group of 64
_PER_WEIGHT: dict[Quantization, float] = {
    "fp32": 4, "bf16": 2, "int8": 1, "nf4": 0.5 + 4 / 64, "int4": 0.5 + 4 / 64,
}  # fmt: skip
_KV_BITS: dict[KVFormat, float] = {"int8": 8, "int4": 4}
_KV_SCALE_BYTES: dict[KVFormat, int] = {"int8": 2, "int4": 4}


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """Bytes, by owner."""

    base: int
    experts: int
    kv_cache: int
    prefill: int  # while a prompt is read, and then given back

    @property
    def total(self) -> int:
        return self.base + self.experts + self.kv_cache + self.prefill


def estimate(
    shape: DecoderShape,
    quantization: Quantization,
    kv: KVFormat = "native",
    context: int = 0,
    experts: int = 0,
    rank: int = 16,
) -> MemoryEstimate:
    """What all of it takes; context in tokens, 0 for all that the base reads.

    Experts are counted as low ranks on every projection.
    """
    context = context or shape.context_length
    width = native_width(quantization)
    return MemoryEstimate(
        base=base_bytes(shape, quantization),
        experts=experts * low_rank_bytes(shape, rank, width),
        kv_cache=context * kv_bytes_per_token(shape, kv, width),
        prefill=prefill_bytes(shape, width, context),
    )


def native_width(quantization: Quantization) -> int:
    """Bytes of one number of what is computed: 2, or 4 in fp32."""
    return 4 if quantization == "fp32" else 2


def kv_bytes_per_token(shape: DecoderShape, kv: KVFormat, width: int = 2) -> int:
    """Keys and values of one position over all layers; width: bytes of a native number."""
    channels = shape.head_dim
    head = float(channels * width)
    if kv != "native":
        groups = channels // math.gcd(channels, KV_GROUP_CHANNELS)
        head = channels * _KV_BITS[kv] / 8 + groups * _KV_SCALE_BYTES[kv]
    return int(2 * shape.layers * shape.kv_heads * head)


def base_bytes(shape: DecoderShape, quantization: Quantization) -> int:
    """The weights as they lie in memory."""
    width = native_width(quantization)
    layer = sum(math.prod(shape.projection(name)) for name in PROJECTIONS)
    scales = sum(shape.projection(name)[0] for name in PROJECTIONS) if quantization == "int8" else 0
    tables = (1 if shape.tied_head else 2) * shape.vocabulary
    table = tables * (shape.hidden + 4 if quantization == "int4" else shape.hidden * width)
    norms = (2 * shape.layers + 1) * shape.hidden * width
    return int(shape.layers * (layer * _PER_WEIGHT[quantization] + 4 * scales) + table + norms)


def low_rank_bytes(shape: DecoderShape, rank: int, width: int = 2) -> int:
    """One LoRA on every projection, as it lies in memory."""
    sides = sum(sum(shape.projection(name)) for name in PROJECTIONS)
    return shape.layers * rank * sides * width


def prefill_bytes(shape: DecoderShape, width: int, context: int) -> int:
    """What reading one piece of a prompt takes beside the cache, at the end of the context."""
    tokens = min(PREFILL_TOKENS, context)
    rows = 3 * shape.hidden + 3 * shape.query_width + 4 * shape.key_width + 3 * shape.mlp
    mask = tokens * context * (1 + width)  # who may see whom, as truths and as numbers
    return tokens * rows * width + mask + 4 * shape.vocabulary


def free_bytes() -> int:
    """What the machine could give now, less what it should keep."""
    return max(0, int(psutil.virtual_memory().available) - SPARE_BYTES)


def in_words(size_bytes: float) -> str:
    """ "1.5 GiB", "112 KiB"."""
    for unit in ("bytes", "KiB", "MiB"):
        if size_bytes < 1024:
            return f"{size_bytes:,.0f} {unit}"
        size_bytes /= 1024
    return f"{size_bytes:,.1f} GiB"
