"""Changes of rows as values, and the journal that takes them back, also after a restart.

Every change keeps the rows it touches as they were and as they became, so that undo and
redo are the same copying in two directions. Knows nothing of connections and transactions.
"""

from __future__ import annotations

import json
import sqlite3
import time
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from expert_studio.core.datasets.row_body import Body, Item, body_of, item_of
from expert_studio.core.datasets.row_provenance import Provenance
from expert_studio.core.datasets.store_intake import keep_body, same_as
from expert_studio.core.datasets.store_rows import Split, State
from expert_studio.core.errors import DatasetError

KEPT_ENTRIES = 200
_ALL = (
    "body, content, kind, state, reason, split, family, task, difficulty, label, tokens, "
    "chars, created"
)
_OF_BODY = "body, content, kind, state, reason, family, task, difficulty, label, tokens, chars"
_AMONG = "id IN (SELECT value FROM json_each(?))"


@dataclass(frozen=True, slots=True)
class EditRow:
    """One row says something else. Refused where another row says that already."""

    row: int
    item: Item


@dataclass(frozen=True, slots=True)
class ReplaceRows:
    """Many rows say something else (a repair). One that thereby repeats another is rejected."""

    items: Mapping[int, Item]
    label: str = "Change rows"


@dataclass(frozen=True, slots=True)
class SetState:
    """Rows are accepted, rejected for one reason, or put back to pending."""

    rows: tuple[int, ...]
    state: State
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RejectRows:
    """Rows are rejected, each for its own reason."""

    reasons: Mapping[int, str]
    label: str = "Reject rows"


@dataclass(frozen=True, slots=True)
class SetSplit:
    """Rows go to one split, or to none ("")."""

    rows: tuple[int, ...]
    split: Split


@dataclass(frozen=True, slots=True)
class AssignSplits:
    """Rows go each to its own split."""

    splits: Mapping[int, Split]


@dataclass(frozen=True, slots=True)
class DeleteRows:
    """Rows go; undo brings them back under their numbers."""

    rows: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RestoreVersion:
    """The accepted rows and their splits become those of a version; others become pending."""

    version: int


