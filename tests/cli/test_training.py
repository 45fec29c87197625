"""train: one real run from recipe to adapter, and how runs that ended otherwise are told."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from typer.testing import CliRunner, Result

from expert_studio.cli import app
from expert_studio.commands import training, training_told
from expert_studio.core.experts.library import Library
from expert_studio.core.settings import Folders
from expert_studio.core.training.events import (
    Ended,
    Evaluated,
    Event,
    EventLog,
    Launched,
    Started,
    Step,
)
from expert_studio.core.training.recipe import parse_recipe
from expert_studio.core.training.run_folder import Places, RunFolder
from tests.expert_factory import expert_folder, installed_expert

RECIPE: dict[str, Any] = {
    "name": "city-finder",
    "adapter": {"r": 2, "alpha": 4.0, "target_modules": ["q_proj", "v_proj"]},
    "datasets": [{"path": "dataset.json"}],
    "schedule": {"max_steps": 2, "warmup_steps": 0},
    "batches": {"batch_size": 4, "max_length": 256},
    "watching": {"eval_rows": 4, "eval_every": 2, "save_every": 2},
    "device": "cpu",
    "card": {
        "description": "Finds the city in a sentence.",
        "author": "tests",
        "capabilities": ["task:extraction"],
        "keywords": ["city"],
        "load_order": 9,
    },
}


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def answer(*arguments: str) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout))


@pytest.fixture
def recipe_file(tmp_path: Path) -> Path:
    rows = {"train": 12, "validation": 4, "held_out": 2}
    part = {"kind": "rule", "generator": "json", "rows": rows, "share": {"extract": 1.0}}
    dataset = {"schema_version": 1, "name": "fields", "seed": 3, "parts": [part]}
    (tmp_path / "dataset.json").write_text(json.dumps(dataset))
    (tmp_path / "recipe.json").write_text(json.dumps(RECIPE))
    return tmp_path / "recipe.json"


def recorded(*events: Event) -> RunFolder:
    """A run as a worker left it."""
    runs = Folders.default().runs
    folder = RunFolder.create(runs, parse_recipe(RECIPE, "the test"), Places("", ()))
    log = EventLog(folder.events_path)
    for event in (*launched(), *events):
        log.append(event)
    return folder


def launched() -> tuple[Event, ...]:
    nobody = next(pid for pid in range(4_000_000, 5_000_000) if not psutil.pid_exists(pid))
    return (
        Launched(time.time(), nobody, 0),
        Started(1.0, "cpu", "CPU", "bf16", 8, 0, 28, 4, 1, 1000, {}, 0.5),
        Step(2.0, 4, 0.5, 1.25, 1e-3, 0.1, 512, 300.0, 1 << 20),
        Evaluated(3.0, 4, 1.5, 4),
    )


def test_from_a_recipe_to_a_finished_run(recipe_file: Path) -> None:
    result = run("train", "--recipe", str(recipe_file))
    assert result.exit_code == 0, result.output
    assert "step 2/2" in result.stderr
    assert "is finished. Pack it: expert-cli package city-finder-" in result.stdout
    (listed,) = answer("train", "--list")["runs"]
    assert (listed["status"], listed["step"], listed["total_steps"]) == ("finished", 2, 2)
    assert listed["loss"] > 0
    assert listed["evaluation_loss"] > 0
    assert answer("train", "--watch", "city-finder") == listed
    assert run("train", "--resume", listed["run"]).exit_code == 10
    assert_it_can_be_scored_packed_and_installed(listed["run"], recipe_file.parent)


def assert_it_can_be_scored_packed_and_installed(name: str, folder: Path) -> None:
    report = answer("evaluate", name, "--rows", "1")
    named = [condition["name"] for condition in report["conditions"]]
    assert named == ["as_trained", "base", "plain_baseline"]
    assert "as trained" in run("evaluate", name, "--rows", "1").stdout
    packed = answer("package", name, "--output", str(folder), "--publish", str(folder / "source"))
    assert Path(packed["file"]).stat().st_size == packed["size_bytes"]
    assert (folder / "source" / "manifest.json").is_file()
    installed = answer("install", packed["file"])
    assert installed["expert"]["name"] == "city-finder"
    scores = answer("info", "city-finder")["manifest"]["quality_metrics"]
    assert scores["test_queries"] == 1
    assert_an_expert_is_scored_on_any_rows(folder)
    asked = ["infer", "--prompt", "Hello", "--experts", "city-finder", "--max-tokens", "3"]
    assert answer(*asked)["stack"]["members"][0]["name"] == "city-finder"


def assert_an_expert_is_scored_on_any_rows(folder: Path) -> None:
    rows = folder / "asked.jsonl"
    rows.write_text(json.dumps({"instruction": "Which city?", "input": "Oslo.", "output": "Oslo"}))
    asked = ["evaluate", "city-finder", "--data", str(rows), "--report", str(folder / "report")]
    scored = answer(*asked)
    assert scored["expert"] == "city-finder"
    fields = {"metric", "score", "base_score", "baseline_score", "n", "interval"}
    assert all(fields <= metric.keys() for metric in scored["metrics"])
    assert [m["metric"] for m in scored["metrics"]] == [
        "exact",
        "word_f1",
        "character_accuracy",
        "log_loss",
    ]
    assert (folder / "report" / "report.html").is_file()
    assert run("evaluate", "city-finder", "--rows", "1").exit_code == 0  # its own test cases
    installed_expert(Library(Folders.default().library), "neighbour", seed=4)
    told = answer("evaluate", "city-finder", "--data", str(rows), "--beside", "neighbour")
    assert [each["name"] for each in told["conditions"]] == ["as_trained", "with neighbour"]
    alone, beside = (condition["measurements"] for condition in told["conditions"])
    assert alone != beside
    assert "neither an expert nor a run" in run("evaluate", "nobody").stderr


def test_a_manifest_drives_a_run_by_its_recipe(tmp_path: Path) -> None:
    manifest = {
        "name": "city-finder",
        "version": "0.1.0",
        "constraints": {"load_order": 9},
        "training": {"recipe": RECIPE | {"datasets": [{"path": "absent.jsonl"}]}},
    }
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(manifest))
    result = run("train", "--manifest", str(path), "--json")
    error = json.loads(result.stdout)["error"]
    assert result.exit_code == error["exit_code"] == 11
    assert "absent.jsonl" in error["what"]


def test_a_manifest_without_a_recipe_and_a_file_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(
        json.dumps({"name": "a-b", "version": "1.0.0", "constraints": {"load_order": 1}})
    )
    assert "no training.recipe" in run("train", "--manifest", str(path)).stderr
    path.write_text("not json")
    assert run("train", "--manifest", str(path)).exit_code == 11
    assert run("train", "--manifest", str(tmp_path / "missing.json")).exit_code == 11
    assert run("train", "--recipe", str(tmp_path / "missing.json")).exit_code == 10


def test_a_folder_is_packed_by_its_manifest(tmp_path: Path) -> None:
    folder = expert_folder(tmp_path / "source", "city-finder")
    packed = answer("package", "--manifest", str(folder / "manifest.json"))
    assert Path(packed["file"]).parent == tmp_path
    assert answer("install", packed["file"])["expert"]["name"] == "city-finder"
    assert run("package").exit_code == 2
    assert run("package", "x", "--manifest", "y").exit_code == 2


def test_an_unfinished_run_is_neither_scored_nor_packed() -> None:
    stopped = recorded(Ended(4.0, "stopped", 4, 2.0))
    assert "not finished" in run("package", stopped.identifier).stderr
    assert run("evaluate", stopped.identifier).exit_code not in {0, 70}


@pytest.mark.parametrize("arguments", [[], ["--list", "--watch", "x"]])
def test_train_does_one_thing_at_a_time(arguments: list[str]) -> None:
    assert run("train", *arguments).exit_code == 2


def test_a_run_is_found_by_the_beginning_of_its_name() -> None:
    first = recorded(Ended(4.0, "finished", 8, 2.0))
    assert answer("train", "--watch", first.identifier[:14])["run"] == first.identifier
    assert answer("train", "--watch", str(first.path))["run"] == first.identifier
    recorded(Ended(4.0, "finished", 8, 2.0))
    assert "Several runs begin with" in run("train", "--watch", "city").stderr
    assert "There is no run 'town'" in run("train", "--watch", "town").stderr
    assert run("train", "--list").stdout.count("finished") == 2


def test_a_run_that_failed_says_why_and_fails_too() -> None:
    words = ("The loss is not a number.", "The rate is too high.", "Halve it.")
    failed = recorded(Ended(4.0, "failed", 4, 2.0, *words))
    result = run("train", "--watch", failed.identifier)
    assert result.exit_code == 10
    assert all(sentence in result.stderr for sentence in words)


def test_a_run_whose_worker_vanished_is_told_with_its_log() -> None:
    lost = recorded()
    result = run("train", "--watch", lost.identifier)
    assert result.exit_code == 10
    assert "ended without a word" in result.stderr
    assert f"--resume {lost.identifier}" in result.stderr
    assert answer("train", "--list")["runs"][0]["status"] == "lost"


def test_a_stopped_run_says_how_to_go_on() -> None:
    stopped = recorded(Ended(4.0, "stopped", 4, 2.0))
    assert f"--resume {stopped.identifier}" in run("train", "--watch", stopped.identifier).stdout
    assert answer("train", "--stop", stopped.identifier)["status"] == "stopped"
    assert stopped.stop_requested()


def test_an_interrupt_leaves_the_run_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    going_on = recorded()

    def interrupted(_run: RunFolder) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(training_told, "follow", interrupted)
    with going_on.worker_lock():  # as a worker holds it
        result = run("train", "--watch", going_on.identifier)
        assert result.exit_code == 130
        assert f"goes on without you. Watch it: expert-cli train --watch {going_on.identifier}" in (
            result.stderr
        )
    assert not going_on.stop_requested()


def test_a_run_is_estimated_before_anything_is_started(recipe_file: Path) -> None:
    said = answer("train", "--recipe", str(recipe_file), "--estimate")
    assert said["tokens_from"] == "max_length"
    assert said["bytes"]["total"] == sum(v for k, v in said["bytes"].items() if k != "total")
    assert said["fits"] is (said["bytes"]["total"] <= said["free_bytes"])
    assert "together" in run("train", "--recipe", str(recipe_file), "--estimate").stdout
    assert answer("train", "--list")["runs"] == []


def test_a_run_waits_for_its_turn_and_is_taken_out(
    recipe_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training.queue, "wake", lambda _runs: None)  # nobody starts them
    first = answer("train", "--recipe", str(recipe_file), "--queue")
    assert first["status"] == "queued"
    second = answer("train", "--recipe", str(recipe_file), "--queue", "--priority", "3")
    line = answer("train", "--queue", "--at-once", "2")
    assert line["at_once"] == 2
    assert [entry["run"] for entry in line["waiting"]] == [second["run"], first["run"]]
    assert first["run"] in run("train", "--queue").stdout
    assert answer("train", "--unqueue", first["run"])["status"] == "ready"
    assert "was not in the queue" in run("train", "--unqueue", first["run"]).stdout
    again = answer("train", "--clone", second["run"], "--queue")
    assert again["run"] != second["run"]
    assert run("train", "--retry", second["run"], "--queue").exit_code == 2


def test_a_runs_recipe_and_curves_are_written_out(tmp_path: Path) -> None:
    done = recorded(Ended(4.0, "finished", 8, 2.0))
    written = tmp_path / "again.json"
    answer("train", "--clone", done.identifier, "--output", str(written))
    assert json.loads(written.read_text())["name"] == "city-finder"
    exported = answer("train", "--export-tensorboard", done.identifier)
    assert list(Path(exported["folder"]).glob("events.out.tfevents.*"))
    assert "nothing to retry" in run("train", "--retry", done.identifier).stderr
