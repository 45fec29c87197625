"""The six for another base: offered where they do not fit, followed, stopped, gone on with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMainWindow
from pytestqt.qtbot import QtBot

from expert_studio.core.errors import TrainingError
from expert_studio.core.experts.library import Library
from expert_studio.core.settings import Folders
from expert_studio.core.training.official_build import (
    BuildNotes,
    place_of,
    read_build,
    start_build,
    stop_build,
)
from expert_studio.core.training.official_plan import Built, write_built
from expert_studio.core.training.run_folder import list_runs
from expert_studio.runtime.background import Background
from expert_studio.views.notices import Notices
from expert_studio.views.pages.train_page import TrainPage
from expert_studio.views.widgets.official_card import OfficialCard
from tests.core.inference.random_bases import SMALL, write_base

SIX = (
    "document-classifier",
    "english-basic",
    "json-parser",
    "neo4j-cypher",
    "python-code",
    "rust-code",
)
WAIT_MS = 120_000


class Stage:
    """A window with the Training page, and the base that the settings would name."""

    def __init__(self, qtbot: QtBot, folder: Path) -> None:
        self.qtbot = qtbot
        self.folders = Folders(folder / "data")
        self.base: Path | None = folder / "Small-64"
        self.background = Background()
        self.window = QMainWindow()
        qtbot.addWidget(self.window)
        self.page = TrainPage(
            self.folders,
            Library(self.folders.library),
            self.background,
            Notices(self.window),
            chosen_base=lambda: self.base,
        )
        self.window.setCentralWidget(self.page)
        self.window.resize(1096, 770)

    @property
    def card(self) -> OfficialCard:
        return self.page.home.official

    @property
    def place(self) -> Path:
        assert self.base is not None
        return place_of(self.base, self.folders)

    def until(self, reached: Callable[[], bool]) -> None:
        self.qtbot.waitUntil(reached, timeout=WAIT_MS)

    def close(self) -> None:
        assert self.page.close_all()
        assert self.background.close()
        self.window.close()


@pytest.fixture
def stage(qtbot: QtBot, tmp_path: Path) -> Iterator[Stage]:
    made = Stage(qtbot, tmp_path)
    yield made
    made.close()


def test_they_are_not_offered_for_the_base_they_ship_for(stage: Stage) -> None:
    stage.base = stage.folders.bundled_base
    stage.window.show()
    assert not stage.card.isVisible()
    assert stage.page.official.state is None


def test_they_are_offered_for_another(stage: Stage) -> None:
    stage.window.show()
    stage.until(stage.card.isVisible)
    assert "made for another base" in stage.card.words
    assert stage.card.start.isVisible()
    assert not stage.card.stop.isVisible()
    stage.base = stage.folders.bundled_base  # another one is chosen in the settings
    stage.window.hide()
    stage.window.show()
    assert not stage.card.isVisible()


def test_it_is_followed_to_its_end(stage: Stage) -> None:
    stage.window.show()
    notes, made = BuildNotes(stage.place, SIX), []
    stage.page.official.made.connect(made.append)
    with notes.held():
        notes.at("training", "json-parser", "json-parser-1")
        stage.until(lambda: "Training json-parser, 3 of 6. 0 of 6 are made." in stage.card.words)
        assert stage.card.stop.isVisible()
        with pytest.raises(TrainingError, match="already"):
            start_build(Path(stage.place.name), stage.folders)
        for name in SIX:
            write_built(stage.place / "records", name, Built("key", (), f"{name}.expert"))
        notes.at("packing", "rust-code")
        stage.until(lambda: "6 of 6" in stage.card.words)
    stage.until(lambda: not stage.card.isVisible())
    assert sorted(made) == sorted(SIX)


def test_how_it_failed_stands_on_the_card(stage: Stage) -> None:
    stage.window.show()
    notes = BuildNotes(stage.place, SIX)
    with pytest.raises(TrainingError):
        _fail(notes)
    stage.until(lambda: stage.card.start.text() == "Try again")
    assert "It ran out of memory. 8 GB are too few. Close the chat." in stage.card.words


def _fail(notes: BuildNotes) -> None:
    with notes.held():
        notes.at("training", "json-parser")
        raise TrainingError("It ran out of memory.", "8 GB are too few.", "Close the chat.")


def test_a_stop_is_for_the_build_that_goes_on_alone(stage: Stage) -> None:
    assert stage.base is not None
    notes = BuildNotes(stage.place, SIX)
    with notes.held():
        notes.at("scoring", "json-parser")
        stop_build(stage.base, stage.folders)
        notes.at("packing", "json-parser")
        pytest.fail("it went on")
    assert read_build(stage.place, SIX).stage == "stopped"
    with notes.held():  # by a command, which no button began
        notes.at("packing", "json-parser")
    assert read_build(stage.place, SIX).stage == "finished"


def test_a_process_that_died_counts_as_stopped(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("expert_studio.core.training.official_build.STARTING_S", 0.0)
    stage.place.mkdir(parents=True)
    notes = BuildNotes(stage.place, SIX)
    notes.at("scoring", "json-parser")  # and nobody holds it
    stage.window.show()
    stage.until(lambda: stage.card.start.text() == "Go on")


@pytest.mark.long
def test_the_process_is_started_and_stopped_by_the_buttons(stage: Stage) -> None:
    """The six themselves, on a tiny random base, as far as the first steps of the first."""
    assert stage.base is not None
    write_base(stage.base, SMALL | {"max_position_embeddings": 2048})
    stage.window.show()
    stage.page.start()
    stage.until(stage.card.isVisible)
    stage.qtbot.mouseClick(stage.card.start, Qt.MouseButton.LeftButton)
    stage.until(lambda: "Training json-parser, 1 of 6" in stage.card.words)
    stage.until(lambda: any(g.pace.step > 2 for g in stage.page.process.glances))
    (run,) = list_runs(stage.folders.runs)
    assert run.recipe.version == "2.0.0+small-64"
    stage.qtbot.mouseClick(stage.card.stop, Qt.MouseButton.LeftButton)
    stage.until(lambda: "Stopped. 0 of 6 are made." in stage.card.words)
    assert run.state().status == "stopped"
    step = run.state().step
    stage.qtbot.mouseClick(stage.card.start, Qt.MouseButton.LeftButton)
    stage.until(lambda: stage.page.process.glances[0].pace.step > step)
    stage.qtbot.mouseClick(stage.card.stop, Qt.MouseButton.LeftButton)
    stage.until(lambda: "Stopped." in stage.card.words and run.state().status == "stopped")
