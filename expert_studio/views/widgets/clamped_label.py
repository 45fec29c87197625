"""A paragraph of at most so many lines; what does not fit is told by its tooltip."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QFontMetrics,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QTextLayout,
    QTextOption,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from expert_studio.views.theme import body_font, tokens_of

_LINE_SPACING = 1.35


class ClampedLabel(QWidget):
    """Muted text of the secondary size, wrapped, the last line elided."""

    def __init__(self, lines: int, pixels: int = 12, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lines = lines
        self._text = ""
        self._font = body_font(pixels)
        self._shown: list[str] = []
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def set_text(self, text: str) -> None:
        self._text = " ".join(text.split())
        self.setAccessibleName(self._text)
        self._break_lines()
        self.update()

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
        return self._font.pixelSize() * _LINE_SPACING

    def _break_lines(self) -> None:
        layout = QTextLayout(self._text, self._font)
        option = QTextOption()
        option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        layout.setTextOption(option)
        layout.beginLayout()
        metrics = QFontMetrics(self._font)
        width = max(self.width(), 20)
        self._shown = []
        cut = False
        while (line := layout.createLine()).isValid():
            line.setLineWidth(width)
            start = line.textStart()
            if len(self._shown) == self._lines - 1:
                rest = self._text[start:]
                last = metrics.elidedText(rest, Qt.TextElideMode.ElideRight, width)
                self._shown.append(last)
                cut = last != rest
                break
            self._shown.append(self._text[start : start + line.textLength()].rstrip())
        layout.endLayout()
        self.setToolTip(self._text if cut else "")
