"""The rows of one run, written into its folder once: train, validation, held-out.

From then on the run needs its datasets no more, and a resumed one reads the same rows.
Knows nothing of tokens.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from random import Random

from expert_studio.core.datasets.dataset_recipe import Splits, build, read_dataset_recipe
from expert_studio.core.datasets.examples import Example, read_examples, write_examples
from expert_studio.core.errors import DatasetError
from expert_studio.core.training.recipe import DatasetPart, Recipe
from expert_studio.core.training.run_folder import RunFolder


def gather_rows(recipe: Recipe, beside: Path, corpus: Path | None) -> Splits:
    """Reads or makes the recipe's examples.

    Raises:
        DatasetError: a dataset is missing, changed, or holds a row that cannot be used.
    """
    train: list[Example] = []
    validation: list[Example] = []
    held_out: list[Example] = []
    for part in recipe.datasets:
        splits = _splits(part, recipe, beside, corpus)
        train += _weighted(splits.train, part.weight, recipe.seed)
        validation += splits.validation
        held_out += splits.held_out
    watched = validation[: recipe.watching.eval_rows]
    return Splits(tuple(train), tuple(watched), tuple(held_out))


def write_rows(run: RunFolder, rows: Splits) -> None:
    """Writes the rows into the run's data folder. Raises StorageError."""
    write_examples(run.train_path, rows.train)
    write_examples(run.validation_path, rows.validation)
    write_examples(run.held_out_path, rows.held_out)


def _splits(part: DatasetPart, recipe: Recipe, beside: Path, corpus: Path | None) -> Splits:
    path = beside / part.path
    _check_hash(part, beside)
    if path.suffix == ".json":
        return build(read_dataset_recipe(path), corpus)
    return _set_aside(tuple(read_examples(path)), recipe.watching.eval_rows, recipe.seed)


def dataset_sha256(part: DatasetPart, beside: Path) -> str:
    """SHA-256 of a dataset's file. Raises DatasetError where it cannot be read."""
    try:
        with (beside / part.path).open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as cause:
        raise DatasetError(
            f"The dataset {part.path} cannot be read.",
            f"{cause.strerror or cause}.",
            "Dataset paths count from the folder of the recipe.",
        ) from cause


def _check_hash(part: DatasetPart, beside: Path) -> None:
    if part.sha256 and dataset_sha256(part, beside) != part.sha256:
        raise DatasetError(
            f"The dataset {part.path} is not the one the recipe was made with.",
            "Its SHA-256 differs.",
            "Use that file, or clear the dataset's sha256 in the recipe.",
        )


def _set_aside(examples: tuple[Example, ...], eval_rows: int, seed: int) -> Splits:
    """A tenth of a plain file at most, drawn at random, watches the loss."""
    aside = min(eval_rows, len(examples) // 10)
    numbers = set(Random(f"validation-{seed}").sample(range(len(examples)), aside))
    train = tuple(e for i, e in enumerate(examples) if i not in numbers)
    return Splits(train, tuple(e for i, e in enumerate(examples) if i in numbers), ())


def _weighted(examples: tuple[Example, ...], weight: float, seed: int) -> list[Example]:
    whole, part = divmod(weight, 1.0)
    chosen = list(examples) * int(whole)
    return chosen + Random(f"weight-{seed}").sample(examples, round(len(examples) * part))
