"""Cards in as many columns of equal width as fit. Knows nothing of what is on them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QSizePolicy, QWidget

_GAP = 12


class CardColumns(QWidget):
    """Lays out what `lay_out` is given, in reading order, and again when its width changes."""

    def __init__(self, card_min_width: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._card_min_width = card_min_width
        self._laid_out: Sequence[QWidget] = ()
        self._columns = 0
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(_GAP)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._columns_that_fit() != self._columns:
            self.lay_out(self._laid_out)

    def lay_out(self, cards: Sequence[QWidget]) -> None:
        """Shows these; those of before that are not among them are the caller's to hide."""
        self._laid_out = cards
        for column in range(self._columns):
            self._grid.setColumnStretch(column, 0)
        self._columns = self._columns_that_fit()
        for number, card in enumerate(cards):
            self._grid.addWidget(card, number // self._columns, number % self._columns)
            card.show()
        for column in range(self._columns):
            self._grid.setColumnStretch(column, 1)
        self.updateGeometry()

    def take_out(self, card: QWidget) -> None:
        """Takes a card off the grid without hiding it."""
        self._grid.removeWidget(card)

    def _columns_that_fit(self) -> int:
        return max(1, (self.width() + _GAP) // (self._card_min_width + _GAP))
