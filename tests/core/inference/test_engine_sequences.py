"""Whatever was attached, changed, said and edited before: the engine is as one freshly started."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from safetensors.torch import save_file

from expert_studio.core.inference.conversation import BaseRequest, Message, Sampling
from expert_studio.core.inference.engine import Engine, load_engine
from expert_studio.core.inference.stack import Stack, StackMember
from tests.core.inference.float_reference import relative_l2
from tests.core.inference.random_bases import SMALL, write_base

SHAPES = {
    "q_proj": (128, 64), "k_proj": (64, 64), "v_proj": (64, 64), "o_proj": (64, 128),
    "gate_proj": (128, 64), "up_proj": (128, 64), "down_proj": (64, 128),
}  # fmt: skip
LAYERS = 2
KINDS = ("lora", "dora", "ia3", "soft_prompt")
NAMES = [f"{kind}-{number}" for kind in KINDS for number in range(2)]
PROBE = [1, 412, 203, 77, 5000, 8, 1999, 42]
names = st.sampled_from(NAMES)
# few enough that a stack comes back and finds its old caches
weights = st.sampled_from([1.0, -2.0, -0.75, 0.0, 0.3, 2.0])
sayings = st.sampled_from(["hello", "extract the city", "a b c d e f g h " * 5, "yes", "no {1}"])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random base in `base`, and two experts of each kind beside it."""
    folder = tmp_path_factory.mktemp("sequences")
    write_base(folder / "base", SMALL | {"max_position_embeddings": 768}, layers=LAYERS)
    for number, name in enumerate(NAMES):
        _write_expert(folder / name, name.rpartition("-")[0], number)
    return folder


