"""Hostile constraints: each is refused with a sentence, or followed, and the engine lives on."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest

from expert_studio.core.errors import InferenceError, UsageError
from expert_studio.core.inference import constraint_trial
from expert_studio.core.inference.constraint import Constraint, ConstraintKind
from expert_studio.core.inference.conversation import Answer, Message, Sampling
from expert_studio.core.inference.engine import Engine
from expert_studio.core.inference.stack import EMPTY
from expert_studio.core.settings import Quantization

SHORT = Sampling(max_tokens=40, temperature=1.0, top_k=0, top_p=1.0, seed=1)
ASKED = [Message("user", "Hello")]


def _nested(depth: int) -> str:
    return '{"type":"array","items":' * depth + '{"type":"string"}' + "}" * depth


def _rules(count: int, rule: str, last: str) -> str:
    lines = [rule.format(number, number + 1) for number in range(count)]
    return "\n".join(["root ::= r0", *lines, f"r{count} ::= {last}"])


def _ask(engine: Engine, constraint: Constraint) -> Answer:
    held = replace(SHORT, constraint=constraint)
    return engine.generate(ASKED, EMPTY, held, lambda _: None, lambda: False)


@pytest.fixture
def engine(bundled_engine: Callable[[Quantization], Engine]) -> Engine:
    return bundled_engine("fp32")


REFUSED: list[tuple[ConstraintKind, str, str]] = [
    ("json_schema", _nested(10_000), "nested"),
    ("json_schema", _nested(200_000 // 26), "nested"),
    ("json_schema", '{"$ref":"#"}', "circle"),
    (
        "json_schema",
        '{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}}}',
        "circle",
    ),
    ("json_schema", '{"$ref":"https://localhost/schema.json"}', "not present"),
    ("json_schema", '{"$ref":"file:///etc/passwd"}', "compiled"),
    ("json_schema", "{", "not JSON"),
    ("json_schema", "true", "JSON object"),
    ("json_schema", '{"type":"string","format":"unheard-of"}', "Unknown format"),
    ("json_schema", '{"type":"string","pattern":"(?=a)b"}', "look-around"),
    ("json_schema", '{"type":"string","minLength":3,"maxLength":2}', "compiled"),
    ("json_schema", " " * (512 * 1024 + 1), "characters"),
    (
        "json_schema",
        json.dumps(
            {
                "allOf": [
                    {"anyOf": [{"properties": {f"p{i}{j}": {}}} for j in range(6)]}
                    for i in range(12)
                ]
            }
        ),
        "complex",
    ),
    ("gbnf", "", "empty"),
    ("gbnf", " \n\t", "empty"),
    ("gbnf", 'root ::= "a"' + ' "a"' * 2_500_000, "characters"),
    ("gbnf", 'root ::= root "a"', "no end"),
    ("gbnf", _rules(40, "r{0} ::= r{1} r{1}", '"x"'), "complex"),
    ("gbnf", 'root ::= (("a"{1,1000}){1,1000}){1,1000}', "complex"),
    ("gbnf", 'root ::= (x{1,1000}){1,1000}\nx ::= "a" | "(" x ")"', "complex"),
    ("regex", "", "empty"),
    ("regex", "((a{1,100}){1,100}){1,100}", "complex"),
    ("regex", "(.{1,1000}){1,1000}x", "complex"),
    ("regex", "(" * 3_000 + "a" + ")" * 3_000, "nest"),
    ("regex", "(", "unclosed"),
    ("regex", r"(a)\1", "backreferences"),
    ("regex", r"[^\x{0}-\x{10FFFF}]", "no text is allowed"),
    ("regex", "\ud800", "Unicode"),
    ("choices", "[]", "at least one"),
    ("choices", '["a", ""]', "at least one"),
    ("choices", json.dumps([str(number) for number in range(10_001)]), "10,000"),
]


@pytest.mark.parametrize(("kind", "source", "why"), REFUSED, ids=lambda value: value[:24])
def test_refused_with_a_sentence(kind: ConstraintKind, source: str, why: str) -> None:
    with pytest.raises(UsageError, match=why) as refusal:
        constraint_trial.tried_grammar(Constraint(kind, source))
    assert len(str(refusal.value)) < 500
    assert refusal.value.remedy


@pytest.mark.parametrize(
    "constraint",
    [
        Constraint("json_schema", _nested(40)),
        Constraint("json_schema", '{"type":"string","minLength":10000000}'),
        Constraint(
            "json_schema",
            '{"anyOf":[{"$ref":"#"},{"type":"null"},{"type":"array","items":{"$ref":"#"}}]}',
        ),
        Constraint("gbnf", 'root ::= root "a" | "a"'),
        Constraint("gbnf", 'root ::= s\ns ::= s s | s s s | "a" | ""'),
        Constraint("gbnf", _rules(3_900, 'r{0} ::= "a" r{1} | r{0}', '"x"')),
        Constraint("regex", "(a|aa|aaa)*" * 50 + "b{1000}"),
        Constraint("regex", "([ab]*a[ab]{40}c)+"),
        Constraint("regex", ".{1000000}"),
        Constraint.choices([f"{number:x}" * 9 for number in range(5_000)]),
    ],
    ids=lambda constraint: constraint.source[:24],
)
def test_followed_or_refused_and_the_engine_lives(engine: Engine, constraint: Constraint) -> None:
    with suppress(UsageError, InferenceError):
        answer = _ask(engine, constraint)
        assert answer.constraint_satisfied is (answer.finish_reason == "stop")
    assert _ask(engine, Constraint.choices(["yes"])).text == "yes"


def test_the_engine_lives_on_after_a_refusal(engine: Engine) -> None:
    for kind, source, why in REFUSED[2:4]:
        with pytest.raises(UsageError, match=why):
            _ask(engine, Constraint(kind, source))
    assert _ask(engine, Constraint.choices(["yes"])).text == "yes"


def test_what_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constraint_trial, "DEADLINE_S", 0.001)
    with pytest.raises(UsageError, match="seconds"):
        constraint_trial.tried_grammar(Constraint("regex", "never tried before"))


def test_a_trial_that_cannot_start_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constraint_trial.sys, "executable", "no such program")
    with pytest.raises(InferenceError, match="could not be tried"):
        constraint_trial.tried_grammar(Constraint("regex", "nor this"))


def test_a_defect_in_the_trial_is_not_blamed_on_the_constraint() -> None:
    with pytest.raises(RuntimeError, match="defective"):
        constraint_trial.tried_grammar(Constraint("choices", "no list"))
