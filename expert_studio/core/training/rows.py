"""The rows of one run, written into its folder once: train, validation, held-out.

From then on the run needs its datasets no more, and a resumed one reads the same rows.
Knows nothing of tokens.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

from expert_studio.core.datasets.dataset_recipe import (
    DatasetRecipe,
    build,
    build_pairs,
    read_dataset_recipe,
)
from expert_studio.core.datasets.examples import (
    Example,
    as_row,
    numbered_lines,
    read_examples,
    write_json_lines,
)
from expert_studio.core.datasets.preference import (
    PreferencePair,
    chosen_example,
    is_preference,
    parse_preference,
)
from expert_studio.core.datasets.row_body import row_of
from expert_studio.core.errors import DatasetError
from expert_studio.core.training.recipe import DatasetPart, Recipe
from expert_studio.core.training.run_folder import RunFolder

Row = Example | PreferencePair
MOST_HELD_OUT = 400  # rows of a plain file that are kept for the final score


@dataclass(frozen=True, slots=True)
class RowSplits:
    """The rows of a run: examples where it learns by SFT, pairs where by DPO."""

    train: tuple[Row, ...]
    validation: tuple[Row, ...]
    held_out: tuple[Row, ...]


def gather_rows(recipe: Recipe, beside: Path, corpus: Path | None) -> RowSplits:
    """Reads or makes the recipe's rows.

    Raises:
        DatasetError: a dataset is missing, changed, or holds a row that cannot be used.
    """
    train: list[Row] = []
    validation: list[Row] = []
    held_out: list[Row] = []
    for part in recipe.datasets:
        splits = _splits(part, recipe, beside, corpus)
        train += _weighted(splits.train, part.weight, recipe.seed)
        validation += splits.validation
        held_out += splits.held_out
    watched = validation[: recipe.watching.eval_rows]
    return RowSplits(tuple(train), tuple(watched), tuple(held_out))


def write_rows(run: RunFolder, rows: RowSplits) -> None:
    """Writes the rows into the run's data folder. Raises StorageError."""
    for path, split in (
        (run.train_path, rows.train),
        (run.validation_path, rows.validation),
        (run.held_out_path, rows.held_out),
    ):
        write_json_lines(path, (_as_json(row) for row in split))


def read_pairs(path: Path) -> Iterator[PreferencePair]:
    """The preference pairs of a `.jsonl` or `.jsonl.xz` file, in its order.

    Raises:
        DatasetError: the file cannot be read, or a line is no pair; the line is named.
    """
    for number, line in numbered_lines(path):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            if not (isinstance(row, dict) and is_preference(row)):
                raise ValueError("It is no preference pair, and DPO learns from pairs alone")
            pair = parse_preference(row)
        except (ValueError, RecursionError, DatasetError) as cause:
            why = cause.why if isinstance(cause, DatasetError) else f"{cause}."
            raise DatasetError(
                f"Line {number} of {path.name} cannot be used.",
                why,
                "Give rows with prompt, chosen and rejected.",
            ) from cause
        yield pair if pair.identifier else replace(pair, identifier=f"{path.stem}-{number}")


def answers_to_score(path: Path, method: str) -> Iterator[Example]:
    """A run's rows as prompts with the answer that is right: of a pair, the chosen one.

    What a DPO run is scored on may be pairs or answers.

    Raises:
        DatasetError: the file cannot be read.
    """
    if method != "dpo" or not _holds_pairs(path):
        yield from read_examples(path)
        return
    yield from map(chosen_example, read_pairs(path))


def _holds_pairs(path: Path) -> bool:
    """By its first row; also where there is none."""
    first = next((line for _, line in numbered_lines(path) if line.strip()), "{}")
    try:
        row = json.loads(first)
    except ValueError:
        return True  # whoever reads pairs says which line is none
    return not row or is_preference(row)


def _as_json(row: Row) -> dict[str, Any]:
    return as_row(row) if isinstance(row, Example) else row_of(row)[1]


def _splits(part: DatasetPart, recipe: Recipe, beside: Path, corpus: Path | None) -> RowSplits:
    path = beside / part.path
    _check_hash(part, beside)
    if path.suffix == ".json":
        splits = _made(read_dataset_recipe(path), recipe, corpus)
        if not part.held_out:
            return splits
        scored = build(read_dataset_recipe(beside / part.held_out), corpus)
        return replace(splits, held_out=scored.held_out)
    read = read_pairs if recipe.method == "dpo" else read_examples
    splits = _set_aside(
        tuple(read(path)), recipe.watching.eval_rows, recipe.seed, not part.held_out
    )
    if not part.held_out:
        return splits
    return replace(splits, held_out=tuple(read(beside / part.held_out)))


def _made(dataset: DatasetRecipe, recipe: Recipe, corpus: Path | None) -> RowSplits:
    """The dataset's rows as what the method learns from: answers, or pairs of them."""
    if recipe.method == "dpo":
        pairs = build_pairs(dataset, corpus)
        return RowSplits(pairs.train, pairs.validation, pairs.held_out)
    made = build(dataset, corpus)
    return RowSplits(made.train, made.validation, made.held_out)


def dataset_sha256(name: str, beside: Path) -> str:
    """SHA-256 of a file in the recipe's folder. Raises DatasetError where it cannot be read."""
    try:
        with (beside / name).open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as cause:
        raise DatasetError(
            f"The dataset {name} cannot be read.",
            f"{cause.strerror or cause}.",
            "Dataset paths count from the folder of the recipe.",
        ) from cause


def _check_hash(part: DatasetPart, beside: Path) -> None:
    if part.sha256 and dataset_sha256(part.path, beside) != part.sha256:
        raise DatasetError(
            f"The dataset {part.path} is not the one the recipe was made with.",
            "Its SHA-256 differs.",
            "Use that file, or clear the dataset's sha256 in the recipe.",
        )


def _set_aside(rows: Sequence[Row], eval_rows: int, seed: int, hold_out: bool) -> RowSplits:
    """A plain file's rows, drawn at random: a tenth at most watches the loss, a tenth is held out.

    What is held out is scored once, when all is learned; a file of a few rows spares none, and
    one that has its held-out rows beside it (`hold_out` false) need not.
    """
    tenth = len(rows) // 10
    drawn = Random(f"validation-{seed}").sample(range(len(rows)), 2 * tenth)
    watched = set(drawn[: min(eval_rows, tenth)])
    held_out = set(drawn[tenth:][:MOST_HELD_OUT]) if hold_out else set()
    train = (row for i, row in enumerate(rows) if i not in watched and i not in held_out)
    return RowSplits(
        tuple(train),
        tuple(row for i, row in enumerate(rows) if i in watched),
        tuple(row for i, row in enumerate(rows) if i in held_out),
    )


def _weighted(rows: Sequence[Row], weight: float, seed: int) -> list[Row]:
    whole, part = divmod(weight, 1.0)
    chosen = list(rows) * int(whole)
    return chosen + Random(f"weight-{seed}").sample(rows, round(len(rows) * part))
