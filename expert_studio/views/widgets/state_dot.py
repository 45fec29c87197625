"""A small round mark for a state: idle, busy, good, bad; the words stand beside it."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from expert_studio.views import theme

DotState = Literal["idle", "busy", "good", "bad"]


class StateDot(QWidget):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state: DotState = "idle"
        self.setFixedSize(QSize(8, 8))

    def show_state(self, state: DotState) -> None:
        self._state = state
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.tokens_of(self)
        colours = {
            "idle": tokens.faint,
            "busy": tokens.warn,
            "good": tokens.good,
            "bad": tokens.bad,
        }
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colours[self._state]))
        painter.drawEllipse(QRectF(self.rect()))
        painter.end()
