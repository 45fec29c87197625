"""A preference pair: one prompt, an answer to prefer and one to reject.

What DPO learns from (Rafailov et al. 2023, arXiv 2305.18290). Reads the shapes the field
uses for it. Knows nothing of files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from expert_studio.core.datasets.examples import (
    Example,
    Scorer,
    Turn,
    parse_asked,
    parse_scorer,
    parse_turns,
)
from expert_studio.core.errors import DatasetError


@dataclass(frozen=True, slots=True)
class PreferencePair:
    """Two answers to one prompt; the other attributes as `examples.Example` has them.

    Attributes:
        prompt: what was said before the answer; the last turn is the user's.
        flaw: what is wrong with the rejected answer, as a name ("wrong type"); empty if unsaid.
    """

    prompt: tuple[Turn, ...]
    chosen: str
    rejected: str
    identifier: str = ""
    family: str = ""
    source: str = ""
    license: str = ""
    scorer: Scorer = "exact"
    task: str = ""
    difficulty: str = ""
    check: str = ""
    flaw: str = ""


def chosen_example(pair: PreferencePair) -> Example:
    """The pair's prompt with the answer that is preferred, as a row to score or to learn from."""
    return Example(
        turns=(*pair.prompt, Turn("assistant", pair.chosen)),
        identifier=pair.identifier,
        family=pair.family,
        source=pair.source,
        license=pair.license,
        scorer=pair.scorer,
        task=pair.task,
        difficulty=pair.difficulty,
        check=pair.check,
    )


def is_preference(row: Mapping[str, Any]) -> bool:
    """Whether a row holds two answers to choose from."""
    return "chosen" in row and "rejected" in row


def parse_preference(row: Mapping[str, Any]) -> PreferencePair:
    """Turns a preference row into a pair.

    Understood are prompts as text, as messages or in upstream's instruction and multi-task
    fields; answers as text or as messages, also whole conversations that begin alike.

    Raises:
        DatasetError: something is missing; `why` names it.
    """
    opening, chosen = _answer(row["chosen"], "chosen")
    other_opening, rejected = _answer(row["rejected"], "rejected")
    prompt = row.get("prompt")
    if isinstance(prompt, list):
        turns = parse_turns(prompt)
    elif opening and prompt is None:
        if opening != other_opening:
            raise _unusable("Its two conversations do not begin alike.")
        turns = opening
    else:
        turns = parse_asked(row)
    if not turns or turns[-1].role != "user":
        raise _unusable("Its prompt does not end with the user's message.")
    return PreferencePair(
        prompt=turns,
        chosen=chosen,
        rejected=rejected,
        identifier=str(row.get("id", "")),
        family=str(row.get("family", row.get("source_repo", ""))),
        source=str(row.get("source", row.get("source_repo", ""))),
        license=_text(row, "license"),
        scorer=parse_scorer(row, "exact"),
        task=_text(row, "task"),
        difficulty=_text(row, "difficulty"),
        check=_text(row, "check"),
        flaw=_text(row, "flaw"),
    )


def _answer(value: object, name: str) -> tuple[tuple[Turn, ...], str]:
    """What was said before an answer, if it comes as messages, and the answer."""
    if isinstance(value, str):
        return (), value
    if isinstance(value, list):
        turns = parse_turns(value)
        if turns and turns[-1].role == "assistant":
            return turns[:-1], turns[-1].content
    raise _unusable(f"Its {name} answer is neither text nor ends with the assistant's message.")


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return value if isinstance(value, str) else ""


def _unusable(why: str) -> DatasetError:
    return DatasetError(
        "A row cannot be used for training.", why, "Map its fields or leave it out."
    )