Operation = (
    EditRow | ReplaceRows | SetState | RejectRows | SetSplit | AssignSplits | DeleteRows
    | RestoreVersion
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Performed:
    """A change that was made: `label` says what Undo takes back, `rows` how many it touched."""

    label: str
    rows: int


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """A change that can be taken back, or made again."""

    id: int
    label: str
    at: float  # unix time, seconds
    undone: bool


def perform(connection: sqlite3.Connection, operation: Operation) -> Performed:
    """Makes a change inside the caller's transaction; what was undone can then not be redone.

    Raises:
        DatasetError: the row or version is not there, or an edit repeats another row.
    """
    match operation:
        case EditRow(row):
            label, touched, columns = "Edit a row", [row], _OF_BODY
        case ReplaceRows(items, label):
            touched, columns = list(items), _OF_BODY
        case SetState(rows, state, reason):
            label = {"accepted": "Accept", "rejected": "Reject", "pending": "Put back"}[state]
            label, columns = f"{label} rows", "state, reason"
            touched = _differing(connection, rows, "(state <> ? OR reason <> ?)", state, reason)
        case RejectRows(reasons, label):
            touched, columns = list(reasons), "state, reason"
        case SetSplit(rows, split):
            label, columns = "Set the split", "split"
            touched = _differing(connection, rows, "split <> ?", split)
        case AssignSplits(splits):
            label, touched, columns = "Split the rows", list(splits), "split"
        case DeleteRows(rows):
            label, touched, columns = "Delete rows", list(rows), "*"
        case RestoreVersion(version):
            label, columns = "Restore a version", "*"
            touched = _rows_of_version(connection, version)
    connection.execute("DELETE FROM journal WHERE undone = 1")
    among = json.dumps(touched)
    before = _as_they_are(connection, columns, among)
    _make(connection, operation, among)
    after = _as_they_are(connection, columns, among)
    entry = connection.execute(
        "INSERT INTO journal(label, columns, before, after, at) VALUES (?, ?, ?, ?, ?)",
        (label, columns, before, after, time.time()),
    ).lastrowid
    assert entry is not None
    connection.execute("DELETE FROM journal WHERE id <= ?", (entry - KEPT_ENTRIES,))
    return Performed(label, len(touched))


def undo(connection: sqlite3.Connection) -> JournalEntry | None:
    """Takes the latest change back; None where there is none."""
    return _turn(connection, "undone = 0 ORDER BY id DESC", "before")


def redo(connection: sqlite3.Connection) -> JournalEntry | None:
    """Makes the change again that was taken back last; None where there is none."""
    return _turn(connection, "undone = 1 ORDER BY id", "after")


def latest(connection: sqlite3.Connection, *, undone: bool) -> JournalEntry | None:
    """What `undo` (or `redo`) would turn."""
    which = "undone = 1 ORDER BY id" if undone else "undone = 0 ORDER BY id DESC"
    found = connection.execute(
        f"SELECT id, label, at, undone FROM journal WHERE {which} LIMIT 1"
    ).fetchone()
    return None if found is None else JournalEntry(found[0], found[1], found[2], bool(found[3]))


def _turn(
    connection: sqlite3.Connection, which: str, side: Literal["before", "after"]
) -> JournalEntry | None:
    found = connection.execute(
        f"SELECT id, label, at, columns, before, after FROM journal WHERE {which} LIMIT 1"
    ).fetchone()
    if found is None:
        return None
    entry, label, at, columns, before, after = found
    kept = {"before": before, "after": after}
    rows = zlib.decompress(kept.pop(side)).decode()
    if columns == "*":
        for gone in (rows, zlib.decompress(kept.popitem()[1]).decode()):
            connection.execute(
                "DELETE FROM rows WHERE id IN (SELECT value ->> 0 FROM json_each(?))", (gone,)
            )
        taken = ", ".join(f"value ->> {at}" for at in range(len(_ALL.split(", ")) + 1))
        connection.execute(
            f"INSERT INTO rows(id, {_ALL}) SELECT {taken} FROM json_each(?)", (rows,)
        )
    else:
        names = enumerate(columns.split(", "), start=1)
        taken = ", ".join(f"{name} = kept.value ->> {at}" for at, name in names)
        connection.execute(
            f"UPDATE rows SET {taken} FROM json_each(?) AS kept WHERE rows.id = kept.value ->> 0",
            (rows,),
        )
    undone = side == "before"
    connection.execute("UPDATE journal SET undone = ? WHERE id = ?", (undone, entry))
    return JournalEntry(entry, label, at, undone)


def _as_they_are(connection: sqlite3.Connection, columns: str, among: str) -> bytes:
    """The rows a change touches, as packed JSON: a list of [id, columns ...]."""
    names = _ALL if columns == "*" else columns
    found = connection.execute(
        f"SELECT json_group_array(json_array(id, {names})) FROM rows WHERE {_AMONG}", (among,)
    ).fetchone()[0]
    return zlib.compress(found.encode(), level=1)


def _make(connection: sqlite3.Connection, operation: Operation, among: str) -> None:
    match operation:
        case EditRow(row, item):
            body = body_of(item)
            twin = _twin(connection, row, body)
            if twin is not None:
                raise DatasetError(
                    f"Row {row} could not be changed.",
                    f"Row {twin} already says exactly this.",
                    "Change the text, or delete one of the two.",
                )
            _say_anew(connection, row, body)
        case ReplaceRows(items):
            for row, item in items.items():
                body = body_of(item)
                twin = _twin(connection, row, body)
                _say_anew(connection, row, body)
                if twin is not None:
                    _reject(connection, [(same_as(twin), row)])
        case SetState(_, state, reason):
            connection.execute(
                f"UPDATE rows SET state = ?, reason = ? WHERE {_AMONG}", (state, reason, among)
            )
        case RejectRows(reasons):
            _reject(connection, ((reason, row) for row, reason in reasons.items()))
        case SetSplit(_, split):
            connection.execute(f"UPDATE rows SET split = ? WHERE {_AMONG}", (split, among))
        case AssignSplits(splits):
            connection.executemany(
                "UPDATE rows SET split = ? WHERE id = ?",
                ((split, row) for row, split in splits.items()),
            )
        case DeleteRows():
            connection.execute(f"DELETE FROM rows WHERE {_AMONG}", (among,))
        case RestoreVersion(version):
            _restore(connection, version, among)


def _reject(connection: sqlite3.Connection, reasons: Iterable[tuple[str, int]]) -> None:
    connection.executemany("UPDATE rows SET state = 'rejected', reason = ? WHERE id = ?", reasons)


def _differing(
    connection: sqlite3.Connection, rows: tuple[int, ...], differs: str, *values: str
) -> list[int]:
    found = connection.execute(
        f"SELECT id FROM rows WHERE {_AMONG} AND {differs}", (json.dumps(rows), *values)
    )
    return [row[0] for row in found]


def _twin(connection: sqlite3.Connection, row: int, body: Body) -> int | None:
    found = connection.execute(
        "SELECT id FROM rows WHERE content = ? AND id <> ? ORDER BY id LIMIT 1",
        (body.content, row),
    ).fetchone()
    return None if found is None else int(found[0])


def _say_anew(connection: sqlite3.Connection, row: int, body: Body) -> None:
    """Gives a row a new body; where it came from is kept, with the body it was.

    A rejected row becomes pending: the reason spoke of what it said before.
    """
    old = connection.execute(
        "SELECT hash, origin FROM rows JOIN bodies ON bodies.id = rows.body WHERE rows.id = ?",
        (row,),
    ).fetchone()
    if old is None:
        raise DatasetError(f"There is no row {row} any more.")
    if old[0] == body.hash:
        return
    origin = json.loads(old[1]) if old[1] else {}
    origin["more"] = {**origin.get("more", {}), "edited_from": old[0]}
    kept = keep_body(connection, body, Provenance.from_json(origin))
    connection.execute(
        "UPDATE rows SET body = ?, content = ?, kind = ?, family = ?, task = ?, difficulty = ?, "
        "label = ?, tokens = NULL, chars = ?, "
        "reason = '', state = CASE state WHEN 'rejected' THEN 'pending' ELSE state END "
        "WHERE id = ?",
        (
            kept, body.content, body.kind, body.family, body.task, body.difficulty,
            body.label, body.chars, row,
        ),
    )  # fmt: skip


def _rows_of_version(connection: sqlite3.Connection, version: int) -> list[int]:
    if connection.execute("SELECT 1 FROM versions WHERE id = ?", (version,)).fetchone() is None:
        raise DatasetError(f"There is no version {version}.")
    found = connection.execute(
        "SELECT id FROM version_rows WHERE version = ? UNION "
        "SELECT id FROM rows WHERE state = 'accepted'",
        (version,),
    )
    return [row[0] for row in found]


def _restore(connection: sqlite3.Connection, version: int, among: str) -> None:
    connection.execute(
        f"UPDATE rows SET state = 'pending', reason = '' WHERE {_AMONG} AND id NOT IN "
        "(SELECT id FROM version_rows WHERE version = ?)",
        (among, version),
    )
    kept = connection.execute(
        "SELECT v.id, v.split, v.body, rows.body, b.kind, b.body, rows.created "
        "FROM version_rows v JOIN bodies b ON b.id = v.body LEFT JOIN rows ON rows.id = v.id "
        "WHERE v.version = ?",
        (version,),
    ).fetchall()
    now = round(time.time(), 3)
    for row, split, kept_body, body_now, kind, text, created in kept:
        if body_now == kept_body:
            connection.execute(
                "UPDATE rows SET state = 'accepted', reason = '', split = ? WHERE id = ?",
                (split, row),
            )
            continue
        body = body_of(item_of(kind, text))
        connection.execute(
            f"INSERT OR REPLACE INTO rows(id, {_ALL}) "
            "VALUES (?, ?, ?, ?, 'accepted', '', ?, ?, ?, ?, ?, NULL, ?, ?)",
            (
                row, kept_body, body.content, kind, split, body.family, body.task,
                body.difficulty, body.label, body.chars, created or now,
            ),
        )  # fmt: skip
