"""The whole window by keyboard: palette, sheet, what goes on, closing, coming back."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QAbstractButton, QApplication, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from expert_studio.core import network
from expert_studio.core.inference.transfer import Patience
from expert_studio.core.log_file import LogFile, as_text
from expert_studio.core.settings import Folders, load
from expert_studio.runtime.base_download import DownloadOrder
from expert_studio.views.widgets.crash_dialog import CrashDialog
from tests.fake_engine import FakeEngine
from tests.hub_mirror import COMMIT, REPO, Behaviour, Mirror, small_base
from tests.studio_driver import Person
from tests.synthetic_runs import write_run
from tests.views.conftest import Opened

CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def person(opened: Opened) -> Person:
    return opened(FakeEngine())


@pytest.fixture
def online(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_HUB_OFFLINE", network.FROM_OUTSIDE):
        monkeypatch.delenv(name, raising=False)


def _data(person: Person) -> Path:
    return person.studio._folders.data


def _press(qtbot: QtBot, person: Person, key: Qt.Key, *more: Qt.KeyboardModifier) -> None:
    person.until(lambda: QApplication.activeWindow() is not None)
    modifiers = Qt.KeyboardModifier.NoModifier
    for one in more:
        modifiers |= one
    target = QApplication.focusWidget() or person.studio.window
    qtbot.keyClick(target, key, modifiers)


def _find(qtbot: QtBot, person: Person, text: str) -> None:
    """Ctrl+K, the words, Return."""
    shell = person.studio.shell
    _press(qtbot, person, Qt.Key.Key_K, CTRL)
    person.until(lambda: shell.palette is not None and _has_keyboard(shell.palette))
    qtbot.keyClicks(QApplication.focusWidget(), text)


def _has_keyboard(part: QWidget) -> bool:
    focused = QApplication.focusWidget()
    return focused is not None and part.isAncestorOf(focused)


def test_the_palette_finds_pages_actions_experts_and_conversations(
    qtbot: QtBot, person: Person
) -> None:
    studio = person.studio
    person.type_and_send("Where is Porto?")
    person.until(lambda: not studio.dialogue.busy)
    person.until(lambda: studio.chat_page.conversations.titles == ("Where is Porto?",))
    _find(qtbot, person, "datas")
    assert studio.shell.palette is not None
    assert studio.shell.palette.shown[0] == "Datasets"
    _press(qtbot, person, Qt.Key.Key_Return)
    assert studio.window.page == "datasets"
    _find(qtbot, person, "porto")
    person.until(
        lambda: studio.shell.palette is not None and "Where is Porto?" in studio.shell.palette.shown
    )
    _press(qtbot, person, Qt.Key.Key_Return)
    assert studio.window.page == "chat"
    person.until(lambda: studio.dialogue.conversation is not None)
    _find(qtbot, person, "json-p")
    assert studio.shell.palette is not None
    assert studio.shell.palette.shown[:2] == ("json-parser", "Add json-parser to the stack")
    _press(qtbot, person, Qt.Key.Key_Down)
    _press(qtbot, person, Qt.Key.Key_Return)
    assert [m.name for m in studio.chat_page.composer.stack.members] == ["json-parser"]
    _find(qtbot, person, "zzzz")
    assert studio.shell.palette is not None
    assert studio.shell.palette.shown == ()
    _press(qtbot, person, Qt.Key.Key_Escape)
    assert studio.shell.palette is None


def test_words_said_in_a_conversation_lead_to_it(qtbot: QtBot, person: Person) -> None:
    person.type_and_send("An aardvark in the attic")
    person.until(lambda: not person.studio.dialogue.busy)
    person.studio.chat_page.conversations.rename_wanted.emit(
        person.studio.dialogue.conversation, "Zoology"
    )
    person.until(lambda: person.studio.chat_page.conversations.titles == ("Zoology",))
    _find(qtbot, person, "aardvark")
    person.until(
        lambda: (
            person.studio.shell.palette is not None
            and person.studio.shell.palette.shown == ("Zoology",)
        )
    )
    _press(qtbot, person, Qt.Key.Key_Escape)


def test_every_page_has_a_shortcut_and_the_sheet_lists_all(qtbot: QtBot, person: Person) -> None:
    studio = person.studio
    person.until(lambda: studio.window.is_made("datasets") and studio.window.is_made("train"))
    for number, name in enumerate(("chat", "library", "datasets", "train"), start=1):
        _press(qtbot, person, Qt.Key(Qt.Key.Key_0.value + number), CTRL)
        assert studio.window.page == name
    _press(qtbot, person, Qt.Key.Key_Comma, CTRL)
    assert studio.window.page == "settings"
    _press(qtbot, person, Qt.Key.Key_Slash, CTRL)
    sheet = studio.shell.sheet
    assert sheet is not None
    listed = {(one.where, one.keys) for one in sheet.keys}
    for keys in ("Ctrl+1", "Ctrl+2", "Ctrl+3", "Ctrl+4", "Ctrl+,", "Ctrl+K", "Ctrl+/", "Ctrl+Q"):
        assert ("Everywhere", keys) in listed
    assert [one for one in sheet.keys if not one.does or not one.native] == []
    person.until(lambda: _has_keyboard(sheet))
    _press(qtbot, person, Qt.Key.Key_Escape)
    person.until(lambda: studio.shell.sheet is None)


def test_no_shortcut_means_two_things(person: Person) -> None:
    person.until(lambda: person.studio.window.is_made("train"))
    for name, page in person.studio.window.pages().items():
        title = person.studio.window.titles[name][0]
        here = [
            one.keys
            for one in person.studio.shell.shortcuts()
            if one.where in {"Everywhere", title} and one.keys
        ]
        assert len(here) == len(set(here)), (name, page, here)


def test_text_size_and_theme_change_everywhere_at_once(qtbot: QtBot, person: Person) -> None:
    studio = person.studio
    before = studio.chat_page.prompt.fontMetrics().height()
    _press(qtbot, person, Qt.Key.Key_Plus, CTRL)
    _press(qtbot, person, Qt.Key.Key_Plus, CTRL)
    assert studio.settings.value.font_percent == 125
    assert studio.settings_page.settings.font_percent == 125
    assert studio.theme.tokens.font_percent == 125
    label = next(w for w in studio.window.rail.findChildren(QPushButton) if w.isVisible())
    assert label.font().pixelSize() == 16
    assert studio.chat_page.prompt.fontMetrics().height() >= before
    for _ in range(9):
        _press(qtbot, person, Qt.Key.Key_Minus, CTRL)
    assert studio.settings.value.font_percent == 90
    studio.settings.change(font_percent=100)


def test_parts_of_the_window_are_reached_by_f6(qtbot: QtBot, person: Person) -> None:
    window = person.studio.window
    reached: list[QWidget] = []
    for _ in range(6):
        _press(qtbot, person, Qt.Key.Key_F6)
        focused = QApplication.focusWidget()
        assert focused is not None
        reached.append(focused)
    chat = person.studio.chat_page
    for part in (window.rail, chat.conversations, chat.composer):
        assert any(part.isAncestorOf(focused) for focused in reached), part
    back = QApplication.focusWidget()
    _press(qtbot, person, Qt.Key.Key_F6)
    _press(qtbot, person, Qt.Key.Key_F6, SHIFT)
    assert QApplication.focusWidget() is back


def test_what_goes_on_stands_in_the_rail_and_can_be_stopped(
    qtbot: QtBot, person: Person, online: None
) -> None:
    studio, tray = person.studio, person.studio.window.rail.jobs
    mirror = Mirror(Behaviour(small_base(), stall_once=True))
    done: list[str] = []
    studio.base_download.stopped.connect(done.append)
    try:
        studio.base_download.start_order(
            DownloadOrder(
                REPO,
                COMMIT,
                Folders(_data(person)).bases / "tiny-base",
                mirror.address,
                Patience(stall_s=20, attempts=1, pause_s=0.01),
            )
        )
        person.until(lambda: any(job.share for job in tray.jobs))
        assert tray.cards[0].accessibleName().startswith("Downloading tiny-base")
        _press(qtbot, person, Qt.Key.Key_J, CTRL)
        assert QApplication.focusWidget() is tray.cards[0]
        _press(qtbot, person, Qt.Key.Key_Return)
        assert studio.window.page == "settings"
        studio.window.close()
        question = studio._closing.question
        assert question is not None
        assert "goes on from there" in question.informativeText()
        assert studio.window.isVisible()
        question.reject()
        assert not studio._is_closed
        _press(qtbot, person, Qt.Key.Key_J, CTRL)
        _press(qtbot, person, Qt.Key.Key_Delete)
        assert tray.jobs[0].is_stopping
        mirror.released.set()
        person.until(lambda: not tray.jobs)
        assert not tray.isVisible()
        assert done == [REPO]
    finally:
        mirror.close()


def test_a_training_is_in_the_rail_and_outlives_the_window(qtbot: QtBot, person: Person) -> None:
    studio, tray = person.studio, person.studio.window.rail.jobs
    run = write_run(Folders(_data(person)).runs, "neo4j-cypher", 372, 600)
    with run.worker_lock():
        person.until(lambda: bool(tray.jobs))
        job = tray.jobs[0]
        assert (job.kind, job.name, job.amount) == ("Training", "neo4j-cypher", "372 / 600")
        assert job.share == pytest.approx(0.62)
        qtbot.mouseClick(tray.cards[0], Qt.MouseButton.LeftButton)
        assert studio.window.page == "train"
        assert studio.train_page.opened == run.identifier
        studio.window.close()
        question = studio._closing.question
        assert question is not None
        assert "goes on without the window" in question.informativeText()
        _button(question, "Close").click()
        assert studio._is_closed


def test_many_jobs_stand_in_a_menu(person: Person) -> None:
    tray, runs = person.studio.window.rail.jobs, Folders(_data(person)).runs
    made = [write_run(runs, f"expert-{number}", 10, 100, seed=number) for number in range(5)]
    locks = [run.worker_lock() for run in made]
    for lock in locks:
        lock.acquire()
    try:
        person.until(lambda: len(tray.jobs) == 5)
        assert len(tray.cards) == 3
        more = next(b for b in tray.findChildren(QPushButton) if "more" in b.text())
        assert more.text() == "2 more…"
    finally:
        for lock in locks:
            lock.release()
    person.until(lambda: not tray.jobs)


def test_offline_is_kept_and_enforced(qtbot: QtBot, person: Person, online: None) -> None:
    studio = person.studio
    _find(qtbot, person, "network on or off")
    _press(qtbot, person, Qt.Key.Key_Return)
    assert network.is_off()
    assert studio.settings_page.settings.offline
    mirror = Mirror(Behaviour(small_base()))
    try:
        studio.base_download.start_order(
            DownloadOrder(REPO, COMMIT, Folders(_data(person)).bases / "x", mirror.address)
        )
        told = _told(person)
        person.until(lambda: "switched off in the settings" in _told(person))
        assert mirror.behaviour.requests == [], told
    finally:
        mirror.close()
    _button(studio.window, "Undo").click()
    assert not network.is_off()


def test_an_open_download_ends_when_the_network_is_switched_off(
    person: Person, online: None
) -> None:
    studio = person.studio
    mirror = Mirror(Behaviour(small_base(), stall_once=True))
    try:
        studio.base_download.start_order(
            DownloadOrder(
                REPO,
                COMMIT,
                Folders(_data(person)).bases / "tiny-base",
                mirror.address,
                Patience(stall_s=20, attempts=1, pause_s=0.01),
            )
        )
        person.until(lambda: any(job.share for job in studio.jobs.jobs))
        studio.settings.change(offline=True)
        assert studio.jobs.jobs[0].is_stopping
        mirror.released.set()
        person.until(lambda: not studio.base_download.running)
    finally:
        mirror.close()
        studio.settings.change(offline=False)


def test_page_place_and_size_come_back(qtbot: QtBot, opened: Opened) -> None:
    person = opened(FakeEngine())
    person.studio.window.resize(1000, 690)  # no wider than the offscreen screen allows
    person.studio.window.move(60, 40)
    person.studio.window.show_page("library")
    person.studio.window.close()
    kept = load(Folders(_data(person)))
    assert kept.window_page == "library"
    again = opened(FakeEngine())
    assert again.studio.window.size() == person.studio.window.size()
    again.until(lambda: again.studio.window.page == "library")


def test_a_window_of_a_screen_that_is_gone_comes_back_into_reach(
    qtbot: QtBot, opened: Opened
) -> None:
    person = opened(FakeEngine())
    window = person.studio.window
    window.move(QPoint(9000, 9000))
    far = window.geometry_text()
    window.restore(far)
    rooms = [screen.availableGeometry() for screen in QGuiApplication.screens()]
    bar = QRect(window.frameGeometry().topLeft(), window.frameGeometry().topRight())
    assert any(room.intersects(bar) for room in rooms)


def test_places_of_splitters_come_back(opened: Opened) -> None:
    person = opened(FakeEngine())
    row = person.studio.datasets_page.side._row
    row.setSizes([300, 100])
    person.studio.window.close()
    kept = json.loads(load(Folders(_data(person))).window_splits)
    assert "dataset row" in kept
    again = opened(FakeEngine())
    again.until(lambda: again.studio.window.is_made("datasets"))
    assert bytes(again.studio.datasets_page.side._row.saveState().data()) == bytes(
        row.saveState().data()
    )


def test_defects_anywhere_reach_dialog_and_log(qtbot: QtBot, person: Person) -> None:
    studio = person.studio
    written = LogFile(Folders(_data(person)))
    written.start()
    home = str(Path.home())

    def fails() -> None:
        raise ValueError(f"defect in {home}/x with key sk-abcdefghijklmnopqrstuvwx")

    try:
        studio.background.run(fails)
        person.until(lambda: isinstance(QApplication.activeModalWidget(), CrashDialog))
        studio.report_defect(KeyError("on a thread"), "the model thread")
        dialog = QApplication.activeModalWidget()
        assert isinstance(dialog, CrashDialog)
        person.until(lambda: "on a thread" in dialog.report)
        assert "defect in ~/x with key [KEY]" in dialog.report
        assert home not in dialog.report
        _button(dialog, "Copy report").click()
        assert "PySide6" in QGuiApplication.clipboard().text()
        written.close()
        _button(dialog, "Show the log…").click()
        person.until(
            lambda: studio._log_links.viewer is not None and bool(studio._log_links.viewer.shown)
        )
        viewer = studio._log_links.viewer
        assert viewer is not None
        text = as_text(viewer.shown)
        assert "[KEY]" in text
        assert "on a thread" in text
        assert "Traceback" in text
        assert home not in text
        viewer.accept()
    finally:
        written.close()
    logged = "".join(p.read_text() for p in Folders(_data(person)).logs.iterdir())
    assert "sk-abc" not in logged
    assert home not in logged


def test_log_is_filtered_and_copied(qtbot: QtBot, person: Person) -> None:
    studio = person.studio
    written = LogFile(Folders(_data(person)))
    written.start()
    log = logging.getLogger("expert_studio")
    log.info("the base was loaded")
    log.error("the disk is full")
    written.close()
    _find(qtbot, person, "show the log")
    _press(qtbot, person, Qt.Key.Key_Return)
    links = studio._log_links
    person.until(lambda: links.viewer is not None and len(links.viewer.shown) >= 2)
    viewer = links.viewer
    assert viewer is not None
    viewer._level.setCurrentIndex(2)
    assert [line.text for line in viewer.shown] == ["the disk is full"]
    _button(viewer, "Copy what is shown").click()
    assert QGuiApplication.clipboard().text().endswith("ERROR expert_studio: the disk is full")
    viewer.accept()


def test_a_notice_waits_for_who_points_at_it(qtbot: QtBot, person: Person) -> None:
    notices = person.studio.notices
    notices.toast("Deleted.", "Undo", lambda: None)
    toast = notices.toasts[-1]
    _button(toast, "Undo").setFocus()
    toast.leave_after(1)
    qtbot.wait(50)
    assert toast in notices.toasts
    person.studio.chat_page.prompt.focus()
    person.until(lambda: toast not in notices.toasts)


def _told(person: Person) -> str:
    return " ".join(" ".join(toast.sentences) for toast in person.studio.notices.toasts)


def _button(parent: QWidget, text: str) -> QAbstractButton:
    return next(b for b in parent.findChildren(QAbstractButton) if b.text() == text)
