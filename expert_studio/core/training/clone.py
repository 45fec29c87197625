"""A run once more: the same recipe and rows, or a changed one, as a new run or in its place.

Knows nothing of tensors.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from expert_studio.core.errors import StorageError, TrainingError
from expert_studio.core.settings import Folders
from expert_studio.core.training import launch
from expert_studio.core.training.events import Started
from expert_studio.core.training.own_tests import tests_of
from expert_studio.core.training.recipe import DatasetPart, Recipe, write_recipe
from expert_studio.core.training.run_folder import RunFolder
from expert_studio.core.training.smaller import Smaller, smaller


def clone(
    run: RunFolder, folders: Folders, recipe: Recipe | None = None, corpus: Path | None = None
) -> RunFolder:
    """Sets up a run by this one's recipe, or by a changed one; it is not started.

    Where the change leaves the rows alone they are copied, so that the datasets may be gone.

    Raises:
        DatasetError, LibraryError, CompatibilityError: as `launch.prepare`.
        StorageError: the disk refuses.
    """
    known = run.recipe
    wanted = recipe or known
    if _what_makes_rows(wanted) != _what_makes_rows(known):
        return launch.prepare(wanted, folders, origin_of(run), corpus)
    if (wanted.base, wanted.dependencies, wanted.start) != (
        known.base,
        known.dependencies,
        known.start,
    ):
        return launch.prepare(wanted, folders, origin_of(run), corpus)
    again = RunFolder.create(folders.runs, wanted, run.places)
    try:
        shutil.copytree(run.data_folder, again.data_folder, dirs_exist_ok=True)
    except OSError as cause:
        shutil.rmtree(again.path, ignore_errors=True)
        raise StorageError(
            f"The rows of {run.identifier} could not be copied.",
            f"{getattr(cause, 'strerror', None) or cause}.",
            "Free some space.",
        ) from cause
    return again


def recipe_file(run: RunFolder, path: Path) -> Recipe:
    """Writes the run's recipe as a file to be changed; its datasets are found from there too.

    Raises:
        StorageError: it cannot be written.
    """
    origin, recipe, folder = origin_of(run), run.recipe, path.resolve().parent
    tests = tests_of(recipe, origin)
    watched = {"test_cases": _from(folder, tests) if tests is not None else ""}
    changed = recipe.model_copy(
        update={
            "datasets": tuple(_seen_from(folder, origin, part) for part in recipe.datasets),
            "watching": recipe.watching.model_copy(update=watched),
        }
    )
    write_recipe(changed, path)
    return changed


def what_to_change(run: RunFolder) -> Smaller | None:
    """Settings that take less memory than those the run ended with; None: none are left."""
    started = [event for event in run.events() if isinstance(event, Started)]
    return smaller(run.recipe, bool(started) and started[-1].device.startswith("cuda"))


def retry(run: RunFolder, folders: Folders) -> RunFolder:
    """Starts a run that had no room once more, with smaller settings.

    It goes on from its checkpoint where the change lets each step read the same rows, else
    a new run begins. Returns the run that was started.

    Raises:
        TrainingError: it is going on or finished, or nothing is left to make smaller.
        CompatibilityError: a dependency was changed since.
        StorageError: the disk refuses.
    """
    if run.state().status in ("running", "paused", "finished"):
        raise TrainingError(f"There is nothing to retry: {run.identifier} is {run.state().status}.")
    change = what_to_change(run)
    if change is None:
        raise TrainingError(
            f"{run.identifier} cannot be made smaller.",
            "Batch, length and rank are at their least.",
            "Train on a smaller base, or on a machine with more memory.",
        )
    if run.checkpoint() is not None and not change.same_order:
        again = clone(run, folders, change.recipe)
        launch.resume(again)
        return again
    write_recipe(change.recipe, run.recipe_path)
    launch.resume(run)
    return run


def origin_of(run: RunFolder) -> Path:
    """The folder that the recipe's dataset paths count from; the run's own where it is unknown."""
    said = run.places.origin_folder
    return Path(said) if said else run.path


def _what_makes_rows(recipe: Recipe) -> tuple[object, ...]:
    watching = recipe.watching
    asked = watching.test_cases, bool(watching.test_every)
    return recipe.datasets, recipe.method, recipe.seed, watching.eval_rows, asked


def _seen_from(folder: Path, origin: Path, part: DatasetPart) -> DatasetPart:
    held_out = _from(folder, origin / part.held_out) if part.held_out else ""
    path = _from(folder, origin / part.path)
    return part.model_copy(update={"path": path, "held_out": held_out})


def _from(folder: Path, path: Path) -> str:
    whole = path.resolve()
    return (whole.relative_to(folder) if whole.is_relative_to(folder) else whole).as_posix()
