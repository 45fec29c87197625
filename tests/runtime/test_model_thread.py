"""The model lane on a fake engine: its thread, its order, stop, failures, its end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from expert_studio.core.errors import InferenceError, LoadError
from expert_studio.core.inference.conversation import BaseRequest, Message, Sampling
from expert_studio.core.inference.stack import EMPTY, Stack, StackMember
from expert_studio.runtime.model_thread import ModelThread
from tests.fake_engine import BASE, FakeEngine, factory_of

REQUEST = BaseRequest(Path("base"))
HELLO = (Message("user", "hello"),)
Start = Callable[..., ModelThread]


@pytest.fixture
def start(qtbot: QtBot) -> Iterator[Start]:
    """Starts a lane on an engine and loads its base."""
    lanes: list[ModelThread] = []

    def started(engine: FakeEngine, failure: Exception | None = None) -> ModelThread:
        lane = ModelThread(factory_of(engine, failure))
        lanes.append(lane)
        lane.start()
        with qtbot.waitSignal(lane.base_failed if failure else lane.base_ready):
            lane.load_base(REQUEST)
        return lane

    yield started
    for lane in lanes:
        assert lane.close()


def test_streams_and_finishes_off_the_main_thread(start: Start, qtbot: QtBot) -> None:
    engine = FakeEngine(pieces=("he", "llo", " there"))
    lane = start(engine)
    texts: list[str] = []
    lane.text_arrived.connect(lambda _, text: texts.append(text))
    with qtbot.waitSignal(lane.answer_finished) as told:
        request = lane.ask(HELLO, EMPTY, Sampling())
    assert told.args[0] == request
    assert told.args[1].text == "".join(texts) == "hello there"
    assert engine.threads[0] != threading.main_thread().name
    assert not lane.busy


def test_many_pieces_are_gathered(start: Start, qtbot: QtBot) -> None:
    lane = start(FakeEngine(pieces=["x"] * 2000))
    texts: list[str] = []
    lane.text_arrived.connect(lambda _, text: texts.append(text))
    with qtbot.waitSignal(lane.answer_finished):
        lane.ask(HELLO, EMPTY, Sampling())
    assert "".join(texts) == "x" * 2000
    assert len(texts) < 200


def test_stop_keeps_what_was_said(start: Start, qtbot: QtBot) -> None:
    engine = FakeEngine(pieces=("one", " two", " three"))
    engine.gate.clear()
    lane = start(engine)
    with qtbot.waitSignal(lane.answer_finished) as told:
        request = lane.ask(HELLO, EMPTY, Sampling())
        lane.stop(request)
    assert told.args[1].finish_reason == "cancelled"
    lane.stop(request)  # once more does nothing


def test_requests_are_answered_in_order(start: Start, qtbot: QtBot) -> None:
    lane = start(FakeEngine())
    ended: list[str] = []
    lane.answer_finished.connect(lambda request, _: ended.append(request))
    asked = [lane.ask(HELLO, EMPTY, Sampling()) for _ in range(3)]
    qtbot.waitUntil(lambda: len(ended) == 3)
    assert ended == asked


def test_expected_failure_leaves_the_lane_usable(start: Start, qtbot: QtBot) -> None:
    engine = FakeEngine(failure=InferenceError("Too long."))
    lane = start(engine)
    with qtbot.waitSignal(lane.answer_failed) as told:
        lane.ask(HELLO, EMPTY, Sampling())
    assert told.args[1].what == "Too long."
    engine.failure = None
    with qtbot.waitSignal(lane.answer_finished):
        lane.ask(HELLO, EMPTY, Sampling())


def test_defect_is_reported_and_fails_the_request(start: Start, qtbot: QtBot) -> None:
    lane = start(FakeEngine(failure=KeyError("lost")))
    with qtbot.waitSignals([lane.crashed, lane.answer_failed]):
        lane.ask(HELLO, EMPTY, Sampling())
    assert not lane.busy


def test_asked_without_a_base_is_a_sentence(start: Start, qtbot: QtBot) -> None:
    lane = start(FakeEngine(), failure=LoadError("No such base."))
    with qtbot.waitSignal(lane.answer_failed) as told:
        lane.ask(HELLO, EMPTY, Sampling())
    assert "Settings" in told.args[1].remedy


def test_another_base_replaces_the_first(start: Start, qtbot: QtBot) -> None:
    engine = FakeEngine()
    lane = start(engine)
    with qtbot.waitSignal(lane.base_ready) as told:
        lane.load_base(REQUEST)
    assert told.args[0] is BASE
    assert engine.closed


def test_close_ends_an_answer_under_way(qtbot: QtBot) -> None:
    engine = FakeEngine()
    engine.gate.clear()
    lane = ModelThread(factory_of(engine))
    lane.start()
    with qtbot.waitSignal(lane.base_ready):
        lane.load_base(REQUEST)
    with qtbot.waitSignal(lane.text_arrived):
        lane.ask(HELLO, EMPTY, Sampling())
    assert lane.close()
    assert engine.closed
    assert lane.close()


def test_another_stack_goes_on_with_an_answer(start: Start, qtbot: QtBot) -> None:
    engine = FakeEngine(pieces=("one", " two"))
    engine.gate.clear()
    lane = start(engine)
    told: list[object] = []
    lane.text_arrived.connect(lambda _, text: told.append(text))
    lane.stack_changed.connect(lambda _, stack: told.append(stack))
    other = Stack(base_sha256="c" * 64)
    with qtbot.waitSignal(lane.answer_finished) as ended:
        with qtbot.waitSignal(lane.text_arrived):
            request = lane.ask(HELLO, EMPTY, Sampling())
        lane.change_stack(request, EMPTY)  # overtaken by the next
        lane.change_stack(request, other)
        engine.gate.set()
    assert told == ["one", other, " two"]
    assert ended.args[1].stack == other
    lane.change_stack(request, EMPTY)  # too late, and harmless


def test_what_is_read_of_a_prompt_is_told_and_can_be_stopped(start: Start, qtbot: QtBot) -> None:
    engine = FakeEngine(reads=((0, 900), (256, 900)))
    engine.read_gate.clear()
    lane = start(engine)
    with qtbot.waitSignal(lane.answer_finished) as ended:
        with qtbot.waitSignal(lane.prompt_read) as told:
            request = lane.ask(HELLO, EMPTY, Sampling())
        lane.stop(request)
    assert told.args == [request, 0, 900]
    assert ended.args[1].finish_reason == "cancelled"


def _stack_of(*names: str) -> Stack:
    return Stack(
        tuple(StackMember(name, "1.0.0", "a" * 64, 1.0, 1, "format", Path(name)) for name in names)
    )


def test_experts_are_read_ahead_one_by_one(start: Start, qtbot: QtBot) -> None:
    engine = FakeEngine()
    lane = start(engine)
    lane.prefetch(EMPTY)
    lane.prefetch(_stack_of("a", "b"))

    def attached() -> list[tuple[str, ...]]:
        return [tuple(member.name for member in each.members) for each in engine.attached]

    qtbot.waitUntil(lambda: attached() == [("a",), ("b",), ("a", "b")])


def test_reading_ahead_gives_way_to_a_question(start: Start, qtbot: QtBot) -> None:
    engine = FakeEngine()
    engine.attach_gate.clear()
    lane = start(engine)
    lane.prefetch(_stack_of("a", "b"))
    qtbot.waitUntil(lambda: len(engine.attached) == 1)
    lane.prefetch(_stack_of("c"))
    with qtbot.waitSignal(lane.answer_finished):
        lane.ask(HELLO, EMPTY, Sampling())
        engine.attach_gate.set()
    assert len(engine.attached) == 1, "neither b nor c was read before the answer"
