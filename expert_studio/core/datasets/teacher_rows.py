"""From a teacher's reply to rows: read leniently, then checked strictly, line by line.

Fences, numbering, arrays and objects over several lines are put up with; what a row must
be is not. A line that is wrong costs its slot and no other. Knows nothing of providers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from expert_studio.core.datasets.examples import Example
from expert_studio.core.datasets.parse_checks import parses
from expert_studio.core.datasets.preference import PreferencePair
from expert_studio.core.datasets.provider_reply import Reply
from expert_studio.core.datasets.row_body import Item, parse_item, texts_of
from expert_studio.core.datasets.row_document import ClassifiedDocument
from expert_studio.core.datasets.teacher_prompts import Request, Wish
from expert_studio.core.errors import DatasetError

MOST_CHARACTERS = 60_000  # of one row
MOST_DEPTH = 40
_FENCE = re.compile(r"\s*```[\w-]*\n(.*?)\n?```\s*\Z", re.DOTALL)
_LISTS = ("rows", "examples", "data", "items", "lines")
# Said by us, not by a model.
_OURS = frozenset(
    ("id", "family", "source", "source_repo", "license", "scorer", "check", "task", "difficulty")
)
_LOST: Mapping[str, str] = {
    "refused": "The model refused.",
    "tool": "The model called a tool instead of writing text.",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one slot: a row, or the reason why there is none.

    Attributes:
        raw: the text the row was read from; of a lost reply its beginning.
    """

    slot: int
    item: Item | None
    reason: str = ""
    raw: str = ""


class _Unfit(Exception):
    """Why a line is no row, as a sentence."""


def rows_of(reply: Reply, request: Request, wish: Wish, source: str, job: str) -> list[Outcome]:
    """One outcome for each slot of the request, in order.

    Args:
        source: who made the rows, such as "deepseek/deepseek-flash".
        job: sets the identifiers of this job's rows apart from any other's.
    """
    slots = range(request.first, request.first + request.rows)
    lost = _LOST.get(reply.ending) or ("" if reply.text.strip() else "The reply is empty.")
    if lost:
        return [Outcome(slot, None, lost, reply.text[:2000]) for slot in slots]
    pieces = list(_pieces(reply.text))
    cut = " It was cut at the token limit." if reply.ending == "cut" else ""
    outcomes = []
    for number, slot in enumerate(slots):
        if number >= len(pieces):
            reason = f"The reply held {len(pieces)} of {request.rows} rows.{cut}"
            outcomes.append(Outcome(slot, None, reason))
            continue
        value, raw = pieces[number]
        try:
            if value is None:
                raise _Unfit("The line is not valid JSON.")
            item = _item(value, request, wish, reply)
        except _Unfit as unfit:
            outcomes.append(Outcome(slot, None, f"{unfit}{cut}", raw[:2000]))
        else:
            outcomes.append(Outcome(slot, _named(item, request, wish, slot, source, job), raw=raw))
    return outcomes


def _pieces(text: str) -> Iterator[tuple[Any, str]]:
    """Each JSON object of a text with the characters it stands in; None for a broken one."""
    whole = _whole(text)
    if whole is not None:
        yield from ((value, json.dumps(value, ensure_ascii=False)) for value in whole)
        return
    decoder = json.JSONDecoder(parse_constant=_no_constant)
    at = 0
    while (start := text.find("{", at)) >= 0:
        try:
            value, at = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            at = _next_line(text, start)
            yield None, text[start:at].strip()
        else:
            yield value, text[start:at]


def _whole(text: str) -> list[Any] | None:
    """The rows of a reply that is one array, or one object with an array in it."""
    fenced = _FENCE.match(text)
    try:
        value = json.loads(fenced[1] if fenced else text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, dict):
        listed = next((value[name] for name in _LISTS if isinstance(value.get(name), list)), None)
        return listed if listed is not None and len(value) == 1 else [value]
    return value if isinstance(value, list) else []


