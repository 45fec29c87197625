"""What the manifests of a large library say, kept so that listing need not parse them again.

One small database beside the library. It is never the truth: a row counts only while the
version's files have the size and time it was read from, and a lost, stale, damaged or busy
index is passed over and written anew. Knows nothing of which versions there are.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from expert_studio.core.experts.manifest import Manifest, manifest_as_json

INDEX_FILE = ".index.sqlite3"
WORTH_KEEPING = (
    32  # versions read from their files in one listing; below it costs more than it saves
)
KEPT_AT_ONCE = 2000  # versions
_BATCH = 500
_SCHEMA = 1
_COLUMNS = "place TEXT PRIMARY KEY, state TEXT, manifest TEXT, weights_sha256 TEXT, bytes INTEGER"
State = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """What one version's files said when they had this state."""

    state: State
    manifest: Manifest
    weights_sha256: str
    size_bytes: int


class LibraryIndex:
    """Rows by `<name>/<version>`. No method raises: without an index everything still works."""

    def __init__(self, root: Path) -> None:
        self._path = root / INDEX_FILE

    def read(self, states: Mapping[str, State]) -> dict[str, Known]:
        """What is known of those versions that still have these states."""
        found: dict[str, Known] = {}
        if not self._path.is_file():
            return found
        places = list(states)
        with self._forgiven(), closing(self._opened()) as database:
            for first in range(0, len(places), _BATCH):
                for row in _rows(database, places[first : first + _BATCH]):
                    state = states[row[0]]
                    if row[1] == _spelled(state):
                        said = Manifest.model_validate_json(row[2])
                        found[row[0]] = Known(state, said, row[3], row[4])
        return found

    def holds(self, states: Mapping[str, State]) -> frozenset[str]:
        """Which of those versions it knows in these states; says nothing else of them."""
        found: set[str] = set()
        if not self._path.is_file():
            return frozenset()
        places = list(states)
        with self._forgiven(), closing(self._opened()) as database:
            for first in range(0, len(places), _BATCH):
                rows = _rows(database, places[first : first + _BATCH], "place, state")
                found |= {place for place, state in rows if state == _spelled(states[place])}
        return frozenset(found)

    def write(self, known: Iterable[tuple[str, Known]]) -> None:
        """Keeps what was read from the files."""
        rows = [
            (
                place,
                _spelled(k.state),
                json.dumps(manifest_as_json(k.manifest), ensure_ascii=False),
                k.weights_sha256,
                k.size_bytes,
            )
            for place, k in known
        ]
        with self._forgiven(), closing(self._opened()) as database, database:
            database.execute(f"CREATE TABLE IF NOT EXISTS version ({_COLUMNS})")
            database.execute(f"PRAGMA user_version = {_SCHEMA}")
            database.executemany("INSERT OR REPLACE INTO version VALUES (?, ?, ?, ?, ?)", rows)

    def _opened(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._path, timeout=0.5)
        try:
            database.execute("PRAGMA journal_mode = WAL")
            if database.execute("PRAGMA user_version").fetchone()[0] not in (0, _SCHEMA):
                raise sqlite3.DatabaseError("a later version wrote it")
        except BaseException:
            database.close()
            raise
        return database

    @contextmanager
    def _forgiven(self) -> Iterator[None]:
        """Trouble with the database ends the block quietly; a damaged file is removed."""
        try:
            yield
        except sqlite3.OperationalError:
            pass  # busy, not there, or the folder may not be written
        except (sqlite3.DatabaseError, ValidationError, UnicodeDecodeError):
            for ending in ("", "-wal", "-shm"):
                with suppress(OSError):
                    self._path.with_name(INDEX_FILE + ending).unlink(missing_ok=True)


def _rows(
    database: sqlite3.Connection, places: Sequence[str], columns: str = "*"
) -> Iterable[tuple[Any, ...]]:
    marks = ",".join("?" * len(places))
    return database.execute(f"SELECT {columns} FROM version WHERE place IN ({marks})", places)


def _spelled(state: State) -> str:
    return ",".join(map(str, state))
