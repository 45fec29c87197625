"""The Training page as a whole: the list, failures, the wizard's word, deletion and undo."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QMainWindow, QPushButton, QSystemTrayIcon, QWidget
from pytestqt.qtbot import QtBot

from expert_studio.core.datasets.examples import Example, Turn
from expert_studio.core.datasets.store_folder import DatasetFolders
from expert_studio.core.datasets.store_intake import NewRow
from expert_studio.core.experts.library import Library
from expert_studio.core.settings import Folders
from expert_studio.core.training import queue
from expert_studio.core.training.data_source import DataSource
from expert_studio.core.training.order import place_order
from expert_studio.core.training.recipe import read_recipe
from expert_studio.core.training.run_folder import RunFolder, list_runs
from expert_studio.runtime.background import Background
from expert_studio.views.notices import Notices
from expert_studio.views.pages.train_page import TrainPage
from expert_studio.views.widgets.training_fields import from_text, sections, shape_of
from tests.core.training.runs import write_data
from tests.synthetic_runs import append, step_lines, write_run

WAIT_MS = 60_000
OUT_OF_MEMORY = (
    "The training ran out of memory.",
    "",
    "Set batch_size to 4 and accumulation to 2: the same steps with half the memory.",
)


class Stage:
    """A window with the page in it."""

    def __init__(self, qtbot: QtBot, data: Path) -> None:
        self.qtbot = qtbot
        self.folders = Folders(data)
        self.background = Background()
        self.window = QMainWindow()
        qtbot.addWidget(self.window)
        self.notices = Notices(self.window)
        self.page = TrainPage(
            self.folders, Library(self.folders.library), self.background, self.notices
        )
        self.window.setCentralWidget(self.page)
        self.window.resize(1096, 770)

    def open(self) -> None:
        self.window.show()
        self.page.start()

    def until(self, reached: Callable[[], bool]) -> None:
        self.qtbot.waitUntil(reached, timeout=WAIT_MS)

    def show_run(self, run: RunFolder) -> None:
        page = self.page
        self.until(lambda: run.identifier in page.home.rows)
        page.open(run.identifier)
        self.until(lambda: bool(page.view.portraits))

    def told(self) -> str:
        return " ".join(part for toast in self.notices.toasts for part in toast.sentences)

    def press_in_toast(self, text: str) -> None:
        for toast in self.notices.toasts:
            for button in toast.findChildren(QPushButton):
                if button.text() == text:
                    button.click()
                    return
        raise AssertionError(f"no toast offers {text!r}: {self.told()}")


@pytest.fixture
def stage(qtbot: QtBot, tmp_path: Path) -> Iterator[Stage]:
    made = Stage(qtbot, tmp_path / "data")
    yield made
    for toast in made.notices.toasts:
        toast.dismiss()
    made.until(lambda: not made.background.busy)
    assert made.page.close_all()
    assert made.background.close()


def test_an_empty_page_says_what_to_do_and_leads_to_the_wizard(stage: Stage) -> None:
    stage.open()
    first = stage.page.findChild(QPushButton, "first run")
    assert first is not None
    assert first.isVisible()
    stage.qtbot.mouseClick(first, Qt.MouseButton.LeftButton)
    assert stage.page.wizard.isVisible()
    assert not stage.page.wizard.ready
    assert stage.page.wizard.fault == "Choose the rows to learn from."
    stage.page.wizard.leave()
    assert stage.page.home.isVisible()


def test_each_state_is_told_and_a_run_grows_while_it_is_looked_at(stage: Stage) -> None:
    runs = stage.folders.runs
    finished = write_run(runs, "first-one", 40, 40, "finished")
    lost = write_run(runs, "lost-one", 20, 40)
    live = write_run(runs, "live-one", 10, 40)
    waits = write_run(runs, "waits-one", 5, 40, "stopped")
    queue.enqueue(waits)
    lock = live.worker_lock()
    lock.acquire()
    stage.open()
    page = stage.page
    stage.until(lambda: len(page.home.rows) == 4)
    assert {g.identifier: g.status for g in page.process.glances} == {
        finished.identifier: "finished",
        lost.identifier: "lost",
        live.identifier: "running",
        waits.identifier: "queued",
    }
    stage.show_run(live)
    assert page.view.figure("step") == "10 / 40"
    assert page.view.buttons["stop"].isVisible()
    append(live, step_lines(live, 12, 40, 11))
    stage.until(lambda: page.view.figure("step") == "12 / 40")
    lock.release()
    stage.until(lambda: "without a word" in page.view.problem)
    assert page.view.buttons["resume"].isVisible()


@dataclass
class Desktop:
    """The desktop's own notifications, as far as they are asked of it."""

    shown: list[tuple[str, str]] = field(default_factory=list)


