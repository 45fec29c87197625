"""Reads GBNF, the grammar language of llama.cpp, into its rules.

Knows nothing of what a grammar is used for: `constraint_lark` says it again for llguidance.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

MOST_RULES = 4_000
MOST_NESTED = 64
_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\r\n]*)*")
_SPACE_IN_LINE = re.compile(r"(?:[ \t]|#[^\r\n]*)*")
_BAR = re.compile(rf"{_SPACE.pattern}\|{_SPACE.pattern}")  # even on a line of its own
_NAME = re.compile(r"[A-Za-z0-9_-]+")
_COUNT = re.compile(r"\{\s*(\d{1,9})\s*(,?)\s*(\d{1,9})?\s*\}")
_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))", re.DOTALL)
_SIMPLE_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "[": "[", "]": "]"}
_ANY_CHARACTER = r"/[\x{0}-\x{10ffff}]/"
_TIMES: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}


class GbnfError(ValueError):
    """The grammar cannot be read; says why, as the end of a sentence without a full stop."""


@dataclass(frozen=True, slots=True)
class Text:
    """A literal or a class of characters, as llguidance writes it."""

    lark: str


@dataclass(frozen=True, slots=True)
class Reference:
    rule: str


@dataclass(frozen=True, slots=True)
class Repeated:
    part: Expression
    least: int
    most: int | None  # None: without end


@dataclass(frozen=True, slots=True)
class Sequence:
    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Alternatives:
    parts: tuple[Expression, ...]


Expression = Text | Reference | Repeated | Sequence | Alternatives


def read_gbnf(source: str) -> dict[str, Expression]:
    """The rules by name, in their order. What they refer to may be missing.

    Raises:
        GbnfError: it cannot be read, or is beyond the caps.
    """
    return _Reader(source).rules()


class _Reader:
    """Reads one grammar from its start to its end."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._at = 0
        self._nested = 0

    def rules(self) -> dict[str, Expression]:
        rules: dict[str, Expression] = {}
        self._skip(_SPACE)
        while self._at < len(self._source):
            name = self._name()
            self._skip(_SPACE_IN_LINE)
            if not self._took("::="):
                raise self._error("“::=” is missing")
            self._skip(_SPACE)
            rules[name] = self._alternatives()
            if self._at < len(self._source) and self._source[self._at] not in "\r\n":
                raise self._error("this was not expected here")
            if len(rules) > MOST_RULES:
                raise GbnfError(f"it has more than {MOST_RULES:,} rules")
            self._skip(_SPACE)
        return rules

    def _alternatives(self) -> Expression:
        parts = [self._sequence()]
        while bar := _BAR.match(self._source, self._at):
            self._at = bar.end()
            parts.append(self._sequence())
        return parts[0] if len(parts) == 1 else Alternatives(tuple(parts))

    def _sequence(self) -> Expression:
        parts: list[Expression] = []
        space = _SPACE if self._nested else _SPACE_IN_LINE
        while (part := self._part()) is not None:
            self._skip(space)
            parts.append(self._repeated(part))
            self._skip(space)
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _part(self) -> Expression | None:
        sign = self._source[self._at : self._at + 1]
        if sign == '"':
            return self._literal()
        if sign == "[":
            return self._character_class()
        if sign == "(":
            return self._group()
        if sign == ".":
            self._at += 1
            return Text(_ANY_CHARACTER)
        if sign in ("<", "!"):
            raise self._error("tokens cannot be named in a grammar here")
        if _NAME.match(sign):
            return Reference(self._name())
        return None

    def _group(self) -> Expression:
        self._at += 1
        self._nested += 1
        if self._nested > MOST_NESTED:
            raise GbnfError(f"its brackets are nested more than {MOST_NESTED} deep")
        self._skip(_SPACE)
        inside = self._alternatives()
        if not self._took(")"):
            raise self._error("“)” is missing")
        self._nested -= 1
        return inside

    def _repeated(self, part: Expression) -> Expression:
        repeats = 0
        while (times := self._times()) is not None:
            repeats += 1
            if repeats > MOST_NESTED:
                raise GbnfError(f"a part is repeated more than {MOST_NESTED} times over")
            least, most = times
            if most is not None and most < least:
                raise self._error("the most times are fewer than the least")
            part = Repeated(part, least, most)
        return part

    def _times(self) -> tuple[int, int | None] | None:
        sign = self._source[self._at : self._at + 1]
        if sign in _TIMES:
            self._at += 1
            return _TIMES[sign]
        if sign != "{":
            return None
        count = _COUNT.match(self._source, self._at)
        if count is None:
            raise self._error("these repetitions cannot be read")
        self._at = count.end()
        least, comma, most = int(count[1]), count[2], count[3]
        return least, int(most) if most else None if comma else least

    def _literal(self) -> Expression:
        self._at += 1
        text = ""
        while not self._took('"'):
            text += self._character()
        return Text(json.dumps(text, ensure_ascii=False)) if text else Sequence(())

    def _character_class(self) -> Expression:
        self._at += 1
        inside = "^" if self._took("^") else ""
        while not self._took("]"):
            first = last = self._character()
            dash = self._source[self._at : self._at + 2]
            if dash[:1] == "-" and dash != "-]":
                self._at += 1
                last = self._character()
            if last < first:
                raise self._error("this range of characters runs backwards")
            inside += f"\\x{{{ord(first):x}}}-\\x{{{ord(last):x}}}"
        if inside in ("", "^"):
            raise self._error("this class of characters is empty")
        return Text(f"/[{inside}]/")

    def _character(self) -> str:
        sign = self._source[self._at : self._at + 1]
        if sign != "\\":
            if sign in ("", "\n", "\r"):
                raise self._error("a literal or a class is not closed")
            self._at += 1
            return sign
        escape = _ESCAPE.match(self._source, self._at)
        code = None if escape is None else next(filter(None, escape.group(1, 2, 3)), None)
        simple = _SIMPLE_ESCAPES.get((escape and escape[4]) or "")
        usable = code is not None and _is_character(int(code, 16))
        if escape is None or not (usable or simple):
            raise self._error("this escape is not known")
        self._at = escape.end()
        return chr(int(code, 16)) if code is not None else str(simple)

    def _name(self) -> str:
        name = _NAME.match(self._source, self._at)
        if name is None:
            raise self._error("a rule's name is missing")
        self._at = name.end()
        return name[0]

    def _took(self, sign: str) -> bool:
        found = self._source.startswith(sign, self._at)
        self._at += len(sign) if found else 0
        return found

    def _skip(self, space: re.Pattern[str]) -> None:
        found = space.match(self._source, self._at)
        self._at = found.end() if found else self._at

    def _error(self, why: str) -> GbnfError:
        line = self._source.count("\n", 0, self._at) + 1
        near = self._source[self._at : self._at + 20].splitlines()
        where = f"near “{near[0]}”" if near and near[0] else "at its end"
        return GbnfError(f"line {line}, {where}: {why}")


def _is_character(code: int) -> bool:
    return code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF
