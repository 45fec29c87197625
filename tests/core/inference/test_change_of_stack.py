"""Another stack goes on with an answer that is being said, as if it had been given it so far."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from expert_studio.core.errors import InferenceError
from expert_studio.core.experts.library import Library
from expert_studio.core.inference.conversation import Answer, BaseRequest, Message, Sampling
from expert_studio.core.inference.engine import Engine, load_engine
from expert_studio.core.inference.stack import EMPTY, Stack, compose
from expert_studio.core.settings import Folders, KVFormat
from tests.core.inference.random_bases import BUNDLED
from tests.expert_factory import SHAPES, installed_expert

STORY = [Message("user", "Write a long story about a lighthouse. " * 20)]
GREEDY = Sampling(max_tokens=30, temperature=0.0, logprobs=0)


@pytest.fixture(params=["native", "int8"])
def load(request: pytest.FixtureRequest) -> Iterator[Callable[[], Engine]]:
    loaded: list[Engine] = []
    kv: KVFormat = request.param

    def fresh() -> Engine:
        loaded.append(load_engine(BaseRequest(BUNDLED, "fp32", "cpu", kv=kv), lambda _: None))
        return loaded[-1]

    yield fresh
    for each in loaded:
        each.close()


def _stacks(engine: Engine) -> tuple[Stack, Stack]:
    library = Library(Folders.default().library)
    strong = installed_expert(library, "strong", modules=tuple(SHAPES), seed=3, strength=0.08)
    soft = installed_expert(library, "soft", kind="soft_prompt", soft_tokens=6)
    base = engine.base
    one = compose({"strong": 1.0}, [strong], base.sha256, "fp32")
    both = compose({"strong": 0.5, "soft": 1.0}, [strong, soft], base.sha256, "fp32")
    return one, both


def _changing(
    engine: Engine,
    first: Stack,
    at: dict[int, Stack],
    sampling: Sampling = GREEDY,
    should_stop: Callable[[], bool] = lambda: False,
) -> tuple[Answer, list[tuple[int, int]]]:
    """at: how many tokens are said when another stack is asked for."""
    asked = 0
    heard: list[str] = []
    read: list[tuple[int, int]] = []

    def next_stack() -> Stack | None:
        nonlocal asked
        asked += 1
        return at.get(asked)

    answer = engine.generate(
        STORY, first, sampling, heard.append, should_stop,
        on_read=lambda done, whole: read.append((done, whole)), next_stack=next_stack,
    )  # fmt: skip
    assert "".join(heard) == answer.text
    return answer, read


def _tokens(answer: Answer) -> list[int]:
    assert answer.said is not None
    return [each.token for each in answer.said]


def test_each_part_is_what_its_stack_says_to_what_came_before(
    load: Callable[[], Engine],
) -> None:
    engine, fresh = load(), load()
    one, both = _stacks(engine)
    answer, read = _changing(engine, EMPTY, {3: one, 6: both, 9: EMPTY})
    spans = [(span.stack, span.start, span.end) for span in answer.spans]
    said = _tokens(answer)
    assert spans == [(EMPTY, 0, 3), (one, 3, 6), (both, 6, 9), (EMPTY, 9, len(said))]
    assert answer.stack == EMPTY
    assert [span.text_start for span in answer.spans] == sorted(
        span.text_start for span in answer.spans
    )
    assert answer.spans[1].text_start > 0
    # in a fresh process, each stack given prompt and answer so far says just these tokens
    ids = fresh.prompt_ids(STORY)
    for span in answer.spans:
        rows = fresh.logits([*ids, *said], span.stack)[len(ids) - 1 :]
        for place in range(span.start, span.end):
            assert int(rows[place].argmax()) == said[place]
    # what is read anew is told; what a stack had read before is not read again
    anew = [done for done, whole in read if whole == len(ids) + 3]
    assert (anew[0], anew[-1]) == (0, len(ids) + 3)
    back = [done for done, whole in read if whole == len(ids) + 9]
    assert back[0] >= len(ids)


def test_the_same_stack_changes_nothing(load: Callable[[], Engine]) -> None:
    engine = load()
    one, _ = _stacks(engine)
    plain = engine.generate(STORY, one, GREEDY, lambda _: None, lambda: False)
    answer, _ = _changing(engine, one, {3: one, 9: one})
    assert (answer.text, len(answer.spans)) == (plain.text, 1)
    assert (plain.spans[0].stack, plain.spans[0].end) == (one, plain.timing.tokens)


def test_stop_while_the_new_stack_reads_keeps_what_was_said(load: Callable[[], Engine]) -> None:
    engine = load()
    one, _ = _stacks(engine)
    said = 0

    def stop_after_ten() -> bool:
        nonlocal said
        said += 1
        return said > 10

    answer, _ = _changing(engine, EMPTY, {6: one}, should_stop=stop_after_ten)
    assert answer.finish_reason == "cancelled"
    assert answer.timing.tokens >= 6
    whole, _ = _changing(engine, EMPTY, {6: one})
    assert whole.text.startswith(answer.text)


def test_where_the_new_stack_has_no_room_the_answer_ends() -> None:
    engine = load_engine(BaseRequest(BUNDLED, "fp32", "cpu", context=280), lambda _: None)
    library = Library(Folders.default().library)
    wide = installed_expert(library, "wide", kind="soft_prompt", soft_tokens=100)
    stack = compose({"wide": 1.0}, [wide], engine.base.sha256, "fp32")
    assert 180 < len(engine.prompt_ids(STORY)) < 260
    changes = iter([None, stack])
    answer = engine.generate(
        STORY, EMPTY, GREEDY, lambda _: None, lambda: False,
        next_stack=lambda: next(changes, None),
    )  # fmt: skip
    assert (answer.finish_reason, answer.timing.tokens) == ("length", 2)
    assert answer.context_limit == 280
    with pytest.raises(InferenceError, match="does not fit"):
        engine.generate(STORY, stack, GREEDY, lambda _: None, lambda: False)
    engine.close()


def test_an_answer_tells_how_much_context_it_takes(load: Callable[[], Engine]) -> None:
    engine = load()
    _, both = _stacks(engine)
    answer = engine.generate(STORY, both, GREEDY, lambda _: None, lambda: False)
    timing = answer.timing
    assert answer.context_used == 6 + timing.prompt_tokens + timing.tokens
    assert answer.context_limit == engine.base.context_length
