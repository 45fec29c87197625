"""A conversation as a file to read (Markdown) or to work with (JSON, with every branch).

Knows nothing of databases. Files are staged and renamed.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from expert_studio.core.errors import StorageError
from expert_studio.core.inference.answer_record import record_of
from expert_studio.core.inference.stack import EMPTY, Stack
from expert_studio.core.inference.turns import Conversation, Thread, Turn

FORMAT = "expert-studio-conversation/1"


def write_conversation(path: Path, conversation: Conversation, thread: Thread) -> None:
    """JSON where the name ends so, else Markdown.

    Raises:
        StorageError: the file cannot be written; nothing is left half-written.
    """
    if path.suffix.lower() == ".json":
        text = json.dumps(as_json(conversation, thread), indent=2, ensure_ascii=False) + "\n"
    else:
        text = as_markdown(conversation, thread)
    partial = path.with_name(f"{path.name}.partial")
    try:
        partial.write_text(text, encoding="utf-8", errors="replace")
        partial.replace(path)
    except OSError as cause:
        partial.unlink(missing_ok=True)
        raise StorageError(
            f"The conversation could not be written to {path}.",
            f"{cause.strerror or cause}.",
            "Choose another place.",
        ) from cause


def as_markdown(conversation: Conversation, thread: Thread) -> str:
    """The branch that is looked at; under each answer the stack that gave it."""
    parts = [f"# {conversation.title}"]
    if conversation.composition.system.strip():
        parts.append(f"_System:_ {conversation.composition.system.strip()}")
    for turn in thread.path():
        if turn.role == "user":
            parts.append(f"## You\n\n{turn.text}")
        else:
            parts.append(f"## Answer\n\n{turn.text}\n\n> {_behind(turn)}")
    return "\n\n".join(parts) + "\n"


def as_json(conversation: Conversation, thread: Thread) -> dict[str, Any]:
    """Every turn with its parent and its record; `path` names those that are looked at."""
    return {
        "format": FORMAT,
        "title": conversation.title,
        "updated_at": _when(conversation.updated_at_s),
        "composition": asdict(conversation.composition),
        "path": [turn.id for turn in thread.path()],
        "turns": [_turn(turn) for turn in thread.turns],
    }


def _turn(turn: Turn) -> dict[str, Any]:
    said: dict[str, Any] = {
        "id": turn.id,
        "parent": turn.parent or "",
        "role": turn.role,
        "at": _when(turn.at_s),
        "text": turn.text,
    }
    if turn.role == "assistant":
        said["system"] = turn.system
        said["record"] = {k: v for k, v in record_of(turn).items() if k not in ("answer", "at")}
    return said


def _behind(turn: Turn) -> str:
    stacks = [span.stack for span in turn.spans] or [turn.stack or EMPTY]
    told = " → ".join(_in_words(stack) for stack in stacks)
    seed = turn.sampling.seed if turn.sampling is not None else None
    return f"{told} · seed {seed}" if seed is not None else told


def _in_words(stack: Stack) -> str:
    members = " + ".join(f"{m.name} {m.version} × {m.weight:g}" for m in stack.members)
    return f"{members or 'base alone'} ({stack.short_hash})"


def _when(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="seconds")
