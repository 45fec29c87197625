"""The verb train: start, watch, resume, stop and list training runs.

Knows nothing of how a run trains (`core.training`): the run is a process of its own, and this
only reads what it reports. Ctrl-C stops the watching, never the run.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

import typer

from expert_studio.commands.report import (
    STOPPED_EXIT_CODE,
    AsJson,
    say,
    say_aside,
    say_json,
    say_table,
)
from expert_studio.core.errors import ManifestError, TrainingError, UsageError
from expert_studio.core.experts.manifest import MAX_MANIFEST_BYTES, Manifest, read_manifest
from expert_studio.core.settings import Folders
from expert_studio.core.training import launch
from expert_studio.core.training.events import (
    CheckpointSaved,
    Ended,
    Evaluated,
    Event,
    Started,
    Step,
    effective,
    follow,
)
from expert_studio.core.training.recipe import Recipe, read_recipe, recipe_in_manifest
from expert_studio.core.training.run_folder import RunFolder, list_runs

LINE_EVERY_S = 2.0


def train(  # noqa: PLR0917 - a verb's options are its arguments
    recipe: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Start a run by this recipe.")
    ] = None,
    manifest: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Start one by a manifest's training.recipe.")
    ] = None,
    resume: Annotated[
        str | None, typer.Option(metavar="RUN", help="Go on from a run's newest checkpoint.")
    ] = None,
    watch: Annotated[
        str | None, typer.Option(metavar="RUN", help="Watch a run, from its beginning.")
    ] = None,
    stop: Annotated[
        str | None, typer.Option(metavar="RUN", help="Have a run save a checkpoint and end.")
    ] = None,
    list_all: Annotated[bool, typer.Option("--list", help="List all runs.")] = False,
    detach: Annotated[
        bool, typer.Option("--detach", help="Do not wait for the run to end.")
    ] = False,
    corpus: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where corpus parts of a dataset lie.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Train an expert in a process of its own, and watch it."""
    asked = [recipe, manifest, resume, watch, stop, list_all or None]
    if sum(wish is not None for wish in asked) != 1:
        raise UsageError(
            "train does one thing at a time.",
            "Give one of --recipe, --manifest, --resume, --watch, --stop and --list.",
        )
    folders = Folders.default()
    if list_all:
        _list(folders, as_json)
        return
    if stop is not None:
        run = find_run(stop, folders)
        launch.stop(run)
        _say_state(run, as_json, f"{run.identifier} ends after its step, with a checkpoint.")
        return
    if watch is not None:
        run = find_run(watch, folders)
    elif resume is not None:
        run = find_run(resume, folders)
        launch.resume(run)
    else:
        wanted, beside = _recipe(recipe, manifest)
        run = launch.start(wanted, folders, beside, corpus)
    if detach:
        _say_state(run, as_json, f"{run.identifier} is running. {_ways(run)}")
        return
    _watch(run, quiet=as_json)
    _conclude(run, as_json)


def find_run(name: str, folders: Folders) -> RunFolder:
    """A run by its folder, its name, or the beginning of one that only one run has.

    Raises:
        TrainingError: there is none, or there are several.
    """
    if Path(name).is_dir():
        return RunFolder.open(Path(name))
    runs = list_runs(folders.runs)
    found = [run for run in runs if run.identifier == name]
    found = found or [run for run in runs if name and run.identifier.startswith(name)]
    if len(found) == 1:
        return RunFolder.open(found[0].path)
    raise TrainingError(
        f"There is no run {name!r}." if not found else f"Several runs begin with {name!r}.",
        "" if not found else f"They are {', '.join(run.identifier for run in found)}.",
        "See: expert-cli train --list",
    )


def read_manifest_file(path: Path) -> Manifest:
    """The manifest in a file.

    Raises:
        ManifestError: it cannot be read, is not JSON, or says something impossible.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_MANIFEST_BYTES + 1)
    except OSError as cause:
        raise ManifestError(
            f"The manifest {path} cannot be read.", f"{cause.strerror or cause}."
        ) from cause
    return read_manifest(data, str(path))[0]


def _recipe(recipe: Path | None, manifest: Path | None) -> tuple[Recipe, Path]:
    """The recipe, and the folder its dataset paths count from."""
    if recipe is not None:
        return read_recipe(recipe), recipe.resolve().parent
    assert manifest is not None
    said = read_manifest_file(manifest)
    return recipe_in_manifest(said.training, said.name), manifest.resolve().parent


def _list(folders: Folders, as_json: bool) -> None:
    runs = list_runs(folders.runs)
    if as_json:
        say_json({"runs": [_state(run) for run in runs]})
        return
    if not runs:
        say("There are no runs yet.", "Start one with: expert-cli train --recipe FILE")
        return
    rows = []
    for run in runs:
        state = _state(run)
        rows.append((run.identifier, state["status"], f"{state['step']}/{state['total_steps']}"))
    say_table(("run", "status", "step"), rows)


def _watch(run: RunFolder, quiet: bool) -> None:
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
        say_aside(f"{run.identifier} goes on without you. {_ways(run)}")
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
    return ""


def _conclude(run: RunFolder, as_json: bool) -> None:
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
        "stopped": f"{run.identifier} was stopped. {_ways(run)}",
    }
    _say_state(run, as_json, done.get(state.status, f"{run.identifier} is {state.status}."))


def _ways(run: RunFolder) -> str:
    name = run.identifier
    ways = {
        "running": f"Watch it: expert-cli train --watch {name}; end it: --stop {name}",
        "finished": f"Pack it: expert-cli package {name}",
    }
    return ways.get(run.state().status, f"Go on: expert-cli train --resume {name}")


def _say_state(run: RunFolder, as_json: bool, words: str) -> None:
    if as_json:
        say_json(_state(run))
    else:
        say(words)


def _state(run: RunFolder) -> dict[str, Any]:
    state = run.state()
    events = effective(run.events())
    losses = [event.loss for event in events if isinstance(event, Step)]
    evaluated = [event.loss for event in events if isinstance(event, Evaluated)]
    ended = state.outcome
    return {
        "run": run.identifier,
        "folder": str(run.path),
        "name": run.recipe.name,
        "status": state.status,
        "step": state.step,
        "total_steps": state.total_steps,
        "loss": _finite(losses),
        "evaluation_loss": _finite(evaluated),
        "session_s": ended.session_s if isinstance(ended, Ended) else None,
    }


def _finite(losses: list[float]) -> float | None:
    return losses[-1] if losses and math.isfinite(losses[-1]) else None
