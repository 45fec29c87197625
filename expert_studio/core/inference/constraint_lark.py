"""Says the rules of a GBNF grammar in the dialect of Lark that llguidance takes.

Rules that do not recur become terminals, whole: a terminal is matched exactly, while
between two terminals the longest match is taken. Knows nothing of tokens or answers.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby

from expert_studio.core.inference.constraint_gbnf import (
    Alternatives,
    Expression,
    GbnfError,
    Reference,
    Repeated,
    Sequence,
    Text,
    read_gbnf,
)

ROOT = "root"
_SIGNS: dict[tuple[int, int | None], str] = {(0, None): "*", (1, None): "+", (0, 1): "?"}


def lark_of(source: str) -> str:
    """A GBNF grammar in llguidance's dialect of Lark.

    Raises:
        GbnfError: it cannot be read, has no end, or is beyond the caps.
    """
    rules = read_gbnf(source)
    _check(rules)
    return _Writer(rules).lark()


def _references(part: Expression) -> set[str]:
    if isinstance(part, Reference):
        return {part.rule}
    if isinstance(part, Repeated):
        return _references(part.part)
    if isinstance(part, Sequence | Alternatives):
        return set().union(*map(_references, part.parts))
    return set()


def _check(rules: dict[str, Expression]) -> None:
    if ROOT not in rules:
        raise GbnfError(f"it has no rule “{ROOT}”")
    for name, expression in rules.items():
        missing = _references(expression) - rules.keys()
        if missing:
            raise GbnfError(f"rule “{name}” names “{min(missing)}”, which is not there")
    if ROOT not in _settled(rules, _ends):
        raise GbnfError("it has no end: every way through it goes round for ever")


def _settled(
    rules: dict[str, Expression], holds: Callable[[Expression, set[str]], bool]
) -> set[str]:
    """The rules of which something holds, given those of which it is known already."""
    users: dict[str, set[str]] = {name: set() for name in rules}
    for name, expression in rules.items():
        for used in _references(expression):
            users[used].add(name)
    known: set[str] = set()
    waiting = list(rules)
    while waiting:
        name = waiting.pop()
        if name not in known and holds(rules[name], known):
            known.add(name)
            waiting += users[name]
    return known


def _ends(part: Expression, ending: set[str]) -> bool:
    """Whether some text of finite length fulfils it."""
    if isinstance(part, Reference):
        return part.rule in ending
    if isinstance(part, Repeated):
        return part.least == 0 or _ends(part.part, ending)
    if isinstance(part, Sequence):
        return all(_ends(each, ending) for each in part.parts)
    if isinstance(part, Alternatives):
        return any(_ends(each, ending) for each in part.parts)
    return True


def _is_regular(part: Expression, regular: set[str]) -> bool:
    """Whether it names only rules that do not recur."""
    return _references(part) <= regular


class _Writer:
    """Writes rules that are known to be whole."""

    def __init__(self, rules: dict[str, Expression]) -> None:
        self._rules = rules
        self._regular = _settled(rules, _is_regular)
        self._names = {
            name: f"T{number}" if name in self._regular else f"r{number}"
            for number, name in enumerate(rules)
        }
        self._terminals: list[str] = []

    def lark(self) -> str:
        lines = [f"start: {self._names[ROOT]}"]
        for name, expression in self._rules.items():
            regular = name in self._regular
            written = self._regular_text(expression) if regular else self._text(expression)
            lines.append(f"{self._names[name]}: {written}")
        return "\n".join([*lines, *self._terminals, ""])

    def _text(self, part: Expression) -> str:
        """One part of a rule that recurs; what does not recur in it becomes terminals."""
        if _is_regular(part, self._regular):
            return self._terminal(part)
        if isinstance(part, Reference):
            return self._names[part.rule]
        if isinstance(part, Repeated):
            return f"({self._text(part.part)}){_count(part)}"
        assert isinstance(part, Sequence | Alternatives)
        if isinstance(part, Alternatives):
            return "(" + " | ".join(map(self._text, part.parts)) + ")"
        return " ".join(map(self._text, self._joined(part.parts)))

    def _joined(self, parts: tuple[Expression, ...]) -> list[Expression]:
        """Neighbours that do not recur, as one: only within a terminal is a match exact."""
        joined: list[Expression] = []
        for regular, group in groupby(parts, lambda part: _is_regular(part, self._regular)):
            members = tuple(group)
            joined += [Sequence(members)] if regular and len(members) > 1 else members
        return joined

    def _terminal(self, part: Expression) -> str:
        if isinstance(part, Reference):
            return self._names[part.rule]
        if part == Sequence(()):
            return '""'
        name = f"P{len(self._terminals)}"
        self._terminals.append(f"{name}: {self._regular_text(part)}")
        return name

    def _regular_text(self, part: Expression) -> str:
        if isinstance(part, Text):
            return part.lark
        if isinstance(part, Reference):
            return self._names[part.rule]
        if isinstance(part, Repeated):
            return f"({self._regular_text(part.part)}){_count(part)}"
        if isinstance(part, Alternatives):
            return "(" + " | ".join(map(self._regular_text, part.parts)) + ")"
        return "(" + " ".join(map(self._regular_text, part.parts)) + ")" if part.parts else '""'


def _count(part: Repeated) -> str:
    if (part.least, part.most) in _SIGNS:
        return _SIGNS[part.least, part.most]
    return f"{{{part.least},{'' if part.most is None else part.most}}}"
