"""Files into a dataset: each row mapped, read, kept, or left out with its reason.

Rows are appended as they are read, so that a stop or a crash leaves whole rows. What was left
out is counted, told and written beside the dataset. Knows nothing of windows.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from expert_studio.core.datasets.importing_fields import FieldMap, guess_fields, split_named
from expert_studio.core.datasets.importing_rows import RawRow, data_files, raw_rows
from expert_studio.core.datasets.importing_text import lines
from expert_studio.core.datasets.row_body import Body, Item, body_of, parse_item
from expert_studio.core.datasets.row_provenance import Provenance
from expert_studio.core.datasets.store import DatasetStore
from expert_studio.core.datasets.store_intake import NewRow
from expert_studio.core.datasets.store_rows import Split, State
from expert_studio.core.errors import DatasetError, StorageError

TOLD_AT_MOST = 1000  # bad rows a report names; all are in its file
_AT_ONCE = 1000
_SHOWN_CHARACTERS = 200
SIDECAR = ".provenance.jsonl"


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that was left out: where it stands, and why, a sentence."""

    file: str
    place: str
    reason: str


@dataclass(slots=True)
class ImportReport:
    """What became of an import.

    Attributes:
        read: rows that were there, bad ones included.
        kept: rows now in the dataset, those rejected as duplicates included.
        repeated: rows that were in the dataset already, byte for byte.
        duplicates: kept, but rejected, as they say the same as another row.
        bad: the first of the rows left out; `reasons` counts all of them.
        rejects: the file that lists every one of them; None where there is none.
    """

    read: int = 0
    kept: int = 0
    repeated: int = 0
    duplicates: int = 0
    bad: list[BadRow] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    rejects: Path | None = None
    fields: FieldMap = field(default_factory=FieldMap)
    stopped: bool = False

    @property
    def left_out(self) -> int:
        return sum(self.reasons.values())


@dataclass(frozen=True, slots=True)
class Preview:
    """The beginning of a file: its columns, what they seem to mean, some rows read so."""

    columns: tuple[str, ...]
    fields: FieldMap
    rows: tuple[tuple[Item | None, str], ...]  # the row, or why it cannot be read


Progress = Callable[[int, int, int], None]  # rows read, bytes read, bytes in all


def preview(path: Path, fields: FieldMap | None = None, count: int = 20) -> Preview:
    """Reads a few rows without keeping them.

    Raises:
        DatasetError: the file cannot be read.
    """
    begun = list(islice(raw_rows(path), count))
    columns = _columns(begun)
    chosen = fields or guess_fields(columns)
    read = (_read(row, chosen) for row in begun)
    return Preview(columns, chosen, tuple((one.item, one.reason) for one in read))


def import_file(
    store: DatasetStore,
    path: Path,
    fields: FieldMap | None = None,
    *,
    state: State = "pending",
    split: Split = "",
    license_name: str = "",
    progress: Progress | None = None,
    stop: threading.Event | None = None,
) -> ImportReport:
    """Appends every row of a file or folder that can be read.

    Args:
        fields: what its columns mean; guessed from their names where None.
        split: for rows that name none themselves.
        license_name: for rows that name none themselves.

    Raises:
        DatasetError: the file cannot be read at all, or not to its end; rows before are kept.
        StorageError: the dataset cannot be written; rows before are kept.
    """
    total = sum(file.stat().st_size for file in data_files(path))
    at = [0]

    def read(position: int) -> None:
        at[0] = position

    source = raw_rows(path, read)
    first = list(islice(source, 50))
    report = ImportReport(fields=fields or guess_fields(_columns(first)))
    origins = _sidecar(path)
    with _Rejects(store.folder, path.name) as rejects:
        rest = _chain(first, source)
        while part := list(islice(rest, _AT_ONCE)):
            if stop is not None and stop.is_set():
                report.stopped = True
                break
            report.read += len(part)
            rows: list[NewRow] = []
            for raw in part:
                reading = _read(raw, report.fields, license_name)
                if reading.item is None or reading.body is None:
                    bad = BadRow(raw.file, raw.place, reading.reason)
                    _leave_out(report, rejects, bad, raw)
                    continue
                where = split_named(reading.fields.get("split"))
                origin, told = _origin(reading.body, raw, origins)
                placed = raw.split or where or told or split
                rows.append(NewRow(reading.item, origin, state, "", placed, reading.body))
            for kept in store.append_many(rows):
                report.repeated += kept.repeated
                report.kept += not kept.repeated
                report.duplicates += kept.state == "rejected" and not kept.repeated
            if progress is not None:
                progress(report.read, min(at[0], total), total)
    report.rejects = rejects.path if report.left_out else None
    return report


