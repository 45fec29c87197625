"""Which row is read when, for a whole run, decided before its first step.

The order follows from lengths, seed and settings alone, so that a resumed run reads on
exactly where an unbroken one would. Knows nothing of tokens or tensors.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random

# Rows are sorted by length inside groups of this many batches: wide enough to save
# padding, narrow enough that an epoch still mixes short and long batches.
GROUPED_BATCHES = 24
PACKED_WINDOW = 512  # rows that are packed together


def total_steps(rows: int, epochs: float, rows_per_step: int, max_steps: int | None) -> int:
    """Optimiser steps of a run; max_steps overrides epochs."""
    return max_steps or max(1, math.ceil(rows * epochs / rows_per_step))


def row_order(
    lengths: Sequence[int], steps: int, rows_per_step: int, seed: int, group_by_length: bool
) -> list[int]:
    """Row numbers in reading order, exactly steps x rows_per_step of them.

    Every epoch reads each row once, in its own shuffled order. With `group_by_length`
    rows of like length stand in one step, and the steps are shuffled again.
    """
    order: list[int] = []
    epoch = 0
    while len(order) < steps * rows_per_step:
        chance = Random(f"order-{seed}-{epoch}")
        rows = list(range(len(lengths)))
        chance.shuffle(rows)
        order += _grouped(rows, lengths, rows_per_step, chance) if group_by_length else rows
        epoch += 1
    return order[: steps * rows_per_step]


def packed_order(
    lengths: Sequence[int], sequences: int, max_length: int, seed: int
) -> list[tuple[int, ...]]:
    """Row numbers of each packed sequence, `sequences` of them, in reading order.

    Every epoch packs each row once. Within a window of the epoch's shuffled rows each goes,
    longest first, into the fullest sequence that still has room for it (best fit decreasing).
    """
    order: list[tuple[int, ...]] = []
    epoch = 0
    while len(order) < sequences:
        order += packed_epoch(lengths, max_length, seed, epoch)
        epoch += 1
    return order[:sequences]


def packed_epoch(
    lengths: Sequence[int], max_length: int, seed: int, epoch: int = 0
) -> list[tuple[int, ...]]:
    """One epoch of `packed_order`."""
    chance = Random(f"packing-{seed}-{epoch}")
    rows = list(range(len(lengths)))
    chance.shuffle(rows)
    order: list[tuple[int, ...]] = []
    for start in range(0, len(rows), PACKED_WINDOW):
        window = rows[start : start + PACKED_WINDOW]
        bins: list[tuple[int, list[int]]] = []  # (tokens, rows)
        for row in sorted(window, key=lambda number: lengths[number], reverse=True):
            fits = [i for i, (held, _) in enumerate(bins) if held + lengths[row] <= max_length]
            best = max(fits, key=lambda i: bins[i][0], default=None)
            if best is None:
                bins.append((lengths[row], [row]))
            else:
                held, packed = bins[best]
                bins[best] = (held + lengths[row], [*packed, row])
        order += [tuple(packed) for _, packed in bins]
    chance.shuffle(order)
    return order


def _grouped(
    rows: list[int], lengths: Sequence[int], rows_per_step: int, chance: Random
) -> list[int]:
    reach = GROUPED_BATCHES * rows_per_step
    batches: list[list[int]] = []
    for start in range(0, len(rows), reach):
        near = sorted(rows[start : start + reach], key=lambda row: lengths[row], reverse=True)
        batches += [near[i : i + rows_per_step] for i in range(0, len(near), rows_per_step)]
    whole = [batch for batch in batches if len(batch) == rows_per_step]
    chance.shuffle(whole)
    # A short batch stays last, so that steps do not straddle groups.
    short = [row for batch in batches if len(batch) < rows_per_step for row in batch]
    return [row for batch in whole for row in batch] + short
