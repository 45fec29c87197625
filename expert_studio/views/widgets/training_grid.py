"""The grid of a chart: lines at round values, steps below, marks. Knows scales, not curves."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from expert_studio.views.theme_tokens import Tokens
from expert_studio.views.widgets.training_axis import Scale, log_ticks, ticks

BOTTOM = 22.0  # pixels for the steps


def value_ticks(y: Scale) -> tuple[float, ...]:
    """The values beside the grid's lines."""
    most = max(2, int(abs(y.first_px - y.last_px) / 46))
    return log_ticks(y.low, y.high, most) if y.log else ticks(y.low, y.high, most)


def paint_grid(
    painter: QPainter,
    tokens: Tokens,
    scales: tuple[Scale, Scale],
    as_text: Callable[[float], str],
    marks: Sequence[tuple[int, str]],
    focused: bool,
) -> None:
    """`marks` are steps with a word each; one that keys have reached has a dotted frame."""
    x, y = scales
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    line, words = QPen(QColor(tokens.line), 1), QPen(QColor(tokens.muted), 1)
    for value in value_ticks(y):
        height = round(y.place(value))
        painter.setPen(line)
        painter.drawLine(QPointF(x.first_px, height), QPointF(x.last_px, height))
        painter.setPen(words)
        box = QRectF(0, height - 8, x.first_px - 7, 16)
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(box, right, as_text(value))
    if focused:
        painter.setPen(QPen(QColor(tokens.accent), 1, Qt.PenStyle.DotLine))
        painter.drawRect(QRectF(QPointF(x.first_px, y.last_px), QPointF(x.last_px, y.first_px)))
    painter.setPen(words)
    for value in ticks(x.low, x.high, max(2, int((x.last_px - x.first_px) / 90)), whole=True):
        box = QRectF(x.place(value) - 40, y.first_px + 5, 80, 15)
        painter.drawText(box, Qt.AlignmentFlag.AlignHCenter, f"{value:,.0f}")
    dashed = QPen(QColor(tokens.faint), 1, Qt.PenStyle.DashLine)
    for step, text in marks:
        if x.low <= step <= x.high:
            place = x.place(step)
            painter.setPen(dashed)
            painter.drawLine(QPointF(place, y.last_px), QPointF(place, y.first_px))
            painter.setPen(words)
            left = place > (x.first_px + x.last_px) / 2
            box = QRectF(place - 126 if left else place + 6, y.last_px, 120, 14)
            side = Qt.AlignmentFlag.AlignRight if left else Qt.AlignmentFlag.AlignLeft
            painter.drawText(box, side, text)
