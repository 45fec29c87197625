"""From rows to an expert one can chat with, in the real window, on the real bundled base.

Rows are made, the wizard's run is stopped and resumed, the window is closed while it goes
on and opened again. The version with 300 rows and 60 steps is marked `long`.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass

import pytest
from PySide6.QtWidgets import QPushButton
from pytestqt.qtbot import QtBot

from expert_studio.core.training import launch
from expert_studio.core.training.events import Launched, Started, Step
from expert_studio.core.training.recipe import read_recipe
from expert_studio.core.training.report import page_of
from expert_studio.runtime.event_loop_watch import EventLoopWatch
from tests.journeys.training_stage import Stage


@dataclass(frozen=True, slots=True)
class Size:
    rows: int
    steps: int
    stop_at: int


@pytest.mark.parametrize(
    "size",
    [Size(80, 12, 5), pytest.param(Size(300, 60, 30), marks=pytest.mark.long)],
    ids=["short", "300 rows, 60 steps"],
)
def test_rows_become_an_expert_one_can_chat_with(
    stage: Stage, qtbot: QtBot, size: Size, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.made_dataset("my-rows", size.rows)
    studio = stage.studio
    page, wizard, view = studio.train_page, studio.train_page.wizard, studio.train_page.view
    stage.until(lambda: studio.loaded_base() is not None)
    watch = EventLoopWatch(studio)
    watch.start()
    watch.enter("wizard")
    first = page.findChild(QPushButton, "first run")
    assert first is not None
    stage.press(first)
    wizard.go_to(1)
    for path, value in (
        ("schedule.max_steps", size.steps),
        ("adapter.r", 4),
        ("batches.batch_size", 4),
        ("batches.max_length", 160),
        ("watching.eval_every", 4),
        ("watching.eval_rows", 6),
        ("watching.save_every", 100),
        ("watching.sample_every", 0),
        ("precision", "fp32"),
        ("quantization", "fp32"),
        ("device", "cpu"),
    ):
        wizard.set_value(path, value)
    stage.until(lambda: wizard.ready)
    assert wizard.name.text() == "my-rows"
    assert "<|im_start|>" in wizard.source.rendered.text
    watch.enter("running")
    stage.press(wizard.start)
    stage.until(lambda: bool(page.opened))

    stage.until(lambda: stage.step >= size.stop_at)
    stage.press(view.buttons["stop"])
    stage.until(lambda: stage.status == "stopped")
    stopped_at = stage.step
    assert size.stop_at <= stopped_at < size.steps
    assert stage.run.path.name == page.opened

    stage.press(view.buttons["resume"])
    stage.until(lambda: stage.step > stopped_at and stage.status == "running")
    watch.enter("closed during the run, and opened again")
    watch.stop()
    stage.close()
    assert stage.run.is_alive()
    studio = stage.opened()
    page, view = studio.train_page, studio.train_page.view
    stage.until(lambda: bool(page.home.rows))
    page.home.rows[stage.run.identifier].opened.emit()
    stage.until(lambda: stage.status == "finished")

    told = [event for event in stage.run.events() if isinstance(event, Step | Launched | Started)]
    resumed = max(i for i, event in enumerate(told) if isinstance(event, Launched))
    after = [event.step for event in told[resumed:] if isinstance(event, Step)]
    assert after == list(range(stopped_at + 1, size.steps + 1))
    losses = {event.step: event.loss for event in told if isinstance(event, Step)}
    assert stage.drawn()["train"] == (tuple(losses), tuple(losses.values()))
    if size.steps > 12:
        _assert_equal_to_an_unbroken_run(stage, losses)

    stage.until(lambda: studio.loaded_base() is not None)
    if size.steps > 12:
        stage.press(view.buttons["evaluate"])
        stage.until(view.buttons["report"].isVisible)
        assert page_of(stage.run).is_file()
    stage.press(view.buttons["install"])
    stage.until(view.buttons["chat"].isVisible)
    assert studio.library.find("my-rows").version == "0.1.0"
    stage.press(view.buttons["chat"])
    stage.until(lambda: "my-rows" in {row.name for row in studio.chat_page.composer.rows})
    assert studio.window.page == "chat"
    if size.steps > 12:
        studio.chat_page.prompt.sent.emit("Extract name as JSON: Maria lives in Porto.")
        stage.until(lambda: bool(studio.dialogue.turns) and not studio.dialogue.busy)
        assert studio.dialogue.turns[-1].text
    stage.until(lambda: not studio.background.busy and not studio.database_lane.busy)
    with capsys.disabled():
        for gap in watch.longest():
            print(f"\n  {size.steps} steps, {gap.phase}: longest gap {gap.gap_ms:.0f} ms", end="")


def _assert_equal_to_an_unbroken_run(stage: Stage, losses: dict[int, float]) -> None:
    """The recipe the wizard wrote, by the command line's way, to the letter."""
    recipe = next((stage.folders.data / "recipes").glob("*/recipe.json"))
    again = launch.start(read_recipe(recipe), stage.folders, recipe.parent)
    stage.until(lambda: not again.is_alive())
    unbroken = {e.step: e.loss for e in again.events() if isinstance(e, Step)}
    assert unbroken == losses
    shutil.rmtree(again.path)
