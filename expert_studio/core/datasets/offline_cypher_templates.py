"""Fills the templates of `resources/templates/cypher.txt`: a schema in, question and query out.

What the signs mean is said in that file. Knows nothing of rows or requests.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from random import Random

from expert_studio.core.datasets import offline_values as v
from expert_studio.core.datasets.offline_cypher_schemas import (
    Label,
    Property,
    Relationship,
    Schema,
    draw_schema,
    value_of,
    variables,
)
from expert_studio.core.datasets.offline_request import Difficulty
from expert_studio.core.settings import resources_folder

_SIGN = re.compile(r"%([A-CRSWX][a-z]|[A-CFLQRS]|[a-cmnuw])(?![a-z])")
_OPENINGS = ("List", "Show", "Give me", "Find", "Return", "Get", "Tell me")
SIZES: Mapping[Difficulty, tuple[int, int]] = {"easy": (2, 2), "medium": (2, 3), "hard": (3, 4)}
# How often a question names labels and relationships as the schema does, with texts in quotes.
NAMED: Mapping[Difficulty, float] = {"easy": 1.0, "medium": 0.5, "hard": 0.2}
DOTTED: Mapping[Difficulty, float] = {"easy": 0.7, "medium": 0.4, "hard": 0.0}  # then, "p.name"


@dataclass(frozen=True, slots=True)
class Family:
    """One intent: its wordings and its query."""

    name: str
    task: str
    difficulty: Difficulty
    held_out: bool
    questions: tuple[str, ...]
    query: str

    @property
    def needs_chain(self) -> bool:
        return "%C" in self.query


@lru_cache(maxsize=1)
def cypher_families() -> tuple[Family, ...]:
    """All families, in the file's order."""
    text = (resources_folder() / "templates" / "cypher.txt").read_text("utf-8")
    families: list[Family] = []
    for block in text.split("\n== ")[1:]:
        task, *lines = block.strip().splitlines()
        for head, questions, query in zip(lines[::3], lines[1::3], lines[2::3], strict=True):
            name, difficulty = head.split()
            families.append(
                Family(
                    f"{task}/{name.rstrip('*')}",
                    task,
                    difficulty,  # type: ignore[arg-type]
                    name.endswith("*"),
                    tuple(questions.split("|")),
                    query.replace(" / ", "\n"),
                )
            )
    return tuple(families)


@dataclass(frozen=True, slots=True)
class Filled:
    """One task: what is known of the graph, what is asked, what answers it."""

    schema: Schema
    question: str
    query: str


def fill(chance: Random, family: Family, difficulty: Difficulty, held_out: bool) -> Filled:
    """Draws schema, names and values for a family."""
    least, most = SIZES[difficulty]
    size = max(chance.randint(least, most), 3 if family.needs_chain else 2)
    wording = chance.choice(family.questions)
    roles = None
    while roles is None or _unclear(roles, family.query, wording):
        schema = draw_schema(chance, size, held_out)
        roles = _roles(chance, schema, family)
    named = chance.random() < NAMED[difficulty]
    dotted = named and chance.random() < DOTTED[difficulty]
    manner = _Manner(plural="%Bs" in wording, named=named, dotted=dotted)
    filler = _Filler(chance, held_out, roles, schema, manner)
    query = _SIGN.sub(lambda sign: filler.in_query(sign[1]), family.query)
    question = _SIGN.sub(lambda sign: filler.in_question(sign[1]), wording)
    return Filled(schema, _sentence(question), query)


def _sentence(text: str) -> str:
    proper = re.sub(r"\b([Aa]) (?=[aeioAEIO]|urgent)", r"\1n ", text)
    return proper[0].upper() + proper[1:]


@dataclass(frozen=True, slots=True)
class _Hop:
    """One relationship as a template meets it: from a nearer label to a farther one."""

    relationship: Relationship
    forward: bool  # the nearer label is where it starts

    @property
    def farther(self) -> Label:
        return self.relationship.end if self.forward else self.relationship.start

    def pattern(self, variable: str = "", backwards: bool = False) -> str:
        inside = f"[{variable}:{self.relationship.kind}]"
        return f"-{inside}->" if self.forward is not backwards else f"<-{inside}-"

    def clause(self, whom: str, one: bool = False) -> str:
        """ "that live in the city Rome", or the other way "that Ann lives in"."""
        if self.forward:
            return f"that {self.relationship.third if one else self.relationship.base} {whom}"
        return f"that {whom} {self.relationship.third}"

    def named_clause(self, whom: str) -> str:
        """ "with LIVES_IN to the City 'Rome'", or the other way "with LIVES_IN from it"."""
        return f"with {self.relationship.kind} {'to' if self.forward else 'from'} {whom}"

    def clause_of_them(self) -> str:
        """ "that live in them", or the other way "that they live in"."""
        base = self.relationship.base
        return f"that {base} them" if self.forward else f"that they {base}"


