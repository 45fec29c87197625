"""Conversations on disk, in SQLite: what was asked, what was answered, by which stack.

Knows nothing of windows or tensors. One connection behind a lock, so that any thread may
call; the window calls from one background lane only. Every failure is a StorageError.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from expert_studio.core.errors import StorageError
from expert_studio.core.inference.history_schema import MIGRATIONS
from expert_studio.core.inference.history_values import (
    json_of,
    sampling_of,
    spans_json,
    spans_of,
    stack_of,
    timing_of,
)
from expert_studio.core.inference.turns import (
    Composition,
    Conversation,
    StackPreset,
    Thread,
    Turn,
    TurnState,
    messages,
)

__all__ = [
    "MIGRATIONS",
    "Composition",
    "Conversation",
    "History",
    "Turn",
    "TurnState",
    "messages",
]

KEPT_AFTER_DELETE_S = 30 * 24 * 3600
_TURN = (
    "id, role, text, state, at, stack, sampling, timing, spans, context_used, context_limit, "
    "parent, system, begun_with, tokens"
)


class History:
    """The conversations of one data folder. The file is opened, and made, on first use.

    Every call may raise:
        StorageError: the file cannot be opened or written, is damaged, or is of a newer
            version.
    """

    def __init__(self, path: Path, migrations: Sequence[str] = MIGRATIONS) -> None:
        self._path = path
        self._migrations = migrations
        self._lock = threading.RLock()
        self._opened: sqlite3.Connection | None = None

    def conversations(self, search: str = "", archived: bool = False) -> tuple[Conversation, ...]:
        """Pinned ones, then newest first; `search` looks in titles and in what was said."""
        pattern = f"%{_escaped(search)}%"
        with self._failing("Your conversations could not be read."):
            rows = self._connection.execute(
                """SELECT id, title, updated_at, composition, pinned, archived FROM conversations
                   WHERE deleted_at IS NULL AND archived = ?
                     AND (? = '' OR title LIKE ? ESCAPE '\\' OR id IN
                       (SELECT conversation FROM turns WHERE text LIKE ? ESCAPE '\\'))
                   ORDER BY pinned DESC, updated_at DESC""",
                (archived, search, pattern, pattern),
            ).fetchall()
        return tuple(
            Conversation(r[0], r[1], r[2], _composition(r[3]), bool(r[4]), bool(r[5])) for r in rows
        )

    def create(self, made: Conversation) -> None:
        at = made.updated_at_s
        with self._writing("The conversation could not be saved."):
            self._connection.execute(
                "INSERT INTO conversations(id, title, created_at, updated_at, composition) "
                "VALUES (?, ?, ?, ?, ?)",
                (made.id, made.title, at, at, _composition_json(made.composition)),
            )

    def rename(self, conversation: str, title: str) -> None:
        self._update("UPDATE conversations SET title = ? WHERE id = ?", (title, conversation))

    def pin(self, conversation: str, pinned: bool) -> None:
        self._update("UPDATE conversations SET pinned = ? WHERE id = ?", (pinned, conversation))

    def archive(self, conversation: str, archived: bool) -> None:
        """Off the list without being deleted, or back on it."""
        self._update("UPDATE conversations SET archived = ? WHERE id = ?", (archived, conversation))

    def keep_composition(self, conversation: str, composition: Composition) -> None:
        self._update(
            "UPDATE conversations SET composition = ? WHERE id = ?",
            (_composition_json(composition), conversation),
        )

    def delete(self, conversation: str) -> None:
        """Hides it; `restore` brings it back within thirty days."""
        self._update(
            "UPDATE conversations SET deleted_at = ? WHERE id = ?", (time.time(), conversation)
        )

    def restore(self, conversation: str) -> None:
        self._update("UPDATE conversations SET deleted_at = NULL WHERE id = ?", (conversation,))

    def turns(self, conversation: str) -> tuple[Turn, ...]:
        """Those of the branch that was looked at last, in the order in which they were said.

        A turn that is `streaming` here and answered by no engine was cut off by the end
        of its process.
        """
        return self.thread(conversation).path()

    def thread(self, conversation: str) -> Thread:
        """All turns of all branches, as `turns`."""
        with self._failing("The conversation could not be read."):
            rows = self._connection.execute(
                f"SELECT {_TURN} FROM turns WHERE conversation = ? ORDER BY position",
                (conversation,),
            ).fetchall()
            found = self._connection.execute(
                "SELECT tip FROM conversations WHERE id = ?", (conversation,)
            ).fetchone()
        return Thread(tuple(_turn(row) for row in rows), found[0] if found else "")

    def add(self, conversation: str, *turns: Turn) -> None:
        """Appends turns, together or not at all; one that names no parent goes on from the tip."""
        with self._writing("What was said could not be saved."):
            position = self._connection.execute(
                "SELECT COALESCE(MAX(position), -1) FROM turns WHERE conversation = ?",
                (conversation,),
            ).fetchone()[0]
            found = self._connection.execute(
                "SELECT tip FROM conversations WHERE id = ?", (conversation,)
            ).fetchone()
            tip = found[0] if found else ""
            for offset, turn in enumerate(turns, start=1):
                parent = tip if turn.parent is None else turn.parent
                self._connection.execute(
                    f"INSERT INTO turns({_TURN}, conversation, position) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (turn.id, *_columns(replace(turn, parent=parent)), conversation,
                     position + offset),
                )  # fmt: skip
                tip = turn.id
            self._connection.execute(
                "UPDATE conversations SET updated_at = ?, tip = ? WHERE id = ?",
                (time.time(), tip, conversation),
            )

    def look_at(self, conversation: str, tip: str) -> None:
        """Which branch is shown, by its last turn."""
        self._update("UPDATE conversations SET tip = ? WHERE id = ?", (tip, conversation))

    def keep_text(self, turn: str, text: str) -> None:
        """What has arrived of an answer that is still streaming."""
        self._update("UPDATE turns SET text = ? WHERE id = ?", (text, turn))

    def keep_parts(self, turn: Turn) -> None:
        """Which stack said what has arrived of an answer that is still streaming."""
        self._update(
            "UPDATE turns SET text = ?, stack = ?, spans = ? WHERE id = ?",
            (turn.text, json_of(turn.stack), spans_json(turn.spans), turn.id),
        )

    def end(self, turn: Turn) -> None:
        """The whole answer with its stacks, seed and timing: see `Turn.ended`."""
        self._update(
            "UPDATE turns SET text = ?, state = ?, stack = ?, sampling = ?, timing = ?, "
            "spans = ?, context_used = ?, context_limit = ?, tokens = ? WHERE id = ?",
            (
                turn.text,
                turn.state,
                json_of(turn.stack),
                json_of(turn.sampling),
                json_of(turn.timing),
                spans_json(turn.spans),
                turn.context_used,
                turn.context_limit,
                _tokens_text(turn.tokens),
                turn.id,
            ),
        )

    def fail(self, turn: str, text: str) -> None:
        """An answer that broke off; what had arrived is kept."""
        self._update("UPDATE turns SET text = ?, state = 'failed' WHERE id = ?", (text, turn))

    def presets(self) -> tuple[StackPreset, ...]:
        """The stacks the person saved, by name."""
        with self._failing("Your saved stacks could not be read."):
            rows = self._connection.execute(
                "SELECT name, composition FROM stack_presets ORDER BY name"
            ).fetchall()
        return tuple(StackPreset(name, _composition(stored)) for name, stored in rows)

    def keep_preset(self, preset: StackPreset) -> None:
        """In place of one of that name, where there is one."""
        self._update(
            "INSERT OR REPLACE INTO stack_presets(name, composition) VALUES (?, ?)",
            (preset.name, _composition_json(preset.composition)),
        )

    def drop_preset(self, name: str) -> None:
        self._update("DELETE FROM stack_presets WHERE name = ?", (name,))

    def close(self) -> None:
        with self._lock:
            if self._opened is not None:
                self._opened.close()
                self._opened = None

    @property
    def _connection(self) -> sqlite3.Connection:
        if self._opened is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self._path, timeout=5.0, check_same_thread=False)
            try:
                self._prepare(connection)
            except BaseException:
                connection.close()
                raise
            self._opened = connection
        return self._opened

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        found = connection.execute("PRAGMA user_version").fetchone()[0]
        if found > len(self._migrations):
            raise StorageError(
                "Your conversations could not be opened.",
                f"{self._path} was written by a newer Expert Studio.",
                "Start the newer version, or move the file away to begin with an empty one.",
            )
        if 0 < found < len(self._migrations):
            self._back_up(connection, found)
        for version, statements in enumerate(self._migrations[found:], start=found + 1):
            connection.executescript(
                f"BEGIN; {statements}; PRAGMA user_version = {version}; COMMIT;"
            )
        with connection:
            connection.execute(
                "DELETE FROM conversations WHERE deleted_at < ?",
                (time.time() - KEPT_AFTER_DELETE_S,),
            )

    def _back_up(self, connection: sqlite3.Connection, version: int) -> None:
        copy = self._path.with_name(f"{self._path.stem}.before-v{version + 1}{self._path.suffix}")
        target = sqlite3.connect(copy)
        try:
            connection.backup(target)
        finally:
            target.close()

    def _update(self, statement: str, values: Sequence[Any]) -> None:
        with self._writing("Your conversation could not be saved."):
            self._connection.execute(statement, values)

    @contextmanager
    def _writing(self, what: str) -> Iterator[None]:
        with self._failing(what), self._connection:
            yield

    @contextmanager
    def _failing(self, what: str) -> Iterator[None]:
        with self._lock:
            try:
                yield
            except (sqlite3.Error, OSError) as cause:
                raise StorageError(
                    what,
                    f"{self._path}: {cause}.",
                    "Free some space and check that the file can be written; "
                    "what is on screen can still be copied.",
                ) from cause


def _escaped(search: str) -> str:
    for sign in ("\\", "%", "_"):
        search = search.replace(sign, f"\\{sign}")
    return search


def _composition_json(composition: Composition) -> str | None:
    plain = replace(
        composition,
        chosen=dict(composition.chosen),
        adjusted=dict(composition.adjusted),
        sampling=dict(composition.sampling),
    )
    return json_of(plain)


def _columns(turn: Turn) -> tuple[Any, ...]:
    return (
        turn.role,
        turn.text,
        turn.state,
        turn.at_s,
        json_of(turn.stack),
        json_of(turn.sampling),
        json_of(turn.timing),
        spans_json(turn.spans),
        turn.context_used,
        turn.context_limit,
        turn.parent or "",
        turn.system,
        turn.begun_with,
        _tokens_text(turn.tokens),
    )


def _tokens_text(tokens: Sequence[int]) -> str:
    return " ".join(map(str, tokens))


def _composition(stored: str) -> Composition:
    value = json.loads(stored)
    return Composition(
        value.get("chosen", {}),
        value.get("adjusted", {}),
        value.get("mode", "sum"),
        value.get("grammar", True),
        value.get("system", ""),
        value.get("preset", ""),
        value.get("sampling", {}),
    )


def _turn(row: Sequence[Any]) -> Turn:
    return Turn(
        id=row[0],
        role=row[1],
        text=row[2],
        state=row[3],
        at_s=row[4],
        stack=stack_of(row[5]),
        sampling=sampling_of(row[6]),
        timing=timing_of(row[7]),
        spans=spans_of(row[8]),
        context_used=row[9],
        context_limit=row[10],
        parent=row[11],
        system=row[12],
        begun_with=row[13],
        tokens=tuple(map(int, row[14].split())),
    )
