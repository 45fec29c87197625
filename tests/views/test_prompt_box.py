"""Enter sends, Shift+Enter breaks the line, Esc stops."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent
from PySide6.QtWidgets import QApplication, QPlainTextEdit, QPushButton
from pytestqt.qtbot import QtBot

from expert_studio.core.datasets.document_prompt import INSTRUCTION, classification_prompt
from expert_studio.core.inference.attached_text import AttachedText
from expert_studio.views.widgets.prompt_box import PromptBox


@pytest.fixture
def box(qtbot: QtBot) -> PromptBox:
    made = PromptBox()
    qtbot.addWidget(made)
    made.set_ready(True)
    made.show()
    made.activateWindow()
    qtbot.waitExposed(made)
    return made


def _editor(box: PromptBox) -> QPlainTextEdit:
    found = box.findChild(QPlainTextEdit)
    assert found is not None
    return found


def test_enter_sends_and_shift_enter_does_not(box: PromptBox, qtbot: QtBot) -> None:
    editor = _editor(box)
    qtbot.keyClicks(editor, "one")
    qtbot.keyClick(editor, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    qtbot.keyClicks(editor, "two")
    with qtbot.waitSignal(box.sent) as told:
        qtbot.keyClick(editor, Qt.Key.Key_Return)
    assert told.args == ["one\ntwo"]


def test_nothing_is_sent_without_text_or_base(box: PromptBox, qtbot: QtBot) -> None:
    button = box.findChild(QPushButton)
    assert button is not None
    with qtbot.assertNotEmitted(box.sent):
        qtbot.keyClick(_editor(box), Qt.Key.Key_Return)
        box.set_text("   ")
        qtbot.keyClick(_editor(box), Qt.Key.Key_Return)
        box.set_text("hello")
        box.set_ready(False)
        qtbot.keyClick(_editor(box), Qt.Key.Key_Return)
    assert not button.isEnabled()


def test_while_streaming_the_button_stops(box: PromptBox, qtbot: QtBot) -> None:
    button = box.findChild(QPushButton)
    assert button is not None
    box.set_text("next question")
    box.set_streaming(True)
    with qtbot.assertNotEmitted(box.sent), qtbot.waitSignal(box.stop_wanted):
        qtbot.keyClick(_editor(box), Qt.Key.Key_Return)
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    with qtbot.waitSignal(box.stop_wanted):
        qtbot.keyClick(_editor(box), Qt.Key.Key_Escape)
    assert box.text == "next question"


@pytest.mark.parametrize("asked", ["Classify this document", f"{INSTRUCTION}\n"])
def test_a_file_whose_class_is_asked_is_shown_as_classifiers_learned_it(
    box: PromptBox, qtbot: QtBot, asked: str
) -> None:
    text = "GET /\n" * 400
    box.set_text(asked)
    box.attach(AttachedText("access.log", text))
    with qtbot.waitSignal(box.sent) as told:
        qtbot.keyClick(_editor(box), Qt.Key.Key_Return)
    assert told.args == [classification_prompt("access.log", text)]
    box.set_text(f"{asked} Why?")
    with qtbot.waitSignal(box.sent) as told:
        qtbot.keyClick(_editor(box), Qt.Key.Key_Return)
    assert "access.log:\n```\nGET /" in told.args[0]


def test_box_grows_with_its_lines_up_to_a_bound(box: PromptBox) -> None:
    least = _editor(box).height()
    box.set_text("\n".join("x" * 5))
    some = _editor(box).height()
    box.set_text("\n".join("x" * 100))
    assert least < some < _editor(box).height() < least * 6


def test_a_text_file_held_over_it_is_answered(box: PromptBox, tmp_path: Path) -> None:
    editor = _editor(box)
    before = editor.placeholderText()
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "notes.txt"))])
    copy, button = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    none = Qt.KeyboardModifier.NoModifier
    over = QDragEnterEvent(QPoint(5, 5), copy, data, button, none)
    QApplication.sendEvent(editor.viewport(), over)
    assert over.isAccepted()
    assert box.property("dropping") is True
    assert editor.placeholderText() != before
    QApplication.sendEvent(editor.viewport(), QDragLeaveEvent())
    assert box.property("dropping") is False
    assert editor.placeholderText() == before
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "some.expert"))])
    QApplication.sendEvent(
        editor.viewport(), QDragEnterEvent(QPoint(5, 5), copy, data, button, none)
    )
    assert box.property("dropping") is False, "a package is the window's to install"
