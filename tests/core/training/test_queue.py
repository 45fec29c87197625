"""Runs that wait: who is next, one at a time, and a line that outlives its keeper."""

from __future__ import annotations

import time
from pathlib import Path

import psutil
import pytest

from expert_studio.core.errors import TrainingError
from expert_studio.core.experts.library import Library
from expert_studio.core.settings import Folders
from expert_studio.core.training import launch, queue
from expert_studio.core.training.events import Ended, EventLog, Launched, Started, Step
from expert_studio.core.training.run_folder import RunFolder
from tests.core.training import runs
from tests.expert_factory import installed_expert


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    runs.write_data(tmp_path, 30)
    return Folders(tmp_path)


def prepared(folders: Folders, name: str, **changes: object) -> RunFolder:
    recipe = runs.tiny_recipe(
        name=name,
        schedule={"max_steps": 2, "warmup_steps": 0},
        batches={"batch_size": 2, "max_length": 160},
        watching={"eval_rows": 0, "save_every": 2},
        **changes,
    )
    return launch.prepare(recipe, folders, folders.data)


def names(folders: Folders) -> list[str]:
    return [entry.run.recipe.name for entry in queue.waiting(folders.runs)]


def test_the_higher_priority_goes_first_then_who_came_first(folders: Folders) -> None:
    one, two, three = (prepared(folders, f"run-{name}") for name in ("one", "two", "three"))
    queue.enqueue(one)
    queue.enqueue(two)
    queue.enqueue(three, priority=5)
    assert names(folders) == ["run-three", "run-one", "run-two"]
    queue.enqueue(three, priority=-1)
    assert names(folders) == ["run-one", "run-two", "run-three"]
    assert queue.withdraw(one)
    assert not queue.withdraw(one)
    (queue.queue_folder(folders.runs) / "torn.json").write_text("{")
    (queue.queue_folder(folders.runs) / "gone.json").write_text('{"priority": 9, "at_s": 1}')
    assert names(folders) == ["run-two", "run-three"]
    assert queue.at_once(folders.runs) == 1
    queue.set_at_once(folders.runs, 3)
    assert queue.at_once(folders.runs) == 3


def test_a_run_that_goes_on_or_is_done_cannot_wait(folders: Folders) -> None:
    run = prepared(folders, "done-already")
    log = EventLog(run.events_path)
    log.append(Launched(time.time(), 0, 0))
    log.append(Ended(time.time(), "finished", 2, 1.0))
    with pytest.raises(TrainingError, match="it is finished"):
        queue.enqueue(run)
    with run.worker_lock():
        run.events_path.write_text("")
        EventLog(run.events_path).append(Launched(time.time(), 0, 0))
        with pytest.raises(TrainingError, match="it is running"):
            queue.enqueue(run)


def test_one_that_cannot_start_is_told_and_the_line_goes_on(folders: Folders) -> None:
    expert = installed_expert(Library(folders.library), "json-parser", version="2.0.0")
    run = prepared(folders, "orphan", dependencies=[{"name": "json-parser"}])
    expert.weights_path.unlink()
    queue.enqueue(run)
    assert queue.keep(folders.runs) == 0
    state = run.state()
    assert state.status == "failed"
    assert state.outcome is not None
    assert "removed or changed" in state.outcome.why
    assert names(folders) == []


@pytest.mark.long
def test_the_line_is_worked_off_one_after_the_other(folders: Folders) -> None:
    """The keeper is killed while the first run trains; woken again, it goes on with the next."""
    first, second = prepared(folders, "first"), prepared(folders, "second")
    queue.enqueue(second)
    queue.enqueue(first, priority=1)
    queue.wake(folders.runs)
    runs.until(lambda: bool(first.events()), "the first launch")
    keeper = next(
        process for process in psutil.Process().children() if "queue" in process.cmdline()
    )
    keeper.kill()
    keeper.wait()
    assert [event for event in second.events() if isinstance(event, Launched)] == []
    runs.until(lambda: not queue.is_kept(folders.runs), "the end of the keeper's lock")
    assert second.identifier in {entry.run.identifier for entry in queue.waiting(folders.runs)}
    queue.wake(folders.runs)
    runs.until(lambda: second.state().status == "finished", "the end of the second")
    assert first.state().status == "finished", first.log_path.read_text()
    runs.until(lambda: not queue.is_kept(folders.runs), "the keeper's end")
    started = next(e.at_s for e in second.events() if isinstance(e, Started))
    assert started > max(e.at_s for e in first.events() if isinstance(e, Step))
    assert names(folders) == []
