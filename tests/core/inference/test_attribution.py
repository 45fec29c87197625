"""Leave-one-out attribution against logits read afresh; answers continued, and said again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from expert_studio.core.errors import InferenceError
from expert_studio.core.inference.conversation import BaseRequest, Message, Sampling
from expert_studio.core.inference.engine import Engine, load_engine
from expert_studio.core.inference.stack import Stack, StackMember
from tests.core.inference.random_bases import SMALL, write_base
from tests.core.inference.test_engine_sequences import LAYERS, _write_expert

NAMES = ("lora-0", "dora-0", "ia3-0", "soft_prompt-0")
ASKED = [Message("user", "extract the city")]
SAMPLING = Sampling(max_tokens=8, temperature=1.0, top_k=0, top_p=1.0, seed=11)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("attribution")
    write_base(folder / "base", SMALL | {"max_position_embeddings": 768}, layers=LAYERS)
    for number, name in enumerate(NAMES):
        _write_expert(folder / name, name.rpartition("-")[0], number)
    return folder


@pytest.fixture(scope="module")
def engine(place: Path) -> Iterator[Engine]:
    made = load_engine(BaseRequest(place / "base", "fp32", "cpu"), lambda _: None)
    yield made
    made.close()


def _stack(place: Path, engine: Engine, *names: str) -> Stack:
    members = []
    for order, name in enumerate(names):
        digest = hashlib.sha256((place / name / "adapter_model.safetensors").read_bytes())
        members.append(
            StackMember(name, "1.0.0", digest.hexdigest(), 1.0, order + 1, "task", place / name)
        )
    return Stack(tuple(members), engine.base.sha256, "fp32")


def _likely(engine: Engine, prompt: list[int], said: tuple[int, ...], stack: Stack) -> list[float]:
    scores = engine.logits([*prompt, *said], stack).log_softmax(-1)
    return [float(scores[len(prompt) - 1 + at, token]) for at, token in enumerate(said)]


def test_figures_are_those_of_the_logits(place: Path, engine: Engine) -> None:
    stack = _stack(place, engine, *NAMES)
    answer = engine.generate(ASKED, stack, SAMPLING, lambda _: None, lambda: False)
    done: list[tuple[int, int]] = []
    found = engine.attribute(
        ASKED, answer.tokens, stack, lambda *at: done.append(at), lambda: False
    )
    assert found is not None
    assert done == [(0, 5), (1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]
    assert found.experts == NAMES
    prompt = engine.prompt_ids(ASKED)
    whole = _likely(engine, prompt, answer.tokens, stack)
    assert [token.logprob for token in found.tokens] == pytest.approx(whole, abs=1e-4)
    for at, name in enumerate(NAMES):
        rest = replace(stack, members=tuple(m for m in stack.members if m.name != name))
        without = _likely(engine, prompt, answer.tokens, rest)
        gains = [token.gains[at] for token in found.tokens]
        assert gains == pytest.approx(
            [one - other for one, other in zip(whole, without, strict=True)], abs=1e-4
        )
        assert found.gain(name) == pytest.approx(sum(whole) - sum(without), abs=1e-3)
    assert any(abs(found.gain(name)) > 1e-3 for name in NAMES)


def test_a_stopped_attribution_gives_nothing(place: Path, engine: Engine) -> None:
    stack = _stack(place, engine, "lora-0")
    asked = iter([False, True])
    found = engine.attribute(ASKED, (5, 6, 7), stack, lambda *_: None, lambda: next(asked, True))
    assert found is None


def test_an_answer_is_continued_from_its_text(place: Path, engine: Engine) -> None:
    stack = _stack(place, engine, "lora-0")
    begun = [*ASKED, Message("assistant", "The city is")]
    ids = engine.prompt_ids(begun)
    assert ids[: len(engine.prompt_ids(ASKED))] == engine.prompt_ids(ASKED)
    greedy = replace(SAMPLING, temperature=0.0)
    answer = engine.generate(begun, stack, greedy, lambda _: None, lambda: False)
    likeliest = int(engine.logits(ids, stack)[-1].argmax())
    assert answer.tokens[0] == likeliest
    assert torch.isfinite(engine.logits(ids, stack)).all()


def test_an_answer_of_two_stacks_is_said_again(place: Path, engine: Engine) -> None:
    first, second = _stack(place, engine, "lora-0"), _stack(place, engine, "lora-0", "dora-0")
    wanted = iter([None, None, second])
    answer = engine.generate(
        ASKED, first, SAMPLING, lambda _: None, lambda: False,
        next_stack=lambda: next(wanted, None),
    )  # fmt: skip
    assert [span.stack for span in answer.spans] == [first, second]
    again = engine.generate(
        ASKED, first, answer.sampling, lambda _: None, lambda: False, replay=answer.spans[1:]
    )
    assert again.tokens == answer.tokens
    assert again.spans == answer.spans
    alone = engine.generate(ASKED, first, answer.sampling, lambda _: None, lambda: False)
    assert alone.tokens[:3] == answer.tokens[:3]


def test_megabytes_are_refused_before_they_are_cut_into_tokens(engine: Engine) -> None:
    with pytest.raises(InferenceError, match="10,000,000 characters"):
        engine.prompt_ids([Message("user", "x" * 10_000_000)])