@dataclass(frozen=True, slots=True)
class _Roles:
    labels: Mapping[str, Label]
    first: _Hop
    second: _Hop | None


def _roles(chance: Random, schema: Schema, family: Family) -> _Roles | None:
    """Who is A, B and C; None where the schema has no such chain."""
    relationship = chance.choice(schema.relationships)
    first = _Hop(relationship, chance.random() < 0.5)
    near = relationship.start if first.forward else relationship.end
    if not family.needs_chain:
        if "%B" not in family.query:
            return _Roles({"A": chance.choice(schema.labels)}, first, None)
        return _Roles({"A": near, "B": first.farther}, first, None)
    middle = first.farther
    others = [
        each
        for each in schema.relationships
        if each is not relationship and middle in (each.start, each.end)
    ]
    if not others:
        return None
    follows = chance.choice(others)
    second = _Hop(follows, follows.start is middle)
    return _Roles({"A": near, "B": middle, "C": second.farther}, first, second)


def _unclear(roles: _Roles, query: str, wording: str) -> bool:
    """Whether nothing says which way a relationship of a label with itself goes."""
    hops = [each.relationship for each in (roles.first, roles.second) if each is not None]
    told = ("%W" in wording or "%F" in wording) and not re.search(r"%B[pc]", wording)
    return "%R" in query and not told and any(each.start is each.end for each in hops)


@dataclass(frozen=True, slots=True)
class _Manner:
    """How a question speaks.

    Attributes:
        plural: of the farther label in the plural.
        named: labels and relationships as the schema names them.
        dotted: properties too ("p.name").
    """

    plural: bool
    named: bool
    dotted: bool


