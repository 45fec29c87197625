"""Makes llguidance's grammar of a constraint. Runs in the child process of `constraint_trial`.

A constraint may be hostile: nothing here is bounded in time. Knows nothing of the real
tokenizer: it tries the grammar byte by byte.
"""

from __future__ import annotations

import json
import random
from typing import Any

from llguidance import LLMatcher, LLParserLimits, LLTokenizer, TokenizerWrapper

from expert_studio.core.inference.constraint import Constraint
from expert_studio.core.inference.constraint_gbnf import GbnfError
from expert_studio.core.inference.constraint_lark import lark_of

MOST_NESTED = 48  # objects and lists of a schema within one another
MOST_CHOICES = 10_000
TRIED_BYTES = 200
# Some, so that a model may write as it is used to; never without end.
WHITESPACE = r"(?: |\n[ \t]{0,20})?"
END = 256  # the token after the 256 bytes
TOO_COMPLEX = ("too many", "Too many", "too big", "too large", "Current row has", "too complex")
# A state takes up to 2 kB: a long answer through a hostile grammar stays within 100 MB.
LIMITS = LLParserLimits(verbose_errors=False, max_lexer_states=50_000)


class GrammarRefusedError(ValueError):
    """No grammar can be made; says why, as a whole sentence."""


def grammar_of(constraint: Constraint) -> str:
    """llguidance's grammar of a constraint, tried on `TRIED_BYTES` bytes of random text.

    Raises:
        GrammarRefusedError: it cannot be read, allows no text, or is too complex.
    """
    makers = {
        "json_schema": _of_schema,
        "gbnf": _of_gbnf,
        "regex": LLMatcher.grammar_from_regex,
        "choices": _of_choices,
    }
    grammar = makers[constraint.kind](constraint.source)
    _try(grammar)
    return grammar


def _of_schema(source: str) -> str:
    try:
        schema = json.loads(source)
    except RecursionError as cause:
        raise GrammarRefusedError(f"It is nested more than {MOST_NESTED} deep.") from cause
    except ValueError as cause:
        raise GrammarRefusedError(f"It is not JSON: {cause}.") from cause
    if not isinstance(schema, dict):
        raise GrammarRefusedError("A schema is a JSON object.")
    if _depth(schema) > MOST_NESTED:
        raise GrammarRefusedError(f"It is nested more than {MOST_NESTED} deep.")
    schema.pop("x-guidance", None)  # how it is compiled is not for a schema to say
    options: Any = {"whitespace_pattern": WHITESPACE, "lenient": False}
    return LLMatcher.grammar_from_json_schema(json.dumps(schema), overrides=options)


def _depth(value: Any) -> int:
    """How deep objects and lists lie within one another; a plain value is 0."""
    deepest, waiting = 0, [(value, 1)]
    while waiting:
        inner, depth = waiting.pop()
        if isinstance(inner, dict | list):
            deepest = max(deepest, depth)
            members = inner.values() if isinstance(inner, dict) else inner
            waiting += [(member, depth + 1) for member in members]
    return deepest


def _of_gbnf(source: str) -> str:
    try:
        return LLMatcher.grammar_from_lark(lark_of(source))
    except GbnfError as cause:
        why = str(cause)
        raise GrammarRefusedError(f"{why[0].upper()}{why[1:]}.") from cause


def _of_choices(source: str) -> str:
    options = json.loads(source)
    if not options or not all(isinstance(option, str) and option for option in options):
        raise GrammarRefusedError("It needs at least one choice, and none may be empty.")
    if len(options) > MOST_CHOICES:
        raise GrammarRefusedError(f"It has more than {MOST_CHOICES:,} choices.")
    choices = " | ".join(json.dumps(option, ensure_ascii=False) for option in options)
    return LLMatcher.grammar_from_lark(f"start: CHOICE\nCHOICE: {choices}\n")


class _Bytes:
    """A tokenizer of single bytes, as llguidance asks for one."""

    eos_token_id = END
    bos_token_id = None
    tokens = (*(bytes([byte]) for byte in range(END)), b"<end>")
    special_token_ids = (END,)

    def __call__(self, text: bytes) -> list[int]:
        return list(text)


def _try(grammar: str) -> None:
    """Compiles, and follows one random text a little way."""
    tokenizer = LLTokenizer(TokenizerWrapper(_Bytes()))
    matcher = LLMatcher(tokenizer, grammar, log_level=0, limits=LIMITS)
    choose = random.Random(0).choice
    for tried in range(TRIED_BYTES):
        _refuse_failed(matcher)
        mask = matcher.compute_bitmask()
        _refuse_failed(matcher)
        allowed = [byte for byte in range(END) if mask[byte >> 3] >> (byte & 7) & 1]
        if not allowed and tried == 0:
            raise GrammarRefusedError("It allows no text but the empty one.")
        if not allowed:
            return
        matcher.consume_token(choose(allowed))


def _refuse_failed(matcher: LLMatcher) -> None:
    if not matcher.is_error():
        return
    lines = matcher.get_error().strip().splitlines() or ["llguidance refuses it"]
    why = next((line for line in lines if line.startswith("error: ")), lines[0])
    if "NoExtension" in why:
        raise GrammarRefusedError("It leads to where no text is allowed, or round in a circle.")
    if any(sign in why for sign in TOO_COMPLEX):
        raise GrammarRefusedError("It is too complex.")
    why = why.removeprefix("error: ")[:300].rstrip(".")
    raise GrammarRefusedError(f"It cannot be compiled: {why}.")
