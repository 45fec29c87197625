"""Rows out of files, one at a time, with where they stand: JSON lines, JSON, CSV, Parquet,
Hugging Face data set folders.

Nothing in a file is run: a folder's scripts are never looked at. A row that cannot be read
costs that row. Knows nothing of what the columns mean.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from expert_studio.core.datasets.importing_fields import split_named, unfolded
from expert_studio.core.datasets.importing_text import LONGEST_LINE_BYTES, Line, lines, text_of
from expert_studio.core.datasets.store_rows import Split
from expert_studio.core.errors import DatasetError

MOST_JSON_BYTES = 256_000_000  # of one JSON value; JSON lines may be as long as they like
_ROWS_AT_ONCE = 500
_MOST_DECIMALS = 400
_TABLES = (".csv", ".tsv")
_COLUMNAR = (".parquet", ".arrow", ".feather")
_LINES = (".jsonl", ".ndjson", ".jl")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_UNFOLDED = ("messages", "conversations", "conversation", "label", "technologies", "input",
             "prompt", "chosen", "rejected")  # fmt: skip
_PASSED_OVER = {"dataset_info.json", "state.json", "dataset_dict.json", "dataset_infos.json"}

Read = Callable[[int], None]


class RawRow(NamedTuple):
    """One row as the file has it.

    Attributes:
        place: "line 7" or "row 7" within `file`.
        value: what stands there; None with a `fault`.
        split: as the file's or folder's name says.
        fault: why it cannot be read, a sentence.
    """

    file: str
    place: str
    value: Any
    split: Split = ""
    fault: str = ""


def raw_rows(path: Path, read: Read | None = None) -> Iterator[RawRow]:
    """Every row of a file, or of every data file in a folder, in order of their names.

    Args:
        read: told, now and then, how many bytes were read, over all files.

    Raises:
        DatasetError: there is no such file, it cannot be read, or it is of no known kind.
    """
    files = data_files(path)
    before = 0
    for file in files:
        begun = before

        def told(at: int, begun: int = begun) -> None:
            if read is not None:
                read(begun + at)

        split = _split_of(file, path)
        for row in _file_rows(file, told):
            yield row if row.split or not split else row._replace(split=split)
        before += file.stat().st_size


def data_files(path: Path) -> list[Path]:
    """The files that hold rows: the file itself, or those of a folder.

    Raises:
        DatasetError: there are none.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise DatasetError(f"There is no file {path}.", "", "Check its name.")
    found = [
        file
        for file in sorted(path.rglob("*"))
        if _kind(file)
        and file.name not in _PASSED_OVER
        and not file.name.endswith(".provenance.jsonl")
        and not any(part.startswith(".") for part in file.relative_to(path).parts)
        and file.is_file()
        and not (file.suffix == ".arrow" and file.name.startswith("cache-"))
    ]
    if not found:
        raise DatasetError(
            f"The folder {path.name} holds no data that can be read.",
            "Looked for were JSON, JSON lines, CSV, Parquet and Arrow files; scripts are not run.",
            "Give a folder that holds the data itself.",
        )
    columnar = [file for file in found if file.suffix in _COLUMNAR]
    return columnar or found  # beside tables, JSON files describe them


def _kind(path: Path) -> str:
    name = path.name.lower().removesuffix(".xz").removesuffix(".gz")
    for kinds in (_LINES, _TABLES, _COLUMNAR, (".json",)):
        for kind in kinds:
            if name.endswith(kind):
                return kind
    return ""


def _file_rows(path: Path, read: Read) -> Iterator[RawRow]:
    kind = _kind(path)
    if kind in _LINES:
        return _json_lines(path, lines(path, read))
    if kind in _TABLES:
        return _table(path, lines(path, read), "\t" if kind == ".tsv" else "")
    if kind in _COLUMNAR:
        return _columnar(path, read)
    if kind == ".json":
        return _json(path, read)
    raise DatasetError(
        f"{path.name} is of no kind that can be imported.",
        "Known are JSON, JSON lines, CSV, TSV, Parquet, Arrow, and .xz or .gz of the first four.",
        "Save it as one of these.",
    )


def _split_of(file: Path, root: Path) -> Split:
    """Of a single file its name is no hint; in a folder file and folder names are."""
    if file == root:
        return ""
    return split_named(file.stem) or next(
        (named for part in file.relative_to(root).parts[:-1] if (named := split_named(part))), ""
    )


def _json_lines(path: Path, numbered: Iterator[Line]) -> Iterator[RawRow]:
    for line in numbered:
        place = f"line {line.number}"
        if line.fault:
            yield RawRow(path.name, place, None, fault=line.fault)
        elif line.text.strip():
            value, fault = _parsed(line.text)
            yield RawRow(path.name, place, value, fault=fault)


def _parsed(text: str) -> tuple[Any, str]:
    try:
        return json.loads(text, parse_int=_integer), ""
    except RecursionError:
        return None, "It is nested too deep."
    except ValueError as cause:
        nul = " It holds NUL characters." if "\x00" in text else ""
        return None, f"It is not JSON: {cause}.{nul}"


def _integer(digits: str) -> int | str:
    """Python refuses to read numbers of thousands of digits; here they stay text."""
    return int(digits) if len(digits) <= _MOST_DECIMALS else digits


