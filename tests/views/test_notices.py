"""Errors stay, messages go, the same sentence is said once, a defect can be copied."""

from __future__ import annotations

import itertools

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from expert_studio.core.errors import CrashReport, StorageError
from expert_studio.views.notices import MOST_AT_ONCE, Notices
from expert_studio.views.widgets.crash_dialog import CrashDialog

FULL = StorageError("Not saved.", "The disk is full.", "Free some space.")


@pytest.fixture
def notices(qtbot: QtBot) -> Notices:
    host = QWidget()
    host.resize(900, 600)
    qtbot.addWidget(host)
    host.show()
    return Notices(host)


def _button(parent: QWidget, text: str) -> QPushButton:
    return next(b for b in parent.findChildren(QPushButton) if b.text() == text)


def test_error_says_what_why_and_remedy_once(notices: Notices) -> None:
    notices.error(FULL)
    notices.error(FULL)
    assert [toast.sentences for toast in notices.toasts] == [
        ("Not saved.", "The disk is full.", "Free some space.")
    ]
    _button(notices.toasts[0], "Copy details").click()
    assert QGuiApplication.clipboard().text() == "Not saved.\nThe disk is full.\nFree some space."


def test_action_is_done_and_the_message_goes(notices: Notices) -> None:
    done: list[bool] = []
    notices.toast("Deleted.", "Undo", lambda: done.append(True))
    _button(notices.toasts[0], "Undo").click()
    assert done == [True]
    assert notices.toasts == ()


def test_at_most_four_stand_above_one_another(notices: Notices) -> None:
    for number in range(MOST_AT_ONCE + 2):
        notices.warn(f"warning {number}")
    shown = notices.toasts
    assert [toast.sentences[0] for toast in shown] == [f"warning {n}" for n in range(2, 6)]
    for upper, lower in itertools.pairwise(shown):
        assert upper.geometry().bottom() < lower.geometry().top()


def test_defects_share_one_dialog_that_can_be_copied(notices: Notices, qtbot: QtBot) -> None:
    notices.crash(CrashReport("ValueError: one", "trace one", "answering"))
    notices.crash(CrashReport("KeyError: two", "trace two", "loading"))
    dialog = QApplication.activeModalWidget()
    assert isinstance(dialog, CrashDialog)
    _button(dialog, "Copy report").click()
    copied = QGuiApplication.clipboard().text()
    assert "ValueError: one" in copied
    assert "KeyError: two" in copied
    assert "Qt 6" in copied
    dialog.accept()
    qtbot.waitUntil(lambda: QApplication.activeModalWidget() is None)


def test_question_does_nothing_until_accepted(notices: Notices, qtbot: QtBot) -> None:
    done: list[bool] = []
    box = notices.ask("Uninstall?", "It cannot be undone.", "Uninstall", lambda: done.append(True))
    box.reject()
    assert done == []
    box = notices.ask("Uninstall?", "It cannot be undone.", "Uninstall", lambda: done.append(True))
    next(b for b in box.buttons() if b.text() == "Uninstall").click()
    assert done == [True]
