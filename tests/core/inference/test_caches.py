"""What an answer goes on from: shared pages, within a budget, exact, never another stack's."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from expert_studio.core.errors import OutOfMemoryError
from expert_studio.core.experts.library import Library
from expert_studio.core.inference import engine_memory
from expert_studio.core.inference.conversation import Answer, BaseRequest, Message, Sampling
from expert_studio.core.inference.decoder_cache import KVCache
from expert_studio.core.inference.decoder_rotation import Rotation
from expert_studio.core.inference.decoder_shape import read_shape
from expert_studio.core.inference.engine import Engine, load_engine
from expert_studio.core.inference.engine_caches import CacheShelf, ReadText
from expert_studio.core.inference.engine_pages import PAGE_TOKENS
from expert_studio.core.inference.stack import EMPTY, Stack, compose
from expert_studio.core.settings import Folders, KVFormat
from tests.core.inference.float_reference import relative_l2
from tests.core.inference.random_bases import BUNDLED
from tests.expert_factory import SHAPES, installed_expert

GREEDY = Sampling(max_tokens=8, temperature=0.0)
SYSTEM = Message("system", "You answer in one short line, and never in two. " * 20)


@pytest.fixture(params=["native", "int8", "int4"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    engine = _load(request.param)
    yield engine
    engine.close()


@pytest.fixture
def plain() -> Iterator[Engine]:
    engine = _load("native")
    yield engine
    engine.close()


def _load(kv: KVFormat) -> Engine:
    return load_engine(BaseRequest(BUNDLED, "fp32", "cpu", kv=kv), lambda _: None)


def _ask(engine: Engine, *said: Message, stack: Stack = EMPTY) -> Answer:
    return engine.generate(said, stack, GREEDY, lambda _: None, lambda: False)


def _turn(text: str) -> Message:
    return Message("user", text)


def test_conversations_with_one_system_prompt_share_its_pages(engine: Engine) -> None:
    caches = engine._caches
    _ask(engine, SYSTEM, _turn("What is a bee?"))
    system = len(engine.prompt_ids([SYSTEM, _turn("")])) - 10
    for number in range(6):
        answer = _ask(engine, SYSTEM, _turn(f"{number} ships, and what of them?"))
        assert answer.timing.cached_tokens >= system
    texts = caches.active
    assert texts is not None
    one = texts.kv.length * texts.kv.position_bytes
    # six are parked, but the long beginning lies there once
    assert caches.pages.resident_bytes < 2.5 * one
    memory = engine.memory()
    assert memory.kv_cache == caches.pages.resident_bytes + texts.kv.resident_bytes
    again = _ask(engine, SYSTEM, _turn("What is a bee?"))
    assert again.timing.cached_tokens >= system


def test_a_long_context_takes_only_what_it_uses(engine: Engine) -> None:
    words = "one two three four five six seven eight nine ten " * 120
    answer = _ask(engine, _turn(words))
    used = answer.context_used * engine._caches.active.kv.position_bytes  # type: ignore[union-attr]
    assert used <= engine.memory().kv_cache < 1.25 * used


def test_the_budget_is_kept_and_the_oldest_give_way(engine: Engine) -> None:
    first = _ask(engine, _turn("Tell me of lighthouses. " * 30))
    kv = engine._caches.active.kv  # type: ignore[union-attr]
    engine.cache_budget_bytes = budget = 3 * first.context_used * kv.position_bytes
    for number in range(5):
        _ask(engine, _turn(f"Tell me of number {number}. " * 20))
        assert engine.memory().kv_cache <= budget
        assert engine.memory().kv_cache == _counted(engine._caches)
    assert _ask(engine, _turn("Tell me of number 4. " * 20)).timing.cached_tokens > 100
    assert _ask(engine, _turn("Tell me of lighthouses. " * 30)).timing.cached_tokens < 20
    engine.cache_budget_bytes = 0
    assert engine._caches.pages.resident_bytes == 0
    assert engine.memory().kv_cache > 0  # the text at work stays


def _counted(caches: CacheShelf) -> int:
    roots = caches.pages._roots.values()
    parked = sum(page.size_bytes for root in roots for page in root.below())
    return parked + (caches.active.kv.resident_bytes if caches.active else 0)


tokens = st.integers(5, 9)
texts = st.lists(tokens, min_size=1, max_size=40).map(lambda some: some * 5)


@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(
    visits=st.lists(st.tuples(st.sampled_from("ab"), texts), min_size=1, max_size=12),
    pages=st.integers(0, 12),
)
def test_whatever_was_read_before_a_text_holds_only_its_own(
    visits: list[tuple[str, list[int]]], pages: int
) -> None:
    """Each position's keys say which stack read which token there, after which others."""
    shape = replace(read_shape(BUNDLED), layers=2)
    rotation = Rotation(shape, None, torch.zeros(1))
    shelf = CacheShelf(pages * PAGE_TOKENS * KVCache(shape, rotation).position_bytes)
    longest: dict[str, list[list[int]]] = {"a": [], "b": []}
    for key, prompt in visits:
        text = shelf.take(key, prompt, lambda: KVCache(shape, rotation))
        assert text.tokens == prompt[: len(text.tokens)]
        assert len(text.tokens) < len(prompt)
        _holds_its_own(text, 3 if key == "b" else 0)
        _read(text, prompt, 3 if key == "b" else 0)
        longest[key].append(prompt)
        shelf.trim()
        assert shelf.resident_bytes == _counted(shelf)
        assert shelf.pages.resident_bytes <= max(0, shelf.budget_bytes)
    if pages == 12 and len(visits) < 4:  # then nothing was given up
        for key, prompt in visits:
            text = shelf.take(key, prompt, lambda: KVCache(shape, rotation))
            assert len(text.tokens) == len(prompt) - 1


