"""Starts, stops and resumes training runs in detached child processes.

The child outlives whoever started it; the run folder is all they share. Knows nothing of
tensors: torch is imported only in the child.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

from expert_studio.core.errors import CompatibilityError, DatasetError, StorageError, TrainingError
from expert_studio.core.experts.adapter_config import parse_adapter_config
from expert_studio.core.experts.library import CONFIG_FILE, InstalledExpert, Library
from expert_studio.core.experts.requirement import parse_requirement
from expert_studio.core.experts.weights import weights_sha256
from expert_studio.core.settings import BUNDLED_BASE_NAME, Folders
from expert_studio.core.training.child_process import start_detached
from expert_studio.core.training.events import EventLog, Launched
from expert_studio.core.training.own_tests import bring_tests
from expert_studio.core.training.recipe import Adapter, Base, Dependency, Recipe, Start
from expert_studio.core.training.rows import dataset_sha256, gather_rows, write_rows
from expert_studio.core.training.run_folder import Places, RunFolder


def start(
    recipe: Recipe,
    folders: Folders,
    beside: Path | None = None,
    corpus: Path | None = None,
    estimated_bytes: int = 0,
) -> RunFolder:
    """Sets up a run and starts its worker; returns while that is still loading.

    `beside` is the folder the recipe's dataset paths count from (its own folder), `corpus`
    the one that corpus parts count from. `estimated_bytes` is what it was thought to take
    (0: nobody asked); the worker notes how wrong that was.

    Raises:
        DatasetError: the examples cannot be read or made.
        DependencyError, LibraryError: a dependency is not installed.
        CompatibilityError: the base or a dependency is not the one the recipe names.
        StorageError: the disk refuses.
    """
    run = prepare(recipe, folders, beside, corpus, estimated_bytes)
    _spawn(run)
    return run


def prepare(
    recipe: Recipe,
    folders: Folders,
    beside: Path | None = None,
    corpus: Path | None = None,
    estimated_bytes: int = 0,
) -> RunFolder:
    """Sets up a run as `start` does, without starting it. Raises as `start`."""
    base_folder = find_base(recipe.base, folders)
    base_sha256 = weights_sha256(base_folder / "model.safetensors")
    _check_base(recipe.base, base_sha256)
    library = Library(folders.library)
    dependencies = find_dependencies(recipe, library)
    recipe, start_folder = _settled_start(recipe, library)
    beside = beside or Path.cwd()
    settled = recipe.model_copy(
        update={
            "datasets": tuple(
                part.model_copy(update={"sha256": part.sha256 or dataset_sha256(part.path, beside)})
                for part in recipe.datasets
            ),
            # A base given by its path is named for its folder: manifests hold no paths.
            "base": Base(name=_base_name(recipe.base.name), sha256=base_sha256),
            "dependencies": tuple(
                wanted.model_copy(
                    update={"version": expert.version, "weights_sha256": expert.weights_sha256}
                )
                for wanted, expert in zip(recipe.dependencies, dependencies, strict=True)
            ),
        }
    )
    places = Places(
        base_folder=str(base_folder.resolve()),
        dependency_folders=tuple(str(expert.folder.resolve()) for expert in dependencies),
        start_folder=start_folder,
        origin_folder=str(beside.resolve()),
        estimated_bytes=estimated_bytes,
    )
    rows = gather_rows(settled, beside, corpus)
    run = RunFolder.create(folders.runs, settled, places)
    try:
        write_rows(run, rows)
        bring_tests(settled, beside, run)
    except (DatasetError, StorageError):
        shutil.rmtree(run.path, ignore_errors=True)
        raise
    return run


def resume(run: RunFolder) -> None:
    """Lets a paused run go on, or starts a worker that goes on from the newest checkpoint.

    Raises:
        TrainingError: the run is going on, or is finished already.
        CompatibilityError: a dependency was changed since.
    """
    state = run.state()
    if state.status == "paused":
        run.clear_requests()
        return
    if state.status in ("running", "finished"):
        raise TrainingError(
            f"{run.identifier} cannot be resumed.",
            "It is still running." if state.status == "running" else "It is finished.",
        )
    recipe, places = run.recipe, run.places
    needed: list[tuple[Dependency | Start, str]] = list(
        zip(recipe.dependencies, places.dependency_folders, strict=True)
    )
    if recipe.start is not None:
        needed.append((recipe.start, places.start_folder))
    for expert, folder in needed:
        weights = Path(folder) / "adapter_model.safetensors"
        if not weights.is_file() or weights_sha256(weights) != expert.weights_sha256:
            raise CompatibilityError(
                f"{run.identifier} cannot be resumed.",
                f"{expert.name} {expert.version}, which it stands on, was removed or changed.",
                "Install that version again, or start a new run.",
            )
    run.clear_requests()
    _spawn(run)


def stop(run: RunFolder) -> None:
    """Asks the run to save a checkpoint and end; returns at once. Raises StorageError."""
    run.request_stop()


def pause(run: RunFolder) -> None:
    """Asks the run to save a checkpoint and wait, with all it holds; returns at once.

    Raises:
        TrainingError: it is not going on.
        StorageError: the disk refuses.
    """
    status = run.state().status
    if status != "running":
        raise TrainingError(f"{run.identifier} cannot be paused.", f"It is {status}.")
    run.request_pause()


def find_base(base: Base, folders: Folders) -> Path:
    """The folder of a base by its name.

    Raises:
        CompatibilityError: it is not on this machine.
    """
    short = base.name.rpartition("/")[2]
    candidates = [folders.bundled_base] if short == BUNDLED_BASE_NAME else [folders.bases / short]
    candidates.append(Path(base.name))
    for folder in candidates:
        if (folder / "model.safetensors").is_file():
            return folder
    raise CompatibilityError(
        f"The base {base.name} is not on this machine.", "", "Download it first."
    )


def find_dependencies(recipe: Recipe, library: Library) -> tuple[InstalledExpert, ...]:
    """The installed experts a recipe stands on, in its order: the versions made for its base,
    which the library favours from now on.

    Raises:
        LibraryError: one is not installed.
        CompatibilityError: the installed version, weights or base are not the recipe's.
    """
    library.favour(recipe.base.name, recipe.base.sha256)
    return tuple(
        _found(wanted.name, recipe, index, library)
        for index, wanted in enumerate(recipe.dependencies)
    )


def _settled_start(recipe: Recipe, library: Library) -> tuple[Recipe, str]:
    """The recipe with its start's version, hash and shape filled in, and the start's folder.

    Raises:
        LibraryError: the start is not installed.
        CompatibilityError: it is another version, has other weights, or is of another base.
    """
    start = recipe.start
    if start is None:
        return recipe, ""
    expert = library.find(start.name)
    # The version it names may stand beside a later one, which is the active one.
    beside = library.versions(start.name) if start.version else ()
    expert = next((one for one in beside if one.version == start.version), expert)
    fits = start.version in ("", expert.version)
    what = f"{recipe.name} cannot go on from {start.name}."
    _check(what, expert, start, recipe, "" if fits else start.version)
    settled = Start(name=expert.name, version=expert.version, weights_sha256=expert.weights_sha256)
    shape = _adapter_of(expert, recipe.adapter)
    update = {"start": settled, "adapter": shape}
    return recipe.model_copy(update=update), str(expert.folder.resolve())


def _adapter_of(expert: InstalledExpert, wanted: Adapter) -> Adapter:
    """The recipe's adapter in the shape of the expert's; dropout stays as wanted."""
    config = parse_adapter_config((expert.folder / CONFIG_FILE).read_bytes())
    said: dict[str, Any] = {"kind": config.kind, "dropout": wanted.dropout}
    if config.kind == "soft_prompt":
        said["soft_tokens"] = config.soft_tokens
    else:
        said["target_modules"] = config.target_modules
    if config.kind in ("lora", "dora"):
        said |= {"r": config.r, "alpha": config.alpha, "rslora": config.use_rslora}
    return Adapter.model_validate(said)


def _found(name: str, recipe: Recipe, index: int, library: Library) -> InstalledExpert:
    wanted = recipe.dependencies[index]
    expert = library.find(name)
    fits = parse_requirement(f"{name}@{wanted.requirement}").accepts(expert.version)
    what = f"{recipe.name} cannot be trained on top of {name}."
    _check(what, expert, wanted, recipe, "" if fits else wanted.requirement)
    return expert


def _check(
    what: str,
    expert: InstalledExpert,
    wanted: Dependency | Start,
    recipe: Recipe,
    missing_version: str,
) -> None:
    """Raises CompatibilityError: other version or weights than wanted, or of another base.

    `missing_version` is what is wanted where the installed version will not do, else "".
    """
    reason = ""
    if missing_version:
        reason = f"Version {expert.version} is installed, {missing_version} is wanted."
    elif wanted.weights_sha256 not in ("", expert.weights_sha256):
        reason = "Its weights are not those the recipe was made with."
    elif not any(entry.is_named(recipe.base.name) for entry in expert.manifest.base_models):
        reason = f"It was not made for {recipe.base.name}."
    if reason:
        raise CompatibilityError(what, reason, f"Install a {wanted.name} that fits.")


def _base_name(said: str) -> str:
    return Path(said).resolve().name if Path(said).is_dir() else said


def _check_base(base: Base, sha256: str) -> None:
    if base.sha256 not in ("", sha256):
        raise CompatibilityError(
            f"The base {base.name} is not the one the recipe was made for.",
            "Its weights differ.",
            "Use that base, or clear base.sha256 in the recipe.",
        )


def _spawn(run: RunFolder) -> None:
    checkpoint = run.checkpoint()
    try:
        log = EventLog(run.events_path)
        pid = start_detached(["train", str(run.path.resolve())], run.path, run.log_path)
        step = int(checkpoint.name.rpartition("-")[2]) if checkpoint else 0
        log.append(Launched(at_s=time.time(), pid=pid, resumed_from_step=step))
    except OSError as cause:
        raise TrainingError(
            f"{run.identifier} could not be started.",
            f"{cause.strerror or cause}.",
            "The run is kept; try to resume it.",
        ) from cause
