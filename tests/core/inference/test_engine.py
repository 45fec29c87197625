"""Answers from the bundled base: streamed, stopped, repeated, and never from another's cache."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from expert_studio.core.errors import InferenceError, StorageError
from expert_studio.core.experts.library import Library
from expert_studio.core.inference.conversation import Answer, BaseRequest, Message, Sampling
from expert_studio.core.inference.engine import Engine, load_engine
from expert_studio.core.inference.stack import EMPTY, Stack, compose
from expert_studio.core.settings import Folders
from tests.core.inference.random_bases import BUNDLED, SMALL, write_base
from tests.expert_factory import SHAPES, installed_expert

GREEDY = Sampling(max_tokens=24, temperature=0.0)
STORY = [Message("user", "Write a long story about a lighthouse.")]


@pytest.fixture(scope="module")
def endless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled base with no end token: how long it speaks is not what is tested here."""
    folder = tmp_path_factory.mktemp("endless")
    for path in (*BUNDLED.glob("*.json"), *BUNDLED.glob("*.safetensors")):
        (folder / path.name).write_bytes(path.read_bytes())
    _without(folder / "config.json", "eos_token_id")
    _without(folder / "generation_config.json", "eos_token_id")
    _without(folder / "tokenizer_config.json", "eos_token")
    return folder


def _without(path: Path, key: str) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: None}))


@pytest.fixture
def fresh(endless: Path) -> Iterator[Callable[[], Engine]]:
    """Loads the base anew, with no caches."""
    loaded: list[Engine] = []

    def load() -> Engine:
        loaded.append(load_engine(BaseRequest(endless, "fp32", "cpu"), lambda _: None))
        return loaded[-1]

    yield load
    for each in loaded:
        each.close()


@pytest.fixture
def engine(fresh: Callable[[], Engine]) -> Engine:
    return fresh()


@pytest.fixture
def stack(engine: Engine) -> Stack:
    library = Library(Folders.default().library)
    expert = installed_expert(library, rank=8, modules=tuple(SHAPES), seed=1, strength=0.08)
    return compose({expert.name: 1.0}, [expert], engine.base.sha256, "fp32")


def _ask(
    engine: Engine,
    messages: list[Message],
    stack: Stack = EMPTY,
    sampling: Sampling = GREEDY,
    stop_after: int | None = None,
) -> tuple[Answer, list[str]]:
    pieces: list[str] = []
    asked = 0

    def should_stop() -> bool:
        nonlocal asked
        asked += 1
        return stop_after is not None and asked > stop_after

    answer = engine.generate(messages, stack, sampling, pieces.append, should_stop)
    assert "".join(pieces) == answer.text
    assert all(pieces)
    return answer, pieces


def test_greedy_answer_is_the_most_likely_at_every_step(engine: Engine) -> None:
    answer, _ = _ask(engine, STORY)
    said = b"".join(
        engine._tokenizer.token_bytes(token)
        for token in _most_likely(engine, answer.timing.tokens)
        if not engine._tokenizer.is_control(token)
    )
    assert answer.text == said.decode(errors="ignore")
    assert answer.timing.prompt_tokens == len(engine.prompt_ids(STORY))
    assert answer.timing.cached_tokens == 0
    assert answer.timing.ttft_ms > 0
    assert answer.timing.decode_tok_s > 0


def _most_likely(engine: Engine, count: int) -> list[int]:
    """Greedy tokens, each from logits of the whole text so far."""
    ids = engine.prompt_ids(STORY)
    for _ in range(count):
        ids.append(int(engine.logits(ids)[-1].argmax()))
    return ids[-count:]


def test_a_seed_repeats_an_answer_and_is_told(engine: Engine, fresh: Callable[[], Engine]) -> None:
    drawn, _ = _ask(engine, STORY, sampling=Sampling(max_tokens=24, temperature=1.0))
    assert drawn.sampling.seed is not None
    second = fresh()
    again, _ = _ask(second, STORY, sampling=drawn.sampling)
    other, _ = _ask(second, STORY, sampling=replace(drawn.sampling, seed=drawn.sampling.seed + 1))
    assert again.text == drawn.text
    assert other.text != drawn.text


