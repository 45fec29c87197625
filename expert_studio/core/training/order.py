"""What a person orders in the wizard, as files from which a run can be repeated.

A folder of its own below `recipes/`: `recipe.json`, the rows it learns from, and those kept
for the final score. `expert-cli train --recipe` of that file repeats the run to the letter.
Knows nothing of tensors or of Qt.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from expert_studio.core.datasets.exporting import export_dataset
from expert_studio.core.datasets.row_body import Item
from expert_studio.core.datasets.store import DatasetStore
from expert_studio.core.datasets.store_folder import DatasetFolders
from expert_studio.core.datasets.store_rows import RowFilter
from expert_studio.core.errors import DatasetError, StorageError
from expert_studio.core.settings import Folders
from expert_studio.core.training import launch, queue
from expert_studio.core.training.recipe import Recipe, parse_recipe, write_recipe
from expert_studio.core.training.rows import answers_to_score, dataset_sha256, read_pairs
from expert_studio.core.training.run_folder import RunFolder

ROWS_FILE = "rows.jsonl"
HELD_OUT_FILE = "held_out.jsonl"


@dataclass(frozen=True, slots=True)
class DataSource:
    """Where rows come from: a dataset of the store by its name, or a file."""

    kind: Literal["store", "file"]
    where: str


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What a wizard tells of a source before anything is made of it."""

    rows: int
    pairs: int  # of them, rows of a chosen and a rejected answer
    held_out: int  # of them, kept for the final score
    first: Item | None  # the first row to learn from


def look_at(source: DataSource, folders: Folders) -> SourceFacts:
    """Counts the rows and reads the first.

    Raises:
        DatasetError: there is no such dataset or file, or it holds nothing to learn from.
    """
    if source.kind == "file":
        return _look_at_file(Path(source.where))
    with DatasetFolders(folders.datasets).open(source.where) as store:
        wanted = _to_learn(store)
        kinds = store.facets("kind", wanted)
        rows = sum(kinds.values())
        if not rows:
            raise DatasetError(
                f"{source.where} has no rows to learn from.",
                "None of its rows is accepted.",
                "Accept some on the Datasets page.",
            )
        first = next(iter(store.window(wanted, limit=1)), None)
        held_out = store.facets("split", RowFilter(states=("accepted",))).get("held_out", 0)
        return SourceFacts(
            rows, kinds.get("preference", 0), held_out, first.item if first is not None else None
        )


def place_order(said: Mapping[str, Any], source: DataSource, folders: Folders) -> Path:
    """Writes recipe and rows; returns the path of the recipe.

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
        part = {"path": _bring_rows(source, folder, folders)}
        settled = parse_recipe({**said, "datasets": [part]}, "the wizard")
        hashed = settled.datasets[0].model_copy(
            update={"sha256": dataset_sha256(settled.datasets[0], folder)}
        )
        write_recipe(settled.model_copy(update={"datasets": (hashed,)}), folder / "recipe.json")
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


def begin(recipe: Recipe, folder: Path, folders: Folders, queued: bool = False) -> RunFolder:
    """Starts the run of an order in its folder, or has it wait for its turn. Raises as both."""
    run = launch.prepare(recipe, folders, folder)
    kept = folder / HELD_OUT_FILE
    if kept.is_file() and not run.held_out_path.stat().st_size:
        shutil.copyfile(kept, run.held_out_path)
    if queued:
        queue.enqueue(run)
        queue.wake(folders.runs)
    else:
        launch.resume(run)
    return run


def free_name(wanted: str) -> str:
    """The words as an expert may be called: "My rows 2" gives "my-rows-2"."""
    name = re.sub(r"[^a-z0-9]+", "-", wanted.lower()).strip("-")[:60].strip("-")
    return name if len(name) >= 2 else "new-expert"


def _bring_rows(source: DataSource, folder: Path, folders: Folders) -> str:
    """Copies or exports the rows into the folder; returns the file's name."""
    if source.kind == "file":
        path = Path(source.where)
        if not path.is_file():
            raise DatasetError(f"The file {path} is not there any more.", "", "Choose another.")
        shutil.copyfile(path, folder / path.name)
        return path.name
    with DatasetFolders(folders.datasets).open(source.where) as store:
        export_dataset(store, folder / ROWS_FILE, "jsonl", wanted=_to_learn(store))
        kept = RowFilter(states=("accepted",), splits=("held_out",))
        if store.count(kept):
            export_dataset(store, folder / HELD_OUT_FILE, "jsonl", wanted=kept)
    return ROWS_FILE


def _to_learn(store: DatasetStore) -> RowFilter:
    """Accepted rows but those that are kept for the final score."""
    splits = store.facets("split", RowFilter(states=("accepted",)))
    chosen = tuple(split for split in splits if split != "held_out")
    return RowFilter(states=("accepted",), splits=chosen or ("train",))


def _look_at_file(path: Path) -> SourceFacts:
    if path.suffix == ".json":
        return SourceFacts(0, 0, 0, None)
    try:
        pairs = tuple(read_pairs(path))
    except DatasetError:
        examples = tuple(answers_to_score(path, "sft"))
        if not examples:
            raise
        return SourceFacts(len(examples), 0, 0, examples[0])
    if not pairs:
        raise DatasetError(f"{path.name} holds no rows.", "", "Choose another file.")
    return SourceFacts(len(pairs), len(pairs), 0, pairs[0])
