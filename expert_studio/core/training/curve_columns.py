"""Curves that grow a point at a time and stay small enough to draw. Qt-free, torch-free.

A column keeps every point as plain numbers; beside it lie buckets of lowest and highest
values whose stretch doubles when they grow too many, so that a point costs the same whether
it is the tenth or the hundred-thousandth.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from expert_studio.core.training.curves import Curve, kept_places

DRAWN_POINTS = 1200
SMALL_POINTS = 240  # of a chart the size of a stamp


class Buckets:
    """Lowest and highest point of each stretch of points; at most `most` points in all."""

    def __init__(self, most: int = DRAWN_POINTS) -> None:
        self._most = max(8, most // 2)
        self.clear()

    def clear(self) -> None:
        self._stretch = 1
        self._last_count = 0
        self._first: tuple[int, float] | None = None
        self._last: tuple[int, float] | None = None
        # first step, step and value of the lowest, step and value of the highest
        self._buckets: list[tuple[int, int, float, int, float]] = []

    def add(self, step: int, value: float) -> None:
        """Takes the next point; NaN keeps a gap where nothing else lies in its stretch."""
        self._last = (step, value)
        self._first = self._first or self._last
        point = (step, step, value, step, value)
        if self._buckets and self._last_count < self._stretch:
            self._buckets[-1] = _joined(self._buckets[-1], point)
            self._last_count += 1
            return
        self._buckets.append(point)
        self._last_count = 1
        if len(self._buckets) > self._most:
            self._halve()

    def points(self) -> list[tuple[int, float]]:
        """Those to draw, the first and the last of all among them."""
        inner = list(self._inner())
        if not inner or self._first is None or self._last is None:
            return inner
        before = [self._first] if inner[0][0] > self._first[0] else []
        after = [self._last] if inner[-1][0] < self._last[0] else []
        return before + inner + after

    def _inner(self) -> Iterator[tuple[int, float]]:
        for first, low_at, low, high_at, high in self._buckets:
            if math.isnan(low):
                yield first, math.nan
            elif low_at == high_at:
                yield low_at, low
            elif low_at < high_at:
                yield low_at, low
                yield high_at, high
            else:
                yield high_at, high
                yield low_at, low

    def _halve(self) -> None:
        old = self._buckets
        whole = len(old) // 2 * 2
        joined = [_joined(old[at], old[at + 1]) for at in range(0, whole, 2)]
        self._last_count += self._stretch if whole == len(old) else 0
        self._buckets = joined + old[whole:]
        self._stretch *= 2


class Column:
    """One quantity of a run by step, as measured and smoothed.

    Smoothing is `curves.smoothed`, carried on point by point.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.steps = array("q")
        self.values = array("d")
        self._smooth = array("d")
        self._amount = 0.0
        self._measured, self._drawn_smooth = Buckets(), Buckets()
        self._small, self._small_smooth = Buckets(SMALL_POINTS), Buckets(SMALL_POINTS)
        self._held, self._weight = 0.0, 0.0

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def last(self) -> float:
        """The newest value; NaN where there is none."""
        return self.values[-1] if self.values else math.nan

    def add(self, step: int, value: float) -> None:
        self.steps.append(step)
        self.values.append(value)
        self._measured.add(step, value)
        self._small.add(step, value)
        if self._amount > 0:
            self._add_smooth(step, value)

    def smooth(self, amount: float) -> None:
        """Smooths by this amount from now on, 0 to 0.999; 0 is as measured."""
        if amount == self._amount:
            return
        self._amount = amount
        self._smooth_anew()

    def cut(self, last_step: int) -> None:
        """Forgets what came after a step: a resumed run went back over it."""
        kept = bisect_right(self.steps, last_step)
        if kept == len(self.steps):
            return
        del self.steps[kept:], self.values[kept:]
        for buckets in (self._measured, self._small):
            buckets.clear()
            for step, value in zip(self.steps, self.values, strict=True):
                buckets.add(step, value)
        self._smooth_anew()

    def drawn(self, window: tuple[float, float] | None = None) -> Curve:
        """What a chart draws of it, all or between two steps."""
        return self._drawn(self._measured, self.values, window)

    def drawn_smooth(self, window: tuple[float, float] | None = None) -> Curve | None:
        """The smoothed one; None where nothing is smoothed."""
        if self._amount <= 0 or len(self) < 3:
            return None
        return self._drawn(self._drawn_smooth, self._smooth, window)

    def drawn_small(self) -> Curve:
        """All of it in few points, smoothed where it is."""
        smooth = self._amount > 0 and len(self) >= 3
        points = (self._small_smooth if smooth else self._small).points()
        return Curve(self.name, tuple(s for s, _ in points), tuple(v for _, v in points))

    def _drawn(
        self, buckets: Buckets, values: array[float], window: tuple[float, float] | None
    ) -> Curve:
        if window is None or len(self.steps) <= DRAWN_POINTS:
            points = buckets.points()
            return Curve(self.name, tuple(s for s, _ in points), tuple(v for _, v in points))
        # one point more at each side, so that lines run out of the picture
        low = max(0, bisect_left(self.steps, window[0]) - 1)
        high = bisect_right(self.steps, window[1]) + 1
        steps, there = self.steps[low:high], values[low:high]
        kept = kept_places(there, DRAWN_POINTS)
        return Curve(self.name, tuple(steps[i] for i in kept), tuple(there[i] for i in kept))

    def _smooth_anew(self) -> None:
        self._smooth = array("d")
        self._drawn_smooth.clear()
        self._small_smooth.clear()
        self._held, self._weight = 0.0, 0.0
        if self._amount > 0:
            for step, value in zip(self.steps, self.values, strict=True):
                self._add_smooth(step, value)

    def _add_smooth(self, step: int, value: float) -> None:
        shown = math.nan
        if math.isfinite(value):
            self._held = self._amount * self._held + (1 - self._amount) * value
            self._weight = self._amount * self._weight + (1 - self._amount)
            shown = self._held / self._weight
        self._smooth.append(shown)
        self._drawn_smooth.add(step, shown)
        self._small_smooth.add(step, shown)


def _joined(
    one: tuple[int, int, float, int, float], other: tuple[int, int, float, int, float]
) -> tuple[int, int, float, int, float]:
    """Two stretches as one. A NaN is neither lower nor higher than a number."""
    first, low_at, low, high_at, high = one
    _, other_low_at, other_low, other_high_at, other_high = other
    if math.isnan(low):
        return (first, *other[1:])
    if other_low < low:
        low_at, low = other_low_at, other_low
    if other_high > high:
        high_at, high = other_high_at, other_high
    return first, low_at, low, high_at, high
