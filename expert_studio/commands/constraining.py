"""The options that hold an answer to a form: a JSON schema, a grammar, a regex, or choices.

Knows nothing of how an answer is held to it (`core.inference.constraint`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from expert_studio.commands.report import say
from expert_studio.core.errors import InferenceError, UsageError
from expert_studio.core.inference.constraint import (
    MOST_CHARACTERS,
    Constraint,
    ConstraintKind,
    refused,
)
from expert_studio.core.inference.conversation import Answer

UTF8_BYTES = 4  # of one character, at most

JsonSchema = Annotated[
    Path | None,
    typer.Option("--json-schema", metavar="FILE", help="The answer is JSON after this schema."),
]
Grammar = Annotated[
    Path | None,
    typer.Option("--grammar", metavar="FILE.gbnf", help="The answer follows this GBNF grammar."),
]
Regex = Annotated[
    str | None, typer.Option("--regex", help="The whole answer matches this expression.")
]
Choices = Annotated[
    str | None, typer.Option("--choices", metavar="A,B,…", help="The answer is one of these.")
]


def read_constraint(
    json_schema: Path | None, grammar: Path | None, regex: str | None, choices: str | None
) -> Constraint | None:
    """The one constraint that the options ask for; None where none does.

    Raises:
        UsageError: several are asked for, or a file cannot be read.
    """
    asked = [option for option in (json_schema, grammar, regex, choices) if option is not None]
    if len(asked) > 1:
        raise UsageError(
            "An answer can be held to one form only.",
            "--json-schema, --grammar, --regex and --choices exclude one another.",
            "Give one of them.",
        )
    if json_schema is not None:
        return _read("json_schema", json_schema)
    if grammar is not None:
        return _read("gbnf", grammar)
    if regex is not None:
        return Constraint("regex", regex)
    if choices is not None:
        return Constraint.choices([choice.strip() for choice in choices.split(",")])
    return None


def say_held(answer: Answer, constraint: Constraint, as_json: bool) -> None:
    """Prints an answer that fulfils its constraint; with --json it was printed already.

    Raises:
        InferenceError: the answer was cut before it fulfilled the constraint.
        typer.Exit: the same with --json, where the value printed says so.
    """
    if answer.constraint_satisfied:
        if not as_json:
            say(answer.text)
        return
    if as_json:
        raise typer.Exit(InferenceError.exit_code)
    raise InferenceError(
        f"The answer does not fulfil the {constraint.name}.",
        f"It was cut after {answer.timing.tokens:,} tokens.",
        "Allow more with --max-tokens, or ask for something shorter; --json shows what was said.",
    )


def _read(kind: ConstraintKind, path: Path) -> Constraint:
    most = MOST_CHARACTERS[kind]
    try:
        with path.open("rb") as file:
            read = file.read(most * UTF8_BYTES + 1)
        constraint = Constraint(kind, read.decode("utf-8-sig"))
    except (OSError, ValueError) as cause:
        why = cause.strerror if isinstance(cause, OSError) else "it is not UTF-8 text"
        raise UsageError(
            f"{path} could not be read.", f"{why}.", "Give a text file in UTF-8."
        ) from cause
    if len(constraint.source) > most:
        raise refused(constraint, f"It has more than {most:,} characters.")
    return constraint
