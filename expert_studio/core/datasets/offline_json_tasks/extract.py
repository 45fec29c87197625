"""Extraction: fields named in the request, read from a short text into JSON.

Texts are scenes, statements put together anew, or sentences with a list in them. Easy asks
for two or three keys, medium for more and sometimes gives a null, hard gives a nested
target or two subjects.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from random import Random
from typing import NamedTuple

from expert_studio.core.datasets import offline_words
from expert_studio.core.datasets.examples import user_message
from expert_studio.core.datasets.offline_english.correct import sentences
from expert_studio.core.datasets.offline_english.scene import Cast, Scene, cast, scenes
from expert_studio.core.datasets.offline_json_tasks.any_keys import (
    ANY_KEYS,
    any_keys,
    any_value,
    wants_any_keys,
)
from expert_studio.core.datasets.offline_json_tasks.medley_keys import HELD_OUT_KEYS, KEYS
from expert_studio.core.datasets.offline_json_tasks.repair import compact
from expert_studio.core.datasets.offline_json_tasks.scene_keys import keys_of
from expert_studio.core.datasets.offline_json_tasks.shapes import Member, value
from expert_studio.core.datasets.offline_request import RowDraw
from expert_studio.core.datasets.offline_words import Filled, plural

_ASKS = (
    "Extract {keys} as JSON.",
    "Extract {keys} from this text as JSON.",
    "Return a JSON object with the keys {keys}.",
    "Give {keys} as JSON.",
    "Read the text and answer with JSON. Keys: {keys}.",
    "JSON with {keys}, please.",
)
QUOTED: Mapping[str, float] = {"easy": 0.8, "medium": 0.3, "hard": 0.1}  # keys, in a request
QUOTED_VALUES = 0.5  # texts in a statement of an easy row
_OR_NULL = (" Use null for what is not said.", " Give null where the text is silent.")
_FILL = (
    "Fill this JSON from the text:\n{target}",
    "Answer with this JSON, filled from the text:\n{target}",
    "Read the text into this form:\n{target}",
)
_BOTH = (
    "Extract a JSON list of both, with {keys}.",
    "There are two of them. Give a JSON list with {keys} for each.",
)
# name|sentence|fields of the whole|key of the list|fields of one|how one is said|joined by
_LISTS = """
order|{customer} ordered {list}.
  |customer=person|items|quantity=small name=item|{quantity} {s:name}
team|The team of {coach} in {city}: {list}.
  |coach=person city=city|players|name=person age=age|{name} ({age})
prices|At the market in {city}: {list}.
  |city=city|goods|food=food euros=amount|{food} for {euros} euros
stops|The bus leaves {start} at {time} and stops in {list}.
  |start=city time=time|stops|city=city minutes=count|{city} after {minutes} minutes
animals|{farmer} keeps {list}.
  |farmer=person|animals|count=count kind=livestock|{count} {s:kind}
staff|{company} employs {list}.
  |company=company|staff|name=person job=job|{name} as {a:job}
results|Results of the {sport} match on {day}: {list}.
  |sport=sport day=day|results|city=city points=percent|{city} {points} points
rooms|The house at {street} has {list}.
  |street=street|rooms|room=room area_m2=small|{a:room} of {area_m2} square metres
books|{reader} read {list}.
  |reader=person|books|title=title pages=count|{title} ({pages} pages)
lessons|Lessons of {teacher}: {list}.
  |teacher=person|lessons|subject=subject day=day|{subject} on {day}
paint|{painter} painted {list}.
  |painter=person|things|thing=item color=color|the {thing} {color}
gifts|For the wedding on {date} came {list}.
  |date=date|gifts|gift=item from=person|{a:gift} from {from}
orchestra|{conductor} leads {list}.
  |conductor=person|musicians|name=person instrument=instrument|{name} on the {instrument}
weather|Forecast for {day}: {list}.
  |day=day|cities|city=city degrees=small|{degrees} degrees in {city}
planted|In {month}, {gardener} planted {list}.
  |month=month gardener=person|plants|plant=plant count=small|{count} {s:plant}
repairs|{shop} repaired {list}.
  |shop=company|repairs|device=device euros=amount|{a:device} for {euros} euros
!luggage|{traveller} checked in {list}.
  |traveller=person|luggage|thing=gear weight_kg=small|{a:thing} of {weight_kg} kg
!votes|The election in {city} gave {list}.
  |city=city|votes|name=person percent=percent|{percent} percent to {name}
!rentals|{shop} rented out {list}.
  |shop=company|rentals|vehicle=vehicle days=small|{a:vehicle} for {days} days
!menu|On {day}, {cook} serves {list}.
  |day=day cook=person|dishes|dish=food euros=amount|{dish} at {euros} euros
