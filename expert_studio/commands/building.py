"""The verb build-experts: the official six for a base, from their recipes to their packages.

Generates, trains, scores, packs and installs one after the other, each step by the function
that the verb of that name uses. Works in a data folder of its own, so that a person's library
and runs stay as they are; started again, it goes on where it was. With --shipped, what stands
ready-made beside its recipe is taken from there.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from expert_studio.commands.bases import Base
from expert_studio.commands.building_bench import Bench
from expert_studio.commands.building_beside import beside_one_another
from expert_studio.commands.measuring import evaluate_run
from expert_studio.commands.report import AsJson, say_json
from expert_studio.commands.training_told import watch_run
from expert_studio.core.errors import TrainingError
from expert_studio.core.experts.archive import inspect
from expert_studio.core.experts.install import install
from expert_studio.core.experts.library import Library
from expert_studio.core.experts.made_here import remember
from expert_studio.core.experts.trash import put_away
from expert_studio.core.experts.weights import weights_sha256
from expert_studio.core.inference.base_choice import base_folder
from expert_studio.core.settings import BUNDLED_BASE_NAME, Folders, bundled_experts_folder
from expert_studio.core.training import launch
from expert_studio.core.training.evaluation import read_report
from expert_studio.core.training.official_build import BuildNotes, place_of
from expert_studio.core.training.official_plan import (
    Built,
    Source,
    key_of,
    read_built,
    sources,
    wanted,
    write_built,
)
from expert_studio.core.training.official_shipped import shipped_package, shipped_report
from expert_studio.core.training.package import REPORT_FILE, pack, publish
from expert_studio.core.training.recipe import write_recipe
from expert_studio.core.training.run_folder import RunFolder


def build_experts(  # noqa: PLR0913 - a verb's options are its arguments
    base: Base = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only this one, with what it needs; may be repeated."),
    ] = None,
    corpus: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where corpus parts of datasets lie.")
    ] = None,
    work: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where runs and packages are kept.")
    ] = None,
    experts: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="The experts' recipes; experts/ if unsaid."),
    ] = None,
    rows: Annotated[
        int | None, typer.Option(min=1, help="Score on the first so many held-out rows alone.")
    ] = None,
    here: Annotated[
        bool,
        typer.Option("--here", help="Runs and experts go to your own, not to a folder apart."),
    ] = False,
    into_sources: Annotated[
        bool,
        typer.Option("--publish", help="Also put cards and packages beside the recipes."),
    ] = False,
    *,
    shipped: Annotated[
        bool,
        typer.Option(
            "--shipped", help="What is not named, and lies beside its recipe, is taken from there."
        ),
    ] = False,
    company: Annotated[
        bool,
        typer.Option("--beside", help="Also score each beside every other, and the others alone."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Train, score and pack the official experts for a base; what is done is not done again."""
    folder = base_folder(base, Folders.default())
    name = BUNDLED_BASE_NAME if folder == Folders.default().bundled_base else str(folder)
    place = (work or place_of(name, Folders.default())).resolve()
    folders = Folders.default() if here else Folders(place)
    base_sha256 = weights_sha256(folder / "model.safetensors")
    every = sources(experts or bundled_experts_folder(), name, corpus is not None)
    # Whoever is measured beside the others needs them all.
    chosen = every if company and shipped else wanted(every, only or ())
    notes = BuildNotes(place, tuple(source.name for source in chosen))
    bench = Bench(folders, place / "records", corpus, rows, into_sources, as_json, notes)
    taken = replace(bench, shipped_for=base_sha256) if shipped else bench
    keys: dict[str, str] = {}
    told: list[dict[str, Any]] = []
    with notes.held():
        for source in chosen:
            keys[source.name] = key_of(source, base_sha256, keys)
            asked_for = not only or source.name in only
            told.append(_one(source, keys[source.name], bench if asked_for else taken))
        if company:
            beside_one_another(every, folder, taken)
    if as_json:
        say_json({"base": name, "base_sha256": base_sha256, "experts": told})


