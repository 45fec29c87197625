"""What a training run reports, one JSON line each: the only source of curve, progress, status.

The worker appends, any process reads while it does. Knows nothing of tensors, of Qt, or
of how a run is started. Times are seconds since 1970 (UTC), durations seconds.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, Protocol

Outcome = Literal["finished", "stopped", "failed"]


@dataclass(frozen=True, slots=True)
class Launched:
    """A child process was started (or restarted) for the run."""

    at_s: float
    pid: int
    resumed_from_step: int  # 0 = from the beginning


@dataclass(frozen=True, slots=True)
class Started:
    """The worker holds base, adapters and data; the next thing is a step."""

    at_s: float
    device: str
    device_name: str
    precision: str
    total_steps: int
    from_step: int
    train_rows: int
    eval_rows: int
    dropped_rows: int  # longer than the recipe's max_length
    trainable_parameters: int
    versions: dict[str, str]  # of the libraries that train
    preparation_s: float


@dataclass(frozen=True, slots=True)
class Step:
    """One optimiser step. loss and grad_norm are NaN where they were not finite."""

    at_s: float
    step: int
    epoch: float
    loss: float  # nats per answer token, over this step's batch
    learning_rate: float
    grad_norm: float
    tokens: int  # read in this session so far, prompts included
    tokens_per_s: float  # over the last steps of this session
    memory_bytes: int  # held by the worker (device memory on a GPU)
    reward_margin: float = math.nan  # DPO: chosen less rejected reward, mean of the batch
    reward_accuracy: float = math.nan  # DPO: share of pairs whose chosen answer is rewarded more


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The loss on the rows set aside."""

    at_s: float
    step: int
    loss: float  # nats per answer token
    rows: int
    reward_margin: float = math.nan  # as a step's
    reward_accuracy: float = math.nan


@dataclass(frozen=True, slots=True)
class Sampled:
    """What the expert, half-learned, says to a prompt; greedy."""

    at_s: float
    step: int
    prompt: str
    answer: str


@dataclass(frozen=True, slots=True)
class Scored:
    """How it answers rows set aside or its own tests, by the scorer of each."""

    at_s: float
    step: int
    metric: str
    score: float  # 0 to 1
    rows: int
    own_tests: bool = False  # they were the expert's `tests/test_cases.json`


@dataclass(frozen=True, slots=True)
class BestKept:
    """The adapter after a measurement that was among the best so far is on disk."""

    at_s: float
    step: int
    loss: float  # of the rows set aside
    folder: str  # below the run folder's best/


@dataclass(frozen=True, slots=True)
class CheckpointSaved:
    """A checkpoint is complete on disk."""

    at_s: float
    step: int
    folder: str  # below the run folder's checkpoints/


@dataclass(frozen=True, slots=True)
class Paused:
    """The worker waits, with all it holds, until it is let go on; a checkpoint was saved."""

    at_s: float
    step: int


@dataclass(frozen=True, slots=True)
class Continued:
    """It goes on with the next step."""

    at_s: float
    step: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The worker ended in an orderly way. Sentences are for the person."""

    at_s: float
    outcome: Outcome
    step: int
    session_s: float
    what: str = ""
    why: str = ""
    remedy: str = ""


Event = (
    Launched
    | Started
    | Step
    | Evaluated
    | Sampled
    | Scored
    | BestKept
    | CheckpointSaved
    | Paused
    | Continued
    | Ended
)
KINDS: dict[str, type[Event]] = {
    "launched": Launched,
    "started": Started,
    "step": Step,
    "evaluated": Evaluated,
    "sampled": Sampled,
    "scored": Scored,
    "best": BestKept,
    "checkpoint": CheckpointSaved,
    "paused": Paused,
    "continued": Continued,
    "ended": Ended,
}
_NAMES = {kind: name for name, kind in KINDS.items()}
_FIELDS = {kind: {part.name: part.type for part in fields(kind)} for kind in KINDS.values()}


class EventLog:
    """Appends events to one file. One writer at a time; every line reaches the disk whole or not.

    Raises (from `append`):
        OSError: the disk is full or refuses; no half line is left behind where that can be helped.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        path.touch(exist_ok=True)
        _close_torn_line(path)

    def append(self, event: Event) -> None:
        line = (json.dumps(_as_json(event), ensure_ascii=False) + "\n").encode()
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0))
        try:
            written = os.write(descriptor, line)
            if written != len(line):
                raise OSError(28, "No space left on device", str(self._path))
            if isinstance(event, CheckpointSaved | Ended):
                os.fsync(descriptor)
        finally:
            os.close(descriptor)


