"""Several answers at once are those of single runs; and what an answer tells of its tokens."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch

from expert_studio.core.errors import InferenceError
from expert_studio.core.experts.library import Library
from expert_studio.core.inference.constraint import Constraint
from expert_studio.core.inference.conversation import (
    Answer,
    BaseRequest,
    Message,
    Question,
    Sampling,
)
from expert_studio.core.inference.engine import Engine, load_engine
from expert_studio.core.inference.stack import EMPTY, Stack, compose
from expert_studio.core.settings import Folders, Quantization
from tests.core.inference.random_bases import BUNDLED
from tests.expert_factory import SHAPES, installed_expert

GREEDY = Sampling(max_tokens=16, temperature=0.0, seed=0)
KINDS = ("lora", "dora", "ia3", "soft_prompt")


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = load_engine(BaseRequest(BUNDLED, "fp32", "cpu"), lambda _: None)
    yield engine
    engine.close()


@pytest.fixture
def stacks(engine: Engine) -> list[Stack]:
    """The base alone, each kind alone, LoRA at another weight, and all together."""
    library = Library(Folders.default().library)
    experts = [
        installed_expert(
            library, kind.replace("_", "-"), kind=kind, seed=number, load_order=number + 1,
            modules=tuple(SHAPES), strength=0.03 if kind == "lora" else 0.01,
        )
        for number, kind in enumerate(KINDS)
    ]  # fmt: skip
    base = engine.base

    def stack(weights: dict[str, float]) -> Stack:
        chosen = [expert for expert in experts if expert.name in weights]
        return compose(weights, chosen, base.sha256, base.quantization)

    alone = [stack({expert.name: 1.0}) for expert in experts]
    together = {expert.name: 0.8 for expert in experts}
    return [EMPTY, *alone, stack({"lora": -0.5}), stack(together)]


def _one(engine: Engine, question: Question) -> Answer:
    return engine.generate(
        question.messages, question.stack, question.sampling, lambda _: None, lambda: False
    )


def _said(words: str) -> tuple[Message, ...]:
    return (Message("user", words),)


def test_a_batch_of_mixed_lengths_and_stacks_is_its_single_runs(
    engine: Engine, stacks: list[Stack]
) -> None:
    questions = []
    for number, stack in enumerate([*stacks, *stacks[:3]]):
        words = "Tell me about lighthouses and ships. " * (1 + 5 * (number % 3)) + str(number)
        sampling = GREEDY if number % 2 else Sampling(12 + number, 0.9, seed=number)
        questions.append(Question(_said(words), stack, sampling))
    pieces: dict[int, str] = {}

    def heard(index: int, piece: str) -> None:
        pieces[index] = pieces.get(index, "") + piece

    together = engine.generate_batch(questions, heard, lambda: False)
    engine._caches.clear()
    for index, (answer, question) in enumerate(zip(together, questions, strict=True)):
        single = _one(engine, question)
        assert answer.text == single.text
        assert pieces.get(index, "") == answer.text
        assert answer.finish_reason == single.finish_reason
        assert answer.timing.tokens == single.timing.tokens
        assert (answer.stack, answer.sampling) == (question.stack, single.sampling)


def test_one_stack_for_all_stays_composed(engine: Engine, stacks: list[Stack]) -> None:
    questions = [Question(_said(f"Number {n}"), stacks[1], GREEDY) for n in range(3)]
    answers = engine.generate_batch(questions, lambda *_: None, lambda: False)
    assert [expert.composed for expert in engine.list_loaded_experts()] == [True]
    # what was read is kept: a single run goes on from it
    again = _one(engine, questions[2])
    assert again.timing.cached_tokens == again.timing.prompt_tokens - 1
    assert again.text == answers[2].text


def test_the_same_question_twice_reads_no_others_cache(engine: Engine) -> None:
    question = Question(_said("Write a long story about a lighthouse."), EMPTY, GREEDY)
    single = _one(engine, question)
    answers = engine.generate_batch([question] * 3, lambda *_: None, lambda: False)
    assert [answer.text for answer in answers] == [single.text] * 3
    assert answers[0].timing.cached_tokens == single.timing.prompt_tokens - 1


def test_a_batch_may_be_empty_stopped_constrained_or_refused(engine: Engine) -> None:
    assert engine.generate_batch([], lambda *_: None, lambda: False) == ()
    question = Question(_said("Yes or no?"), EMPTY, GREEDY)
    stopped = engine.generate_batch([question] * 2, lambda *_: None, lambda: True)
    assert [answer.finish_reason for answer in stopped] == ["cancelled"] * 2
    choice = replace(GREEDY, constraint=Constraint.choices(["yes", "no"]))
    answers = engine.generate_batch(
        [question, replace(question, sampling=choice)], lambda *_: None, lambda: False
    )
    assert answers[1].text in ("yes", "no")
    assert answers[1].constraint_satisfied
    assert answers[0].text == _one(engine, question).text
    bad = installed_expert(Library(Folders.default().library), "elsewhere")
    foreign = replace(question, stack=compose({"elsewhere": 1.0}, [bad], "0" * 64, "fp32"))
    with pytest.raises(InferenceError, match="another base"):
        engine.generate_batch([question, foreign], lambda *_: None, lambda: False)


@pytest.mark.parametrize("quantization", ["bf16", "nf4", "int4"])
def test_in_less_than_float_a_batch_differs_only_at_near_ties(
    quantization: Quantization, bundled_engine: Any
) -> None:
    engine: Engine = bundled_engine(quantization)
    library = Library(Folders.default().library)
    expert = installed_expert(library, modules=tuple(SHAPES), strength=0.03)
    base = engine.base
    stack = compose({expert.name: 1.0}, [expert], base.sha256, base.quantization)
    sampling = replace(GREEDY, logprobs=2)
    questions = [
        Question(_said(f"Tell me about the number {n}."), (EMPTY, stack)[n % 2], sampling)
        for n in range(6)
    ]
    together = engine.generate_batch(questions, lambda *_: None, lambda: False)
    engine._caches.clear()
    same = 0
    for answer, question in zip(together, questions, strict=True):
        single = _one(engine, question)
        assert answer.said is not None
        assert single.said is not None
        for ours, theirs in zip(answer.said, single.said, strict=False):
            (_, _, first), (_, _, second) = theirs.likeliest
            if ours.token != theirs.token:
                assert first - second < 0.2
                break
            assert ours.logprob == pytest.approx(theirs.logprob, abs=0.2)
            same += 1
    assert same > 40


def test_logprobs_are_those_of_the_logits(engine: Engine, stacks: list[Stack]) -> None:
    sampling = Sampling(max_tokens=10, temperature=1.5, seed=3, repetition_penalty=1.3, logprobs=4)
    question = Question(_said("Name a city."), stacks[-1], sampling)
    answer = _one(engine, question)
    said = answer.said
    assert said is not None
    assert len(said) == answer.timing.tokens
    prompt = engine.prompt_ids(question.messages)
    tokens = [each.token for each in said]
    logits = engine.logits([*prompt, *tokens], question.stack)[len(prompt) - 1 : -1]
    expected = logits.log_softmax(-1)
    for each, row in zip(said, expected, strict=True):
        assert each.logprob == pytest.approx(float(row[each.token]), abs=1e-3)
        best = row.topk(4).indices.tolist()
        assert [token for token, _, _ in each.likeliest] == best
        assert all(math.isfinite(value) for _, _, value in each.likeliest)
    assert "".join(each.text for each in said).startswith(answer.text)
    assert _one(engine, replace(question, sampling=GREEDY)).said is None
    torch.testing.assert_close(expected.exp().sum(-1), torch.ones(len(said)))


def test_tokens_a_constraint_forces_tell_no_logprob(engine: Engine) -> None:
    sampling = replace(GREEDY, logprobs=0, constraint=Constraint.choices(["considerable amounts"]))
    said = _one(engine, Question(_said("How much?"), EMPTY, sampling)).said
    assert said is not None
    assert "".join(each.text for each in said) == "considerable amounts"
    assert said[0].logprob is not None
    assert said[0].likeliest == ()
