"""What a training run is said to be: while it is watched, when it ends, and in a list.

Knows nothing of how a run is started. Ctrl-C stops the watching, never the run.
"""

from __future__ import annotations

import math
from typing import Any

import typer

from expert_studio.commands.report import STOPPED_EXIT_CODE, say, say_aside, say_json, say_table
from expert_studio.core.errors import TrainingError
from expert_studio.core.settings import Folders
from expert_studio.core.training import queue
from expert_studio.core.training.curves import pace
from expert_studio.core.training.events import (
    CheckpointSaved,
    Continued,
    Ended,
    Evaluated,
    Event,
    Paused,
    Started,
    Step,
    effective,
    follow,
)
from expert_studio.core.training.run_folder import RunFolder, list_runs

LINE_EVERY_S = 2.0


def say_list(folders: Folders, as_json: bool) -> None:
    """All runs, newest first."""
    runs = list_runs(folders.runs)
    if as_json:
        say_json({"runs": [state_of(run) for run in runs]})
        return
    if not runs:
        say("There are no runs yet.", "Start one with: expert-cli train --recipe FILE")
        return
    rows = []
    for run in runs:
        state = state_of(run)
        rows.append((run.identifier, state["status"], f"{state['step']}/{state['total_steps']}"))
    say_table(("run", "status", "step"), rows)


def say_line(folders: Folders, as_json: bool) -> None:
    """The runs that wait, next first."""
    line = queue.waiting(folders.runs)
    at_once = queue.at_once(folders.runs)
    if as_json:
        entries = [{"run": e.run.identifier, "priority": e.priority} for e in line]
        say_json({"at_once": at_once, "waiting": entries})
        return
    if not line:
        say("No run waits.", "Put one there: expert-cli train --recipe FILE --queue")
        return
    rows = [
        (str(number), entry.run.identifier, str(entry.priority))
        for number, entry in enumerate(line, 1)
    ]
    say_table(("", "run", "priority"), rows)
    say(f"{at_once} at a time. Change it: expert-cli train --queue --at-once N")


def watch_run(run: RunFolder, quiet: bool) -> None:
    """Says what a run reports until it ends; Ctrl-C ends the watching with exit code 130."""
    total_steps, told_at_s = 0, -math.inf
    try:
        for event in follow(run):
            if isinstance(event, Started):
                total_steps = event.total_steps
            if isinstance(event, Step):
                if event.at_s - told_at_s < LINE_EVERY_S and event.step != total_steps:
                    continue
                told_at_s = event.at_s
            line = _line(event, total_steps)
            if line and not quiet:
                say_aside(line)
    except KeyboardInterrupt as cause:
        say_aside(f"{run.identifier} goes on without you. {ways_on(run)}")
        raise typer.Exit(STOPPED_EXIT_CODE) from cause


def _line(event: Event, total_steps: int) -> str:
    if isinstance(event, Started):
        return (
            f"Training on {event.device_name}: {event.train_rows} rows, {total_steps} steps, "
            f"{event.trainable_parameters:,} parameters learn; {event.dropped_rows} rows were "
            "too long."
        )
    if isinstance(event, Step):
        return (
            f"step {event.step}/{total_steps}  loss {event.loss:.4f}  "
            f"rate {event.learning_rate:.2e}  {event.tokens_per_s:,.0f} tokens/s"
        )
    if isinstance(event, Evaluated):
        at = f"step {event.step}/{total_steps}"
        return f"{at}  loss on {event.rows} rows set aside {event.loss:.4f}"
    if isinstance(event, CheckpointSaved):
        return f"step {event.step}/{total_steps}  checkpoint saved"
    if isinstance(event, Paused):
        return f"step {event.step}/{total_steps}  paused"
    if isinstance(event, Continued):
        return f"step {event.step}/{total_steps}  goes on"
    return ""


def conclude(run: RunFolder, as_json: bool) -> None:
    """Says how the run ended; a failed one becomes this command's failure.

    Raises:
        TrainingError: it failed or its worker vanished.
    """
    state = run.state()
    ended = state.outcome
    if state.status == "failed" and ended is not None:
        raise TrainingError(ended.what, ended.why, ended.remedy)
    if state.status == "lost":
        raise TrainingError(
            f"{run.identifier} ended without a word.",
            f"Its worker is gone; what it printed last is in {run.log_path}.",
            f"Go on from its last checkpoint: expert-cli train --resume {run.identifier}",
        )
    done = {
        "finished": f"{run.identifier} is finished. Pack it: expert-cli package {run.identifier}",
        "stopped": f"{run.identifier} was stopped. {ways_on(run)}",
    }
    say_state(run, as_json, done.get(state.status, f"{run.identifier} is {state.status}."))


def ways_on(run: RunFolder) -> str:
    """What a person may do with it next."""
    name = run.identifier
    ways = {
        "ready": f"Start it: expert-cli train --resume {name}",
        "running": f"Watch it: expert-cli train --watch {name}; end it: --stop {name}",
        "paused": f"Let it go on: expert-cli train --resume {name}; end it: --stop {name}",
        "finished": f"Pack it: expert-cli package {name}",
    }
    return ways.get(run.state().status, f"Go on: expert-cli train --resume {name}")


def say_state(run: RunFolder, as_json: bool, words: str) -> None:
    """The run's state as JSON, or these words."""
    if as_json:
        say_json(state_of(run))
    else:
        say(words)


def state_of(run: RunFolder) -> dict[str, Any]:
    """A run at a glance, as `--json` says it."""
    state = run.state()
    said = run.events()
    events = effective(said)
    now = pace(said) if state.status == "running" else None
    queued = any(entry.run.identifier == run.identifier for entry in queue.waiting(run.path.parent))
    losses = [event.loss for event in events if isinstance(event, Step)]
    evaluated = [event.loss for event in events if isinstance(event, Evaluated)]
    ended = state.outcome
    return {
        "run": run.identifier,
        "folder": str(run.path),
        "name": run.recipe.name,
        "status": "queued" if queued and not run.is_alive() else state.status,
        "step": state.step,
        "total_steps": state.total_steps,
        "loss": _finite(losses),
        "evaluation_loss": _finite(evaluated),
        "steps_per_s": now.steps_per_s if now else None,
        "left_s": now.left_s if now else None,
        "session_s": ended.session_s if isinstance(ended, Ended) else None,
    }


def _finite(losses: list[float]) -> float | None:
    return losses[-1] if losses and math.isfinite(losses[-1]) else None
