"""Curves, pace and coach tell what the events say and nothing else."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expert_studio.core.training.coach import advise
from expert_studio.core.training.curves import (
    Curve,
    curves,
    export_tensorboard,
    pace,
    smoothed,
    thinned,
)
from expert_studio.core.training.events import Evaluated, Event, Launched, Started, Step
from tests.core.training.runs import tiny_recipe


def step(number: int, loss: float = 1.0, at_s: float = 0.0, norm: float = 0.5) -> Step:
    return Step(at_s or float(number), number, 0.1, loss, 1e-3, norm, 100, 50.0, 1 << 20)


def started(total: int = 100, from_step: int = 0, dropped: int = 0, watched: int = 64) -> Started:
    return Started(0.0, "cpu", "CPU", "fp32", total, from_step, 80, watched, dropped, 10, {}, 0.5)


def run_of(losses: list[float], measured: dict[int, float] | None = None) -> tuple[Event, ...]:
    events: list[Event] = [Launched(0.0, 1, 0), started(len(losses))]
    for number, loss in enumerate(losses, start=1):
        events.append(step(number, loss))
        if measured and number in measured:
            events.append(Evaluated(float(number), number, measured[number], 64))
    return tuple(events)


def names(events: tuple[Event, ...]) -> set[str]:
    return {advice.name for advice in advise(tiny_recipe(), events)}


def test_a_gap_stays_a_gap_in_every_form() -> None:
    events = run_of([2.0, math.nan, 1.0])
    loss = next(curve for curve in curves(events) if curve.name == "loss")
    assert loss.steps == (1, 2, 3)
    assert math.isnan(loss.values[1])
    assert math.isnan(smoothed(loss.values, 0.5)[1])
    assert smoothed(loss.values, 0.5)[2] == pytest.approx((0.25 * 2.0 + 0.5 * 1.0) / 0.75)
    assert "reward_margin" not in {curve.name for curve in curves(events)}


@given(st.lists(st.floats(0, 1e6) | st.just(math.nan), min_size=1, max_size=400))
def test_thinning_keeps_ends_and_extremes(values: list[float]) -> None:
    curve = Curve("loss", tuple(range(len(values))), tuple(values))
    thin = thinned(curve, 40)
    assert len(thin.steps) <= 44
    assert (thin.steps[0], thin.steps[-1]) == (curve.steps[0], curve.steps[-1])
    finite = [value for value in values if math.isfinite(value)]
    if finite:
        kept = [value for value in thin.values if math.isfinite(value)]
        assert (min(kept), max(kept)) == (min(finite), max(finite))


def test_time_left_is_of_this_session_alone() -> None:
    first = [Launched(0.0, 1, 0), started(100), *(step(n, at_s=n * 100.0) for n in range(1, 31))]
    second = [Launched(9000.0, 2, 30), started(100, 30)]
    assert pace((*first, *second)).left_s is None
    assert pace((*first, *second)).step == 30
    going = (*first, *second, *(step(n, at_s=9000.0 + n) for n in range(31, 51)))
    now = pace(going)
    assert (now.step, now.total_steps, now.share) == (50, 100, 0.5)
    assert now.left_s == pytest.approx(50.0)


def test_the_coach_sees_overfitting_and_names_the_step() -> None:
    losses = [3.0 * 0.97**n for n in range(80)]
    measured = {10: 2.0, 20: 1.6, 30: 1.5, 40: 1.55, 50: 1.6, 60: 1.7, 70: 1.8}
    (advice,) = (a for a in advise(tiny_recipe(), run_of(losses, measured)) if a.tone == "warn")
    assert advice.name == "overfitting"
    assert "step 30" in advice.text
    assert "20%" in advice.rule


def test_each_rule_speaks_when_it_should_and_only_then() -> None:
    falling = [3.0 * 0.97**n + 0.5 for n in range(80)]
    good = {n: 3.0 * 0.97**n + 0.6 for n in range(10, 81, 10)}
    assert names(run_of(falling, good)) == {"still_learning"}
    assert "diverged" in names(run_of([*falling[:30], math.nan]))
    assert "rate_too_high" in names(run_of([*falling, *(1.0 + 0.05 * n for n in range(60))]))
    assert "rate_too_low" in names(run_of([2.0 - 0.0001 * n for n in range(80)]))
    flat = {n: 2.0 if n == 10 else 1.0 for n in range(10, 81, 10)}
    assert "flat" in names(run_of(falling, flat))
    odd = [step(n, norm=50.0 if n % 10 == 0 else 0.5) for n in range(1, 60)]
    assert "spikes" in names((Launched(0.0, 1, 0), started(), *odd))
    assert "dropped_rows" in names((Launched(0.0, 1, 0), started(dropped=40)))
    assert "few_rows" in names((Launched(0.0, 1, 0), started(watched=0)))
    chance = Evaluated(60.0, 60, 0.69, 64, 0.01, 0.5)
    assert "preference_at_chance" in names((*run_of(falling), chance))
    assert names((Launched(0.0, 1, 0), started())) == set()


def test_tensorboard_reads_what_was_exported(tmp_path: Path) -> None:
    from tensorboardX.proto.event_pb2 import Event as Record

    folder = export_tensorboard(run_of([2.0, math.nan, 1.5], {3: 1.7}), tmp_path / "board")
    (log,) = folder.iterdir()
    data = log.read_bytes()
    read: dict[str, list[tuple[int, float]]] = {}
    while data:  # TFRecord: length (8), its checksum (4), the record, its checksum (4)
        length = int.from_bytes(data[:8], "little")
        record = Record.FromString(data[12 : 12 + length])
        for value in record.summary.value:
            read.setdefault(value.tag, []).append((record.step, round(value.simple_value, 4)))
        data = data[16 + length :]
    assert read["loss"] == [(1, 2.0), (3, 1.5)]
    assert read["eval_loss"] == [(3, 1.7)]
