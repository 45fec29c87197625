"""A scrolling page with one centred column of limited width. Knows nothing of its content.

The column keeps its place when the scroll bar comes and goes.
"""

from __future__ import annotations

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QWidget

SIDE_MARGIN = 26
BAR_WIDTH = 10  # as the style sheet sets it


class ColumnScroll(QScrollArea):
    """Subclasses fill `column`, a widget at most `width` pixels wide."""

    def __init__(self, width: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        content = QWidget()
        content.setProperty("role", "scroll")
        self.column = QWidget()
        self.column.setMaximumWidth(width)
        self._row = QHBoxLayout(content)
        self._row.addStretch(1)
        self._row.addWidget(self.column, 1000)
        self._row.addStretch(1)
        self.setWidget(content)
        self.verticalScrollBar().rangeChanged.connect(self._on_range_for_margin)
        self._on_range_for_margin(0, 0)

    @Slot(int, int)
    def _on_range_for_margin(self, low: int, high: int) -> None:
        right = SIDE_MARGIN - (BAR_WIDTH if high > low else 0)
        self._row.setContentsMargins(SIDE_MARGIN, 18, right, 18)
