"""Rows on their way into a dataset: what is new, what is there already.

A row whose body is there already is not kept again, so that a resumed run doubles
nothing; one that only says the same as another is kept, rejected, with its reason.
Knows nothing of connections and transactions.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass

from expert_studio.core.datasets.row_body import Body, Item, body_of, canonical
from expert_studio.core.datasets.row_provenance import Provenance
from expert_studio.core.datasets.store_rows import Split, State


@dataclass(frozen=True, slots=True)
class NewRow:
    """A row to append; `body` where it was made already, to spare making it again."""

    item: Item
    provenance: Provenance | None = None
    state: State = "pending"
    reason: str = ""
    split: Split = ""
    body: Body | None = None


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of one row.

    Attributes:
        id: its number; that of the row already there where `repeated`.
        hash: SHA-256 of its body.
        state: it is "rejected" where another row says the same.
        repeated: the very same row was there already; nothing was written.
    """

    id: int
    hash: str
    state: State
    reason: str
    repeated: bool = False


def take_in(connection: sqlite3.Connection, rows: Sequence[NewRow]) -> list[Appended]:
    """Appends rows inside the caller's transaction.

    Raises:
        DatasetError: a row holds text that cannot be kept.
    """
    bodies = [row.body or body_of(row.item) for row in rows]
    now = round(time.time(), 3)  # the journal keeps 15 digits
    return [_one(connection, row, body, now) for row, body in zip(rows, bodies, strict=True)]


def _one(connection: sqlite3.Connection, row: NewRow, body: Body, now: float) -> Appended:
    state, reason = row.state, row.reason
    there = connection.execute(
        "SELECT rows.id, hash, state, reason FROM rows JOIN bodies ON bodies.id = rows.body "
        "WHERE content = ? ORDER BY rows.id",
        (body.content,),
    ).fetchall()
    for known, known_hash, known_state, known_reason in there:
        if known_hash == body.hash:
            return Appended(known, body.hash, known_state, known_reason, repeated=True)
    if there and state != "rejected":
        state, reason = "rejected", same_as(there[0][0])
    kept = keep_body(connection, body, row.provenance)
    added = connection.execute(
        "INSERT INTO rows(body, content, kind, state, reason, split, family, task, difficulty, "
        "label, chars, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            kept, body.content, body.kind, state, reason, row.split, body.family,
            body.task, body.difficulty, body.label, body.chars, now,
        ),
    )  # fmt: skip
    assert added.lastrowid is not None
    return Appended(added.lastrowid, body.hash, state, reason)


def same_as(row: int) -> str:
    """The reason of a row that says what another one says."""
    return f"It says the same as row {row}."


def keep_body(connection: sqlite3.Connection, body: Body, origin: Provenance | None) -> int:
    """Keeps a body and where it came from; returns its number, also of one kept before."""
    told = None if origin is None else canonical(origin.as_json())
    added = connection.execute(
        "INSERT INTO bodies(hash, kind, body, origin) VALUES (?, ?, ?, ?) "
        "ON CONFLICT(hash) DO UPDATE SET origin = COALESCE(excluded.origin, origin) RETURNING id",
        (body.hash, body.kind, body.text, told),
    )
    return int(added.fetchone()[0])
