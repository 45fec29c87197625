"""The buttons of the Training page that other journeys do not press, in the real window.

Queue, take out of the queue, pause, resume, retry with less memory, evaluate, report.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QLabel, QWidget

from expert_studio.core.training import launch, queue
from expert_studio.core.training.events import Ended, EventLog, Launched, Started
from expert_studio.core.training.measured_memory import measured
from expert_studio.core.training.recipe import Recipe
from expert_studio.core.training.run_folder import RunFolder, list_runs
from tests.core.training import runs
from tests.journeys.training_stage import Stage
from tests.synthetic_runs import write_run


def told(widget: QWidget) -> str:
    """Every word that stands in it."""
    return " ".join(label.text() for label in widget.findChildren(QLabel))


def shown(stage: Stage) -> tuple[str, str]:
    """The run whose state is on screen, and that state."""
    portraits = stage.studio.train_page.view.portraits
    return (portraits[0].glance.identifier, portraits[0].glance.status) if portraits else ("", "")


def opened(stage: Stage, run: RunFolder) -> None:
    page = stage.studio.train_page
    page.process.look()
    stage.until(lambda: run.identifier in page.home.rows)
    page.home.rows[run.identifier].opened.emit()
    stage.until(lambda: bool(page.view.portraits))


def test_a_run_that_had_no_room_is_retried_scored_and_reported(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = stage.folders.data
    home.mkdir(parents=True, exist_ok=True)
    runs.write_data(home)
    recipe = runs.tiny_recipe(
        schedule={"max_steps": 3, "learning_rate": 0.01, "warmup_steps": 0},
        watching={"eval_rows": 0, "save_every": 3},
    )
    run = launch.prepare(recipe, stage.folders, home, estimated_bytes=1 << 30)
    log = EventLog(run.events_path)
    log.append(Launched(time.time(), 0, 0))
    no_room = ("The training ran out of memory.", "", "Set batch_size to 2.")
    log.append(Ended(time.time(), "failed", 0, 1.0, *no_room))
    opened(stage, run)
    view = stage.studio.train_page.view
    assert "ran out of memory" in view.problem

    stage.press(view.buttons["retry"])
    stage.until(lambda: stage.status == "running")
    assert (run.recipe.batches.batch_size, run.recipe.batches.accumulation) == (2, 2)
    stage.until(lambda: stage.status == "finished")
    assert [step.step for step in runs.steps(run)] == [1, 2, 3]
    (noted,) = measured(stage.folders.runs)
    assert noted.run == run.identifier

    assert not view.buttons["report"].isVisible()
    stage.press(view.buttons["evaluate"])
    stage.until(view.buttons["report"].isVisible)
    stage.until(lambda: "base alone" in told(view.side))
    asked: list[QUrl] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", asked.append)  # the desktop's own program
    stage.press(view.buttons["report"])
    assert [Path(url.toLocalFile()).name for url in asked] == ["report.html"]
    page = Path(asked[0].toLocalFile()).read_text(encoding="utf-8")
    assert "<svg" in page
    assert "tiny-json" in page
    told_by = json.loads((run.path / "report" / "report.json").read_text(encoding="utf-8"))
    assert told_by["metrics"][0]["n"] == 6
    stage.until(lambda: not stage.studio.background.busy)


def test_runs_wait_by_priority_and_are_taken_out(stage: Stage) -> None:
    """A run of somebody else goes on, so that the line stands still."""
    stage.made_dataset("my-rows", 40)
    other = write_run(stage.folders.runs, "other-run", 10, 40)
    lock = other.worker_lock()
    lock.acquire()
    page = stage.studio.train_page
    waiting = []
    for priority in (0, 5):
        page.begin_wizard()
        wizard = page.wizard
        for path, value in (("device", "cpu"), ("schedule.max_steps", 2)):
            wizard.set_value(path, value)
        stage.until(lambda: wizard.ready)  # noqa: B023 - asked at once
        wizard.priority.setValue(priority)
        stage.press(wizard.queue)
        there = len(waiting) + 2
        stage.until(lambda: len(list_runs(stage.folders.runs)) == there)  # noqa: B023
        stage.until(lambda: page.opened not in ("", *waiting))
        stage.until(lambda: shown(stage) == (page.opened, "queued"))
        waiting.append(page.opened)
    line = [entry.run.identifier for entry in queue.waiting(stage.folders.runs)]
    assert line == waiting[::-1]  # the later one has the higher priority
    stage.until(lambda: queue.is_kept(stage.folders.runs))
    for identifier in waiting:
        page.open(identifier)
        stage.until(lambda: shown(stage) == (page.opened, "queued"))
        stage.press(page.view.buttons["unqueue"])
        stage.until(lambda: shown(stage) == (page.opened, "ready"))
    assert not queue.waiting(stage.folders.runs)
    stage.until(lambda: not queue.is_kept(stage.folders.runs))
    lock.release()


def test_a_run_is_paused_and_goes_on(stage: Stage) -> None:
    home = stage.folders.data
    home.mkdir(parents=True, exist_ok=True)
    runs.write_data(home)
    run = launch.start(_endless(), stage.folders, home)
    opened(stage, run)
    view = stage.studio.train_page.view
    stage.until(lambda: stage.step >= 2)
    stage.press(view.buttons["pause"])
    stage.until(lambda: stage.status == "paused")
    waits_at = stage.step
    assert run.checkpoint() == run.checkpoints_folder / f"checkpoint-{waits_at}"
    assert view.buttons["stop"].isVisible()
    stage.press(view.buttons["resume"])
    stage.until(lambda: stage.step > waits_at)
    stage.press(view.buttons["pause"])
    stage.until(lambda: stage.status == "paused")
    stage.press(view.buttons["stop"])
    stage.until(lambda: stage.status == "stopped")
    started = [event for event in run.events() if isinstance(event, Started)]
    assert len(started) == 1  # one process all the while
    assert [step.step for step in runs.steps(run)] == list(range(1, stage.step + 1))


def _endless() -> Recipe:
    return runs.tiny_recipe(
        schedule={"max_steps": 4000, "learning_rate": 1e-3},
        watching={"eval_rows": 2, "eval_every": 4000, "save_every": 4000},
    )
