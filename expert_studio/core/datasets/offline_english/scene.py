"""Scenes: a few facts about one subject, as sentences, questions and fields.

Notation, one scene a block: `@ name` ("!" for held out), then `field=kind` pairs, the first
being the subject; `>` a predicate of the subject; `=` a sentence, with other wordings of it
behind ` | `; `? field=answer: question`. Inside: `{field}`, `{a:field}` with its article,
`{s:field}` in the plural, `{last}` the subject in short, `[formal~simple]` two wordings.
The fields also serve the JSON tasks. Knows no task.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Literal

from expert_studio.core.datasets import offline_words
from expert_studio.core.datasets.offline_english import (
    scenes_home,
    scenes_work,
    scenes_world,
    slips,
)
from expert_studio.core.datasets.offline_words import Filled

_SLOT = re.compile(r"\{(?:(a|s):)?(\w+)\}")
_MARK = re.compile(r"\[([^\]~]*)~([^\]]*)\]")
KINDS_OF_PEOPLE = ("person", "name")
Wording = Literal["formal", "simple"]


@dataclass(frozen=True, slots=True)
class Question:
    """A question, and its answer as a template."""

    field: str
    answer: str
    text: str


@dataclass(frozen=True, slots=True)
class Scene:
    """One scene; templates are not filled yet.

    Attributes:
        predicates: what the subject does, without full stop.
        statements: whole sentences, each with its other wordings.
    """

    name: str
    held_out: bool
    fields: Mapping[str, str]
    predicates: tuple[str, ...]
    statements: tuple[tuple[str, ...], ...]
    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True)
class Slip:
    """A sentence with one marked slip of a kind."""

    name: str
    kind: str
    held_out: bool
    text: str


@dataclass(frozen=True, slots=True)
class Cast:
    """The values of one filled scene, and how its subject is spoken of."""

    values: Mapping[str, Filled]
    subject: str
    last: str
    pronoun: str  # "he", "she" or "it"

    def fill(self, template: str, wording: Wording = "simple") -> str:
        """The template with marks and slots resolved; the first letter is raised."""
        group = 1 if wording == "formal" else 2
        text = _MARK.sub(lambda mark: mark.group(group), template)
        text = _SLOT.sub(self._slot, text)
        return text[:1].upper() + text[1:]

    def predicate(self, template: str, wording: Wording = "simple") -> str:
        """A predicate, whose first letter stays as it is."""
        return self.fill("x " + template, wording)[2:]

    def _slot(self, match: re.Match[str]) -> str:
        form, name = match.groups()
        if name == "last":
            return self.last
        shown = self.values[name].shown
        if form == "a":
            return f"{offline_words.article(shown)} {shown}"
        return offline_words.plural(shown) if form == "s" else shown


@cache
def scenes(held_out: bool) -> tuple[Scene, ...]:
    """The training scenes, or the held-out ones."""
    text = "\n".join(module.TEXT for module in (scenes_home, scenes_work, scenes_world))
    every = [_scene(block) for block in text.split("\n@ ")[1:]]
    return tuple(scene for scene in every if scene.held_out == held_out)


@cache
def slip_lines(held_out: bool) -> tuple[Slip, ...]:
    """The sentences with a marked slip, of training or held out."""
    found: list[Slip] = []
    kind = ""
    for line in slips.TEXT.strip().splitlines():
        if line.startswith("# "):
            kind = line[2:]
            continue
        name = f"{kind.replace(' ', '-')}-{len(found)}"
        found.append(Slip(name, kind, line.startswith("!"), line.removeprefix("!")))
    return tuple(slip for slip in found if slip.held_out == held_out)


def cast(fields: Mapping[str, str], chance: Random, held_out: bool) -> Cast:
    """Draws all values of a scene; no two of them read the same."""
    values: dict[str, Filled] = {}
    taken: set[str] = set()
    for name, kind in fields.items():
        value = offline_words.draw(kind, chance, held_out)
        while not taken.isdisjoint(_tokens(value.shown)):
            value = offline_words.draw(kind, chance, held_out)
        taken |= _tokens(value.shown)
        values[name] = value
    first = next(iter(fields))
    shown = values[first].shown
    person = fields[first] in KINDS_OF_PEOPLE
    last = shown.rpartition(" ")[2] if person else shown
    return Cast(values, shown, last, values[first].gender or "it")


def slots(template: str) -> dict[str, str]:
    """The slots of a sentence that is no scene's, each with its kind: `{name2}` is a name."""
    names = [name for _, name in _SLOT.findall(template)]
    return {name: name.rstrip("2") for name in names}


def named_slots(template: str) -> frozenset[str]:
    """The fields a template states."""
    return frozenset(name for _, name in _SLOT.findall(template))


def _tokens(shown: str) -> set[str]:
    return {word for word in shown.lower().split() if word not in ("the", "street", "road")}


def _scene(block: str) -> Scene:
    head, fields, *lines = [line for line in block.strip().splitlines() if line]
    name, _, mark = head.partition(" ")
    questions = []
    for line in lines:
        if line.startswith("? "):
            asked, _, text = line[2:].partition(": ")
            field, _, answer = asked.partition("=")
            questions.append(Question(field, answer or f"{{{field}}}", text))
    return Scene(
        name=name,
        held_out=mark == "!",
        fields=dict(pair.split("=") for pair in fields.split()),
        predicates=tuple(line[2:] for line in lines if line.startswith("> ")),
        statements=tuple(tuple(line[2:].split(" | ")) for line in lines if line.startswith("= ")),
        questions=tuple(questions),
    )
