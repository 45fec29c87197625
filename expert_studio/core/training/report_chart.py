"""Curves and scores as small SVG pictures that stand in a report: light, readable, no script.

Knows nothing of Qt; the live charts of the window are views.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape

from expert_studio.core.training.curves import Curve, smoothed, thinned
from expert_studio.core.training.scores import Measurement

WIDTH, HEIGHT = 680, 250
LEFT, RIGHT, TOP, BOTTOM = 62, 16, 34, 38
MOST_POINTS = 600
TICKS = 5
TICKS_ACROSS = 10
SMOOTHING = 0.9
_TREMBLES = frozenset({"loss", "grad_norm", "reward_margin", "reward_accuracy"})
_LONG = 80  # steps; a shorter curve is read as it is
_COLOURS = ("#2563a8", "#b8531a", "#4b7d32", "#7a4a9c")
_INK, _FAINT, _GRID = "#26323d", "#5d6b78", "#e3e8ec"
_ROW = 34


def line_chart(title: str, curves: Sequence[Curve], unit: str = "") -> str:
    """Curves over the same steps in one picture; a NaN is a gap.

    Long ones that tremble from step to step stand pale, with their smoothed course over them.

    Returns:
        An `<svg>` element; "" where no curve holds a number.
    """
    shown = [thinned(curve, MOST_POINTS) for curve in curves]
    points = [
        (step, value)
        for curve in shown
        for step, value in zip(curve.steps, curve.values, strict=True)
        if math.isfinite(value)
    ]
    if not points:
        return ""
    across = _Scale([float(step) for step, _ in points], LEFT, WIDTH - RIGHT, TICKS_ACROSS)
    up = _Scale([value for _, value in points], HEIGHT - BOTTOM, TOP)
    calm = [_smooth(curve) for curve in curves]
    parts = [_caption(title, unit, "bold: smoothed" if any(calm) else ""), *_grid(across, up)]
    for number, (curve, course) in enumerate(zip(shown, calm, strict=True)):
        colour = _COLOURS[number % len(_COLOURS)]
        parts += _line(curve, across, up, colour, 0.3 if course else 1.0)
        if course is not None:
            parts += _line(course, across, up, colour)
    if len(shown) > 1:
        parts += _legend([curve.name for curve in shown])
    return _svg(title, HEIGHT, parts)


def interval_chart(title: str, rows: Sequence[tuple[str, Measurement]]) -> str:
    """Scores from 0 to 100 % as points with their 95 % intervals, one line each."""
    if not rows:
        return ""
    height = TOP + _ROW * len(rows) + BOTTOM
    left = 200
    across = _Scale([0.0, 1.0], left, WIDTH - 70)
    parts = [_caption(title, "")]
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = across.at(tick)
        parts.append(_rule(x, TOP, x, height - BOTTOM))
        parts.append(_text(x, height - BOTTOM + 18, f"{tick * 100:.0f} %", "middle", _FAINT))
    for number, (name, measured) in enumerate(rows):
        y = TOP + _ROW * (number + 0.5)
        low, high = (across.at(end) for end in measured.interval)
        colour = _COLOURS[0] if number == 0 else _FAINT
        parts.append(_text(left - 12, y + 4, name, "end", _INK))
        parts.append(
            f'<line x1="{low:.1f}" y1="{y:.1f}" x2="{high:.1f}" y2="{y:.1f}" stroke="{colour}" '
            'stroke-width="6" stroke-linecap="round" stroke-opacity="0.35"/>'
        )
        x = across.at(measured.score)
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5.5" fill="{colour}"/>')
        parts.append(_text(WIDTH - 8, y + 4, f"{measured.score * 100:.1f} %", "end", _INK))
    return _svg(title, height, parts)


def _smooth(curve: Curve) -> Curve | None:
    if curve.name not in _TREMBLES or len(curve.steps) <= _LONG:
        return None
    return thinned(Curve(curve.name, curve.steps, smoothed(curve.values, SMOOTHING)), MOST_POINTS)


class _Scale:
    """Values to pixels, over round numbers that hold them all; steps, by `whole` ticks at most."""

    def __init__(self, values: Sequence[float], start: float, end: float, whole: int = 0) -> None:
        low, high = min(values), max(values)
        if high <= low:
            reach = abs(low) * 0.1 or 1.0
            low, high = (low, low + 1) if whole else (low - reach, high + reach)
        self._step = _round_step((high - low) / (whole or TICKS), bool(whole))
        self._low = low if whole else math.floor(low / self._step) * self._step
        self._high = high if whole else math.ceil(high / self._step) * self._step
        self._start, self._end = start, end

    def at(self, value: float) -> float:
        share = (value - self._low) / (self._high - self._low)
        return self._start + share * (self._end - self._start)

    def ticks(self) -> list[float]:
        first = math.ceil(self._low / self._step - 1e-9)
        last = math.floor(self._high / self._step + 1e-9)
        return [number * self._step for number in range(first, last + 1)]


def _round_step(rough: float, whole: bool) -> float:
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if rough <= power * factor * 1.0001)
    return max(1.0, float(math.ceil(step))) if whole else step


def _grid(across: _Scale, up: _Scale) -> Iterator[str]:
    for value in up.ticks():
        y = up.at(value)
        yield _rule(LEFT, y, WIDTH - RIGHT, y)
        yield _text(LEFT - 8, y + 4, number_text(value), "end", _FAINT)
    for value in across.ticks():
        x = across.at(value)
        yield _text(x, HEIGHT - BOTTOM + 18, number_text(value), "middle", _FAINT)
    yield _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 4, "step", "middle", _FAINT)


def number_text(value: float) -> str:
    """A tick's number as short as it can be read: "0.002", "1.5", "12k"."""
    if value == 0:
        return "0"
    size = abs(value)
    for least, sign in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if size >= least:
            power = {"G": 1e9, "M": 1e6, "k": 1e3}[sign]
            return f"{value / power:.4g}{sign}"
    if size >= 1e-4:
        return f"{value:.4g}"
    mantissa, _, exponent = f"{value:.1e}".partition("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent)}"


def _line(
    curve: Curve, across: _Scale, up: _Scale, colour: str, opacity: float = 1.0
) -> Iterator[str]:
    """One path for each stretch without a gap; a lone point is a dot."""
    stretch: list[tuple[float, float]] = []
    for step, value in [*zip(curve.steps, curve.values, strict=True), (0, math.nan)]:
        if math.isfinite(value):
            stretch.append((across.at(step), up.at(value)))
            continue
        if len(stretch) == 1:
            (x, y) = stretch[0]
            yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'
        elif stretch:
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in stretch)
            yield (
                f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.8" '
                f'stroke-linejoin="round" stroke-opacity="{opacity:g}"/>'
            )
            if len(curve.steps) <= 40:
                for x, y in stretch:
                    yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.4" fill="{colour}"/>'
        stretch = []


