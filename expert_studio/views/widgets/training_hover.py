"""What a chart says of the step under the pointer: a line, dots, a small card of values."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen

from expert_studio.views.theme import body_font
from expert_studio.views.theme_tokens import Tokens
from expert_studio.views.widgets.training_axis import Scale

if TYPE_CHECKING:
    from expert_studio.views.widgets.training_strokes import Line

_PADDING, _ROW = 9.0, 16.0


def paint_hover(
    painter: QPainter,
    tokens: Tokens,
    found: tuple[int, tuple[tuple[Line, float], ...]],
    scales: tuple[Scale, Scale],
    as_text: Callable[[float], str],
    room: QRect,
) -> None:
    """Paints it within `room`; `found` is a step with each line's value there."""
    step, values = found
    x, y = scales
    place = x.place(step)
    if not x.first_px - 1 <= place <= x.last_px + 1:
        return
    painter.setPen(QPen(QColor(tokens.faint), 1))
    painter.drawLine(QPointF(place, y.last_px), QPointF(place, y.first_px))
    for line, value in values:
        height = y.place(value) if math.isfinite(value) else math.nan
        if not math.isnan(height) and y.last_px - 2 <= height <= y.first_px + 2:
            painter.setPen(QPen(QColor(tokens.surface), 1.5))
            painter.setBrush(QColor(getattr(tokens, line.colour)))
            painter.drawEllipse(QPointF(place, height), 4, 4)
    title = QCoreApplication.translate("training", "step {n}").format(n=f"{step:,}")
    rows = [(line.label, as_text(value), line.colour) for line, value in values]
    painter.setFont(body_font(11))
    metrics = QFontMetricsF(painter.font())
    names = max((metrics.horizontalAdvance(name) for name, _, _ in rows), default=0.0)
    figures = max((metrics.horizontalAdvance(text) for _, text, _ in rows), default=0.0)
    wide = max(names + figures + 30, metrics.horizontalAdvance(title)) + 2 * _PADDING
    tall = _ROW * (len(rows) + 1) + 2 * _PADDING - 4
    left = place + 12 if place + 12 + wide < room.width() else place - 12 - wide
    card = QRectF(max(2.0, left), y.last_px + 4, wide, tall)
    painter.setPen(QPen(QColor(tokens.line), 1))
    painter.setBrush(QColor(tokens.raised))
    painter.drawRoundedRect(card, 7, 7)
    top = card.top() + _PADDING - 2
    inside = QRectF(card.left() + _PADDING, top, wide - 2 * _PADDING, _ROW)
    painter.setPen(QColor(tokens.muted))
    painter.drawText(inside, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, title)
    for number, (name, text, colour) in enumerate(rows, 1):
        row = inside.translated(0, number * _ROW)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(getattr(tokens, colour)))
        painter.drawEllipse(QPointF(row.left() + 4, row.center().y()), 3.5, 3.5)
        painter.setPen(QColor(tokens.text))
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(row.adjusted(14, 0, 0, 0), Qt.AlignmentFlag.AlignLeft | middle, name)
        painter.drawText(row, Qt.AlignmentFlag.AlignRight | middle, text)
