"""The whole window on a fake engine, as several tests of the chat page open it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from expert_studio.app import Studio
from expert_studio.core.settings import Folders
from tests.demonstration_experts import tiny_experts
from tests.fake_engine import FakeEngine, factory_of
from tests.studio_driver import Person
from tests.views.library_stage import Stage

Opened = Callable[[FakeEngine], Person]


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_experts(tmp_path_factory.mktemp("packages"))


@pytest.fixture
def stage(qtbot: QtBot, tmp_path: Path) -> Iterator[Stage]:
    """The Library page over an empty library, not yet shown."""
    made = Stage(qtbot, tmp_path / "library")
    yield made
    assert made.background.close()


@pytest.fixture
def opened(qapp: QApplication, qtbot: QtBot, tmp_path: Path, packages: Path) -> Iterator[Opened]:
    """Opens the whole window on a fake engine, past its first run; again on the same data."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "settings.json").write_text('{"first_run_done": true}')
    studios: list[Studio] = []

    def open_on(engine: FakeEngine) -> Person:
        studio = Studio(qapp, Folders(data), factory_of(engine), bundled_experts=packages)
        studios.append(studio)
        studio.open()
        person = Person(studio, qtbot)
        person.until(lambda: studio.loaded_base() is not None)
        person.until(lambda: len(studio.chat_page.composer.rows) == 3)
        person.take_keyboard()
        return person

    yield open_on
    for studio in studios:
        studio.close()
        studio.window.deleteLater()
    qapp.setStyleSheet("")
