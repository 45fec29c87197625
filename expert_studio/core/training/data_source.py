"""Where the rows of an order come from: a dataset of the store, or a file and its columns.

Counts them, reads some, and writes them as the file a recipe names. Knows nothing of runs.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

from expert_studio.core.datasets.examples import write_json_lines
from expert_studio.core.datasets.exporting import export_dataset
from expert_studio.core.datasets.importing import Preview, preview
from expert_studio.core.datasets.importing_fields import FieldMap
from expert_studio.core.datasets.row_body import Item, row_of
from expert_studio.core.datasets.store import DatasetStore
from expert_studio.core.datasets.store_folder import DatasetFolders
from expert_studio.core.datasets.store_rows import RowFilter
from expert_studio.core.errors import DatasetError
from expert_studio.core.settings import Folders
from expert_studio.core.training.rows import answers_to_score, read_pairs

COUNTED_BYTES = 4 << 20  # of a larger file the tokens are not counted before the start
READ_AS_IT_IS = (".jsonl", ".xz", ".json")


@dataclass(frozen=True, slots=True)
class DataSource:
    """Rows to learn from.

    Attributes:
        where: a dataset's name, or a file's path.
        weight: how often its rows are seen, beside those of other sources.
        columns: of a file that does not speak for itself, target by target the column that
            holds it, as `FieldMap` has them; () reads the published shapes.
    """

    kind: Literal["store", "file"]
    where: str
    weight: float = 1.0
    columns: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What a wizard tells of a source before anything is made of it.

    Attributes:
        pairs: of the rows, those of a chosen and a rejected answer.
        held_out: of them, kept for the final score.
        first: the first row to learn from; None where rows are yet to be made, or where
            nobody has said yet what the columns mean.
        columns, fields: of a file that is read by its columns: their names, and what each
            target is taken from.
        left_out: rows that cannot be read so.
    """

    rows: int
    pairs: int
    held_out: int
    first: Item | None
    columns: tuple[str, ...] = ()
    fields: Mapping[str, str] | None = None
    left_out: int = 0


def look_at(source: DataSource, folders: Folders) -> SourceFacts:
    """Counts the rows and reads the first.

    Raises:
        DatasetError: there is no such dataset or file, or it holds nothing to learn from.
    """
    if source.kind == "file":
        return _look_at_file(source)
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


def some_rows(source: DataSource, folders: Folders, most: int) -> list[Item]:
    """The first rows it learns from; none where they are yet to be made, or are very many.

    Raises:
        DatasetError: they cannot be read.
    """
    if source.kind == "store":
        with DatasetFolders(folders.datasets).open(source.where) as store:
            return [row.item for row in islice(store.each(_to_learn(store)), most)]
    path = Path(source.where)
    if path.suffix == ".json" or not path.is_file() or path.stat().st_size > COUNTED_BYTES:
        return []
    if source.columns:
        return list(islice(_by_columns(source), most))
    try:
        return list(islice(read_pairs(path), most))
    except DatasetError:
        return list(islice(answers_to_score(path, "sft"), most))


def bring(source: DataSource, path: Path, held_out: Path, folders: Folders) -> None:
    """Writes the rows to learn from to `path`, and those of a dataset's last score beside it.

    Raises:
        DatasetError: they cannot be read.
        OSError: the disk refuses.
    """
    if source.kind == "store":
        with DatasetFolders(folders.datasets).open(source.where) as store:
            export_dataset(store, path, "jsonl", wanted=_to_learn(store))
            kept = RowFilter(states=("accepted",), splits=("held_out",))
            if store.count(kept):
                export_dataset(store, held_out, "jsonl", wanted=kept)
        return
    file = Path(source.where)
    if not file.is_file():
        raise DatasetError(f"The file {file} is not there any more.", "", "Choose another.")
    if source.columns:
        write_json_lines(path, (row_of(item)[1] for item in _by_columns(source)))
    else:
        shutil.copyfile(file, path)


def _to_learn(store: DatasetStore) -> RowFilter:
    """Accepted rows but those that are kept for the final score."""
    splits = store.facets("split", RowFilter(states=("accepted",)))
    chosen = tuple(split for split in splits if split != "held_out")
    return RowFilter(states=("accepted",), splits=chosen or ("train",))


def _look_at_file(source: DataSource) -> SourceFacts:
    path = Path(source.where)
    if source.columns:
        return _look_at_columns(preview(path, FieldMap(dict(source.columns)), sys.maxsize))
    if path.suffix == ".json":
        return SourceFacts(0, 0, 0, None)
    try:
        return _look_at_rows(path)
    except DatasetError:
        seen = _look_at_columns(preview(path, count=sys.maxsize)) if path.is_file() else None
        if seen is None or not seen.columns:
            raise
        return seen


def _look_at_rows(path: Path) -> SourceFacts:
    """Raises DatasetError: it is not of the published shapes."""
    if path.suffix not in READ_AS_IT_IS:
        raise DatasetError(f"{path.name} is read by its columns.")
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


def _look_at_columns(seen: Preview) -> SourceFacts:
    items = [item for item, _ in seen.rows if item is not None]
    kinds = [row_of(item)[0] for item in items]
    return SourceFacts(
        len(items),
        kinds.count("preference"),
        0,
        items[0] if items else None,
        seen.columns,
        seen.fields.columns,
        len(seen.rows) - len(items),
    )


def _by_columns(source: DataSource) -> Sequence[Item]:
    seen = preview(Path(source.where), FieldMap(dict(source.columns)), sys.maxsize)
    return [item for item, _ in seen.rows if item is not None]
