"""Keys and values of the tokens a decoder has read, in buffers that grow.

Knows nothing of stacks or of which cache may be used under which: see
`engine_caches`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from expert_studio.core.inference.decoder_attention import attend, visible
from expert_studio.core.inference.decoder_shape import DecoderShape

GROWTH_TOKENS = 256
GROWTH_SHARE = 8  # an eighth of what is held


class KVCache:
    """The first `length` positions of every layer's keys and values.

    Attributes:
        keys, values: one tensor a layer, (kv_heads, capacity, head_dim), keys already rotated.
        length: tokens held; rows beyond it are unset.
    """

    __slots__ = ("_device", "_dtype", "_mask", "_shape", "keys", "length", "values")

    def __init__(self, shape: DecoderShape, dtype: torch.dtype, device: torch.device) -> None:
        self._shape = shape
        self._dtype = dtype
        self._device = device
        self._mask: Tensor | None = None
        self.length = 0
        self.keys: list[Tensor] = self._buffers(0)
        self.values: list[Tensor] = self._buffers(0)

    @property
    def capacity(self) -> int:
        """Positions there is room for."""
        return self.keys[0].shape[1]

    @property
    def resident_bytes(self) -> int:
        return sum(t.numel() * t.element_size() for t in (*self.keys, *self.values))

    def begin(self, tokens: int) -> None:
        """Makes ready for so many tokens more, which then go through every layer."""
        self.reserve(self.length + tokens)
        self._mask = visible(self.length, tokens, self._device)

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Puts the tokens' keys and values beside the earlier ones, and lets q look at them all.

        Args:
            q: (tokens, heads, head_dim), rotated.
            k, v: (tokens, kv_heads, head_dim), k rotated.

        Returns:
            (tokens, heads * head_dim).
        """
        keys, values = self.keys[layer], self.values[layer]
        end = self.length + k.shape[0]
        keys[:, self.length : end] = k.transpose(0, 1)
        values[:, self.length : end] = v.transpose(0, 1)
        return attend(q, keys[:, :end], values[:, :end], self._mask)

    def end(self, tokens: int) -> None:
        """The tokens have gone through every layer."""
        self._mask = None
        self.length += tokens

    def reserve(self, length: int) -> None:
        """Makes room for `length` positions, by an eighth more at least, keeping what is held.

        One layer is moved at a time, so that growing needs one layer's room more and no
        second copy of the whole.
        """
        if length <= self.capacity:
            return
        grown_to = self.capacity + self.capacity // GROWTH_SHARE
        wanted = min(max(length, grown_to), max(length, self._shape.context_length))
        capacity = -(-wanted // GROWTH_TOKENS) * GROWTH_TOKENS
        for buffers in (self.keys, self.values):
            for index, old in enumerate(buffers):
                grown = self._buffer(capacity)
                grown[:, : self.length] = old[:, : self.length]
                buffers[index] = grown

    def copy(self, length: int) -> KVCache:
        """A cache of its own holding the first `length` positions."""
        twin = KVCache(self._shape, self._dtype, self._device)
        twin.reserve(length)
        for mine, theirs in ((self.keys, twin.keys), (self.values, twin.values)):
            for source, target in zip(mine, theirs, strict=True):
                target[:, :length] = source[:, :length]
        twin.length = length
        return twin

    def _buffers(self, capacity: int) -> list[Tensor]:
        return [self._buffer(capacity) for _ in range(self._shape.layers)]

    def _buffer(self, capacity: int) -> Tensor:
        size = (self._shape.kv_heads, capacity, self._shape.head_dim)
        return torch.empty(size, dtype=self._dtype, device=self._device)
