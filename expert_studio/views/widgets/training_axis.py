"""Where values lie on a chart and which of them are written beside it. Knows no widget."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_ROUND = (1.0, 2.0, 5.0, 10.0)
_LEAST_LOG = 1e-12


@dataclass(frozen=True, slots=True)
class Scale:
    """A range of values over a range of pixels; logarithmic or not."""

    low: float
    high: float
    first_px: float
    last_px: float
    log: bool = False

    def place(self, value: float) -> float:
        """The pixel of a value; NaN where it has none, as zero has on a logarithmic scale."""
        if self.log:
            if value <= 0:
                return math.nan
            share = (math.log10(value) - math.log10(self.low)) / self._decades
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.first_px + share * (self.last_px - self.first_px)

    def value(self, pixel: float) -> float:
        """The value at a pixel."""
        share = (pixel - self.first_px) / ((self.last_px - self.first_px) or 1.0)
        if self.log:
            return float(10 ** (math.log10(self.low) + share * self._decades))
        return self.low + share * (self.high - self.low)

    @property
    def _decades(self) -> float:
        return math.log10(self.high) - math.log10(self.low)


def value_range(values: Iterable[float], log: bool, from_zero: bool = False) -> tuple[float, float]:
    """The range a chart of these values spans, with a little room; never empty."""
    there = [v for v in values if math.isfinite(v) and (v > _LEAST_LOG or not log)]
    if not there:
        return (0.1, 1.0) if log else (0.0, 1.0)
    low, high = min(there), max(there)
    if log:
        if high / low < 1.2:
            return low / 1.2, high * 1.2
        room = (high / low) ** 0.05
        return low / room, high * room
    if from_zero and low >= 0 and low < 0.6 * high:
        low = 0.0
    room = (high - low) * 0.06 or abs(high) * 0.1 or 1.0
    return (low if from_zero and low == 0 else low - room), high + room


def ticks(low: float, high: float, most: int, whole: bool = False) -> tuple[float, ...]:
    """At most about `most` round values within a range; `whole` gives whole numbers."""
    if not high > low or most < 1:
        return ()
    rough = (high - low) / most
    power = 10 ** math.floor(math.log10(rough))
    step = next((r * power for r in _ROUND if r * power >= rough), 10 * power)
    if whole:
        step = max(1.0, float(math.ceil(step)))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return tuple(number * step for number in range(first, last + 1))


def log_ticks(low: float, high: float, most: int) -> tuple[float, ...]:
    """Powers of ten within a range, with 2 and 5 times them where there are few."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    figures: Sequence[float] = (1, 2, 5) if len(decades) <= 3 else (1,)
    found = [f * 10.0**power for power in decades for f in figures]
    there = [value for value in found if low <= value <= high]
    every = max(1, math.ceil(len(there) / max(1, most)))
    return tuple(there[::every]) if len(there) >= 2 else ticks(low, high, most)


def figure_text(value: float) -> str:
    """A value in few characters: "0.412", "3.9k", "1e-4", "—" for none."""
    if not math.isfinite(value):
        return "—"
    size = abs(value)
    if size == 0:
        return "0"
    if size >= 1e6:
        return f"{value / 1e6:.3g}M"
    if size >= 1e4:
        return f"{value / 1e3:.3g}k"
    if size >= 100:
        return f"{value:,.0f}"
    if size < 1e-3:
        mantissa, _, exponent = f"{value:.1e}".partition("e")
        return f"{mantissa.removesuffix('.0')}e{int(exponent)}"
    return f"{value:.3g}" if size < 10 else f"{value:.4g}"