def test_length_stop_and_cancel(engine: Engine) -> None:
    answer, _ = _ask(engine, STORY)
    assert (answer.finish_reason, answer.timing.tokens) == ("length", 24)

    word = answer.text[10:16]
    stopped, _ = _ask(engine, STORY, sampling=replace(GREEDY, stop=(word,)))
    assert stopped.finish_reason == "stop"
    assert stopped.text == answer.text.partition(word)[0]

    cancelled, _ = _ask(engine, STORY, stop_after=8)
    assert cancelled.finish_reason == "cancelled"
    assert 0 < cancelled.timing.tokens <= 8
    assert answer.text.startswith(cancelled.text)

    unheard, _ = _ask(engine, STORY, stop_after=0)
    assert (unheard.text, unheard.finish_reason) == ("", "cancelled")
    assert _ask(engine, STORY)[0].text == answer.text


def test_the_end_token_ends_it(engine: Engine, tmp_path: Path, endless: Path) -> None:
    whole = _most_likely(engine, 12)
    end = whole[9]
    for path in endless.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "generation_config.json").write_text(json.dumps({"eos_token_id": [end]}))
    ending = load_engine(BaseRequest(tmp_path, "fp32", "cpu"), lambda _: None)
    answer, _ = _ask(ending, STORY)
    assert answer.finish_reason == "stop"
    assert answer.timing.tokens == whole.index(end)


def test_the_next_turn_reads_only_what_is_new(engine: Engine, fresh: Callable[[], Engine]) -> None:
    first, _ = _ask(engine, STORY)
    turns = [*STORY, Message("assistant", first.text), Message("user", "Go on.")]
    second, _ = _ask(engine, turns)
    assert first.timing.prompt_tokens <= second.timing.cached_tokens
    assert second.timing.cached_tokens < second.timing.prompt_tokens
    assert _ask(fresh(), turns)[0].text == second.text


def test_a_cache_never_crosses_stacks(engine: Engine, stack: Stack) -> None:
    alone, _ = _ask(engine, STORY)
    composed, _ = _ask(engine, STORY, stack)
    assert composed.timing.cached_tokens == 0
    assert composed.text != alone.text
    louder = replace(stack, members=(replace(stack.members[0], weight=0.5),))
    assert _ask(engine, STORY, louder)[0].timing.cached_tokens == 0
    again, _ = _ask(engine, STORY)
    assert again.timing.cached_tokens == again.timing.prompt_tokens - 1
    assert again.text == alone.text
    assert _ask(engine, STORY, stack)[0].text == composed.text
    assert composed.stack == stack


def test_another_conversation_copies_the_shared_beginning(engine: Engine) -> None:
    system = Message("system", "You answer in one short line. " * 8)
    first = [system, Message("user", "Tell me about ships. " * 30)]
    _ask(engine, first)
    other, _ = _ask(engine, [system, Message("user", "And bees?")])
    assert other.timing.cached_tokens > 20
    again, _ = _ask(engine, first)
    assert again.timing.cached_tokens == again.timing.prompt_tokens - 1


def test_a_long_prompt_is_read_in_pieces_and_can_be_stopped(
    engine: Engine, fresh: Callable[[], Engine]
) -> None:
    long = [Message("user", "one two three four five six seven " * 100)]
    answer, _ = _ask(engine, long, stop_after=2)
    assert answer.finish_reason == "cancelled"
    assert answer.timing.tokens == 0
    whole, _ = _ask(engine, long, sampling=replace(GREEDY, max_tokens=4))
    assert whole.timing.cached_tokens == 512
    ids = engine.prompt_ids(long)
    assert whole.text == _ask(fresh(), long, sampling=replace(GREEDY, max_tokens=4))[0].text
    assert len(ids) == whole.timing.prompt_tokens


