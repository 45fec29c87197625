"""The chat page on a fake engine: what is kept, what is stopped, what is undone."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QMimeData, QObject, Qt, QUrl
from PySide6.QtGui import QAccessible, QDragEnterEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QWidget,
)
from pytestqt.qtbot import QtBot

from expert_studio.core.errors import InferenceError
from expert_studio.core.inference.history import Conversation
from expert_studio.views.widgets.icon_button import IconButton
from expert_studio.views.widgets.rich_text import RichText
from tests.fake_engine import FakeEngine
from tests.studio_driver import Person

Opened = Callable[[FakeEngine], Person]


def _kept(person: Person) -> list[tuple[str, str]]:
    path = person.studio._folders.database
    with sqlite3.connect(path) as direct:
        rows = direct.execute("SELECT text, state FROM turns ORDER BY position").fetchall()
    direct.close()
    return [(text, state) for text, state in rows]


def test_ask_and_answer_are_kept(opened: Opened) -> None:
    person = opened(FakeEngine())
    person.type_and_send("hi")
    person.until(lambda: len(person.studio.chat_page.conversations.titles) == 1)
    person.until(lambda: not person.studio.dialogue.busy)
    person.until(lambda: not person.studio.database_lane.busy)
    assert _kept(person) == [("hi", "finished"), ("hello", "finished")]
    assert person.studio.chat_page.conversations.titles == ("hi",)
    assert person.studio.chat_page.prompt.text == ""


def test_streamed_text_is_kept_before_the_answer_ends(opened: Opened) -> None:
    engine = FakeEngine(pieces=("kept so far", " and the rest"))
    engine.gate.clear()
    person = opened(engine)
    person.type_and_send("hi")
    person.until(lambda: person.last_answer.text == "kept so far")
    person.until(lambda: ("kept so far", "streaming") in _kept(person))
    engine.gate.set()
    person.until(lambda: not person.studio.dialogue.busy)


def test_stop_at_the_first_token(opened: Opened) -> None:
    engine = FakeEngine(pieces=("never said",))
    engine.gate.clear()
    person = opened(engine)
    person.type_and_send("hi")
    person.press_escape()
    person.until(lambda: not person.studio.dialogue.busy)
    assert person.last_answer.turn.state == "cancelled"
    assert person.last_answer.text == ""


def test_regenerate_replaces_and_does_nothing_while_streaming(opened: Opened) -> None:
    engine = FakeEngine(pieces=("one", " end"))
    person = opened(engine)
    page = person.studio.chat_page
    person.type_and_send("hi")
    person.until(lambda: not person.studio.dialogue.busy)
    engine.pieces = ("two", " end")
    engine.gate.clear()
    page.transcript.regenerate_wanted.emit()
    person.until(lambda: person.last_answer.text == "two")
    page.transcript.regenerate_wanted.emit()
    assert person.last_answer.text == "two"
    engine.gate.set()
    person.until(lambda: not person.studio.dialogue.busy)
    assert [answer.text for answer in page.transcript.answers] == ["two end"]
    assert [message.content for message in engine.asked[-1][0]] == ["hi"]


def test_stack_switched_mid_stream_counts_for_the_next_answer(opened: Opened) -> None:
    engine = FakeEngine(pieces=("a", "b"))
    engine.gate.clear()
    person = opened(engine)
    person.type_and_send("one")
    person.until(lambda: person.last_answer.text == "a")
    person.tick("json-parser")
    engine.gate.set()
    person.until(lambda: not person.studio.dialogue.busy)
    person.type_and_send("two")
    person.until(lambda: len(engine.asked) == 2 and not person.studio.dialogue.busy)
    stacks = [stack for _, stack, _ in engine.asked]
    assert [len(stack.members) for stack in stacks] == [0, 1]
    answers = person.studio.chat_page.transcript.answers
    assert [answer.turn.stack for answer in answers] == stacks


def test_open_conversation_deleted_while_answering_and_undone(opened: Opened) -> None:
    engine = FakeEngine(pieces=("a", "b"))
    engine.gate.clear()
    person = opened(engine)
    page, studio = person.studio.chat_page, person.studio
    person.type_and_send("keep me")
    person.until(lambda: page.conversations.titles == ("keep me",))
    page.conversations.delete_wanted.emit(page.conversations.first)
    person.until(lambda: page.conversations.titles == () and not studio.dialogue.busy)
    assert studio.dialogue.conversation is None
    buttons = studio.notices.toasts[-1].findChildren(QAbstractButton)
    next(button for button in buttons if button.text() == "Undo").click()
    person.until(lambda: page.conversations.titles == ("keep me",))
    person.until(lambda: len(studio.dialogue.turns) == 2)


def test_failed_answer_is_told_once_and_its_text_kept(opened: Opened) -> None:
    failure = InferenceError("Too long.", "The context holds 4,096 tokens.", "Begin anew.")
    person = opened(FakeEngine(pieces=("so far",), failure=failure))
    person.type_and_send("hi")
    person.until(lambda: len(person.studio.notices.toasts) == 1)
    person.until(lambda: not person.studio.dialogue.busy)
    assert person.studio.notices.toasts[0].sentences[0] == "Too long."
    assert person.last_answer.text == "so far"
    assert "broke off" in person.last_answer.note


def test_defect_reaches_the_crash_dialog(opened: Opened, qtbot: QtBot) -> None:
    person = opened(FakeEngine(failure=RuntimeError("lost a tensor")))
    person.type_and_send("hi")
    person.until(lambda: QApplication.activeModalWidget() is not None)
    dialog = QApplication.activeModalWidget()
    assert dialog is not None
    assert "lost a tensor" in dialog.report
    assert "Python 3" in dialog.report
    dialog.accept()
    person.until(lambda: not person.studio.dialogue.busy)


def test_rename_and_search(opened: Opened) -> None:
    person = opened(FakeEngine())
    page = person.studio.chat_page
    person.type_and_send("first words")
    person.until(lambda: page.conversations.titles == ("first words",))
    page.conversations.rename_wanted.emit(page.conversations.first, "Renamed")
    person.until(lambda: page.conversations.titles == ("Renamed",))
    assert person.studio.dialogue.conversation is not None
    page.conversations.search_changed.emit("nothing like it")
    person.until(lambda: page.conversations.titles == ())
    page.conversations.search_changed.emit("WORDS")
    person.until(lambda: page.conversations.titles == ("Renamed",))


def test_switching_while_streaming_shows_the_answer_on_return(opened: Opened) -> None:
    engine = FakeEngine(pieces=("still", " here"))
    engine.gate.clear()
    person = opened(engine)
    page, dialogue = person.studio.chat_page, person.studio.dialogue
    person.type_and_send("one")
    person.until(lambda: person.last_answer.text == "still")
    dialogue.new()
    assert page.transcript.answers == ()
    person.until(lambda: len(page.conversations.titles) == 1)
    dialogue.open(page.conversations.first)
    person.until(lambda: len(page.transcript.answers) == 1)
    assert person.last_answer.text == "still"
    engine.gate.set()
    person.until(lambda: not dialogue.busy)
    assert person.last_answer.text == "still here"


def test_unsaved_text_is_told_and_the_window_goes_on(opened: Opened) -> None:
    person = opened(FakeEngine())
    person.studio.database_lane.run(
        lambda: person.studio.history._connection.execute("PRAGMA query_only = 1")
    )
    person.type_and_send("hi")
    person.until(lambda: len(person.studio.notices.toasts) >= 1)
    person.until(lambda: not person.studio.dialogue.busy)
    assert "saved" in person.studio.notices.toasts[0].sentences[0]
    assert person.last_answer.text == "hello"


def test_blend_shares_a_total_of_one(opened: Opened) -> None:
    person = opened(FakeEngine())
    composer = person.studio.chat_page.composer
    person.tick("json-parser")
    person.tick("english-basic")
    assert [member.weight for member in composer.stack.members] == [1.0, 1.0]
    blend = next(b for b in composer.findChildren(QAbstractButton) if b.text() == "Blend")
    blend.click()
    assert [member.weight for member in composer.stack.members] == [0.5, 0.5]
    assert "0.5 in the blend" in person.row("json-parser").note


def spoken_name(control: QWidget) -> str:
    """What a screen reader is told: the accessible name, or else the text of a button."""
    return QAccessible.queryAccessibleInterface(control).text(QAccessible.Text.Name)


def test_every_control_has_a_name(opened: Opened, qtbot: QtBot) -> None:
    person = opened(FakeEngine())
    person.tick("json-parser")
    person.type_and_send("hi")
    person.until(lambda: not person.studio.dialogue.busy)
    controls: list[QWidget] = []
    for kind in (QAbstractButton, QLineEdit, QComboBox):
        controls += person.studio.window.findChildren(kind)
    unnamed = [
        control
        for control in controls
        if not spoken_name(control)
        and not control.objectName().startswith("qt_")
        and not isinstance(control.parent(), QLineEdit)  # Qt's own clear button
    ]
    assert not unnamed, [(type(c).__name__, c.parent()) for c in unnamed]
    for button in person.studio.window.findChildren(IconButton):
        assert button.toolTip()


def test_new_conversation_by_key(opened: Opened, qtbot: QtBot) -> None:
    person = opened(FakeEngine())
    person.type_and_send("hi")
    person.until(lambda: not person.studio.dialogue.busy)
    qtbot.keyClick(person.studio.window, Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier)
    assert person.studio.dialogue.conversation is None


def test_regenerate_without_a_base_keeps_the_answer(opened: Opened) -> None:
    person = opened(FakeEngine())
    page = person.studio.chat_page
    person.type_and_send("hi")
    person.until(lambda: not person.studio.dialogue.busy)
    page.set_base(None)
    assert "base must be loaded" in page.prompt.hint
    page.transcript.regenerate_wanted.emit()
    assert not person.studio.dialogue.busy
    assert [answer.text for answer in page.transcript.answers] == ["hello"]


def test_undo_restores_the_conversation_its_notice_names(opened: Opened) -> None:
    person = opened(FakeEngine())
    page, studio = person.studio.chat_page, person.studio
    for text in ("one", "two"):
        studio.dialogue.new()
        person.type_and_send(text)
        person.until(lambda: not studio.dialogue.busy)
    person.until(lambda: page.conversations.titles == ("two", "one"))
    for title in ("one", "two"):
        kept = next(c for c in _conversations(person) if c.title == title)
        page.conversations.delete_wanted.emit(kept)
    person.until(lambda: page.conversations.titles == ())
    notice = next(t for t in studio.notices.toasts if "one" in t.sentences[0])
    next(b for b in notice.findChildren(QAbstractButton) if b.text() == "Undo").click()
    person.until(lambda: page.conversations.titles == ("one",))


def test_what_was_never_answered_comes_back_and_is_not_asked_again(opened: Opened) -> None:
    engine = FakeEngine(pieces=(), failure=InferenceError("Too long.", "4,096.", "Shorten it."))
    person = opened(engine)
    page = person.studio.chat_page
    person.type_and_send("far too long")
    person.until(lambda: not person.studio.dialogue.busy)
    assert page.prompt.text == "far too long"
    assert "not answered" in person.last_answer.note
    engine.pieces, engine.failure = ("now", " it works"), None
    page.prompt.set_text("")
    person.type_and_send("short")
    person.until(lambda: not person.studio.dialogue.busy)
    assert [message.content for message in engine.asked[-1][0]] == ["short"]
    assert person.last_answer.text == "now it works"


def test_unreadable_conversation_leaves_a_desk_to_write_on(opened: Opened) -> None:
    person = opened(FakeEngine())
    studio = person.studio
    person.type_and_send("hi")
    person.until(lambda: not studio.dialogue.busy and not studio.database_lane.busy)
    kept = studio.dialogue.conversation
    assert kept is not None
    studio.database_lane.run(
        lambda: studio.history._connection.execute("ALTER TABLE turns RENAME TO lost")
    )
    studio.dialogue.open(kept)
    person.until(lambda: len(studio.notices.toasts) == 1)
    assert studio.dialogue.conversation is None
    person.type_and_send("still here")
    person.until(lambda: not studio.dialogue.busy)
    assert person.last_answer.text == "hello"


def test_expert_dropped_on_the_prompt_is_installed_not_written(
    opened: Opened, packages: Path
) -> None:
    person = opened(FakeEngine())
    editor = person.studio.chat_page.prompt.findChild(QPlainTextEdit)
    assert editor is not None
    package = next(packages.glob("**/*.expert"))
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(package))])
    enter = QDragEnterEvent(
        editor.viewport().rect().center(),
        Qt.DropAction.CopyAction,
        data,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )
    over: list[str] = []
    person.studio.window.installEventFilter(_Seen(over, person.studio.window))
    QApplication.sendEvent(editor.viewport(), enter)
    assert over == ["DragEnter"], "it is handed on to the window"


def test_another_conversation_being_answered_is_told(opened: Opened) -> None:
    engine = FakeEngine(pieces=("still", " here"))
    engine.gate.clear()
    person = opened(engine)
    prompt = person.studio.chat_page.prompt
    person.type_and_send("one")
    person.until(lambda: person.last_answer.text == "still")
    assert prompt.hint == ""
    person.studio.dialogue.new()
    assert prompt.hint == "Answering another conversation"
    engine.gate.set()
    person.until(lambda: not person.studio.dialogue.busy)
    assert "Enter to send" in prompt.hint


def test_nothing_said_yet_and_nothing_found_are_told(opened: Opened) -> None:
    person = opened(FakeEngine())
    conversations = person.studio.chat_page.conversations
    person.until(lambda: "kept here" in conversations.none_told)
    person.type_and_send("hi")
    person.until(lambda: conversations.titles == ("hi",))
    assert conversations.none_told == ""
    search = conversations.findChild(QLineEdit)
    assert search is not None
    search.setText("zzz")
    person.until(lambda: "these words" in conversations.none_told)


@pytest.mark.parametrize("width", [1000, 1024, 1259, 1280])
def test_nothing_is_cut_off_in_a_narrow_window(opened: Opened, width: int) -> None:
    person = opened(FakeEngine())
    studio, page = person.studio, person.studio.chat_page
    studio.window.resize(width, 640)
    for view in (page.empty, page.first_task.column):
        if view is not page.empty:
            page._on_first_task_wanted()
        QApplication.processEvents()
        assert view.minimumSizeHint().width() <= view.width()
        for part in view.findChildren(QAbstractButton):
            if part.isVisible():
                right = part.mapTo(page, part.rect().topRight()).x()
                assert right < page.composer.x(), part.accessibleName()
                assert part.width() >= part.minimumSizeHint().width()


def test_notices_stand_above_the_prompt(opened: Opened) -> None:
    person = opened(FakeEngine())
    studio = person.studio
    studio.window.resize(1280, 800)
    studio.notices.warn("This stays until it is closed.")
    QApplication.processEvents()
    toast, prompt = studio.notices.toasts[0], studio.chat_page.prompt
    top = prompt.mapTo(studio.window, prompt.rect().topLeft()).y()
    assert toast.geometry().bottom() < top
    studio.window.show_page("library")
    QApplication.processEvents()
    assert toast.geometry().bottom() > top


def test_first_task_that_is_stopped_says_so(opened: Opened) -> None:
    engine = FakeEngine(pieces=("never said",))
    engine.gate.clear()
    person = opened(engine)
    task = person.studio.chat_page.first_task
    person.studio.chat_page._on_first_task_wanted()
    person.until(task._run.isEnabled)
    task.run()
    task.run()  # pressed again: stops
    person.until(lambda: not task.running)
    for answer in task.answers:
        shown = answer.findChild(RichText)
        assert shown is not None
        assert shown.toPlainText() == "Stopped."


def _conversations(person: Person) -> tuple[Conversation, ...]:
    return tuple(person.studio.history.conversations(""))


class _Seen(QObject):
    """Writes down the drags a widget meets."""

    def __init__(self, seen: list[str], parent: QObject) -> None:
        super().__init__(parent)
        self._seen = seen

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.DragEnter:
            self._seen.append(event.type().name)
        return False