def _next_line(text: str, start: int) -> int:
    """Where the next object may begin after a broken one: at a line that opens one."""
    found = re.compile(r"\n[ \t]*(?:\d+[.)][ \t]*)?(?=\{)").search(text, start + 1)
    return found.end() if found else len(text)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _item(value: Any, request: Request, wish: Wish, reply: Reply) -> Item:
    if not isinstance(value, dict):
        raise _Unfit("The line is not a JSON object.")
    if _depth(value) > MOST_DEPTH:
        raise _Unfit(f"It is nested more than {MOST_DEPTH} deep.")
    row = {name: _flat(name, said) for name, said in value.items() if name not in _OURS}
    try:
        item = parse_item(row)
    except (DatasetError, RecursionError) as cause:
        raise _Unfit(getattr(cause, "why", "") or "It is nested too deep.") from cause
    if isinstance(item, Example) and not item.reasoning and request.rows == 1 and reply.reasoning:
        item = replace(item, reasoning=reply.reasoning if wish.format == "distillation" else "")
    _check_shape(item, wish)
    return _checked_answer(item, request)


def _flat(name: str, said: Any) -> Any:
    """An answer that came as JSON instead of as text, as text."""
    if name in {"chosen", "rejected", "output", "answer"} and isinstance(said, dict | list | bool):
        return json.dumps(said, ensure_ascii=False)
    if name in {"output", "answer"} and isinstance(said, int | float):
        return str(said)
    return said


def _check_shape(item: Item, wish: Wish) -> None:
    if wish.domain == "classification":
        if not isinstance(item, ClassifiedDocument):
            raise _Unfit("It is not a document with a label.")
        if not item.content.strip() or not item.type.strip():
            raise _Unfit("Its document or its type is empty.")
    elif wish.format == "preference_pairs":
        if not isinstance(item, PreferencePair):
            raise _Unfit("It is not a preference pair.")
        if not item.chosen.strip() or not item.rejected.strip():
            raise _Unfit("One of its answers is empty.")
        if item.chosen.strip() == item.rejected.strip():
            raise _Unfit("Chosen and rejected are the same.")
    elif not isinstance(item, Example):
        raise _Unfit("It is not an instruction with an answer.")
    elif wish.format == "distillation" and not item.reasoning.strip():
        raise _Unfit("It has no reasoning.")


def _checked_answer(item: Item, request: Request) -> Item:
    texts = texts_of(item)
    if sum(map(len, texts)) > MOST_CHARACTERS:
        raise _Unfit(f"It has more than {MOST_CHARACTERS:,} characters.")
    if any("\ud800" <= sign <= "\udfff" for text in texts for sign in text):
        raise _Unfit("Its text holds half a character (a lone surrogate).")
    if isinstance(item, ClassifiedDocument) or not request.task.parses_as:
        return item
    answer = item.answer if isinstance(item, Example) else item.chosen
    fenced = _FENCE.match(answer)
    answer = fenced[1] if fenced else answer
    wrong = parses(request.task.parses_as, answer)
    if wrong:
        raise _Unfit(f"Its answer is not valid {request.task.parses_as}: {wrong}.")
    if isinstance(item, PreferencePair):
        return replace(item, chosen=answer)
    return replace(item, turns=(*item.turns[:-1], replace(item.turns[-1], content=answer)))


def _named(item: Item, request: Request, wish: Wish, slot: int, source: str, job: str) -> Item:
    topic = request.topics[slot - request.first].partition(",")[0]
    named = replace(
        item,
        identifier=f"teacher-{job}-{slot}",
        family=f"teacher/{wish.domain}/{request.task_name}/{topic}",
        source=source,
        task=request.task_name,
        difficulty=request.difficulty,
    )
    return named if isinstance(named, ClassifiedDocument) else _scored(named, request)


def _scored(item: Example | PreferencePair, request: Request) -> Item:
    if isinstance(item, Example):
        return replace(item, scorer=request.task.scorer)
    return replace(item, scorer=request.task.scorer)


def _depth(value: Any) -> int:
    deepest, level = 0, [value]
    while level:
        deepest += 1
        if deepest > MOST_DEPTH:
            break
        level = [
            inner
            for one in level
            if isinstance(one, dict | list)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
    return deepest
