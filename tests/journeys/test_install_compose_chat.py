"""Install by drop, compose two, type, stream, stop, change a weight, ask again, restart.

Through the real window, on the real base, with the experts that ship with the app. The
longest standstill of the event loop is printed, with the one-time import of torch apart.
On a real display it needs a window manager: Esc reaches the active window only.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from expert_studio.app import Studio
from expert_studio.core.inference.turns import Turn
from expert_studio.core.settings import Folders, bundled_experts_folder
from expert_studio.runtime.event_loop_watch import EventLoopWatch
from tests.studio_driver import Person

# So many fields that the answer is long enough to be stopped in its middle.
PROMPT = (
    "Extract name, age, city, phone, email, street, country, job, company, price, date, time, "
    "event, product and total as JSON: Maria Silva is 34 and lives in Porto."
)

Opened = Callable[[Path], Person]


@pytest.fixture
def packages() -> Path:
    return bundled_experts_folder()


@pytest.fixture
def opened(qapp: QApplication, qtbot: QtBot, tmp_path: Path) -> Iterator[Opened]:
    """Opens the app on a data folder; what is open at the end is closed."""
    studios: list[Studio] = []
    nothing_bundled = tmp_path / "nothing"
    nothing_bundled.mkdir()

    def open_on(data: Path) -> Person:
        data.mkdir(exist_ok=True)
        if not (data / "settings.json").exists():  # the tour has the keyboard while it is shown
            (data / "settings.json").write_text('{"tour_done": true}')
        studio = Studio(qapp, Folders(data), bundled_experts=nothing_bundled)
        studios.append(studio)
        studio.open()
        return Person(studio, qtbot)

    yield open_on
    for studio in studios:
        studio.window.close()
        studio.window.deleteLater()
    qapp.setStyleSheet("")


def test_install_compose_chat_and_restart(
    opened: Opened, watch: EventLoopWatch, packages: Path, tmp_path: Path
) -> None:
    watch.start()
    person = opened(tmp_path / "data")
    studio = person.studio
    watch.enter("importing torch")
    studio.model_thread.base_loading.connect(
        lambda share: watch.enter("loading the base") if share > 0 else None
    )
    person.until(lambda: studio.loaded_base() is not None)
    base = studio.loaded_base()
    watch.enter("installing, composing, answering")

    person.drop(sorted(packages.glob("*/*.expert")))  # signed by who made the app: nothing is asked
    assert studio.window.page == "library"
    person.until(lambda: len(studio.chat_page.composer.rows) == 6)
    studio.window.show_page("chat")
    person.tick("document-classifier")
    names = [member.name for member in studio.chat_page.composer.stack.members]
    assert names == ["json-parser", "english-basic", "neo4j-cypher", "document-classifier"]
    assert "came along with document-classifier" in person.row("json-parser").note

    person.type_and_send(PROMPT)
    first = _stopped_while_it_was_said(person)
    assert first.text
    assert first.sampling is not None
    assert first.sampling.temperature == 0, "as the experts in the stack advise"

    person.row("json-parser").weighed.emit("json-parser", 0.5)
    assert "not as trained" in person.row("json-parser").note
    person.type_and_send("And for order 9 of Bolt, 7 EUR?")
    person.until(lambda: len(studio.dialogue.turns) == 4 and not studio.dialogue.busy)
    second = person.last_answer.turn
    assert second.stack is not None
    assert first.stack is not None
    assert second.stack.hash != first.stack.hash
    assert second.stack.short_hash in person.last_answer.facts
    assert studio.loaded_base() is base, "a weight was changed without loading anything"
    watch.stop()
    said = [turn.text for turn in studio.dialogue.turns]
    studio.close()

    again = opened(tmp_path / "data")
    person.until(lambda: len(again.studio.chat_page.conversations.titles) == 1)
    again.studio.dialogue.open(again.studio.chat_page.conversations.first)
    person.until(lambda: len(again.studio.dialogue.turns) == 4)
    assert [turn.text for turn in again.studio.dialogue.turns] == said
    assert [a.turn.id for a in again.studio.chat_page.transcript.answers] == [first.id, second.id]
    again.until(lambda: again.studio.loaded_base() is not None)
    again.until(lambda: len(again.studio.chat_page.composer.stack.members) == 4)
    assert again.studio.chat_page.composer.stack.hash == second.stack.hash


def _stopped_while_it_was_said(person: Person) -> Turn:
    """The answer that Esc stopped; one that was quicker than Esc is asked once more."""
    dialogue = person.studio.dialogue
    for _ in range(20):
        person.until(lambda: bool(person.last_answer.text))
        person.press_escape()
        person.until(lambda: not dialogue.busy)
        turn = person.last_answer.turn
        if turn.state == "cancelled":
            return turn
        assert turn.state in ("finished", "length")
        person.last_answer.foot.press("regenerate")
    raise AssertionError("Esc stopped none of twenty answers")


def test_three_stacks_answer_the_first_task(
    qapp: QApplication, qtbot: QtBot, packages: Path, tmp_path: Path
) -> None:
    studio = Studio(qapp, Folders(tmp_path / "data"), bundled_experts=packages)
    studio.open()
    person = Person(studio, qtbot)
    try:
        task = studio.chat_page.first_task
        person.until(lambda: studio.loaded_base() is not None)
        person.until(lambda: len(studio.chat_page.composer.rows) == 6)
        assert "demonstration base" in task.base_told
        four = ("json-parser", "english-basic", "neo4j-cypher", "document-classifier")
        person.until(lambda: task.answers[2].experts == four)
        assert [answer.experts for answer in task.answers[:2]] == [(), ("json-parser",)]
        task.run()
        person.until(lambda: not task.running)
        assert [bool(answer.text) for answer in task.answers] == [True, True, True]
        assert isinstance(json.loads(task.answers[1].text), dict), "what json-parser is for"
        task.left.emit()
        person.until(lambda: not studio.background.busy)
    finally:
        studio.window.close()
        studio.window.deleteLater()
        qapp.setStyleSheet("")
    assert '"first_run_done": true' in (tmp_path / "data" / "settings.json").read_text()


def test_missing_base_is_told_and_the_window_goes_on(
    qapp: QApplication, qtbot: QtBot, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "settings.json").write_text('{"base": "' + (tmp_path / "gone").as_posix() + '"}')
    studio = Studio(qapp, Folders(data), bundled_experts=tmp_path)
    studio.open()
    person = Person(studio, qtbot)
    try:
        person.until(lambda: len(studio.notices.toasts) == 1)
        what, why, remedy = studio.notices.toasts[0].sentences
        assert what
        assert why
        assert remedy
        assert studio.loaded_base() is None
        studio.window.show_page("library")
        assert studio.window.page == "library"
        (lead,) = (
            button
            for button in studio.notices.toasts[0].findChildren(QPushButton)
            if button.text() == "Open Settings"
        )
        qtbot.mouseClick(lead, Qt.MouseButton.LeftButton)
        assert studio.window.page == "settings"
        assert not studio.notices.toasts
    finally:
        studio.window.close()
        studio.window.deleteLater()
        qapp.setStyleSheet("")
