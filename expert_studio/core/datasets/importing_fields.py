"""Which column means what: the field's names for things, guessed or said by the person.

Knows nothing of files.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from expert_studio.core.datasets.examples import (
    CHAT_FIELDS,
    INPUT_FIELDS,
    INSTRUCTION_FIELDS,
    OUTPUT_FIELDS,
    REASONING_FIELDS,
)
from expert_studio.core.datasets.store_rows import Split
from expert_studio.core.errors import DatasetError

# What a row may hold, and what others call it beside what the readers of rows know already.
_ALIASES: Mapping[str, tuple[str, ...]] = {
    "messages": (*CHAT_FIELDS, "chat", "dialog", "dialogue", "turns"),
    "system": ("system_prompt", "system_message"),
    "instruction": (
        *INSTRUCTION_FIELDS, "query", "user", "problem", "task_description", "request", "source",
    ),
    "input": INPUT_FIELDS,
    "output": (
        *OUTPUT_FIELDS, "target", "solution", "assistant", "reply", "generation", "result",
    ),
    "reasoning": (*REASONING_FIELDS, "chain_of_thought", "cot"),
    "prompt": (),
    "chosen": ("preferred", "better", "accepted", "response_chosen"),
    "rejected": ("dispreferred", "worse", "response_rejected"),
    "path": ("file", "filename", "file_name", "filepath"),
    "content": ("document", "body"),
    "label": ("class", "category"),
    "type": (),
    "language": ("lang",),
    "technologies": (),
    "family": ("group", "template", "source_repo", "repository", "repo"),
    "task": (),
    "difficulty": ("level",),
    "license": ("licence",),
    "id": ("uid", "uuid", "row_id"),
    "split": ("subset", "partition"),
    "scorer": (),
    "check": (),
    "flaw": (),
}  # fmt: skip
TARGETS: tuple[str, ...] = tuple(_ALIASES)
"""What a column can be mapped to."""

_SAYING = {
    "messages", "system", "instruction", "input", "output", "reasoning", "prompt", "chosen",
    "rejected", "path", "content", "label", "type", "language", "technologies",
    *CHAT_FIELDS, *INSTRUCTION_FIELDS, *INPUT_FIELDS, *OUTPUT_FIELDS, *REASONING_FIELDS,
}  # fmt: skip
_SPLITS: Mapping[str, Split] = {
    "train": "train", "training": "train",
    "validation": "validation", "valid": "validation", "val": "validation", "dev": "validation",
    "eval": "validation",
    "test": "held_out", "testing": "held_out", "held_out": "held_out", "holdout": "held_out",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FieldMap:
    """What the person said of columns: target by target, the column that holds it.

    A column may be a path into an object ("meta.repo"). Without any, names speak for
    themselves; with one that says something, other columns that do are left out.
    """

    columns: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for target in self.columns:
            if target not in _ALIASES:
                raise DatasetError(
                    f"A column cannot be mapped to {target!r}.",
                    f"Known are {', '.join(TARGETS)}.",
                )

    def apply(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The row under the names its readers know."""
        row = {name: value for name, value in row.items() if value is not None}
        if not self.columns:
            return row
        taken = set(self.columns.values())
        silent = any(target in _SAYING for target in self.columns)
        kept = {
            name: value
            for name, value in row.items()
            if name not in taken and not (silent and name in _SAYING)
        }
        for target, column in self.columns.items():
            value = _at(row, column)
            if value is not None:
                kept[target] = value
        return kept


def parse_field_map(stated: Iterable[str]) -> FieldMap:
    """Reads "instruction=question" and the like.

    Raises:
        DatasetError: one has no "=" or names no known target.
    """
    columns = {}
    for one in stated:
        target, found, column = one.partition("=")
        if not found or not column:
            raise DatasetError(
                f"The mapping {one!r} cannot be read.", "", "Write it as instruction=question."
            )
        columns[target.strip()] = column.strip()
    return FieldMap(columns)


def guess_fields(columns: Iterable[str]) -> FieldMap:
    """A proposal from the names of columns alone; empty where their names say it already."""
    named = {_plain(column): column for column in reversed(list(columns))}
    guessed: dict[str, str] = {}
    used: set[str] = set()
    pair = {"chosen", "rejected"} <= named.keys()
    document = "label" in named or {"type", "language", "text"} <= named.keys()
    for target, aliases in _ALIASES.items():
        if (pair and target == "output") or (document and target in {"instruction", "output"}):
            continue
        for alias in (target, *aliases):
            column = named.get(alias)
            if column is not None and column not in used:
                guessed[target] = column
                used.add(column)
                break
    said = {target: column for target, column in guessed.items() if target != column}
    understood = {*INSTRUCTION_FIELDS, *OUTPUT_FIELDS, *INPUT_FIELDS, *CHAT_FIELDS}
    if all(column in understood or column == "source_repo" for column in said.values()):
        return FieldMap()
    return FieldMap(guessed)


def split_named(name: object) -> Split:
    """The split a column's value, a file or a folder names; "" where it names none."""
    if not isinstance(name, str):
        return ""
    whole = name.strip().lower().replace("-", "_")
    return _SPLITS.get(whole) or _SPLITS.get(re.split(r"[_.]", whole)[0], "")


def unfolded(value: Any) -> Any:
    """A cell that holds JSON, as tables keep messages and labels, as that value."""
    if isinstance(value, str) and value[:1] in {"[", "{"}:
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _plain(column: str) -> str:
    """ "Prompt Text" and "promptText" are "prompt_text"."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", column.strip())
    plain = re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_")
    return re.sub(r"_(?:text|content|column)$", "", plain)


def _at(row: Mapping[str, Any], column: str) -> Any:
    if column in row:
        return row[column]
    value: Any = row
    for step in column.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value
