"""Conversations on disk: kept, searched, undone, migrated, and refused with a sentence."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from expert_studio.core.errors import StorageError
from expert_studio.core.inference.constraint import Constraint
from expert_studio.core.inference.conversation import (
    Answer,
    AnswerTiming,
    Message,
    Sampling,
    StackSpan,
)
from expert_studio.core.inference.history import (
    MIGRATIONS,
    Composition,
    Conversation,
    History,
    Turn,
    messages,
)
from expert_studio.core.inference.stack import Stack, StackMember
from expert_studio.core.inference.turns import StackPreset

MEMBER = StackMember(
    name="json-parser",
    version="2.0.0",
    weights_sha256="a" * 64,
    weight=0.8,
    load_order=1,
    tier="format",
    folder=Path("library/json-parser"),
    required_by=("document-classifier",),
    trained_weight=1.0,
)
STACK = Stack((MEMBER,), "b" * 64, "bf16")
SAMPLING = Sampling(seed=7, stop=("###",), constraint=Constraint("regex", "[a-z]+"))
TIMING = AnswerTiming(38.0, 47.5, 12, 4, 61)


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    made = History(tmp_path / "deep" / "studio.sqlite3")
    yield made
    made.close()


def _conversation(history: History, title: str = "Invoices") -> Conversation:
    made = Conversation.begun(title, Composition({"json-parser": 0.8}, {"english": 0.5}, "blend"))
    history.create(made)
    return made


def test_an_answer_comes_back_whole(history: History) -> None:
    made = _conversation(history)
    said, answer = Turn.said("hi"), Turn.begun(STACK, SAMPLING)
    history.add(made.id, said, answer)
    history.end(answer.ended(Answer("hello", STACK, SAMPLING, "stop", TIMING)))
    first, second = history.turns(made.id)
    assert (first.role, first.text) == ("user", "hi")
    assert second.state == "finished"
    assert second.stack == STACK
    assert second.stack is not None
    assert second.stack.hash == STACK.hash
    assert second.stack.members[0].folder == MEMBER.folder
    assert (second.sampling, second.timing) == (SAMPLING, TIMING)
    assert messages([first, second]) == (Message("user", "hi"), Message("assistant", "hello"))


def test_streamed_text_outlives_the_process(tmp_path: Path) -> None:
    history = History(tmp_path / "studio.sqlite3")
    made = _conversation(history)
    answer = Turn.begun(STACK, SAMPLING)
    history.add(made.id, Turn.said("hi"), answer)
    history.keep_text(answer.id, "hel")
    # the connection is left as a killed process leaves it
    again = History(tmp_path / "studio.sqlite3")
    kept = again.turns(made.id)[1]
    assert (kept.text, kept.state) == ("hel", "streaming")
    again.close()
    history.close()


def test_composition_belongs_to_its_conversation(history: History) -> None:
    made = _conversation(history)
    assert history.conversations()[0].composition == made.composition
    other = Composition({"english": 1.0})
    history.keep_composition(made.id, other)
    assert history.conversations()[0].composition == other


def test_deleted_can_be_restored(history: History) -> None:
    made = _conversation(history)
    history.add(made.id, Turn.said("hi"))
    history.delete(made.id)
    assert history.conversations() == ()
    history.restore(made.id)
    assert [c.id for c in history.conversations()] == [made.id]
    assert history.turns(made.id)[0].text == "hi"


def test_long_deleted_are_gone_for_good(tmp_path: Path) -> None:
    path = tmp_path / "studio.sqlite3"
    history = History(path)
    made = _conversation(history)
    history.add(made.id, Turn.said("hi"))
    history.delete(made.id)
    history.close()
    with sqlite3.connect(path) as direct:
        direct.execute("UPDATE conversations SET deleted_at = 1")
    direct.close()
    again = History(path)
    again.restore(made.id)
    assert again.conversations() == ()
    assert again.turns(made.id) == ()
    again.close()


def test_newest_first_and_searched_in_titles_and_text(history: History) -> None:
    first = _conversation(history, "Cypher for movies")
    second = _conversation(history, "Invoices")
    history.add(first.id, Turn.said("100% sure_thing"))
    history.add(second.id, Turn.said("other"))
    assert [c.title for c in history.conversations()] == ["Invoices", "Cypher for movies"]
    assert [c.title for c in history.conversations("CYPHER")] == ["Cypher for movies"]
    assert [c.title for c in history.conversations("0% sure_")] == ["Cypher for movies"]
    assert history.conversations("%%") == ()


def test_branches_stand_beside_one_another(history: History) -> None:
    made = _conversation(history)
    said, old = Turn.said("hi"), Turn.begun(STACK, SAMPLING)
    history.add(made.id, said, old)
    new = Turn.begun(STACK, SAMPLING, said.id, system="Be brief.")
    history.add(made.id, new, Turn.said("and?"))
    thread = history.thread(made.id)
    assert [turn.id for turn in thread.path()][:2] == [said.id, new.id]
    assert thread.path()[1].system == "Be brief."
    assert thread.branches() == {new.id: (old.id, new.id)}
    history.look_at(made.id, thread.at(old.id).tip)
    assert [turn.id for turn in history.turns(made.id)] == [said.id, old.id]
    again = history.thread(made.id).at(new.id)
    assert [turn.text for turn in again.path()] == ["hi", "", "and?"], "down to what came last"
    edited = Turn.said("hello", "")
    history.add(made.id, edited)
    assert history.turns(made.id) == (replace(edited, parent=""),)
    assert history.thread(made.id).branches() == {edited.id: (said.id, edited.id)}


def test_pinned_first_archived_apart(history: History) -> None:
    first, second = _conversation(history, "first"), _conversation(history, "second")
    history.pin(first.id, True)
    assert [(c.title, c.pinned) for c in history.conversations()] == [
        ("first", True), ("second", False)
    ]  # fmt: skip
    history.archive(second.id, True)
    assert [c.title for c in history.conversations()] == ["first"]
    assert [c.title for c in history.conversations(archived=True)] == ["second"]
    history.archive(second.id, False)
    assert len(history.conversations()) == 2


def test_stacks_saved_under_a_name(history: History) -> None:
    both = StackPreset("both", Composition({"a": 1.0, "b": -0.5}, {"c": 0.2}, "blend"))
    history.keep_preset(both)
    history.keep_preset(StackPreset("alone", Composition({})))
    history.keep_preset(both)
    assert history.presets() == (StackPreset("alone", Composition({})), both)
    history.drop_preset("alone")
    assert history.presets() == (both,)


def test_failed_answer_keeps_its_text(history: History) -> None:
    made = _conversation(history)
    answer = Turn.begun(STACK, SAMPLING)
    history.add(made.id, answer)
    history.fail(answer.id, "so far")
    kept = history.turns(made.id)[0]
    assert (kept.state, kept.text) == ("failed", "so far")


def test_migration_makes_a_backup_first(tmp_path: Path) -> None:
    path = tmp_path / "studio.sqlite3"
    history = History(path)
    made = _conversation(history)
    history.close()
    newer = History(path, (*MIGRATIONS, "ALTER TABLE conversations ADD COLUMN starred INTEGER"))
    assert newer.conversations()[0].id == made.id
    newer.close()
    backup = tmp_path / f"studio.before-v{len(MIGRATIONS) + 1}.sqlite3"
    kept = History(backup)
    assert kept.conversations()[0].id == made.id
    kept.close()


def test_failed_migration_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "studio.sqlite3"
    history = History(path)
    made = _conversation(history)
    history.close()
    broken = History(path, (*MIGRATIONS, "ALTER TABLE conversations ADD COLUMN x; NONSENSE"))
    with pytest.raises(StorageError):
        broken.conversations()
    broken.close()
    again = History(path)
    assert again.conversations()[0].id == made.id
    again.close()


def test_newer_file_is_refused_with_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "studio.sqlite3"
    newer = History(path, (*MIGRATIONS, "SELECT 1"))
    newer.conversations()
    newer.close()
    with pytest.raises(StorageError, match="newer Expert Studio"):
        History(path).conversations()


def test_damaged_file_is_refused_with_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "studio.sqlite3"
    path.write_bytes(b"this is no database" * 100)
    with pytest.raises(StorageError, match="not a database"):
        History(path).conversations()


def test_full_disk_is_a_sentence_and_loses_nothing(history: History) -> None:
    made = _conversation(history)
    answer = Turn.begun(STACK, SAMPLING)
    history.add(made.id, answer)
    pages = history._connection.execute("PRAGMA page_count").fetchone()[0]
    history._connection.execute(f"PRAGMA max_page_count = {pages + 1}")
    with pytest.raises(StorageError, match="full"):
        history.keep_text(answer.id, "x" * 500_000)
    assert history.turns(made.id)[0].text == ""
    history.keep_text(answer.id, "short")
    assert history.turns(made.id)[0].text == "short"


def test_which_stack_said_which_part_comes_back(history: History) -> None:
    made = _conversation(history)
    answer = Turn.begun(STACK, SAMPLING)
    history.add(made.id, Turn.said("hi"), answer)
    spans = (StackSpan(STACK, 0, 2, 0), StackSpan(Stack(), 2, 5, 3))
    history.keep_parts(replace(answer, text="hel", stack=Stack(), spans=spans))
    assert history.turns(made.id)[1].spans == spans
    whole = Answer(
        "hello", Stack(), SAMPLING, "stop", TIMING, context_used=17, context_limit=640, spans=spans
    )
    history.end(answer.ended(whole))
    kept = history.turns(made.id)[1]
    assert (kept.stack, kept.spans) == (Stack(), spans)
    assert (kept.context_used, kept.context_limit) == (17, 640)


def test_answers_replaced_in_an_older_file_become_branches(tmp_path: Path) -> None:
    path = tmp_path / "studio.sqlite3"
    with sqlite3.connect(path) as direct:
        direct.executescript(f"{MIGRATIONS[0]}; {MIGRATIONS[1]}; PRAGMA user_version = 2;")
        direct.execute("INSERT INTO conversations VALUES ('c', 'Old', 1, 1, NULL, '{}')")
        rows = [("u", "user", 0), ("x", "assistant", 1), ("y", "assistant", 0),
                ("v", "user", 0), ("z", "assistant", 0)]  # fmt: skip
        for position, (name, role, superseded) in enumerate(rows):
            direct.execute(
                "INSERT INTO turns(id, conversation, position, role, text, state, at, superseded) "
                "VALUES (?, 'c', ?, ?, ?, 'finished', 1, ?)",
                (name, position, role, f"said {name}", superseded),
            )
    direct.close()
    history = History(path)
    assert [turn.id for turn in history.turns("c")] == ["u", "y", "v", "z"]
    assert history.thread("c").branches() == {"y": ("x", "y")}
    history.close()
    with sqlite3.connect(tmp_path / "studio.before-v3.sqlite3") as kept:
        assert kept.execute("SELECT count(*) FROM turns").fetchone() == (5,)
    kept.close()


def test_a_file_of_the_first_version_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "studio.sqlite3"
    with sqlite3.connect(path) as direct:
        direct.executescript(f"{MIGRATIONS[0]}; PRAGMA user_version = 1;")
        direct.execute("INSERT INTO conversations VALUES ('c', 'Old', 1, 1, NULL, '{}')")
        direct.execute(
            "INSERT INTO turns(id, conversation, position, role, text, state, at) "
            "VALUES ('t', 'c', 0, 'assistant', 'said', 'finished', 1)"
        )
    direct.close()
    history = History(path)
    (turn,) = history.turns("c")
    assert (turn.text, turn.spans, turn.context_limit) == ("said", (), 0)
    history.close()
    with sqlite3.connect(tmp_path / "studio.before-v2.sqlite3") as kept:
        assert kept.execute("PRAGMA user_version").fetchone() == (1,)
        assert kept.execute("SELECT text FROM turns").fetchone() == ("said",)
    kept.close()
