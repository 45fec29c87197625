"""Attention of the next tokens over all that came before, with grouped heads.

Knows nothing of how keys and values are kept.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def attend(q: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None) -> Tensor:
    """What each query mixes of the values.

    Args:
        q: (tokens, heads, head_dim), of the last positions of keys.
        keys, values: (kv_heads, positions, head_dim).
        mask: `visible` of these tokens.

    Returns:
        (tokens, heads * head_dim).
    """
    tokens, heads, head_dim = q.shape
    kv_heads = keys.shape[0]
    if tokens == 1:  # the heads that share a key head become its rows: no copies of keys
        rows = q.view(1, kv_heads, heads // kv_heads, head_dim)
        mixed = F.scaled_dot_product_attention(rows, keys[None], values[None])
        return mixed.view(1, heads * head_dim)
    in_place = keys.device.type == "cpu"  # elsewhere a mask and grouped heads have no fast kernel
    if not in_place:
        keys = keys.repeat_interleave(heads // kv_heads, dim=0)
        values = values.repeat_interleave(heads // kv_heads, dim=0)
    mixed = F.scaled_dot_product_attention(
        q.transpose(0, 1)[None],
        keys[None],
        values[None],
        attn_mask=mask,
        is_causal=mask is None,
        enable_gqa=in_place and heads != kv_heads,
    )  # (1, heads, tokens, head_dim)
    return mixed[0].transpose(0, 1).reshape(tokens, heads * head_dim)


def visible(start: int, tokens: int, device: torch.device) -> Tensor | None:
    """(tokens, positions) of what each of the next tokens may see, itself included.

    None where plain causal attention or a single token needs no mask.
    """
    if start == 0 or tokens == 1:
        return None
    positions = torch.arange(start + tokens, device=device)
    return positions[None, :] <= positions[start:, None]
