"""A Cypher query in a normal form, so that two that differ in manner only are equal.

Keywords, white space, variable names, quotes, the order of AND, of a map's entries and of equal
sides are manner; what a query returns and in what order is not. Knows nothing of parsing.
"""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r"//[^\n]*|/\*.*?\*/"
    r"|(?P<text>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
    r"|(?P<quoted>`[^`]*`)"
    r"|(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"
    r"|(?P<word>\$?[^\W\d]\w*)"
    r"|(?P<sign><=|>=|<>|=~|\+=|\.\.|[^\w\s])",
    re.DOTALL,
)


def _listed(text: str) -> frozenset[str]:
    return frozenset(text.split())


_KEYWORDS = _listed(
    "match optional where return with unwind as create merge set remove delete detach on "
    "order by asc ascending desc descending skip limit distinct and or xor not in is null "
    "true false case when then else end starts ends contains union all call yield exists "
    "foreach"
)
_CLAUSES = _listed(
    "match optional return with unwind create merge set remove delete detach on order skip "
    "limit union call foreach } )"
)
_FUNCTIONS = _listed(
    "count collect sum avg min max size length type labels id tolower toupper coalesce "
    "shortestpath allshortestpaths nodes relationships keys exists any all none single "
    "reduce head last"
)


def normalise_cypher(text: str) -> str:
    """The normal form: one line, tokens apart by spaces. Any text has one, Cypher or not."""
    tokens = _renamed(_tokens(text.strip().rstrip(";")))
    tokens = _without_ascending(tokens)
    return " ".join(_sorted_maps(_sorted_conditions(tokens)))


def _tokens(text: str) -> list[str]:
    found = []
    for match in _TOKEN.finditer(text):
        if match["text"]:
            found.append("'" + match[0][1:-1].replace("\\'", "'").replace('\\"', '"') + "'")
        elif match["quoted"]:
            found.append(match[0][1:-1])
        elif match["word"]:
            lower = match[0].lower()
            found.append(lower if lower in _KEYWORDS else match[0])
        elif match["number"] or match["sign"]:
            found.append(match[0])
    return found


def _renamed(tokens: list[str]) -> list[str]:
    """Variables by the order they appear in; functions in small letters."""
    names: dict[str, str] = {}
    written = []
    for place, token in enumerate(tokens):
        if _stands_alone(tokens, place):
            continue
        before = tokens[place - 1] if place else ""
        after = tokens[place + 1] if place + 1 < len(tokens) else ""
        if not _is_name(token):
            written.append(token)
        elif after in ("(", "{") and before != ":" and _calls(token, before):
            written.append(token.lower() if token.lower() in _FUNCTIONS else token)
        elif _belongs(tokens, place, before, after):
            written.append(token)
        else:
            written.append(names.setdefault(token, f"v{len(names)}"))
    return written


def _is_name(token: str) -> bool:
    """Whether it is a word that is no keyword, or a keyword that names a function too."""
    starts = token[0].isalpha() or token[0] == "_"
    return starts and (token not in _KEYWORDS or token in ("all", "exists"))


def _belongs(tokens: list[str], place: int, before: str, after: str) -> bool:
    """Whether a name is a label, a type, a property or a map's key: none of these is renamed."""
    if before in (".", ":", "|", "&", "!"):
        return not _starts_value(tokens, place)
    return after == ":" and before in ("{", ",") and _in_map(tokens, place)


def _calls(token: str, before: str) -> bool:
    """Whether a word before a bracket is a function: (a {k: 1}) is none."""
    return before not in ("(", "[") or token.lower() in _FUNCTIONS


def _stands_alone(tokens: list[str], place: int) -> bool:
    """Whether a word names a node or a hop that nothing else speaks of."""
    token, before = tokens[place], tokens[place - 1] if place else ""
    after = tokens[place + 1] if place + 1 < len(tokens) else ""
    if not (token[0].isalpha() or token[0] == "_") or token in _KEYWORDS:
        return False
    node = before == "(" and after in (":", ")", "{") and not _is_word(tokens, place - 2)
    hop = before == "[" and after in (":", "]", "*") and tokens[place - 2] == "-"
    return (node or hop) and tokens.count(token) == 1


def _is_word(tokens: list[str], place: int) -> bool:
    """Whether a function's name stands there; a clause's is none."""
    if place < 0 or not tokens[place][0].isalpha():
        return False
    return tokens[place] not in _KEYWORDS or tokens[place] in ("exists", "all")


def _starts_value(tokens: list[str], place: int) -> bool:
    """Whether the word after ":" or "|" is a value ({name: value}, [x IN xs | x])."""
    if tokens[place - 1] == ":":
        return _in_map(tokens, place)
    return tokens[place - 1] == "|" and not _in_type(tokens, place)


def _in_map(tokens: list[str], place: int) -> bool:
    depth = 0
    for part in reversed(tokens[:place]):
        if part in ("}", ")", "]"):
            depth += 1
        elif part in ("{", "(", "["):
            if depth == 0:
                return part == "{"
            depth -= 1
    return False


def _in_type(tokens: list[str], place: int) -> bool:
    """Whether the word stands in [:A|B]."""
    at = place - 1
    while at > 0 and tokens[at] not in ("[", "(", "in", "where"):
        at -= 1
    return tokens[at] == "[" and "in" not in tokens[at:place] and ":" in tokens[at : at + 3]


def _without_ascending(tokens: list[str]) -> list[str]:
    longer = {"descending": "desc"}
    return [longer.get(token, token) for token in tokens if token not in ("asc", "ascending")]


def _sorted_conditions(tokens: list[str]) -> list[str]:
    """The terms of each WHERE that only ANDs join, in alphabetical order."""
    written: list[str] = []
    place = 0
    while place < len(tokens):
        part = tokens[place]
        written.append(part)
        place += 1
        if part != "where":
            continue
        end, terms = _terms(tokens, place)
        if terms:
            for number, term in enumerate(sorted(terms)):
                written += ["and", *term] if number else term
        else:
            written += tokens[place:end]
        place = end
    return written


def _terms(tokens: list[str], start: int) -> tuple[int, list[list[str]]]:
    """Where a condition ends, and its terms; none where OR or XOR stand among them."""
    terms: list[list[str]] = [[]]
    depth, place, joined = 0, start, True
    while place < len(tokens):
        part = tokens[place]
        ends = part in _CLAUSES and tokens[place - 1] not in ("starts", "ends")
        if depth == 0 and ends:
            break
        depth += (part in "([{") - (part in ")]}")
        if depth == 0 and part == "and":
            terms.append([])
        else:
            joined = joined and not (depth == 0 and part in ("or", "xor", "|"))
            terms[-1].append(part)
        place += 1
    return place, terms if joined else []


def _sorted_maps(tokens: list[str]) -> list[str]:
    """The entries of each flat map in alphabetical order."""
    written: list[str] = []
    place = 0
    while place < len(tokens):
        if tokens[place] != "{" or tokens[place + 2 : place + 3] != [":"]:
            written.append(tokens[place])
            place += 1
            continue
        end = place + 1
        while end < len(tokens) and tokens[end] not in ("}", "{", "[", "("):
            end += 1
        inside = tokens[place + 1 : end]
        if end < len(tokens) and tokens[end] == "}":
            entries = sorted(" ".join(inside).split(" , "))
            inside = " , ".join(entries).split(" ")
        written += ["{", *inside]
        place = end
    return written
