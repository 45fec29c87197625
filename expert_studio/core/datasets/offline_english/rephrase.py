"""Rephrasing on request: another voice, tense, person, order or politeness, same content.

Each request has one right answer. A family is a request with a verb or a scene.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from expert_studio.core.datasets.offline_english import verbs
from expert_studio.core.datasets.offline_english.scene import Scene, cast, scenes
from expert_studio.core.datasets.offline_english.verbs import Verb
from expert_studio.core.datasets.offline_request import RowDraw
from expert_studio.core.datasets.offline_words import draw

_HIM = {"he": "him", "she": "her"}
_HIS = {"he": "his", "she": "her"}
_SHORT = {
    "did not": "didn't",
    "does not": "doesn't",
    "will not": "won't",
    "has not": "hasn't",
    "is not": "isn't",
}


class Turned(NamedTuple):
    """What is asked, the text it is asked of, and the right answer."""

    ask: str
    text: str
    answer: str
    family: str


@dataclass(frozen=True, slots=True)
class _Clause:
    """Who did what, where and when; `thing` has no article."""

    who: str
    pronoun: str
    verb: Verb
    thing: str
    place: str
    past: str
    often: str
    later: str
    chance: Random

    @property
    def tail(self) -> str:
        return f" {self.place}" if self.place else ""

    @property
    def object(self) -> str:
        return f"the {self.thing}"

    @property
    def plain(self) -> str:
        return f"{self.who} {self.verb.past} {self.object}{self.tail} {self.past}."


def _clause(row: RowDraw) -> _Clause:
    chance = row.chance
    verb = chance.choice(verbs.verbs(row.held_out_family))
    kind = "person" if chance.random() < 0.6 else "name"
    who = draw(kind, chance, row.held_out_words)
    thing = chance.choice(verb.things)
    if row.difficulty != "easy" and " " not in thing:
        thing = f"{chance.choice(verbs.QUALITIES)} {thing}"
    return _Clause(
        who=who.shown,
        pronoun=who.gender,
        verb=verb,
        thing=thing,
        place=chance.choice(verbs.PLACES) if row.difficulty == "hard" else "",
        past=chance.choice(verbs.PAST_TIMES),
        often=chance.choice(verbs.OFTEN),
        later=chance.choice(verbs.LATER),
        chance=chance,
    )


def _raised(text: str) -> str:
    return text[:1].upper() + text[1:]


def _passive_text(c: _Clause) -> str:
    return f"The {c.thing} was {c.verb.participle} by {c.who}{c.tail} {c.past}."


def _passive(c: _Clause) -> tuple[str, str, str]:
    return "Put this sentence into the passive.", c.plain, _passive_text(c)


def _active(c: _Clause) -> tuple[str, str, str]:
    return "Put this sentence into the active voice.", _passive_text(c), c.plain


def _question(c: _Clause) -> tuple[str, str, str]:
    asked = f"Did {c.who} {c.verb.base} {c.object}{c.tail} {c.past}?"
    return "Turn this into a yes-or-no question.", c.plain, asked


def _negative(c: _Clause) -> tuple[str, str, str]:
    said = f"{c.who} did not {c.verb.base} {c.object}{c.tail} {c.past}."
    return 'Make this sentence negative, with "did not".', c.plain, said


def _future(c: _Clause) -> tuple[str, str, str]:
    said = f"{c.who} will {c.verb.base} {c.object}{c.tail} {c.later}."
    ask = f'Put this into the future with "will", and write "{c.later}" for the time.'
    return ask, c.plain, said


def _to_past(c: _Clause) -> tuple[str, str, str]:
    now = f"{c.who} {c.verb.third} {c.object}{c.tail} {c.often}."
    then = f"{c.who} {c.verb.past} {c.object}{c.tail} {c.often}."
    return "Put this into the simple past.", now, then


def _to_present(c: _Clause) -> tuple[str, str, str]:
    then = f"{c.who} {c.verb.past} {c.object}{c.tail} {c.often}."
    now = f"{c.who} {c.verb.third} {c.object}{c.tail} {c.often}."
    return "Put this into the simple present.", then, now


def _progressive(c: _Clause) -> tuple[str, str, str]:
    now = f"{c.who} {c.verb.third} {c.object}{c.tail}."
    said = f"{c.who} is {c.verb.progressive} {c.object}{c.tail} now."
    return 'Say that it is happening now: use "is", the -ing form, and "now" at the end.', now, said


def _perfect(c: _Clause) -> tuple[str, str, str]:
    then = f"{c.who} {c.verb.past} {c.object}{c.tail}."
    said = f"{c.who} has {c.verb.participle} {c.object}{c.tail}."
    return "Put this into the present perfect.", then, said


def _polite(c: _Clause) -> tuple[str, str, str]:
    order = f"{_raised(c.verb.base)} {c.object}{c.tail} {c.later}, {c.who.split()[0]}."
    said = f"{c.who.split()[0]}, could you please {c.verb.base} {c.object}{c.tail} {c.later}?"
    return 'Make this a polite question with "could you please"; begin with the name.', order, said


def _time_first(c: _Clause) -> tuple[str, str, str]:
    said = f"{_raised(c.past)}, {c.who} {c.verb.past} {c.object}{c.tail}."
    return "Begin the sentence with the time.", c.plain, said


def _reported(c: _Clause) -> tuple[str, str, str]:
    direct = f'{c.who} said, "I {c.verb.past} {c.object}{c.tail}."'
    said = f"{c.who} said that {c.pronoun} had {c.verb.participle} {c.object}{c.tail}."
    return "Turn the direct speech into reported speech.", direct, said


def _direct(c: _Clause) -> tuple[str, str, str]:
    reported = f"{c.who} said that {c.pronoun} would {c.verb.base} {c.object}{c.tail}."
    said = f'{c.who} said, "I will {c.verb.base} {c.object}{c.tail}."'
    return "Turn the reported speech into direct speech.", reported, said


def _short_form(c: _Clause) -> tuple[str, str, str]:
    full, short = _short_of(c)
    return "Use the short form.", full, short


def _full_form(c: _Clause) -> tuple[str, str, str]:
    full, short = _short_of(c)
    return "Write the short form out in full.", short, full


def _short_of(c: _Clause) -> tuple[str, str]:
    long, forms = c.chance.choice(
        (
            ("did not", c.verb.base),
            ("does not", c.verb.base),
            ("will not", c.verb.base),
            ("has not", c.verb.participle),
            ("is not", c.verb.progressive),
        )
    )
    full = f"{c.who} {long} {forms} {c.object}{c.tail}."
    return full, full.replace(long, _SHORT[long], 1)


def _pronouns(c: _Clause) -> tuple[str, str, str]:
    said = f"{_raised(c.pronoun)} {c.verb.past} it{c.tail} {c.past}."
    ask = f'Replace {c.who} by "{c.pronoun}" and the {c.thing} by "it".'
    return ask, c.plain, said


def _first_person(c: _Clause) -> tuple[str, str, str]:
    said = f"I {c.verb.past} {c.object}{c.tail} {c.past}."
    return f"Write this as if you were {c.who}.", c.plain, said


def _who_question(c: _Clause) -> tuple[str, str, str]:
    asked = f"Who {c.verb.past} {c.object}{c.tail} {c.past}?"
    return f"Write the question whose answer is {c.who}.", c.plain, asked


def _emphasis(c: _Clause) -> tuple[str, str, str]:
    said = f"It was {c.who} who {c.verb.past} {c.object}{c.tail} {c.past}."
    return 'Stress the person: begin with "It was".', c.plain, said


REQUESTS: Mapping[str, Callable[[_Clause], tuple[str, str, str]]] = {
    "passive": _passive,
    "active": _active,
    "question": _question,
    "negative": _negative,
    "future": _future,
    "past": _to_past,
    "present": _to_present,
    "progressive": _progressive,
    "perfect": _perfect,
    "polite": _polite,
    "time-first": _time_first,
    "reported": _reported,
    "direct": _direct,
    "short-form": _short_form,
    "full-form": _full_form,
    "pronouns": _pronouns,
    "first-person": _first_person,
    "who": _who_question,
    "emphasis": _emphasis,
}
_OTHER_WORDS = (
    'Say this in other words. Begin with "{start}".',
    'Rephrase this so that it begins with "{start}".',
    'Write this another way, starting with "{start}".',
)


def turned(row: RowDraw) -> Turned:
    """One request with its answer."""
    if row.chance.random() < 0.25:
        return _other_words(row)
    name = row.chance.choice(tuple(REQUESTS))
    clause = _clause(row)
    ask, text, answer = REQUESTS[name](clause)
    return Turned(ask, text, answer, f"{name}/{clause.verb.base}")


def worded_scenes(held_out: bool) -> tuple[Scene, ...]:
    """The scenes that have a sentence with two wordings."""
    return tuple(
        scene for scene in scenes(held_out) if any(len(said) > 1 for said in scene.statements)
    )


def _other_words(row: RowDraw) -> Turned:
    chance = row.chance
    scene = chance.choice(worded_scenes(row.held_out_family))
    two = chance.choice([said for said in scene.statements if len(said) > 1])
    played = cast(scene.fields, chance, row.held_out_words)
    source, target = (played.fill(one) for one in chance.sample(two, 2))
    start = " ".join(target.split()[:2]).rstrip(",.")
    ask = chance.choice(_OTHER_WORDS).format(start=start)
    if row.difficulty == "hard":
        opening = f"{played.fill('{last}')} {played.predicate(chance.choice(scene.predicates))}."
        ask = f'Keep the first sentence. Rephrase the second so that it begins with "{start}".'
        source, target = f"{opening} {source}", f"{opening} {target}"
    return Turned(ask, source, target, f"wording/{scene.name}")
