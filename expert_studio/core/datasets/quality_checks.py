"""The checks that need one row alone: schema, order, length, parse, tokens, secrets, injection.

Knows nothing of datasets, files or of rows beside this one.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from expert_studio.core.datasets.examples import Example
from expert_studio.core.datasets.parse_checks import parses
from expert_studio.core.datasets.preference import PreferencePair
from expert_studio.core.datasets.quality_findings import Finding
from expert_studio.core.datasets.quality_repairs import (
    CONTROL,
    HIDDEN,
    SPECIAL_TOKEN,
    well_ordered,
)
from expert_studio.core.datasets.quality_secrets import sensitive
from expert_studio.core.datasets.row_body import Item, prompt_and_answer, texts_of
from expert_studio.core.datasets.row_document import ClassifiedDocument

PARSED_SCORERS = ("json", "cypher", "python", "rust")

_INJECTED = re.compile(
    r"\b(?:ignore|disregard|forget|override)\s+(?:\w+\s+){0,3}"
    r"(?:previous|prior|above|earlier|preceding|system|all|these|the|your|any)\s+(?:\w+\s+){0,2}"
    r"(?:instructions?|rules?|prompts?|directions?|guidelines?)\b"
    r"|\byou\s+are\s+now\s+(?:in\s+)?(?:dan|developer\s+mode|jailbroken|unrestricted)\b"
    r"|\b(?:reveal|print|repeat|show)\s+(?:me\s+)?(?:your|the)\s+(?:hidden\s+|secret\s+)?"
    r"system\s+prompt\b"
    r"|\b(?:label|classify)\s+(?:this|it)\s+(?:\w+\s+){0,3}as\s+.{1,40}\bconfidence\b"
    r"|\bdo\s+not\s+(?:follow|obey)\s+(?:\w+\s+){0,3}(?:instructions?|rules?)\b"
    r"|\bignor(?:iere|e)\w*\s+(?:alle|toutes|todas|tutte)\s+\w+\s+\w+",
    re.IGNORECASE,
)
# One of these is in every match; the pattern itself takes ten times as long to say no.
_INJECTED_WORDS = (
    "ignor", "disregard", "forget", "override", "now", "prompt", "confidence", "follow", "obey",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Limits:
    """What a row may measure; 0 for no limit.

    Attributes:
        min_prompt_chars, min_answer_chars: after blanks at both ends are taken away.
        max_tokens: of the whole row under the base's tokenizer and chat template.
    """

    min_prompt_chars: int = 3
    min_answer_chars: int = 1
    max_answer_chars: int = 0
    max_tokens: int = 0


NO_LIMITS = Limits()


def examine(row: int, item: Item, limits: Limits = NO_LIMITS) -> Iterator[Finding]:
    """Everything one row shows by itself."""
    for check in _CHECKS:
        yield from check(row, item, limits)


def token_finding(row: int, tokens: int, limits: Limits) -> Finding | None:
    """The finding of a row that is longer than the base can read."""
    if not limits.max_tokens or tokens <= limits.max_tokens:
        return None
    return Finding(
        row, "tokens", f"It has {tokens:,} tokens; the base reads at most {limits.max_tokens:,}."
    )


def _empty(row: int, item: Item, limits: Limits) -> Iterator[Finding]:
    prompt, answer = prompt_and_answer(item)
    if isinstance(item, ClassifiedDocument):
        if not item.content.strip():
            yield Finding(row, "empty", "Its document is empty.")
        if not item.type.strip():
            yield Finding(row, "empty", "Its label is empty.")
        return
    if not prompt.strip():
        yield Finding(row, "empty", "Its prompt is empty.")
    elif len(prompt.strip()) < limits.min_prompt_chars:
        yield Finding(row, "length", f"Its prompt has {len(prompt.strip())} characters only.")
    answers = [answer] if isinstance(item, Example) else [item.chosen, item.rejected]
    for one in answers:
        if not one.strip():
            yield Finding(row, "empty", "An answer of it is empty.")
        elif len(one.strip()) < limits.min_answer_chars:
            yield Finding(row, "length", f"An answer has {len(one.strip())} characters only.")
        elif limits.max_answer_chars and len(one) > limits.max_answer_chars:
            most = f"at most {limits.max_answer_chars:,} are allowed"
            yield Finding(row, "length", f"An answer has {len(one):,} characters; {most}.")


def _roles(row: int, item: Item, _: Limits) -> Iterator[Finding]:
    if not isinstance(item, ClassifiedDocument) and not well_ordered(item.prompt):
        order = ", ".join(turn.role for turn in item.prompt[:8])
        yield Finding(
            row, "roles", f"Before the answer its messages are: {order or 'none'}.", "roles"
        )


def _same_answers(row: int, item: Item, _: Limits) -> Iterator[Finding]:
    if isinstance(item, PreferencePair) and item.chosen.split() == item.rejected.split():
        yield Finding(row, "same_answers", "Its preferred and its rejected answer are the same.")


def _parse(row: int, item: Item, _: Limits) -> Iterator[Finding]:
    if isinstance(item, ClassifiedDocument) or item.scorer not in PARSED_SCORERS:
        return
    if _names_a_bug(item.check):
        return
    answer = item.chosen if isinstance(item, PreferencePair) else item.answer
    fault = parses(item.scorer, answer)
    if fault is not None:
        yield Finding(row, "parse", f"Its answer is no {item.scorer}: {fault}."[:300])


def _names_a_bug(check: str) -> bool:
    """Whether the answer is a bug's kind and the line that mends it: that is no program."""
    if not check:
        return False
    try:
        named = json.loads(check)
    except (ValueError, RecursionError):
        return False
    return isinstance(named, dict) and "bug" in named


def _characters(row: int, item: Item, _: Limits) -> Iterator[Finding]:
    texts = texts_of(item)
    token = _first_match(SPECIAL_TOKEN.search, texts)
    if token is not None:
        yield Finding(
            row, "special_tokens", f"Its text holds the special token {token}.", "special_tokens"
        )
    control = _first_match(CONTROL.search, texts)
    if control is not None:
        yield Finding(
            row, "control", f"Its text holds the control character U+{ord(control):04X}.", "control"
        )
    hidden = _first_match(HIDDEN.search, texts)
    if hidden is not None:
        yield Finding(
            row,
            "hidden_text",
            f"Its text holds the invisible character U+{ord(hidden):04X}.",
            "hidden",
        )
    if not all(text.isascii() or unicodedata.is_normalized("NFC", text) for text in texts):
        yield Finding(row, "unicode", "Its text spells characters in parts.", "nfc")


def _sensitive(row: int, item: Item, _: Limits) -> Iterator[Finding]:
    told = set()
    for text in texts_of(item):
        for place in sensitive(text):
            if place.what not in told:
                told.add(place.what)
                yield Finding(row, place.kind, f"Its text holds {place.what}.", "mask")


def _injected(row: int, item: Item, _: Limits) -> Iterator[Finding]:
    likely = [text for text in texts_of(item) if _may_be_injected(text.lower())]
    found = _first_match(_INJECTED.search, likely)
    if found is not None:
        shown = " ".join(found.split())[:80]
        yield Finding(row, "injected", f"Its text tells the model what to do: “{shown}”.")


def _may_be_injected(lowered: str) -> bool:
    return any(word in lowered for word in _INJECTED_WORDS)


def _first_match(search: Callable[[str], re.Match[str] | None], texts: Sequence[str]) -> str | None:
    for text in texts:
        match = search(text)
        if match is not None:
            return match.group()
    return None


_CHECKS = (_empty, _roles, _same_answers, _parse, _characters, _sensitive, _injected)
