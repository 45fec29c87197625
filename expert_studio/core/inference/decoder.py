"""The Qwen2/Qwen3 forward pass over base weights, with room for experts beside each of them.

Knows nothing of files, quantization formats, tokens' text or sampling. After
`Qwen3ForCausalLM` and `Qwen2ForCausalLM` of transformers, whose logits it matches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from expert_studio.core.inference.decoder_cache import KVCache
from expert_studio.core.inference.decoder_cache_quantized import Int4Cache, Int8Cache
from expert_studio.core.inference.decoder_rotation import Rotation
from expert_studio.core.inference.decoder_shape import PRODUCTS, DecoderShape
from expert_studio.core.inference.decoder_step import SingleStep
from expert_studio.core.inference.decoder_weights import Table, Weight
from expert_studio.core.inference.rope_scaling import RopeScaling
from expert_studio.core.settings import KVFormat


class Delta(Protocol):
    """What the experts of a stack make of one product of the base."""

    def product(self, weight: Weight, x: Tensor) -> Tensor:
        """x: (tokens, in). Returns (tokens, out): the base's product with the experts' share."""
        ...

    def finish(self, weight: Weight, y: Tensor, x: Tensor) -> None:
        """Makes y, which holds the base's product of x, what `product` gives, in place."""
        ...


@dataclass(frozen=True, slots=True)
class LayerDeltas:
    """The deltas at one layer's four products; None where no expert works."""

    qkv: Delta | None = None
    o: Delta | None = None
    gate_up: Delta | None = None
    down: Delta | None = None

    def delta(self, product: str) -> Delta | None:
        """The delta at one of PRODUCTS."""
        return {"qkv": self.qkv, "o": self.o, "gate_up": self.gate_up, "down": self.down}[product]


@dataclass(frozen=True, slots=True)
class DecoderLayer:
    """One layer's weights. Products that share an input are one matrix: q, k, v and gate, up."""

    input_norm: Tensor  # (hidden,)
    qkv: Weight  # (query_width + 2 key_width, hidden)
    head_norms: Tensor | None  # (heads + kv_heads, head_dim), Qwen3
    o: Weight  # (hidden, query_width)
    mlp_norm: Tensor  # (hidden,)
    gate_up: Weight  # (2 mlp, hidden)
    down: Weight  # (hidden, mlp)

    def weight(self, product: str) -> Weight:
        """The weight of one of PRODUCTS."""
        return {"qkv": self.qkv, "o": self.o, "gate_up": self.gate_up, "down": self.down}[product]


NO_DELTAS = LayerDeltas()
_CACHES = {"native": KVCache, "int8": Int8Cache, "int4": Int4Cache}


