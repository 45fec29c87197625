"""The verb train: start, watch, stop, resume, queue, clone, retry and estimate training runs.

Knows nothing of how a run trains (`core.training`): the run is a process of its own. What is
said of runs stands in `training_told`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from expert_studio.commands.report import AsJson, say, say_aside, say_json, say_table
from expert_studio.commands.training_told import (
    conclude,
    say_line,
    say_list,
    say_state,
    state_of,
    watch_run,
    ways_on,
)
from expert_studio.core.errors import ManifestError, TrainingError, UsageError
from expert_studio.core.experts.manifest import MAX_MANIFEST_BYTES, Manifest, read_manifest
from expert_studio.core.inference.memory_estimate import in_words
from expert_studio.core.planning import RunPlan, owners, plan_run
from expert_studio.core.settings import Folders
from expert_studio.core.training import launch, queue
from expert_studio.core.training.clone import clone as clone_run
from expert_studio.core.training.clone import origin_of, recipe_file
from expert_studio.core.training.clone import retry as retry_smaller
from expert_studio.core.training.curves import export_tensorboard
from expert_studio.core.training.recipe import Recipe, read_recipe, recipe_in_manifest
from expert_studio.core.training.run_folder import RunFolder, list_runs


def train(  # noqa: PLR0913, PLR0917 - a verb's options are its arguments
    recipe: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Start a run by this recipe.")
    ] = None,
    manifest: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Start one by a manifest's training.recipe.")
    ] = None,
    resume: Annotated[
        str | None, typer.Option(metavar="RUN", help="Go on from a run's newest checkpoint.")
    ] = None,
    clone: Annotated[
        str | None,
        typer.Option(metavar="RUN", help="Start it anew; with --output, only write its recipe."),
    ] = None,
    retry: Annotated[
        str | None,
        typer.Option(metavar="RUN", help="Start it again with settings that take less memory."),
    ] = None,
    watch: Annotated[
        str | None, typer.Option(metavar="RUN", help="Watch a run, from its beginning.")
    ] = None,
    stop: Annotated[
        str | None, typer.Option(metavar="RUN", help="Have a run save a checkpoint and end.")
    ] = None,
    pause: Annotated[
        str | None, typer.Option(metavar="RUN", help="Have a run wait; --resume lets it go on.")
    ] = None,
    unqueue: Annotated[
        str | None, typer.Option(metavar="RUN", help="Take a run out of the queue.")
    ] = None,
    tensorboard: Annotated[
        str | None,
        typer.Option(
            "--export-tensorboard", metavar="RUN", help="Write its curves as a TensorBoard log."
        ),
    ] = None,
    list_all: Annotated[bool, typer.Option("--list", help="List all runs.")] = False,
    in_line: Annotated[
        bool,
        typer.Option("--queue", help="Alone: the queue. With a run to start: put it there."),
    ] = False,
    priority: Annotated[
        int, typer.Option(min=-1000, max=1000, help="In the queue; higher goes first.")
    ] = 0,
    at_once: Annotated[
        int | None, typer.Option(min=1, max=64, help="How many runs of the queue go on at a time.")
    ] = None,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Only say what memory the run would take.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="For --clone and --export-tensorboard.")
    ] = None,
    detach: Annotated[
        bool, typer.Option("--detach", help="Do not wait for the run to end.")
    ] = False,
    corpus: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where corpus parts of a dataset lie.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Train an expert in a process of its own, and watch it."""
    folders = Folders.default()
    starts = [recipe, manifest, resume, clone, retry]
    others = [watch, stop, pause, unqueue, tensorboard, list_all or None]
    _check_one_thing(starts, others, in_line)
    if at_once is not None:
        queue.set_at_once(folders.runs, at_once)
    if list_all:
        say_list(folders, as_json)
    elif in_line and not any(starts):
        queue.wake(folders.runs)
        say_line(folders, as_json)
    elif clone is not None and output is not None:
        _write_recipe(find_run(clone, folders), output, as_json)
    elif tensorboard is not None:
        _export(find_run(tensorboard, folders), output, as_json)
    elif stop is not None or pause is not None or unqueue is not None:
        _hold(stop, pause, unqueue, folders, as_json)
    elif estimate:
        wanted, beside = _wanted(recipe, manifest, resume or clone or retry, folders)
        _say_plan(plan_run(wanted, folders, beside, 0, corpus), as_json)
    elif watch is not None:
        _see_through(find_run(watch, folders), as_json)
    else:
        run = _begun(folders, recipe, manifest, resume, clone, retry, corpus, in_line)
        if in_line:
            _put_in_line(run, priority, folders, as_json)
        elif detach:
            say_state(run, as_json, f"{run.identifier} is running. {ways_on(run)}")
        else:
            _see_through(run, as_json)


