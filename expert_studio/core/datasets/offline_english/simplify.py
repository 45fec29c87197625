"""Simplifying: plain words for formal ones, short sentences for long ones."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from expert_studio.core.datasets.offline_english.correct import raised
from expert_studio.core.datasets.offline_english.scene import Cast, Scene, cast, scenes, slots
from expert_studio.core.datasets.offline_request import RowDraw

_WORDY = """
[Due to the fact that~Because] the {vehicle} broke down, {name} came late.
[In the event that~If] it rains on {day}, the concert in {city} is cancelled.
[At this point in time~Now] the {building} is closed.
[In order to~To] reach {city}, {name} took the {vehicle}.
[Prior to~Before] the meeting in {city}, {person} read the report.
[Subsequent to~After] the storm, the {building} had no roof.
{company} will [make a decision~decide] on {day}.
{name} [has the ability to~can] speak {language}.
[In spite of the fact that~Although] it was cold, {name} swam in the sea.
[A large number of~Many] people visit the {building} in {city}.
[The majority of~Most] visitors come to {city} in {month}.
{person} works in [close proximity to~near] the {building}.
{name} called [with regard to~about] the {item}.
The {building} will be open [until such time as~until] the work begins.
{name} [is in possession of~has] {a:item}.
We [conducted an investigation of~investigated] the fire in the {building}.
[On a regular basis~Regularly], {name} visits {person} in {city}.
{company} [gave consideration to~considered] the offer from {company2}.
{name} stayed in {city} [for the duration of~during] the holidays.
The {item} is [of a red colour~red] and stands in the {room}.
[It is necessary that you~You must] sign the letter before {day}.
{name} was late [owing to~because of] the snow in {city}.
{person} moved to {city} [at an earlier point in time~earlier].
{name} [made an attempt to~tried to] repair the {item}.
[In the near future~Soon] {company} will open a shop in {city}.
The guests [expressed their gratitude to~thanked] {person}.
{name} [is under the impression~thinks] that the {animal} is ill.
[With the exception of~Except for] {name}, everyone came to {city}.
They [reached an agreement~agreed] on {day}.
{name} bought the {item} [for the purpose of using it~to use it] in the {room}.
{person} [provided assistance to~helped] the people of {city}.
!The train to {city} is late [due to the fact that~because] a tree fell on the line.
![In the event that~If] {name} calls, tell me.
!{name} [has the ability to~can] play the {instrument}.
![Prior to~Before] lunch, {person} went to the {building}.
![A large number of~Many] {s:item} were sold in {month}.
!{person} [made an attempt to~tried to] open the {item}.
![In spite of the fact that~Although] it was late, {name} walked to {city}.
!{company} [provided assistance to~helped] {name}.
"""
_ASK_WORDS = (
    "Say this in simpler words.",
    "Replace the formal words with simple ones.",
    "Use plain words.",
)


class Simplified(NamedTuple):
    """What is asked, the hard text, the simple one, wrong ones as (flaw, answer)."""

    ask: str
    hard: str
    simple: str
    family: str
    wrong: tuple[tuple[str, str], ...]


def wordy_lines(held_out: bool) -> tuple[tuple[str, str], ...]:
    """Sentences with wordy phrases, each with its name."""
    lines = enumerate(_WORDY.strip().splitlines())
    return tuple(
        (f"wordy-{number}", line.removeprefix("!"))
        for number, line in lines
        if line.startswith("!") == held_out
    )


def simplified(row: RowDraw) -> Simplified:
    """One text with its simpler form."""
    chance = row.chance
    if chance.random() < 0.3:
        return _wordy(row)
    scene = chance.choice(scenes_of_people(row.held_out_family))
    played = cast(scene.fields, chance, row.held_out_words)
    if chance.random() < 0.35:
        return _plain_words(chance, scene, played, row.difficulty == "hard")
    return _short_sentences(
        chance, scene, played, {"easy": 2, "medium": 2, "hard": 3}[row.difficulty]
    )


def scenes_of_people(held_out: bool) -> tuple[Scene, ...]:
    """The scenes whose subject is a person with three predicates or more."""
    return tuple(
        scene
        for scene in scenes(held_out)
        if next(iter(scene.fields.values())) == "person" and len(scene.predicates) > 2
    )


def _wordy(row: RowDraw) -> Simplified:
    chance = row.chance
    lines = wordy_lines(row.held_out_family)
    chosen = chance.sample(lines, 2 if row.difficulty == "hard" else 1)
    pairs = []
    for _, line in chosen:
        played = cast(slots(line), chance, row.held_out_words)
        pairs.append((played.fill(line, "formal"), played.fill(line)))
    hard, simple = (" ".join(pair[side] for pair in pairs) for side in (0, 1))
    wrong = (("left as it was", hard), ("talks about it", f"In simpler words: {simple}"))
    return Simplified(chance.choice(_ASK_WORDS), hard, simple, chosen[0][0], wrong)


def _plain_words(chance: Random, scene: Scene, played: Cast, long: bool) -> Simplified:
    formal = [one for one in scene.predicates if "~" in one]
    others = [one for one in scene.predicates if "~" not in one]
    used = [chance.choice(formal)]
    if long:
        used.append(chance.choice(others))
        chance.shuffle(used)
    speakers = (played.subject, raised(played.pronoun))
    told = [
        tuple(f"{who} {played.predicate(one, wording)}." for wording in ("formal", "simple"))
        for who, one in zip(speakers, used, strict=False)
    ]
    hard, simple = (" ".join(pair[side] for pair in told) for side in (0, 1))
    wrong = (("left as it was", hard), ("talks about it", f"In simpler words: {simple}"))
    return Simplified(chance.choice(_ASK_WORDS), hard, simple, f"words/{scene.name}", wrong)


def _short_sentences(chance: Random, scene: Scene, played: Cast, count: int) -> Simplified:
    places = sorted(chance.sample(range(len(scene.predicates)), count))
    told = [played.predicate(scene.predicates[place]) for place in places]
    who, he = played.subject, raised(played.pronoun)
    if count == 3:
        long = f"{who}, who {told[0]}, {told[1]} and {told[2]}."
    else:
        long = chance.choice(
            (
                f"{who}, who {told[0]}, {told[1]}.",
                f"{who} {told[0]} and {told[1]}.",
                f"{who} not only {told[0]} but also {told[1]}."
                if not told[0].startswith(("is ", "has ", "wants ", "will ", "cannot "))
                else f"{who}, who {told[0]}, {told[1]}.",
                f"There is {who}, who {told[0]} and {told[1]}.",
            )
        )
    short = " ".join((f"{who} {told[0]}.", *(f"{he} {one}." for one in told[1:])))
    number = {2: "two", 3: "three"}[count]
    later = "the second" if count == 2 else "the others"
    ask = chance.choice(
        (
            f'Split this into {number} short sentences. Begin {later} with "{he}".',
            f'Make this {number} short sentences, {later} beginning with "{he}".',
        )
    )
    wrong = (
        ("left as it was", long),
        ("lost detail", " ".join((f"{who} {told[0]}.", *(f"{he} {one}." for one in told[1:-1])))),
        ("talks about it", f"Here are {number} sentences: {short}"),
    )
    return Simplified(ask, long, short, f"split/{scene.name}", wrong)
