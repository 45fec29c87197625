"""Bugs that can be seen in the line they are in, or beside one other: slips of the keys.

For Python and Rust alike; each changes one line. Knows nothing of how the function was made.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from expert_studio.core.datasets.offline_code_words import Words

_QUOTED = re.compile(r"(\"[^\"]*)\"")
_LEAST_LETTERS = 4  # shorter names are no slip to find


def missing_colon(code: str, _words: Words) -> Iterator[tuple[str, str]]:
    """Python: a line that opens a block without its colon; the first is left, as a signature."""
    for line in code.splitlines()[1:]:
        if line.endswith(":"):
            yield line[:-1], line


def missing_semicolon(code: str, _words: Words) -> Iterator[tuple[str, str]]:
    """Rust: a statement without its semicolon, where another one follows."""
    lines = code.splitlines()
    for line, after in pairwise(lines):
        if line.endswith(";") and after.strip() != "}":
            yield line[:-1], line


def unclosed_bracket(code: str, _words: Words) -> Iterator[tuple[str, str]]:
    """The last round or square bracket of a line that closes all it opens is gone."""
    for line in code.splitlines()[1:]:
        place = max(line.rfind(")"), line.rfind("]"))
        closed = all(line.count(a) == line.count(b) for a, b in ("()", "[]"))
        if place > 0 and closed:
            yield line[:place] + line[place + 1 :], line


def unclosed_text(code: str, _words: Words) -> Iterator[tuple[str, str]]:
    """A text without the quotation mark at its end."""
    for line in code.splitlines()[1:]:
        found = list(_QUOTED.finditer(line))
        if found and line.count('"') == 2 * len(found) and found[-1][1] != '"':
            yield line[: found[-1].end() - 1] + line[found[-1].end() :], line


def single_equals_sign(code: str, _words: Words) -> Iterator[tuple[str, str]]:
    """A comparison that would set what it should compare."""
    for line in code.splitlines()[1:]:
        if line.count(" == ") == 1 and re.match(r"\s*(?:\} else )?(?:if|elif|while)\b", line):
            yield line.replace(" == ", " = "), line


def misspelt_name(code: str, words: Words) -> Iterator[tuple[str, str]]:
    """A name with two letters turned round or one left out, where it is used, not given."""
    lines = code.splitlines()
    known = set(re.findall(r"\w+", code))
    for name in dict.fromkeys((words.result, words.total, words.many, words.item)):
        if len(name) < _LEAST_LETTERS:
            continue
        places = [n for n, line in enumerate(lines) if re.search(rf"\b{name}\b", line)]
        middle = len(name) // 2
        turned = name[: middle - 1] + name[middle] + name[middle - 1] + name[middle + 1 :]
        for wrong in (turned, name[: middle - 1] + name[middle:]):
            if wrong in known:
                continue
            for number in places[1:]:
                last = list(re.finditer(rf"\b{name}\b", lines[number]))[-1]
                line = lines[number]
                yield line[: last.start()] + wrong + line[last.end() :], line
