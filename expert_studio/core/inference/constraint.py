"""What an answer's text must look like: a JSON schema, a GBNF grammar, a regex, or choices.

Only the request, as a value that can be stored beside an answer. Knows nothing of how a
grammar is compiled, of tokens or of tensors.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

from expert_studio.core.errors import UsageError

ConstraintKind = Literal["json_schema", "gbnf", "regex", "choices"]

NAMES: dict[ConstraintKind, str] = {
    "json_schema": "JSON schema",
    "gbnf": "grammar",
    "regex": "regular expression",
    "choices": "list of choices",
}
MOST_CHARACTERS: dict[ConstraintKind, int] = {
    "json_schema": 512 * 1024,
    "gbnf": 256 * 1024,
    "regex": 16 * 1024,
    "choices": 256 * 1024,
}


@dataclass(frozen=True, slots=True)
class Constraint:
    """One constraint. Whether it can be used is found out when an answer is asked for."""

    kind: ConstraintKind
    source: str  # the schema, the grammar, the expression; for choices a JSON list of strings

    @property
    def name(self) -> str:
        """What it is, in words: "JSON schema"."""
        return NAMES[self.kind]

    @classmethod
    def choices(cls, options: Sequence[str]) -> Self:
        """One of these texts, whole."""
        return cls("choices", json.dumps(list(options), ensure_ascii=False))


def refused(constraint: Constraint, why: str, remedy: str = "") -> UsageError:
    """The error that says why a constraint cannot be used."""
    return UsageError(
        f"The {constraint.name} cannot be used.", why, remedy or "Correct or simplify it."
    )
