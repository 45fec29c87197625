"""What a training run keeps on disk, and what that says of its state.

Shared by the worker and everyone who watches: `run.json` (format version, where base and
dependencies lie), `recipe.json`, `data/`, `events.jsonl`, `checkpoints/`, `adapter/` (the
result), `worker.log`, `worker.lock` (held while a worker lives), `stop` and `pause` (ask it to).
Knows nothing of tensors or of Qt.
"""

from __future__ import annotations

import json
import secrets
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Self

import psutil
from filelock import FileLock

from expert_studio.core.errors import StorageError, TrainingError
from expert_studio.core.training.child_process import is_held
from expert_studio.core.training.events import (
    CheckpointSaved,
    Ended,
    Event,
    Launched,
    Paused,
    Started,
    Step,
    read_events,
)
from expert_studio.core.training.recipe import Recipe, read_recipe, write_recipe

FORMAT_VERSION = 1
YOUNG_S = 120.0  # a launched worker has taken its lock by then
Status = Literal["ready", "running", "paused", "finished", "failed", "lost", "stopped"]


@dataclass(frozen=True, slots=True)
class Places:
    """Where what a run needs lies on this machine; its recipe says what it is."""

    base_folder: str
    dependency_folders: tuple[str, ...]  # in the recipe's order
    start_folder: str = ""  # of the expert that learning goes on from
    origin_folder: str = ""  # that the recipe's dataset paths count from
    estimated_bytes: int = 0  # what it was thought to take before it started; 0: nobody asked


@dataclass(frozen=True, slots=True)
class RunState:
    """A run at a glance."""

    status: Status
    step: int
    total_steps: int  # 0 until the worker has counted them
    outcome: Ended | None


