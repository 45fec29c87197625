"""A real run, in a real child process, on the bundled base: told, stopped, killed, resumed."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from expert_studio.core.errors import TrainingError
from expert_studio.core.experts.archive import inspect
from expert_studio.core.experts.library import InstalledExpert, Library
from expert_studio.core.experts.manifest import read_manifest
from expert_studio.core.settings import Folders
from expert_studio.core.training import launch, worker
from expert_studio.core.training.events import (
    CheckpointSaved,
    Ended,
    Evaluated,
    Launched,
    Started,
    Step,
    effective,
    follow,
)
from expert_studio.core.training.measured_memory import measured
from expert_studio.core.training.package import pack, publish
from expert_studio.core.training.recipe import parse_recipe
from expert_studio.core.training.run_folder import RunFolder, list_runs
from tests.core.training import runs
from tests.expert_factory import installed_expert

PARENT = """
import sys, time
from pathlib import Path
from expert_studio.core.settings import Folders
from expert_studio.core.training import launch, worker
from expert_studio.core.training.recipe import read_recipe
run = launch.start(read_recipe(Path(sys.argv[2])), Folders(Path(sys.argv[1])), Path(sys.argv[3]))
print(run.path, flush=True)
time.sleep(600)
"""


@dataclass(frozen=True, slots=True)
class World:
    """One data folder with a dependency installed and two runs of one recipe."""

    folders: Folders
    dependency: InstalledExpert
    base_sha256: str
    unbroken: RunFolder  # its parent was killed as soon as it was launched
    broken: RunFolder  # killed, resumed, stopped


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home = tmp_path_factory.mktemp("home")
    folders = Folders(home)
    runs.write_data(home)
    dependency = installed_expert(Library(folders.library), "json-parser", version="2.0.0")
    recipe = runs.tiny_recipe(
        dependencies=[{"name": "json-parser", "requirement": ">=2.0.0", "weight": 0.5}]
    )
    (home / "recipe.json").write_text(recipe.model_dump_json(), encoding="utf-8")
    base_sha256 = _sha256(folders.bundled_base / "model.safetensors")
    unbroken = _started_by_doomed_parent(home)
    runs.until_over(unbroken)
    broken = launch.start(recipe, folders, home, estimated_bytes=1 << 30)
    yield World(folders, dependency, base_sha256, unbroken, broken)
    if broken.is_alive():
        runs.kill_worker(broken)
        runs.until_over(broken)


def _started_by_doomed_parent(home: Path) -> RunFolder:
    command = [sys.executable, "-c", PARENT, str(home), str(home / "recipe.json"), str(home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        run = RunFolder.open(Path(parent.stdout.readline().strip()))
        parent.kill()
    return run


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_run_outlives_its_parent_and_tells_everything(world: World) -> None:
    events = world.unbroken.events()
    assert isinstance(events[0], Launched)
    assert isinstance(events[1], Started)
    assert isinstance(events[-1], Ended), world.unbroken.log_path.read_text()
    assert events[-1].outcome == "finished"
    assert (events[1].total_steps, events[1].from_step) == (runs.STEPS, 0)
    assert (events[1].train_rows, events[1].eval_rows) == (48, 6)
    assert [step.step for step in runs.steps(world.unbroken)] == list(range(1, runs.STEPS + 1))
    assert [e.step for e in events if isinstance(e, CheckpointSaved)] == [4, 8, 12, 16]
    state = world.unbroken.state()
    assert (state.status, state.step, state.total_steps) == ("finished", runs.STEPS, runs.STEPS)


def test_the_loss_falls(world: World) -> None:
    losses = [step.loss for step in runs.steps(world.unbroken)]
    assert sum(losses[-3:]) < sum(losses[:3]) - 0.5
    watched = [e.loss for e in world.unbroken.events() if isinstance(e, Evaluated)]
    assert watched[-1] < watched[0]


def test_base_and_dependency_stay_as_they_were(world: World) -> None:
    assert _sha256(world.folders.bundled_base / "model.safetensors") == world.base_sha256
    assert _sha256(world.dependency.weights_path) == world.dependency.weights_sha256
    settled = world.unbroken.recipe
    assert settled.base.sha256 == world.base_sha256
    assert settled.dependencies[0].weights_sha256 == world.dependency.weights_sha256


def test_killed_resumed_and_stopped_it_learns_as_an_unbroken_run_does(world: World) -> None:
    run = world.broken
    with pytest.raises(TrainingError, match="still running"):
        launch.resume(run)

    runs.until(lambda: len(runs.steps(run)) >= 5 or not run.is_alive(), "step 5")
    runs.kill_worker(run)
    runs.until_over(run)
    assert run.state().status == "lost"
    kept = run.checkpoint()
    assert kept is not None

    launch.resume(run)
    assert run.state().status == "running"
    runs.until(lambda: any(isinstance(e, Step) for e in runs.session(run)), "a step after that")
    launch.pause(run)
    runs.until(lambda: run.state().status == "paused", "the pause")
    waits_at = run.state().step
    assert run.checkpoint() == run.checkpoints_folder / f"checkpoint-{waits_at}"
    assert run.is_alive()
    with pytest.raises(TrainingError, match="It is paused"):
        launch.pause(run)
    launch.resume(run)
    runs.until(lambda: run.state().step > waits_at, "a step after the pause")
    launch.pause(run)
    runs.until(lambda: run.state().status in ("paused", "finished"), "another pause")
    launch.stop(run)
    runs.until_over(run)
    state = run.state()
    assert state.status == "stopped", run.log_path.read_text()
    assert run.checkpoint() == run.checkpoints_folder / f"checkpoint-{state.step}"

    first = next(e.step for e in runs.session(run) if isinstance(e, Step))
    assert first == int(kept.name.removeprefix("checkpoint-")) + 1
    curve = [e for e in effective(run.events()) if isinstance(e, Step)]
    assert [step.step for step in curve] == list(range(1, state.step + 1))
    unbroken = [step.loss for step in runs.steps(world.unbroken)][: state.step]
    assert [step.loss for step in curve] == pytest.approx(unbroken, rel=1e-4)
    (noted,) = measured(world.folders.runs, "cpu")  # a killed session cannot say what it took
    assert (noted.run, noted.estimated_bytes) == (run.identifier, 1 << 30)
    assert 100 << 20 < noted.peak_bytes < 8 << 30


def test_following_a_finished_run_gives_all_of_it(world: World) -> None:
    assert tuple(follow(world.unbroken)) == world.unbroken.events()
    assert world.unbroken.identifier in {run.identifier for run in list_runs(world.folders.runs)}


def test_a_finished_run_becomes_a_package_that_says_how_it_was_made(
    world: World, tmp_path: Path
) -> None:
    packed = pack(world.unbroken, tmp_path)
    assert packed.archive == tmp_path / "tiny-json.expert"
    manifest = inspect(packed.archive).manifest
    assert (manifest.name, manifest.version, manifest.tier) == ("tiny-json", "1.2.3", "task")
    entry = manifest.base_models[0]
    assert (entry.name, entry.sha256) == ("expert-base-12m", world.base_sha256)
    assert (entry.adapters[0].r, entry.adapters[0].alpha) == (4, 8)
    trained_with = manifest.trained_with[0]
    assert trained_with.weights_sha256 == world.dependency.weights_sha256
    assert (trained_with.name, trained_with.weight) == ("json-parser", 0.5)
    assert manifest.constraints.requires == ("json-parser@>=2.0.0",)
    trained = _sha256(world.unbroken.adapter_folder / "adapter_model.safetensors")
    assert entry.adapters[0].sha256 == trained
    publish(packed, tmp_path / "source")
    said = (tmp_path / "source" / "manifest.json").read_bytes()
    assert read_manifest(said, "it")[0] == manifest
    cases = json.loads((tmp_path / "source" / "tests" / "test_cases.json").read_text())
    assert cases["cases"]
    assert cases["cases"][0]["scorer"] == "json"
    card = (tmp_path / "source" / "README.md").read_text()
    assert "json-parser 2.0.0" in card
    assert "It has seen sixty rows." in card
    assert "rows.jsonl beside it has the rows" in card


def test_an_unfinished_run_is_not_packed(world: World) -> None:
    run = launch.prepare(runs.tiny_recipe(), world.folders, world.folders.data)
    assert run.state().status == "ready"
    with pytest.raises(TrainingError, match="not finished"):
        pack(run)


@pytest.mark.filterwarnings("ignore::FutureWarning")  # transformers' own, about its next version
def test_the_adapter_answers_in_the_engine_as_in_peft(world: World) -> None:
    import torch
    from peft import set_peft_model_state_dict
    from safetensors.torch import load_file

    from expert_studio.core.inference.conversation import BaseRequest
    from expert_studio.core.inference.engine import load_engine
    from expert_studio.core.inference.stack import Stack, StackMember
    from expert_studio.core.training.trainer_model import build_model

    run = world.unbroken
    model = build_model(run.places, run.recipe, torch.device("cpu")).eval()
    set_peft_model_state_dict(
        model,
        {
            name: tensor.float()
            for name, tensor in load_file(run.adapter_folder / "adapter_model.safetensors").items()
        },
    )
    ids = list(range(40, 80))
    with torch.no_grad():
        wanted = model(input_ids=torch.tensor([ids])).logits[0]

    def member(name: str, folder: Path, weight: float) -> StackMember:
        digest = _sha256(folder / "adapter_model.safetensors")
        return StackMember(name, "1.0.0", digest, weight, 1, "format", folder)

    engine = load_engine(BaseRequest(world.folders.bundled_base, "fp32", "cpu"), lambda share: None)
    try:
        stack = Stack(
            (
                member("json-parser", world.dependency.folder, 0.5),
                member("tiny-json", run.adapter_folder, 1.0),
            ),
            engine.base.sha256,
            "fp32",
        )
        given = engine.logits(ids, stack)
        plain = engine.logits(ids)
    finally:
        engine.close()
    assert torch.linalg.norm(given - wanted) / torch.linalg.norm(wanted) < 1e-5
    assert torch.linalg.norm(plain - wanted) / torch.linalg.norm(wanted) > 1e-2


@pytest.mark.parametrize(
    "said",
    [
        "Error while serializing: I/O error: No space left on device (os error 28)",
        "PytorchStreamWriter failed writing file data/0: file write failed",
    ],
)
def test_a_full_disk_is_told_as_one_however_it_is_worded(said: str) -> None:
    recipe = parse_recipe({"name": "tiny", "datasets": [{"path": "rows.jsonl"}]}, "here")
    error, code = worker._as_expert_error(recipe, RuntimeError(said))
    assert error.what == "The training stopped because the disk is full."
    assert code == 10