class EventReader:
    """Reads what was appended since the last call, whole lines only."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self.unreadable_lines = 0

    def read(self, most_bytes: int = -1) -> tuple[Event, ...]:
        """The events added since the last call; a torn last line waits until it is whole.

        `most_bytes` bounds one call, for a reader that shares its interpreter with a window.
        """
        try:
            with self._path.open("rb") as stream:
                stream.seek(self._offset)
                added = stream.read(most_bytes)
                if most_bytes > 0 and b"\n" not in added:  # one line longer than that
                    added += stream.readline()
        except FileNotFoundError:
            return ()
        whole = added[: added.rfind(b"\n") + 1]
        self._offset += len(whole)
        events = []
        for line in whole.splitlines():
            event = _parse(line)
            if event is not None:
                events.append(event)
            elif line.strip():
                self.unreadable_lines += 1
        return tuple(events)


class Followable(Protocol):
    """What `follow` needs of a run."""

    @property
    def events_path(self) -> Path: ...

    def is_alive(self) -> bool: ...


def read_events(path: Path) -> tuple[Event, ...]:
    """Every whole event of a run so far."""
    return EventReader(path).read()


def follow(run: Followable, poll_s: float = 0.2) -> Iterator[Event]:
    """Yields the run's events from its beginning, waiting for new ones while it is alive.

    Ends when the run does: after `Ended`, or when its worker is gone without a word.
    Blocks between events; meant for a terminal, not for the main thread of a window.
    """
    reader = EventReader(run.events_path)
    while True:
        # Asked before reading: what a worker wrote last is read before its end counts.
        alive = run.is_alive()
        events = reader.read()
        yield from events
        if not alive and not events:
            return
        if not events:
            time.sleep(poll_s)


def effective(events: tuple[Event, ...]) -> tuple[Event, ...]:
    """The events that count: steps a resumed session repeats replace the ones it went back over."""
    kept: list[Event] = []
    for event in events:
        if isinstance(event, Started):
            first = event.from_step
            kept = [e for e in kept if not _is_after(e, first)]
        kept.append(event)
    return tuple(kept)


def _is_after(event: Event, step: int) -> bool:
    counted = Step | Evaluated | Sampled | Scored | BestKept | CheckpointSaved
    return isinstance(event, counted) and event.step > step


def _as_json(event: Event) -> dict[str, Any]:
    values = {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in asdict(event).items()
    }
    return {"kind": _NAMES[type(event)], **values}


def _parse(line: bytes) -> Event | None:
    """None for a line that was torn or is of a later version's kind."""
    try:
        said = json.loads(line)
        kind = KINDS[said["kind"]]
        known = _FIELDS[kind]
        values = {name: said[name] for name in known if name in said}
        for name, type_name in known.items():
            if type_name == "float" and values.get(name) is None:
                values[name] = math.nan
        return kind(**values)
    except (ValueError, KeyError, TypeError):
        return None


def _close_torn_line(path: Path) -> None:
    """Ends a line that a killed writer left torn, so that the next event starts on its own."""
    with path.open("r+b") as stream:
        size = stream.seek(0, os.SEEK_END)
        if size == 0:
            return
        stream.seek(size - 1)
        if stream.read(1) != b"\n":
            stream.write(b"\n")
