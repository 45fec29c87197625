"""What is checked before a run starts, and that a refused one leaves nothing behind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from expert_studio.core.errors import (
    CompatibilityError,
    DatasetError,
    LibraryError,
    TrainingError,
)
from expert_studio.core.experts.library import Library
from expert_studio.core.settings import Folders
from expert_studio.core.training import launch
from expert_studio.core.training.recipe import Base
from expert_studio.core.training.rows import answers_to_score, read_pairs
from expert_studio.core.training.run_folder import RunFolder, list_runs
from tests.core.training.runs import tiny_recipe, write_data
from tests.expert_factory import installed_expert


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    write_data(tmp_path)
    return Folders(tmp_path)


def test_a_prepared_run_holds_all_it_needs(folders: Folders) -> None:
    run = launch.prepare(tiny_recipe(), folders, folders.data)
    assert run.state().status == "ready"
    assert run.recipe.datasets[0].sha256
    assert len(run.train_path.read_text().splitlines()) == 48
    assert len(run.validation_path.read_text().splitlines()) == 6
    assert RunFolder.open(run.path).recipe == run.recipe
    again = launch.prepare(run.recipe, folders, folders.data)
    assert again.train_path.read_bytes() == run.train_path.read_bytes()


def test_changed_data_is_refused(folders: Folders) -> None:
    settled = launch.prepare(tiny_recipe(), folders, folders.data).recipe
    write_data(folders.data, 50)
    with pytest.raises(DatasetError, match="not the one"):
        launch.prepare(settled, folders, folders.data)
    assert len(list_runs(folders.runs)) == 1


def test_missing_data_leaves_no_run(folders: Folders) -> None:
    with pytest.raises(DatasetError, match=r"gone\.jsonl"):
        launch.prepare(tiny_recipe(datasets=[{"path": "gone.jsonl"}]), folders, folders.data)
    assert not folders.runs.exists()


def test_weights_say_how_often_rows_are_seen(folders: Folders) -> None:
    recipe = tiny_recipe(datasets=[{"path": "rows.jsonl", "weight": 2.5}])
    run = launch.prepare(recipe, folders, folders.data)
    assert len(run.train_path.read_text().splitlines()) == 48 * 2 + 24


def test_pairs_may_be_scored_on_the_answers_of_another_dataset(folders: Folders) -> None:
    rows = {"train": 6, "validation": 2, "held_out": 5}
    for name, seed in (("pairs", 1), ("dataset", 2)):
        part = {"kind": "rule", "generator": "english", "rows": rows}
        said = json.dumps({"name": name, "seed": seed, "parts": [part]})
        (folders.data / f"{name}.json").write_text(said)
    part = {"path": "pairs.json", "held_out": "dataset.json"}
    run = launch.prepare(tiny_recipe(method="dpo", datasets=[part]), folders, folders.data)
    assert len(list(read_pairs(run.train_path))) == 6
    scored = list(answers_to_score(run.held_out_path, "dpo"))
    alone = launch.prepare(tiny_recipe(datasets=[{"path": "dataset.json"}]), folders, folders.data)
    assert scored == list(answers_to_score(alone.held_out_path, "sft"))
    assert len(scored) == 5


def test_a_dependency_must_be_there_and_fit(folders: Folders) -> None:
    recipe = tiny_recipe(dependencies=[{"name": "json-parser", "requirement": ">=2.0.0"}])
    with pytest.raises(LibraryError, match="json-parser"):
        launch.prepare(recipe, folders, folders.data)
    installed_expert(Library(folders.library), "json-parser", version="1.9.0")
    with pytest.raises(CompatibilityError, match=r"1\.9\.0 is installed"):
        launch.prepare(recipe, folders, folders.data)
    expert = installed_expert(Library(folders.library), "json-parser", version="2.1.0")
    settled = launch.prepare(recipe, folders, folders.data).recipe
    assert settled.dependencies[0].weights_sha256 == expert.weights_sha256


def test_a_start_may_stand_beside_a_later_version(folders: Folders) -> None:
    library = Library(folders.library)
    early = installed_expert(library, "ground", version="0.9.0")
    installed_expert(library, "ground", version="1.0.0")
    assert library.find("ground").version == "1.0.0"
    recipe = tiny_recipe(start={"name": "ground", "version": "0.9.0"})
    run = launch.prepare(recipe, folders, folders.data)
    assert run.recipe.start is not None
    assert (run.recipe.start.version, run.places.start_folder) == (
        "0.9.0",
        str(early.folder.resolve()),
    )
    recipe = tiny_recipe(start={"name": "ground", "version": "0.8.0"})
    with pytest.raises(CompatibilityError, match=r"1\.0\.0 is installed, 0\.8\.0 is wanted"):
        launch.prepare(recipe, folders, folders.data)


def test_another_base_is_refused(folders: Folders) -> None:
    with pytest.raises(CompatibilityError, match="weights differ"):
        launch.prepare(tiny_recipe(base=Base(sha256="0" * 64)), folders, folders.data)
    with pytest.raises(CompatibilityError, match="not on this machine"):
        launch.prepare(tiny_recipe(base=Base(name="Qwen/Qwen3-0.6B")), folders, folders.data)


def test_a_dependency_that_changed_stops_a_resume(folders: Folders) -> None:
    expert = installed_expert(Library(folders.library), "json-parser", version="2.1.0")
    recipe = tiny_recipe(dependencies=[{"name": "json-parser"}])
    run = launch.prepare(recipe, folders, folders.data)
    with expert.weights_path.open("r+b") as stream:
        stream.seek(-1, 2)
        stream.write(b"\x01")
    with pytest.raises(CompatibilityError, match="removed or changed"):
        launch.resume(run)


def test_no_run_there(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no training run"):
        RunFolder.open(tmp_path)
    (tmp_path / "run.json").write_text('{"format_version": 99}')
    with pytest.raises(TrainingError, match="format 99"):
        RunFolder.open(tmp_path)