@pytest.fixture
def desktop(monkeypatch: pytest.MonkeyPatch) -> Desktop:
    """A desktop that has them: this machine has no screen."""
    made = Desktop()
    monkeypatch.setattr(QSystemTrayIcon, "isSystemTrayAvailable", lambda: True)
    monkeypatch.setattr(QSystemTrayIcon, "supportsMessages", lambda: True)
    monkeypatch.setattr(QSystemTrayIcon, "show", lambda _: None)
    monkeypatch.setattr(
        QSystemTrayIcon,
        "showMessage",
        lambda _, title, text, _icon, _ms: made.shown.append((title, text)),
    )
    return made


def test_the_end_of_a_run_is_told_by_the_desktop_where_nobody_looks_at_the_window(
    stage: Stage, desktop: Desktop
) -> None:
    runs = stage.folders.runs
    made = [write_run(runs, name, 10, 12) for name in ("first-one", "second-one")]
    locks = [run.worker_lock() for run in made]
    for lock in locks:
        lock.acquire()
    stage.open()
    stage.window.activateWindow()
    stage.until(stage.window.isActiveWindow)
    stage.until(lambda: {g.status for g in stage.page.process.glances} == {"running"})
    _end(made[0])
    stage.until(lambda: "first-one: finished. 12 of 12 steps." in stage.told())
    assert desktop.shown == []  # the window itself said so
    other = QWidget()
    stage.qtbot.addWidget(other)
    other.show()
    other.activateWindow()
    stage.until(lambda: not stage.window.isActiveWindow())
    _end(made[1])
    stage.until(lambda: bool(desktop.shown))
    assert desktop.shown == [("second-one: finished", "12 of 12 steps")]
    for lock in locks:
        lock.release()


def _end(run: RunFolder) -> None:
    ended = {"kind": "ended", "at_s": 2.0, "outcome": "finished", "step": 12, "session_s": 1.0}
    append(run, [*step_lines(run, 12, 12, 11), ended])


def test_a_run_without_room_offers_smaller_settings(stage: Stage) -> None:
    run = write_run(stage.folders.runs, "too-big", 3, 40, "failed", failure=OUT_OF_MEMORY)
    stage.open()
    stage.show_run(run)
    view = stage.page.view
    assert view.buttons["retry"].isVisible()
    assert view.buttons["retry"].property("role") == "primary"
    assert "Set batch_size to 4" in view.problem


def test_what_it_answered_on_the_way_is_shown_and_what_was_asked(stage: Stage) -> None:
    run = write_run(stage.folders.runs, "asked-one", 20, 40, "finished")
    scored = {"kind": "scored", "at_s": 1.0, "step": 20, "metric": "json_valid", "score": 0.75,
              "rows": 4}  # fmt: skip
    said = {"kind": "sampled", "at_s": 1.0, "step": 20, "prompt": "Who?", "answer": "Ann it is"}
    append(run, [scored, said])
    stage.open()
    stage.show_run(run)
    labels = lambda: [label.text() for label in stage.page.view.side.findChildren(QLabel)]  # noqa: E731
    assert "Scores on the way" in labels()
    assert "Ann it is" in labels()
    append(run, [{**scored, "own_tests": True}])
    stage.until(lambda: "Its own tests" in labels())
    assert stage.page.view.curves.small["score"].isVisible()


def test_what_a_resumed_run_goes_back_over_is_drawn_once(stage: Stage) -> None:
    run = write_run(stage.folders.runs, "resumed", 20, 40)
    again = {
        "kind": "started", "at_s": 1.0, "device": "cpu", "device_name": "CPU", "precision": "fp32",
        "total_steps": 40, "from_step": 10, "train_rows": 1, "eval_rows": 1, "dropped_rows": 0,
        "trainable_parameters": 1, "versions": {}, "preparation_s": 0.1,
    }  # fmt: skip
    launched = {"kind": "launched", "at_s": 1.0, "pid": 0, "resumed_from_step": 10}
    append(run, [launched, again, *step_lines(run, 15, 40, 11, seed=9)])
    stage.open()
    stage.show_run(run)
    line = stage.page.view.curves.chart.lines[0]
    assert line.measured.steps == tuple(range(1, 16))


def test_several_runs_share_a_chart_with_a_legend(stage: Stage) -> None:
    made = [write_run(stage.folders.runs, name, 60, 60, "finished") for name in ("one-a", "two-b")]
    stage.open()
    page = stage.page
    stage.until(lambda: len(page.home.rows) == 2)
    for run in made:
        page.home.rows[run.identifier].tick.click()
    page.home.compare.click()
    stage.until(lambda: len(page.view.portraits) == 2)
    assert {"one-a", "two-b", "eval"} == set(page.view.curves.legend.names)
    colours = {line.label: line.colour for line in page.view.curves.chart.lines}
    assert colours["one-a"] != colours["two-b"]
    page.view.curves.choose("learning_rate")
    assert [line.label for line in page.view.curves.chart.lines] == list(
        page.view.curves.legend.names
    )


def test_a_deleted_run_comes_back(stage: Stage) -> None:
    run = write_run(stage.folders.runs, "gone-soon", 5, 5, "finished")
    stage.open()
    stage.show_run(run)
    stage.page.view.wanted.emit("delete")
    stage.until(lambda: "was deleted" in stage.told())
    assert not run.path.exists()
    assert not list_runs(stage.folders.runs)
    stage.press_in_toast("Undo")
    stage.until(lambda: run.identifier in stage.page.home.rows and run.path.exists())


