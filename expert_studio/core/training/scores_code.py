"""How right an answer in a language of its own is: Cypher, Python, Rust. Runs nothing.

Each number is 0 to 1. What a row's `check` names (a signature, a kind of bug) is held against
the answer's syntax; unit tests are `scores_unit_tests`.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Mapping
from typing import Any

from expert_studio.core.datasets.cypher_text import normalise_cypher
from expert_studio.core.datasets.parse_checks import completes, parses

_FENCED = re.compile(r"\s*```[\w+-]*[ \t]*\n(.*?)\n?[ \t]*```\s*", re.DOTALL)


def score_cypher(expected: str, given: str) -> dict[str, float]:
    """parses; exact: the same query in the normal form of `cypher_text`."""
    said = unfenced(given)
    return {
        "parses": float(parses("cypher", said) is None),
        "exact": float(normalise_cypher(expected) == normalise_cypher(said)),
    }


def score_code(language: str, expected: str, given: str, check: str) -> dict[str, float]:
    """A function, or the diagnosis of one, in "python" or "rust".

    Returns:
        of a diagnosis bug_kind, bug_line, exact (both); of a function parses, exact (the same
        but for layout) and, where `check` names a signature, completes: that signature
        with a body that is neither empty nor a constant.
    """
    wanted = read_check(check)
    if "bug" in wanted:
        return _diagnosis(wanted, given)
    said = unfenced(given)
    scores = {
        "parses": float(parses(language, said) is None),
        "exact": float(_plain(language, expected) == _plain(language, said)),
    }
    if isinstance(wanted.get("signature"), str):
        scores["completes"] = float(completes(language, said, wanted["signature"]) is None)
    return scores


def read_check(check: str) -> Mapping[str, Any]:
    """What a row's check says; {} where it is empty or no JSON object."""
    try:
        said = json.loads(check) if check else {}
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def unfenced(text: str) -> str:
    """The inside of an answer that is one Markdown code block, otherwise the answer."""
    found = _FENCED.fullmatch(text)
    return found[1] if found else text


def _diagnosis(wanted: Mapping[str, Any], given: str) -> dict[str, float]:
    """An answer is the kind of bug in its first line and the right line of code in the second."""
    kind, _, line = given.strip().partition("\n")
    right_kind = kind.strip().rstrip(".").lower() == str(wanted["bug"]).lower()
    right_line = _spaced(unfenced(line)) == _spaced(str(wanted.get("line", "")))
    return {
        "bug_kind": float(right_kind),
        "bug_line": float(right_line),
        "exact": float(right_kind and right_line),
    }


def _plain(language: str, text: str) -> str:
    """Python as its syntax tree, anything else without its layout."""
    if language == "python":
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return ast.dump(ast.parse(text))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return text.strip()
    return _spaced(text)


def _spaced(text: str) -> str:
    return " ".join(text.split())
