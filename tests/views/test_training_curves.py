"""The charts: what they draw, hover, zoom and keep; a hundred thousand steps."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QPixmap
from pytestqt.qtbot import QtBot

from expert_studio.core.training.curves import Curve
from expert_studio.runtime.event_loop_watch import EventLoopWatch
from expert_studio.runtime.training_process import TrainingProcess
from expert_studio.views.widgets.training_axis import (
    Scale,
    figure_text,
    log_ticks,
    ticks,
    value_range,
)
from expert_studio.views.widgets.training_chart import CurveChart
from expert_studio.views.widgets.training_curves import TrainingCurves
from expert_studio.views.widgets.training_strokes import Line
from tests.synthetic_runs import append, step_lines, write_run

WAIT_MS = 240_000
STUCK_MS = 5_000  # no measure: above it the window would be dead, not slow


def _curve(values: list[float]) -> Curve:
    return Curve("loss", tuple(range(1, len(values) + 1)), tuple(values))


@pytest.fixture
def chart(qtbot: QtBot) -> CurveChart:
    made = CurveChart()
    qtbot.addWidget(made)
    made.resize(640, 300)
    made.show_lines([Line("train", "accent", _curve([4.0, 3.0, math.nan, 2.0, 1.0]))])
    made.show()
    qtbot.waitExposed(made)
    return made


def test_a_value_lies_where_its_scale_says_and_back() -> None:
    for scale in (Scale(1, 100, 300, 0), Scale(1, 100, 300, 0, log=True)):
        for value in (1.0, 7.0, 100.0):
            assert math.isclose(scale.value(scale.place(value)), value)
    assert Scale(1, 100, 300, 0, log=True).place(10) == pytest.approx(150)
    assert math.isnan(Scale(1, 100, 300, 0, log=True).place(0))


def test_ticks_are_round_and_ranges_never_empty() -> None:
    assert ticks(0, 3.1, 6) == pytest.approx((0, 1, 2, 3))
    assert ticks(0.9, 7.2, 20, whole=True) == (1, 2, 3, 4, 5, 6, 7)
    assert log_ticks(0.01, 10, 6) == pytest.approx((0.01, 0.1, 1, 10))
    for log in (False, True):
        low, high = value_range([math.nan], log)
        assert low < high
        low, high = value_range([2.0, 2.0], log)
        assert low < 2.0 < high


def test_figures_are_short() -> None:
    shown = [figure_text(value) for value in (0.0, 0.41234, 1e-4, 3910, 51_234, 2e6, math.nan)]
    assert shown == ["0", "0.412", "1e-4", "3,910", "51.2k", "2M", "—"]


def test_a_missing_value_is_a_gap(chart: CurveChart) -> None:
    chart.grab()
    assert chart._polygons is not None
    _, measured, _ = chart._polygons[0]
    assert [len(part) for part in measured] == [2, 2]


def test_the_pointer_is_told_step_and_values(chart: CurveChart, qtbot: QtBot) -> None:
    chart.grab()
    qtbot.mouseMove(chart, QPoint(round(chart._x.place(4)), 100))
    found = chart.hovered()
    assert found is not None
    step, values = found
    assert step == 4
    assert [(line.label, value) for line, value in values] == [("train", 2.0)]
    chart.grab()


def test_zoom_pan_and_reset_by_keys(qtbot: QtBot, chart: CurveChart) -> None:
    chart.show_lines([Line("train", "accent", _curve([1 / n for n in range(1, 101)]))])
    with qtbot.waitSignal(chart.zoomed):
        qtbot.keyClick(chart, Qt.Key.Key_Plus)
    window = chart.window_of_steps
    assert window is not None
    assert 1 < window[0] < window[1] < 100
    qtbot.keyClick(chart, Qt.Key.Key_Right)
    moved = chart.window_of_steps
    assert moved is not None
    assert moved[0] > window[0]
    assert moved[1] - moved[0] == pytest.approx(window[1] - window[0])
    qtbot.keyClick(chart, Qt.Key.Key_0)
    assert chart.window_of_steps is None


def test_a_logarithmic_chart_and_no_points_at_all_are_drawn(chart: CurveChart) -> None:
    chart.set_log(True)
    assert not chart.grab().isNull()
    chart.show_lines([])
    assert not chart.grab().isNull()


def test_the_chart_is_kept_as_a_picture(qtbot: QtBot, tmp_path: Path) -> None:
    curves = TrainingCurves()
    qtbot.addWidget(curves)
    curves.resize(800, 500)
    curves.show()
    with qtbot.waitSignal(curves.exported):
        curves.export(tmp_path / "loss")
    assert QPixmap(str(tmp_path / "loss.png")).width() > 800
    with qtbot.waitSignal(curves.refused):
        curves.export(tmp_path / "nowhere" / "loss.png")


@pytest.fixture
def process(tmp_path: Path) -> Iterator[TrainingProcess]:
    made = TrainingProcess(tmp_path / "runs")
    yield made
    assert made.close()


@pytest.mark.parametrize(
    "points", [3_000, pytest.param(100_000, marks=pytest.mark.long)], ids=["3,000", "100,000"]
)
def test_a_long_run_is_read_thinned_and_drawn_beside_the_event_loop(
    qtbot: QtBot,
    tmp_path: Path,
    process: TrainingProcess,
    points: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = write_run(tmp_path / "runs", "long-run", points, points + 100, eval_every=500)
    lock = run.worker_lock()
    lock.acquire()
    curves = TrainingCurves()
    qtbot.addWidget(curves)
    curves.resize(900, 600)
    curves.show()
    qtbot.waitExposed(curves)
    watch = EventLoopWatch(curves)
    process.pictured.connect(curves.show_portraits)
    curves.smoothed.connect(process.smooth)
    curves.zoomed.connect(process.zoom)
    chart = curves.chart

    def last() -> int:
        return chart.lines[0].measured.steps[-1] if chart.lines else 0

    watch.start()
    watch.enter("reading")
    process.set_eager(True)
    process.show([run.identifier])
    process.start()
    qtbot.waitUntil(lambda: last() == points, timeout=WAIT_MS)
    assert all(len(line.measured.steps) <= 4_000 for line in chart.lines)
    assert {"train", "eval"} <= {line.label for line in chart.lines}
    watch.enter("growing")
    append(run, step_lines(run, points + 50, points + 100, points + 1))
    qtbot.waitUntil(lambda: last() == points + 50, timeout=WAIT_MS)
    watch.enter("smoothing")
    before = chart.lines[0].smooth
    curves.set_smoothing(0.95)
    qtbot.waitUntil(lambda: chart.lines[0].smooth != before, timeout=WAIT_MS)
    watch.enter("zooming")
    curves.set_log(True)
    for _ in range(12):
        qtbot.keyClick(chart, Qt.Key.Key_Plus)
        qtbot.wait(1)  # one key at a time, as a person presses them
    window = chart.window_of_steps
    assert window is not None

    def finest() -> int:
        steps = [s for s in chart.lines[0].measured.steps if window[0] <= s <= window[1]]
        return max((b - a for a, b in pairwise(steps)), default=points)

    qtbot.waitUntil(lambda: finest() <= max(2, (window[1] - window[0]) / 100), timeout=WAIT_MS)
    watch.enter("moving the pointer")
    for x in range(60, 800, 10):
        qtbot.mouseMove(chart, QPoint(x, 120))
        chart.repaint()
        qtbot.wait(1)
    watch.stop()
    lock.release()
    with capsys.disabled():
        for gap in watch.longest():
            print(f"\n  {points} points, {gap.phase}: longest gap {gap.gap_ms:.0f} ms", end="")
    assert not watch.gaps_over(STUCK_MS)
