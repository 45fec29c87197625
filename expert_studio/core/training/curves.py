"""A run's events as curves: what a chart draws, a report tells and TensorBoard reads.

Torch-free and Qt-free. Numbers that are none stay NaN, which a chart shows as a gap.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median

from expert_studio.core.errors import StorageError
from expert_studio.core.training.events import (
    Continued,
    Evaluated,
    Event,
    Launched,
    Scored,
    Started,
    Step,
    effective,
)

RATE_STEPS = 50  # time left follows the pace of this many last steps
ASLEEP = 100  # times the usual step: longer ones were no work


@dataclass(frozen=True, slots=True)
class Curve:
    """One measured quantity by step; both tuples are of the same length."""

    name: str  # "loss", "eval_loss", "learning_rate", ...
    steps: tuple[int, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Pace:
    """How far a run is and how fast, from the session that goes on now alone.

    Attributes:
        step, total_steps: of the whole run.
        steps_per_s, tokens_per_s: over the last steps; 0 before two of them are done.
        left_s: to the last step at that pace; None before it is known.
    """

    step: int
    total_steps: int
    steps_per_s: float
    tokens_per_s: float
    left_s: float | None

    @property
    def share(self) -> float:
        """0 to 1."""
        return min(1.0, self.step / self.total_steps) if self.total_steps else 0.0


def curves(events: tuple[Event, ...]) -> tuple[Curve, ...]:
    """Every curve that holds at least one number, steps a resumed session repeated left out."""
    counted = effective(events)
    steps = [event for event in counted if isinstance(event, Step)]
    measured = [event for event in counted if isinstance(event, Evaluated)]
    scored = [event for event in counted if isinstance(event, Scored)]
    found = [
        _curve("loss", [(e.step, e.loss) for e in steps]),
        _curve("eval_loss", [(e.step, e.loss) for e in measured]),
        _curve("learning_rate", [(e.step, e.learning_rate) for e in steps]),
        _curve("grad_norm", [(e.step, e.grad_norm) for e in steps]),
        _curve("tokens_per_s", [(e.step, e.tokens_per_s) for e in steps]),
        _curve("memory_bytes", [(e.step, float(e.memory_bytes)) for e in steps]),
        _curve("reward_margin", [(e.step, e.reward_margin) for e in steps]),
        _curve("reward_accuracy", [(e.step, e.reward_accuracy) for e in steps]),
        _curve("eval_reward_margin", [(e.step, e.reward_margin) for e in measured]),
        _curve("eval_reward_accuracy", [(e.step, e.reward_accuracy) for e in measured]),
        _curve("score", [(e.step, e.score) for e in scored]),
    ]
    return tuple(curve for curve in found if any(math.isfinite(v) for v in curve.values))


def smoothed(values: Sequence[float], amount: float) -> tuple[float, ...]:
    """An exponential mean, freed of its bias towards the start as TensorBoard's is.

    `amount` is 0 (as measured) to 0.999; a NaN stays one and is not carried on.
    """
    held, weight = 0.0, 0.0
    out = []
    for value in values:
        if not math.isfinite(value):
            out.append(math.nan)
            continue
        held = amount * held + (1 - amount) * value
        weight = amount * weight + (1 - amount)
        out.append(held / weight)
    return tuple(out)


def thinned(curve: Curve, most: int) -> Curve:
    """At most about `most` points that look the same: lowest and highest of each stretch.

    Gaps stay gaps: a stretch of nothing but NaN gives one.
    """
    if len(curve.steps) <= most:
        return curve
    kept = kept_places(curve.values, most)
    return Curve(
        curve.name,
        tuple(curve.steps[i] for i in kept),
        tuple(curve.values[i] for i in kept),
    )


def kept_places(values: Sequence[float], most: int) -> Sequence[int]:
    """The places of `thinned`, of a sequence or an array of doubles; all where they are few.

    In numpy, for a window is painted beside it: a loop would hold the interpreter's lock.
    """
    import numpy as np

    count = len(values)
    if count <= most:
        return range(count)
    stretch = math.ceil(2 * count / most)
    rows = math.ceil(count / stretch)
    flat = np.full(rows * stretch, np.nan)
    flat[:count] = values
    table = flat.reshape(rows, stretch)
    finite = np.isfinite(table)
    starts = np.arange(rows) * stretch
    some = finite.any(axis=1)
    low = starts + np.where(finite, table, np.inf).argmin(axis=1)
    high = starts + np.where(finite, table, -np.inf).argmax(axis=1)
    ends = np.array([0, count - 1])
    places = np.unique(np.concatenate([starts[~some], low[some], high[some], ends]))
    return [int(place) for place in places]


def pace(events: tuple[Event, ...]) -> Pace:
    """Progress of a run. Earlier sessions count as done, never as speed."""
    launched = [i for i, event in enumerate(events) if isinstance(event, Launched)]
    session = events[launched[-1] :] if launched else ()
    waited = max((i for i, e in enumerate(session) if isinstance(e, Continued)), default=0)
    totals = [event.total_steps for event in events if isinstance(event, Started)]
    steps = [event for event in session if isinstance(event, Step)]
    first = session[0] if session else None
    done = first.resumed_from_step if isinstance(first, Launched) else 0
    step = steps[-1].step if steps else done
    total = totals[-1] if totals else 0
    recent = [event for event in session[waited:] if isinstance(event, Step)][-RATE_STEPS:]
    if len(recent) < 2:
        return Pace(step, total, 0.0, 0.0, None)
    gaps_s = [later.at_s - earlier.at_s for earlier, later in pairwise(recent)]
    awake_s = [gap_s for gap_s in gaps_s if 0 <= gap_s <= longest_awake_s(gaps_s)]
    step_s = max(sum(awake_s) / max(1, len(awake_s)), 1e-9)
    left_s = max(0, total - step) * step_s if total else None
    return Pace(step, total, 1 / step_s, recent[-1].tokens_per_s, left_s)


def longest_awake_s(gaps_s: Sequence[float]) -> float:
    """Longer gaps between steps were no work: measuring and saving count, a sleep does not."""
    return ASLEEP * max(median(gaps_s), 1e-3)


def export_tensorboard(events: tuple[Event, ...], folder: Path) -> Path:
    """Writes the curves as a TensorBoard log below `folder` and returns that folder.

    Raises:
        StorageError: it cannot be written.
    """
    from tensorboardX import SummaryWriter

    times = {event.step: event.at_s for event in effective(events) if isinstance(event, Step)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with SummaryWriter(str(folder)) as writer:
            for curve in curves(events):
                for step, value in zip(curve.steps, curve.values, strict=True):
                    if math.isfinite(value):
                        writer.add_scalar(curve.name, value, step, times.get(step))
    except OSError as cause:
        raise StorageError(
            f"The curves could not be written to {folder}.",
            f"{cause.strerror or cause}.",
            "Free some space or choose another folder.",
        ) from cause
    return folder


def _curve(name: str, points: Sequence[tuple[int, float]]) -> Curve:
    return Curve(name, tuple(step for step, _ in points), tuple(value for _, value in points))