def test_a_prompt_beyond_the_context_is_a_sentence(tmp_path: Path) -> None:
    engine = load_engine(BaseRequest(write_base(tmp_path / "b", SMALL), "fp32"), lambda _: None)
    with pytest.raises(InferenceError, match="context"):
        _ask(engine, [Message("user", "word " * 200)])
    near = [Message("user", "word " * 50)]
    room = 128 - len(engine.prompt_ids(near))
    answer, _ = _ask(engine, near, sampling=Sampling(max_tokens=5000, temperature=1.0, seed=1))
    assert answer.timing.tokens <= room


def test_repetition_penalty_changes_a_greedy_answer(engine: Engine) -> None:
    plain, _ = _ask(engine, STORY)
    varied, _ = _ask(engine, STORY, sampling=replace(GREEDY, repetition_penalty=1.5))
    assert varied.text != plain.text


def test_logits_are_written_whole_or_not_at_all(engine: Engine, tmp_path: Path) -> None:
    ids = engine.prompt_ids(STORY)
    engine.save_logits(tmp_path / "out.safetensors", ids)
    stored = load_file(tmp_path / "out.safetensors")
    assert torch.equal(stored["logits"], engine.logits(ids))
    assert stored["tokens"].tolist() == ids
    with pytest.raises(StorageError):
        engine.save_logits(tmp_path / "no folder" / "out.safetensors", ids)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.safetensors"]


def test_closed_it_holds_nothing(engine: Engine) -> None:
    _ask(engine, STORY)
    engine.close()
    memory = engine.memory()
    assert (memory.base, memory.experts, memory.kv_cache) == (0, (), 0)
    with pytest.raises(InferenceError, match="not loaded"):
        _ask(engine, STORY)
    with pytest.raises(InferenceError, match="not loaded"):
        engine.logits([1, 2])


def test_threads_are_given_back(engine: Engine) -> None:
    before = torch.get_num_threads()
    _ask(engine, STORY)
    assert torch.get_num_threads() == before


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on a process's memory there")
def test_out_of_memory_is_a_sentence_and_the_engine_lives() -> None:
    """A child process whose memory is limited asks for more than it may have."""
    program = """
import resource, sys
from pathlib import Path
import torch
from expert_studio.core.errors import OutOfMemoryError
from expert_studio.core.inference.conversation import BaseRequest, Message, Sampling
from expert_studio.core.inference.engine import load_engine
from expert_studio.core.inference.stack import EMPTY

torch.set_num_threads(1)
engine = load_engine(BaseRequest(Path(sys.argv[1]), "fp32", "cpu"), lambda _: None)
ask = lambda text: engine.generate(
    [Message("user", text)], EMPTY, Sampling(max_tokens=4), lambda _: None, lambda: False)
ask("hello")
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (6 << 20), resource.RLIM_INFINITY))
try:
    ask("one two three " * 900)
except OutOfMemoryError as error:
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert engine.memory().kv_cache == 0
    print(error.what, error.remedy, ask("hello").timing.tokens)
"""
    run = subprocess.run(
        [sys.executable, "-c", program, str(BUNDLED)], capture_output=True, text=True, check=False
    )
    assert run.stdout.startswith("There was no room for this answer. Use fewer experts"), run.stderr
    assert run.returncode == 0, run.stderr


def test_progress_rises_to_one() -> None:
    heard: list[float] = []
    load_engine(BaseRequest(BUNDLED, "bf16", "cpu"), heard.append).close()
    assert heard[0] == 0.0
    assert heard[-1] == 1.0
    assert heard == sorted(heard)
    assert len(heard) > 20


def test_describes_its_base(bundled_engine: Any) -> None:
    base = bundled_engine("bf16").base
    assert base.name == "expert-base-12m"
    assert (base.architecture, base.device, base.context_length) == ("qwen3", "cpu", 4096)
    assert base.parameters == 12_130_624
    assert base.resident_bytes == pytest.approx(2 * base.parameters, rel=0.01)
    assert "CPU" in base.device_name
