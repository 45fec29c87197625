"""kill -9 of the worker and of whoever started it, at random points: nothing is lost or torn."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors import safe_open

from expert_studio.core.settings import Folders
from expert_studio.core.training import launch
from expert_studio.core.training.curves import curves
from expert_studio.core.training.events import CheckpointSaved, EventReader, Step, effective
from expert_studio.core.training.run_folder import RunFolder
from tests.core.training import runs

# Imports what a window has by then, says so, launches, and never ends by itself.
PARENT = """
import sys, time
from pathlib import Path
from expert_studio.core.training import launch
from expert_studio.core.training.run_folder import RunFolder
print("ready", flush=True)
launch.resume(RunFolder.open(Path(sys.argv[1])))
time.sleep(600)
"""
STEPS = 4000  # more than any number of points reaches
LONGEST_STEPS = 7  # a worker is killed within so many of its session
POINTS = int(os.environ.get("EXPERT_STUDIO_KILL_POINTS", "50"))


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A run that is set up and not started."""
    runs.write_data(tmp_path)
    recipe = runs.tiny_recipe(
        schedule={"max_steps": STEPS, "learning_rate": 0.001},
        batches={"batch_size": 2, "max_length": 128},
        watching={"eval_rows": 2, "eval_every": 5, "save_every": 2},
    )
    return launch.prepare(recipe, Folders(tmp_path), tmp_path)


def kill_the_parent(run: RunFolder, chance: random.Random) -> None:
    """Somewhere between its readiness and well after its launch; then the run must be alive."""
    command = [sys.executable, "-c", PARENT, str(run.path)]
    launches = len(run.events())
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        time.sleep(chance.random() * 1.5)
        parent.kill()
    time.sleep(0.2)
    if len(run.events()) == launches and not run.is_alive():
        launch.resume(run)  # it died before it launched anything


def kill_the_worker(run: RunFolder, chance: random.Random) -> int:
    """While it loads, or within or between its first steps; returns its last whole step."""
    wanted = chance.randrange(LONGEST_STEPS)

    def there() -> bool:
        if not run.is_alive():
            raise AssertionError(f"it died by itself: {run.log_path.read_text()}")
        return sum(isinstance(e, Step) for e in runs.session(run)) >= wanted

    runs.until(there, f"step {wanted} of the session")
    time.sleep(chance.random() * (0.3 if wanted else 3.0))
    runs.kill_worker(run)
    runs.until_over(run)
    return run.state().step


def assert_whole(run: RunFolder) -> None:
    """Every file a reader would open can be read, and the curve has no gap and no repeat."""
    reader = EventReader(run.events_path)
    events = reader.read()
    assert reader.unreadable_lines == 0
    steps = [event.step for event in effective(events) if isinstance(event, Step)]
    assert steps == list(range(1, len(steps) + 1))
    json.loads((run.path / "run.json").read_text())
    assert run.recipe.name == "tiny-json"
    saved = [event for event in events if isinstance(event, CheckpointSaved)]
    kept = run.checkpoint()
    assert (kept is not None) == bool(saved)
    for folder in (kept, *run.best_folder.glob("step-*")):
        if folder is None or folder.suffix == ".partial":
            continue
        with safe_open(folder / "adapter_model.safetensors", "np") as weights:
            assert list(weights.keys())
        json.loads((folder / "adapter_config.json").read_text())
    if kept is not None:
        assert (
            json.loads((kept / "trainer_state.json").read_text())["global_step"] == saved[-1].step
        )


def survive(run: RunFolder, points: int, seed: int) -> None:
    chance = random.Random(seed)
    for point in range(points):
        before = run.checkpoint()
        kill_the_parent(run, chance)
        assert run.is_alive()
        drawn = curves(run.events())
        step = kill_the_worker(run, chance)
        assert run.state().status == "lost"
        again = {curve.name: curve for curve in curves(RunFolder.open(run.path).events())}
        for curve in drawn:  # what a window drew, a reopened one draws alike
            kept = min(step, int(before.name.rpartition("-")[2]) if before else 0)
            shown = sum(number <= kept for number in curve.steps)
            assert again[curve.name].values[:shown] == curve.values[:shown]
        assert_whole(run)
        session = [event.step for event in runs.session(run) if isinstance(event, Step)]
        if session:
            resumed = int(before.name.rpartition("-")[2]) if before else 0
            assert session[0] == resumed + 1
        print(f"point {point + 1}: lost at step {step}", flush=True)


def test_three_points_of_either_kill(run: RunFolder) -> None:
    survive(run, 3, seed=1)


@pytest.mark.long
def test_fifty_points_of_either_kill(run: RunFolder) -> None:
    """Six seconds a point on a quiet machine: an import of torch's world, and a few steps."""
    survive(run, POINTS, seed=2)
