"""The SQLite file of one dataset: its tables, its migrations, its connections.

One writer at a time, readers beside it (WAL), in any thread or process. Knows nothing of
what rows mean. Every failure is a StorageError.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from expert_studio.core.errors import StorageError

BUSY_TIMEOUT_S = 30.0  # another process may be in the middle of a long import
_PAGE_CACHE_KB = 32_000

# Bodies are never removed, so that versions and undo find them; `rows` stays narrow, so that
# counting and sorting 100,000 of them reads little.
MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE bodies (
        id INTEGER PRIMARY KEY,
        hash TEXT NOT NULL UNIQUE,
        kind TEXT NOT NULL,
        body TEXT NOT NULL,
        origin TEXT
    );
    CREATE TABLE rows (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        body INTEGER NOT NULL REFERENCES bodies(id),
        content INTEGER NOT NULL,
        kind TEXT NOT NULL,
        state TEXT NOT NULL,
        reason TEXT NOT NULL DEFAULT '',
        split TEXT NOT NULL DEFAULT '',
        family TEXT NOT NULL DEFAULT '',
        task TEXT NOT NULL DEFAULT '',
        difficulty TEXT NOT NULL DEFAULT '',
        label TEXT NOT NULL DEFAULT '',
        tokens INTEGER,
        chars INTEGER NOT NULL,
        created REAL NOT NULL
    );
    CREATE INDEX rows_by_body ON rows(body);
    CREATE INDEX rows_by_content ON rows(content);
    CREATE INDEX rows_by_chars ON rows(chars);
    CREATE INDEX rows_by_family ON rows(family);
    CREATE TABLE journal (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        label TEXT NOT NULL,
        columns TEXT NOT NULL,
        before BLOB NOT NULL,
        after BLOB NOT NULL,
        at REAL NOT NULL,
        undone INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE versions (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        hash TEXT NOT NULL UNIQUE,
        note TEXT NOT NULL,
        created REAL NOT NULL,
        rows INTEGER NOT NULL
    );
    CREATE TABLE version_rows (
        version INTEGER NOT NULL REFERENCES versions(id) ON DELETE CASCADE,
        id INTEGER NOT NULL,
        body INTEGER NOT NULL REFERENCES bodies(id),
        split TEXT NOT NULL,
        PRIMARY KEY (version, id)
    ) WITHOUT ROWID;
    CREATE TABLE settings (
        name TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) WITHOUT ROWID;
    INSERT INTO settings VALUES ('revision', '0');
    """,
)
"""Statements from each schema version to the next; only ever appended to."""


class DatasetFile:
    """One dataset's database: a writing connection and as many reading ones as are asked for.

    Every call may raise:
        StorageError: the file cannot be opened or written, is damaged, or is of a newer
            version.
    """

    def __init__(self, path: Path, migrations: Sequence[str] = MIGRATIONS) -> None:
        self.path = path
        self._migrations = migrations
        self._lock = threading.RLock()
        self._writer: sqlite3.Connection | None = None
        self._readers: queue.SimpleQueue[sqlite3.Connection] = queue.SimpleQueue()
        self._closed = False

    @contextmanager
    def reading(self, what: str = "The dataset could not be read.") -> Iterator[sqlite3.Connection]:
        """A connection that sees one state of the file while it is held."""
        with self._failing(what):
            connection = self._reader()
            try:
                connection.execute("BEGIN")
                yield connection
            finally:
                with suppress(sqlite3.Error):
                    connection.rollback()
                if self._closed:
                    connection.close()
                else:
                    self._readers.put(connection)

    @contextmanager
    def writing(
        self, what: str = "The dataset could not be saved."
    ) -> Iterator[sqlite3.Connection]:
        """A connection inside one transaction: all of it is kept, or nothing."""
        with self._lock, self._failing(what):
            connection = self._prepared()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("UPDATE settings SET value = value + 1 WHERE name = 'revision'")
                connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise

    def prepare(self) -> None:
        """Opens the file, and makes or migrates it."""
        with self._lock, self._failing("The dataset could not be opened."):
            self._prepared()

    def close(self) -> None:
        """Closes every connection that is not in use; those in use close when they are done."""
        with self._lock:
            self._closed = True
            while not self._readers.empty():
                with suppress(queue.Empty):
                    self._readers.get_nowait().close()
            if self._writer is not None:
                self._writer.close()
                self._writer = None

    def _reader(self) -> sqlite3.Connection:
        if self._writer is None:
            self.prepare()
        with suppress(queue.Empty):
            return self._readers.get_nowait()
        connection = self._connect()
        connection.execute("PRAGMA query_only = ON")
        return connection

    def _prepared(self) -> sqlite3.Connection:
        if self._writer is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            connection = self._connect()
            try:
                self._migrate(connection)
            except BaseException:
                connection.close()
                raise
            self._writer, self._closed = connection, False
        return self._writer

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=BUSY_TIMEOUT_S, check_same_thread=False, isolation_level=None
        )
        connection.execute(f"PRAGMA cache_size = -{_PAGE_CACHE_KB}")
        return connection

    def _migrate(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        found = connection.execute("PRAGMA user_version").fetchone()[0]
        if found > len(self._migrations):
            raise StorageError(
                "The dataset could not be opened.",
                f"{self.path} was written by a newer Expert Studio.",
                "Start the newer version to use it.",
            )
        if found == len(self._migrations):
            return
        if found > 0:
            self._back_up(connection, found)
        connection.execute("BEGIN IMMEDIATE")  # two processes may open a new one at once
        try:
            found = connection.execute("PRAGMA user_version").fetchone()[0]
            for statements in self._migrations[found:]:
                for statement in statements.split(";"):
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {len(self._migrations)}")
            connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise

    def _back_up(self, connection: sqlite3.Connection, version: int) -> None:
        copy = self.path.with_name(f"{self.path.stem}.before-v{version + 1}{self.path.suffix}")
        target = sqlite3.connect(copy)
        try:
            connection.backup(target)
        finally:
            target.close()

    @contextmanager
    def _failing(self, what: str) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as cause:
            raise StorageError(
                what,
                f"{self.path}: {cause}.",
                "Free some space and check that the file can be written.",
            ) from cause
