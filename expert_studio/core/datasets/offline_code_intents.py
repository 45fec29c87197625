"""What small functions over a list do: which elements they take, and what they make of them.

An intent is a condition and a reduction, each with its words and its meaning in Python, so
that tests' expected values are worked out here and not by running what was written. Renders
no code: `offline_python_functions` and `offline_rust_functions` do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from expert_studio.core.datasets.offline_code_conditions import CONDITIONS, Condition
from expert_studio.core.datasets.offline_code_words import Kind, Words


@dataclass(frozen=True, slots=True)
class Reduction:
    """What is made of the elements that count.

    Attributes:
        docs: wordings; `{those}` is the noun with its condition.
        names: of the function; `{many}` and `{one}` are nouns.
        rust: the type it gives; `{t}` is the element's.
    """

    name: str
    kinds: tuple[Kind, ...]
    docs: tuple[str, ...]
    names: tuple[str, ...]
    rust: str
    of: Callable[[Sequence[Any], Sequence[int], int, Words], Any]


def _mean(taken: Sequence[Any]) -> float:
    return sum(taken) / len(taken) if taken else 0.0


def _product(taken: Sequence[Any]) -> int:
    product = 1
    for each in taken:
        product *= each
    return product


_BOTH: tuple[Kind, ...] = ("number", "text")
REDUCTIONS: tuple[Reduction, ...] = (
    Reduction(
        "sum",
        ("number",),
        ("Return the sum of the {those}.", "Add up the {those}.", "Total the {those}."),
        ("sum_{many}", "total_{many}", "add_{many}", "{one}_sum"),
        "{t}",
        lambda taken, _p, _n, _w: sum(taken),
    ),
    Reduction(
        "count",
        _BOTH,
        ("Return the number of {those}.", "Count the {those}.", "Tell how many {those} there are."),
        ("count_{many}", "number_of_{many}", "{one}_count", "how_many_{many}"),
        "usize",
        lambda taken, _p, _n, _w: len(taken),
    ),
    Reduction(
        "list",
        _BOTH,
        (
            "Return a list of the {those}.",
            "Keep only the {those}.",
            "Collect the {those} in order.",
        ),
        ("filter_{many}", "select_{many}", "pick_{many}", "keep_{many}"),
        "Vec<{t}>",
        lambda taken, _p, _n, _w: list(taken),
    ),
    Reduction(
        "product",
        ("number",),
        ("Return the product of the {those}, 1 if there are none.", "Multiply the {those}."),
        ("multiply_{many}", "product_of_{many}", "{one}_product"),
        "{t}",
        lambda taken, _p, _n, _w: _product(taken),
    ),
    Reduction(
        "largest",
        ("number",),
        (
            "Return the largest of the {those}, or None if there are none.",
            "Find the maximum of the {those}; None if there is none.",
        ),
        ("largest_{one}", "max_{one}", "highest_{one}", "top_{one}"),
        "Option<{t}>",
        lambda taken, _p, _n, _w: max(taken, default=None),
    ),
    Reduction(
        "smallest",
        ("number",),
        (
            "Return the smallest of the {those}, or None if there are none.",
            "Find the minimum of the {those}; None if there is none.",
        ),
        ("smallest_{one}", "min_{one}", "lowest_{one}"),
        "Option<{t}>",
        lambda taken, _p, _n, _w: min(taken, default=None),
    ),
    Reduction(
        "first",
        _BOTH,
        (
            "Return the first of the {those}, or None if there are none.",
            "Find the first of the {those}; None if there is none.",
        ),
        ("first_{one}", "find_{one}", "find_first_{one}"),
        "Option<{t}>",
        lambda taken, _p, _n, _w: taken[0] if taken else None,
    ),
    Reduction(
        "any",
        _BOTH,
        ("Tell whether there are any {those}.", "Return true if there are {those}, else false."),
        ("has_{one}", "any_{one}", "contains_{one}"),
        "bool",
        lambda taken, _p, _n, _w: bool(taken),
    ),
    Reduction(
        "none",
        _BOTH,
        ("Tell whether there are no {those}.", "Return true if there are no {those}, else false."),
        ("no_{one}", "lacks_{one}", "without_{many}"),
        "bool",
        lambda taken, _p, _n, _w: not taken,
    ),
    Reduction(
        "positions",
        _BOTH,
        (
            "Return the positions of the {those}, counted from 0.",
            "List the indices of the {those}.",
        ),
        ("{one}_positions", "positions_of_{many}", "{one}_indices"),
        "Vec<usize>",
        lambda _taken, places, _n, _w: list(places),
    ),
    Reduction(
        "mean",
        ("number",),
        (
            "Return the mean of the {those}, 0.0 if there are none.",
            "Average the {those}; 0.0 if there are none.",
        ),
        ("mean_{one}", "average_{one}", "{one}_average"),
        "f64",
        lambda taken, _p, _n, _w: _mean(taken),
    ),
    Reduction(
        "joined",
        ("text",),
        (
            "Join the {those} with '{separator}'.",
            "Return the {those} as one text, with '{separator}' between them.",
        ),
        ("join_{many}", "{one}_line", "describe_{many}"),
        "String",
        lambda taken, _p, _n, w: w.separator.join(taken),
    ),
    Reduction(
        "lengths",
        ("text",),
        (
            "Return the total length of the {those}.",
            "Add up the number of characters of the {those}.",
        ),
        ("{one}_characters", "total_{one}_length", "measure_{many}"),
        "usize",
        lambda taken, _p, _n, _w: sum(map(len, taken)),
    ),
    Reduction(
        "squares",
        ("number",),
        ("Return the squares of the {those}.", "Square the {those} and list them."),
        ("square_{many}", "{one}_squares", "squared_{many}"),
        "Vec<{t}>",
        lambda taken, _p, _n, _w: [x * x for x in taken],
    ),
    Reduction(
        "scaled",
        ("number",),
        ("Return the {those}, each times {factor}.", "Multiply each of the {those} by {factor}."),
        ("scale_{many}", "scaled_{many}", "grow_{many}"),
        "Vec<{t}>",
        lambda taken, _p, _n, w: [x * (w.small + 1) for x in taken],
    ),
    Reduction(
        "capitals",
        ("text",),
        ("Return the {those} in upper case.", "List the {those} in capitals."),
        ("upper_{many}", "{one}_capitals", "shout_{many}"),
        "Vec<String>",
        lambda taken, _p, _n, _w: [x.upper() for x in taken],
    ),
)


@dataclass(frozen=True, slots=True)
class Intent:
    """One condition and one reduction that fit, and whether the pair is held out."""

    condition: Condition
    reduction: Reduction
    held_out: bool

    @property
    def name(self) -> str:
        return f"{self.reduction.name}-{self.condition.name}"

    def those(self, words: Words) -> str:
        """ "prices greater than 10"."""
        return f"{words.spoken_many} {fitted(self.condition.phrase, words)}"

    def docs(self, words: Words) -> tuple[str, ...]:
        """All wordings of what the function does."""
        return tuple(
            fitted(doc, words, those=self.those(words), factor=str(words.small + 1))
            for doc in self.reduction.docs
        )

    def expected(self, given: Sequence[Any], words: Words) -> Any:
        """What the function gives for a list."""
        pairs = [(p, x) for p, x in enumerate(given) if self.condition.holds(x, words)]
        return self.reduction.of([x for _, x in pairs], [p for p, _ in pairs], len(given), words)


def fitted(template: str, words: Words, **more: str) -> str:
    """A template with the words' names and constants put in."""
    return template.format(
        item=words.item,
        many=words.many,
        one=words.one,
        low=words.low,
        high=words.high,
        small=words.small,
        prefix=words.prefix,
        separator=words.separator,
        result=words.result,
        total=words.total,
        **more,
    )


