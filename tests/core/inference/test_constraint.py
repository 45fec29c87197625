"""Answers of the real base held to a schema, a grammar, an expression or choices."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from expert_studio.core.inference.constraint import Constraint
from expert_studio.core.inference.conversation import Answer, BaseRequest, Message, Sampling
from expert_studio.core.inference.engine import Engine, load_engine
from expert_studio.core.inference.sampling_constraint import Guide, GuideBook
from expert_studio.core.inference.stack import EMPTY
from expert_studio.core.inference.tokenizer import ChatTokenizer
from expert_studio.core.settings import Quantization
from tests.core.inference.random_bases import BUNDLED, SMALL, write_base
from tests.core.inference.test_constraint_gbnf import JSON

ASKED = [Message("user", "Describe Ada, who is 36 and lives in London.")]
WILD = Sampling(max_tokens=400, temperature=1.5, top_k=0, top_p=1.0)
PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 16},
        "age": {"type": "integer", "minimum": 0, "maximum": 120},
        "tags": {"type": "array", "maxItems": 3, "items": {"enum": ["red", "green", "é\n"]}},
        "home": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/place"}]},
    },
    "required": ["name", "age", "tags", "home"],
    "additionalProperties": False,
    "$defs": {
        "place": {
            "type": "object",
            "properties": {"city": {"const": "London"}},
            "additionalProperties": False,
        }
    },
}


def schema(value: object) -> Constraint:
    return Constraint("json_schema", json.dumps(value))


CHOICES = Constraint.choices(["yes", "yes, always", "no", "<think>a</think>", 'it "depends"\n'])


@pytest.fixture
def engine(bundled_engine: Callable[[Quantization], Engine]) -> Engine:
    return bundled_engine("fp32")


@pytest.fixture(scope="module")
def tokenizer() -> ChatTokenizer:
    return ChatTokenizer(BUNDLED)


def ask(engine: Engine, sampling: Sampling, constraint: Constraint | None = None) -> Answer:
    pieces: list[str] = []
    held = replace(sampling, constraint=constraint)
    answer = engine.generate(ASKED, EMPTY, held, pieces.append, lambda: False)
    assert "".join(pieces) == answer.text
    return answer


def whole(answer: Answer) -> str:
    assert (answer.finish_reason, answer.constraint_satisfied) == ("stop", True)
    return answer.text


@pytest.mark.parametrize("seed", range(8))
def test_json_follows_its_schema(engine: Engine, seed: int) -> None:
    person = json.loads(whole(ask(engine, replace(WILD, seed=seed), schema(PERSON))))
    assert list(person) == ["name", "age", "tags", "home"]
    assert isinstance(person["name"], str)
    assert len(person["name"]) <= 16
    assert 0 <= person["age"] <= 120
    assert len(person["tags"]) <= 3
    assert set(person["tags"]) <= {"red", "green", "é\n"}
    assert person["home"] is None or person["home"].get("city", "London") == "London"


@pytest.mark.parametrize("seed", range(6))
def test_a_grammar_is_followed_or_the_answer_is_not_whole(engine: Engine, seed: int) -> None:
    answer = ask(engine, replace(WILD, max_tokens=120, seed=seed), Constraint("gbnf", JSON))
    assert answer.constraint_satisfied is (answer.finish_reason == "stop")
    if answer.constraint_satisfied:
        assert isinstance(json.loads(answer.text), dict)
    else:
        assert answer.text.startswith("{")


@pytest.mark.parametrize(
    "expression",
    [
        r"[A-Z][a-z]{2,8}-\d{3}",
        "(é|ü|😀){2,5}",
        r"(?i)(yes|no)/[a-z]{0,4}",
        r'"[^"\n]{0,9}"\\|',
        r"^\d{4}-\d{2}-\d{2}$",
    ],
)
def test_the_whole_answer_matches_the_expression(engine: Engine, expression: str) -> None:
    for seed in range(4):
        text = whole(ask(engine, replace(WILD, seed=seed), Constraint("regex", expression)))
        assert re.fullmatch(expression, text), text


def test_one_choice_is_taken_whole(engine: Engine) -> None:
    said = {whole(ask(engine, replace(WILD, seed=seed), CHOICES)) for seed in range(40)}
    assert said <= set(json.loads(CHOICES.source))
    assert len(said) > 1
    tag = Constraint.choices(["<think>a</think>b"])
    assert whole(ask(engine, WILD, tag)) == "<think>a</think>b"


def test_greedy_takes_what_is_likeliest_among_the_allowed(engine: Engine) -> None:
    greedy = replace(WILD, temperature=0.0)
    first = whole(ask(engine, greedy, schema(PERSON)))
    assert whole(ask(engine, greedy, schema(PERSON))) == first
    top = replace(WILD, temperature=1.5, top_k=1, repetition_penalty=1.3, min_p=0.1, seed=1)
    assert json.loads(whole(ask(engine, top, schema(PERSON))))["age"] <= 120


def test_without_a_constraint_nothing_changes(engine: Engine) -> None:
    for seed in range(3):
        sampling = Sampling(max_tokens=24, temperature=1.0, top_k=0, top_p=0.95, seed=seed)
        before = ask(engine, sampling)
        ask(engine, replace(sampling, seed=seed + 7), CHOICES)
        after = ask(engine, sampling)
        assert before.constraint_satisfied is None
        assert (after.text, after.timing.tokens) == (before.text, before.timing.tokens)


def test_a_constraint_that_allows_everything_changes_nothing(engine: Engine) -> None:
    greedy = Sampling(max_tokens=24, temperature=0.0)
    free, held = ask(engine, greedy), ask(engine, greedy, Constraint("regex", "(?s:.)*"))
    assert (held.text, held.timing.tokens) == (free.text, free.timing.tokens)


def test_what_was_cut_is_not_valid(engine: Engine) -> None:
    greedy = Sampling(max_tokens=6, temperature=0.0)
    cut = ask(engine, greedy, schema(PERSON))
    assert (cut.finish_reason, cut.constraint_satisfied) == ("length", False)
    assert cut.timing.tokens == 6
    endless = ask(engine, greedy, Constraint("regex", "[ab]{100,}"))
    assert (endless.finish_reason, endless.constraint_satisfied) == ("length", False)
    stopped = ask(engine, replace(greedy, max_tokens=99, stop=("age",)), schema(PERSON))
    assert (stopped.finish_reason, stopped.constraint_satisfied) == ("stop", False)
    held = replace(greedy, constraint=schema(PERSON))
    cancelled = engine.generate(ASKED, EMPTY, held, lambda _: None, lambda: True)
    assert (cancelled.finish_reason, cancelled.constraint_satisfied) == ("cancelled", False)


def test_forced_text_costs_one_reading_and_counts_as_tokens(
    engine: Engine, tokenizer: ChatTokenizer
) -> None:
    only = "This long sentence is the only thing that may be said here."
    tokens = len(tokenizer.encode(only))
    asked = 0

    def should_stop() -> bool:
        nonlocal asked
        asked += 1
        return False

    held = Sampling(max_tokens=tokens, constraint=Constraint.choices([only]), repetition_penalty=2)
    answer = engine.generate(ASKED, EMPTY, held, lambda _: None, should_stop)
    assert whole(answer) == only
    assert answer.timing.tokens == tokens
    assert asked < tokens
    shorter = engine.generate(
        ASKED, EMPTY, replace(held, max_tokens=tokens - 1), lambda _: None, should_stop
    )
    assert (shorter.finish_reason, shorter.constraint_satisfied) == ("length", False)
    assert only.startswith(shorter.text)


def test_what_was_forced_is_read_into_the_cache(engine: Engine) -> None:
    said = whole(ask(engine, replace(WILD, seed=3), schema(PERSON)))
    turns = [*ASKED, Message("assistant", said), Message("user", "Go on.")]
    greedy = Sampling(max_tokens=12, temperature=0.0)
    cached = engine.generate(turns, EMPTY, greedy, lambda _: None, lambda: False)
    fresh = load_engine(BaseRequest(BUNDLED, "fp32", "cpu"), lambda _: None)
    anew = fresh.generate(turns, EMPTY, greedy, lambda _: None, lambda: False)
    fresh.close()
    assert cached.timing.cached_tokens > anew.timing.cached_tokens
    assert cached.text == anew.text


def test_control_tokens_never_stand_in_held_text(tokenizer: ChatTokenizer) -> None:
    guide = _guide(tokenizer, Constraint("regex", "(?s:.){2,}"), ends=[2])
    for text, may_end in (("<", False), ("|im_start|>", True)):
        logits = torch.zeros(8192)
        guide.forbid(logits)
        assert {int(t) for t in tokenizer.added_tokens if logits[t] == 0} == set()
        for token in tokenizer.encode(text):
            guide.take(token)
        logits = torch.zeros(8192)
        guide.forbid(logits)
        allowed = {int(t) for t in tokenizer.added_tokens if logits[t] == 0}
        assert allowed == ({2} if may_end else set())
        assert guide.satisfied is may_end
        assert not guide.finished


def test_a_base_without_an_end_token_still_ends(tokenizer: ChatTokenizer) -> None:
    guide = _guide(tokenizer, Constraint("regex", "ab"), ends=[])
    assert guide.take_forced(9) or not guide.finished
    logits = torch.zeros(8192)
    while not guide.finished:
        guide.forbid(logits)
        guide.take(int(logits.argmax()))
    assert guide.satisfied


def _guide(tokenizer: ChatTokenizer, constraint: Constraint, ends: list[int]) -> Guide:
    guide = GuideBook(tokenizer, 8192, ends, torch.device("cpu")).guide(constraint)
    assert guide is not None
    return guide


def test_a_vocabulary_wider_than_the_tokenizer(tmp_path: Path) -> None:
    """Qwen's output is wider than its tokenizer: what has no text is never said."""
    shape: dict[str, Any] = SMALL | {"vocab_size": 151936, "max_position_embeddings": 1024}
    engine = load_engine(BaseRequest(write_base(tmp_path / "wide", shape), "fp32"), lambda _: None)
    for seed in range(3):
        sampling = replace(WILD, seed=seed)
        assert json.loads(whole(ask(engine, sampling, schema(PERSON))))["age"] <= 120
        assert whole(ask(engine, sampling, CHOICES)) in json.loads(CHOICES.source)
    engine.close()
