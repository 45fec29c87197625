"""The journey of the Training page by command line: train, stop, resume, evaluate, pack, ask."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from expert_studio.core.settings import Folders
from expert_studio.core.training.run_folder import list_runs
from tests.core.training import runs

STEPS, STOP_AT = 60, 30


def answer(*asked: str) -> dict[str, Any]:
    """What `expert-cli ... --json` says, in a process of its own."""
    command = [sys.executable, "-W", "ignore", "-m", "expert_studio", "--cli", *asked, "--json"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    said: dict[str, Any] = json.loads(ended.stdout)
    return said


@pytest.mark.long
def test_rows_become_an_expert_by_command_line(tmp_path: Path) -> None:
    """300 rows, 60 steps; a minute and a half on a quiet machine, five on a busy one."""
    runs.write_data(tmp_path, 300)
    recipe = runs.tiny_recipe(
        schedule={"max_steps": STEPS, "learning_rate": 1e-3, "warmup_steps": 5},
        watching={"eval_rows": 6, "eval_every": 20, "save_every": 100},
    )
    file = tmp_path / "recipe.json"
    file.write_text(recipe.model_dump_json(), encoding="utf-8")
    name = answer("train", "--recipe", str(file), "--detach")["run"]
    (run,) = list_runs(Folders.default().runs)
    runs.until(lambda: len(runs.steps(run)) >= STOP_AT, f"step {STOP_AT}")
    answer("train", "--stop", name)
    runs.until_over(run)
    stopped = run.state()
    assert stopped.status == "stopped"
    assert answer("train", "--resume", name)["status"] == "finished"
    told = runs.steps(run)
    assert [step.step for step in told] == list(range(1, STEPS + 1))  # none twice, none left out
    again = answer("train", "--recipe", str(file))["run"]
    unbroken = runs.steps(
        next(r for r in list_runs(Folders.default().runs) if r.path.name == again)
    )
    assert [step.loss for step in told] == [step.loss for step in unbroken]
    listed = answer("train", "--list")["runs"]
    assert {entry["status"] for entry in listed} == {"finished"}
    scored = answer("evaluate", name, "--rows", "6")
    assert scored["metrics"][0]["n"] == 6
    packed = answer("package", name, "--output", str(tmp_path))["file"]
    assert answer("install", packed)["expert"]["name"] == "tiny-json"
    asked = "Extract name as JSON: Maria lives in Porto."
    said = answer("infer", "--prompt", asked, "--experts", "tiny-json", "--max-tokens", "24")
    assert said["stack"]["members"][0]["name"] == "tiny-json"
