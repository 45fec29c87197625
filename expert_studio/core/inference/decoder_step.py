"""One token through the layers on a CPU, in as few operations as it can be.

A token's own arithmetic is nothing beside reading the weights, but starting an
operation takes as long as a thousand elements: what `Decoder.read` says in general
is said here for a single row, with sums and norms in fp32. Knows nothing of how
weights, experts or keys are kept.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from expert_studio.core.inference.decoder_cache import KVCache
from expert_studio.core.inference.decoder_shape import DecoderShape

if TYPE_CHECKING:
    from expert_studio.core.inference.decoder import DecoderLayer, Delta, LayerDeltas
    from expert_studio.core.inference.decoder_weights import Weight


class SingleStep:
    """What `Decoder.read` does, for one token."""

    def __init__(self, shape: DecoderShape, layers: Sequence[DecoderLayer]) -> None:
        self._shape = shape
        self._layers = tuple(
            (
                layer.input_norm.float(),
                layer.qkv,
                _of_norms(layer.head_norms, shape),
                layer.o,
                layer.mlp_norm.float(),
                layer.gate_up,
                layer.down,
            )
            for layer in layers
        )
        self._zeros = torch.zeros(shape.hidden)
        self._least = torch.tensor(math.sqrt(shape.head_dim * shape.norm_epsilon))

    def read(self, hidden: Tensor, cache: KVCache, deltas: Sequence[LayerDeltas]) -> Tensor:
        """As `Decoder.read`; hidden: (1, hidden), deltas: one a layer."""
        shape, least = self._shape, self._least
        heads, rotated, dim = shape.heads, shape.heads + shape.kv_heads, shape.head_dim
        cos, sin = (t[0].float() for t in cache.rotation.rows(cache.length, cache.length + 1))
        cache.begin(1)
        stream = hidden.to(torch.float32, copy=True)  # (1, hidden)
        x = torch.empty_like(hidden)
        row, x_row, scratch = stream[0], x[0], torch.empty_like(self._zeros)
        for index, (input_norm, qkv, head_norms, o, mlp_norm, gate_up, down) in enumerate(
            self._layers
        ):
            delta = deltas[index]
            self._norm(row, input_norm, scratch, x_row)
            split = _product(qkv, delta.qkv, x).view(-1, dim)
            qk = split[:rotated].float()  # (heads + kv_heads, head_dim)
            if head_norms is not None:
                norms = torch.linalg.vector_norm(qk, dim=-1, keepdim=True)
                qk = torch.div(qk, norms.hypot_(least)).mul_(head_norms)
            turned = torch.cat((qk, qk), dim=-1)[:, dim // 2 : dim // 2 + dim]  # by half a head
            qk = torch.mul(qk, cos).addcmul_(turned, sin).to(hidden.dtype)[None]
            mixed = cache.attend(index, qk[:, :heads], qk[:, heads:], split[None, rotated:])
            stream.add_(_product(o, delta.o, mixed))
            self._norm(row, mlp_norm, scratch, x_row)
            gate, up = _product(gate_up, delta.gate_up, x).chunk(2, dim=-1)
            stream.add_(_product(down, delta.down, F.silu(gate).mul_(up)))
        cache.end(1)
        return stream.to(hidden.dtype)

    def _norm(self, row: Tensor, weight: Tensor, scratch: Tensor, x: Tensor) -> None:
        """Writes the normalised row, times weight, into x."""
        mean = torch.dot(row, row).item() / self._shape.hidden
        factor = 1.0 / math.sqrt(mean + self._shape.norm_epsilon)
        x.copy_(torch.addcmul(self._zeros, row, weight, value=factor, out=scratch))


def _of_norms(head_norms: Tensor | None, shape: DecoderShape) -> Tensor | None:
    """For heads that are divided by their norms, not by their root mean squares."""
    return None if head_norms is None else head_norms.float() * math.sqrt(shape.head_dim)


def _product(weight: Weight, delta: Delta | None, x: Tensor) -> Tensor:
    return weight(x) if delta is None else delta.product(weight, x)