class Decoder:
    """One base in memory. Its weights are never changed."""

    def __init__(
        self,
        shape: DecoderShape,
        layers: Sequence[DecoderLayer],
        tokens: Table,
        norm: Tensor,
        head: Weight,
    ) -> None:
        self.shape = shape
        self.layers = tuple(layers)
        self.head = head
        self.tokens = tokens
        self.norm = norm  # (hidden,)
        self._rotations: dict[RopeScaling | None, Rotation] = {}
        self._alone = (NO_DELTAS,) * len(self.layers)
        on_cpu = self.device.type == "cpu"
        self._step = SingleStep(shape, self.layers) if on_cpu else None

    @property
    def dtype(self) -> torch.dtype:
        return self.norm.dtype

    @property
    def device(self) -> torch.device:
        return self.norm.device

    def new_cache(self, kv: KVFormat = "native", scaling: RopeScaling | None = None) -> KVCache:
        """An empty cache. scaling: another than the base's own, where the stack asks for it."""
        scaling = scaling or self.shape.rope_scaling
        if scaling not in self._rotations:
            self._rotations[scaling] = Rotation(self.shape, scaling, self.norm)
        return _CACHES[kv](self.shape, self._rotations[scaling])

    def embed(self, ids: Sequence[int]) -> Tensor:
        """Returns (tokens, hidden)."""
        return self.tokens.rows(torch.tensor(ids, dtype=torch.int64, device=self.device))

    def read(self, hidden: Tensor, cache: KVCache, deltas: Sequence[LayerDeltas]) -> Tensor:
        """Runs the layers over the next tokens and puts their keys and values into the cache.

        Args:
            hidden: (tokens, hidden), what `embed` gave.
            cache: holds all earlier tokens; its length grows by `tokens`.
            deltas: one a layer, or () for the base alone.

        Returns:
            (tokens, hidden), before the last norm.
        """
        tokens, heads = hidden.shape[0], self.shape.heads
        if tokens == 1 and self._step is not None:
            return self._step.read(hidden, cache, deltas or self._alone)
        cos, sin = cache.rotation.rows(cache.length, cache.length + tokens)
        cache.begin(tokens)
        for index, layer in enumerate(self.layers):
            delta = deltas[index] if deltas else NO_DELTAS
            x = self._normed(hidden, layer.input_norm)
            qk, v = self._heads(layer, _product(layer.qkv, delta.qkv, x), cos, sin)
            mixed = cache.attend(index, qk[:, :heads], qk[:, heads:], v)
            hidden = hidden + _product(layer.o, delta.o, mixed)
            x = self._normed(hidden, layer.mlp_norm)
            gate, up = _product(layer.gate_up, delta.gate_up, x).chunk(2, dim=-1)
            hidden = hidden + _product(layer.down, delta.down, F.silu(gate).mul_(up))
        cache.end(tokens)
        return hidden

    def read_each(
        self, hidden: Tensor, caches: Sequence[KVCache], deltas: Sequence[LayerDeltas]
    ) -> Tensor:
        """As `read` for the next token of several texts at once: weights are read once for all.

        Args:
            hidden: (texts, hidden), one row a text.
            caches: one a text.
            deltas: one a layer, or () for the base alone.

        Returns:
            (texts, hidden), before the last norm.
        """
        places = [cache.rotation.rows(cache.length, cache.length + 1) for cache in caches]
        cos, sin = (torch.cat(rows) for rows in zip(*places, strict=True))
        for cache in caches:
            cache.begin(1)
        heads = self.shape.heads
        for index, layer in enumerate(self.layers):
            delta = deltas[index] if deltas else NO_DELTAS
            x = self._normed(hidden, layer.input_norm)
            qk, v = self._heads(layer, _product(layer.qkv, delta.qkv, x), cos, sin)
            q, k = qk[:, None, :heads], qk[:, None, heads:]
            each = zip(caches, q, k, v[:, None], strict=True)
            mixed = [cache.attend(index, *text) for cache, *text in each]
            hidden = hidden + _product(layer.o, delta.o, torch.cat(mixed))
            x = self._normed(hidden, layer.mlp_norm)
            gate, up = _product(layer.gate_up, delta.gate_up, x).chunk(2, dim=-1)
            hidden = hidden + _product(layer.down, delta.down, F.silu(gate).mul_(up))
        for cache in caches:
            cache.end(1)
        return hidden

    def logits(self, hidden: Tensor) -> Tensor:
        """hidden: (tokens, hidden) from `read`. Returns (tokens, vocabulary) float32."""
        return self.head(self._normed(hidden, self.norm)).float()

    def resident(self) -> tuple[Tensor, ...]:
        """Every tensor of the base, each once, in a fixed order."""
        held: list[Tensor] = [*self.tokens.resident(), self.norm]
        if self.head is not self.tokens:
            held += self.head.resident()
        for layer in self.layers:
            held += [layer.input_norm, layer.mlp_norm]
            held += [] if layer.head_norms is None else [layer.head_norms]
            for product in PRODUCTS:
                held += layer.weight(product).resident()
        return tuple(held)

    def _normed(self, x: Tensor, weight: Tensor) -> Tensor:
        return F.rms_norm(x, (self.shape.hidden,), weight, self.shape.norm_epsilon)

    def _heads(
        self, layer: DecoderLayer, qkv: Tensor, cos: Tensor, sin: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Splits (tokens, widths) into rotated query and key heads, and value heads."""
        shape = self.shape
        rotated = shape.heads + shape.kv_heads
        split = qkv.view(-1, rotated + shape.kv_heads, shape.head_dim)
        qk = split[:, :rotated]  # (tokens, heads + kv_heads, head_dim)
        if layer.head_norms is not None:
            qk = F.rms_norm(qk, (shape.head_dim,), None, shape.norm_epsilon) * layer.head_norms
        return torch.addcmul(qk * cos, qk.roll(shape.head_dim // 2, -1), sin), split[:, rotated:]


def _product(weight: Weight, delta: Delta | None, x: Tensor) -> Tensor:
    return weight(x) if delta is None else delta.product(weight, x)
