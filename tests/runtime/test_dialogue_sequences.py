"""Whatever was ticked, weighed, reordered, edited, stopped and switched before: an answer is what
a fresh engine gives for its record, token for token. Dialogue, lane and engine are the real ones.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    precondition,
    rule,
    run_state_machine_as_test,
)
from PySide6.QtWidgets import QApplication

from expert_studio.core.inference.conversation import BaseRequest, Message, Sampling
from expert_studio.core.inference.engine import Engine, load_engine
from expert_studio.core.inference.history import Composition, History, Turn
from expert_studio.core.inference.stack import Stack, StackMember
from expert_studio.runtime.background import Background
from expert_studio.runtime.dialogue import Dialogue
from expert_studio.runtime.model_thread import ModelThread
from tests.core.inference.random_bases import SMALL, write_base
from tests.core.inference.test_engine_sequences import LAYERS, NAMES, _write_expert

PATIENCE_S = 60  # a bound for a stuck test, no measure of anything
MOST_TURNS = 8
names = st.sampled_from(NAMES)
weights = st.sampled_from([1.0, -2.0, 0.5, 0.0, 2.0])
sayings = st.sampled_from(["hello", "extract the city", "a b c d " * 6, "yes", "no {1}"])
warmth = st.sampled_from([0.0, 1.0])
# after so many questions whether to go on, something happens to the answer; None leaves it alone
moments = st.none() | st.integers(1, 7)
happenings = st.sampled_from(["stop", "change", "leave"])


class PacedEngine:
    """A real engine that waits at one moment of an answer, so that something can happen then."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.pause_at: int | None = None
        self.reached, self.go = threading.Event(), threading.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    def generate(self, *given: Any, **more: Any) -> Any:
        messages, stack, sampling, on_text, should_stop = given
        asked = 0

        def paced() -> bool:
            nonlocal asked
            asked += 1
            if asked == self.pause_at:
                self.reached.set()
                self.go.wait(PATIENCE_S)
            return bool(should_stop())

        return self._engine.generate(messages, stack, sampling, on_text, paced, **more)


class Desk:
    """The parts behind a chat page, for all sequences."""

    def __init__(self, qapp: QApplication, place: Path) -> None:
        self.place = place
        self.engines: list[PacedEngine] = []
        self.base_sha256 = ""
        self._qapp = qapp
        self._lane = Background(threads=1)
        self._history = History(place / "talk.sqlite3")
        self._thread = ModelThread(self._load)
        self.dialogue = Dialogue(self._thread, self._history, self._lane)
        self.dialogue._settling.setInterval(0)
        self._thread.base_ready.connect(self._on_ready)
        self._thread.start()
        self._thread.load_base(BaseRequest(place / "base", "fp32", "cpu"))
        self.until(lambda: bool(self.base_sha256))

    def _load(self, request: BaseRequest, on_progress: Callable[[float], None]) -> Any:
        self.engines.append(PacedEngine(load_engine(request, on_progress)))
        return self.engines[-1]

    def _on_ready(self, base: Any) -> None:
        self.base_sha256 = base.sha256

    def until(self, reached: Callable[[], bool]) -> None:
        limit = time.monotonic() + PATIENCE_S
        while not reached():
            assert time.monotonic() < limit, "stuck"
            self._qapp.processEvents()

    def kept(self) -> None:
        """Waits until everything said is in the file."""
        self.until(lambda: not self._lane.busy)

    def close(self) -> None:
        self.dialogue.close()
        assert self._thread.close()
        assert self._lane.close()
        self._history.close()


