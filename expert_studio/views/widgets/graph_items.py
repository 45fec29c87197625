"""The drawn parts of the dependency graph: nodes, curves, column titles.

Knows how they look in the tokens of the widget they are painted on; knows nothing of
where they stand or what happens when one is clicked.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from expert_studio.views.theme import body_font, tokens_of
from expert_studio.views.theme_tokens import LIGHT, Tokens
from expert_studio.views.widgets.graph_layout import NODE_HEIGHT, NODE_WIDTH

_RADIUS = 8.0
_BAR_WIDTH = 5.0
_TEXT_LEFT = 16.0


class NodeItem(QGraphicsItem):
    """A box with the tier's bar, a name and a caption; dashed when it is missing."""

    def __init__(self, name: str, caption: str, tier: str, missing: bool) -> None:
        super().__init__()
        self.name = name
        self.caption = caption
        self.tier = tier
        self._missing = missing
        self._chosen = False
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setToolTip(f"{name}\n{caption}")
        self.setZValue(1)

    def set_chosen(self, chosen: bool) -> None:
        self._chosen = chosen
        self.update()

    def boundingRect(self) -> QRectF:
        return QRectF(-2, -2, NODE_WIDTH + 4, NODE_HEIGHT + 4)

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionGraphicsItem,
        widget: QWidget | None = None,
    ) -> None:
        tokens = _tokens(widget)
        box = QRectF(0.5, 0.5, NODE_WIDTH - 1, NODE_HEIGHT - 1)
        outline = QPainterPath()
        outline.addRoundedRect(box, _RADIUS, _RADIUS)
        painter.fillPath(outline, QColor(tokens.surface if self._missing else tokens.raised))
        if not self._missing:
            painter.save()
            painter.setClipPath(outline)
            painter.fillRect(QRectF(0, 0, _BAR_WIDTH, NODE_HEIGHT), QColor(tokens.tier(self.tier)))
            painter.restore()
        painter.setPen(self._border(tokens))
        painter.drawPath(outline)
        self._paint_text(painter, tokens)

    def _border(self, tokens: Tokens) -> QPen:
        if self._chosen:
            pen = QPen(QColor(tokens.accent), 2)
        else:
            pen = QPen(QColor(tokens.warn if self._missing else tokens.line), 1)
        if self._missing:
            pen.setStyle(Qt.PenStyle.DashLine)
        return pen

    def _paint_text(self, painter: QPainter, tokens: Tokens) -> None:
        width = NODE_WIDTH - _TEXT_LEFT - 8
        lines = (
            (self.name, body_font(12, 600), tokens.text, 5.0),
            (self.caption, body_font(10), tokens.warn if self._missing else tokens.muted, 23.0),
        )
        for text, font, colour, top in lines:
            painter.setFont(font)
            painter.setPen(QColor(colour))
            shown = QFontMetricsF(font).elidedText(text, Qt.TextElideMode.ElideMiddle, width)
            painter.drawText(
                QRectF(_TEXT_LEFT, top, width, 18), Qt.AlignmentFlag.AlignVCenter, shown
            )


class EdgeItem(QGraphicsItem):
    """A curve from a dependency to the expert that needs it, broken where it does not hold."""

    def __init__(
        self, pair: tuple[str, str], points: Sequence[tuple[float, float]], state: str
    ) -> None:
        super().__init__()
        self.pair = pair
        self._state = state  # as core.experts.dependencies.GraphEdge has it
        self._path = _curve([QPointF(x, y) for x, y in points])
        self._chosen = False

    @property
    def refusal(self) -> bool:
        """Whether the two refuse each other, rather than one needing the other."""
        return self._state == "conflicting"

    def set_chosen(self, chosen: bool) -> None:
        self._chosen = chosen
        self.setZValue(0.5 if chosen else 0)
        self.update()

    def boundingRect(self) -> QRectF:
        return self._path.boundingRect().adjusted(-2, -2, 2, 2)

    def shape(self) -> QPainterPath:
        return QPainterPath()  # a click passes through to the nodes

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionGraphicsItem,
        widget: QWidget | None = None,
    ) -> None:
        tokens = _tokens(widget)
        colours = {
            "satisfied": tokens.accent if self._chosen else tokens.other,
            "missing": tokens.warn,
            "wrong-version": tokens.warn,
        }
        pen = QPen(QColor(colours.get(self._state, tokens.bad)), 1.8 if self._chosen else 1.4)
        if self._state != "satisfied":
            pen.setStyle(Qt.PenStyle.DashLine)
        painter.setPen(pen)
        painter.drawPath(self._path)


class ColumnTitle(QGraphicsItem):
    """The tier's name above a column."""

    def __init__(self, text: str, font: QFont) -> None:
        super().__init__()
        self._text = text
        self._font = font

    def boundingRect(self) -> QRectF:
        return QRectF(0, 0, NODE_WIDTH + 40, 16)

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionGraphicsItem,
        widget: QWidget | None = None,
    ) -> None:
        painter.setFont(self._font)
        painter.setPen(QColor(_tokens(widget).muted))
        painter.drawText(self.boundingRect(), Qt.AlignmentFlag.AlignVCenter, self._text)


def _curve(points: Sequence[QPointF]) -> QPainterPath:
    """One smooth line through all points, level where it leaves and where it arrives."""
    path = QPainterPath(points[0])
    if points[0].x() == points[-1].x():
        path.lineTo(points[-1])
        return path
    last = len(points) - 1
    for number, (start, end) in enumerate(pairwise(points)):
        reach = max(abs(end.x() - start.x()) * 0.45, 24.0)
        leaving = 0.0 if number == 0 else _slope(points[number - 1], end)
        arriving = 0.0 if number + 1 == last else _slope(start, points[number + 2])
        path.cubicTo(
            start + QPointF(reach, reach * leaving), end - QPointF(reach, reach * arriving), end
        )
    return path


def _slope(before: QPointF, after: QPointF) -> float:
    across = after.x() - before.x()
    return (after.y() - before.y()) / across * 0.6 if across > 0 else 0.0


def _tokens(widget: QWidget | None) -> Tokens:
    # the view itself is transparent, which its palette tells as black
    return LIGHT if widget is None else tokens_of(widget.window())
