"""Runs nobody trained, written as a worker would: for pictures and for very long curves."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from random import Random
from typing import Any

from expert_studio.core.training.recipe import Recipe
from expert_studio.core.training.run_folder import Places, RunFolder

STEP_S = 0.4


def write_run(
    runs: Path,
    name: str,
    steps: int,
    total: int,
    outcome: str = "",
    *,
    first_step: int = 1,
    seed: int = 1,
    eval_every: int = 25,
    nan_at: int = 0,
    failure: tuple[str, str, str] = ("", "", ""),
    **recipe: Any,
) -> RunFolder:
    """A run that has come to `steps` of `total`; with `outcome`, it ended so."""
    said = {"name": name, "datasets": [{"path": "rows.jsonl"}], **recipe}
    run = RunFolder.create(runs, Recipe.model_validate(said), Places("", ()))
    begun_s = time.time() - steps * STEP_S
    lines = [
        {"kind": "launched", "at_s": begun_s, "pid": 0, "resumed_from_step": 0},
        {
            "kind": "started", "at_s": begun_s + 1, "device": "cpu",
            "device_name": "CPU, 2 cores", "precision": "fp32", "total_steps": total,
            "from_step": 0, "train_rows": 4 * total, "eval_rows": 64, "dropped_rows": 3,
            "trainable_parameters": 983_040, "versions": {}, "preparation_s": 1.0,
        },
    ]  # fmt: skip
    lines += step_lines(run, steps, total, first_step, seed, eval_every, nan_at)
    if outcome:
        what, why, remedy = failure
        lines.append(
            {"kind": "ended", "at_s": time.time(), "outcome": outcome, "step": steps,
             "session_s": steps * STEP_S, "what": what, "why": why, "remedy": remedy}
        )  # fmt: skip
    append(run, lines)
    return run


def append(run: RunFolder, lines: list[dict[str, Any]]) -> None:
    with run.events_path.open("a", encoding="utf-8") as stream:
        stream.write("".join(json.dumps(line) + "\n" for line in lines))


def step_lines(
    run: RunFolder,
    steps: int,
    total: int,
    first_step: int = 1,
    seed: int = 1,
    eval_every: int = 25,
    nan_at: int = 0,
) -> list[dict[str, Any]]:
    """Steps with a loss that falls and trembles, and what is measured on the way."""
    random, recipe = Random(seed), run.recipe
    begun_s = time.time() - steps * STEP_S
    pairs = recipe.method == "dpo"
    lines: list[dict[str, Any]] = []
    for step in range(first_step, steps + 1):
        fall = math.exp(-5 * step / total)
        loss: float | None = 0.4 + 2.4 * fall + random.gauss(0, 0.06) * (0.3 + fall)
        at_s = begun_s + step * STEP_S
        if nan_at and step >= nan_at:
            loss = None
        lines.append(
            {"kind": "step", "at_s": at_s, "step": step, "epoch": step / total, "loss": loss,
             "learning_rate": 1e-3 * min(1, step / 20) * (1 + math.cos(math.pi * step / total)) / 2,
             "grad_norm": None if loss is None else 0.8 + fall + abs(random.gauss(0, 0.15)),
             "tokens": step * 900, "tokens_per_s": 2200 + random.gauss(0, 60),
             "memory_bytes": 812_000_000 + (step > 8) * 64_000_000,
             "reward_margin": 2.2 * (1 - fall) + random.gauss(0, 0.1) if pairs else None,
             "reward_accuracy": min(1, 0.5 + 0.45 * (1 - fall)) if pairs else None}
        )  # fmt: skip
        if step % eval_every == 0:
            measured = 0.47 + 2.3 * fall
            lines.append(
                {"kind": "evaluated", "at_s": at_s, "step": step, "loss": measured, "rows": 64,
                 "reward_margin": 2.0 * (1 - fall) if pairs else None,
                 "reward_accuracy": 0.5 + 0.4 * (1 - fall) if pairs else None}
            )  # fmt: skip
            lines.append(
                {"kind": "best", "at_s": at_s, "step": step, "loss": measured,
                 "folder": f"step-{step}"}
            )  # fmt: skip
        if step % (2 * eval_every) == 0:
            lines.append(
                {"kind": "sampled", "at_s": at_s, "step": step,
                 "prompt": "Which actors played in films after 2010?",
                 "answer": "MATCH (a:Person)-[:ACTED_IN]->(m:Movie) WHERE m.released > 2010 "
                 "RETURN DISTINCT a.name"}
            )  # fmt: skip
            lines.append(
                {"kind": "checkpoint", "at_s": at_s, "step": step, "folder": f"checkpoint-{step}"}
            )
    return lines
