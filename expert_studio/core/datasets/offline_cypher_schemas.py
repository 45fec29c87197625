"""Graph schemas for Cypher tasks: labels, properties and relationships of many domains.

A schema is drawn anew for every row: a domain's own labels, labels of several domains put
together, or invented ones, so that names must be read and not remembered. A quarter of the
domains, the words and the endings is held out. Knows nothing of questions or queries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from expert_studio.core.datasets import offline_values as v
from expert_studio.core.datasets.offline_cypher_domains import (
    CATEGORIES,
    DOMAINS,
    FLAGS,
    INVENTED_VERBS,
    LABELS,
    NUMBERS,
    VALUES,
)

Kind = Literal["key", "number", "category", "flag"]
LISTED_SHARE = 0.6  # of labels put together anew: from a list, not invented
_RANGES: Mapping[str, tuple[int, int, int]] = {
    # least, most, step
    "year": (1950, 2025, 1),
    "small": (2, 30, 1),
    "mid": (20, 600, 5),
    "big": (1000, 90000, 500),
    "score": (1, 10, 1),
    "age": (18, 80, 1),
}


@dataclass(frozen=True, slots=True)
class Property:
    """One property; `of` says what values it has: a range's name, or words between slashes."""

    name: str
    kind: Kind
    of: str = ""

    @property
    def spoken(self) -> str:
        """As a person says it: "hIndex" is "h index"."""
        return spoken(self.name)


@dataclass(frozen=True, slots=True)
class Label:
    """A kind of node. The first property is the one it is known by."""

    name: str
    plural: str
    properties: tuple[Property, ...]

    @property
    def singular(self) -> str:
        return spoken(self.name)

    @property
    def key(self) -> Property:
        return self.properties[0]

    def of_kind(self, kind: Kind) -> tuple[Property, ...]:
        return tuple(each for each in self.properties if each.kind == kind)


@dataclass(frozen=True, slots=True)
class Relationship:
    """A directed relationship and how it is said: "a person lives in", "persons live in"."""

    kind: str
    start: Label
    end: Label
    third: str
    base: str


@dataclass(frozen=True, slots=True)
class Schema:
    """Labels and the relationships between them; `relationships` is never empty."""

    labels: tuple[Label, ...]
    relationships: tuple[Relationship, ...]

    def text(self) -> str:
        """Two lines, as the prompt shows them."""
        nodes = [(label.name, [each.name for each in label.properties]) for label in self.labels]
        hops = [(r.start.name, r.kind, r.end.name) for r in self.relationships]
        return schema_text(nodes, hops)


def schema_text(
    nodes: Sequence[tuple[str, Sequence[str]]], hops: Sequence[tuple[str, str, str]]
) -> str:
    """A graph's schema as Cypher would speak of it, each label with a variable of its own.

    What a query needs stands there letter for letter as it will stand in the query.
    """
    names = variables([label for label, _ in nodes])
    shown = [
        f"({names[label]}:{label}) {', '.join(f'{names[label]}.{each}' for each in properties)}"
        for label, properties in nodes
    ]
    linked = [f"({names[start]})-[:{kind}]->({names[end]})" for start, kind, end in hops]
    return f"Nodes: {'; '.join(shown)}\nRelationships: {', '.join(linked)}"


def variables(labels: Sequence[str]) -> dict[str, str]:
    """A variable for each label: its first letter, numbered where two begin alike."""
    initials = [label[0].lower() for label in labels]
    named: dict[str, str] = {}
    for place, label in enumerate(labels):
        initial = initials[place]
        alike = initials.count(initial) > 1 or initial in "rxy"
        named[label] = f"{initial}{initials[: place + 1].count(initial)}" if alike else initial
    return named


def spoken(name: str) -> str:
    """ "hIndex" and "h_index" as words."""
    apart = "".join(f" {sign.lower()}" if sign.isupper() else sign for sign in name)
    return apart.replace("_", " ").strip()


def side(words: tuple[str, ...], held_out: bool) -> tuple[str, ...]:
    """The last quarter for held-out rows, else the rest."""
    border = len(words) * 3 // 4
    return words[border:] if held_out else words[:border]


def draw_schema(chance: Random, size: int, held_out: bool) -> Schema:
    """A schema of about `size` labels, connected, at least two relationships where size > 2."""
    way = chance.random()
    if way < 0.4:
        schema = _of_domain(chance, held_out)
    elif way < 0.7:
        schema = _put_together(chance, size, held_out)
    else:
        schema = _invented(chance, size, held_out)
    return _cut(chance, schema, size)


def value_of(chance: Random, each: Property, held_out: bool) -> str | int:
    """A value such a property may have."""
    if each.kind == "number":
        least, most, step = _RANGES[each.of]
        return chance.randrange(least, most, step)
    if each.kind == "category":
        return chance.choice(each.of.split("/"))
    draw = _KEY_VALUES.get(each.of, v.title)
    return str(draw(chance, held_out))


_KEY_VALUES: Mapping[str, v.Draw] = {
    "person": v.person,
    "company": v.company,
    "title": v.title,
    "city": v.city,
    "code": v.code,
    "item": v.phrase,
    "host": v.host,
    "email": v.email,
    "word": v.word,
}


