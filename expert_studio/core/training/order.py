"""What a person orders in the wizard, as files from which a run can be repeated.

A folder of its own below `recipes/`: `recipe.json`, the rows it learns from, and those kept
for the final score. `expert-cli train --recipe` of that file repeats the run to the letter.
Knows nothing of tensors or of Qt.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from expert_studio.core.errors import StorageError
from expert_studio.core.experts.library import TESTS_FILE
from expert_studio.core.settings import Folders
from expert_studio.core.training import launch, queue
from expert_studio.core.training.data_source import READ_AS_IT_IS, DataSource, bring
from expert_studio.core.training.evaluation_rows import read_test_cases
from expert_studio.core.training.recipe import DatasetPart, Recipe, parse_recipe, write_recipe
from expert_studio.core.training.rows import dataset_sha256
from expert_studio.core.training.run_folder import RunFolder

ROWS_FILE = "rows.jsonl"
HELD_OUT = "held-out-"  # before the name of the file whose rows they are kept from


def place_order(said: Mapping[str, Any], sources: Sequence[DataSource], folders: Folders) -> Path:
    """Writes recipe and rows, each source as a file of its own; returns the recipe's path.

    `said` is a recipe as JSON whose `datasets` are put in here.

    Raises:
        TrainingError: the recipe cannot be used.
        DatasetError: the rows cannot be read.
        StorageError: the disk refuses; nothing is left behind.
    """
    recipe = parse_recipe({**said, "datasets": [{"path": ROWS_FILE}]}, "the wizard")
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    folder = folders.data / "recipes" / f"{recipe.name}-{stamp}"
    number = 1
    while folder.exists():
        number += 1
        folder = folder.with_name(f"{recipe.name}-{stamp}-{number}")
    try:
        folder.mkdir(parents=True)
        parts = tuple(
            _brought(source, number, folder, folders) for number, source in enumerate(sources)
        )
        settled = _with_tests(recipe.model_copy(update={"datasets": parts}), folder)
        write_recipe(settled, folder / "recipe.json")
    except OSError as cause:
        shutil.rmtree(folder, ignore_errors=True)
        raise StorageError(
            f"The recipe could not be written to {folder}.",
            f"{cause.strerror or cause}.",
            "Free some space or allow writing there.",
        ) from cause
    except Exception:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return folder / "recipe.json"


def begin(
    recipe: Recipe,
    folder: Path,
    folders: Folders,
    estimated_bytes: int,
    queued: bool = False,
    priority: int = 0,
) -> RunFolder:
    """Starts the run of an order in its folder, or has it wait for its turn. Raises as both."""
    run = launch.prepare(recipe, folders, folder, estimated_bytes=estimated_bytes)
    if queued:
        queue.enqueue(run, priority)
        queue.wake(folders.runs)
    else:
        launch.resume(run)
    return run


def free_name(wanted: str) -> str:
    """The words as an expert may be called: "My rows 2" gives "my-rows-2"."""
    name = re.sub(r"[^a-z0-9]+", "-", wanted.lower()).strip("-")[:60].strip("-")
    return name if len(name) >= 2 else "new-expert"


def _with_tests(recipe: Recipe, folder: Path) -> Recipe:
    """The recipe whose tests lie in its folder, where a recipe's usually do."""
    said = recipe.watching.test_cases
    if not said:
        return recipe
    read_test_cases(Path(said))
    (folder / TESTS_FILE).parent.mkdir()
    shutil.copyfile(said, folder / TESTS_FILE)
    watching = recipe.watching.model_copy(update={"test_cases": TESTS_FILE})
    return recipe.model_copy(update={"watching": watching})


def _brought(source: DataSource, number: int, folder: Path, folders: Folders) -> DatasetPart:
    """Brings one source's rows into the folder."""
    name = ROWS_FILE if number == 0 else f"rows-{number + 1}.jsonl"
    file = Path(source.where)
    if source.kind == "file" and not source.columns and file.suffix in READ_AS_IT_IS:
        name = file.name if number == 0 else f"{number + 1}-{file.name}"
    held_out = folder / (HELD_OUT + name)
    bring(source, folder / name, held_out, folders)
    kept = held_out.name if held_out.exists() else ""
    part = DatasetPart(path=name, weight=source.weight, held_out=kept)
    return part.model_copy(update={"sha256": dataset_sha256(part.path, folder)})
