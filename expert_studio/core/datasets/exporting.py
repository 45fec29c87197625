"""Rows of a dataset as a file: JSON lines, Parquet, CSV; whole or not at all.

A JSON line is the row's canonical body: equal rows give equal bytes, and its SHA-256 is the
row's hash. Where rows came from stands in a sidecar under that hash. Knows nothing of windows.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from expert_studio.core.datasets.examples import Example, Turn
from expert_studio.core.datasets.importing import SIDECAR
from expert_studio.core.datasets.preference import PreferencePair
from expert_studio.core.datasets.row_body import Item, Kind, canonical, item_of
from expert_studio.core.datasets.store import DatasetStore
from expert_studio.core.datasets.store_rows import SPLITS, RowFilter, Split, StoredRow
from expert_studio.core.datasets.versions import VersionRow
from expert_studio.core.errors import DatasetError, StorageError

Format = Literal["jsonl", "parquet", "csv"]
Layout = Literal["native", "instruction", "chatml"]
FORMATS: tuple[Format, ...] = ("jsonl", "parquet", "csv")
LAYOUTS: tuple[Layout, ...] = ("native", "instruction", "chatml")
ACCEPTED = RowFilter(states=("accepted",))

_AT_ONCE = 1000
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_COLUMNS = (
    "kind", "split", "system", "instruction", "output", "messages", "reasoning", "prompt",
    "chosen", "rejected", "flaw", "path", "content", "label", "id", "family", "task",
    "difficulty", "source", "license", "scorer", "check",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ExportRow:
    """A row on its way out; `origin` is what its sidecar says of it."""

    hash: str
    kind: Kind
    body: str
    split: Split
    origin: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Exported:
    """One file that was written, its sidecar (None where no origin is known), its rows."""

    path: Path
    sidecar: Path | None
    rows: int


def export_dataset(
    store: DatasetStore,
    path: Path,
    file_format: Format | None = None,
    *,
    layout: Layout = "native",
    wanted: RowFilter = ACCEPTED,
    version: int | None = None,
    by_split: bool = False,
    progress: Callable[[int], None] | None = None,
) -> list[Exported]:
    """Writes rows to a file, each with its sidecar, by renames at the end.

    Args:
        file_format: taken from the file's name where None.
        layout: of JSON lines and Parquet; "instruction" and "chatml" for other tools.
        version: the rows of that version instead of those that match `wanted`.
        by_split: one file a split, "name-train.jsonl" and so on.

    Raises:
        DatasetError: no row matches, or the format is unknown.
        StorageError: the files cannot be written; what was there before stays.
    """
    chosen = file_format or _format_of(path)
    if not by_split:
        return [_export(path, chosen, layout, _rows(store, wanted, version), progress)]
    written = []
    for split in (*SPLITS, ""):
        rows = (row for row in _rows(store, wanted, version) if row.split == split)
        first = next(rows, None)
        if first is not None:
            named = path.with_name(f"{path.stem}-{split or 'unsplit'}{path.suffix}")
            whole = _chain(first, rows)
            written.append(_export(named, chosen, layout, whole, progress))
    if not written:
        raise _nothing()
    return written


def _export(
    path: Path,
    file_format: Format,
    layout: Layout,
    rows: Iterator[ExportRow],
    progress: Callable[[int], None] | None,
) -> Exported:
    first = next(rows, None)
    if first is None:
        raise _nothing()
    write = {"jsonl": _write_lines, "parquet": _write_parquet, "csv": _write_csv}[file_format]
    beside = path.with_name(path.name + SIDECAR)
    count = [0]
    with _whole(path) as partial, _whole(beside) as sidecar:
        with sidecar.open("w", encoding="utf-8", newline="\n") as origins:

            def told() -> Iterator[ExportRow]:
                for row in _chain(first, rows):
                    count[0] += 1
                    if row.origin or row.split:
                        said = {"hash": row.hash, "split": row.split, **row.origin}
                        origins.write(canonical({n: v for n, v in said.items() if v}) + "\n")
                    if progress is not None and count[0] % _AT_ONCE == 0:
                        progress(count[0])
                    yield row

            write(partial, told(), layout)
        if not sidecar.stat().st_size:
            sidecar.unlink()
    return Exported(path, beside if beside.exists() else None, count[0])


def _rows(store: DatasetStore, wanted: RowFilter, version: int | None) -> Iterator[ExportRow]:
    """The rows with their origins, which are asked for by the hundred."""
    source: Iterator[StoredRow | VersionRow] = (
        store.each(wanted) if version is None else store.version_rows(version)
    )
    while part := list(islice(source, _AT_ONCE)):
        origins = store.origins([row.hash for row in part])
        for row in part:
            yield ExportRow(row.hash, row.kind, row.body, row.split, origins.get(row.hash, {}))


def _write_lines(path: Path, rows: Iterable[ExportRow], layout: Layout) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as lines:
        for row in rows:
            text = row.body if layout == "native" else canonical(laid_out(row, layout))
            lines.write(text + "\n")


def _write_csv(path: Path, rows: Iterable[ExportRow], _: Layout) -> None:
    with path.open("w", encoding="utf-8", newline="") as table:
        writer = csv.writer(table, lineterminator="\r\n")  # RFC 4180
        writer.writerow(_COLUMNS)
        for row in rows:
            cells = _flat(row)
            writer.writerow([formula_safe(cells.get(name, "")) for name in _COLUMNS])


def formula_safe(cell: str) -> str:
    """A cell no spreadsheet computes: an apostrophe goes before what would begin a formula."""
    return f"'{cell}" if cell.lstrip("'").startswith(_FORMULA) else cell


def _write_parquet(path: Path, rows: Iterable[ExportRow], layout: Layout) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    text, turns = (
        pa.string(),
        pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())])),
    )
    label = pa.struct([("type", text), ("language", text), ("technologies", pa.list_(pa.string()))])
    kinds = {"messages": turns, "prompt": turns, "label": label}
    names = [name for name in _COLUMNS if name not in {"kind", "system", "instruction", "output"}]
    if layout != "native":
        names, kinds = ["split", "instruction", "input", "output", "text"], {}
    schema = pa.schema([(name, kinds.get(name, text)) for name in names])
    source = iter(rows)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        while part := list(islice(source, _AT_ONCE)):
            shown = [laid_out(row, layout) | {"split": row.split} for row in part]
            writer.write_table(pa.Table.from_pylist(shown, schema=schema))


def laid_out(row: ExportRow, layout: Layout) -> dict[str, Any]:
    """A row as other tools want it.

    "instruction" is `{"instruction", "input", "output"}` for single questions and the native
    row for what does not fit it; "chatml" is `{"text"}`.
    """
    native: dict[str, Any] = json.loads(row.body)
    if layout == "native" or row.kind == "preference":
        return native
    item = item_of(row.kind, row.body)
    example = item if isinstance(item, Example) else getattr(item, "example", None)
    if not isinstance(example, Example):
        return native
    if layout == "chatml":
        return {"text": "".join(_chatml(turn) for turn in example.turns)}
    if [turn.role for turn in example.turns] != ["user", "assistant"]:
        return native
    return {"instruction": example.prompt[0].content, "input": "", "output": example.answer}


def _chatml(turn: Turn) -> str:
    return f"<|im_start|>{turn.role}\n{turn.content}<|im_end|>\n"


def _flat(row: ExportRow) -> dict[str, str]:
    """A row as cells of text; what a cell cannot say plainly is JSON."""
    native: dict[str, Any] = json.loads(row.body)
    item: Item = item_of(row.kind, row.body)
    cells = {
        name: value if isinstance(value, str) else canonical(value)
        for name, value in native.items()
    }
    cells |= {"kind": row.kind, "split": row.split}
    turns = item.turns if isinstance(item, Example) else ()
    said = turns[1:] if turns and turns[0].role == "system" else turns
    if [turn.role for turn in said] == ["user", "assistant"]:
        del cells["messages"]
        cells |= {"instruction": said[0].content, "output": said[1].content}
        if len(turns) > 2:
            cells["system"] = turns[0].content
    if isinstance(item, PreferencePair) and [turn.role for turn in item.prompt] == ["user"]:
        cells["prompt"] = item.prompt[0].content
    return cells


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """A path to write to; it takes its place by one rename, or is gone."""
    partial = path.with_name(path.name + ".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        if partial.exists():
            partial.replace(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as cause:
        raise StorageError(
            f"{path.name} could not be written.",
            f"{cause.strerror or cause}.",
            f"Free some space or allow writing to {path.parent}.",
        ) from cause
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def _format_of(path: Path) -> Format:
    for known in FORMATS:
        if path.suffix.lower() == f".{known}":
            return known
    raise DatasetError(
        f"{path.name} does not say which format it shall have.",
        "",
        f"End its name with .{', .'.join(FORMATS)}, or choose one.",
    )


def _nothing() -> DatasetError:
    return DatasetError(
        "There is nothing to export.", "No row matches.", "Accept some rows, or choose others."
    )


def _chain(first: ExportRow, rest: Iterable[ExportRow]) -> Iterator[ExportRow]:
    yield first
    yield from rest