def _legend(names: Sequence[str]) -> Iterator[str]:
    x = WIDTH - RIGHT
    for number, name in reversed(list(enumerate(names))):
        said = name.replace("_", " ")
        x -= 7 * len(said)
        yield _text(x, 20, said, "start", _INK)
        yield (
            f'<line x1="{x - 24}" y1="16" x2="{x - 6}" y2="16" '
            f'stroke="{_COLOURS[number % len(_COLOURS)]}" stroke-width="3"/>'
        )
        x -= 42


def _caption(title: str, unit: str, how: str = "") -> str:
    said = ", ".join(part for part in (title, unit) if part) + (f" ({how})" if how else "")
    return f'<text x="0" y="20" font-weight="600" fill="{_INK}">{escape(said)}</text>'


def _text(x: float, y: float, said: str, anchor: str, colour: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" '
        f'font-size="12">{escape(said)}</text>'
    )


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{_GRID}" '
        'stroke-width="1"/>'
    )


def _svg(title: str, height: float, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" '
        f'width="{WIDTH}" height="{height:.0f}" role="img" aria-label="{escape(title)}" '
        f'font-family="Inter, Segoe UI, Helvetica, Arial, sans-serif" font-size="13">'
        f"<title>{escape(title)}</title>{''.join(parts)}</svg>"
    )