def test_a_run_that_goes_on_is_not_deleted(stage: Stage) -> None:
    run = write_run(stage.folders.runs, "still-going", 5, 50)
    lock = run.worker_lock()
    lock.acquire()
    stage.open()
    stage.show_run(run)
    stage.page.view.wanted.emit("delete")
    stage.until(lambda: "still going on" in stage.told())
    assert run.path.exists()
    lock.release()


def test_the_wizard_checks_what_it_is_told_and_shows_the_row_as_the_model_meets_it(
    stage: Stage,
) -> None:
    _made_dataset(stage, "My rows".lower().replace(" ", "-"))
    stage.open()
    stage.page.begin_wizard()
    wizard = stage.page.wizard
    stage.until(lambda: wizard.ready)
    assert wizard.recipe["name"] == "my-rows"
    assert "<|im_start|>" in wizard.source.rendered.text
    assert "Answer 0" in wizard.source.rendered.text
    wizard.go_to(2)
    wizard.set_value("schedule.learning_rate", 7)
    assert "learning_rate" in wizard.fault
    assert not wizard.ready
    wizard.set_value("schedule.learning_rate", 1e-3)
    wizard.set_value("method", "dpo")
    assert "pairs" in wizard.fault
    wizard.set_value("method", "sft")
    wizard.set_value("adapter.kind", "soft_prompt")
    assert wizard.ready
    assert not wizard.common.controls["adapter.r"].isEnabled()
    assert wizard.common.controls["adapter.soft_tokens"].isEnabled()


def test_a_file_that_holds_no_rows_is_refused_with_its_line(stage: Stage, tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text("not json\n", encoding="utf-8")
    stage.open()
    stage.page.begin_wizard()
    stage.page.wizard.source.choose_file(bad)
    stage.until(lambda: "Line 1 of bad.jsonl" in stage.page.wizard.fault)
    assert not stage.page.wizard.ready


def test_an_order_is_a_recipe_that_can_be_repeated(tmp_path: Path) -> None:
    write_data(tmp_path)
    folders = Folders(tmp_path / "data")
    said = {"name": "from-file", "seed": 5}
    path = place_order(said, (DataSource("file", str(tmp_path / "rows.jsonl")),), folders)
    recipe = read_recipe(path)
    assert recipe.seed == 5
    assert recipe.datasets[0].sha256
    assert (path.parent / recipe.datasets[0].path).read_bytes() == (
        tmp_path / "rows.jsonl"
    ).read_bytes()
    assert str(tmp_path) not in path.read_text(encoding="utf-8")


def test_an_order_takes_its_tests_along(tmp_path: Path) -> None:
    write_data(tmp_path)
    tests = tmp_path / "some.json"
    tests.write_text('[{"prompt": "Who?", "expected": "Ann"}]', encoding="utf-8")
    said = {"name": "from-file", "watching": {"test_every": 2, "test_cases": str(tests)}}
    sources = (DataSource("file", str(tmp_path / "rows.jsonl")),)
    path = place_order(said, sources, Folders(tmp_path / "data"))
    assert read_recipe(path).watching.test_cases == "tests/test_cases.json"
    assert (path.parent / "tests" / "test_cases.json").read_bytes() == tests.read_bytes()


def test_every_field_of_a_recipe_has_a_control_that_reads_what_it_shows() -> None:
    paths = [path for section in sections().values() for path in section]
    assert "schedule.max_steps" in paths
    assert len(paths) > 40
    for path in paths:
        assert shape_of(path)
    assert from_text("schedule.max_steps", "") is None
    assert from_text("schedule.max_steps", "60") == 60
    assert from_text("schedule.learning_rate", "1e-3") == 1e-3
    assert from_text("schedule.learning_rate", "fast") == "fast"
    assert from_text("adapter.target_modules", "q_proj, v_proj") == ["q_proj", "v_proj"]
    assert from_text("card.prompts", "One, two | Three") == ["One, two", "Three"]


def test_a_clone_begins_with_the_settings_of_its_run(stage: Stage) -> None:
    run = write_run(stage.folders.runs, "model-run", 5, 5, "finished", seed=1)
    told = json.loads(run.recipe_path.read_text(encoding="utf-8"))
    stage.open()
    stage.show_run(run)
    stage.page.view.wanted.emit("clone")
    stage.until(stage.page.wizard.isVisible)
    assert stage.page.wizard.recipe["adapter"] == told["adapter"]
    assert stage.page.wizard.name.text() == "model-run"


def _made_dataset(stage: Stage, name: str) -> None:
    rows = (
        NewRow(
            Example((Turn("user", f"Question {at}?"), Turn("assistant", f"Answer {at}"))),
            state="accepted",
        )
        for at in range(30)
    )
    with DatasetFolders(stage.folders.datasets).create(name) as store:
        list(store.append_many(rows))
