"""Palette, sheet, settings, notices, jobs, a defect and its log: used as a person does.

Through the real window, with the keyboard where there is one; the longest standstill of the
event loop is printed for each part.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QAbstractButton, QApplication, QWidget
from pytestqt.qtbot import QtBot

from expert_studio.app import Studio
from expert_studio.core.log_file import LogFile
from expert_studio.core.settings import Folders, load
from expert_studio.runtime.event_loop_watch import EventLoopWatch
from expert_studio.views.widgets.crash_dialog import CrashDialog
from tests.demonstration_experts import tiny_experts
from tests.fake_engine import FakeEngine, factory_of
from tests.studio_driver import Person
from tests.synthetic_runs import write_run

CTRL = Qt.KeyboardModifier.ControlModifier
SECRET = "sk-abcdefghijklmnopqrstuvwx"


@pytest.fixture
def person(qapp: QApplication, qtbot: QtBot, tmp_path: Path) -> Iterator[Person]:
    data = tmp_path / "data"
    data.mkdir()
    (data / "settings.json").write_text('{"first_run_done": true}')
    engine = FakeEngine(pieces=["A ", "short ", "answer."])
    studio = Studio(qapp, Folders(data), factory_of(engine), tiny_experts(tmp_path / "packages"))
    studio.open()
    person = Person(studio, qtbot)
    try:
        person.until(lambda: studio.loaded_base() is not None)
        person.until(lambda: len(studio.chat_page.composer.rows) == 3)
        person.until(lambda: not studio.background.busy)
        yield person
    finally:
        studio.close()
        studio.window.deleteLater()
        qapp.setStyleSheet("")


@pytest.fixture
def written(person: Person) -> Iterator[LogFile]:
    log = LogFile(Folders(person.studio._folders.data))
    log.start()
    yield log
    log.close()


def test_the_shell_through_a_day(
    person: Person, watch: EventLoopWatch, written: LogFile, qtbot: QtBot
) -> None:
    studio = person.studio
    watch.start()
    watch.enter("shell: palette")
    for wanted, page in (("datas", "datasets"), ("train", "train"), ("libra", "library")):
        _find(qtbot, person, wanted)
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Return)
        person.until(lambda page=page: studio.window.page == page)  # type: ignore[misc]
    watch.enter("shell: shortcut sheet")
    studio.shell.open_sheet()
    sheet = studio.shell.sheet
    assert sheet is not None
    person.until(sheet.isVisible)
    qtbot.keyClick(sheet, Qt.Key.Key_Escape)
    person.until(lambda: studio.shell.sheet is None)

    watch.enter("shell: settings, theme and size of type")
    studio.window.show_page("settings")
    person.until(studio.settings_page.isVisible)
    for change in ({"theme": "dark"}, {"font_percent": 125}, {"reduced_motion": True}):
        watch.enter(f"shell: {next(iter(change))}")
        studio.settings.change(**change)
        qtbot.wait(1)
    person.until(lambda: not studio.background.busy)
    kept = load(Folders(studio._folders.data))
    assert (kept.theme, kept.font_percent, kept.reduced_motion) == ("dark", 125, True)
    studio.settings.change(theme="light", font_percent=100)

    watch.enter("shell: a notice and its undo")
    _delete_and_undo(person)
    watch.enter("shell: jobs in the rail")
    _jobs(person, qtbot)
    watch.enter("shell: a defect, its log")
    _defect(person, written)
    person.until(lambda: not studio.background.busy and not studio.database_lane.busy)


def _find(qtbot: QtBot, person: Person, text: str) -> None:
    shell = person.studio.shell
    person.take_keyboard()
    qtbot.keyClick(QApplication.focusWidget() or person.studio.window, Qt.Key.Key_K, CTRL)
    person.until(lambda: shell.palette is not None and _has_keyboard(shell.palette))
    qtbot.keyClicks(QApplication.focusWidget(), text)


def _has_keyboard(part: QWidget) -> bool:
    focused = QApplication.focusWidget()
    return focused is not None and part.isAncestorOf(focused)


def _delete_and_undo(person: Person) -> None:
    studio, page = person.studio, person.studio.chat_page
    studio.window.show_page("chat")
    page.prompt.sent.emit("Where is Porto?")
    person.until(lambda: not studio.dialogue.busy)
    person.until(lambda: page.conversations.titles == ("Where is Porto?",))
    conversation = studio.dialogue.conversation
    assert conversation is not None
    page.conversations.delete_wanted.emit(conversation)
    person.until(lambda: page.conversations.titles == ())
    person.until(lambda: bool(studio.notices.toasts))
    _button(studio.notices.toasts[-1], "Undo").click()
    person.until(lambda: page.conversations.titles == ("Where is Porto?",))


def _jobs(person: Person, qtbot: QtBot) -> None:
    studio, tray = person.studio, person.studio.window.rail.jobs
    run = write_run(Folders(studio._folders.data).runs, "neo4j-cypher", 1_372, 20_000)
    with run.worker_lock():
        person.until(lambda: bool(tray.jobs))
        assert tray.jobs[0].amount == "1,372 / 20,000"
        qtbot.mouseClick(tray.cards[0], Qt.MouseButton.LeftButton)
        person.until(lambda: studio.window.page == "train")
        person.until(lambda: studio.train_page.opened == run.identifier)
    person.until(lambda: not tray.jobs)


def _defect(person: Person, written: LogFile) -> None:
    studio = person.studio
    logging.getLogger("expert_studio").info("the key was %s", SECRET)

    def fails() -> None:
        raise ValueError(f"a defect with key {SECRET}")

    studio.background.run(fails)
    person.until(lambda: isinstance(QApplication.activeModalWidget(), CrashDialog))
    dialog = QApplication.activeModalWidget()
    assert isinstance(dialog, CrashDialog)
    _button(dialog, "Copy report").click()
    assert "PySide6" in QGuiApplication.clipboard().text()
    assert SECRET not in QGuiApplication.clipboard().text()
    written.close()
    _button(dialog, "Show the log…").click()
    links = studio._log_links
    person.until(lambda: links.viewer is not None and bool(links.viewer.shown))
    viewer = links.viewer
    assert viewer is not None
    assert not any(SECRET in line.text for line in viewer.shown)
    assert any("a defect with key [KEY]" in line.text for line in viewer.shown)
    viewer.accept()
    person.until(lambda: links.viewer is None)


def _button(parent: QWidget, text: str) -> QAbstractButton:
    return next(b for b in parent.findChildren(QAbstractButton) if b.text() == text)
