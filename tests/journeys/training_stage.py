"""One data folder and the real window on it, for journeys of the Training page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QMessageBox, QPushButton
from pytestqt.qtbot import QtBot

from expert_studio.app import Studio
from expert_studio.core.datasets.offline_json import rows as json_rows
from expert_studio.core.datasets.store_folder import DatasetFolders
from expert_studio.core.datasets.store_intake import NewRow
from expert_studio.core.settings import Folders
from expert_studio.core.training.run_folder import RunFolder, list_runs

LONG_MS = 600_000  # a bound for a stuck test


class Stage:
    """One data folder, and windows that are opened on it."""

    def __init__(self, application: QApplication, qtbot: QtBot, home: Path) -> None:
        self._application = application
        self._qtbot = qtbot
        self._nothing = home / "nothing"
        self._nothing.mkdir()
        self.folders = Folders(home / "data")
        self.folders.data.mkdir(parents=True)
        (self.folders.data / "settings.json").write_text('{"tour_done": true}')  # it shows the chat
        self.studio = self.opened()

    def opened(self) -> Studio:
        self.studio = Studio(self._application, self.folders, bundled_experts=self._nothing)
        self.studio.open()
        self.studio.window.show_page("train")
        return self.studio

    def close(self) -> None:
        """Closes the window, and agrees where it says what becomes of a run that goes on."""
        self.studio.window.close()
        question = self.studio._closing.question
        if question is not None:
            accept = QMessageBox.ButtonRole.AcceptRole
            next(b for b in question.buttons() if question.buttonRole(b) is accept).click()
        self.studio.window.deleteLater()
        self._application.setStyleSheet("")

    def until(self, reached: Callable[[], bool]) -> None:
        self._qtbot.waitUntil(reached, timeout=LONG_MS)

    def press(self, button: QPushButton) -> None:
        self.until(lambda: button.isVisible() and button.isEnabled())
        self._qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    def made_dataset(self, name: str, count: int) -> None:
        made = json_rows(count, 3, False, {"extract": 1.0})
        with DatasetFolders(self.folders.datasets).create(name) as store:
            list(store.append_many(NewRow(row, state="accepted") for row in made))

    @property
    def run(self) -> RunFolder:
        return list_runs(self.folders.runs)[0]

    @property
    def step(self) -> int:
        portraits = self.studio.train_page.view.portraits
        return portraits[0].glance.pace.step if portraits else 0

    @property
    def status(self) -> str:
        portraits = self.studio.train_page.view.portraits
        return portraits[0].glance.status if portraits else ""

    def drawn(self) -> dict[str, tuple[object, object]]:
        """The loss curves on screen."""
        return {
            line.label: (line.measured.steps, line.measured.values)
            for line in self.studio.train_page.view.curves.chart.lines
        }
