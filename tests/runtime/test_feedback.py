"""What a person says of answers becomes rows, and goes again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from expert_studio.core.datasets.examples import Example
from expert_studio.core.datasets.preference import PreferencePair
from expert_studio.core.datasets.store_folder import DatasetFolders
from expert_studio.core.datasets.store_rows import StoredRow
from expert_studio.core.inference.conversation import Message, Sampling, StackSpan
from expert_studio.core.inference.history import Turn
from expert_studio.core.inference.stack import EMPTY, Stack, StackMember
from expert_studio.runtime.background import Background
from expert_studio.runtime.feedback import Feedback, Kept, Verdict, correction_of, origin_of

ASKED = (Message("user", "Capital of France?"),)
STACK = Stack((StackMember("geo", "1.2.0", "a" * 64, 0.5, 1, "domain", Path("geo")),), "b" * 64)
TURN = replace(
    Turn.begun(STACK, Sampling(temperature=0.0, seed=7)),
    text="Lyon.",
    spans=(StackSpan(EMPTY, 0, 1, 0), StackSpan(STACK, 1, 3, 2)),
)


class Desk:
    """One feedback on a folder of datasets."""

    def __init__(self, root: Path, qtbot: QtBot) -> None:
        self.folders = DatasetFolders(root)
        self.background = Background()
        self.feedback = Feedback(self.folders, self.background)
        self._qtbot = qtbot

    def say(
        self, verdict: Verdict, edited: str = "", pair: bool = False, former: Kept | None = None
    ) -> Kept:
        correction = correction_of(verdict, ASKED, TURN.text, edited, pair)
        origin = origin_of(TURN, "conversation", "expert-base-12m")
        with self._qtbot.waitSignal(self.feedback.kept) as told:
            self.feedback.keep("from-chat", verdict, correction, origin, former)
        kept: Kept = told.args[0]
        return kept

    def undo(self, kept: Kept) -> None:
        with self._qtbot.waitSignal(self.feedback.undone):
            self.feedback.undo(kept)

    def rows(self) -> list[StoredRow]:
        with self.folders.open("from-chat") as store:
            return store.window()


@pytest.fixture
def desk(tmp_path: Path, qtbot: QtBot) -> Iterator[Desk]:
    made = Desk(tmp_path / "datasets", qtbot)
    yield made
    assert made.background.close()


def test_a_row_knows_where_it_came_from(desk: Desk) -> None:
    desk.say("correct", "Paris.")
    (row,) = desk.rows()
    assert isinstance(row.item, Example)
    assert (row.item.answer, row.state) == ("Paris.", "accepted")
    with desk.folders.open("from-chat") as store:
        origin = store.provenance(row.hash)
    assert origin is not None
    assert (origin.provider, origin.at) == ("person", round(TURN.at_s, 3))
    more = origin.more
    assert (more["conversation"], more["turn"]) == ("conversation", TURN.id)
    assert (more["stack"], more["base"]) == ({"geo 1.2.0": 0.5}, "expert-base-12m")
    assert more["earlier_stacks"] == [{}]
    assert (more["sampling"]["temperature"], more["sampling"]["seed"]) == (0.0, 7)
    assert more["given"] == "Lyon."


def test_a_pair_prefers_what_was_written(desk: Desk) -> None:
    desk.say("correct", "Paris.", pair=True)
    (row,) = desk.rows()
    assert isinstance(row.item, PreferencePair)
    assert (row.item.chosen, row.item.rejected) == ("Paris.", "Lyon.")


def test_taken_back_and_said_anew(desk: Desk) -> None:
    kept = desk.say("good")
    assert [row.state for row in desk.rows()] == ["accepted"]
    assert desk.say("good").repeated
    desk.undo(kept)
    assert desk.rows() == []
    desk.undo(kept)  # twice does no harm


def test_an_answer_is_not_both_good_and_bad(desk: Desk) -> None:
    good = desk.say("good")
    bad = desk.say("bad", former=good)
    assert [row.state for row in desk.rows()] == ["rejected"]
    desk.say("good")  # said in another session, which knows of no former word
    assert [row.state for row in desk.rows()] == ["accepted"]
    bad = desk.say("bad")
    desk.say("correct", "Paris.", former=bad)
    answers = [row.item.answer for row in desk.rows() if isinstance(row.item, Example)]
    assert answers == ["Paris."]


def test_what_teaches_nothing_is_a_sentence(desk: Desk, qtbot: QtBot) -> None:
    origin = origin_of(TURN, "conversation", "base")
    with qtbot.waitSignal(desk.feedback.failed) as told:
        desk.feedback.keep("from-chat", "good", correction_of("good", (), "Lyon."), origin)
    assert "nothing to learn" in told.args[0].what
