"""Where in the text a query or key stands: rotary tables, plain or stretched for long context.

YaRN after arXiv 2309.00071 in the convention of Qwen's releases and of transformers
(`_compute_yarn_parameters`), whose tables these equal. Knows nothing of layers.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from expert_studio.core.inference.decoder_shape import DecoderShape
from expert_studio.core.inference.rope_scaling import RopeScaling

GROWTH_TOKENS = 1024


class Rotation:
    """cos and sin of every position read so far, computed in fp32, kept as the base computes."""

    def __init__(self, shape: DecoderShape, scaling: RopeScaling | None, like: Tensor) -> None:
        """like: a tensor of the type and device that the base computes in."""
        self._shape = shape
        self._scaling = scaling
        self.like = like
        self._cos, self._sin = self._tables(0)

    def rows(self, start: int, end: int) -> tuple[Tensor, Tensor]:
        """cos and sin of the positions from start to end, each (positions, 1, head_dim)."""
        self._reach(end)
        return self._cos[start:end], self._sin[start:end]

    def _reach(self, end: int) -> None:
        if end > self._cos.shape[0]:
            wanted = max(end, self._cos.shape[0] * 3 // 2)
            self._cos, self._sin = self._tables(-(-wanted // GROWTH_TOKENS) * GROWTH_TOKENS)

    def _tables(self, positions: int) -> tuple[Tensor, Tensor]:
        """sin's first half is negated: rotating by halves is then one roll, no concatenation."""
        frequencies, factor = frequencies_and_factor(self._shape, self._scaling)
        angles = torch.arange(positions, dtype=torch.float32)[:, None] * frequencies
        cos, sin = angles.cos() * factor, angles.sin() * factor
        tables = torch.cat((cos, cos), dim=-1), torch.cat((-sin, sin), dim=-1)
        return tables[0][:, None].to(self.like), tables[1][:, None].to(self.like)


def frequencies_and_factor(
    shape: DecoderShape, scaling: RopeScaling | None
) -> tuple[Tensor, float]:
    """(head_dim / 2,) radians a position, and what cos and sin are multiplied by."""
    half = torch.arange(0, shape.head_dim, 2, dtype=torch.float32)
    frequencies = 1.0 / (shape.rope_theta ** (half / shape.head_dim))
    if scaling is None:
        return frequencies, 1.0
    if scaling.kind == "linear":
        return frequencies / scaling.factor, 1.0
    kept = _kept(shape, scaling)
    return frequencies / scaling.factor * (1 - kept) + frequencies * kept, scaling.attention


def _kept(shape: DecoderShape, scaling: RopeScaling) -> Tensor:
    """(head_dim / 2,): 1 where a frequency turns often within the original context, 0 where
    rarely, and between them a ramp."""

    def dimension(turns: float) -> float:
        """The dimension that makes so many turns within the original context."""
        positions = scaling.original_context
        inner = math.log(positions / (turns * 2 * math.pi))
        return shape.head_dim * inner / (2 * math.log(shape.rope_theta))

    low, high = dimension(scaling.beta_fast), dimension(scaling.beta_slow)
    if scaling.truncate:
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, shape.head_dim - 1)
    span = high - low if high != low else 0.001
    steps = torch.arange(shape.head_dim // 2, dtype=torch.float32)
    return 1 - ((steps - low) / span).clamp(0, 1)