class Talk(RuleBasedStateMachine):
    """One life of a chat page; each answer in it must be what its record says."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self.dialogue = desk.dialogue
        self.ticked: dict[str, float] = {}
        self.seed = 0  # another for each answer, the same in each run of a sequence
        self.dialogue.new()

    @property
    def stack(self) -> Stack:
        members = tuple(self._member(name, weight) for name, weight in self.ticked.items())
        return Stack(members, self.desk.base_sha256, "fp32")

    def _sampling(self, heat: float) -> Sampling:
        self.seed += 1
        return Sampling(max_tokens=6, temperature=heat, top_k=0, top_p=0.9, seed=self.seed)

    def _member(self, name: str, weight: float) -> StackMember:
        folder = self.desk.place / name
        return StackMember(
            name, "1.0.0", _digest(folder), weight, 1 + NAMES.index(name), "task", folder
        )

    @rule(name=names, weight=weights)
    def tick_or_weigh(self, name: str, weight: float) -> None:
        self.ticked[name] = weight
        self.dialogue.use_stack(self.stack)

    @precondition(lambda self: self.ticked)
    @rule(data=st.data())
    def untick(self, data: st.DataObject) -> None:
        del self.ticked[data.draw(st.sampled_from(sorted(self.ticked)))]
        self.dialogue.use_stack(self.stack)

    @precondition(lambda self: len(self.ticked) > 1)
    @rule(data=st.data())
    def reorder(self, data: st.DataObject) -> None:
        self.ticked = dict(data.draw(st.permutations(list(self.ticked.items()))))

    @rule(text=sayings, heat=warmth, moment=moments, what=happenings, weight=weights)
    def ask(self, text: str, heat: float, moment: int | None, what: str, weight: float) -> None:
        if len(self.dialogue.turns) >= MOST_TURNS:
            self.dialogue.new()
        self._meanwhile(moment, what, weight, lambda: self._ask(text, heat))

    def _ask(self, text: str, heat: float) -> None:
        assert self.dialogue.ask(text, self.stack, self._sampling(heat), Composition({}))

    @precondition(lambda self: self.dialogue.turns)
    @rule(heat=warmth, moment=moments, what=happenings, weight=weights)
    def regenerate(self, heat: float, moment: int | None, what: str, weight: float) -> None:
        again = lambda: self.dialogue.regenerate(self.stack, self._sampling(heat))  # noqa: E731
        self._meanwhile(moment, what, weight, again)

    @precondition(lambda self: self.dialogue.turns and self.dialogue.turns[-1].text)
    @rule(heat=warmth, moment=moments, what=happenings, weight=weights)
    def go_on(self, heat: float, moment: int | None, what: str, weight: float) -> None:
        longer = lambda: self.dialogue.go_on(self.stack, self._sampling(heat))  # noqa: E731
        self._meanwhile(moment, what, weight, longer)

    @precondition(lambda self: self.dialogue.turns)
    @rule(data=st.data(), text=sayings, heat=warmth)
    def edit(self, data: st.DataObject, text: str, heat: float) -> None:
        said = [turn.id for turn in self.dialogue.turns if turn.role == "user"]
        place = data.draw(st.sampled_from(range(len(said))))
        assert self.dialogue.edit(said[place], text, self.stack, self._sampling(heat))
        self.desk.until(lambda: not self.dialogue.busy)

    @precondition(lambda self: self.dialogue.branches())
    @rule(data=st.data())
    def switch_branch(self, data: st.DataObject) -> None:
        beside = [turn for turns in self.dialogue.branches().values() for turn in turns]
        at = data.draw(st.sampled_from(range(len(beside))))
        self.dialogue.look_at(beside[at])

    @precondition(lambda self: self.dialogue.conversation is not None)
    @rule()
    def leave_and_come_back(self) -> None:
        self._leave()

    def _leave(self) -> None:
        conversation = self.dialogue.conversation
        assert conversation is not None
        self.dialogue.new()
        self.dialogue.open(conversation)
        self.desk.until(lambda: not self.dialogue._opening)
        assert self.dialogue.turns

    def _meanwhile(
        self, moment: int | None, what: str, weight: float, begin: Callable[[], None]
    ) -> None:
        """Begins an answer, and has something happen to it on its way."""
        engine = self.desk.engines[-1]
        engine.reached.clear()
        engine.go.clear()
        engine.pause_at = moment
        begin()
        busy = lambda: self.dialogue.busy  # noqa: E731
        self.desk.until(lambda: engine.reached.is_set() or not busy())
        if busy():
            if what == "stop":
                self.dialogue.stop()
            elif what == "change":
                self.ticked["lora-0"] = weight
                self.dialogue.use_stack(self.stack)
                self.desk.until(lambda: not self.dialogue._settling.isActive())
            else:
                self._leave()
        engine.go.set()
        self.desk.until(lambda: not busy())
        engine.pause_at = None

    def teardown(self) -> None:
        self._ask("and the next answer?", 1.0)
        self.desk.until(lambda: not self.dialogue.busy)
        self.desk.kept()
        fresh = load_engine(BaseRequest(self.desk.place / "base", "fp32", "cpu"), lambda _: None)
        try:
            answers = [turn for turn in self.dialogue.turns if turn.role == "assistant"]
            for turn in reversed(answers):  # the next one first: nothing was asked before it
                self._compare(fresh, turn)
        finally:
            fresh.close()

    def _compare(self, fresh: Engine, turn: Turn) -> None:
        sampling, asked = turn.sampling, self.dialogue.asked_before(turn.id)
        if sampling is None or not turn.tokens:
            return  # stopped before its first token
        if turn.state == "cancelled":
            sampling = replace(sampling, max_tokens=len(turn.tokens))
        stack, replay = turn.asked_with
        again = fresh.generate(asked, stack, sampling, lambda _: None, lambda: False, replay=replay)
        assert again.tokens == turn.tokens
        if turn.state != "cancelled":
            assert turn.text[turn.begun_with :] == again.text
        assert asked[-1] == (
            Message("assistant", turn.text[: turn.begun_with]) if turn.begun_with else asked[-1]
        )


@cache
def _digest(folder: Path) -> str:
    return hashlib.sha256((folder / "adapter_model.safetensors").read_bytes()).hexdigest()


@pytest.fixture
def desk(qapp: QApplication, tmp_path: Path) -> Iterator[Desk]:
    write_base(tmp_path / "base", SMALL | {"max_position_embeddings": 768}, layers=LAYERS)
    for number, name in enumerate(NAMES):
        _write_expert(tmp_path / name, name.rpartition("-")[0], number)
    made = Desk(qapp, tmp_path)
    yield made
    made.close()


def _run(desk: Desk, count: int, steps: int, repeatable: bool = True) -> None:
    run_state_machine_as_test(
        lambda: Talk(desk),
        settings=settings(
            max_examples=count,
            stateful_step_count=steps,
            derandomize=repeatable,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate,),  # a sequence that fails is short enough to read
        ),
    )


def test_a_few_sequences_answer_as_a_fresh_start(desk: Desk) -> None:
    _run(desk, 6, 10)


@pytest.mark.long
def test_three_hundred_sequences_answer_as_a_fresh_start(desk: Desk) -> None:
    _run(desk, 320, 14, repeatable=False)
