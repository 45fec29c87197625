"""One dataset on disk: rows that are appended, looked through, changed, taken back, kept.

Safe in any thread and process: one writes at a time, readers see a whole state beside it.
Knows nothing of files that rows come from or go to, of windows or providers.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Self

from expert_studio.core.datasets import store_changes, store_intake, store_rows, versions
from expert_studio.core.datasets.row_body import Item, body_of, canonical
from expert_studio.core.datasets.row_provenance import Provenance
from expert_studio.core.datasets.store_changes import JournalEntry, Operation, Performed
from expert_studio.core.datasets.store_intake import Appended, NewRow
from expert_studio.core.datasets.store_rows import (
    EVERYTHING,
    Facet,
    Measure,
    RowFilter,
    Sort,
    Split,
    State,
    StoredRow,
)
from expert_studio.core.datasets.store_schema import DatasetFile
from expert_studio.core.datasets.versions import Version, VersionDiff, VersionRow

FILE_NAME = "rows.sqlite3"
ROWS_AT_ONCE = 1000  # of a bulk append: one transaction
_IN_ORDER = Sort()


class DatasetStore:
    """The dataset in one folder. The file is opened, and made, on first use.

    Every call may raise:
        StorageError: the file cannot be opened or written, is damaged, or is of a newer
            version.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = DatasetFile(folder / FILE_NAME)

    @property
    def name(self) -> str:
        return self.folder.name

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self) -> None:
        """Opens or makes the file now, so that a failure is met here."""
        self._file.prepare()

    def close(self) -> None:
        self._file.close()

    def revision(self) -> int:
        """Grows with every change by anyone: a page that shows rows compares it."""
        return int(self._setting_text("revision") or 0)

    # --- taking rows in ----------------------------------------------------------------

    def append(
        self,
        item: Item,
        provenance: Provenance | None = None,
        *,
        state: State = "pending",
        reason: str = "",
        split: Split = "",
    ) -> Appended:
        """Keeps one row, at once and whole. A row that is there already is not kept again;
        one that says the same as another is kept as rejected.

        Raises:
            DatasetError: the row holds text that no file can hold.
        """
        with self._file.writing("The row could not be saved.") as connection:
            row = NewRow(item, provenance, state, reason, split)
            return store_intake.take_in(connection, [row])[0]

    def append_many(
        self,
        rows: Iterable[NewRow],
        *,
        progress: Callable[[int], None] | None = None,
        stop: threading.Event | None = None,
    ) -> Iterator[Appended]:
        """Keeps many rows, a thousand a transaction, yielding what became of each.

        What was yielded is on disk. Nothing happens until the iterator is drawn from.

        Args:
            rows: drawn lazily; may be endless when `stop` is given.
            progress: called after each transaction with the rows taken so far.
            stop: once set, the transaction under way is the last.
        """
        source = iter(rows)
        taken = 0
        while not (stop is not None and stop.is_set()):
            part = list(islice(source, ROWS_AT_ONCE))
            if not part:
                return
            with self._file.writing("The rows could not be saved.") as connection:
                kept = store_intake.take_in(connection, part)
            taken += len(part)
            if progress is not None:
                progress(taken)
            yield from kept

    # --- looking through them ----------------------------------------------------------

    def count(self, wanted: RowFilter = EVERYTHING) -> int:
        with self._file.reading() as connection:
            return store_rows.count(connection, wanted)

    def ids(self, wanted: RowFilter = EVERYTHING, order: Sort = _IN_ORDER) -> list[int]:
        """The numbers of all rows that match, in order, in one query. A table keeps these
        and asks `rows` for the ones in sight."""
        with self._file.reading() as connection:
            return store_rows.ids(connection, wanted, order)

    def rows(self, ids: Sequence[int]) -> list[StoredRow]:
        """Rows by number, in the order asked; those that are gone are left out."""
        with self._file.reading() as connection:
            return store_rows.by_ids(connection, ids)

    def row(self, number: int) -> StoredRow | None:
        found = self.rows([number])
        return found[0] if found else None

    def window(
        self,
        wanted: RowFilter = EVERYTHING,
        order: Sort = _IN_ORDER,
        offset: int = 0,
        limit: int = 100,
    ) -> list[StoredRow]:
        """One page of rows."""
        with self._file.reading() as connection:
            return store_rows.window(connection, wanted, order, offset, limit)

    def each(self, wanted: RowFilter = EVERYTHING, order: Sort = _IN_ORDER) -> Iterator[StoredRow]:
        """Every row, page by page, of one state of the dataset."""
        with self._file.reading() as connection:
            yield from store_rows.each(connection, wanted, order)

    def facets(self, column: Facet, wanted: RowFilter = EVERYTHING) -> dict[str, int]:
        """How many rows have each value of a column, most first."""
        with self._file.reading() as connection:
            return store_rows.facets(connection, column, wanted)

    def lengths(self, measure: Measure, wanted: RowFilter = EVERYTHING) -> list[int]:
        """Characters or tokens of each row; rows whose tokens are not counted are left out."""
        with self._file.reading() as connection:
            return store_rows.lengths(connection, measure, wanted)

    def provenance(self, row_hash: str) -> Provenance | None:
        with self._file.reading() as connection:
            found = connection.execute(
                "SELECT origin FROM bodies WHERE hash = ?", (row_hash,)
            ).fetchone()
        return (
            None
            if found is None or found[0] is None
            else Provenance.from_json(json.loads(found[0]))
        )

    def origins(self, hashes: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Where many rows came from, as `Provenance.as_json` has it; only those that know."""
        with self._file.reading() as connection:
            found = connection.execute(
                "SELECT hash, origin FROM bodies WHERE origin IS NOT NULL "
                "AND hash IN (SELECT value FROM json_each(?))",
                (json.dumps(hashes),),
            ).fetchall()
        return {row_hash: json.loads(origin) for row_hash, origin in found}

    def holds(self, item: Item) -> int | None:
        """The number of a row that says exactly this, or None."""
        with self._file.reading() as connection:
            found = connection.execute(
                "SELECT MIN(id) FROM rows WHERE content = ?", (body_of(item).content,)
            ).fetchone()[0]
        return None if found is None else int(found)

    # --- changing them -----------------------------------------------------------------

    def perform(self, operation: Operation) -> Performed:
        """Makes a change that `undo` takes back, all of it or nothing.

        Raises:
            DatasetError: a row or version is not there, or an edit repeats another row.
        """
        with self._file.writing() as connection:
            return store_changes.perform(connection, operation)

    def undo(self) -> JournalEntry | None:
        """Takes the latest change back and says which it was; None where there is none."""
        with self._file.writing() as connection:
            return store_changes.undo(connection)

    def redo(self) -> JournalEntry | None:
        """Makes the change again that was taken back last."""
        with self._file.writing() as connection:
            return store_changes.redo(connection)

    def undoable(self) -> JournalEntry | None:
        """What `undo` would take back."""
        with self._file.reading() as connection:
            return store_changes.latest(connection, undone=False)

    def redoable(self) -> JournalEntry | None:
        """What `redo` would make again."""
        with self._file.reading() as connection:
            return store_changes.latest(connection, undone=True)

    def keep_tokens(self, tokens: Mapping[str, int]) -> None:
        """Writes down how many tokens rows have, by row hash. A measurement, not a change."""
        with self._file.writing() as connection:
            connection.execute(
                "UPDATE rows SET tokens = counted.value FROM json_each(?) AS counted "
                "WHERE rows.body = (SELECT id FROM bodies WHERE hash = counted.key)",
                (json.dumps(tokens),),
            )

    # --- versions and settings ---------------------------------------------------------

    def keep_version(self, note: str = "") -> Version:
        """Keeps the accepted rows and their splits under their content hash.

        Raises:
            DatasetError: no row is accepted.
        """
        with self._file.writing("The version could not be saved.") as connection:
            return versions.keep(connection, note)

    def versions(self) -> list[Version]:
        """Newest first."""
        with self._file.reading() as connection:
            return versions.every(connection)

    def version(self, name: str) -> Version:
        """A version by its number or the first characters of its hash.

        Raises:
            DatasetError: none, or more than one, is meant.
        """
        with self._file.reading() as connection:
            return versions.named(connection, name)

    def version_rows(self, version: int) -> Iterator[VersionRow]:
        """The rows of a version, in order."""
        with self._file.reading() as connection:
            yield from versions.rows(connection, version)

    def diff(self, older: int, newer: int | None = None) -> VersionDiff:
        """What changed between two versions; without `newer`, since that version."""
        with self._file.reading() as connection:
            return versions.diff(connection, older, newer)

    def content_hash(self) -> str:
        """The hash a version kept now would have."""
        with self._file.reading() as connection:
            return versions.content_hash(connection)[0]

    def setting(self, name: str, default: Any = None) -> Any:
        """What `keep_setting` kept: a recipe, a chosen filter, a teacher's request."""
        stored = self._setting_text(f"own:{name}")
        return default if stored is None else json.loads(stored)

    def keep_setting(self, name: str, value: Any) -> None:
        """Keeps one JSON value under a name."""
        with self._file.writing() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO settings VALUES (?, ?)", (f"own:{name}", canonical(value))
            )

    def _setting_text(self, name: str) -> str | None:
        with self._file.reading() as connection:
            found = connection.execute(
                "SELECT value FROM settings WHERE name = ?", (name,)
            ).fetchone()
        return None if found is None else str(found[0])