def _intents() -> tuple[Intent, ...]:
    """Every pair that fits; one in six is held out, each part of it being known from others."""
    return tuple(
        Intent(condition, reduction, (place * 5 + other * 7) % 6 == 0)
        for place, condition in enumerate(CONDITIONS)
        for other, reduction in enumerate(REDUCTIONS)
        if condition.kind in reduction.kinds
    )


INTENTS = _intents()


def test_lists(chance: Random, intent: Intent, words: Words) -> tuple[list[Any], ...]:
    """Lists to try a function on: mixed, in order, of one element at each border, empty."""
    if intent.condition.kind == "number":
        edges: list[Any] = [words.low, words.low - 1, words.low + 1, words.high, words.high + 1]
        edges += [words.small * 2, -words.small, words.small * 3 + 1, 0, 1]
        mixed: list[Any] = [chance.randint(-20, 160) for _ in range(4)]
    else:
        edges = [words.prefix + "stone", "stone" + words.prefix, f"x{words.prefix}y"]
        edges += ["q" * words.small, "j" * (words.small + 1), "y" * (words.small - 1)]
        mixed = [words.prefix, "Rome", words.prefix + "cat" + words.prefix, "ox"]
    singles = [[each] for each in edges[:6]]
    chance.shuffle(edges)
    taken = [each for each in edges if intent.condition.holds(each, words)]
    left = [each for each in edges if not intent.condition.holds(each, words)]
    if intent.condition.kind == "number":  # three of them whose mean is no whole number
        uneven = ([a, a, b] for a in taken for b in taken if (b - a) % 3)
        mixed = next(uneven, mixed)
    return (edges, left + taken, taken + left, mixed, [], *singles)
