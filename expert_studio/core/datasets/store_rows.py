"""Asking a dataset for rows: filters, orders, pages, counts. Knows nothing of changing them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from expert_studio.core.datasets.row_body import Item, Kind, item_of

State = Literal["pending", "accepted", "rejected"]
Split = Literal["", "train", "validation", "held_out"]
STATES: tuple[State, ...] = ("pending", "accepted", "rejected")
SPLITS: tuple[Split, ...] = ("train", "validation", "held_out")
SortColumn = Literal[
    "id", "state", "reason", "split", "kind", "family", "task", "difficulty", "label",
    "tokens", "chars", "created",
]  # fmt: skip
Facet = Literal["kind", "state", "reason", "split", "family", "task", "difficulty", "label"]
Measure = Literal["tokens", "chars"]

_FACETS: tuple[Facet, ...] = (
    "kind", "state", "reason", "split", "family", "task", "difficulty", "label",
)  # fmt: skip
_SORTS = (*_FACETS, "id", "tokens", "chars", "created")
_COLUMNS = (
    "rows.id, bodies.hash, rows.kind, bodies.body, state, reason, split, family, task, "
    "difficulty, label, tokens, chars, created"
)
_FETCHED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class RowFilter:
    """Which rows are meant; every field narrows, an empty one does not.

    Attributes:
        search: text the row holds, without regard to the case of ASCII letters.
        kinds, states, splits, families, tasks, difficulties, labels, reasons: any of these
            values; "" stands for rows that have none.
        min_chars, max_chars, min_tokens, max_tokens: inclusive.
        ids: these rows only; None for all.
    """

    search: str = ""
    kinds: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    difficulties: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    min_chars: int | None = None
    max_chars: int | None = None
    min_tokens: int | None = None
    max_tokens: int | None = None
    ids: tuple[int, ...] | None = None


EVERYTHING = RowFilter()


@dataclass(frozen=True, slots=True)
class Sort:
    """An order of rows; rows that are equal in it keep the order they came in."""

    column: SortColumn = "id"
    descending: bool = False


@dataclass(frozen=True, slots=True)
class StoredRow:
    """One row of a dataset with what is known about it.

    Attributes:
        id: stays with the row through every edit.
        hash: SHA-256 of `body`; changes with every edit.
        body: the canonical JSON; `item` reads it.
        reason: why it is rejected, as a sentence; "" otherwise.
        tokens: of the row under the base's tokenizer; None until it was measured.
        chars: characters said in it.
        created: unix time, seconds.
    """

    id: int
    hash: str
    kind: Kind
    body: str
    state: State
    reason: str
    split: Split
    family: str
    task: str
    difficulty: str
    label: str
    tokens: int | None
    chars: int
    created: float

    @property
    def item(self) -> Item:
        """What the row says."""
        return item_of(self.kind, self.body)


def count(connection: sqlite3.Connection, wanted: RowFilter) -> int:
    where, values = _where(wanted)
    return int(connection.execute(f"SELECT COUNT(*) FROM rows{where}", values).fetchone()[0])


def ids(connection: sqlite3.Connection, wanted: RowFilter, order: Sort) -> list[int]:
    """Row numbers in order. They come as one JSON text: 100,000 Python tuples take longer."""
    where, values = _where(wanted)
    found = connection.execute(
        f"SELECT json_group_array(id) FROM (SELECT rows.id FROM rows{where}{_order(order)})",
        values,
    ).fetchone()[0]
    return list(json.loads(found))


def window(
    connection: sqlite3.Connection, wanted: RowFilter, order: Sort, offset: int, limit: int
) -> list[StoredRow]:
    where, values = _where(wanted)
    page = connection.execute(
        f"SELECT id FROM rows{where}{_order(order)} LIMIT ? OFFSET ?", (*values, limit, offset)
    )
    return by_ids(connection, [row[0] for row in page])


def by_ids(connection: sqlite3.Connection, wanted: Sequence[int]) -> list[StoredRow]:
    """The rows of these numbers, in the order asked; those that are gone are left out."""
    found: dict[int, StoredRow] = {}
    for start in range(0, len(wanted), _FETCHED_AT_ONCE):
        part = json.dumps(wanted[start : start + _FETCHED_AT_ONCE])
        for row in connection.execute(
            f"SELECT {_COLUMNS} FROM rows JOIN bodies ON bodies.id = rows.body "
            "WHERE rows.id IN (SELECT value FROM json_each(?))",
            (part,),
        ):
            found[row[0]] = StoredRow(*row)
    return [found[row] for row in wanted if row in found]


def facets(connection: sqlite3.Connection, column: Facet, wanted: RowFilter) -> dict[str, int]:
    """How many rows there are of each value, most first."""
    if column not in _FACETS:
        raise ValueError(f"no facet {column!r}")
    where, values = _where(wanted)
    return dict(
        connection.execute(
            f"SELECT {column}, COUNT(*) FROM rows{where} GROUP BY 1 ORDER BY 2 DESC, 1", values
        ).fetchall()
    )


def lengths(connection: sqlite3.Connection, measure: Measure, wanted: RowFilter) -> list[int]:
    """The length of every row that was measured, in the order of the rows."""
    if measure not in ("tokens", "chars"):
        raise ValueError(f"no measure {measure!r}")
    where, values = _where(wanted)
    found = connection.execute(
        f"SELECT json_group_array({measure}) FROM rows{where}", values
    ).fetchone()[0]
    return [length for length in json.loads(found) if length is not None]


def each(connection: sqlite3.Connection, wanted: RowFilter, order: Sort) -> Iterator[StoredRow]:
    """Every row, page by page, so that memory holds one page."""
    numbers = ids(connection, wanted, order)
    for start in range(0, len(numbers), _FETCHED_AT_ONCE):
        yield from by_ids(connection, numbers[start : start + _FETCHED_AT_ONCE])


def _where(wanted: RowFilter) -> tuple[str, tuple[Any, ...]]:
    clauses: list[str] = []
    values: list[Any] = []
    several: Mapping[str, tuple[str, ...]] = {
        "kind": wanted.kinds,
        "state": wanted.states,
        "split": wanted.splits,
        "family": wanted.families,
        "task": wanted.tasks,
        "difficulty": wanted.difficulties,
        "label": wanted.labels,
        "reason": wanted.reasons,
    }
    for column, chosen in several.items():
        if chosen:
            clauses.append(f"{column} IN ({', '.join('?' * len(chosen))})")
            values += chosen
    bounds = (
        ("chars >= ?", wanted.min_chars),
        ("chars <= ?", wanted.max_chars),
        ("tokens >= ?", wanted.min_tokens),
        ("tokens <= ?", wanted.max_tokens),
    )
    for clause, bound in bounds:
        if bound is not None:
            clauses.append(clause)
            values.append(bound)
    if wanted.ids is not None:
        clauses.append("id IN (SELECT value FROM json_each(?))")
        values.append(json.dumps(wanted.ids))
    if wanted.search:
        clauses.append("(SELECT body FROM bodies WHERE bodies.id = rows.body) LIKE ? ESCAPE '\x1b'")
        values.append(_pattern(wanted.search))
    return (f" WHERE {' AND '.join(clauses)}" if clauses else ""), tuple(values)


def _pattern(search: str) -> str:
    """What to look for in a body, where quotes and line ends stand escaped."""
    spelled = json.dumps(search, ensure_ascii=False)[1:-1]
    for sign in ("%", "_"):
        spelled = spelled.replace(sign, f"\x1b{sign}")
    return f"%{spelled}%"


def _order(order: Sort) -> str:
    if order.column not in _SORTS:
        raise ValueError(f"no column {order.column!r}")
    direction = " DESC" if order.descending else ""
    if order.column == "id":
        return f" ORDER BY id{direction}"
    return f" ORDER BY {order.column}{direction}, id{direction}"