def _json(path: Path, read: Read) -> Iterator[RawRow]:
    """A list of rows, an object of such lists by split, or JSON lines under another name."""
    begun = [line for line, _ in zip(lines(path), range(2), strict=False)]
    if len(begun) == 2 and all(_is_object(line.text) for line in begun):
        yield from _json_lines(path, lines(path, read))
        return
    value, fault = _parsed(text_of(path, MOST_JSON_BYTES))
    if fault:
        raise DatasetError(
            f"{path.name} cannot be read.", fault, "Correct it, or give it as JSON lines."
        )
    for split, rows in _lists(value, path):
        for number, row in enumerate(rows, start=1):
            yield RawRow(path.name, f"row {number}", row, split)
    read(path.stat().st_size)


def _is_object(text: str) -> bool:
    return text.strip()[:1] == "{" and isinstance(_parsed(text)[0], dict)


def _lists(value: Any, path: Path) -> Iterator[tuple[Split, list[Any]]]:
    if isinstance(value, list):
        yield "", value
        return
    found = [
        (split_named(name), rows)
        for name, rows in (value.items() if isinstance(value, dict) else ())
        if isinstance(rows, list) and any(isinstance(row, dict) for row in rows)
    ]
    is_row = isinstance(value, dict) and any(name in value for name in _UNFOLDED)
    if not found or is_row:
        if isinstance(value, dict):
            yield "", [value]
            return
        raise DatasetError(f"{path.name} holds no rows.", "It is neither a list nor an object.")
    yield from found


def _table(path: Path, numbered: Iterator[Line], delimiter: str) -> Iterator[RawRow]:
    csv.field_size_limit(LONGEST_LINE_BYTES)
    first = next((line for line in numbered if line.text.strip() or line.fault), None)
    if first is None:
        return
    if first.fault:
        raise DatasetError(f"The first line of {path.name} cannot be read.", first.fault)
    delimiter = delimiter or max(",;\t|", key=first.text.count)
    at = [first.number]
    faults: list[str] = []

    def told() -> Iterator[str]:
        yield first.text + "\n"
        for line in numbered:
            at[0] = line.number
            if line.fault:
                faults.append(line.fault)
            yield line.text + "\n"

    reader = csv.reader(told(), delimiter=delimiter)
    header = [name.strip() for name in next(reader)]
    if len(set(header)) < len(header):
        raise DatasetError(
            f"Two columns of {path.name} have the same name.", "", "Give each a name of its own."
        )
    while True:
        place = f"line {at[0] + 1}"
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as cause:
            yield RawRow(path.name, place, None, fault=f"It is not CSV: {cause}.")
            continue
        fault = faults.pop() if faults else ""
        if any(cells) or fault:
            yield _table_row(path, place, header, cells, fault)


def _table_row(path: Path, place: str, header: list[str], cells: list[str], fault: str) -> RawRow:
    if not fault and len(cells) > len(header):
        fault = f"It has {len(cells)} cells; the header has {len(header)}."
    if fault:
        return RawRow(path.name, place, None, fault=fault)
    named = {name: _cell(name, cell) for name, cell in zip(header, cells, strict=False)}
    kept = {name: cell for name, cell in named.items() if cell != ""}
    return RawRow(path.name, place, kept, split_named(kept.get("split")))


def _cell(name: str, cell: str) -> Any:
    """A cell as it was before it was made safe for spreadsheets (see `exporting`)."""
    if cell[:1] == "'" and cell.lstrip("'").startswith(_FORMULA):
        cell = cell[1:]
    return unfolded(cell) if name in _UNFOLDED else cell


def _columnar(path: Path, read: Read) -> Iterator[RawRow]:
    import pyarrow as pa

    number = 0
    try:
        for batch, share in _batches(path):
            for row in batch.to_pylist():
                number += 1
                plain = {name: _plain(value) for name, value in row.items()}
                split = split_named(plain.get("split"))
                yield RawRow(path.name, f"row {number}", plain, split)
            read(int(path.stat().st_size * share))
    except (pa.ArrowException, OSError, ValueError, OverflowError) as cause:
        raise DatasetError(
            f"{path.name} cannot be read after row {number}.",
            f"{str(cause).splitlines()[0] if str(cause) else type(cause).__name__}.",
            "Check that the file is whole.",
        ) from cause


def _batches(path: Path) -> Iterator[tuple[Any, float]]:
    """Batches of rows, and how much of the file is read with each."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if path.suffix == ".parquet":
        with pq.ParquetFile(path) as table:
            done = 0
            for batch in table.iter_batches(batch_size=_ROWS_AT_ONCE):
                done += batch.num_rows
                yield batch, done / max(1, table.metadata.num_rows)
        return
    with pa.memory_map(str(path)) as source:
        try:
            stream = pa.ipc.open_stream(source)
        except pa.ArrowInvalid:
            file = pa.ipc.open_file(source)
            for at in range(file.num_record_batches):
                yield file.get_batch(at), (at + 1) / file.num_record_batches
            return
        for batch in stream:
            yield batch, source.tell() / max(1, source.size())


def _plain(value: Any) -> Any:
    """Lists of columns' own kinds as lists, what JSON cannot say as text."""
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items() if one is not None}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)
