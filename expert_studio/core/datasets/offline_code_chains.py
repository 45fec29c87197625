"""Small functions that take one or two known steps: what each step is in words, code and meaning.

There are more than four hundred pairs of steps, so that what is learned is to write the steps a
sentence names, and no function by heart. Renders no task.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, Literal

from expert_studio.core.datasets.offline_code_intents import fitted
from expert_studio.core.datasets.offline_code_words import Kind, Words

Value = Literal["text", "texts", "number", "numbers", "entries"]
Meaning = Callable[[Any, Words], Any]


@dataclass(frozen=True, slots=True)
class Step:
    """One change of a value.

    Attributes:
        takes, gives: the kinds of the value before and after it.
        said: after the noun ("written in upper case").
        python: an expression over `{x}`.
        encloses: whether the expression puts `{x}` between brackets of its own.
        binary: whether it ends in an operator's right side.
        of: what it means.
    """

    name: str
    takes: Value
    gives: Value
    said: str
    python: str
    of: Meaning
    encloses: bool = False
    binary: bool = False


def _call(name: str, takes: Value, gives: Value, said: str, python: str, of: Meaning) -> Step:
    return Step(name, takes, gives, said, python, of, encloses=True)


def _sum(name: str, said: str, python: str, of: Meaning, value: Value = "number") -> Step:
    return Step(name, value, value, said, python, of, binary=True)


_TEXT = (
    Step("upper", "text", "text", "in upper case", "{x}.upper()", lambda x, _: x.upper()),
    Step("lower", "text", "text", "in small letters", "{x}.lower()", lambda x, _: x.lower()),
    Step("title", "text", "text", "in title case", "{x}.title()", lambda x, _: x.title()),
    Step("strip", "text", "text", "stripped of blanks", "{x}.strip()", lambda x, _: x.strip()),
    Step("back", "text", "text", "written backwards", "{x}[::-1]", lambda x, _: x[::-1]),
    Step(
        "cut",
        "text",
        "text",
        "cut to {small} characters",
        "{x}[:{small}]",
        lambda x, w: x[: w.small],
    ),
    Step(
        "end",
        "text",
        "text",
        "cut to its last {small} characters",
        "{x}[-{small}:]",
        lambda x, w: x[-w.small :],
    ),
    Step(
        "swap",
        "text",
        "text",
        "with '{separator}' for each comma",
        '{x}.replace(",", "{separator}")',
        lambda x, w: x.replace(",", w.separator),
    ),
    _sum(
        "before", "with '{prefix}' in front", '"{prefix}" + {x}', lambda x, w: w.prefix + x, "text"
    ),
    _sum(
        "after", "with '{prefix}' at the end", '{x} + "{prefix}"', lambda x, w: x + w.prefix, "text"
    ),
)
_TEXT_ENDS = (
    Step("words", "text", "texts", "split into words", "{x}.split()", lambda x, _: x.split()),
    Step("lines", "text", "texts", "split into lines", "{x}.splitlines()",
         lambda x, _: x.splitlines()),
    _call("length", "text", "number", "as its number of characters", "len({x})",
          lambda x, _: len(x)),
    Step("starts", "text", "text", "as whether it starts with '{prefix}'",
         '{x}.startswith("{prefix}")', lambda x, w: x.startswith(w.prefix)),
)  # fmt: skip
_NUMBERS = (
    _call("sorted", "numbers", "numbers", "in order", "sorted({x})", lambda x, _: sorted(x)),
    _call(
        "falling",
        "numbers",
        "numbers",
        "sorted from the largest down",
        "sorted({x}, reverse=True)",
        lambda x, _: sorted(x, reverse=True),
    ),
    _call(
        "unique",
        "numbers",
        "numbers",
        "sorted and without repeats",
        "sorted(set({x}))",
        lambda x, _: sorted(set(x)),
    ),
    Step(
        "back",
        "numbers",
        "numbers",
        "from the last to the first",
        "{x}[::-1]",
        lambda x, _: x[::-1],
    ),
    Step("rest", "numbers", "numbers", "without the first", "{x}[1:]", lambda x, _: x[1:]),
    Step("body", "numbers", "numbers", "without the last", "{x}[:-1]", lambda x, _: x[:-1]),
    Step(
        "head",
        "numbers",
        "numbers",
        "cut to the first {small}",
        "{x}[:{small}]",
        lambda x, w: x[: w.small],
    ),
    Step(
        "tail",
        "numbers",
        "numbers",
        "cut to the last {small}",
        "{x}[-{small}:]",
        lambda x, w: x[-w.small :],
    ),
    Step("every", "numbers", "numbers", "every second of them", "{x}[::2]", lambda x, _: x[::2]),
    _call(
        "plus",
        "numbers",
        "numbers",
        "each plus {low}",
        "[n + {low} for n in {x}]",
        lambda x, w: [n + w.low for n in x],
    ),
    _call(
        "minus",
        "numbers",
        "numbers",
        "each minus {small}",
        "[n - {small} for n in {x}]",
        lambda x, w: [n - w.small for n in x],
    ),
)
_NUMBERS_ENDS = (
    _call("sum", "numbers", "number", "added up", "sum({x})", lambda x, _: sum(x)),
    _call("count", "numbers", "number", "counted", "len({x})", lambda x, _: len(x)),
    _call("largest", "numbers", "number", "as the largest of them", "max({x})",
          lambda x, _: max(x)),
    _call("smallest", "numbers", "number", "as the smallest of them", "min({x})",
          lambda x, _: min(x)),
    Step("has", "numbers", "number", "as whether {low} is among them", "{low} in {x}",
         lambda x, w: w.low in x, binary=True),
)  # fmt: skip
_NUMBER = (
    _sum("plus", "plus {low}", "{x} + {low}", lambda x, w: x + w.low),
    _sum("minus", "minus {low}", "{x} - {low}", lambda x, w: x - w.low),
    _sum("times", "times {small}", "{x} * {small}", lambda x, w: x * w.small),
    _sum(
        "share",
        "divided by {small}, as a whole number",
        "{x} // {small}",
        lambda x, w: x // w.small,
    ),
    _sum(
        "rest", "as the rest of its division by {small}", "{x} % {small}", lambda x, w: x % w.small
    ),
    _sum("square", "squared", "{x} ** 2", lambda x, _: x**2),
    _call(
        "most",
        "number",
        "number",
        "but at most {high}",
        "min({x}, {high})",
        lambda x, w: min(x, w.high),
    ),
    _call(
        "least",
        "number",
        "number",
        "but at least {low}",
        "max({x}, {low})",
        lambda x, w: max(x, w.low),
    ),
    _call("absolute", "number", "number", "without its sign", "abs({x})", lambda x, _: abs(x)),
)
_NUMBER_ENDS = (
    _call("text", "number", "text", "as text", "str({x})", lambda x, _: str(x)),
    Step("above", "number", "number", "as whether it is above {high}", "{x} > {high}",
         lambda x, w: x > w.high, binary=True),
)  # fmt: skip
_ENTRIES = (
    _call("values", "entries", "numbers", "as a list of its values", "list({x}.values())",
          lambda x, _: list(x.values())),
    _call("keys", "entries", "texts", "as a list of its keys", "list({x}.keys())",
          lambda x, _: list(x.keys())),
    _call("total", "entries", "number", "with its values added up", "sum({x}.values())",
          lambda x, _: sum(x.values())),
    _call("entries", "entries", "number", "as its number of entries", "len({x})",
          lambda x, _: len(x)),
    Step("lookup", "entries", "number", "as its value at '{prefix}', else {small}",
         '{x}.get("{prefix}", {small})', lambda x, w: x.get(w.prefix, w.small)),
)  # fmt: skip
STEPS: tuple[Step, ...] = (
    *(*_TEXT, *_TEXT_ENDS, *_NUMBERS, *_NUMBERS_ENDS, *_NUMBER, *_NUMBER_ENDS, *_ENTRIES),
)
_LAST = frozenset((*_TEXT_ENDS, *_NUMBERS_ENDS, *_NUMBER_ENDS))
_TYPES: dict[Value, str] = {
    "text": "str",
    "numbers": "list[int]",
    "number": "int",
    "entries": "dict[str, int]",
}
NAMES = ("make_{noun}", "change_{noun}", "convert_{noun}", "{noun}_result", "prepare_{noun}",
         "treat_{noun}", "get_{noun}", "compute_{noun}", "{noun}_of", "read_{noun}")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Chain:
    """One step, or two of which the second takes what the first gives."""

    steps: tuple[Step, ...]
    held_out: bool = False

    @property
    def name(self) -> str:
        return f"{self.steps[0].takes}-{'-'.join(step.name for step in self.steps)}"

    @property
    def kind(self) -> Kind:
        return "text" if self.steps[0].takes == "text" else "number"

    def argument(self, words: Words) -> str:
        """What the function is given is called."""
        return words.one if self.steps[0].takes in ("text", "number") else words.many

    def head(self, chance: Random, words: Words) -> tuple[str, str]:
        """Its name and its signature."""
        noun = self.argument(words)
        name = chance.choice(NAMES).format(noun=noun)
        typed = f": {_TYPES[self.steps[0].takes]}" if chance.random() < 0.3 else ""
        return name, f"def {name}({noun}{typed}):"

    def docs(self, words: Words) -> tuple[str, ...]:
        """All wordings of what it does."""
        spoken = words.spoken_one if self.argument(words) == words.one else words.spoken_many
        dictionary = "dict of " if self.steps[0].takes == "entries" else ""
        said = ", then ".join(fitted(step.said, words) for step in self.steps)
        told = f"the {dictionary}{spoken}, {said}."
        return (f"Return {told}", f"Give {told}", f"Compute {told}")

    def body(self, chance: Random, words: Words) -> str:
        """Its lines, indented: one expression, or one a step."""
        whole = self.argument(words)
        if len(self.steps) == 2 and chance.random() < 0.5:
            first, second = self.steps
            lines = (
                f"{words.result} = {_over(first, whole, False, words)}",
                f"return {_over(second, words.result, False, words)}",
            )
            return "\n".join(f"    {line}" for line in lines)
        binary = False
        for step in self.steps:
            whole = _over(step, whole, binary, words)
            binary = step.binary
        return f"    return {whole}"

    def checks(self, name: str, words: Words) -> str:
        """Asserts with what the steps mean."""
        lines = []
        for given in _given(self.steps[0].takes, words):
            wanted = given
            for step in self.steps:
                wanted = step.of(wanted, words)
            lines.append(f"assert {name}({_shown(given)}) == {_shown(wanted)}")
        return "\n".join(lines)


def _given(value: Value, words: Words) -> list[Any]:
    """Values at which a slip in a step shows: longer than any cut, with every constant in them."""
    low, high, prefix = words.low, words.high, words.prefix
    if value == "text":
        turned = prefix[::-1]
        return [f"{prefix} Old, New, and Last {turned}", " ab\ncd ", "x", prefix, f"1{prefix}", ""]
    if value == "number":
        around = {each + step for each in (low, high, 0) for step in (-1, 0, 1)}
        return [*sorted(around), words.small * 7 + 3, -5, 130]
    if value == "entries":
        return [{prefix: 3, "b": low, "q": high + 1}, {"y": 4, "w": -1, "qq": 0}]
    mixed = [low, 5, 2, 9, 2, 14, low + 1, -3, high, 8, 1, 30, low - 1]
    return [mixed, mixed[::-1], [low - words.small, *range(20)], [low + words.small, 3], [low, 1]]


def _over(step: Step, inner: str, binary: bool, words: Words) -> str:
    inside = f"({inner})" if binary and not step.encloses else inner
    return fitted(step.python.replace("{x}", "{{x}}"), words).replace("{x}", inside)


def _shown(value: Any) -> str:
    return repr(value).replace("'", '"')


def _chains() -> tuple[Chain, ...]:
    """Every pair that fits; about one in nine is held out, each step of it known from others."""
    single = [Chain((step,)) for step in STEPS]
    pairs = [
        Chain((first, second), (place * 5 + other * 7) % 6 == 0)
        for place, first in enumerate(STEPS)
        for other, second in enumerate(STEPS)
        if first not in _LAST and first.gives == second.takes and first.name != second.name
    ]
    return (*single, *pairs)


CHAINS: tuple[Chain, ...] = _chains()
