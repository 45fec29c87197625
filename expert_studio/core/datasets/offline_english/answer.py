"""Answers from a passage: the words of the passage that answer, or that it does not say.

Easy passages have two or three sentences; hard ones speak of two people, and only one is
asked about.
"""

from __future__ import annotations

from typing import NamedTuple

from expert_studio.core.datasets.offline_english.correct import sentences
from expert_studio.core.datasets.offline_english.scene import (
    Cast,
    Question,
    Scene,
    cast,
    named_slots,
    scenes,
)
from expert_studio.core.datasets.offline_request import RowDraw

NOT_SAID = "Not in the text."
ASKS = (
    f"Answer from the text in a few words. If it does not say, write: {NOT_SAID}",
    f"Answer with words of the text. If the text does not say it, write: {NOT_SAID}",
    f"Read the text and answer briefly, or write: {NOT_SAID}",
    f"Find the answer in the text. No answer there? Write: {NOT_SAID}",
)
UNSAID_SHARE = {"easy": 0.08, "medium": 0.18, "hard": 0.18}
_SENTENCES = {"easy": (2, 3), "medium": (3, 4), "hard": (3, 4)}


class Answered(NamedTuple):
    """A passage, a question, its answer, wrong answers as (flaw, answer)."""

    passage: str
    question: str
    answer: str
    family: str
    wrong: tuple[tuple[str, str], ...]


def answered(row: RowDraw) -> Answered:
    """One question with its answer."""
    unsaid = row.chance.random() < UNSAID_SHARE[row.difficulty]
    while True:
        made = _attempt(row, unsaid)
        if made is not None:
            return made


def _attempt(row: RowDraw, unsaid: bool) -> Answered | None:
    chance = row.chance
    scene = chance.choice(scenes(row.held_out_family))
    played = cast(scene.fields, chance, row.held_out_words)
    told = sentences(scene, played, chance, chance.choice(_SENTENCES[row.difficulty]))
    hard = row.difficulty == "hard"
    beside = _beside(row, scene, played) if hard else []
    passage = " ".join([*told, *beside] if chance.random() < 0.5 else [*beside, *told])
    questions = [one for one in scene.questions if not hard or _names_subject(scene, one)]
    if not questions:
        return None
    question = chance.choice(questions)
    answer = played.predicate(question.answer)
    said = _is_said(" ".join(told), played, question)
    if said == unsaid or (unsaid and question.field == next(iter(scene.fields))):
        return None
    if not unsaid and (answer not in passage or _is_said(" ".join(beside), played, question)):
        return None
    asked = played.fill(question.text)
    unknown = _unknown_in(question, played, passage)
    if unknown:
        return None
    others = _other_values(played, question, passage)
    if unsaid:
        wrong = (
            ("made up", played.predicate(question.answer)),
            *(("wrong words", o) for o in others),
        )
        return Answered(passage, asked, NOT_SAID, scene.name, wrong)
    holder = next((one for one in told if answer in one), passage)
    wrong = (
        *(("wrong words", other) for other in others),
        ("too long", holder),
        ("denies what is said", NOT_SAID),
    )
    return Answered(passage, asked, answer, scene.name, tuple(w for w in wrong if w[1] != answer))


def _beside(row: RowDraw, scene: Scene, played: Cast) -> list[str]:
    """Two sentences about someone else, of another scene and with other values."""
    chance = row.chance
    other = chance.choice([one for one in scenes(row.held_out_family) if one.name != scene.name])
    taken = {value.shown for value in played.values.values()}
    while True:
        second = cast(other.fields, chance, row.held_out_words)
        if taken.isdisjoint(value.shown for value in second.values.values()):
            return sentences(other, second, chance, 2)


def _names_subject(scene: Scene, question: Question) -> bool:
    return "{last}" in question.text or question.field == next(iter(scene.fields))


def _is_said(text: str, played: Cast, question: Question) -> bool:
    return played.values[question.field].shown in text


def _unknown_in(question: Question, played: Cast, passage: str) -> bool:
    """Whether the question speaks of something that the passage does not name."""
    names = named_slots(question.text) - {"last"}
    return any(played.values[name].shown not in passage for name in names)


def _other_values(played: Cast, question: Question, passage: str) -> list[str]:
    return [
        value.shown
        for name, value in played.values.items()
        if name != question.field and value.shown in passage
    ]