class _Reading(NamedTuple):
    """A row that was read, or why it was not; and its fields under their mapped names."""

    item: Item | None
    body: Body | None
    reason: str
    fields: Mapping[str, Any]


def _read(raw: RawRow, fields: FieldMap, license_name: str = "") -> _Reading:
    if raw.fault:
        return _Reading(None, None, raw.fault, {})
    if not isinstance(raw.value, Mapping):
        return _Reading(None, None, "It is not an object with fields.", {})
    mapped = fields.apply(raw.value)
    try:
        item = parse_item(mapped)
        if license_name and not item.license:
            item = replace(item, license=license_name)
        return _Reading(item, body_of(item), "", mapped)
    except DatasetError as cause:
        return _Reading(None, None, cause.why or cause.what, mapped)
    except RecursionError:
        return _Reading(None, None, "It is nested too deep.", mapped)


def _origin(
    body: Body, raw: RawRow, origins: Mapping[str, Mapping[str, Any]]
) -> tuple[Provenance, Split]:
    """Where a row came from, and the split it was in, as far as a sidecar says."""
    told = origins.get(body.hash)
    if told is None:
        more = {"file": raw.file, "place": raw.place}
        return Provenance("import", at=round(time.time(), 3), more=more), ""
    said = {name: told[name] for name in told if name not in {"hash", "split", "row"}}
    return Provenance.from_json(said), split_named(told.get("split"))


def _leave_out(report: ImportReport, rejects: _Rejects, bad: BadRow, raw: RawRow) -> None:
    report.reasons[_kind_of(bad.reason)] += 1
    if len(report.bad) < TOLD_AT_MOST:
        report.bad.append(bad)
    rejects.write(bad, raw.value)


def _kind_of(reason: str) -> str:
    """Reasons that differ in a position only count as one."""
    return reason.partition(":")[0].rstrip(".") + "."


def _columns(rows: list[RawRow]) -> tuple[str, ...]:
    names = (name for row in rows if isinstance(row.value, Mapping) for name in row.value)
    return tuple(dict.fromkeys(str(name) for name in names))


def _chain(first: list[RawRow], rest: Iterator[RawRow]) -> Iterator[RawRow]:
    yield from first
    yield from rest


def _sidecar(path: Path) -> dict[str, Mapping[str, Any]]:
    """Where the rows of a file came from, where an export says it; by row hash."""
    beside = path.with_name(path.name + SIDECAR)
    origins: dict[str, Mapping[str, Any]] = {}
    if path.is_file() and beside.is_file():
        for line in lines(beside):
            try:
                told = json.loads(line.text)
                origins[str(told["hash"])] = told
            except (ValueError, RecursionError, TypeError, KeyError):
                continue  # an origin that cannot be read is none; the row counts
    return origins


class _Rejects:
    """The file beside the dataset that lists what was left out; made when there is something."""

    def __init__(self, folder: Path, name: str) -> None:
        stamp = time.strftime("%Y%m%d-%H%M%S")
        self.path = folder / "left-out" / f"{name[:80]}-{stamp}.jsonl"
        self._file: Any = None

    def __enter__(self) -> _Rejects:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def write(self, bad: BadRow, value: Any) -> None:
        try:
            if self._file is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self.path.open("w", encoding="utf-8", errors="replace")
            shown = "" if value is None else repr(value)[:_SHOWN_CHARACTERS]
            said = {"file": bad.file, "place": bad.place, "reason": bad.reason, "row": shown}
            self._file.write(json.dumps(said, ensure_ascii=False) + "\n")
        except OSError as cause:
            raise StorageError(
                "The list of rows that were left out could not be written.",
                f"{cause.strerror or cause}.",
                "Free some space; rows read so far are kept.",
            ) from cause
