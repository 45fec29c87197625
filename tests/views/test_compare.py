"""Several stacks side by side, on a fake engine that says which stack it was asked with."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QApplication

from expert_studio.core.datasets.preference import PreferencePair
from expert_studio.core.datasets.store_folder import DatasetFolders
from expert_studio.core.errors import InferenceError
from expert_studio.views.widgets.compare_column import CompareColumn
from expert_studio.views.widgets.correction_dialog import DatasetDialog
from tests.fake_engine import FakeEngine
from tests.studio_driver import Person

Opened = Callable[[FakeEngine], Person]


def _comparing(opened: Opened, engine: FakeEngine, *stacks: str) -> Person:
    person = opened(engine)
    page = person.studio.chat_page
    page._compare.click()
    view = page.compare_view
    person.until(lambda: set(stacks) <= set(view._choices))  # told in a turn of their own
    while len(view.columns) < len(stacks):
        view.add_column()
    for column, stack in zip(view.columns, stacks, strict=True):
        column.choose(stack)
        assert column.choice == stack
    return person


def _said_by(column: CompareColumn) -> set[str]:
    """The stacks whose names stand in what a column shows."""
    return {word for word in column.text.replace(";", " ").split() if word != "piece"}


def _names(column: CompareColumn) -> str:
    assert column.question is not None
    return "+".join(m.name for m in column.question.stack.members) or "base"


ALL = ("Base alone", "json-parser alone", "english-basic alone", "document-classifier alone")


def test_nothing_stands_under_another_stacks_name(opened: Opened) -> None:
    engine = FakeEngine(pieces=["piece"] * 6)
    engine.gate.clear()
    person = _comparing(opened, engine, *ALL)
    page, view = person.studio.chat_page, person.studio.chat_page.compare_view
    page.prompt.set_text("who are you?")
    page.prompt._submit()
    person.until(lambda: all(column.text for column in view.columns))
    view.columns[0].press_right()
    view.columns[2].press_right()
    view.columns[3].press_right()
    for column in view.columns:
        column.choose("Base alone")  # of the next question, not of this one
    person.tick("json-parser")
    engine.gate.set()
    person.until(lambda: not page.compare.busy)
    told = {_names(column) for column in view.columns}
    assert len(told) == 4
    for column in view.columns:
        assert _said_by(column) == {_names(column)}
        assert column.answer is not None
        assert column.answer.stack.short_hash in column.facts
        for member in column.answer.stack.members:
            assert member.name in column.name_shown

    engine.gate.clear()
    page.prompt.set_text("and now?")
    page.prompt._submit()
    person.until(lambda: all(column.text for column in view.columns))
    view.columns[1].press_right()
    person.press_escape()
    person.until(lambda: not page.compare.busy)
    for column in view.columns:
        assert _said_by(column) == {_names(column)} == {"base"}
        assert "stopped" in column.facts
    assert not person.studio.dialogue.turns, "a comparison is no conversation"


def test_blind_names_are_hidden_until_the_vote_and_the_vote_is_kept(opened: Opened) -> None:
    engine = FakeEngine(pieces=["piece"] * 3)
    person = _comparing(opened, engine, *ALL[:3])
    page, view = person.studio.chat_page, person.studio.chat_page.compare_view
    view.blind.setChecked(True)
    page.prompt.set_text("which is best?")
    page.prompt._submit()
    person.until(lambda: not page.compare.busy)
    assert [column.name_shown for column in view.columns] == ["A", "B", "C"]
    assert all(column.facts == "" for column in view.columns)
    best = view.columns[1]
    best.press_best()
    person.until(lambda: isinstance(QApplication.activeModalWidget(), DatasetDialog))
    dialog = QApplication.activeModalWidget()
    assert isinstance(dialog, DatasetDialog)
    dialog.choose("votes")
    person.until(lambda: bool(person.studio.notices.toasts))
    assert "2 pairs" in person.studio.notices.toasts[-1].sentences[0]
    for column in view.columns:
        for name in _names(column).split("+"):
            assert ("No expert" if name == "base" else name) in column.name_shown
        assert ("alone" in column.choice) or _names(column) == "base"
        wanted = "Base alone" if _names(column) == "base" else f"{_names(column)} alone"
        assert column.choice == wanted, "what is chosen moved with what was asked"
    with DatasetFolders(person.studio._folders.datasets).open("votes") as store:
        rows = store.window()
        origin = store.provenance(rows[0].hash)
    pairs = [row.item for row in rows]
    assert len(pairs) == 2
    for pair in pairs:
        assert isinstance(pair, PreferencePair)
        assert pair.chosen == best.text
        assert pair.prompt[-1].content == "which is best?"
    assert origin is not None
    assert origin.more["correction"] == "vote"
    undo = person.studio.notices.toasts[-1]
    undo.findChildren(type(page._compare))[0].click()
    person.until(lambda: not person.studio.background.busy)
    with DatasetFolders(person.studio._folders.datasets).open("votes") as store:
        assert not store.window()


def test_a_failure_is_told_once_and_back_to_the_chat(opened: Opened) -> None:
    engine = FakeEngine()
    person = _comparing(opened, engine, *ALL[:2])
    page = person.studio.chat_page
    engine.failure = InferenceError("Too long.", "4,096 tokens.", "Shorten it.")
    page.prompt.set_text("hello")
    page.prompt._submit()
    person.until(lambda: not page.compare.busy)
    assert [t.sentences[0] for t in person.studio.notices.toasts] == ["Too long."]
    assert all("not answered" in column.text for column in page.compare_view.columns)
    page._compare.click()
    engine.failure = None
    person.type_and_send("hi")
    person.until(lambda: not person.studio.dialogue.busy)
    assert person.last_answer.text == "hello"
