"""Which line of a chart is which: a stroke as it is drawn, and its name. Knows no chart."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from expert_studio.views.theme import body_font, tokens_of
from expert_studio.views.widgets.plain_words import plain_tip
from expert_studio.views.widgets.training_strokes import DASHES, Line

_STROKE, _GAP = 16.0, 12.0


class Legend(QWidget):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lines: Sequence[Line] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(18)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(line.label for line in self._lines)

    def show_lines(self, lines: Sequence[Line]) -> None:
        self._lines = lines if len(lines) > 1 else ()
        self.setAccessibleName(", ".join(self.names))
        self.setToolTip(plain_tip("\n".join(self.names)))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(120, 18)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(body_font(11))
        tokens, metrics = tokens_of(self), QFontMetricsF(painter.font())
        if self._lines:
            each = self.width() / len(self._lines) - _STROKE - 6 - _GAP
        left = 0.0
        for line in self._lines:
            pen = QPen(QColor(getattr(tokens, line.colour)), 2)
            if line.dash:
                pen.setDashPattern(DASHES[line.dash % len(DASHES)])
            painter.setPen(pen)
            middle = self.height() / 2
            painter.drawLine(QPointF(left, middle), QPointF(left + _STROKE, middle))
            name = metrics.elidedText(line.label, Qt.TextElideMode.ElideMiddle, max(24.0, each))
            painter.setPen(QColor(tokens.muted))
            wide = metrics.horizontalAdvance(name)
            painter.drawText(QPointF(left + _STROKE + 6, middle + 4), name)
            left += _STROKE + 6 + wide + _GAP
        painter.end()
