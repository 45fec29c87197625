"""A run followed as it grows: every line of its events is read once, by whoever watches.

What a window shows of a run comes from here alone, so that a run shown live and the same
run opened a day later look the same. Qt-free, torch-free.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import psutil

from expert_studio.core.errors import ExpertError
from expert_studio.core.training.child_process import is_held
from expert_studio.core.training.coach import Advice, advise
from expert_studio.core.training.curve_columns import Column
from expert_studio.core.training.curves import RATE_STEPS, Curve, Pace, pace
from expert_studio.core.training.events import (
    BestKept,
    CheckpointSaved,
    Continued,
    Ended,
    Evaluated,
    Event,
    EventReader,
    Launched,
    Paused,
    Sampled,
    Scored,
    Started,
    Step,
)
from expert_studio.core.training.recipe import Recipe
from expert_studio.core.training.run_folder import RunFolder
from expert_studio.core.training.run_folder import Status as RunStatus

Status = RunStatus | Literal["queued"]
COACHED_STEPS = 4000  # of a longer run, the coach sees every so many
LAUNCH_LIMIT_S = 120.0
SMOOTHED = ("loss", "grad_norm", "tokens_per_s", "reward_margin", "reward_accuracy")
READ_AT_ONCE = 256 << 10  # bytes
_OF_STEP = (
    "loss", "learning_rate", "grad_norm", "tokens_per_s", "memory_bytes",
    "reward_margin", "reward_accuracy",
)  # fmt: skip
_OF_MEASUREMENT = {
    "eval_loss": "loss",
    "eval_reward_margin": "reward_margin",
    "eval_reward_accuracy": "reward_accuracy",
}


@dataclass(frozen=True, slots=True)
class Glance:
    """A run as a list shows it."""

    identifier: str
    path: Path
    name: str
    told: str  # "SFT · LoRA r16 · expert-base-12m", or why it cannot be read
    status: Status
    pace: Pace
    loss: float  # the last; NaN before there is one
    eval_loss: float
    began_s: float  # when it was first launched; 0 before
    resumable: bool = False
    readable: bool = True
    place_in_line: int = 0  # of a queued one: 1 is next


@dataclass(frozen=True, slots=True)
class Portrait:
    """A run as its own page shows it.

    `curves` and `smooth` hold what there is to draw, `small` the same in few points.
    """

    glance: Glance
    recipe: Recipe | None
    curves: Mapping[str, Curve]
    smooth: Mapping[str, Curve]
    small: Mapping[str, Curve]
    advice: tuple[Advice, ...] = ()
    samples: tuple[Sampled, ...] = ()
    scores: tuple[Scored, ...] = ()
    checkpoints: tuple[CheckpointSaved, ...] = ()
    best: tuple[BestKept, ...] = ()
    started: Started | None = None
    ended: Ended | None = None
    memory_bytes: int = 0


@dataclass(slots=True)
class _Kept:
    """What a run said beside its curves."""

    samples: list[Sampled] = field(default_factory=list)
    scores: list[Scored] = field(default_factory=list)
    checkpoints: list[CheckpointSaved] = field(default_factory=list)
    best: list[BestKept] = field(default_factory=list)
    measured: list[Evaluated] = field(default_factory=list)


class RunTrace:
    """One run. Not safe for two threads at once."""

    def __init__(self, run: RunFolder) -> None:
        self.run = run
        self.recipe: Recipe | None = None
        self.problem = ""
        self._reader = EventReader(run.events_path)
        self._columns = {name: Column(name) for name in (*_OF_STEP, *_OF_MEASUREMENT, "score")}
        self._kept = _Kept()
        self._launched: Launched | None = None
        self._started: Started | None = None
        self._ended: Ended | None = None
        self._recent: deque[Step | Continued] = deque(maxlen=RATE_STEPS)  # of this session
        self._began_s = 0.0
        self._alive = False
        self._paused = False
        self.place_in_line = 0  # it waits for its turn; whoever watches the line says so
        self._advice: tuple[Advice, ...] = ()
        self._advised_at: tuple[int, int, bool] | None = None
        try:
            self.recipe = run.recipe
        except ExpertError as error:
            self.problem = f"{error.what} {error.why}"

    def read(self, between: Callable[[], bool] = lambda: True) -> bool:
        """Takes in what was appended; True when anything changed.

        `between` is called every few hundred lines and ends the reading by False: a caller
        that shares its interpreter with a window lets that one work there.
        """
        was = self._alive
        # Asked before reading: what a worker wrote last is read before its end counts.
        alive = self._is_alive()
        changed = False
        while True:
            events = self._reader.read(READ_AT_ONCE)
            if not events:
                break
            changed = True
            for event in events:
                self._take(event)
            if not between():
                break
        self._alive = alive and self._ended is None
        return changed or was != self._alive

    def smooth(self, amount: float) -> None:
        for name in SMOOTHED:
            self._columns[name].smooth(amount)

    @property
    def status(self) -> Status:
        if self.place_in_line and not self._alive:
            return "queued"
        if self._launched is None:
            return "ready"
        if self._ended is not None:
            return self._ended.outcome
        if not self._alive:
            return "lost"
        return "paused" if self._paused else "running"

    def glance(self) -> Glance:
        session: list[Event] = [self._launched] if self._launched else []
        session += [self._started] if self._started else []
        return Glance(
            self.run.identifier,
            self.run.path,
            self.recipe.name if self.recipe else self.run.identifier,
            described(self.recipe) if self.recipe else self.problem,
            self.status,
            pace((*session, *self._recent)),
            self._columns["loss"].last,
            self._columns["eval_loss"].last,
            self._began_s,
            resumable=self.status in ("stopped", "failed", "lost", "ready", "paused"),
            readable=self.recipe is not None,
            place_in_line=self.place_in_line,
        )

    def portrait(self, window: tuple[float, float] | None = None) -> Portrait:
        """Everything; of the curves what lies between two steps, or all."""
        drawn = {n: c.drawn(window) for n, c in self._columns.items() if _holds_numbers(c)}
        smooth = {n: self._columns[n].drawn_smooth(window) for n in SMOOTHED if n in drawn}
        kept = self._kept
        memory = self._columns["memory_bytes"].values
        return Portrait(
            self.glance(),
            self.recipe,
            drawn,
            {name: curve for name, curve in smooth.items() if curve is not None},
            {name: self._columns[name].drawn_small() for name in drawn},
            self._coached(),
            tuple(kept.samples[-12:]),
            tuple(kept.scores),
            tuple(kept.checkpoints),
            tuple(kept.best),
            self._started,
            self._ended,
            int(max(memory, default=0)),
        )

    def _take(self, event: Event) -> None:
        match event:
            case Step():
                self._recent.append(event)
                for name in _OF_STEP:
                    self._columns[name].add(event.step, float(getattr(event, name)))
            case Evaluated():
                self._kept.measured.append(event)
                for name, source in _OF_MEASUREMENT.items():
                    self._columns[name].add(event.step, float(getattr(event, source)))
            case Scored():
                self._kept.scores.append(event)
                self._columns["score"].add(event.step, event.score)
            case Sampled():
                self._kept.samples.append(event)
            case CheckpointSaved():
                self._kept.checkpoints.append(event)
            case BestKept():
                self._kept.best.append(event)
            case _:
                self._take_session(event)

    def _take_session(self, event: Event) -> None:
        """What begins, holds up or ends a session."""
        match event:
            case Launched():
                self._launched, self._ended, self._paused = event, None, False
                self._recent.clear()
                self._began_s = self._began_s or event.at_s
            case Started():
                self._started = event
                self._go_back(event.from_step)
            case Paused():
                self._paused = True
            case Continued():
                self._paused = False
                self._recent.append(event)  # the pace begins anew after it
            case Ended():
                self._ended = event

    def _go_back(self, step: int) -> None:
        """What a resumed session repeats replaces what it went back over."""
        for column in self._columns.values():
            column.cut(step)
        kept = self._kept
        kept.samples = [e for e in kept.samples if e.step <= step]
        kept.scores = [e for e in kept.scores if e.step <= step]
        kept.checkpoints = [e for e in kept.checkpoints if e.step <= step]
        kept.best = [e for e in kept.best if e.step <= step]
        kept.measured = [e for e in kept.measured if e.step <= step]

    def _is_alive(self) -> bool:
        """As `RunFolder.is_alive`, without reading everything again."""
        if self._ended is not None or not self.run.events_path.exists():
            return False
        try:
            if is_held(self.run.worker_lock()):
                return True
        except OSError:
            return False
        launched = self._launched
        if launched is None or self._session_began(launched):
            return False
        return abs(time.time() - launched.at_s) < LAUNCH_LIMIT_S and _is_running(launched.pid)

    def _session_began(self, launched: Launched) -> bool:
        return self._started is not None and self._started.at_s >= launched.at_s

    def _coached(self) -> tuple[Advice, ...]:
        """The coach's words, anew whenever there is something he has not seen."""
        steps, measured = self._columns["loss"].steps, self._kept.measured
        # a long run is judged again every hundredth of it
        at = (len(steps) // max(1, len(steps) // 100), len(measured), self._ended is not None)
        if self.recipe is not None and at != self._advised_at:
            self._advised_at = at
            session: list[Event] = [self._started] if self._started else []
            self._advice = advise(self.recipe, (*session, *self._some_steps(), *measured))
        return self._advice

    def _some_steps(self) -> list[Step]:
        columns = [self._columns[name].values for name in _OF_STEP]
        steps = self._columns["loss"].steps
        every = max(1, math.ceil(len(steps) / COACHED_STEPS))
        chosen = [*range(0, len(steps), every)]
        if steps and chosen[-1] != len(steps) - 1:
            chosen.append(len(steps) - 1)
        return [
            Step(
                0.0, steps[at], 0.0, columns[0][at], columns[1][at], columns[2][at], 0,
                columns[3][at], int(columns[4][at]), columns[5][at], columns[6][at],
            )
            for at in chosen
        ]  # fmt: skip


def described(recipe: Recipe) -> str:
    """One line: "SFT · LoRA r16 · expert-base-12m bf16 · on json-parser"."""
    adapter = recipe.adapter
    kind = {"lora": "LoRA", "dora": "DoRA", "ia3": "IA³", "soft_prompt": "soft prompt"}
    size = ""
    if adapter.kind in ("lora", "dora"):
        size = f" r{adapter.r}"
    elif adapter.kind == "soft_prompt":
        size = f" {adapter.soft_tokens}"
    parts = [
        recipe.method.upper(),
        kind[adapter.kind] + size,
        f"{Path(recipe.base.name).name} {recipe.quantization}",
    ]
    if recipe.dependencies:
        parts.append("+ " + ", ".join(needed.name for needed in recipe.dependencies))
    return " · ".join(parts)


def _holds_numbers(column: Column) -> bool:
    values = column.values
    return any(math.isfinite(value) for value in values[:64]) or any(map(math.isfinite, values))


def _is_running(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