def _one(source: Source, key: str, bench: Bench) -> dict[str, Any]:
    """Builds one, or finds it built."""
    known = read_built(bench.records, source.name)
    if known is None or known.key != key:
        known = _ready_made(source, key, bench)
    if known.package and Path(known.package).is_file():
        bench.say(f"{source.name} {source.recipe.version} is built: {known.package}")
        there = Library(bench.folders.library).versions(source.name)
        if source.recipe.version not in {one.version for one in there}:  # else as it was
            _install(Path(known.package), bench)
        if bench.publish and known.runs:
            publish(pack(RunFolder.open(Path(known.runs[-1]))), source.folder)
        return _told(source, known, new=False)
    for number, stage in enumerate(source.stages):
        known = _trained(source, number, known, bench)
        run = RunFolder.open(Path(known.runs[number]))
        if stage is not source.recipe:
            _install(pack(run).archive, bench)
    if read_report(run.path / REPORT_FILE) is None:
        bench.notes.at("scoring", source.name)
        before = [RunFolder.open(Path(one)).train_path for one in known.runs[:-1]]
        evaluate_run(run, bench.folders, bench.tell, bench.rows, learned=before)
    bench.notes.at("packing", source.name)
    packed = pack(run)
    _install(packed.archive, bench)
    if bench.publish:
        publish(packed, source.folder)
    built = replace(known, package=str(packed.archive))
    write_built(bench.records, source.name, built)
    bench.say(f"{source.name} {source.recipe.version} is built: {packed.archive}")
    return _told(source, built, new=True)


def _ready_made(source: Source, key: str, bench: Bench) -> Built:
    """What the package beside the recipe stands for, where it may be taken; else nothing yet."""
    if not bench.shipped_for:
        return Built(key)
    there = {one.name: one.weights_sha256 for one in Library(bench.folders.library).experts()}
    package = shipped_package(source, bench.shipped_for, there)
    if package is None:
        bench.say(f"{source.name} does not lie beside its recipe as that would make it.")
        return Built(key)
    built = Built(key, package=str(package.resolve()))
    write_built(bench.records, source.name, built)
    return built


def _trained(source: Source, number: int, known: Built, bench: Bench) -> Built:
    """Sees one stage's run to its end: one that was begun earlier, or a new one."""
    stage = source.stages[number]
    if number < len(known.runs) and Path(known.runs[number]).is_dir():
        run = RunFolder.open(Path(known.runs[number]))
    else:
        run = launch.prepare(stage, bench.folders, source.folder, bench.corpus)
        known = replace(known, runs=(*known.runs[:number], str(run.path)))
        write_built(bench.records, source.name, known)
    bench.notes.at("training", source.name, run.identifier)
    if run.state().status not in ("running", "finished"):
        launch.resume(run)
    if run.state().status != "finished":
        watch_run(run, quiet=bench.quiet)
    state = run.state()
    if state.status != "finished":
        raise TrainingError(
            f"{source.name} was not trained to its end.",
            (state.outcome.why if state.outcome else "") or f"Its run is {state.status}.",
            "Start build-experts again: it goes on from the last checkpoint.",
        )
    # The card may have been reworded since; it decides nothing that is learned.
    write_recipe(run.recipe.model_copy(update={"card": stage.card}), run.recipe_path)
    return known


def _install(package: Path, bench: Bench) -> None:
    library = Library(bench.folders.library)
    sidecar = package.with_name(f"{package.name}.sha256")
    remember(sidecar.read_text(encoding="utf-8").split()[0], Folders.default())
    _put_away_former(package, library)
    install(package, library)


def _put_away_former(package: Path, library: Library) -> None:
    """The same version of an earlier build makes room: this library is the build's own."""
    manifest = inspect(package).manifest
    for there in library.versions(manifest.name):
        if there.version == manifest.version:
            with library.changing():
                put_away(there.folder, f"{manifest.name}@{manifest.version}", library)


def _told(source: Source, built: Built, new: bool) -> dict[str, Any]:
    run = built.runs[-1] if built.runs else ""
    report = read_report(Path(run) / REPORT_FILE) if run else shipped_report(source)
    main = report.main() if report else None
    return {
        "name": source.name,
        "version": source.recipe.version,
        "package": built.package,
        "run": run,
        "built_now": new,
        "metric": report.main_metric if report else None,
        "score": main.score if main else None,
        "n": main.n if main else None,
        "interval": list(main.interval) if main else None,
    }
