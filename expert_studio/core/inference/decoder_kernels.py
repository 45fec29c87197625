"""Keeps the kernels few that oneDNN makes and never gives back.

On processors with bf16 arithmetic every number of tokens gets a matrix kernel of its own, half a
megabyte each, and every length of a text an attention kernel of 60 KB: chats of many lengths
took hundreds of megabytes. Knows nothing of weights or caches.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

ROWS = 32  # numbers of tokens are brought to multiples of it: eight kernels for a piece of 256
KEPT = 64  # kernels; a prompt wants about twenty, a missing one takes two milliseconds
FEW_POSITIONS = 1024  # up to here torch's own attention is as fast; far beyond, oneDNN's by a third


def whole_rows(x: Tensor) -> Tensor:
    """x: (tokens, in). The same with rows of zeros below, where products would want kernels.

    What is multiplied keeps its rows: take the first `tokens` of it.
    """
    over = -x.shape[0] % ROWS
    if x.shape[0] == 1 or not over or not makes_kernels(x):
        return x
    return F.pad(x, (0, 0, 0, over))


def own_attention(q: Tensor, positions: int) -> AbstractContextManager[None]:
    """While it lasts torch's own attention is used, where that costs nothing.

    q: (tokens, heads, head_dim). Not for two threads at once: the switch is the process's.
    """
    if q.shape[0] == 1 or positions > FEW_POSITIONS or not makes_kernels(q):
        return nullcontext()
    return _without_onednn()


def own_products(x: Tensor) -> AbstractContextManager[None]:
    """While it lasts small products of what has this type are torch's own. As `own_attention`."""
    return _without_onednn() if makes_kernels(x) else nullcontext()


def keep_few() -> None:
    """Has oneDNN drop the kernels it used least; before the first product of this process."""
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", str(KEPT))


def makes_kernels(x: Tensor) -> bool:
    """Whether oneDNN multiplies what has this type, where it lies."""
    return x.dtype == torch.bfloat16 and x.device.type == "cpu" and bf16_arithmetic()


@cache
def bf16_arithmetic() -> bool:
    """Whether this processor multiplies bf16 itself."""
    has: bool = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return has


@contextmanager
def _without_onednn() -> Iterator[None]:
    before = torch._C._get_mkldnn_enabled()
    torch._C._set_mkldnn_enabled(False)
    try:
        yield
    finally:
        torch._C._set_mkldnn_enabled(before)