class RunFolder:
    """One training run on disk. Cheap to make; everything is read when asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, runs: Path, recipe: Recipe, places: Places) -> Self:
        """Makes the folder of a new run below `runs`.

        Raises:
            StorageError: the disk refuses.
        """
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
        path = runs / f"{recipe.name}-{stamp}-{secrets.token_hex(2)}"
        run = cls(path)
        try:
            for folder in (path, run.data_folder, run.checkpoints_folder):
                folder.mkdir(parents=True, exist_ok=True)
            said = {"format_version": FORMAT_VERSION, **asdict(places)}
            (path / "run.json").write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
        except OSError as cause:
            shutil.rmtree(path, ignore_errors=True)
            raise StorageError(
                f"The training run of {recipe.name} could not be set up.",
                f"{cause.strerror or cause}.",
                f"Free some space or allow writing to {runs}.",
            ) from cause
        write_recipe(recipe, run.recipe_path)
        return run

    @classmethod
    def open(cls, path: Path) -> Self:
        """Opens an existing run.

        Raises:
            TrainingError: there is no run there, or a newer version wrote it.
        """
        run = cls(path)
        version = run._described().get("format_version")
        if version != FORMAT_VERSION:
            raise TrainingError(
                f"The run in {path} is of format {version}.",
                f"This version reads format {FORMAT_VERSION}.",
                "Open it with the version that made it.",
            )
        return run

    @property
    def identifier(self) -> str:
        return self.path.name

    @property
    def recipe_path(self) -> Path:
        return self.path / "recipe.json"

    @property
    def events_path(self) -> Path:
        return self.path / "events.jsonl"

    @property
    def data_folder(self) -> Path:
        return self.path / "data"

    @property
    def train_path(self) -> Path:
        return self.data_folder / "train.jsonl"

    @property
    def validation_path(self) -> Path:
        return self.data_folder / "validation.jsonl"

    @property
    def held_out_path(self) -> Path:
        return self.data_folder / "held_out.jsonl"

    @property
    def tests_path(self) -> Path:
        """The expert's own tests, where the run asks them."""
        return self.data_folder / "test_cases.json"

    @property
    def checkpoints_folder(self) -> Path:
        return self.path / "checkpoints"

    @property
    def best_folder(self) -> Path:
        return self.path / "best"

    @property
    def adapter_folder(self) -> Path:
        return self.path / "adapter"

    @property
    def log_path(self) -> Path:
        return self.path / "worker.log"

    @property
    def recipe(self) -> Recipe:
        """Raises TrainingError when the recipe cannot be read."""
        return read_recipe(self.recipe_path)

    @property
    def places(self) -> Places:
        said = self._described()
        return Places(
            said["base_folder"],
            tuple(said["dependency_folders"]),
            said.get("start_folder", ""),
            said.get("origin_folder", ""),
            said.get("estimated_bytes", 0),
        )

    def events(self) -> tuple[Event, ...]:
        return read_events(self.events_path)

    def state(self) -> RunState:
        """Status and progress, from the events and whether a worker lives."""
        alive = self.is_alive()
        events = self.events()
        launched = [i for i, event in enumerate(events) if isinstance(event, Launched)]
        if not launched:
            return RunState("ready", 0, 0, None)
        session = events[launched[-1] :]
        ended = next((event for event in session if isinstance(event, Ended)), None)
        steps = [event.step for event in session if isinstance(event, Step)]
        totals = [event.total_steps for event in events if isinstance(event, Started)]
        first = session[0]
        step = max(steps, default=first.resumed_from_step if isinstance(first, Launched) else 0)
        going_on: Status = "paused" if isinstance(session[-1], Paused) else "running"
        status: Status = ended.outcome if ended else (going_on if alive else "lost")
        return RunState(status, step, totals[-1] if totals else 0, ended)

    def is_alive(self) -> bool:
        """Whether a worker lives: it holds the lock, or was launched and has yet to take it."""
        if self._is_locked():
            return True
        if not self._was_written_lately():
            return False
        session: list[Event] = []
        for event in self.events():
            session = [event] if isinstance(event, Launched) else [*session, event]
        if len(session) != 1 or not isinstance(session[0], Launched):
            return False
        # Taking the lock is the worker's first act, so that this guess lasts a second at most.
        return _is_running(session[0].pid) and self._is_young(session[0])

    def checkpoint(self) -> Path | None:
        """The newest complete checkpoint, or None."""
        for event in reversed(self.events()):
            if isinstance(event, CheckpointSaved):
                folder = self.checkpoints_folder / event.folder
                if folder.is_dir():
                    return folder
        return None

    def drop_unfinished_checkpoints(self) -> None:
        """Removes what was being written when something went wrong; complete ones stay."""
        told = {event.folder for event in self.events() if isinstance(event, CheckpointSaved)}
        for folder in self.checkpoints_folder.glob("checkpoint-*"):
            if folder.name not in told:
                shutil.rmtree(folder, ignore_errors=True)

    def worker_lock(self) -> FileLock:
        """The lock a worker holds as long as it lives; the system frees it when it dies."""
        return FileLock(self.path / "worker.lock", thread_local=False)

    def request_stop(self) -> None:
        """Asks the worker to save a checkpoint and end after the step it is at.

        Raises:
            StorageError: the run folder cannot be written.
        """
        try:
            (self.path / "stop").touch()
        except OSError as cause:
            raise StorageError(
                "The run could not be asked to stop.", f"{cause.strerror or cause}."
            ) from cause

    def stop_requested(self) -> bool:
        return (self.path / "stop").exists()

    def request_pause(self) -> None:
        """Asks the worker to save a checkpoint and wait after the step it is at.

        Raises:
            StorageError: the run folder cannot be written.
        """
        try:
            (self.path / "pause").touch()
        except OSError as cause:
            raise StorageError(
                "The run could not be asked to pause.", f"{cause.strerror or cause}."
            ) from cause

    def pause_requested(self) -> bool:
        return (self.path / "pause").exists()

    def clear_requests(self) -> None:
        """Takes back what it was asked: to stop, to pause."""
        for name in ("stop", "pause"):
            (self.path / name).unlink(missing_ok=True)

    def _is_locked(self) -> bool:
        return is_held(self.worker_lock())

    def _was_written_lately(self) -> bool:
        """Spares reading the events of old runs, which are many lines."""
        try:
            return abs(time.time() - self.events_path.stat().st_mtime) < YOUNG_S
        except OSError:
            return False

    @staticmethod
    def _is_young(launched: Launched) -> bool:
        return abs(time.time() - launched.at_s) < YOUNG_S

    def _described(self) -> dict[str, Any]:
        try:
            said: dict[str, Any] = json.loads((self.path / "run.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as cause:
            raise TrainingError(
                f"There is no training run in {self.path}.",
                f"Its run.json cannot be read: {getattr(cause, 'strerror', None) or cause}.",
                "Give the folder or the name of a run.",
            ) from cause
        return said


def _is_running(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def list_runs(runs: Path) -> tuple[RunFolder, ...]:
    """Every run below `runs`, newest first; folders that hold none are skipped."""
    if not runs.is_dir():
        return ()
    found = [RunFolder(path) for path in runs.iterdir() if (path / "run.json").is_file()]
    return tuple(sorted(found, key=lambda run: run.identifier[-20:], reverse=True))
