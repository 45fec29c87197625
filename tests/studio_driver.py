"""What a person does to the window, for tests that drive it. Knows the window's parts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QCheckBox, QPlainTextEdit, QWidget
from pytestqt.qtbot import QtBot

from expert_studio.app import Studio, load_engine_on_first_use
from expert_studio.core.inference.conversation import EngineFactory
from expert_studio.core.settings import Folders, bundled_experts_folder
from expert_studio.views.widgets.answer_view import AnswerView
from expert_studio.views.widgets.expert_row import ExpertRow

PATIENCE_MS = 120_000  # a bound for a stuck test, no measure of anything


@contextmanager
def with_six_experts(
    qapp: QApplication,
    qtbot: QtBot,
    data: Path,
    settings: Mapping[str, Any],
    factory: EngineFactory = load_engine_on_first_use,
) -> Iterator[Person]:
    """The window on a fresh data folder, with its base and the experts that come with it."""
    data.mkdir()
    (data / "settings.json").write_text(json.dumps(settings))
    studio = Studio(qapp, Folders(data), factory, bundled_experts_folder())
    studio.open()
    person = Person(studio, qtbot)
    try:
        person.until(lambda: studio.loaded_base() is not None)
        person.until(lambda: len(studio.chat_page.composer.rows) == 6)
        yield person
    finally:
        studio.window.close()
        studio.window.deleteLater()
        qapp.setStyleSheet("")


class Person:
    """Uses one open window."""

    def __init__(self, studio: Studio, qtbot: QtBot) -> None:
        self.studio = studio
        self._qtbot = qtbot

    def until(self, reached: Callable[[], bool]) -> None:
        self._qtbot.waitUntil(reached, timeout=PATIENCE_MS)

    def drop(self, paths: Iterable[Path], target: QWidget | None = None) -> None:
        """Drags files from outside onto a widget and lets go."""
        widget = target or self.studio.window
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
        middle = widget.rect().center()
        copy, button = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
        none = Qt.KeyboardModifier.NoModifier
        QApplication.sendEvent(widget, QDragEnterEvent(middle, copy, data, button, none))
        QApplication.sendEvent(widget, QDropEvent(QPointF(middle), copy, data, button, none))

    def install(self, paths: Iterable[Path]) -> None:
        """Drops packages nobody signed on the window and agrees to them."""
        self.drop(paths)
        page = self.studio.library_page
        self.until(lambda: page.sheet is not None)
        assert page.sheet is not None
        page.sheet.agree("unsigned")
        self._qtbot.mouseClick(page.sheet.install_button, Qt.MouseButton.LeftButton)
        self.until(lambda: page.sheet is None)
        self.take_keyboard()

    def take_keyboard(self) -> None:
        """A desktop gives it to the window that opens, and back when a dialog closes; without a
        screen, or with one that has no window manager, nobody does."""
        if not self.studio.window.isActiveWindow():
            self.studio.window.activateWindow()
            self.until(self.studio.window.isActiveWindow)

    def row(self, expert: str) -> ExpertRow:
        rows = self.studio.chat_page.composer.rows
        return next(row for row in rows if row.name == expert)

    def tick(self, expert: str) -> None:
        box = self.row(expert).findChild(QCheckBox)
        assert box is not None
        self._qtbot.mouseClick(box, Qt.MouseButton.LeftButton)

    def type_and_send(self, text: str) -> None:
        self.take_keyboard()
        editor = self.studio.chat_page.prompt.findChild(QPlainTextEdit)
        assert editor is not None
        for letter in text:
            self._qtbot.keyClicks(editor, letter)
            QApplication.processEvents()  # a person's keys come one by one
        self._qtbot.keyClick(editor, Qt.Key.Key_Return)

    def press_escape(self) -> None:
        self.take_keyboard()
        self._qtbot.keyClick(self.studio.window, Qt.Key.Key_Escape)

    @property
    def last_answer(self) -> AnswerView:
        return self.studio.chat_page.transcript.answers[-1]
