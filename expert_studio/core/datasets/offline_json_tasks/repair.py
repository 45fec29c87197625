"""Repair: JSON with breaks of known kinds, and the JSON it was.

Breaks are made on tokens, so that the text inside strings is never touched, and each leaves
one reading only. What is broken never parses.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import NamedTuple

from expert_studio.core.datasets.offline_json_tasks.any_keys import (
    ANY_KEYS,
    any_document,
    wants_any_keys,
)
from expert_studio.core.datasets.offline_json_tasks.shapes import (
    Document,
    Member,
    camel,
    filled,
    shapes,
)
from expert_studio.core.datasets.offline_request import RowDraw

ASKS = (
    "Repair this JSON.",
    "Fix this invalid JSON.",
    "Make this valid JSON.",
    "Correct the syntax of this JSON.",
    "This JSON does not parse. Fix it.",
    "Turn this into valid JSON on one line.",
)


class Token(NamedTuple):
    """A token: kind is one of { } [ ] , : key string number literal space."""

    kind: str
    text: str


Tokens = list[Token]
Break = Callable[[Random, Tokens], Tokens | None]


class Repaired(NamedTuple):
    """A broken text, the right one, the breaks in it."""

    broken: str
    right: str
    breaks: tuple[str, ...]
    family: str


def compact(value: Member) -> str:
    """One line of JSON, as every answer of these tasks is written."""
    return json.dumps(value, ensure_ascii=False)


def repaired(row: RowDraw) -> Repaired:
    """One broken document."""
    chance = row.chance
    free = wants_any_keys(row)
    shape = None if free else chance.choice(shapes(row.held_out_family))
    easy = row.difficulty == "easy"
    while True:
        if shape is None:
            document = any_document(chance)
        else:
            document = filled(shape, chance, row.held_out_words, nested=not easy)
        document = some_keys(document, chance, {"easy": 4, "medium": 4, "hard": 6}[row.difficulty])
        if chance.random() < 0.25:
            document = {camel(key): member for key, member in document.items()}
        tokens = list(_tokens(document, chance.random() < 0.3, 0))
        count = {"easy": 1, "medium": chance.choice((1, 2)), "hard": chance.choice((2, 3))}
        made: list[str] = []
        for name in chance.sample(tuple(BREAKS), len(BREAKS)):
            if any(_clash(name, other) for other in made):
                continue
            changed = BREAKS[name](chance, tokens)
            if changed is not None:
                tokens = changed
                made.append(name)
            if len(made) == count[row.difficulty]:
                break
        broken = "".join(token.text for token in tokens)
        if made and not _parses(broken):
            first = made[0].replace(" ", "-")
            family = f"{first}/{shape.name}" if shape else f"{ANY_KEYS}/{first}"
            return Repaired(broken, compact(document), tuple(made), family)


def some_keys(document: Document, chance: Random, at_most: int) -> Document:
    """Some of the keys, at least two, in another order."""
    names = list(document)
    chance.shuffle(names)
    return {name: document[name] for name in names[: chance.randint(2, max(2, at_most))]}


def _parses(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _tokens(value: Member, tall: bool, depth: int) -> Iterator[Token]:
    inner, outer = "\n" + "  " * (depth + 1), "\n" + "  " * depth
    if isinstance(value, dict):
        yield Token("{", "{")
        for number, (name, member) in enumerate(value.items()):
            if number:
                yield Token(",", ",")
            if tall or number:
                yield Token("space", inner if tall else " ")
            yield Token("key", compact(name))
            yield Token(":", ":")
            yield Token("space", " ")
            yield from _tokens(member, tall, depth + 1)
        yield from (Token("space", outer),) if tall else ()
        yield Token("}", "}")
    elif isinstance(value, list):
        yield Token("[", "[")
        for number, member in enumerate(value):
            if number:
                yield Token(",", ",")
                yield Token("space", " ")
            yield from _tokens(member, False, depth + 1)
        yield Token("]", "]")
    else:
        kinds = {str: "string", bool: "literal", type(None): "literal"}
        yield Token(kinds.get(type(value), "number"), compact(value))


def _places(tokens: Tokens, *kinds: str) -> list[int]:
    return [place for place, token in enumerate(tokens) if token.kind in kinds]


def _put(tokens: Tokens, place: int, *new: Token) -> Tokens:
    return [*tokens[:place], *new, *tokens[place + 1 :]]


def _changed(kinds: tuple[str, ...], change: Callable[[str], str | None]) -> Break:
    """A break of one token of the kinds."""

    def make(chance: Random, tokens: Tokens) -> Tokens | None:
        places = [
            place for place in _places(tokens, *kinds) if change(tokens[place].text) is not None
        ]
        if not places:
            return None
        place = chance.choice(places)
        text = change(tokens[place].text)
        return _put(tokens, place, Token(tokens[place].kind, text or ""))

    return make


def _trailing_comma(chance: Random, tokens: Tokens) -> Tokens | None:
    places = [
        p for p in _places(tokens, "}", "]") if tokens[p - 1].text.strip() not in ("{", "[", ",")
    ]
    if not places:
        return None
    place = chance.choice(places)
    return [*tokens[:place], Token(",,", ","), *tokens[place:]]


def _every(kinds: tuple[str, ...], change: Callable[[str], str | None]) -> Break:
    """A break of all tokens of the kinds; not where one of them cannot be changed."""

    def make(_chance: Random, tokens: Tokens) -> Tokens | None:
        new = [
            Token(token.kind, change(token.text) or "") if token.kind in kinds else token
            for token in tokens
        ]
        kept = any(token.kind in kinds and not token.text for token in new)
        return None if kept or new == tokens else new

    return make


def _single(text: str) -> str | None:
    quoted = text.startswith('"') and text.endswith('"')
    return f"'{text[1:-1]}'" if quoted and "'" not in text and "\\" not in text else None


def _bare(text: str) -> str | None:
    return text[1:-1] if text[:1] == '"' == text[-1:] and text[1:-1].isidentifier() else None


def _curly(text: str) -> str | None:
    return f"“{text[1:-1]}”" if text[:1] == '"' == text[-1:] else None


def _half_quoted(text: str) -> str | None:
    return text[:-1] if text[:1] == '"' == text[-1:] and len(text) > 3 else None


def _half_opened(text: str) -> str | None:
    return text[1:] if text[:1] == '"' == text[-1:] and len(text) > 3 else None


def _twice_quoted(text: str) -> str | None:
    return f'"{text}"' if text[:1] == '"' == text[-1:] and len(text) > 3 else None


def _python(text: str) -> str | None:
    return {"true": "True", "false": "False", "null": "None"}.get(text)


def _shouted(text: str) -> str | None:
    return {"true": "TRUE", "false": "FALSE", "null": "NULL"}.get(text)


def _plus(text: str) -> str | None:
    return None if text[0] in "-+0" else f"+{text}"


def _zero(text: str) -> str | None:
    return f"0{text}" if text.isdigit() and text[0] != "0" else None


def _unclosed(chance: Random, tokens: Tokens) -> Tokens | None:
    """The closing brackets at the end are lost, some or all of them."""
    end = len(tokens)
    closers = 0
    while tokens[end - 1].kind in ("}", "]", "space"):
        end -= 1
        closers += tokens[end].kind != "space"
    if not closers:
        return None
    keep = chance.randint(0, closers - 1)
    kept: Tokens = []
    for token in tokens[end:]:
        if len([one for one in kept if one.kind != "space"]) == keep:
            break
        kept.append(token)
    return tokens[:end] + kept


def _wrong_closer(chance: Random, tokens: Tokens) -> Tokens | None:
    places = _places(tokens, "]")
    if not places:
        return None
    return _put(tokens, chance.choice(places), Token("]", "}"))


def _extra_closer(_chance: Random, tokens: Tokens) -> Tokens | None:
    return [*tokens, Token("}", "}")] if tokens[-1].text == "}" else None


def _comment(chance: Random, tokens: Tokens) -> Tokens | None:
    words = chance.choice(("checked", "todo", "old value", "see docs", "default", "required"))
    lines = [p for p in _places(tokens, "space") if "\n" in tokens[p].text]
    if lines:
        place = chance.choice(lines)
        return _put(tokens, place, Token("space", f"  // {words}{tokens[place].text}"))
    places = _places(tokens, ",")
    if not places:
        return None
    return _put(tokens, chance.choice(places), Token(",", f", /* {words} */"))


def _fenced(_chance: Random, tokens: Tokens) -> Tokens | None:
    if tokens[0].kind == "space":
        return None
    return [Token("space", "```json\n"), *tokens, Token("space", "\n```")]


def _ellipsis(chance: Random, tokens: Tokens) -> Tokens | None:
    if tokens[-1].text != "}":
        return None
    mark = chance.choice((", ...", ",..."))
    return [*tokens[:-1], Token(",,", mark), tokens[-1]]


_NAMES = ("key",)
_TEXTS = ("string",)
BREAKS: Mapping[str, Break] = {
    "trailing comma": _trailing_comma,
    "missing comma": _changed((",",), lambda _: ""),
    "doubled comma": _changed((",",), lambda text: None if text != "," else ",,"),
    "semicolon": _changed((",",), lambda text: None if text != "," else ";"),
    "missing end quote": _changed(_TEXTS, _half_quoted),
    "missing start quote": _changed(_TEXTS, _half_opened),
    "half-quoted key": _changed(_NAMES, _half_opened),
    "doubled quote": _changed(_TEXTS, _twice_quoted),
    "single quotes": _every(("key", "string"), _single),
    "curly quotes": _every(("key", "string"), _curly),
    "bare keys": _every(_NAMES, _bare),
    "bare word": _changed(_TEXTS, _bare),
    "python literal": _every(("literal",), _python),
    "upper-case literal": _every(("literal",), _shouted),
    "equals sign": _every((":",), lambda text: None if text != ":" else " ="),
    "missing colon": _changed((":",), lambda text: None if text != ":" else ""),
    "plus sign": _changed(("number",), _plus),
    "leading zero": _changed(("number",), _zero),
    "unclosed": _unclosed,
    "wrong bracket": _wrong_closer,
    "extra bracket": _extra_closer,
    "comment": _comment,
    "code fence": _fenced,
    "ellipsis": _ellipsis,
}
_CLASHING = (
    frozenset(("unclosed", "wrong bracket", "extra bracket", "ellipsis", "trailing comma")),
    frozenset(("missing comma", "doubled comma", "semicolon", "comment")),
    frozenset(name for name in BREAKS if "quote" in name or name.startswith("bare")),
    frozenset(("python literal", "upper-case literal")),
    frozenset(("equals sign", "missing colon", "half-quoted key", "bare keys")),
)


def _clash(one: str, other: str) -> bool:
    """Whether two breaks together would leave more than one reading."""
    return any(one in group and other in group for group in _CLASHING)
