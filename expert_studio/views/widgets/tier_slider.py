"""A weight from -2 to 2 in its expert's tier colour, filled from zero. Knows no expert."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QSlider, QWidget

from expert_studio.core.inference.stack import WEIGHT_RANGE
from expert_studio.views import theme

STEPS_PER_UNIT = 20  # 0.05 a step
KNOB = 6.0
TRACK = 4.0


class TierSlider(QSlider):
    """`value()` counts steps of 0.05; use `weight` and `set_weight`."""

    def __init__(self, tier: str, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._tier = tier
        low, high = WEIGHT_RANGE
        self.setRange(int(low * STEPS_PER_UNIT), int(high * STEPS_PER_UNIT))
        self.setPageStep(STEPS_PER_UNIT // 4)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(18)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    @property
    def weight(self) -> float:
        return self.value() / STEPS_PER_UNIT

    def set_weight(self, weight: float) -> None:
        self.setValue(round(weight * STEPS_PER_UNIT))

    def sizeHint(self) -> QSize:
        return QSize(160, 18)

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()  # scrolling the panel must not change weights

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._drag_to(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._drag_to(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.set_weight(1.0)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self.setSliderDown(False)

    def _drag_to(self, event: QMouseEvent) -> None:
        if not self.isEnabled():
            return
        self.setSliderDown(True)
        share = (event.position().x() - KNOB) / max(1.0, self.width() - 2 * KNOB)
        span = self.maximum() - self.minimum()
        self.setValue(round(self.minimum() + max(0.0, min(1.0, share)) * span))

    def _x_of(self, value: float) -> float:
        share = (value - self.minimum()) / (self.maximum() - self.minimum())
        return KNOB + share * (self.width() - 2 * KNOB)

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.tokens_of(self)
        colour = QColor(tokens.tier(self._tier) if self.isEnabled() else tokens.other)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle = self.height() / 2
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(tokens.line))
        painter.drawRoundedRect(
            QRectF(0, middle - TRACK / 2, self.width(), TRACK), TRACK / 2, TRACK / 2
        )
        zero, knob = self._x_of(0), self._x_of(self.value())
        painter.drawRoundedRect(QRectF(zero - 1, middle - 5, 2, 10), 1, 1)
        painter.setBrush(colour)
        painter.drawRoundedRect(
            QRectF(min(zero, knob), middle - TRACK / 2, abs(knob - zero), TRACK),
            TRACK / 2,
            TRACK / 2,
        )
        painter.setPen(QPen(QColor(tokens.text) if self.hasFocus() else colour, 2))
        painter.setBrush(QColor(tokens.surface))
        painter.drawEllipse(QPointF(knob, middle), KNOB - 0.5, KNOB - 0.5)
        painter.end()