class _Filler:
    """Draws what a sign stands for once, and says it the same in question and query."""

    def __init__(
        self,
        chance: Random,
        held_out: bool,
        roles: _Roles,
        schema: Schema,
        manner: _Manner,
    ) -> None:
        self._plural, self._named = manner.plural, manner.named
        self._dotted = manner.dotted
        self._chance = chance
        self._held_out = held_out
        self._roles = roles
        self._drawn: dict[str, str | int] = {}
        self._quote = "'" if manner.named else chance.choice(("", "", "", "'", '"'))
        self._variables = _variables(roles.labels, schema)

    def in_query(self, sign: str) -> str:
        if sign in self._variables:
            return self._variables[sign]
        if sign in ("R", "Q", "Ro"):
            return self._roles.first.pattern("r" if sign == "Ro" else "", sign == "Q")
        if sign == "S" and self._roles.second is not None:
            return self._roles.second.pattern()
        if sign[0] in "ABC" and len(sign) == 2 and sign[1] in "vwtiz":
            return f"'{self._value(sign)}'"
        return self._plain(sign)

    def in_question(self, sign: str) -> str:
        if sign == "L":
            return self._chance.choice(_OPENINGS)
        if sign[0] in "WX":
            return self._clause(sign)
        if sign == "F":
            return self._fact()
        if sign[0] in "ABC" and len(sign) == 2:
            return self._in_words(sign)
        return self._plain(sign)

    def _in_words(self, sign: str) -> str:
        label = self._roles.labels[sign[0]]
        if sign[1] in "sn":
            return self._label_in_words(label, many=sign[1] == "s")
        if sign[1] in "kpcf":
            each = self._property(sign)
            if self._dotted:
                return f"{self._variables[sign[0].lower()]}.{each.name}"
            return each.name if self._named else each.spoken
        said = str(self._value(sign))
        if sign[1] in "tiz":
            quote = self._quote or "'"
            return f"{quote}{said}{quote}"
        quoted = "vwde" if self._named else "vw"
        return f"{self._quote}{said}{self._quote}" if sign[1] in quoted else said

    def _label_in_words(self, label: Label, many: bool) -> str:
        if self._named:
            return f"{label.name} nodes" if many else label.name
        return label.plural if many else label.singular

    def _plain(self, sign: str) -> str:
        if sign in self._roles.labels:
            return self._roles.labels[sign].name
        if sign == "Rt":
            return self._roles.first.relationship.kind
        if sign == "St" and self._roles.second is not None:
            return self._roles.second.relationship.kind
        if sign[0] in "ABC" and sign[1] in "kpcf":
            return self._property(sign).name
        return str(self._value(sign))

    def _property(self, sign: str) -> Property:
        label = self._roles.labels[sign[0]]
        if sign[1] == "k":
            return label.key
        kinds: Mapping[str, Callable[[], tuple[Property, ...]]] = {
            "p": lambda: label.of_kind("number"),
            "c": lambda: label.of_kind("category"),
            "f": lambda: label.of_kind("flag"),
        }
        name = f"{sign}.name"
        if name not in self._drawn:
            self._drawn[name] = self._chance.choice(kinds[sign[1]]()).name
        return next(each for each in label.properties if each.name == self._drawn[name])

    def _value(self, sign: str) -> str | int:
        if sign not in self._drawn:
            self._draw(sign)
        return self._drawn[sign]

    def _draw(self, sign: str) -> None:
        chance, drawn = self._chance, self._drawn
        if sign in ("n", "m"):
            drawn["n"], drawn["m"] = chance.randint(3, 20), chance.randint(2, 6)
        elif sign in ("u", "w"):
            drawn["u"], drawn["w"] = (v.word(chance, self._held_out) for _ in "uw")
        elif sign[1] in "vw":
            role = sign[0]
            drawn[f"{role}v"], drawn[f"{role}w"] = self._two(self._property(f"{role}k"))
        elif sign[1] in "xy":
            role = sign[0]
            low, high = sorted(self._two(self._property(f"{role}p")), key=int)
            drawn[f"{role}x"], drawn[f"{role}y"] = low, high
        elif sign[1] in "de":
            role = sign[0]
            drawn[f"{role}d"], drawn[f"{role}e"] = self._two(self._property(f"{role}c"))
        else:
            self._draw_fragment(sign[0])

    def _two(self, each: Property) -> tuple[str | int, str | int]:
        """Two different values of a property."""
        first = second = value_of(self._chance, each, self._held_out)
        while second == first:
            second = value_of(self._chance, each, self._held_out)
        return first, second

    def _draw_fragment(self, role: str) -> None:
        whole = str(value_of(self._chance, self._property(f"{role}k"), self._held_out))
        length = self._chance.randint(2, 4)
        start = self._chance.randrange(max(1, len(whole) - length))
        fragments = {"t": whole[:length], "i": whole[start:][:length], "z": whole[-length:]}
        for name, fragment in fragments.items():
            self._drawn[role + name] = fragment.strip() or whole[0]

    def _clause(self, sign: str) -> str:
        hop, role = (self._roles.first, "B") if sign[0] == "W" else (self._roles.second, "C")
        assert hop is not None
        label = hop.farther
        if self._named:
            far = f"the {label.name} {self._in_words(f'{role}v')}" if sign[1] == "v" else ""
            return hop.named_clause(far or ("it" if sign[1] == "i" else f"a {label.name}"))
        if sign[1] == "i":
            return hop.clause_of_them() if self._plural else hop.clause("it")
        if sign[1] == "a":
            return hop.clause(f"a {label.singular}")
        return hop.clause(f"the {label.singular} {self._in_words(f'{role}v')}", one=sign[0] == "X")

    def _fact(self) -> str:
        hop = self._roles.first
        near = f"the {self._label_in_words(self._roles.labels['A'], False)} {self._in_words('Av')}"
        far = f"the {self._label_in_words(hop.farther, False)} {self._in_words('Bv')}"
        start, end = (near, far) if hop.forward else (far, near)
        verb = hop.relationship.kind if self._named else hop.relationship.third
        return f"{start} {verb} {end}"


def _variables(labels: Mapping[str, Label], schema: Schema) -> dict[str, str]:
    """The schema's; where a label has two roles, the second gets a number."""
    of_schema = variables([label.name for label in schema.labels])
    chosen: dict[str, str] = {}
    for role, label in labels.items():
        name = of_schema[label.name]
        number = 2
        while name in chosen.values():
            name = f"{label.name[0].lower()}{number}"
            number += 1
        chosen[role.lower()] = name
    return chosen
