"""A document made by rule, and what all makers of documents use: banks of sentences, names.

Of a bank each fourth line is kept for held-out families. Knows no type of document.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from random import Random
from typing import NamedTuple

from expert_studio.core.datasets.offline_words import KINDS, draw, pick, words


class Document(NamedTuple):
    """A document with its file name; the type is its maker's."""

    path: str
    content: str
    language: str


class Pen:
    """What a maker writes with: chance, the side of the words, the side of the sentences."""

    def __init__(self, chance: Random, held_out_words: bool, held_out_lines: bool) -> None:
        self.chance = chance
        self.held_out_words = held_out_words
        self.held_out_lines = held_out_lines

    def one(self, *some: str) -> str:
        return self.chance.choice(some)

    def number(self, low: int, high: int) -> int:
        return self.chance.randint(low, high)

    def day(self, first: int) -> str:
        """A day as files are named by, YYYY-MM-DD, of the year `first` or later."""
        return f"{self.number(first, 2026)}-{self.number(1, 12):02d}-{self.number(1, 28):02d}"

    def word(self, kind: str) -> str:
        """A value of a kind of `offline_words`."""
        return draw(kind, self.chance, self.held_out_words).shown

    def slug(self) -> str:
        """A lower-case noun, as files, tables and functions are named by."""
        return pick(NOUNS, self.chance, self.held_out_words)

    def verb(self) -> str:
        return pick(VERBS, self.chance, self.held_out_words)

    def identifier(self) -> str:
        """A name in snake case: a verb and a noun."""
        return f"{self.verb()}_{self.slug()}"

    def lines(self, bank: str, count: int) -> list[str]:
        """So many different filled lines of a bank."""
        some = _bank(bank, self.held_out_lines)
        return [self.fill(line) for line in self.chance.sample(some, min(count, len(some)))]

    def paragraphs(self, bank: str, count: int, length: int) -> str:
        """Paragraphs of a bank, no sentence twice while it has others."""
        lines = self.lines(bank, count * length)
        parts = [" ".join(lines[at : at + length]) for at in range(0, len(lines), length)]
        return "\n\n".join(parts)

    def text(self, bank: str, low: int, high: int) -> str:
        """A paragraph of a bank."""
        return " ".join(self.lines(bank, self.number(low, high)))

    def fill(self, template: str) -> str:
        """A template whose slots are kinds, or `slug`, `verb`, `n`."""
        return re.sub(r"\{([a-z]+)2?\}", self._slot, template)

    def _slot(self, match: re.Match[str]) -> str:
        kind = match.group(1)
        if kind == "slug":
            return self.slug()
        if kind == "verb":
            return self.verb()
        if kind == "n":
            return str(self.number(2, 900))
        return self.word(kind) if kind in KINDS else match.group()


Maker = Callable[[Pen], Document]


class Family(NamedTuple):
    """A named maker of documents of one type."""

    name: str
    type: str
    held_out: bool
    maker: Maker


NOUNS = words(
    "order invoice user session cache token queue report message account payment ticket event "
    "image vector matrix graph node edge path route parser buffer stream socket client server "
    "worker job task filter index table record field column customer product basket price "
    "discount stock shipment address profile role policy rule schema template document page "
    "chapter comment review rating score metric counter timer clock calendar booking flight seat "
    "sensor signal sample batch model layer weight tensor corpus sentence word letter number "
    "prime fraction circle polygon point line region tile map level player enemy weapon inventory"
)
VERBS = words(
    "load save parse build create update delete find merge split sort count check validate "
    "format render send receive open close read write encode decode compute convert fetch filter "
    "group join reset resolve schedule select start stop sync track transform trim verify"
)


@cache
def _bank(text: str, held_out: bool) -> tuple[str, ...]:
    lines = [line for line in text.strip().splitlines() if line]
    return tuple(line for number, line in enumerate(lines) if (number % 4 == 3) == held_out)


def families(
    kind: str, makers: Mapping[str, Maker], held_out: Mapping[str, Maker]
) -> tuple[Family, ...]:
    """The families of one type."""
    return (
        *(Family(name, kind, False, maker) for name, maker in makers.items()),
        *(Family(name, kind, True, maker) for name, maker in held_out.items()),
    )


def camel(name: str, first: bool = False) -> str:
    """`load_order` as `loadOrder`, or as `LoadOrder`."""
    head, *rest = name.split("_")
    return (head.capitalize() if first else head) + "".join(part.capitalize() for part in rest)
