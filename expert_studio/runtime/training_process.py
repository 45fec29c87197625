"""Follows the training runs of a data folder beside the window. Lives on the main thread.

A run is a process of its own (`core.training.launch`); its folder is all that is shared.
One thread reads what was appended and thins curves, so that a hundred thousand steps never
hold up painting. Knows no widget, and starts no run itself.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, QThread, Signal, Slot

from expert_studio.core.errors import CrashReport
from expert_studio.core.training.queue import waiting
from expert_studio.core.training.run_folder import list_runs
from expert_studio.core.training.trace import Glance, RunTrace

EAGER_S, CALM_S, IDLE_S = 0.35, 1.0, 3.0  # between two looks: watched, going on, neither
CLOSE_LIMIT_MS = 10_000
BREATH_S = 0.002  # the window's share between two pieces of reading
SWITCH_S = 0.0005  # painting asks for the interpreter a hundred times: each time soon


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What the window looks at now."""

    shown: tuple[str, ...] = ()  # identifiers, the first one in front
    smoothing: float = 0.6
    window: tuple[float, float] | None = None  # first and last step
    eager: bool = False
    turn: int = 0  # counts up whenever everything shown must be told again


class TrainingProcess(QObject):
    """Signals:
    listed(tuple[Glance, ...]): the runs, newest first, whenever one of them changed.
    pictured(tuple[Portrait, ...]): those that are shown, in their order, when they changed.
    ended(Glance): a run that was going on is finished, stopped, failed or lost.
    crashed(CrashReport): reading ended in a defect.
    """

    listed = Signal(object)
    pictured = Signal(object)
    ended = Signal(object)
    crashed = Signal(object)

    def __init__(self, runs: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._runs = runs
        self._wanted = _Wanted()
        self._reader: _Reader | None = None
        self._glances: tuple[Glance, ...] = ()
        self.listed.connect(self._on_listed)

    @property
    def glances(self) -> tuple[Glance, ...]:
        """The runs as they were told last."""
        return self._glances

    def glance(self, identifier: str) -> Glance | None:
        return next((g for g in self._glances if g.identifier == identifier), None)

    def start(self) -> None:
        """Begins to look; ignored while it does."""
        if self._reader is not None:
            return
        reader = _Reader(self._runs, self._wanted)
        reader.setObjectName("training runs")
        reader.listed.connect(self.listed)
        reader.pictured.connect(self.pictured)
        reader.ended.connect(self.ended)
        reader.crashed.connect(self.crashed)
        self._reader = reader
        reader.start(QThread.Priority.LowPriority)

    def close(self) -> bool:
        """Ends the looking, not the runs. True when the thread ended."""
        reader, self._reader = self._reader, None
        if reader is None:
            return True
        reader.end()
        return reader.wait(CLOSE_LIMIT_MS)

    def look(self) -> None:
        """Looks now: something was started, stopped or deleted."""
        if self._reader is not None:
            self._reader.want(self._wanted)

    def show(self, identifiers: Sequence[str]) -> None:
        """Tells these runs in full from now on; the first is the one in front."""
        if tuple(identifiers) != self._wanted.shown:
            self._want(shown=tuple(identifiers), window=None)

    def smooth(self, amount: float) -> None:
        """0 (as measured) to 0.999, of the curves that are smoothed."""
        self._want(smoothing=amount)

    def zoom(self, window: tuple[float, float] | None) -> None:
        """Gives the curves all their points between two steps; None shows all steps."""
        if window != self._wanted.window:
            self._want(window=window)

    def set_eager(self, eager: bool) -> None:
        """Looks often while a person does."""
        self._want(eager=eager)

    def _want(self, **changes: object) -> None:
        said = {name: getattr(self._wanted, name) for name in _Wanted.__slots__}
        self._wanted = _Wanted(**{**said, **changes, "turn": self._wanted.turn + 1})
        self.look()

    @Slot(object)
    def _on_listed(self, glances: tuple[Glance, ...]) -> None:
        self._glances = glances


class _Reader(QThread):
    """The thread that reads. What it keeps is touched by nobody else."""

    listed = Signal(object)
    pictured = Signal(object)
    ended = Signal(object)
    crashed = Signal(object)

    def __init__(self, runs: Path, wanted: _Wanted) -> None:
        super().__init__()
        self._runs = runs
        self._wanted = wanted  # replaced as a whole, read once a look
        self._wake = threading.Event()
        self._closed = threading.Event()
        self._traces: dict[str, RunTrace] = {}
        self._told: dict[str, Glance] = {}
        self._turn = -1
        self._unknown = True

    def want(self, wanted: _Wanted) -> None:
        """From the main thread."""
        self._wanted = wanted
        self._wake.set()

    def end(self) -> None:
        self._closed.set()
        self._wake.set()

    def run(self) -> None:
        """Looks until it is closed. A defect is told and ends the looking."""
        try:
            while not self._closed.is_set():
                self._wake.clear()
                began = time.monotonic()
                self._look()
                took_s = time.monotonic() - began
                self._wake.wait(max(self._pause_s(), 3 * took_s))
        except Exception as defect:  # noqa: BLE001 - shown by the window's crash dialog
            self.crashed.emit(CrashReport.of(defect, "reading training runs"))

    def _look(self) -> None:
        wanted = self._wanted
        found = {run.identifier: run for run in list_runs(self._runs)}
        for gone in self._traces.keys() - found.keys():
            del self._traces[gone]
        for identifier, run in found.items():
            if identifier not in self._traces:
                self._traces[identifier] = RunTrace(run)
        changed: set[str] = set()
        line = {entry.run.identifier: at for at, entry in enumerate(waiting(self._runs), 1)}
        for identifier, trace in self._traces.items():
            if trace.place_in_line != line.get(identifier, 0):
                trace.place_in_line = line.get(identifier, 0)
                changed.add(identifier)
        shown_first = sorted(found, key=lambda name: name not in wanted.shown)
        with _yielding():
            for identifier in shown_first:
                if self._traces[identifier].read(self._breathe):
                    changed.add(identifier)
                if self._closed.is_set():
                    return
            self._tell_list(found)
            self._tell_shown(wanted, changed)

    def _tell_list(self, found: Iterable[str]) -> None:
        told = {name: self._traces[name].glance() for name in found}
        if not _alike(told, self._told) or self._unknown:
            self.listed.emit(tuple(told.values()))
        if not self._unknown:
            for name, glance in told.items():
                before = self._told.get(name)
                if before is not None and is_going_on(before) and not is_going_on(glance):
                    self.ended.emit(glance)
        self._told, self._unknown = told, False

    def _tell_shown(self, wanted: _Wanted, changed: set[str]) -> None:
        shown = [name for name in wanted.shown if name in self._traces]
        if wanted.turn == self._turn and not changed.intersection(shown):
            return
        self._turn = wanted.turn
        if not shown:
            return
        portraits = []
        for name in shown:
            self._traces[name].smooth(wanted.smoothing)
            portraits.append(self._traces[name].portrait(wanted.window))
            self._breathe()
        self.pictured.emit(tuple(portraits))

    def _pause_s(self) -> float:
        going_on = any(map(is_going_on, self._told.values()))
        if self._wanted.eager:
            return EAGER_S if going_on else CALM_S
        return CALM_S if going_on else IDLE_S

    def _breathe(self) -> bool:
        time.sleep(BREATH_S)
        return not self._closed.is_set()


@contextmanager
def _yielding() -> Iterator[None]:
    """While this reads, who paints gets the interpreter sooner."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


def is_going_on(glance: Glance) -> bool:
    """Whether a worker holds its memory, at work or waiting."""
    return glance.status in ("running", "paused")


def _alike(one: dict[str, Glance], other: dict[str, Glance]) -> bool:
    """NaN is like NaN here."""
    return list(one) == list(other) and repr(one) == repr(other)
