"""The schema of the conversations' file, version by version, and the way from each to the next.

Knows nothing of what the rows mean.
"""

from __future__ import annotations

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
    # turns become a tree: an answer that was generated anew is a branch beside the new one
    """
    ALTER TABLE conversations ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE conversations ADD COLUMN archived INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE conversations ADD COLUMN tip TEXT NOT NULL DEFAULT '';
    ALTER TABLE turns ADD COLUMN parent TEXT NOT NULL DEFAULT '';
    ALTER TABLE turns ADD COLUMN system TEXT NOT NULL DEFAULT '';
    ALTER TABLE turns ADD COLUMN begun_with INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE turns ADD COLUMN tokens TEXT NOT NULL DEFAULT '';
    UPDATE turns SET parent = COALESCE((
        SELECT before.id FROM turns AS before
        WHERE before.conversation = turns.conversation AND before.superseded = 0
          AND before.position < turns.position
        ORDER BY before.position DESC LIMIT 1), '');
    UPDATE conversations SET tip = COALESCE((
        SELECT id FROM turns WHERE conversation = conversations.id AND superseded = 0
        ORDER BY position DESC LIMIT 1), '');
    CREATE TABLE stack_presets (name TEXT PRIMARY KEY, composition TEXT NOT NULL);
    """,
)
"""Statements from each schema version to the next; only ever appended to."""