def _properties(chance: Random, written: str, held_out: bool) -> tuple[Property, ...]:
    """Reads "title:title year~year genre=comedy/drama active?"."""
    made = []
    for part in written.split():
        for sign, kind in ((":", "key"), ("~", "number"), ("=", "category")):
            name, found, of = part.partition(sign)
            if found:
                made.append(Property(name, kind, of))  # type: ignore[arg-type]
                break
        else:
            made.append(Property(part.rstrip("?"), "flag"))
    return _completed(chance, made, held_out)


def _completed(chance: Random, made: list[Property], held_out: bool) -> tuple[Property, ...]:
    """With at least one number, one category and one flag, taken from those any label may have."""
    named = {each.name for each in made}
    pools: tuple[tuple[Kind, tuple[str, ...]], ...] = (
        ("number", NUMBERS),
        ("category", CATEGORIES),
        ("flag", FLAGS),
    )
    for kind, pool in pools:
        if all(each.kind != kind for each in made) or chance.random() < 0.25:
            name = chance.choice([each for each in side(pool, held_out) if each not in named])
            made.append(Property(name, kind, _values(chance, kind, held_out)))
            named.add(name)
    return (made[0], *chance.sample(made[1:], len(made) - 1))


def _values(chance: Random, kind: Kind, held_out: bool) -> str:
    """What values a property has that any label may have."""
    if kind == "number":
        return chance.choice(tuple(_RANGES))
    return "/".join(chance.sample(side(VALUES, held_out), 3)) if kind == "category" else ""


def _of_domain(chance: Random, held_out: bool) -> Schema:
    domain = chance.choice(side(DOMAINS, held_out))
    labels: dict[str, Label] = {}
    relationships = []
    for line in domain.strip().splitlines():
        head, _, rest = line.strip().partition("|")
        if "|" in rest or "->" in head:
            ends, third, base = (part.strip() for part in line.split("|"))
            start, kind, end = ends.replace("->", " ").split()
            relationships.append(Relationship(kind, labels[start], labels[end], third, base))
        else:
            name, _, plural = head.strip().partition(" ")
            labels[name] = Label(name, plural, _properties(chance, rest, held_out))
    return Schema(tuple(labels.values()), tuple(relationships))


def _put_together(chance: Random, size: int, held_out: bool) -> Schema:
    """Labels of several domains, and verbs that fit anything."""
    labels: dict[str, Label] = {}
    while len(labels) < size:
        label = chance.choice(_of_domain(chance, held_out).labels)
        labels[label.name] = label
    return _connected(chance, tuple(labels.values()), held_out)


def _invented(chance: Random, size: int, held_out: bool) -> Schema:
    """Labels that belong together by chance alone."""
    labels: list[Label] = []
    keys = ("name:person", "name:title", "code:code", "title:title", "label:word", "id:code")
    names: set[str] = set()
    while len(labels) < size:
        name = v.word(chance, held_out).capitalize()
        if chance.random() < LISTED_SHARE:
            name = chance.choice(side(LABELS, held_out)).capitalize()
        if chance.random() < 0.2:
            name += chance.choice(("Group", "Unit", "Record", "Item", "Point", "Case"))
        if name in names:
            continue
        names.add(name)
        plural = spoken(name) + ("es" if name.endswith(("s", "x", "ch", "sh")) else "s")
        labels.append(Label(name, plural, _properties(chance, chance.choice(keys), held_out)))
    return _connected(chance, tuple(labels), held_out)


def _connected(chance: Random, labels: tuple[Label, ...], held_out: bool) -> Schema:
    verbs = chance.sample(side(INVENTED_VERBS, held_out), len(labels))
    relationships = []
    for place, written in enumerate(verbs):
        kind, third, base = written.split("|")
        start, end = chance.sample(labels, 2)
        if place < len(labels) - 1:
            start, end = labels[place], labels[place + 1]
            if chance.random() < 0.5:
                start, end = end, start
        relationships.append(Relationship(kind, start, end, third, base))
    if chance.random() < 0.5:
        relationships.pop()
    return Schema(labels, tuple(relationships))


def _cut(chance: Random, schema: Schema, size: int) -> Schema:
    """At most `size` labels, taken along relationships; fewer properties at random."""
    first = chance.choice(schema.relationships)
    kept = {first.start.name, first.end.name}
    for hop in chance.sample(schema.relationships, len(schema.relationships)):
        new = {hop.start.name, hop.end.name}
        if new & kept and len(new | kept) <= size:
            kept |= new
    labels = {each.name: _thinned(chance, each) for each in schema.labels if each.name in kept}
    hops = [
        Relationship(r.kind, labels[r.start.name], labels[r.end.name], r.third, r.base)
        for r in schema.relationships
        if r.start.name in kept and r.end.name in kept
    ]
    return Schema(tuple(labels.values()), tuple(hops[: size + 1]))


def _thinned(chance: Random, label: Label) -> Label:
    """Without what makes the prompt long; one property of each kind stays."""
    kept = [label.key]
    for each in label.properties[1:]:
        needed = all(other.kind != each.kind for other in kept)
        if needed or chance.random() < 0.4:
            kept.append(each)
    return Label(label.name, label.plural, tuple(kept))
