"""Functions made by rule, in Python or Rust: patterns of a file filled with names and constants.

`resources/templates/LANGUAGE.txt` says how it is written. Its reductions render the intents of
`offline_code_intents`; its functions stand for themselves; Python has the chains of
`offline_code_chains` as well. Knows nothing of tasks or rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import Any, Literal

from expert_studio.core.datasets.offline_code_chains import CHAINS, Chain
from expert_studio.core.datasets.offline_code_intents import (
    INTENTS,
    Intent,
    fitted,
    test_lists,
)
from expert_studio.core.datasets.offline_code_words import Kind, Words, draw_words
from expert_studio.core.datasets.offline_request import DIFFICULTIES, Difficulty
from expert_studio.core.settings import resources_folder

Language = Literal["python", "rust"]
_HARDER = {
    "product": 1,
    "first": 1,
    "joined": 1,
    "positions": 1,
    "largest": 2,
    "smallest": 2,
    "mean": 2,
    "between": 1,
    "outside": 1,
    "multiple": 1,
    "not-starting": 1,
}


@dataclass(frozen=True, slots=True)
class Function:
    """One function with everything that is known of it.

    Attributes:
        docs: wordings of what it does, as orders; the first is the one to learn.
        signature: its head, without an opening brace.
        body: its lines, indented.
        test: asserts that hold for it, lines.
    """

    family: str
    difficulty: Difficulty
    name: str
    docs: tuple[str, ...]
    signature: str
    body: str
    test: str
    words: Words


@dataclass(frozen=True, slots=True)
class Pattern:
    """A family of functions."""

    name: str
    difficulty: Difficulty
    held_out: bool
    kind: Kind
    names: tuple[str, ...] = ()
    docs: tuple[str, ...] = ()
    head: str = ""
    bodies: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    intent: Intent | None = None
    chain: Chain | None = None


@lru_cache(maxsize=2)
def patterns(language: Language) -> tuple[Pattern, ...]:
    """All patterns of a language: its functions, its intents, its chains."""
    text = (resources_folder() / "templates" / f"{language}.txt").read_text("utf-8")
    functions: list[Pattern] = []
    reductions: dict[str, tuple[str, ...]] = {}
    for block in text.split("\n== ")[1:]:
        head, _, rest = block.strip("\n").partition("\n")
        if head.startswith("reduction "):
            reductions[head.split()[1]] = tuple(rest.strip("\n").split("\n--\n"))
        else:
            functions.append(_function_pattern(head, rest))
    chains = CHAINS if language == "python" else ()
    return (*functions, *_intent_patterns(reductions), *map(_chain_pattern, chains))


def _chain_pattern(chain: Chain) -> Pattern:
    return Pattern(f"chain/{chain.name}", "easy", chain.held_out, chain.kind, chain=chain)


def _function_pattern(head: str, rest: str) -> Pattern:
    _, name, difficulty, kind = head.split()
    said: dict[str, list[str]] = {"names": [], "doc": [], "args": [], "test": []}
    body = []
    for line in rest.splitlines():
        field, colon, value = line.partition(":")
        if colon and field in said:
            said[field].append(value.strip())
        else:
            body.append(line)
    return Pattern(
        name=f"function/{name.rstrip('*')}",
        difficulty=difficulty,  # type: ignore[arg-type]
        held_out=name.endswith("*"),
        kind=kind,  # type: ignore[arg-type]
        names=tuple(said["names"][0].split("|")),
        docs=tuple(said["doc"][0].split("|")),
        head=said["args"][0],
        bodies=("\n".join(body).strip("\n"),),
        tests=tuple(said["test"]),
    )


def _intent_patterns(reductions: Mapping[str, tuple[str, ...]]) -> Sequence[Pattern]:
    return [
        Pattern(
            name=f"intent/{intent.name}",
            difficulty=DIFFICULTIES[min(2, sum(_HARDER.get(part, 0) for part in _parts(intent)))],
            held_out=intent.held_out,
            kind=intent.condition.kind,
            names=intent.reduction.names,
            bodies=reductions[intent.reduction.name],
            intent=intent,
        )
        for intent in INTENTS
        if intent.reduction.name in reductions
    ]


def _parts(intent: Intent) -> tuple[str, str]:
    return intent.reduction.name, intent.condition.name


def draw_function(chance: Random, language: Language, pattern: Pattern, held_out: bool) -> Function:
    """A function of a pattern, with names and constants drawn."""
    words = draw_words(chance, pattern.kind, held_out)
    if pattern.chain is not None:
        return _of_chain(chance, pattern, pattern.chain, words)
    name = fitted(chance.choice(pattern.names), words)
    make = _of_intent if pattern.intent is not None else _of_function
    return make(chance, language, pattern, words, name)


def _of_chain(chance: Random, pattern: Pattern, chain: Chain, words: Words) -> Function:
    name, signature = chain.head(chance, words)
    return Function(
        family=pattern.name,
        difficulty=pattern.difficulty,
        name=name,
        docs=chain.docs(words),
        signature=signature,
        body=chain.body(chance, words),
        test=chain.checks(name, words),
        words=words,
    )


def _of_function(
    _chance: Random, language: Language, pattern: Pattern, words: Words, name: str
) -> Function:
    more = {"f": name, "many_": words.spoken_many, "one_": words.spoken_one}
    head = fitted(pattern.head, words, **more)
    test = "\n".join(fitted(line, words, **more) for line in pattern.tests)
    return Function(
        family=pattern.name,
        difficulty=pattern.difficulty,
        name=name,
        docs=tuple(_article(fitted(doc, words, **more)) for doc in pattern.docs),
        signature=f"def {name}({head}):" if language == "python" else _rust_head(name, head),
        body=fitted(pattern.bodies[0], words, **more),
        test=test,
        words=words,
    )


def _rust_head(name: str, head: str) -> str:
    return f"fn {name}{head}"


def _article(text: str) -> str:
    return re.sub(r"\b([Aa]) (?=[aeio])", r"\1n ", text)


def _of_intent(
    chance: Random, language: Language, pattern: Pattern, words: Words, name: str
) -> Function:
    intent = pattern.intent
    assert intent is not None
    written = _PYTHON if language == "python" else _RUST
    body = chance.choice(pattern.bodies)
    lists = test_lists(chance, intent, words)
    tests = [written.check(intent, name, given, intent.expected(given, words)) for given in lists]
    return Function(
        family=pattern.name,
        difficulty=pattern.difficulty,
        name=name,
        docs=intent.docs(words),
        signature=written.signature(chance, intent, name, words),
        body=fitted(body, words, **written.parts(intent, words)),
        test="\n".join(tests),
        words=words,
    )


@dataclass(frozen=True, slots=True)
class _Written:
    """How a language writes the parts of an intent."""

    signature: Callable[[Random, Intent, str, Words], str]
    parts: Callable[[Intent, Words], dict[str, str]]
    check: Callable[[Intent, str, Sequence[Any], Any], str]


_PYTHON_TYPES = {
    "{t}": "int",
    "usize": "int",
    "Vec<{t}>": "list[int]",
    "Option<{t}>": "int | None",
    "bool": "bool",
    "Vec<usize>": "list[int]",
    "f64": "float",
    "String": "str",
    "Vec<String>": "list[str]",
}


def _python_signature(chance: Random, intent: Intent, name: str, words: Words) -> str:
    if chance.random() < 0.7:
        return f"def {name}({words.many}):"
    gives = _PYTHON_TYPES[intent.reduction.rust]
    takes = "int" if intent.condition.kind == "number" else "str"
    if "{t}" in intent.reduction.rust:
        gives = gives.replace("int", takes)
    return f"def {name}({words.many}: list[{takes}]) -> {gives}:"


def _python_parts(intent: Intent, words: Words) -> dict[str, str]:
    return {"cond": fitted(intent.condition.python, words), "factor": str(words.small + 1)}


def _python_check(_intent: Intent, name: str, given: Sequence[Any], wanted: Any) -> str:
    said = repr(list(given)).replace("'", '"')
    answer = repr(wanted).replace("'", '"')
    return f"assert {name}({said}) == {answer}"


def _rust_signature(_chance: Random, intent: Intent, name: str, words: Words) -> str:
    number = intent.condition.kind == "number"
    element = "i64" if number else "String"
    gives = intent.reduction.rust.replace("{t}", element)
    return f"fn {name}({words.many}: &[{element}]) -> {gives}"


def _rust_parts(intent: Intent, words: Words) -> dict[str, str]:
    number = intent.condition.kind == "number"
    cond = fitted(intent.condition.rust, words)
    taken = f"&{words.item}" if number else words.item
    return {
        "cond": cond,
        "factor": str(words.small + 1),
        "for": f"for {taken} in {words.many}",
        "each": f"(i, {taken})",
        "items": ".iter().copied()" if number else ".iter()",
        "filter": f".filter(|&{words.item}| {cond})"
        if number
        else f".filter(|{words.item}| {cond})",
        "test": f"|&{words.item}| {cond}" if number else f"|{words.item}| {cond}",
        "clone": words.item if number else f"{words.item}.clone()",
        "cloned": "" if number else ".cloned()",
        "t": "i64" if number else "String",
    }


def _rust_check(intent: Intent, name: str, given: Sequence[Any], wanted: Any) -> str:
    number = intent.condition.kind == "number"
    items = ", ".join(str(x) if number else f'"{x}".to_string()' for x in given)
    element = "i64" if number else "String"
    given_text = f"&[{items}]" if given else f"&Vec::<{element}>::new()"
    return (
        f"assert_eq!({name}({given_text}), {_rust_value(wanted, intent.reduction.rust, number)});"
    )


def _rust_value(wanted: Any, kind: str, number: bool) -> str:
    if kind.startswith("Option"):
        return "None" if wanted is None else f"Some({_rust_value(wanted, '{t}', number)})"
    if kind.startswith("Vec"):
        inner = "usize" if "usize" in kind or number else "{t}"
        texts = kind == "Vec<String>" or not (number or "usize" in kind)
        if texts and not wanted:
            return "Vec::<String>::new()"
        return f"vec![{', '.join(_rust_value(x, inner, number) for x in wanted)}]"
    if isinstance(wanted, bool):
        return "true" if wanted else "false"
    if isinstance(wanted, str):
        return f'"{wanted}".to_string()'
    return repr(wanted)


_PYTHON = _Written(_python_signature, _python_parts, _python_check)
_RUST = _Written(_rust_signature, _rust_parts, _rust_check)
