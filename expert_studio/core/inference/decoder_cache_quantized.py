"""A cache of keys and values in eight or four bits.

Each position of each head is quantized by itself, in groups of channels, so that what is
held of a token never depends on tokens after it: a text that is cut, or read in other
pieces, holds the same. Four bits are taken after a Hadamard turn of the head's channels (as
in QuaRot, arXiv 2404.00456), which spreads the few large channels of a key over all; queries
are turned as well, and what is mixed of the values is turned back.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from expert_studio.core.inference.decoder_attention import attend, attend_blocks
from expert_studio.core.inference.decoder_cache import KVCache
from expert_studio.core.inference.decoder_kernels import own_products
from expert_studio.core.inference.decoder_rotation import Rotation
from expert_studio.core.inference.decoder_shape import DecoderShape

GROUP_CHANNELS = 64
BLOCK_POSITIONS = 1024  # dequantized at once: what a core's own cache holds
SMALLEST = 1e-8  # of a scale


class Int8Cache(KVCache):
    """One byte a channel, one scale a group of channels."""

    __slots__ = ("_groups",)

    def __init__(self, shape: DecoderShape, rotation: Rotation) -> None:
        self._groups = shape.head_dim // math.gcd(shape.head_dim, GROUP_CHANNELS)
        super().__init__(shape, rotation)

    def _widths(self) -> tuple[tuple[int, torch.dtype], ...]:
        codes, scales = (self._shape.head_dim, torch.int8), (self._groups, torch.bfloat16)
        return (codes, codes, scales, scales)

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """As `KVCache.attend`; every position is seen as it is held, the newest too."""
        self._write(layer, self.length, k, v)
        end = self.length + k.shape[0]
        if self._like.device.type != "cpu" or end <= BLOCK_POSITIONS:
            return attend(q, *self._read(layer, 0, end), self._mask)

        def block(start: int, stop: int) -> tuple[Tensor, Tensor]:
            return self._read(layer, start, stop)

        return attend_blocks(q, block, end, BLOCK_POSITIONS)

    def _write(self, layer: int, start: int, k: Tensor, v: Tensor) -> None:
        end = start + k.shape[0]
        for plane, x in enumerate((k, v)):
            grouped = self._grouped(x.transpose(0, 1)).float()
            scale = (grouped.abs().amax(-1) / 127).clamp_min(SMALLEST).bfloat16()
            codes = (grouped / scale[..., None]).round_().clamp_(-127, 127)
            self.planes[plane][layer][:, start:end] = codes.flatten(-2)
            self.planes[plane + 2][layer][:, start:end] = scale

    def _read(self, layer: int, start: int, end: int) -> tuple[Tensor, Tensor]:
        """Keys and values, each (kv_heads, positions, head_dim)."""
        read = []
        for plane in (0, 1):
            codes = self.planes[plane][layer][:, start:end].to(self._like.dtype)
            scale = self.planes[plane + 2][layer][:, start:end, :, None].to(self._like.dtype)
            read.append(self._grouped(codes).mul_(scale).flatten(-2))
        return read[0], read[1]

    def _grouped(self, x: Tensor) -> Tensor:
        """(..., groups, channels of a group) of (..., head_dim)."""
        return x.reshape(*x.shape[:-1], self._groups, -1)


class Int4Cache(Int8Cache):
    """Half a byte a channel, a scale and a lowest value a group of channels."""

    __slots__ = ("_turn",)

    def __init__(self, shape: DecoderShape, rotation: Rotation) -> None:
        super().__init__(shape, rotation)
        self._turn = hadamard(shape.head_dim).to(self._like)

    def _widths(self) -> tuple[tuple[int, torch.dtype], ...]:
        codes = (self._shape.head_dim // 2, torch.uint8)
        scales = (2 * self._groups, torch.bfloat16)
        return (codes, codes, scales, scales)

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        turn = self._turn
        with own_products(q):
            turned = q @ turn, k @ turn, v @ turn
        mixed = super().attend(layer, *turned).view(q.shape)
        with own_products(q):
            return (mixed @ turn).flatten(-2)

    def _write(self, layer: int, start: int, k: Tensor, v: Tensor) -> None:
        end = start + k.shape[0]
        for plane, x in enumerate((k, v)):
            grouped = self._grouped(x.transpose(0, 1)).float()
            low, high = grouped.aminmax(dim=-1)
            low = low.bfloat16()
            scale = ((high - low) / 15).clamp_min(SMALLEST).bfloat16()
            codes = ((grouped - low[..., None]) / scale[..., None]).round_().clamp_(0, 15)
            first, second = codes.flatten(-2).to(torch.uint8).chunk(2, dim=-1)
            self.planes[plane][layer][:, start:end] = first | (second << 4)
            self.planes[plane + 2][layer][:, start:end] = torch.cat((scale, low), dim=-1)

    def _read(self, layer: int, start: int, end: int) -> tuple[Tensor, Tensor]:
        read = []
        for plane in (0, 1):
            packed = self.planes[plane][layer][:, start:end]
            scales = self.planes[plane + 2][layer][:, start:end, :, None].to(self._like.dtype)
            scale, low = scales.chunk(2, dim=2)
            codes = self._like.new_empty((*packed.shape[:2], self._shape.head_dim))
            first, second = codes.chunk(2, dim=-1)
            first.copy_(packed & 15)
            second.copy_(packed >> 4)
            read.append(self._grouped(codes).mul_(scale).add_(low).flatten(-2))
        return read[0], read[1]


def hadamard(size: int) -> Tensor:
    """(size, size), orthogonal and its own inverse; by blocks where size is no power of two."""
    block = size & -size
    matrix = torch.ones(1, 1)
    while matrix.shape[0] < block:
        matrix = torch.cat((torch.cat((matrix, matrix), 1), torch.cat((matrix, -matrix), 1)))
    return torch.kron(torch.eye(size // block), matrix / math.sqrt(block))
