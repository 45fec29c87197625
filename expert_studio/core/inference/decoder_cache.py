"""Keys and values of the tokens a decoder has read, in buffers that grow.

Knows nothing of stacks or of which cache may be used under which: see
`engine_caches`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from expert_studio.core.inference.decoder_attention import attend, visible
from expert_studio.core.inference.decoder_rotation import Rotation
from expert_studio.core.inference.decoder_shape import DecoderShape

GROWTH_TOKENS = 256
GROWTH_SHARE = 8  # an eighth of what is held


class KVCache:
    """The first `length` positions of every layer's keys and values.

    Attributes:
        keys, values: one tensor a layer, (kv_heads, capacity, width), keys already rotated.
        planes: all that is kept of every layer, keys and values first; capacity is their second
            dimension.
        rotation: where the keys' positions come from.
        length: tokens held; rows beyond it are unset.
    """

    __slots__ = ("_like", "_mask", "_shape", "keys", "length", "planes", "rotation", "values")

    def __init__(self, shape: DecoderShape, rotation: Rotation) -> None:
        self._shape = shape
        self._like = rotation.like
        self._mask: Tensor | None = None
        self.rotation = rotation
        self.length = 0
        self.planes: tuple[list[Tensor], ...] = tuple(
            [self._buffer(0, width, dtype) for _ in range(shape.layers)]
            for width, dtype in self._widths()
        )
        self.keys, self.values = self.planes[:2]

    def _widths(self) -> tuple[tuple[int, torch.dtype], ...]:
        """How wide each plane is at one position of one head, and of which type."""
        width = (self._shape.head_dim, self._like.dtype)
        return (width, width)

    @property
    def capacity(self) -> int:
        """Positions there is room for."""
        return self.keys[0].shape[1]

    @property
    def resident_bytes(self) -> int:
        return sum(t.numel() * t.element_size() for plane in self.planes for t in plane)

    @property
    def position_bytes(self) -> int:
        """What one position takes, over all layers."""
        widths = sum(t.shape[2] * t.element_size() for plane in self.planes for t in plane)
        return self._shape.kv_heads * widths

    def begin(self, tokens: int) -> None:
        """Makes ready for so many tokens more, which then go through every layer."""
        self.reserve(self.length + tokens)
        self._mask = visible(self.length, tokens, self._like.device)

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
        for plane in self.planes:
            for index, old in enumerate(plane):
                grown = self._buffer(capacity, old.shape[2], old.dtype)
                grown[:, : self.length] = old[:, : self.length]
                plane[index] = grown

    def page(self, start: int, end: int) -> tuple[Tensor, ...]:
        """A copy of the positions from start to end, one (layers, kv_heads, positions, width) a
        plane."""
        return tuple(torch.stack([t[:, start:end] for t in plane]) for plane in self.planes)

    def lay(self, start: int, page: tuple[Tensor, ...], positions: int) -> None:
        """Copies the first positions of a page to where they stood; there is room for them."""
        for plane, stored in zip(self.planes, page, strict=True):
            for target, source in zip(plane, stored, strict=True):
                target[:, start : start + positions] = source[:, :positions]

    def _buffer(self, capacity: int, width: int, dtype: torch.dtype) -> Tensor:
        size = (self._shape.kv_heads, capacity, width)
        return torch.empty(size, dtype=dtype, device=self._like.device)
