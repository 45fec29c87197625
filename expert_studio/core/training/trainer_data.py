"""A run's rows as the trainer reads them: tokens, in reading order, packed or in pairs.

Knows nothing of models or of losses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import datasets
import torch
from torch import Tensor

from expert_studio.core.datasets.examples import Example, read_examples
from expert_studio.core.errors import TrainingError
from expert_studio.core.training.batch_plan import (
    packed_epoch,
    packed_order,
    row_order,
    total_steps,
)
from expert_studio.core.training.recipe import Recipe
from expert_studio.core.training.rows import read_pairs
from expert_studio.core.training.run_folder import RunFolder
from expert_studio.core.training.trainer_rows import (
    IGNORED_LABEL,
    PackedRow,
    PairRow,
    TokenRow,
    packed_row,
    pair_rows,
    token_rows,
)

PADDING_TOKENS = 32  # few distinct shapes: CPU kernels are made anew for each
Collator = Callable[[list[dict[str, Any]]], dict[str, Tensor]]


@dataclass(frozen=True, slots=True)
class RunRows:
    """What one run reads.

    Attributes:
        train: in reading order for all `steps`; validation: None where nothing is set aside.
        learned, watched: rows (pairs, in DPO) of either; dropped: left out as too long.
        steps_per_epoch: optimiser steps in which each row is read once, as a fraction.
        collator: None: the trainer's own.
    """

    train: datasets.Dataset
    validation: datasets.Dataset | None
    learned: int
    watched: int
    dropped: int
    steps: int
    steps_per_epoch: float
    collator: Collator | None = None


def read_rows(run: RunFolder, recipe: Recipe, tokenizer: Any) -> RunRows:
    """Reads and tokenizes the run's data folder.

    Raises:
        TrainingError: nothing is left to learn from, or the base has no usable template.
        DatasetError: a row cannot be used.
    """
    if recipe.method == "dpo":
        return _pairs(run, recipe, tokenizer)
    batches = recipe.batches
    (train, dropped), (watched, dropped_too) = (
        token_rows(read_examples(path), tokenizer, batches.max_length, batches.completion_only)
        for path in (run.train_path, run.validation_path)
    )
    _check_some(train, dropped, recipe)
    if batches.packing:
        return _packed(recipe, train, watched, dropped + dropped_too, tokenizer.pad_token_id)
    return _in_order(recipe, train, watched, dropped + dropped_too, _singles)


def watched_examples(run: RunFolder, recipe: Recipe) -> tuple[Example, ...]:
    """The first rows set aside, for answers on the way; none where pairs are learned from."""
    if recipe.method == "dpo":
        return ()
    return tuple(islice(read_examples(run.validation_path), recipe.watching.test_rows))


def _pairs(run: RunFolder, recipe: Recipe, tokenizer: Any) -> RunRows:
    (train, dropped), (watched, dropped_too) = (
        pair_rows(read_pairs(path), tokenizer, recipe.batches.max_length)
        for path in (run.train_path, run.validation_path)
    )
    _check_some(train, dropped, recipe)
    return _in_order(recipe, train, watched, dropped + dropped_too, _doubles)


def _check_some(rows: Sequence[object], dropped: int, recipe: Recipe) -> None:
    if not rows:
        most = recipe.batches.max_length
        raise TrainingError(
            "There is nothing to learn from.",
            f"All {dropped} rows are longer than {most} tokens."
            if dropped
            else "The datasets hold no rows.",
            "Raise max_length or give other data.",
        )


def _in_order(
    recipe: Recipe,
    train: Sequence[TokenRow] | Sequence[PairRow],
    watched: Sequence[TokenRow] | Sequence[PairRow],
    dropped: int,
    dataset: Callable[[Sequence[Any]], datasets.Dataset],
) -> RunRows:
    batches, schedule = recipe.batches, recipe.schedule
    per_step = batches.batch_size * batches.accumulation * recipe.processes
    steps = total_steps(len(train), schedule.epochs, per_step, schedule.max_steps)
    lengths = [_length(row) for row in train]
    order = row_order(lengths, steps, per_step, recipe.seed, batches.group_by_length)
    return RunRows(
        train=dataset(train).select(order),
        validation=dataset(watched) if watched else None,
        learned=len(train),
        watched=len(watched),
        dropped=dropped,
        steps=steps,
        steps_per_epoch=len(train) / per_step,
    )


def _packed(
    recipe: Recipe,
    train: Sequence[TokenRow],
    watched: Sequence[TokenRow],
    dropped: int,
    padding: int,
) -> RunRows:
    batches, schedule = recipe.batches, recipe.schedule
    per_step = batches.batch_size * batches.accumulation * recipe.processes
    lengths = [_length(row) for row in train]
    in_epoch = len(packed_epoch(lengths, batches.max_length, recipe.seed))
    steps = total_steps(in_epoch, schedule.epochs, per_step, schedule.max_steps)
    order = packed_order(lengths, steps * per_step, batches.max_length, recipe.seed)
    return RunRows(
        train=_sequences([packed_row([train[i] for i in numbers]) for numbers in order]),
        validation=_sequences([packed_row([row]) for row in watched]) if watched else None,
        learned=len(train),
        watched=len(watched),
        dropped=dropped,
        steps=steps,
        steps_per_epoch=in_epoch / per_step,
        collator=lambda rows: padded(rows, padding),
    )


def padded(rows: Sequence[dict[str, Any]], padding: int) -> dict[str, Tensor]:
    """Packed rows as one batch, (rows, tokens) each.

    There is no attention mask: transformers keeps apart what `position_ids` begin anew, and
    the padding, whose positions stay 0, from all else.
    """
    longest = max(len(row["input_ids"]) for row in rows)
    width = -(-longest // PADDING_TOKENS) * PADDING_TOKENS
    filled = {"input_ids": padding, "labels": IGNORED_LABEL, "position_ids": 0}
    return {
        name: torch.tensor([row[name] + [value] * (width - len(row[name])) for row in rows])
        for name, value in filled.items()
    }


def _length(row: TokenRow | PairRow) -> int:
    if isinstance(row, TokenRow):
        return len(row.input_ids)
    return len(row.prompt_ids) + max(len(row.chosen_ids), len(row.rejected_ids))


def _singles(rows: Sequence[TokenRow]) -> datasets.Dataset:
    return datasets.Dataset.from_dict(
        {
            "input_ids": [row.input_ids for row in rows],
            "labels": [row.labels for row in rows],
        }
    )


def _doubles(rows: Sequence[PairRow]) -> datasets.Dataset:
    return datasets.Dataset.from_dict(
        {
            "prompt_ids": [row.prompt_ids for row in rows],
            "chosen_ids": [row.chosen_ids for row in rows],
            "rejected_ids": [row.rejected_ids for row in rows],
        }
    )


def _sequences(rows: Sequence[PackedRow]) -> datasets.Dataset:
    return datasets.Dataset.from_dict(
        {
            "input_ids": [row.input_ids for row in rows],
            "labels": [row.labels for row in rows],
            "position_ids": [row.position_ids for row in rows],
        }
    )
