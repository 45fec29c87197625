"""Attention of the next tokens over all that came before, with grouped heads.

Knows nothing of how keys and values are kept.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from expert_studio.core.inference.decoder_kernels import own_attention


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
    with own_attention(q, keys.shape[1]):
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


def attend_blocks(
    q: Tensor, block: Callable[[int, int], tuple[Tensor, Tensor]], positions: int, size: int
) -> Tensor:
    """As `attend` on a CPU, over keys and values that are made a block at a time.

    Each block's share is weighed by its sum of exponentials, as in FlashAttention.

    Args:
        q: (tokens, heads, head_dim), of the last positions.
        block: gives keys and values, each (kv_heads, stop - start, head_dim), of start to stop.
        positions: of all keys.
        size: positions in a block.
    """
    tokens, heads, head_dim = q.shape
    before = positions - tokens if tokens > 1 else positions  # these every token sees
    mixed: Tensor | None = None
    logsum: Tensor | None = None
    rows = None
    for start in range(0, before, size):
        keys, values = block(start, min(start + size, before))
        if rows is None:
            grouped = q.reshape(tokens, keys.shape[0], -1, head_dim).permute(1, 2, 0, 3)
            rows = grouped.flatten(1, 2)[None]
        part, share = _flash(rows, keys[None], values[None], 0.0, False)
        part = part.float()
        if mixed is None or logsum is None:
            mixed, logsum = part, share
            continue
        mixed = mixed.lerp_(part, torch.sigmoid(share - logsum)[..., None])
        logsum = torch.logaddexp(logsum, share)
    if mixed is not None:  # (1, kv_heads, group * tokens, head_dim)
        mixed = mixed.view(1, heads, tokens, head_dim)
        logsum = logsum.reshape(1, heads, tokens) if logsum is not None else None
    if tokens > 1:
        keys, values = block(before, positions)
        group = heads // keys.shape[0]
        keys = keys.repeat_interleave(group, dim=0)[None]
        values = values.repeat_interleave(group, dim=0)[None]
        part, share = _flash(q.transpose(0, 1)[None], keys, values, 0.0, True)
        if mixed is None or logsum is None:
            mixed = part
        else:
            mixed = mixed.lerp_(part.float(), torch.sigmoid(share - logsum)[..., None])
    if mixed is None:
        raise ValueError("There is no position to look at.")
    return mixed[0].transpose(0, 1).reshape(tokens, heads * head_dim).to(q.dtype)


_flash = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
