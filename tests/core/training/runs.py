"""What the tests of training runs share: a tiny recipe on the bundled base, and waiting."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil

from expert_studio.core.datasets.examples import Example, as_row, read_examples, write_examples
from expert_studio.core.datasets.offline_json import rows
from expert_studio.core.training.events import Event, Launched, Step
from expert_studio.core.training.recipe import Recipe
from expert_studio.core.training.run_folder import RunFolder

STEPS = 16
PATIENCE_S = 240.0


def write_data(folder: Path, count: int = 60) -> None:
    """Short rule-made rows; plain JSON lines, as a person would bring them.

    Keys are in capitals: the base has practised the usual ones, and would learn next to nothing.
    """
    made = (_in_capitals(example) for example in rows(count, 3, False, {"extract": 1.0}))
    write_examples(folder / "rows.jsonl", made)


def _in_capitals(example: Example) -> Example:
    *asked, answer = example.turns
    said = {key.upper(): value for key, value in json.loads(answer.content).items()}
    return replace(example, turns=(*asked, replace(answer, content=json.dumps(said))))


def tiny_recipe(**changes: object) -> Recipe:
    """Sixteen steps of four rows with a checkpoint every four."""
    said = {
        "name": "tiny-json",
        "version": "1.2.3",
        "datasets": [{"path": "rows.jsonl"}],
        "adapter": {"r": 4, "alpha": 8, "dropout": 0.1, "target_modules": ["q_proj", "down_proj"]},
        "schedule": {"max_steps": STEPS, "learning_rate": 0.01, "warmup_steps": 2},
        "batches": {"batch_size": 4, "max_length": 160},
        "watching": {"eval_rows": 6, "eval_every": 6, "save_every": 4},
        "precision": "fp32",
        "quantization": "fp32",
        "device": "cpu",
        "card": {
            "description": "A dozen steps towards JSON.",
            "capabilities": ["format:json"],
            "load_order": 9,
            "limitations": ["It has seen sixty rows."],
        },
    }
    return Recipe.model_validate({**said, **changes})


def until(done: Callable[[], bool], what: str) -> None:
    """Waits for a state to come about; the limit is for hangs, not for slowness."""
    end = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < end, f"{what} never came"
        time.sleep(0.05)


def until_over(run: RunFolder) -> None:
    until(lambda: not run.is_alive(), f"the end of {run.identifier}: {run.log_path.read_text()}")


def steps(run: RunFolder) -> list[Step]:
    return [event for event in run.events() if isinstance(event, Step)]


def session(run: RunFolder) -> tuple[Event, ...]:
    """The events of the last launch, without the launch itself."""
    events = run.events()
    last = max(i for i, event in enumerate(events) if isinstance(event, Launched))
    return events[last + 1 :]


def kill_worker(run: RunFolder) -> None:
    pid = [event.pid for event in run.events() if isinstance(event, Launched)][-1]
    psutil.Process(pid).kill()


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_pairs(folder: Path) -> None:
    """The rows of `write_data` as pairs: beside each right answer one with broken JSON."""
    with (folder / "pairs.jsonl").open("w", encoding="utf-8") as lines:
        for example in read_examples(folder / "rows.jsonl"):
            *prompt, answer = as_row(example)["messages"]
            broken = answer["content"].replace(":", "").replace('"', "")
            pair = {"prompt": prompt, "chosen": answer["content"], "rejected": broken}
            lines.write(json.dumps(pair) + "\n")