def _write_expert(folder: Path, kind: str, seed: int) -> None:
    folder.mkdir()
    generator = torch.Generator().manual_seed(seed)
    choose = random.Random(seed)
    modules = choose.sample(list(SHAPES), 4)
    rank = choose.choice((2, 5, 8))

    def normal(*size: int) -> torch.Tensor:
        return (0.1 * torch.randn(size, generator=generator)).bfloat16()

    config: dict[str, Any] = {"peft_type": "LORA", "r": rank, "lora_alpha": 2 * rank}
    config |= {"use_dora": kind == "dora", "target_modules": modules}
    tensors: dict[str, torch.Tensor] = {}
    if kind == "soft_prompt":
        config = {"peft_type": "PROMPT_TUNING", "num_virtual_tokens": 3 + seed}
        tensors["prompt_embeddings"] = normal(3 + seed, 64)
    elif kind == "ia3":
        config = {"peft_type": "IA3", "target_modules": modules}
        config["feedforward_modules"] = modules[:2]
    for layer in range(LAYERS if kind != "soft_prompt" else 0):
        for module in modules:
            block = "mlp" if module in ("gate_proj", "up_proj", "down_proj") else "self_attn"
            path = f"base_model.model.model.layers.{layer}.{block}.{module}"
            outputs, inputs = SHAPES[module]
            if kind == "ia3":
                length = inputs if module in modules[:2] else outputs
                tensors[f"{path}.ia3_l"] = 1 + normal(length)
                continue
            tensors[f"{path}.lora_A.weight"] = normal(rank, inputs)
            tensors[f"{path}.lora_B.weight"] = normal(outputs, rank)
            if kind == "dora":
                tensors[f"{path}.lora_magnitude_vector"] = 0.5 + normal(outputs)
    save_file(tensors, folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(json.dumps(config))


class Sequence(RuleBasedStateMachine):
    """One engine through one random life; at its end it must be as a fresh one."""

    def __init__(self, folder: Path, lived: Engine, fresh: Callable[[], Engine]) -> None:
        super().__init__()
        self.folder = folder
        self.lived = lived
        self.fresh = fresh
        self.attached: dict[str, float] = {}
        self.messages: list[Message] = [Message("user", "begin")]

    @property
    def stack(self) -> Stack:
        members = tuple(self._member(name, weight) for name, weight in self.attached.items())
        return Stack(members, self.lived.base.sha256, "fp32")

    def _member(self, name: str, weight: float) -> StackMember:
        folder = self.folder / name
        digest = hashlib.sha256((folder / "adapter_model.safetensors").read_bytes()).hexdigest()
        order = 1 + NAMES.index(name)
        return StackMember(name, "1.0.0", digest, weight, order, "task", folder)

    @initialize(attached=st.dictionaries(names, weights, min_size=1, max_size=6))
    def begin_with(self, attached: dict[str, float]) -> None:
        self.attached = attached
        self._answer(self.lived, 3)

    @rule(name=names, weight=weights)
    def attach_or_change_weight(self, name: str, weight: float) -> None:
        self.attached[name] = weight

    @precondition(lambda self: self.attached)
    @rule(data=st.data(), weight=weights)
    def change_weight(self, data: st.DataObject, weight: float) -> None:
        self.attached[data.draw(st.sampled_from(sorted(self.attached)))] = weight

    @precondition(lambda self: len(self.attached) > 1)
    @rule(data=st.data())
    def reorder(self, data: st.DataObject) -> None:
        self.attached = dict(data.draw(st.permutations(list(self.attached.items()))))

    @precondition(lambda self: self.attached)
    @rule(data=st.data())
    def detach(self, data: st.DataObject) -> None:
        del self.attached[data.draw(st.sampled_from(sorted(self.attached)))]

    @rule(text=sayings, stop_after=st.integers(0, 5))
    def chat(self, text: str, stop_after: int) -> None:
        if len(self.messages) > 9:
            self.messages = [Message("user", "begin")]
        answer = self._answer(self.lived, stop_after)
        self.messages += [Message("assistant", answer), Message("user", text)]

    @precondition(lambda self: len(self.messages) > 1)
    @rule(data=st.data(), text=sayings)
    def edit(self, data: st.DataObject, text: str) -> None:
        place = 2 * data.draw(st.integers(0, len(self.messages) // 2))
        self.messages = [*self.messages[:place], Message("user", text)]
        self._answer(self.lived, 3)

    @rule(name=names)
    def forget(self, name: str) -> None:
        if any(expert.name == name for expert in self.lived.list_loaded_experts()):
            self.lived.detach(name)

    @rule()
    def look_at_logits(self) -> None:
        self.lived.logits(PROBE, self.stack)

    def teardown(self) -> None:
        fresh = self.fresh()
        try:
            assert torch.equal(self.lived.logits(PROBE, self.stack),
                               fresh.logits(PROBE, self.stack))  # fmt: skip
            for engine in (self.lived, fresh):
                self._answer(engine, 3)
            mine, theirs = self.lived._caches.active, fresh._caches.active
            assert mine is not None
            assert theirs is not None
            prompt = self.lived.prompt_ids(self.messages)
            assert mine.tokens[: len(prompt)] == theirs.tokens[: len(prompt)] == prompt
            assert mine.ahead == theirs.ahead
            read = mine.ahead + len(prompt)
            for ours, others in zip(
                (*mine.kv.keys, *mine.kv.values), (*theirs.kv.keys, *theirs.kv.values), strict=True
            ):
                assert relative_l2(ours[:, :read], others[:, :read]) < 1e-5
            assert self.lived.weights_sha256() == fresh.weights_sha256()
        finally:
            fresh.close()

    def _answer(self, engine: Engine, tokens: int) -> str:
        """Stopped after so many tokens; 0 stops it before the prompt is read."""
        asked = iter([False] * (tokens + 1) if tokens else [])
        return engine.generate(
            self.messages,
            self.stack,
            Sampling(max_tokens=8, temperature=0.0),
            lambda _: None,
            lambda: next(asked, True),
        ).text


@pytest.fixture
def sequence(place: Path) -> Iterator[Callable[[], Sequence]]:
    """All sequences are lived by one engine, one after another."""

    def fresh() -> Engine:
        return load_engine(BaseRequest(place / "base", "fp32", "cpu"), lambda _: None)

    lived = fresh()
    yield lambda: Sequence(place, lived, fresh)
    lived.close()


def _run(sequence: Callable[[], Sequence], count: int, steps: int, repeatable: bool = True) -> None:
    run_state_machine_as_test(
        sequence,
        settings=settings(
            max_examples=count,
            stateful_step_count=steps,
            derandomize=repeatable,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_a_few_sequences_end_as_a_fresh_start(sequence: Callable[[], Sequence]) -> None:
    _run(sequence, 25, 15)


@pytest.mark.long
@pytest.mark.parametrize("part", range(4))  # none over five minutes
def test_a_thousand_sequences_end_as_a_fresh_start(
    part: int, sequence: Callable[[], Sequence]
) -> None:
    _run(sequence, 250, 20, repeatable=False)
