"""What a base, its experts and a context will take, by arithmetic, before any of it is taken.

The one estimator for whoever plans or refuses. Torch-free: knows shapes, not tensors.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import psutil

from expert_studio.core.inference.decoder_shape import PRODUCTS, PROJECTIONS, DecoderShape
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
PRODUCT_OF = {name: product for product, names in PRODUCTS.items() for name in names}
# torch, transformers, PEFT and TRL themselves: 528 and 650 MiB were measured on one machine on two
# days, as more or less of their files lay in its memory
TRAINER_BYTES = 560 << 20
TILE_TOKENS, TILE_COLUMNS = 4096, 32768  # of the vocabulary's scores, in TRL's chunked kernel
# What an allocator holds of what is kept for the way back, over what is alive at once. Measured on
# the CPU (`tests/core/training/test_memory_estimates.py`): the C library's keeps far more of what
# is given back to it than a card's does, and most where small blocks lie between large ones.
_HELD = {"lora": 1.9, "dora": 1.9, "ia3": 1.5, "soft_prompt": 1.5}
MOST_SLACK_BYTES = 280 << 20  # of the C library's: it gives large blocks back at once
_HELD_ON_A_CARD = 1.15
_BETWEEN_SCORES = 0.45  # of their size, where layers computed anew come and go between them
_PAIRS = 1.85  # the reference goes through the model while all that the way back needs is kept
_SCORE_BYTES = 12  # of one logit, beside itself: float32, its log-softmax, one gradient at a time


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


@dataclass(frozen=True, slots=True)
class TrainingLoad:
    """What decides on a run's memory, in plain numbers.

    `tokens` is the length of the longest row, padding included, and `scored_tokens` how many of
    its positions are scored against the vocabulary. A pair is two rows, each read twice.
    """

    kind: Literal["lora", "dora", "ia3", "soft_prompt"]
    rank: int
    modules: tuple[str, ...]
    soft_tokens: int
    batch_size: int
    tokens: int
    scored_tokens: int
    checkpointing: bool
    pairs: bool
    held: Quantization
    computed: Literal["bf16", "fp32"]
    device: Literal["cpu", "mps", "cuda"]
    dependencies: int = 0  # counted as LoRAs of the same rank


@dataclass(frozen=True, slots=True)
class TrainingMemory:
    """Bytes, by owner, at the worst moment of a step."""

    libraries: int  # 0 on a card, where they do not lie
    base: int
    adapter: int  # float32, and frozen dependencies
    gradients: int
    optimizer: int  # AdamW's two moments
    activations: int  # kept for the way back
    scores: int  # logits of the vocabulary, their softmax and gradients
    slack: int  # what the allocator holds beyond that

    @property
    def total(self) -> int:
        return (
            self.libraries
            + self.base
            + self.adapter
            + self.gradients
            + self.optimizer
            + self.activations
            + self.scores
            + self.slack
        )


def training_estimate(shape: DecoderShape, load: TrainingLoad) -> TrainingMemory:
    """What a run takes at most, before it starts."""
    rows = load.batch_size * (2 if load.pairs else 1)
    tokens = load.tokens + (load.soft_tokens if load.kind == "soft_prompt" else 0)
    learned = trainable_parameters(shape, load)
    frozen = load.dependencies * low_rank_bytes(shape, load.rank)
    layer = rows * tokens * _kept_per_token(shape, load)
    width = 2 if load.computed == "bf16" else 4
    kept = layer * shape.layers
    if load.checkpointing:
        kept = layer + shape.layers * rows * tokens * shape.hidden * width
    scores = _scores(shape, load, rows, width)
    if load.pairs:
        kept = int(kept * _PAIRS)
    held = _HELD_ON_A_CARD if load.device == "cuda" else _HELD[load.kind]
    # AdamW's new moments and updates live for a moment beside the old ones
    slack = int((held - 1) * kept)
    if load.device != "cuda":
        slack = min(slack, MOST_SLACK_BYTES)
        if load.checkpointing:
            slack = max(slack, int(_BETWEEN_SCORES * scores))
    return TrainingMemory(
        libraries=0 if load.device == "cuda" else TRAINER_BYTES,
        base=base_bytes(shape, load.held),
        adapter=4 * learned + frozen,
        gradients=4 * learned,
        optimizer=8 * learned,
        activations=kept,
        scores=scores,
        slack=slack + 4 * learned,
    )


def _scores(shape: DecoderShape, load: TrainingLoad, rows: int, width: int) -> int:
    """Logits of the positions that are scored, their softmax and gradients, at the worst moment.

    Pairs everywhere and all on a card go through TRL's tiles, which on a card stay as computed.
    """
    positions, columns = rows * load.scored_tokens, shape.vocabulary
    if load.pairs or load.device == "cuda":
        if load.device != "cuda":  # every position of them, in float32 too
            positions, width = rows * load.tokens, width + _SCORE_BYTES
        positions, columns = min(positions, TILE_TOKENS), min(columns, TILE_COLUMNS)
        return positions * columns * width
    return positions * columns * (width + _SCORE_BYTES)


def trainable_parameters(shape: DecoderShape, load: TrainingLoad) -> int:
    """How many numbers learn."""
    if load.kind == "soft_prompt":
        return load.soft_tokens * shape.hidden
    sides = [shape.projection(name) for name in load.modules]
    if load.kind == "ia3":
        widths = zip(load.modules, sides, strict=True)
        return shape.layers * sum(i if name == "down_proj" else o for name, (o, i) in widths)
    magnitudes = sum(out for out, _ in sides) if load.kind == "dora" else 0
    return shape.layers * (load.rank * sum(map(sum, sides)) + magnitudes)


def _kept_per_token(shape: DecoderShape, load: TrainingLoad) -> int:
    """Bytes one layer keeps of one token for the way back, read off autograd's saved tensors."""
    width = 2 if load.computed == "bf16" else 4
    norms = 4 * (2 * shape.hidden + (shape.query_width + shape.key_width) * shape.head_norms)
    attention = width * 5 * shape.query_width  # queries, keys and values of every head, twice out
    mlp = width * 3 * shape.mlp
    return norms + attention + mlp + width * _kept_by_adapter(shape, load)


def _kept_by_adapter(shape: DecoderShape, load: TrainingLoad) -> int:
    """Numbers of one token: inputs that low ranks read, outputs that factors scale."""
    sides = {name: shape.projection(name) for name in load.modules}
    if load.kind == "soft_prompt":
        return 0
    if load.kind == "ia3":
        return sum(i if name == "down_proj" else o for name, (o, i) in sides.items())
    if load.computed == "bf16":  # autocast makes a copy for each of them
        inputs = sum(i for _, i in sides.values())
    else:
        shared = {PRODUCT_OF[name]: i for name, (_, i) in sides.items() if name != "o_proj"}
        inputs = sum(shared.values())
    outputs = 0.0
    if load.kind == "dora":  # what the base gave and its products, in float32 beside bf16
        outputs = (4 if load.computed == "bf16" else 1.5) * sum(o for o, _ in sides.values())
    return inputs + int(outputs) + load.rank * len(sides)


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
