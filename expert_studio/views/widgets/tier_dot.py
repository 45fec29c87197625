"""A small round mark in a tier's colour; the name always stands beside it."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from expert_studio.views import theme


class TierDot(QWidget):
    def __init__(self, tier: str, side: int = 8, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tier = tier
        self.setFixedSize(QSize(side, side))
        self.setToolTip(tier)

    def set_tier(self, tier: str) -> None:
        self._tier = tier
        self.setToolTip(tier)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.tokens_of(self).tier(self._tier)))
        painter.drawEllipse(QRectF(self.rect()))
        painter.end()