def _check_one_thing(starts: Sequence[object], others: Sequence[object], in_line: bool) -> None:
    """Raises UsageError: nothing or several things were asked for."""
    started = sum(wish is not None for wish in starts)
    other = sum(wish is not None for wish in others)
    alone = in_line and not started
    if started + other + alone != 1 or (in_line and other):
        raise UsageError(
            "train does one thing at a time.",
            "Give one of --recipe, --manifest, --resume, --clone, --retry, --watch, --stop, "
            "--pause, --unqueue, --export-tensorboard, --list and --queue.",
        )
    if in_line and starts[-1] is not None:
        raise UsageError("A retry starts at once.", "", "Leave --queue out.")


def _see_through(run: RunFolder, as_json: bool) -> None:
    watch_run(run, quiet=as_json)
    conclude(run, as_json)


def _hold(
    stop: str | None, pause: str | None, unqueue: str | None, folders: Folders, as_json: bool
) -> None:
    """Stops a run, has it wait, or takes it out of the queue."""
    if pause is not None:
        run = find_run(pause, folders)
        launch.pause(run)
        way = f"expert-cli train --resume {run.identifier}"
        say_state(run, as_json, f"{run.identifier} waits after its step. Let it go on: {way}")
        return
    if stop is not None:
        run = find_run(stop, folders)
        launch.stop(run)
        say_state(run, as_json, f"{run.identifier} ends after its step, with a checkpoint.")
        return
    run = find_run(unqueue or "", folders)
    words = "was taken out of the queue" if queue.withdraw(run) else "was not in the queue"
    say_state(run, as_json, f"{run.identifier} {words}. {ways_on(run)}")


def _put_in_line(run: RunFolder, priority: int, folders: Folders, as_json: bool) -> None:
    queue.enqueue(run, priority)
    queue.wake(folders.runs)
    place = [entry.run.path for entry in queue.waiting(folders.runs)]
    at = place.index(run.path) + 1 if run.path in place else 0
    words = f"waits as number {at}" if at else "is next and starts now"
    say_state(run, as_json, f"{run.identifier} {words}. See: expert-cli train --queue")


def _begun(
    folders: Folders,
    recipe: Path | None,
    manifest: Path | None,
    resume: str | None,
    clone: str | None,
    retry: str | None,
    corpus: Path | None,
    in_line: bool,
) -> RunFolder:
    """The run that is wanted, started or, for the queue, only set up."""
    if retry is not None:
        return retry_smaller(find_run(retry, folders), folders)
    if clone is not None:
        run = clone_run(find_run(clone, folders), folders, corpus=corpus)
    elif resume is not None:
        run = find_run(resume, folders)
    else:
        wanted, beside = _wanted(recipe, manifest, None, folders)
        plan = plan_run(wanted, folders, beside, 0, corpus)
        if not plan.fits:
            say_aside(plan.words())
        run = launch.prepare(wanted, folders, beside, corpus, plan.memory.total)
    if not in_line:
        launch.resume(run)
    return run


def _say_plan(plan: RunPlan, as_json: bool) -> None:
    if as_json:
        say_json(
            {
                "device": plan.device,
                "tokens": plan.tokens,
                "tokens_from": "data" if plan.from_data else "max_length",
                "bytes": asdict(plan.memory) | {"total": plan.memory.total},
                "free_bytes": plan.free_bytes,
                "fits": plan.fits,
                "earlier_error": asdict(plan.usual) if plan.usual else None,
                "change": plan.change.words if plan.change else None,
            }
        )
        return
    rows = [(name, in_words(size)) for name, size in owners(plan.memory) if size]
    say_table(("", f"takes on {plan.device}"), [*rows, ("together", in_words(plan.memory.total))])
    say(plan.words())


def _export(run: RunFolder, output: Path | None, as_json: bool) -> None:
    folder = export_tensorboard(run.events(), output or run.path / "tensorboard")
    if as_json:
        say_json({"run": run.identifier, "folder": str(folder)})
    else:
        say(f"The curves of {run.identifier} are in {folder}.")


def _write_recipe(run: RunFolder, output: Path, as_json: bool) -> None:
    recipe_file(run, output)
    if as_json:
        say_json(state_of(run) | {"recipe": str(output.resolve())})
    else:
        say(f"The recipe is in {output}. Start it: expert-cli train --recipe {output}")


def _wanted(
    recipe: Path | None, manifest: Path | None, run: str | None, folders: Folders
) -> tuple[Recipe, Path]:
    """The recipe, and the folder its dataset paths count from."""
    if run is not None:
        known = find_run(run, folders)
        return known.recipe, origin_of(known)
    return _recipe(recipe, manifest)


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
