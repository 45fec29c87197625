"""Versions of a dataset: its accepted rows and their splits under one content hash.

Bodies are never removed, so a version stays whole whatever becomes of its rows later.
Knows nothing of connections and transactions.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass

from expert_studio.core.datasets.row_body import Item, Kind, item_of
from expert_studio.core.datasets.store_rows import Split
from expert_studio.core.errors import DatasetError


@dataclass(frozen=True, slots=True)
class Version:
    """A kept state of a dataset.

    Attributes:
        hash: SHA-256 over "row hash, blank, split, line end" of the accepted rows in their
            order; equal rows in equal splits have equal hashes, in any dataset.
        created: unix time, seconds.
        rows: how many.
    """

    id: int
    hash: str
    note: str
    created: float
    rows: int


@dataclass(frozen=True, slots=True)
class VersionRow:
    """One row as a version has it."""

    id: int
    hash: str
    split: Split
    kind: Kind
    body: str

    @property
    def item(self) -> Item:
        return item_of(self.kind, self.body)


@dataclass(frozen=True, slots=True)
class VersionDiff:
    """What differs between two versions, as row numbers in order.

    Attributes:
        added, removed: rows that only the newer, only the older has.
        edited: in both, saying something else.
        moved: in both, in another split.
    """

    added: tuple[int, ...]
    removed: tuple[int, ...]
    edited: tuple[int, ...]
    moved: tuple[int, ...]


def content_hash(connection: sqlite3.Connection) -> tuple[str, int]:
    """The hash the accepted rows have now, and how many they are."""
    digest, count = hashlib.sha256(), 0
    for row_hash, split in connection.execute(
        "SELECT hash, split FROM rows JOIN bodies ON bodies.id = rows.body "
        "WHERE state = 'accepted' ORDER BY rows.id"
    ):
        digest.update(f"{row_hash} {split}\n".encode())
        count += 1
    return digest.hexdigest(), count


def keep(connection: sqlite3.Connection, note: str) -> Version:
    """Keeps the accepted rows as a version; where one is equal already, that one.

    Raises:
        DatasetError: no row is accepted.
    """
    found, count = content_hash(connection)
    if not count:
        raise DatasetError(
            "There is nothing to keep as a version.",
            "No row of the dataset is accepted.",
            "Accept some rows first.",
        )
    known = [version for version in every(connection) if version.hash == found]
    if known:
        return known[0]
    added = connection.execute(
        "INSERT INTO versions(hash, note, created, rows) VALUES (?, ?, ?, ?)",
        (found, note, time.time(), count),
    ).lastrowid
    connection.execute(
        "INSERT INTO version_rows SELECT ?, id, body, split FROM rows WHERE state = 'accepted'",
        (added,),
    )
    return next(version for version in every(connection) if version.id == added)


def every(connection: sqlite3.Connection) -> list[Version]:
    """All versions, newest first."""
    found = connection.execute(
        "SELECT id, hash, note, created, rows FROM versions ORDER BY id DESC"
    )
    return [Version(*row) for row in found]


def named(connection: sqlite3.Connection, name: str) -> Version:
    """A version by its number or the beginning of its hash.

    Raises:
        DatasetError: none, or more than one, is meant.
    """
    meant = [
        version
        for version in every(connection)
        if str(version.id) == name or (len(name) >= 4 and version.hash.startswith(name))
    ]
    if len(meant) != 1:
        raise DatasetError(
            f"{'No' if not meant else 'More than one'} version is called {name!r}.",
            "",
            "Name one by its number or by the first characters of its hash.",
        )
    return meant[0]


def rows(connection: sqlite3.Connection, version: int) -> Iterator[VersionRow]:
    """The rows of a version, in order."""
    for row in connection.execute(
        "SELECT v.id, b.hash, v.split, b.kind, b.body FROM version_rows v "
        "JOIN bodies b ON b.id = v.body WHERE v.version = ? ORDER BY v.id",
        (version,),
    ):
        yield VersionRow(*row)


def diff(connection: sqlite3.Connection, older: int, newer: int | None) -> VersionDiff:
    """What changed from one version to another; None stands for the accepted rows now."""
    before, after = _places(connection, older), _places(connection, newer)
    both = [row for row in after if row in before]
    return VersionDiff(
        added=tuple(row for row in after if row not in before),
        removed=tuple(row for row in before if row not in after),
        edited=tuple(row for row in both if before[row][0] != after[row][0]),
        moved=tuple(row for row in both if before[row][1] != after[row][1]),
    )


def _places(connection: sqlite3.Connection, version: int | None) -> dict[int, tuple[int, str]]:
    """Body and split of every row."""
    if version is None:
        found = connection.execute(
            "SELECT id, body, split FROM rows WHERE state = 'accepted' ORDER BY id"
        )
    else:
        found = connection.execute(
            "SELECT id, body, split FROM version_rows WHERE version = ? ORDER BY id", (version,)
        )
    return {row: (body, split) for row, body, split in found}
