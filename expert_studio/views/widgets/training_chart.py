"""Curves over steps, painted: hover values, zoom, pan, logarithmic or not, a picture to keep.

Painted here and not by a plotting library: a chart is a few hundred points that were thinned
beside the window, and numpy's import alone would stop the window for a quarter of a second.
Wheel zooms, drag pans, a double click or the 0 key shows everything again.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QFontMetricsF,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from expert_studio.core.training.curves import Curve
from expert_studio.views.theme import body_font, tokens_of
from expert_studio.views.theme_tokens import Tokens
from expert_studio.views.widgets.training_axis import (
    Scale,
    figure_text,
    value_range,
)
from expert_studio.views.widgets.training_grid import BOTTOM, paint_grid, value_ticks
from expert_studio.views.widgets.training_hover import paint_hover
from expert_studio.views.widgets.training_strokes import Line, Parts, paint_strokes

_TOP, _RIGHT = 8.0, 14.0
_ZOOM = 1.25  # a notch of the wheel
_LEAST_STEPS = 4.0
_FEW_POINTS = 60  # all of them count for the height of the chart


class CurveChart(QWidget):
    """Signals:
    zoomed(object): first and last step that are shown now, or None for all.
    """

    zoomed = Signal(object)

    def __init__(self, compact: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._compact = compact
        self._lines: Sequence[Line] = ()
        self._format: Callable[[float], str] = figure_text
        self._log = False
        self._from_zero = True
        self._marks: Sequence[tuple[int, str]] = ()
        self._window: tuple[float, float] | None = None
        self._whole = (0.0, 1.0)
        self._hover: float | None = None  # pixels from the left
        self._grabbed: tuple[float, tuple[float, float]] | None = None
        self._polygons: list[tuple[Line, Parts, Parts]] | None = None
        self._drawn: tuple[tuple[float, Tokens, bool], QPixmap] | None = None
        self._x = self._y = Scale(0, 1, 0, 1)
        self._framed = False  # reached by keyboard: a frame says that keys come here
        self._waiting_text = self.tr("The first step is still being prepared.")
        if not compact:
            self.setMouseTracking(True)
            self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(36 if compact else 160)

    # --- what it shows -----------------------------------------------------------------

    @property
    def lines(self) -> Sequence[Line]:
        return self._lines

    @property
    def window_of_steps(self) -> tuple[float, float] | None:
        """First and last step shown; None while all are."""
        return self._window

    def show_lines(
        self,
        lines: Sequence[Line],
        last_step: int = 0,
        marks: Sequence[tuple[int, str]] = (),
        as_text: Callable[[float], str] = figure_text,
        from_zero: bool = True,
    ) -> None:
        """`last_step` is where the run will end, so that a curve grows into its place."""
        self._lines, self._marks, self._format = lines, marks, as_text
        self._from_zero = from_zero
        ends = [line.measured.steps[-1] for line in lines if line.measured.steps]
        starts = [line.measured.steps[0] for line in lines if line.measured.steps]
        if self._window is None or self._whole == (0.0, 1.0):
            first = float(min(starts, default=0))
            self._whole = (first, max(first + 1.0, float(max([*ends, last_step], default=1))))
        self.setAccessibleDescription(self.in_words())
        self._forget()

    def set_waiting_text(self, text: str) -> None:
        """What stands where there is no line to draw."""
        self._waiting_text = text
        self._forget()

    def set_log(self, log: bool) -> None:
        self._log = log
        self._forget()

    def in_words(self) -> str:
        """The last value of each line, as a screen reader tells it."""
        told = []
        for line in self._lines:
            last = next((v for v in reversed(line.measured.values) if math.isfinite(v)), None)
            if last is not None:
                told.append(f"{line.label} {self._format(last)}")
        return "; ".join(told)

    def hovered(self) -> tuple[int, tuple[tuple[Line, float], ...]] | None:
        """The step under the pointer, and each line's value there; None without a pointer."""
        if self._hover is None:
            return None
        wanted = self._x.value(self._hover)
        nearest: list[tuple[float, int]] = []
        for line in self._lines:
            at = _nearest(line.measured.steps, wanted)
            if at is not None:
                step = line.measured.steps[at]
                nearest.append((abs(step - wanted), step))
        if not nearest:
            return None
        step = min(nearest)[1]
        spacing = max(1.0, (self._x.high - self._x.low) / 40)
        found = []
        for line in self._lines:
            at = _nearest(line.measured.steps, step)
            if at is not None and abs(line.measured.steps[at] - step) <= spacing:
                found.append((line, line.measured.values[at]))
        return step, tuple(found)

    def reset(self) -> None:
        """Shows every step again."""
        self._set_window(None)

    def zoom(self, factor: float, around: float | None = None) -> None:
        """Shows fewer steps (above 1) or more, around a step or the middle."""
        low, high = self._window or self._whole
        middle = (low + high) / 2 if around is None else around
        low, high = middle - (middle - low) / factor, middle + (high - middle) / factor
        if high - low >= self._whole[1] - self._whole[0]:
            self._set_window(None)
        elif high - low >= _LEAST_STEPS:
            self._move_to(low, high)

    def pan(self, share: float) -> None:
        """Moves by a share of what is shown; above 0 to later steps."""
        if self._window is not None:
            low, high = self._window
            by = (high - low) * share
            self._move_to(low + by, high + by)

    def picture(self, ratio: float = 2.0) -> QPixmap:
        """The chart as a picture of `ratio` times its size, on an opaque ground."""
        made = QPixmap(self.size() * ratio)
        made.setDevicePixelRatio(ratio)
        made.fill(QColor(tokens_of(self).surface))
        painter = QPainter(made)
        self._paint(painter)
        painter.end()
        return made

    # --- the person --------------------------------------------------------------------

    def sizeHint(self) -> QSize:
        return QSize(160, 48) if self._compact else QSize(520, 260)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._forget()

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self._compact or not event.angleDelta().y():
            event.ignore()
            return
        notches = event.angleDelta().y() / 120
        self.zoom(_ZOOM**notches, self._x.value(event.position().x()))
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._compact:
            event.ignore()
        elif self._window is not None and event.button() == Qt.MouseButton.LeftButton:
            self._grabbed = (event.position().x(), self._window)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._grabbed is not None:
            start, (low, high) = self._grabbed
            span = self._x.last_px - self._x.first_px
            by = (start - event.position().x()) / max(1.0, span) * (high - low)
            self._move_to(low + by, high + by)
            return
        self._hover = event.position().x()
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._grabbed = None
        if self._compact:
            event.ignore()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.reset()

    def focusInEvent(self, event: QFocusEvent) -> None:
        by_keys = (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)
        self._framed = event.reason() in by_keys
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._framed = False
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        self._hover = None
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        does: dict[int, Callable[[], None]] = {
            Qt.Key.Key_Plus: lambda: self.zoom(_ZOOM),
            Qt.Key.Key_Equal: lambda: self.zoom(_ZOOM),
            Qt.Key.Key_Minus: lambda: self.zoom(1 / _ZOOM),
            Qt.Key.Key_Left: lambda: self.pan(-0.2),
            Qt.Key.Key_Right: lambda: self.pan(0.2),
            Qt.Key.Key_0: self.reset,
        }
        if event.key() in does and not self._compact:
            does[event.key()]()
        else:
            super().keyPressEvent(event)

    def _move_to(self, low: float, high: float) -> None:
        first, last = self._whole
        width = high - low
        low = min(max(low, first), last - width)
        self._set_window((low, low + width))

    def _set_window(self, window: tuple[float, float] | None) -> None:
        if window != self._window:
            self._window = window
            self._forget()
            self.zoomed.emit(window)

    # --- painting ----------------------------------------------------------------------

    def _forget(self) -> None:
        self._polygons = None
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The curves are drawn once and kept: the pointer moves over thousands of points."""
        key = (self.devicePixelRatioF(), tokens_of(self), self._framed)
        if self._polygons is None or self._drawn is None or self._drawn[0] != key:
            self._drawn = (key, self.picture(key[0]))
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._drawn[1])
        if self._grabbed is None and (found := self.hovered()) is not None:
            scales = (self._x, self._y)
            paint_hover(painter, key[1], found, scales, self._format, self.rect())
        painter.end()

    def _paint(self, painter: QPainter) -> None:
        tokens = tokens_of(self)
        painter.setFont(body_font(10))
        if self._polygons is None:
            self._lay_out(QFontMetricsF(painter.font()))
        if not any(line.measured.steps for line in self._lines):
            painter.setPen(QColor(tokens.muted))
            painter.setFont(body_font(11))
            if not self._compact:
                painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self._waiting_text)
            return
        if not self._compact:
            scales = (self._x, self._y)
            paint_grid(painter, tokens, scales, self._format, self._marks, self._framed)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.save()
        corners = (
            QPointF(self._x.first_px, self._y.last_px),
            QPointF(self._x.last_px, self._y.first_px),
        )
        painter.setClipRect(QRectF(*corners).adjusted(-3, -3, 3, 3))
        paint_strokes(painter, tokens, self._polygons or (), self._compact)
        painter.restore()

    def _lay_out(self, metrics: QFontMetricsF) -> None:
        low, high = self._window or self._whole
        # smoothed curves decide the height: one wild step should not flatten all the others
        inside = [
            value
            for line in self._lines
            for curve in (_deciding(line),)
            for step, value in zip(curve.steps, curve.values, strict=True)
            if low <= step <= high
        ]
        bottom, top = value_range(inside, self._log, self._from_zero)
        if self._compact:
            left, right, over, under = 1.0, self.width() - 2.0, 4.0, self.height() - 4.0
        else:
            over, under = _TOP, self.height() - BOTTOM
            texts = [
                self._format(v) for v in value_ticks(Scale(bottom, top, under, over, self._log))
            ]
            left = max((metrics.horizontalAdvance(text) for text in texts), default=20.0) + 10
            right = self.width() - _RIGHT
        self._x = Scale(low, high, left, right)
        self._y = Scale(bottom, top, under, over, self._log)
        self._polygons = [
            (
                line,
                self._polygons_of(line.measured),
                self._polygons_of(line.smooth) if line.smooth else [],
            )
            for line in self._lines
        ]

    def _polygons_of(self, curve: Curve) -> Parts:
        """The parts of a curve in sight between its gaps, in pixels."""
        parts: list[list[QPointF]] = [[]]
        x, y = self._x, self._y
        first = max(0, bisect_left(curve.steps, x.low) - 1)
        last = bisect_right(curve.steps, x.high) + 1
        across = (x.last_px - x.first_px) / ((x.high - x.low) or 1.0)
        begin = x.first_px - x.low * across
        for step, value in zip(curve.steps[first:last], curve.values[first:last], strict=True):
            place = y.place(value) if math.isfinite(value) else math.nan
            if math.isnan(place):
                if parts[-1]:
                    parts.append([])
                continue
            parts[-1].append(QPointF(begin + step * across, min(max(place, -1e4), 1e4)))
        return [part for part in parts if part]


def _deciding(line: Line) -> Curve:
    """Of a long line the smoothed curve decides how high the chart is."""
    return line.shown if len(line.measured.steps) > _FEW_POINTS else line.measured


def _nearest(steps: Sequence[int], wanted: float) -> int | None:
    """The index of the step next to `wanted`."""
    if not steps:
        return None
    at = bisect_left(steps, wanted)
    if at == 0:
        return 0
    if at == len(steps):
        return at - 1
    return at if steps[at] - wanted < wanted - steps[at - 1] else at - 1