"""
_SAID = (
    "The {key} is {value}.",
    "Its {key} is {value}.",
    "{Key}: {value}.",
    "{Key} = {value}.",
    "{Key} {value}.",
    "As {key} we have {value}.",
)
# Kinds whose keys are nouns, so that "The key is ..." is English.
_NOUNS = ("person", "company", "city", "count", "small", "amount", "code", "item", "color",
          "email", "phone", "country", "language", "job", "version", "host", "animal")  # fmt: skip
_ASIDES = (
    "Please reply within 30 days.",
    "Thank you for your message.",
    "This is the second reminder.",
    "We look forward to seeing you.",
    "See page 4 for details.",
    "No further action is needed.",
    "All figures are provisional.",
    "Sent from my phone.",
)


class Extracted(NamedTuple):
    """The whole request and its answer as a JSON value."""

    prompt: str
    answer: Member
    family: str


def extracted(row: RowDraw) -> Extracted:
    """One text to read into JSON."""
    if wants_any_keys(row):
        return _of_any_keys(row)
    kind = row.chance.random()
    if kind < 0.25:
        return _medley(row)
    if kind < 0.45 and row.difficulty != "easy":
        return _list(row)
    return _scene(row)


def list_names(held_out: bool) -> tuple[str, ...]:
    """The families of sentences with a list."""
    return tuple(line.partition("|")[0].removeprefix("!") for line in _list_lines(held_out))


def _list_lines(held_out: bool) -> list[str]:
    lines = _LISTS.strip().replace("\n  |", "|").splitlines()
    return [x for x in lines if x.startswith("!") == held_out]


def _named(keys: list[str], chance: Random, quoted: float = 0.0) -> str:
    """The keys as a list in words; with the share `quoted` as JSON writes them."""
    spoken = [key.replace("_", " ") for key in keys] if chance.random() < 0.1 else keys
    if chance.random() < quoted:
        spoken = [f'"{key}"' for key in keys]
    if len(keys) == 1:
        return spoken[0]
    return ", ".join(spoken[:-1]) + chance.choice((", ", " and ")) + spoken[-1]


def _scene(row: RowDraw) -> Extracted:
    chance = row.chance
    scene = chance.choice(scenes(row.held_out_family))
    keys = keys_of(scene.name)
    played = cast(scene.fields, chance, row.held_out_words)
    count = {"easy": 2, "medium": 3, "hard": 5}[row.difficulty]
    if row.difficulty == "hard" and chance.random() < 0.35:
        return _two(row, scene, played)
    told = sentences(scene, played, chance, count + chance.randint(0, 2))
    text = _with_aside(" ".join(told), chance)
    said = {keys[f]: played.values[f] for f in keys if played.values[f].shown in text}
    silent = [keys[field] for field in keys if keys[field] not in said]
    names = chance.sample(list(said), min(len(said), chance.randint(2, count)))
    nulls = silent[:1] if silent and row.difficulty != "easy" and chance.random() < 0.3 else []
    names += nulls
    chance.shuffle(names)
    answer: dict[str, Member] = {name: said[name].value if name in said else None for name in names}
    family = f"scene/{scene.name}"
    if row.difficulty == "hard" and len(names) > 3 and chance.random() < 0.6:
        return _into_form(chance, text, answer, bool(nulls), family)
    ask = chance.choice(_ASKS).format(keys=_named(names, chance, QUOTED[row.difficulty]))
    if nulls:
        ask += chance.choice(_OR_NULL)
    return Extracted(user_message(ask, text), answer, family)


def _into_form(
    chance: Random, text: str, answer: dict[str, Member], nulls: bool, family: str
) -> Extracted:
    """A nested target: some of the keys lie in an inner object."""
    names = list(answer)
    inner = names[chance.randint(1, len(names) - 2) :]
    group = chance.choice(("details", "data", "more", "facts", "info"))
    nested: dict[str, Member] = {name: answer[name] for name in names if name not in inner}
    nested[group] = {name: answer[name] for name in inner}
    target = json.dumps(_kinds(nested))
    ask = chance.choice(_FILL).format(target=target)
    if nulls:
        ask += chance.choice(_OR_NULL)
    return Extracted(user_message(ask, text), nested, family)


def _kinds(value: Member) -> Member:
    """A document with the kind of each value in its place."""
    if isinstance(value, dict):
        return {name: _kinds(member) for name, member in value.items()}
    if isinstance(value, bool):
        return "true or false"
    return "number" if isinstance(value, int | float) else "text"


def _two(row: RowDraw, scene: Scene, first: Cast) -> Extracted:
    chance = row.chance
    keys = keys_of(scene.name)
    second = cast(scene.fields, chance, row.held_out_words)
    if first.last == second.last:
        return _scene(row)
    texts = [" ".join(sentences(scene, one, chance, 4)) for one in (first, second)]
    subject = next(iter(scene.fields))
    shared = [
        field
        for field in keys
        if field != subject
        and all(
            one.values[field].shown in text
            for one, text in zip((first, second), texts, strict=True)
        )
    ]
    fields = [subject, *chance.sample(shared, min(len(shared), 2))]
    answer: list[Member] = [
        {keys[field]: one.values[field].value for field in fields} for one in (first, second)
    ]
    ask = chance.choice(_BOTH).format(keys=_named([keys[field] for field in fields], chance))
    return Extracted(user_message(ask, " ".join(texts)), answer, f"scene/{scene.name}")


def _medley(row: RowDraw) -> Extracted:
    """A text put together anew for every row, so that keys are copied, not remembered."""
    chance = row.chance
    kinds = HELD_OUT_KEYS if row.held_out_family else KEYS
    count = {"easy": 3, "medium": 5, "hard": 7}[row.difficulty]
    names = chance.sample(list(kinds), min(count, len(kinds)))
    drawn = {name: value(kinds[name], chance, row.held_out_words) for name in names}
    family = "held-out-medley" if row.held_out_family else "medley"
    chosen = {name: kinds[name] for name in names}
    return _told(row, chosen, drawn, family, more=row.difficulty == "hard")


def _of_any_keys(row: RowDraw) -> Extracted:
    """As `_medley`, of keys and values that no list holds."""
    chance = row.chance
    more = {"easy": 0, "medium": 1, "hard": 3}[row.difficulty]
    kinds = any_keys(chance, chance.randint(3, 4) + more)
    drawn = {name: any_value(kind, chance) for name, kind in kinds.items()}
    return _told(row, kinds, drawn, ANY_KEYS)


def _told(
    row: RowDraw,
    kinds: Mapping[str, str],
    drawn: Mapping[str, Filled],
    family: str,
    more: int = 0,
) -> Extracted:
    """A statement of every key, and two to four of them to read, or so many more."""
    chance = row.chance
    said = [_stated(row, name, kind, drawn[name]) for name, kind in kinds.items()]
    asked = chance.sample(list(kinds), chance.randint(2, min(4, len(kinds))) + more)
    ask = chance.choice(_ASKS).format(keys=_named(asked, chance, QUOTED[row.difficulty]))
    text = _with_aside(" ".join(said), chance)
    answer: dict[str, Member] = {name: drawn[name].value for name in asked}
    return Extracted(user_message(ask, text), answer, family)


def _stated(row: RowDraw, key: str, kind: str, drawn: Filled) -> str:
    """One statement; easy ones write the key as it is asked for, and texts often in quotes."""
    easy, shown = row.difficulty == "easy", drawn.shown
    if easy and isinstance(drawn.value, str) and row.chance.random() < QUOTED_VALUES:
        shown = f'"{shown}"'
    forms = _SAID if kind in _NOUNS and not key.endswith("s") else _SAID[2:5]
    written = key if easy else key.capitalize()
    return row.chance.choice(forms).format(key=key, Key=written, value=shown)


def _with_aside(text: str, chance: Random) -> str:
    if chance.random() > 0.2:
        return text
    aside = chance.choice(_ASIDES)
    return f"{text} {aside}" if chance.random() < 0.6 else f"{aside} {text}"


def _list(row: RowDraw) -> Extracted:
    chance = row.chance
    line = chance.choice(_list_lines(row.held_out_family)).removeprefix("!")
    name, sentence, whole, list_key, one, said = line.split("|")
    outer = _fields(whole, chance, row.held_out_words)
    count = chance.randint(2, 3 if row.difficulty == "medium" else 4)
    drawn: list[dict[str, Filled]] = []
    while len(drawn) < count:
        member = _fields(one, chance, row.held_out_words)
        if all(next(iter(other.values())) != next(iter(member.values())) for other in drawn):
            drawn.append(member)
    parts = [_said(said, member) for member in drawn]
    text = _said(sentence, outer).replace("{list}", ", ".join(parts[:-1]) + " and " + parts[-1])
    inner = list(drawn[0])
    members: list[Member] = [{key: member[key].value for key in inner} for member in drawn]
    spoken = f"each with {_named(inner, chance)}"
    asked = list(outer)[: chance.randint(0, len(outer))]
    if not asked:
        ask = f"Extract a JSON list of the {list_key}, {spoken}."
        return Extracted(user_message(ask, text), members, f"list/{name}")
    ask = f"Extract {_named(asked, chance)} and a list {list_key}, {spoken}, as JSON."
    answer: dict[str, Member] = {key: outer[key].value for key in asked}
    answer[list_key] = members
    return Extracted(user_message(ask, text), answer, f"list/{name}")


def _fields(pairs: str, chance: Random, held_out: bool) -> dict[str, Filled]:
    split = (pair.split("=") for pair in pairs.split())
    return {name: offline_words.draw(kind, chance, held_out) for name, kind in split}


def _said(template: str, values: Mapping[str, Filled]) -> str:
    for name, filled in values.items():
        shown = filled.shown
        template = template.replace(f"{{{name}}}", shown)
        template = template.replace(f"{{a:{name}}}", f"{offline_words.article(shown)} {shown}")
        template = template.replace(f"{{s:{name}}}", plural(shown))
    return template


__all__ = ["Extracted", "compact", "extracted", "list_names"]
