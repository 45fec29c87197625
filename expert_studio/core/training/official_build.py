"""How far the official experts are made for another base, and the process that makes them.

Whoever builds (`commands.building`) notes every step in one small file; whoever watches reads
it. The process outlives the window. Knows nothing of how an expert is trained or scored.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal, Self

from filelock import FileLock, Timeout

from expert_studio.core.errors import ExpertError, StorageError, TrainingError
from expert_studio.core.experts.package_file import write_by_rename
from expert_studio.core.settings import Folders
from expert_studio.core.training import launch
from expert_studio.core.training.child_process import is_held, start_detached
from expert_studio.core.training.official_plan import label_of, read_built
from expert_studio.core.training.run_folder import RunFolder

Stage = Literal["idle", "training", "scoring", "packing", "finished", "stopped", "failed"]
STARTING_S = 20.0  # a process may take so long until it holds the build
GOING_ON = ("training", "scoring", "packing")
STATE_FILE, STOP_FILE, LOCK_FILE, LOG_FILE = "build.json", "stop", ".build.lock", "build.log"


class BuildStopped(Exception):
    """Raised inside a build that is asked to stop."""


@dataclass(frozen=True, slots=True)
class BuildState:
    """What a build is at.

    Attributes:
        expert: the one that is being made, or "".
        number, of: it is the number-th of so many.
        made: the names of those that are made.
        run: the training run's identifier while there is one.
        what, why, remedy: how it failed.
    """

    stage: Stage = "idle"
    expert: str = ""
    number: int = 0
    of: int = 0
    made: tuple[str, ...] = ()
    run: str = ""
    what: str = ""
    why: str = ""
    remedy: str = ""

    @property
    def is_going_on(self) -> bool:
        return self.stage in GOING_ON

    @classmethod
    def from_json(cls, said: dict[str, object]) -> Self:
        """Raises TypeError, ValueError, KeyError."""
        return cls(**{**said, "made": tuple(said["made"])})  # type: ignore[arg-type]


def place_of(base: Path | str, folders: Folders) -> Path:
    """Where a build for a base keeps what it knows."""
    return folders.data / "official" / label_of(str(base))


def read_build(place: Path, names: tuple[str, ...]) -> BuildState:
    """How far it is; `names` are those to be made. A process that died counts as stopped."""
    try:
        state = BuildState.from_json(json.loads((place / STATE_FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        state = BuildState(of=len(names))
    if state.is_going_on and not _is_held(place) and _age_s(place) > STARTING_S:
        state = replace(state, stage="stopped")
    built = {name: read_built(place / "records", name) for name in names}
    made = tuple(name for name, one in built.items() if one is not None and one.package)
    return replace(state, made=made)


def start_build(base: Path, folders: Folders) -> int:
    """Starts the process, or lets one that stopped go on; returns its id.

    Raises:
        TrainingError: it is going on already, or cannot be started.
    """
    place = place_of(base, folders)
    if _is_held(place):
        raise TrainingError("These experts are being trained already.", "", "Watch the runs.")
    try:
        place.mkdir(parents=True, exist_ok=True)
        (place / STOP_FILE).unlink(missing_ok=True)
        work = ["build", str(base.resolve())]
        home = {"EXPERT_STUDIO_HOME": str(folders.data)}
        pid = start_detached(work, place, place / LOG_FILE, home)
    except OSError as cause:
        raise TrainingError(
            "The training of the official experts could not be started.",
            f"{cause.strerror or cause}.",
            "Free some space, then try again.",
        ) from cause
    _note(place, BuildState("training"))
    return pid


def stop_build(base: Path, folders: Folders) -> None:
    """Asks it to end after its run's checkpoint, or at once while it scores.

    Raises:
        StorageError: the disk refuses.
    """
    place = place_of(base, folders)
    try:
        (place / STOP_FILE).touch()
    except OSError as cause:
        raise StorageError("It could not be stopped.", f"{cause.strerror or cause}.") from cause
    run = read_build(place, ()).run
    if run and (folders.runs / run).is_dir():
        launch.stop(RunFolder(folders.runs / run))


class BuildNotes:
    """What the building process says of itself, and whether it was asked to stop."""

    def __init__(self, place: Path, names: tuple[str, ...]) -> None:
        self._place = place
        self._names = names
        self._state = BuildState(of=len(names))

    def at(self, stage: Stage, expert: str, run: str = "") -> None:
        """Notes a step, or raises BuildStopped where it shall be the last."""
        self.go_on()
        number = self._names.index(expert) + 1
        self._state = replace(self._state, stage=stage, expert=expert, number=number, run=run)
        _note(self._place, self._state)

    def go_on(self) -> None:
        """Raises BuildStopped where the person asked for it."""
        if (self._place / STOP_FILE).exists():
            raise BuildStopped

    @contextmanager
    def held(self) -> Iterator[None]:
        """Holds the build against others, and notes how it ends.

        Raises:
            TrainingError: another process is at it.
        """
        self._place.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self._place / LOCK_FILE)
        try:
            lock.acquire(timeout=STARTING_S / 4)  # who only looks lets it go at once
        except Timeout as cause:
            raise TrainingError(
                "These experts are being trained already.", "Another process is at it."
            ) from cause
        try:
            yield
            self._end("finished")
        except BuildStopped:
            self._end("stopped")
        except ExpertError as error:
            stopped = (self._place / STOP_FILE).exists()
            self._end("stopped" if stopped else "failed", error)
            if not stopped:
                raise
        except BaseException:
            self._end("failed")
            raise
        finally:
            (self._place / STOP_FILE).unlink(missing_ok=True)  # heard; the next build is another
            lock.release()

    def _end(self, stage: Stage, error: ExpertError | None = None) -> None:
        state = replace(self._state, stage=stage, run="")
        if error is not None:
            state = replace(state, what=error.what, why=error.why, remedy=error.remedy)
        _note(self._place, state)


def _note(place: Path, state: BuildState) -> None:
    try:
        write_by_rename(place / STATE_FILE, (json.dumps(asdict(state)) + "\n").encode())
    except OSError as cause:
        raise StorageError(
            "How far the training is could not be noted.", f"{cause.strerror or cause}."
        ) from cause


def _age_s(place: Path) -> float:
    try:
        return time.time() - (place / STATE_FILE).stat().st_mtime
    except OSError:
        return math.inf


def _is_held(place: Path) -> bool:
    """Whether a process is at it."""
    try:
        return place.is_dir() and is_held(FileLock(place / LOCK_FILE))
    except OSError:
        return False
