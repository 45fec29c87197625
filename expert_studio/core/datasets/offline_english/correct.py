"""Correction: a text with errors of known kinds, and the text without them.

Easy is one error in one sentence, medium two in one or two, hard three or four in two or
three. A few rows have no error at all, so that a right sentence stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from expert_studio.core.datasets.offline_english import verbs
from expert_studio.core.datasets.offline_english.clean_text import CleanText
from expert_studio.core.datasets.offline_english.errors import DAMAGES, damaged
from expert_studio.core.datasets.offline_english.scene import (
    KINDS_OF_PEOPLE,
    Cast,
    Scene,
    Slip,
    cast,
    named_slots,
    scenes,
    slip_lines,
    slots,
)
from expert_studio.core.datasets.offline_request import RowDraw
from expert_studio.core.datasets.offline_words import draw

ASKS = (
    "Correct the mistakes.",
    "Correct this text.",
    "Fix the grammar and spelling.",
    "Correct the errors in this text.",
    "Write this in correct English.",
    "Correct the English:",
    "Fix the mistakes in this text.",
)
RIGHT_ALREADY = 0.06
VERB_FORM = "verb form"
SCENE_TRIES = 60  # scenes tried for one that can have an error of the kinds asked for
_REFERS = re.compile(r"\b(?:it|them|they|the \w+)\b(?!~)")
_ERRORS = {"easy": (1,), "medium": (2,), "hard": (3, 4)}
_SENTENCES = {"easy": (1,), "medium": (1, 2), "hard": (2, 3)}


class Corrected(NamedTuple):
    """A wrong text, the right one, the kinds of error in it."""

    wrong: str
    right: str
    kinds: tuple[str, ...]
    family: str
    origin: CleanText | None = None


def corrected(row: RowDraw, clean: tuple[CleanText, ...] = ()) -> Corrected:
    """A text with its errors; `clean` holds right sentences of a corpus, used for some rows."""
    chance = row.chance
    count = chance.choice(_ERRORS[row.difficulty])
    damages = tuple(kind for kind in row.kinds if kind in DAMAGES)
    lines = [line for line in slip_lines(row.held_out_family) if line.kind in row.kinds]
    chosen = chance.random()
    if clean and chosen < 0.3:
        return _of_corpus(chance, clean, count, damages)
    if chosen < 0.6 and row.difficulty != "hard" and (lines or not row.kinds):
        return _of_slip(row, lines or slip_lines(row.held_out_family), count)
    if chosen > 0.9 and row.difficulty != "hard" and (VERB_FORM in row.kinds or not row.kinds):
        return _of_verb(row, count)
    if row.kinds and not damages:  # then there are slips or verbs alone
        return _of_slip(row, lines, count) if lines else _of_verb(row, count)
    return _of_scene(row, count, damages)


def _of_slip(row: RowDraw, lines: Sequence[Slip], count: int) -> Corrected:
    chance = row.chance
    line = chance.choice(lines)
    fields = slots(line.text) or {"name": "name"}
    played = cast(fields, chance, row.held_out_words)
    wrong, right = played.fill(line.text, "formal"), played.fill(line.text)
    if chance.random() < RIGHT_ALREADY:
        return Corrected(right, right, (), f"slip/{line.name}")
    more: tuple[str, ...] = ()
    if count > 1:
        wrong, more = damaged(chance, wrong, count - 1, _HARMLESS)
    return Corrected(wrong, right, (line.kind, *more), f"slip/{line.name}")


# Kinds that never touch the place of a slip: what else a line with a slip may suffer.
_HARMLESS = ("doubled word", "capital", "full stop", "preposition", "typing slip")


def _of_scene(row: RowDraw, count: int, kinds_of: tuple[str, ...]) -> Corrected:
    for _ in range(SCENE_TRIES if kinds_of else 0):
        made = _scene_once(row, count, kinds_of)
        if made is not None:
            return made
    made = _scene_once(row, count, ())
    assert made is not None  # every sentence can lose its full stop
    return made


def _scene_once(row: RowDraw, count: int, kinds_of: tuple[str, ...]) -> Corrected | None:
    """A damaged scene; None where it cannot have any of the kinds."""
    chance = row.chance
    scene = chance.choice(scenes(row.held_out_family))
    played = cast(scene.fields, chance, row.held_out_words)
    how_many = chance.choice(_SENTENCES[row.difficulty])
    right = " ".join(sentences(scene, played, chance, how_many))
    if chance.random() < RIGHT_ALREADY:
        return Corrected(right, right, (), f"scene/{scene.name}")
    wrong, kinds = damaged(chance, right, count, kinds_of)
    if not kinds:
        if kinds_of:
            return None
        wrong, kinds = damaged(chance, right, 1, ("full stop",))
    return Corrected(wrong, right, kinds, f"scene/{scene.name}")


def _of_verb(row: RowDraw, count: int) -> Corrected:
    chance = row.chance
    verb = chance.choice(verbs.verbs(row.held_out_family))
    who = draw("person", chance, row.held_out_words).shown
    thing = chance.choice(verb.things)
    place = chance.choice(verbs.PLACES)
    right, wrong = chance.choice(
        (
            (
                f"{who} has {verb.participle} the {thing} {place}.",
                f"{who} have {verb.participle} the {thing} {place}.",
            ),
            (
                f"{who} did not {verb.base} the {thing} {place}.",
                f"{who} did not {verb.past} the {thing} {place}.",
            ),
            (
                f"The {thing} was {verb.participle} by {who} {place}.",
                f"The {thing} were {verb.participle} by {who} {place}.",
            ),
            (
                f"{who} is {verb.progressive} the {thing} {place}.",
                f"{who} is {verb.base} the {thing} {place}.",
            ),
            (
                f"{who} wants to {verb.base} the {thing} {place}.",
                f"{who} wants {verb.base} the {thing} {place}.",
            ),
            (
                f"Tomorrow {who} will {verb.base} the {thing} {place}.",
                f"Tomorrow {who} will {verb.third} the {thing} {place}.",
            ),
            (
                f"{who} {verb.third} the {thing} every week {place}.",
                f"{who} {verb.base} the {thing} every week {place}.",
            ),
        )
    )
    if wrong == right:
        wrong = wrong.replace("the ", "the the ", 1)
    more: tuple[str, ...] = ()
    if count > 1:
        wrong, more = damaged(chance, wrong, count - 1, _HARMLESS)
    return Corrected(wrong, right, (VERB_FORM, *more), f"verb/{verb.base}")


def _of_corpus(
    chance: Random, clean: tuple[CleanText, ...], count: int, kinds_of: tuple[str, ...]
) -> Corrected:
    for _ in range(20):
        origin = chance.choice(clean)
        wrong, kinds = damaged(chance, origin.text, count, kinds_of)
        if kinds:
            break
    return Corrected(wrong, origin.text, kinds, f"corpus/{origin.source}", origin)


def sentences(scene: Scene, played: Cast, chance: Random, count: int) -> list[str]:
    """So many sentences of a scene, in its order; the first names the subject in full.

    A pronoun stands only where the sentence before speaks of no other person.
    """
    if count == 1:
        alone = [one for one in scene.predicates if not _REFERS.search(one)]
        chosen = [("predicate", chance.choice(alone or scene.predicates[:1]))]
    else:
        parts = [("predicate", one) for one in scene.predicates[1:]]
        parts += [("statement", chance.choice(said)) for said in scene.statements]
        places = sorted(chance.sample(range(len(parts)), min(count - 1, len(parts))))
        chosen = [("predicate", scene.predicates[0]), *(parts[place] for place in places)]
    people = {name for name, kind in scene.fields.items() if kind in KINDS_OF_PEOPLE}
    told: list[str] = []
    clear = False
    for kind, template in chosen:
        if kind == "statement":
            told.append(played.fill(template))
        else:
            speaker = played.pronoun if clear and chance.random() < 0.6 else played.last
            speaker = speaker if told else played.subject
            told.append(raised(f"{speaker} {played.predicate(template)}."))
        clear = kind == "predicate" and not named_slots(template) & people
    return told


def raised(text: str) -> str:
    """With a capital letter at the start."""
    return text[:1].upper() + text[1:]
