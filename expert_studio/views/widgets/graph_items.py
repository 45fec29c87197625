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
from expert_studio.views.widgets.plain_words import plain_tip

_RADIUS = 8.0
_BAR_WIDTH = 5.0
_TEXT_LEFT = 16.0
_CAPTIONS_FROM = 0.7  # of life size
_LARGEST_NAME = 22  # pixels at life size
_BADGE = 7.0  # radius


class NodeItem(QGraphicsItem):
    """A box with the tier's bar, a name and a caption; dashed when it is missing.

    A badge in its corner says that something about it does not hold.
    """

    def __init__(
        self, name: str, caption: str, tier: str, missing: bool, trouble: str = ""
    ) -> None:
        super().__init__()
        self.trouble = trouble
        self.name = name
        self.caption = caption
        self.tier = tier
        self._missing = missing
        self._chosen = False
        self._found = False
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setToolTip(plain_tip("\n".join(filter(None, (name, caption, trouble)))))
        self.setZValue(1)

    def set_chosen(self, chosen: bool) -> None:
        self._chosen = chosen
        self.update()

    def set_found(self, found: bool) -> None:
        """Whether it is what the person searches for."""
        if found != self._found:
            self._found = found
            self.update()

    def boundingRect(self) -> QRectF:
        return QRectF(-2, -7, NODE_WIDTH + 9, NODE_HEIGHT + 9)

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
        if self._found:
            painter.fillPath(outline, QColor(tokens.accent_weak))
        painter.setPen(self._border(tokens))
        painter.drawPath(outline)
        self._paint_text(painter, tokens)
        if self.trouble:
            paint_badge(painter, QPointF(NODE_WIDTH - 1, 1), tokens.bad, tokens)

    def _border(self, tokens: Tokens) -> QPen:
        if self._chosen:
            pen = QPen(QColor(tokens.accent), 2)
        else:
            colour = tokens.warn if self._missing else tokens.bad if self.trouble else tokens.line
            pen = QPen(QColor(tokens.accent if self._found else colour), 1)
        if self._missing:
            pen.setStyle(Qt.PenStyle.DashLine)
        return pen

    def _paint_text(self, painter: QPainter, tokens: Tokens) -> None:
        width = NODE_WIDTH - _TEXT_LEFT - 8
        scale = painter.worldTransform().m11()
        if scale < _CAPTIONS_FROM:  # seen from afar: the name alone, as large as it can be
            font = _font(min(round(11 / max(scale, 0.1)), _LARGEST_NAME), 600)
            painter.setFont(font)
            painter.setPen(QColor(tokens.text))
            shown = QFontMetricsF(font).elidedText(
                self.name, Qt.TextElideMode.ElideMiddle, width + 10
            )
            place = QRectF(_TEXT_LEFT - 6, 0, width + 10, NODE_HEIGHT)
            painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, shown)
            return
        lines = (
            (self.name, _font(12, 600), tokens.text, 5.0),
            (self.caption, _font(10), tokens.warn if self._missing else tokens.muted, 23.0),
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

    @property
    def holds(self) -> bool:
        """Whether there is nothing wrong with it."""
        return self._state == "satisfied"

    def set_chosen(self, chosen: bool) -> None:
        self._chosen = chosen
        self.setZValue(0.5 if chosen else 0)
        self.update()

    def boundingRect(self) -> QRectF:
        reach = _BADGE + 2
        return self._path.boundingRect().adjusted(-reach, -reach, reach, reach)

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
        if self._state in ("conflicting", "wrong-version", "cycle"):
            colour = colours.get(self._state, tokens.bad)
            paint_badge(painter, self._path.pointAtPercent(0.5), colour, tokens)


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


def paint_badge(painter: QPainter, middle: QPointF, colour: str, tokens: Tokens) -> None:
    """A round mark with an exclamation mark: something here does not hold."""
    painter.save()
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(colour))
    painter.drawEllipse(middle, _BADGE, _BADGE)
    painter.setPen(QColor(tokens.surface))
    painter.setFont(body_font(10, 600))
    place = QRectF(middle.x() - _BADGE, middle.y() - _BADGE, 2 * _BADGE, 2 * _BADGE)
    painter.drawText(place, Qt.AlignmentFlag.AlignCenter, "!")
    painter.restore()


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


def _font(pixels: int, weight: int = 400) -> QFont:
    """Of a fixed size: where type is larger, the whole graph is shown larger."""
    font = body_font(pixels, weight)
    font.setPixelSize(pixels)
    return font


def _tokens(widget: QWidget | None) -> Tokens:
    # the view itself is transparent, which its palette tells as black
    return LIGHT if widget is None else tokens_of(widget.window())
