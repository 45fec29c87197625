"""The experts on view as cards or as a list; one is chosen by click, arrow keys or name.

Both draw only what can be seen. Know `expert_model`, nothing of the library.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QModelIndex, QSize, Qt, Signal, Slot
from PySide6.QtGui import QFocusEvent, QKeyEvent, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QListView,
    QSizePolicy,
    QStyle,
    QTableView,
    QWidget,
)

from expert_studio.views.theme import scaled, was_rescaled
from expert_studio.views.widgets.expert_card import (
    CARD_GAP,
    CardDelegate,
    card_height,
    card_min_width,
)
from expert_studio.views.widgets.expert_model import EXPERT, NAME, ExpertModel

_ROW_HEIGHT = 36
_WIDTHS = (210, 70, 84, 84, 70, 120, 90, 90)


class ExpertCards(QListView):
    """Cards in as many columns of equal width as fit.

    Signals:
        chosen(str): the name of the expert whose card was clicked or reached with a key.
    """

    chosen = Signal(str)

    def __init__(self, model: ExpertModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.quiet = False  # whether a change of the current one is not the person's
        self._model = model
        self.setItemDelegate(CardDelegate(self))
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(True)
        self.setUniformItemSizes(True)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setMovement(QListView.Movement.Static)
        self.setMouseTracking(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAcceptDrops(False)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)
        self.setMinimumHeight(card_height() + CARD_GAP)
        self.setAccessibleName(self.tr("Experts"))
        self.setModel(model)
        self.selectionModel().currentChanged.connect(self._on_current)
        model.modelReset.connect(self.updateGeometry)

    def sizeHint(self) -> QSize:
        columns = self._columns()
        rows = -(-self._model.rowCount() // columns)
        return QSize(3 * card_min_width(), max(rows, 1) * (card_height() + CARD_GAP) + 2)

    def choose(self, name: str) -> None:
        """Marks one, or none for "", without a signal."""
        _choose(self, self._model, name)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._set_grid()
        super().resizeEvent(event)
        self.updateGeometry()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if was_rescaled(event):
            self.setMinimumHeight(card_height() + CARD_GAP)
            self._set_grid()
            self.updateGeometry()

    def _set_grid(self) -> None:
        width = max(self._room() // self._columns(), 1)
        self.setGridSize(QSize(width, card_height() + CARD_GAP))

    def focusInEvent(self, event: QFocusEvent) -> None:
        self.quiet = event.reason() == Qt.FocusReason.MouseFocusReason  # the click chooses
        super().focusInEvent(event)
        self.quiet = False

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.viewport().update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.currentIndex().isValid():
            self._on_current(self.currentIndex())
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        super().mousePressEvent(event)
        index = self.indexAt(event.position().toPoint())
        if index.isValid():
            self._on_current(index)

    def _columns(self) -> int:
        return max(1, self._room() // (card_min_width() + CARD_GAP))

    def _room(self) -> int:
        """What Qt lays items out in: it keeps the scroll bar's width free, and a little more."""
        bar = self.style().pixelMetric(QStyle.PixelMetric.PM_ScrollBarExtent, None, self)
        return self.maximumViewportSize().width() - bar - 4

    @Slot()
    def _on_current(self, current: QModelIndex) -> None:
        if current.isValid() and not self.quiet:
            self.chosen.emit(current.data(EXPERT).name)


class ExpertTable(QTableView):
    """One line an expert; a click on a column's head sorts by it.

    Signals:
        chosen(str): as `ExpertCards`.
    """

    chosen = Signal(str)

    def __init__(self, model: ExpertModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.quiet = False  # whether a change of the current one is not the person's
        self._model = model
        self.setModel(model)
        self.setShowGrid(False)
        self.setProperty("role", "list")
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setTabKeyNavigation(False)
        self.setAcceptDrops(False)
        self.setWordWrap(False)
        self.verticalHeader().hide()
        self._scale()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        head = self.horizontalHeader()
        head.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        head.setHighlightSections(False)
        head.setSectionsClickable(True)
        head.setSortIndicatorShown(True)
        head.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        head.setStretchLastSection(False)
        head.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
        head.setMinimumSectionSize(60)
        head.sortIndicatorChanged.connect(model.sort)
        self.setAccessibleName(self.tr("Experts as a list"))
        self.selectionModel().currentRowChanged.connect(self._on_current)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if was_rescaled(event) and self.model() is not None:
            self._scale()

    def _scale(self) -> None:
        self.verticalHeader().setDefaultSectionSize(scaled(_ROW_HEIGHT))
        for column, width in enumerate(_WIDTHS):
            self.setColumnWidth(column, scaled(width))

    def choose(self, name: str) -> None:
        """Marks one, or none for "", without a signal."""
        _choose(self, self._model, name)

    @Slot()
    def _on_current(self, current: QModelIndex) -> None:
        if current.isValid() and not self.quiet:
            self.chosen.emit(current.data(EXPERT).name)


def _choose(view: ExpertCards | ExpertTable, model: ExpertModel, name: str) -> None:
    index = model.index(model.row_of(name), 0)
    selection = view.selectionModel()
    view.quiet = True
    if index.isValid():
        flags = selection.SelectionFlag.ClearAndSelect | selection.SelectionFlag.Rows
        selection.setCurrentIndex(index, flags)
        view.scrollTo(index)
    else:
        selection.clear()
    view.quiet = False
