"""The expert's own tests that a run asks on the way: where they lie, and their copy in the run.

Copied once, so that a resumed run asks the same ones. Knows nothing of models or of scores.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from expert_studio.core.datasets.examples import Example
from expert_studio.core.errors import DatasetError, StorageError
from expert_studio.core.experts.library import TESTS_FILE
from expert_studio.core.training.evaluation_rows import read_test_cases
from expert_studio.core.training.recipe import Recipe
from expert_studio.core.training.run_folder import RunFolder


def tests_of(recipe: Recipe, beside: Path) -> Path | None:
    """The file of the tests a run by this recipe is to ask; None: rows set aside are asked.

    That is the one the recipe names, else the one beside the recipe; none where nothing is
    asked on the way.
    """
    watching = recipe.watching
    if watching.test_cases:
        return beside / watching.test_cases
    usual = beside / TESTS_FILE
    return usual if watching.test_every and usual.is_file() else None


def bring_tests(recipe: Recipe, beside: Path, run: RunFolder) -> None:
    """Copies the tests into the run's folder, once they were read.

    Raises:
        DatasetError: they cannot be read, or hold no case.
        StorageError: the disk refuses.
    """
    path = tests_of(recipe, beside)
    if path is None:
        return
    if not read_test_cases(path):
        raise DatasetError(f"{path.name} holds no test case.", "", "Give a file with cases.")
    try:
        shutil.copyfile(path, run.tests_path)
    except OSError as cause:
        raise StorageError(
            f"The test cases could not be copied to {run.tests_path}.",
            f"{cause.strerror or cause}.",
            "Free some space or allow writing there.",
        ) from cause


def own_tests(run: RunFolder) -> tuple[Example, ...]:
    """The tests the run brought; () where it brought none. Raises DatasetError."""
    return read_test_cases(run.tests_path) if run.tests_path.is_file() else ()
