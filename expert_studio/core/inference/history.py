"""Conversations on disk, in SQLite: what was asked, what was answered, by which stack.

Knows nothing of windows or tensors. One connection behind a lock, so that any thread may
call; the window calls from one background lane only. Every failure is a StorageError.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Self

from expert_studio.core.errors import StorageError
from expert_studio.core.inference.conversation import (
    Answer,
    AnswerTiming,
    Message,
    Sampling,
    StackSpan,
)
from expert_studio.core.inference.history_values import (
    json_of,
    sampling_of,
    spans_json,
    spans_of,
    stack_of,
    timing_of,
)
from expert_studio.core.inference.stack import Mode, Stack

TurnState = Literal["finished", "streaming", "length", "cancelled", "failed"]
KEPT_AFTER_DELETE_S = 30 * 24 * 3600

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE conversations (
        id TEXT PRIMARY KEY,
        title TEXT NOT NULL,
        created_at REAL NOT NULL,
        updated_at REAL NOT NULL,
        deleted_at REAL,
        composition TEXT NOT NULL DEFAULT '{}'
    );
    CREATE TABLE turns (
        id TEXT PRIMARY KEY,
        conversation TEXT NOT NULL REFERENCES conversations(id) ON DELETE CASCADE,
        position INTEGER NOT NULL,
        role TEXT NOT NULL,
        text TEXT NOT NULL,
        state TEXT NOT NULL,
        at REAL NOT NULL,
        superseded INTEGER NOT NULL DEFAULT 0,
        stack TEXT,
        sampling TEXT,
        timing TEXT
    );
    CREATE INDEX turns_of ON turns(conversation, position);
    """,
    """
    ALTER TABLE turns ADD COLUMN spans TEXT;
    ALTER TABLE turns ADD COLUMN context_used INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE turns ADD COLUMN context_limit INTEGER NOT NULL DEFAULT 0;
    """,
)
"""Statements from each schema version to the next; only ever appended to."""


@dataclass(frozen=True, slots=True)
class Composition:
    """What the person ticked for one conversation: names and weights, not yet a stack."""

    chosen: Mapping[str, float]
    adjusted: Mapping[str, float] = field(default_factory=dict)  # of those that came along
    mode: Mode = "sum"
    grammar: bool = True  # whether an expert's grammar holds the answer


@dataclass(frozen=True, slots=True)
class Conversation:
    """One line of the conversation list."""

    id: str
    title: str
    updated_at_s: float  # unix time
    composition: Composition

    @classmethod
    def begun(cls, title: str, composition: Composition) -> Self:
        """A new one, not yet kept anywhere."""
        return cls(uuid.uuid4().hex, title, time.time(), composition)


