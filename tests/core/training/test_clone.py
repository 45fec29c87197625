"""A run once more: cloned, changed, and retried with less when it had no room."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from expert_studio.core.errors import TrainingError
from expert_studio.core.settings import Folders
from expert_studio.core.training import launch, worker
from expert_studio.core.training.clone import clone, recipe_file, retry, what_to_change
from expert_studio.core.training.events import Ended, EventLog, Launched
from expert_studio.core.training.measured_memory import (
    note_peak,
    process_peak_bytes,
    usual_error,
)
from expert_studio.core.training.recipe import Recipe, read_recipe
from expert_studio.core.training.run_folder import RunFolder
from expert_studio.core.training.smaller import smaller
from tests.core.training import runs


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    runs.write_data(tmp_path)
    return Folders(tmp_path)


def with_batches(**batches: Any) -> Recipe:
    return runs.tiny_recipe(batches={"max_length": 160, **batches})


def test_a_clone_learns_from_the_same_rows_even_when_the_file_is_gone(folders: Folders) -> None:
    run = launch.prepare(runs.tiny_recipe(), folders, folders.data)
    (folders.data / "rows.jsonl").unlink()
    again = clone(run, folders)
    assert again.identifier != run.identifier
    assert again.recipe == run.recipe
    assert again.train_path.read_bytes() == run.train_path.read_bytes()
    assert again.state().status == "ready"
    changed = run.recipe.model_copy(update={"version": "9.9.9"})
    assert clone(run, folders, changed).recipe.version == "9.9.9"


def test_a_clone_with_another_seed_draws_its_rows_anew(folders: Folders) -> None:
    run = launch.prepare(runs.tiny_recipe(), folders, folders.data)
    again = clone(run, folders, run.recipe.model_copy(update={"seed": 9}))
    assert again.validation_path.read_bytes() != run.validation_path.read_bytes()


def test_a_recipe_file_finds_its_data_from_where_it_lies(folders: Folders, tmp_path: Path) -> None:
    run = launch.prepare(runs.tiny_recipe(), folders, folders.data)
    (tmp_path / "other").mkdir()
    written = tmp_path / "other" / "again.json"
    assert recipe_file(run, written) == read_recipe(written)
    again = launch.prepare(read_recipe(written), folders, written.parent)
    assert again.train_path.read_bytes() == run.train_path.read_bytes()
    assert recipe_file(run, tmp_path / "beside.json").datasets[0].path == "rows.jsonl"


def test_each_change_takes_less_until_nothing_is_left() -> None:
    recipe, said = with_batches(batch_size=6, accumulation=2), []
    while (change := smaller(recipe, on_card=True)) is not None:
        recipe = change.recipe
        said.append(change.words.partition(":")[0])
        if change.same_order:
            assert recipe.batches.batch_size * recipe.batches.accumulation == 12
    assert said == [
        "Set batch_size to 3 and accumulation to 4",
        "Set batch_size to 1 and accumulation to 12",
        "Set gradient_checkpointing to true",
        "Set quantization to nf4",
        "Set max_length to 80, which leaves longer rows out, or take a smaller base.",
        "Set max_length to 64, which leaves longer rows out, or take a smaller base.",
    ]
    assert Recipe.model_validate_json(recipe.model_dump_json()) == recipe


def test_packed_rows_are_never_taken_up_in_another_order() -> None:
    change = smaller(with_batches(batch_size=4, packing=True))
    assert change is not None
    assert change.recipe.batches.batch_size == 2


def out_of_memory(run: RunFolder) -> None:
    """As a worker says it."""
    log = EventLog(run.events_path)
    log.append(Launched(time.time(), 0, 0))
    error, _ = worker._as_expert_error(run.recipe, MemoryError())
    log.append(Ended(time.time(), "failed", 0, 1.0, error.what, error.why, error.remedy))


def test_a_run_that_had_no_room_is_retried_with_less_in_one_call(
    folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = launch.prepare(runs.tiny_recipe(), folders, folders.data)
    out_of_memory(run)
    told = run.state().outcome
    change = what_to_change(run)
    assert told is not None
    assert change is not None
    assert told.remedy == change.words
    assert "batch_size to 2 and accumulation to 2" in told.remedy
    resumed: list[RunFolder] = []
    monkeypatch.setattr(launch, "resume", resumed.append)
    assert retry(run, folders).identifier == run.identifier
    assert (run.recipe.batches.batch_size, run.recipe.batches.accumulation) == (2, 2)
    assert resumed == [run]
    EventLog(run.events_path).append(Launched(time.time(), 0, 0))
    EventLog(run.events_path).append(Ended(time.time(), "finished", 16, 1.0))
    with pytest.raises(TrainingError, match="nothing to retry"):
        retry(run, folders)


def test_with_a_checkpoint_and_other_rows_a_new_run_begins(
    folders: Folders, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = with_batches(batch_size=1, gradient_checkpointing=True)
    run = launch.prepare(small, folders, folders.data)
    out_of_memory(run)
    monkeypatch.setattr(launch, "resume", lambda _run: None)
    assert retry(run, folders).identifier == run.identifier  # nothing is lost by it
    monkeypatch.setattr(RunFolder, "checkpoint", lambda run: run.path)
    again = retry(run, folders)
    assert again.identifier != run.identifier
    assert again.recipe.batches.max_length == 64
    monkeypatch.undo()
    least = {"kind": "ia3"}
    last = runs.tiny_recipe(
        adapter=least, batches={"batch_size": 1, "gradient_checkpointing": True, "max_length": 64}
    )
    stuck = launch.prepare(last, folders, folders.data)
    out_of_memory(stuck)
    with pytest.raises(TrainingError, match="cannot be made smaller"):
        retry(stuck, folders)


def test_how_wrong_estimates_were_is_kept(tmp_path: Path) -> None:
    assert usual_error(tmp_path, "cpu") is None
    for estimated, peak in ((110, 100), (90, 100), (130, 100)):
        note_peak(tmp_path, "a-run", "cpu", estimated, peak)
    note_peak(tmp_path, "a-run", "cpu", 0, 100)
    note_peak(tmp_path / "nowhere", "a-run", "cpu", 1, 1)
    with (tmp_path / "memory.jsonl").open("a") as stream:
        stream.write('torn\n{"at_s": 1}\n')
    usual = usual_error(tmp_path, "cpu")
    assert usual is not None
    assert (usual.sessions, usual.median) == (3, pytest.approx(0.1))
    assert usual.worst == pytest.approx(0.3)
    assert usual_error(tmp_path, "cuda") is None
    assert process_peak_bytes() > 10 << 20


@pytest.mark.parametrize(
    "said",
    ["CUDA error: unspecified launch failure\nhint", "CUDA driver error: device not ready"],
)
def test_a_lost_driver_is_told_as_a_sentence(said: str) -> None:
    error, code = worker._as_expert_error(runs.tiny_recipe(), RuntimeError(said))
    assert "graphics card or its driver failed" in error.what
    assert error.why == f"{said.splitlines()[0]}."
    assert "resume" in error.remedy
    assert code == 10
