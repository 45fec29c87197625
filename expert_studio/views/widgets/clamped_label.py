"""A paragraph of at most so many lines; what does not fit is told by its tooltip."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QSize
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from expert_studio.views.theme import body_font, tokens_of, was_rescaled
from expert_studio.views.widgets.clamped_lines import LINE_SPACING, clamped_lines
from expert_studio.views.widgets.plain_words import plain_tip


class ClampedLabel(QWidget):
    """Muted text of the secondary size, wrapped, the last line elided."""

    def __init__(self, lines: int, pixels: int = 12, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lines = lines
        self._text = ""
        self._pixels = pixels
        self._font = body_font(pixels)
        self._shown: tuple[str, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def set_text(self, text: str) -> None:
        self._text = " ".join(text.split())
        self.setAccessibleName(self._text)
        self._break_lines()
        self.update()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if was_rescaled(event):
            self._font = body_font(self._pixels)
            self._break_lines()
            self.updateGeometry()

    def sizeHint(self) -> QSize:
        return QSize(80, round(self._line_height * self._lines))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._break_lines()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(self._font)
        painter.setPen(QColor(tokens_of(self).muted))
        ascent = painter.fontMetrics().ascent()
        for number, line in enumerate(self._shown):
            painter.drawText(QPointF(0, number * self._line_height + ascent), line)

    @property
    def _line_height(self) -> float:
        return self._font.pixelSize() * LINE_SPACING

    def _break_lines(self) -> None:
        self._shown, cut = clamped_lines(self._text, self._font, self.width(), self._lines)
        self.setToolTip(plain_tip(self._text) if cut else "")