@dataclass(frozen=True, slots=True)
class Turn:
    """One message as kept; an assistant's carries all it takes to run it again.

    Attributes:
        stack: that said the end of the answer.
        spans: which stack said which part, where there is more than one. Of an answer that
            broke off, only `stack` and `text_start` of each are known; the tokens are 0.
        context_used, context_limit: positions, 0 where they are not known.
    """

    id: str
    role: Literal["user", "assistant"]
    text: str
    state: TurnState
    at_s: float  # unix time
    stack: Stack | None = None
    sampling: Sampling | None = None
    timing: AnswerTiming | None = None
    spans: tuple[StackSpan, ...] = ()
    context_used: int = 0
    context_limit: int = 0

    @classmethod
    def said(cls, text: str) -> Self:
        """What the person sent."""
        return cls(uuid.uuid4().hex, "user", text, "finished", time.time())

    @classmethod
    def begun(cls, stack: Stack, sampling: Sampling) -> Self:
        """An answer of which nothing has arrived yet."""
        return cls(
            uuid.uuid4().hex, "assistant", "", "streaming", time.time(), stack, sampling, None
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

    def conversations(self, search: str = "") -> tuple[Conversation, ...]:
        """Newest first; `search` looks in titles and in what was said."""
        pattern = f"%{_escaped(search)}%"
        with self._failing("Your conversations could not be read."):
            rows = self._connection.execute(
                """SELECT id, title, updated_at, composition FROM conversations
                   WHERE deleted_at IS NULL AND (? = '' OR title LIKE ? ESCAPE '\\' OR id IN
                     (SELECT conversation FROM turns WHERE text LIKE ? ESCAPE '\\'))
                   ORDER BY updated_at DESC""",
                (search, pattern, pattern),
            ).fetchall()
        return tuple(Conversation(r[0], r[1], r[2], _composition(r[3])) for r in rows)

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
        """In the order in which they were said, without those a regeneration replaced.

        A turn that is `streaming` here and answered by no engine was cut off by the end
        of its process.
        """
        with self._failing("The conversation could not be read."):
            rows = self._connection.execute(
                "SELECT id, role, text, state, at, stack, sampling, timing, spans, context_used, "
                "context_limit FROM turns "
                "WHERE conversation = ? AND superseded = 0 ORDER BY position",
                (conversation,),
            ).fetchall()
        return tuple(_turn(row) for row in rows)

    def add(self, conversation: str, *turns: Turn) -> None:
        """Appends turns, together or not at all."""
        with self._writing("What was said could not be saved."):
            position = self._connection.execute(
                "SELECT COALESCE(MAX(position), -1) FROM turns WHERE conversation = ?",
                (conversation,),
            ).fetchone()[0]
            for offset, turn in enumerate(turns, start=1):
                self._connection.execute(
                    "INSERT INTO turns(id, conversation, position, role, text, state, at, stack, "
                    "sampling, timing, spans, context_used, context_limit) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (turn.id, conversation, position + offset, *_columns(turn)),
                )
            self._connection.execute(
                "UPDATE conversations SET updated_at = ? WHERE id = ?", (time.time(), conversation)
            )

    def keep_text(self, turn: str, text: str) -> None:
        """What has arrived of an answer that is still streaming."""
        self._update("UPDATE turns SET text = ? WHERE id = ?", (text, turn))

    def keep_parts(self, turn: Turn) -> None:
        """Which stack said what has arrived of an answer that is still streaming."""
        self._update(
            "UPDATE turns SET text = ?, stack = ?, spans = ? WHERE id = ?",
            (turn.text, json_of(turn.stack), spans_json(turn.spans), turn.id),
        )

    def finish(self, turn: str, answer: Answer) -> None:
        """The whole answer with its stacks, seed and timing."""
        state = {"stop": "finished", "length": "length", "cancelled": "cancelled"}
        self._update(
            "UPDATE turns SET text = ?, state = ?, stack = ?, sampling = ?, timing = ?, "
            "spans = ?, context_used = ?, context_limit = ? WHERE id = ?",
            (
                answer.text,
                state[answer.finish_reason],
                json_of(answer.stack),
                json_of(answer.sampling),
                json_of(answer.timing),
                spans_json(answer.spans),
                answer.context_used,
                answer.context_limit,
                turn,
            ),
        )

    def fail(self, turn: str, text: str) -> None:
        """An answer that broke off; what had arrived is kept."""
        self._update("UPDATE turns SET text = ?, state = 'failed' WHERE id = ?", (text, turn))

    def supersede(self, turn: str) -> None:
        """An answer that is being generated anew; the old one stays in the file."""
        self._update("UPDATE turns SET superseded = 1 WHERE id = ?", (turn,))

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


def messages(turns: Sequence[Turn]) -> tuple[Message, ...]:
    """The turns as an engine is asked them; empty answers are left out."""
    return tuple(Message(turn.role, turn.text) for turn in turns if turn.text)


def _escaped(search: str) -> str:
    for sign in ("\\", "%", "_"):
        search = search.replace(sign, f"\\{sign}")
    return search


def _composition_json(composition: Composition) -> str | None:
    plain = replace(
        composition, chosen=dict(composition.chosen), adjusted=dict(composition.adjusted)
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
    )


def _composition(stored: str) -> Composition:
    value = json.loads(stored)
    return Composition(
        value.get("chosen", {}),
        value.get("adjusted", {}),
        value.get("mode", "sum"),
        value.get("grammar", True),
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
    )