def _read(text: ReadText, prompt: list[int], ahead: int) -> None:
    """As a decoder would, but that every key is the hash of all tokens up to it."""
    ahead = ahead if not text.tokens else 0
    new = prompt[len(text.tokens) :]
    text.kv.reserve(text.kv.length + ahead + len(new))
    for _ in range(ahead):
        _put(text.kv, hash(text.key))
    for token in new:
        text.tokens.append(token)
        _put(text.kv, hash((text.key, *text.tokens)))


def _put(kv: KVCache, value: int) -> None:
    for plane in kv.planes:
        for layer in plane:
            layer[:, kv.length] = float(value % 100_003)
    kv.length += 1


def _holds_its_own(text: ReadText, ahead: int) -> None:
    assert text.kv.length == (ahead + len(text.tokens) if text.tokens else 0)
    for place in range(len(text.tokens)):
        value = hash((text.key, *text.tokens[: place + 1])) % 100_003
        for plane in text.kv.planes:
            assert all(bool((layer[:, ahead + place] == value).all()) for layer in plane)


def test_random_lives_end_as_a_fresh_engine(engine: Engine) -> None:
    """Answers, edits and returns under two stacks, in a budget that holds about one of them."""
    library = Library(Folders.default().library)
    expert = installed_expert(library, modules=tuple(SHAPES), seed=1, strength=0.05)
    stack = compose({expert.name: 1.0}, [expert], engine.base.sha256, "fp32")
    choose = random.Random(7)
    heard: list[list[Message]] = [[_turn("Begin. " * 40)]]
    engine.cache_budget_bytes = 3_000_000
    fresh = _load(engine.base.kv)
    reused = 0
    for _ in range(14):
        said = [*choose.choice(heard)]
        if choose.random() < 0.5:
            said[-1] = _turn(f"{choose.randrange(3)} and then? " * choose.randrange(1, 30))
        under = choose.choice([EMPTY, stack])
        answer = _ask(engine, *said, stack=under)
        reused += answer.timing.cached_tokens
        heard.append([*said, Message("assistant", answer.text), _turn("Go on.")])
        fresh._caches.clear()
        _ask(fresh, *said, stack=under)
        mine, theirs = engine._caches.active, fresh._caches.active
        assert mine is not None
        assert theirs is not None
        prompt = len(engine.prompt_ids(said))
        assert mine.tokens[:prompt] == theirs.tokens[:prompt]
        logits = [_probed(each, under, prompt) for each in (engine, fresh)]
        bound = {"native": 1e-5, "int8": 2e-2, "int4": 1e-1}[engine.base.kv]
        for ours, others in zip(_dequantized(mine, prompt), _dequantized(theirs, prompt),
                                strict=True):  # fmt: skip
            assert relative_l2(ours, others) < bound
        assert relative_l2(*logits) < bound
    assert reused > 200
    fresh.close()


def _probed(engine: Engine, stack: Stack, length: int) -> torch.Tensor:
    """Logits of one more token behind the prompt, which is then taken back."""
    decoder, text = engine._decoder, engine._caches.active
    assert decoder is not None
    assert text is not None
    text.keep(length)
    with torch.inference_mode():
        layers = engine._compose(stack).layers
        read = decoder.logits(decoder.read(decoder.embed([42]), text.kv, layers))
    text.kv.length -= 1
    return read


def _dequantized(text: ReadText, length: int) -> list[torch.Tensor]:
    kv = text.kv
    if type(kv) is KVCache:
        return [layer[:, :length] for plane in kv.planes for layer in plane]
    return [x for layer in range(len(kv.keys)) for x in kv._read(layer, 0, length)]  # type: ignore[attr-defined]


def test_a_text_that_cannot_fit_is_refused_with_figures(
    plain: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine's free memory is the one thing replaced here."""
    _ask(plain, _turn("Hello."))
    monkeypatch.setattr(engine_memory, "free_bytes", lambda: 2_000_000)
    with pytest.raises(OutOfMemoryError, match=r"tokens takes [\d.,]+ MiB more; 2 MiB are free"):
        _ask(plain, _turn("one two three " * 500))
    monkeypatch.undo()
    assert _ask(plain, _turn("one two three " * 500)).timing.tokens > 0


def test_a_wanted_context_that_cannot_fit_is_refused_before_loading(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(engine_memory, "free_bytes", lambda: 100_000_000)
    asked = BaseRequest(BUNDLED, "bf16", "cpu", context=200_000)
    with pytest.raises(OutOfMemoryError, match="200,000 tokens does not fit"):
        load_engine(asked, lambda _: None)
    engine = load_engine(replace(asked, context=8192), lambda _: None)
    assert engine.base.context_length == 8192
    engine.close()
