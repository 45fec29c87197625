"""The lines of a chart, drawn: pale as measured, bold smoothed. Knows pixels, not scales.

Many points cost far more in a wide pen's one stroke than as lines of their own, and a
see-through pen more than one of the mixed colour: a hundred times, with a thousand points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from PySide6.QtCore import QLineF, QPointF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from expert_studio.core.training.curves import Curve
from expert_studio.views.theme_tokens import Tokens

DASHES: tuple[tuple[float, ...], ...] = ((), (6, 3), (2, 3), (8, 3, 2, 3))
Parts = list[list[QPointF]]  # of one curve, between its gaps
_WIDE, _COMPACT, _PALE = 1.8, 1.4, 1.0
_MANY = 150  # points of a part; the corners of so many are not seen
_DOTTED = 60  # points that get a dot each at most


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chart.

    `colour` is the name of a token. `smooth` is drawn over `measured`, which then goes pale.
    `dash` and `dotted` tell lines apart without colour.
    """

    label: str
    colour: str
    measured: Curve
    smooth: Curve | None = None
    dash: int = 0
    dotted: bool = False

    @property
    def shown(self) -> Curve:
        return self.smooth or self.measured


def paint_strokes(
    painter: QPainter,
    tokens: Tokens,
    strokes: Sequence[tuple[Line, Parts, Parts]],
    compact: bool,
) -> None:
    """Each line with what was measured and what is smoothed; nothing pale lies over what is bold.

    `compact`: thinner, and without dots.
    """
    for line, measured, smooth in strokes:
        if smooth:
            pen = QPen(_mixed(tokens, line.colour), _PALE)
            pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
            painter.setPen(pen)
            for part in measured:
                painter.drawPolyline(QPolygonF(part))
    for line, measured, smooth in strokes:
        colour = QColor(getattr(tokens, line.colour))
        pen = QPen(colour, _COMPACT if compact else _WIDE)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        if line.dash:
            pen.setDashPattern(DASHES[line.dash % len(DASHES)] or (1, 0))
        for part in smooth or measured:
            _stroke(painter, pen, part)
        if not compact:
            _dots(painter, colour, measured, line.dotted)


def _stroke(painter: QPainter, pen: QPen, part: Sequence[QPointF]) -> None:
    if len(part) <= _MANY or pen.style() == Qt.PenStyle.CustomDashLine:
        painter.setPen(pen)
        painter.drawPolyline(QPolygonF(part))
        return
    flat = QPen(pen)
    flat.setCapStyle(Qt.PenCapStyle.FlatCap)
    painter.setPen(flat)
    painter.drawLines([QLineF(one, other) for one, other in pairwise(part)])


def _dots(painter: QPainter, colour: QColor, measured: Parts, dotted: bool) -> None:
    """Where few points were measured, or one stands alone between two gaps."""
    few = dotted and sum(len(part) for part in measured) <= _DOTTED
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    for part in measured:
        if few or len(part) == 1:
            for point in part:
                painter.drawEllipse(point, 2.6, 2.6)
    painter.setBrush(Qt.BrushStyle.NoBrush)


def _mixed(tokens: Tokens, name: str) -> QColor:
    """A line's colour, pale on the card it lies on."""
    over, under = QColor(getattr(tokens, name)), QColor(tokens.surface)
    share = 0.34 if tokens.dark else 0.28
    return QColor.fromRgbF(
        *(
            share * getattr(over, part)() + (1 - share) * getattr(under, part)()
            for part in ("redF", "greenF", "blueF")
        )
    )
