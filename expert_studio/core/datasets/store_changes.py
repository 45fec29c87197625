"""Changes of rows as values, and the journal that takes them back, also after a restart.

Every change keeps the rows it touches as they were and as they became, so that undo and
redo are the same copying in two directions. Knows nothing of connections and transactions.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from expert_studio.core.datasets.row_body import Body, Item, body_of, item_of
from expert_studio.core.datasets.row_provenance import Provenance
from expert_studio.core.datasets.store_intake import keep_body, keep_provenance, same_as
from expert_studio.core.datasets.store_rows import Split, State
from expert_studio.core.errors import DatasetError

KEPT_ENTRIES = 200
_BEFORE, _AFTER = 0, 1
_ALL = (
    "hash, content, kind, state, reason, split, family, task, difficulty, label, tokens, "
    "chars, created"
)
_OF_BODY = "hash, content, kind, state, reason, family, task, difficulty, label, tokens, chars"
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
    entry = connection.execute(
        "INSERT INTO journal(label, columns, at) VALUES (?, ?, ?)", (label, columns, time.time())
    ).lastrowid
    assert entry is not None
    among = json.dumps(touched)
    _keep(connection, entry, _BEFORE, among)
    _make(connection, operation, among)
    _keep(connection, entry, _AFTER, among)
    connection.execute("DELETE FROM journal WHERE id <= ?", (entry - KEPT_ENTRIES,))
    return Performed(label, len(touched))


def undo(connection: sqlite3.Connection) -> JournalEntry | None:
    """Takes the latest change back; None where there is none."""
    return _turn(connection, "undone = 0 ORDER BY id DESC", _BEFORE)


def redo(connection: sqlite3.Connection) -> JournalEntry | None:
    """Makes the change again that was taken back last; None where there is none."""
    return _turn(connection, "undone = 1 ORDER BY id", _AFTER)


def latest(connection: sqlite3.Connection, *, undone: bool) -> JournalEntry | None:
    """What `undo` (or `redo`) would turn."""
    which = "undone = 1 ORDER BY id" if undone else "undone = 0 ORDER BY id DESC"
    found = connection.execute(
        f"SELECT id, label, at, undone FROM journal WHERE {which} LIMIT 1"
    ).fetchone()
    return None if found is None else JournalEntry(found[0], found[1], found[2], bool(found[3]))


def _turn(connection: sqlite3.Connection, which: str, side: int) -> JournalEntry | None:
    found = connection.execute(
        f"SELECT id, label, at, columns FROM journal WHERE {which} LIMIT 1"
    ).fetchone()
    if found is None:
        return None
    entry, label, at, columns = found
    if columns == "*":
        connection.execute(
            "DELETE FROM rows WHERE id IN (SELECT id FROM changes WHERE entry = ?)", (entry,)
        )
        connection.execute(
            f"INSERT INTO rows(id, {_ALL}) SELECT id, {_ALL} FROM changes "
            "WHERE entry = ? AND side = ?",
            (entry, side),
        )
    else:
        taken = ", ".join(f"{name} = changes.{name}" for name in columns.split(", "))
        connection.execute(
            f"UPDATE rows SET {taken} FROM changes "
            "WHERE changes.entry = ? AND changes.side = ? AND changes.id = rows.id",
            (entry, side),
        )
    connection.execute("UPDATE journal SET undone = ? WHERE id = ?", (side == _BEFORE, entry))
    return JournalEntry(entry, label, at, undone=side == _BEFORE)


def _keep(connection: sqlite3.Connection, entry: int, side: int, among: str) -> None:
    connection.execute(
        f"INSERT INTO changes SELECT ?, ?, id, {_ALL} FROM rows WHERE {_AMONG}",
        (entry, side, among),
    )


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
    """Gives a row a new body; where it came from is kept, with the body it was."""
    old = connection.execute(
        "SELECT rows.hash, provenance.body FROM rows LEFT JOIN provenance USING (hash) "
        "WHERE id = ?",
        (row,),
    ).fetchone()
    if old is None:
        raise DatasetError(f"There is no row {row} any more.")
    if old[0] == body.hash:
        return
    keep_body(connection, body)
    connection.execute(
        "UPDATE rows SET hash = ?, content = ?, kind = ?, family = ?, task = ?, difficulty = ?, "
        "label = ?, tokens = NULL, chars = ? WHERE id = ?",
        (
            body.hash, body.content, body.kind, body.family, body.task, body.difficulty,
            body.label, body.chars, row,
        ),
    )  # fmt: skip
    origin = json.loads(old[1]) if old[1] else {}
    origin["more"] = {**origin.get("more", {}), "edited_from": old[0]}
    keep_provenance(connection, body.hash, Provenance.from_json(origin))


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
        "SELECT v.id, v.split, b.kind, b.body, rows.hash, rows.tokens, rows.created, v.hash "
        "FROM version_rows v JOIN bodies b ON b.hash = v.hash LEFT JOIN rows ON rows.id = v.id "
        "WHERE v.version = ?",
        (version,),
    ).fetchall()
    now = time.time()
    for row, split, kind, text, hash_now, tokens, created, kept_hash in kept:
        if hash_now == kept_hash:
            connection.execute(
                "UPDATE rows SET state = 'accepted', reason = '', split = ? WHERE id = ?",
                (split, row),
            )
            continue
        body = body_of(item_of(kind, text))
        connection.execute(
            f"INSERT OR REPLACE INTO rows(id, {_ALL}) "
            "VALUES (?, ?, ?, ?, 'accepted', '', ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                row, body.hash, body.content, kind, split, body.family, body.task,
                body.difficulty, body.label, tokens if hash_now == kept_hash else None,
                body.chars, created or now,
            ),
        )  # fmt: skip
