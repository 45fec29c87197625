"""The rows of a dataset as a table that stays smooth at any length.

Cells are painted here, one call each: the ordinary delegate would ask the model ten
things a cell. Knows nothing of stores.
"""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import (
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import QColor, QFont, QFontMetrics, QKeyEvent, QKeySequence, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from expert_studio.core.datasets.store_rows import Sort
from expert_studio.views.theme import body_font, literal, mono_font, tokens_of
from expert_studio.views.theme_tokens import Tokens
from expert_studio.views.widgets.clamped_lines import clamped_lines
from expert_studio.views.widgets.dataset_rows import (
    ANSWER,
    PROMPT,
    REASON,
    SORTED_BY,
    SPLIT,
    STATE,
    TOKENS,
    RowsModel,
)

ROW_HEIGHT = 44
_LINES = 2  # of prompt and answer
_PAD = 10
_DOT = 8.0
_WIDTHS = {0: 30, 3: 78, 4: 104, 5: 72, 6: 58, 7: 118}


class RowDelegate(QStyledItemDelegate):
    """A dot for the state, code in the code font, the reason in its colour."""

    def __init__(self, model: RowsModel, view: QTableView) -> None:
        super().__init__(view)
        self._model = model
        self._view = view

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        return QSize(80, ROW_HEIGHT)

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        tokens = tokens_of(self._view)
        place: QRect = option.rect  # type: ignore[attr-defined]
        state = option.state  # type: ignore[attr-defined]
        selected = bool(state & QStyle.StateFlag.State_Selected)
        if selected:
            painter.fillRect(place, QColor(tokens.accent_weak))
        painter.setPen(QColor(tokens.line))
        painter.drawLine(place.bottomLeft(), place.bottomRight())
        row, column = index.row(), index.column()
        if column == STATE and self._view.hasFocus() and row == self._view.currentIndex().row():
            painter.fillRect(QRect(place.x(), place.y(), 2, place.height()), QColor(tokens.accent))
        line = self._model.line(row)
        if line is None:
            if column == PROMPT:
                painter.setPen(QColor(tokens.faint))
                painter.drawText(place.adjusted(_PAD, 0, -_PAD, 0), _side(column), "…")
            return
        if column == STATE:
            _paint_state(painter, tokens, place, line.state)
            return
        text = self._model.text(line, column)
        if not text:
            return
        font, colour = _look(tokens, column, line.state)
        painter.setFont(font)
        painter.setPen(QColor(colour))
        inside = place.adjusted(_PAD, 0, -_PAD, 0)
        if column in (PROMPT, ANSWER):
            _paint_lines(painter, inside, _lines(text, column, inside.width()), column)
            return
        cut = _metrics(column).elidedText(text, Qt.TextElideMode.ElideRight, inside.width())
        painter.drawText(inside, _side(column), cut)


class RowsTable(QTableView):
    """Signals:
    chosen(int): the row in front, by its number in the dataset; 0 for none.
    selection_changed(int): how many rows are selected.
    sorted(Sort): the person clicked a column's head.
    copy_wanted(), paste_wanted(), delete_wanted(): the usual keys.
    state_wanted(str): A, R or P was pressed: "accepted", "rejected", "pending".
    """

    chosen = Signal(int)
    selection_changed = Signal(int)
    sorted = Signal(object)
    copy_wanted = Signal()
    paste_wanted = Signal()
    delete_wanted = Signal()
    state_wanted = Signal(str)

    def __init__(self, model: RowsModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows = model
        self._kept: tuple[list[int], int] = ([], 0)
        self.setModel(model)
        self.setItemDelegate(RowDelegate(model, self))
        self.setAccessibleName(self.tr("Rows of the dataset"))
        self.setAccessibleDescription(
            self.tr("A accepts, R rejects, P puts back the selected rows. Enter edits.")
        )
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setAcceptDrops(False)
        self.setCornerButtonEnabled(False)
        self._set_up_heads()
        model.modelAboutToBeReset.connect(self._on_about_to_reset)
        model.modelReset.connect(self._on_reset)

    def _set_up_heads(self) -> None:
        rows = self.verticalHeader()
        rows.hide()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setDefaultSectionSize(ROW_HEIGHT)
        heads = self.horizontalHeader()
        heads.setHighlightSections(False)
        heads.setMinimumSectionSize(28)
        heads.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.setSortingEnabled(True)  # a click on a head sorts, and selects no column
        # Heads ask of every row whether it is selected, at each painting: these heads see none.
        heads.setSelectionModel(QItemSelectionModel(self._rows, heads))
        heads.setAccessibleName(self.tr("Columns; click to sort"))
        for column, width in _WIDTHS.items():
            heads.resizeSection(column, width)
        heads.setSectionResizeMode(STATE, QHeaderView.ResizeMode.Fixed)
        for column in (PROMPT, ANSWER):
            heads.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
        heads.sortIndicatorChanged.connect(self._on_sorted)

    def show_columns(self, with_split: bool, with_reason: bool) -> None:
        """Columns that no row fills leave their room to the texts."""
        self.setColumnHidden(SPLIT, not with_split)
        self.setColumnHidden(REASON, not with_reason)

    def forget_order(self) -> None:
        """Another dataset: its rows come as they came in."""
        heads = self.horizontalHeader()
        heads.blockSignals(True)
        heads.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        heads.blockSignals(False)

    @property
    def selected_ids(self) -> tuple[int, ...]:
        """The numbers of the selected rows, in the order shown."""
        ids = self._rows.ids
        spans = sorted((span.top(), span.bottom()) for span in self.selectionModel().selection())
        return tuple(number for top, bottom in spans for number in ids[top : bottom + 1])

    @property
    def selected_count(self) -> int:
        return sum(span.height() for span in self.selectionModel().selection())

    def choose(self, number: int) -> None:
        """Puts a row in front, where it is shown."""
        if number in self._rows.ids:
            index = self._rows.index(self._rows.ids.index(number), PROMPT)
            self.setCurrentIndex(index)
            self.scrollTo(index)

    def selectionChanged(self, selected: QItemSelection, deselected: QItemSelection) -> None:
        super().selectionChanged(selected, deselected)
        self.selection_changed.emit(self.selected_count)

    def currentChanged(self, current: QModelIndex, previous: QModelIndex) -> None:
        super().currentChanged(current, previous)
        if current.row() != previous.row() or not current.isValid():
            at = current.row()
            self.chosen.emit(self._rows.ids[at] if 0 <= at < len(self._rows.ids) else 0)
        self.viewport().update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        states = {
            Qt.Key.Key_A: "accepted", Qt.Key.Key_R: "rejected", Qt.Key.Key_P: "pending"
        }  # fmt: skip
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_wanted.emit()
        elif event.matches(QKeySequence.StandardKey.Paste):
            self.paste_wanted.emit()
        elif event.key() == Qt.Key.Key_Delete:
            self.delete_wanted.emit()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.activated.emit(self.currentIndex())
        elif event.key() in states and not event.modifiers():
            self.state_wanted.emit(states[Qt.Key(event.key())])
        else:
            super().keyPressEvent(event)

    @Slot(int, Qt.SortOrder)
    def _on_sorted(self, column: int, direction: Qt.SortOrder) -> None:
        if column >= 0:
            self.sorted.emit(Sort(SORTED_BY[column], direction == Qt.SortOrder.DescendingOrder))

    @Slot()
    def _on_about_to_reset(self) -> None:
        few = self.selected_ids if self.selected_count <= 200 else ()
        at = self.currentIndex().row()
        ids = self._rows.ids
        self._kept = (list(few), ids[at] if 0 <= at < len(ids) else 0)

    @Slot()
    def _on_reset(self) -> None:
        """Selects again what was selected and is still there."""
        selected, current = self._kept
        if not selected and not current:
            return
        wanted = {*selected, current}
        places = {number: at for at, number in enumerate(self._rows.ids) if number in wanted}
        if current in places:
            self.selectionModel().setCurrentIndex(
                self._rows.index(places[current], PROMPT),
                QItemSelectionModel.SelectionFlag.NoUpdate,
            )
        else:
            self.chosen.emit(0)
        chosen = QItemSelection()
        for number in selected:
            if number in places:
                at = places[number]
                chosen.select(self._rows.index(at, 0), self._rows.index(at, REASON))
        self.selectionModel().select(chosen, QItemSelectionModel.SelectionFlag.ClearAndSelect)


def _paint_lines(painter: QPainter, inside: QRect, lines: tuple[str, ...], column: int) -> None:
    metrics = _metrics(column)
    high = metrics.height() + 1
    top = inside.top() + (inside.height() - high * len(lines)) // 2
    for at, line in enumerate(lines):
        painter.drawText(inside.left(), top + at * high + metrics.ascent(), line)


@lru_cache(maxsize=2048)
def _lines(text: str, column: int, width: int) -> tuple[str, ...]:
    return clamped_lines(text, _font(column), width, _LINES)[0]


def _paint_state(painter: QPainter, tokens: Tokens, place: QRect, state: str) -> None:
    """A full dot accepted, a cross rejected, a ring pending: not by colour alone."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    middle = QRectF(place).center()
    dot = QRectF(middle.x() - _DOT / 2 + 2, middle.y() - _DOT / 2, _DOT, _DOT)
    if state == "accepted":
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(tokens.good))
        painter.drawEllipse(dot)
    elif state == "rejected":
        pen = painter.pen()
        pen.setColor(QColor(tokens.bad))
        pen.setWidthF(1.8)
        painter.setPen(pen)
        inner = dot.adjusted(0.8, 0.8, -0.8, -0.8)
        painter.drawLine(inner.topLeft(), inner.bottomRight())
        painter.drawLine(inner.topRight(), inner.bottomLeft())
        pen.setWidthF(1)
        painter.setPen(pen)
    else:
        pen = painter.pen()
        pen.setColor(QColor(tokens.muted))
        pen.setWidthF(1.5)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawEllipse(dot.adjusted(0.7, 0.7, -0.7, -0.7))
        pen.setWidthF(1)
        painter.setPen(pen)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)


def _look(tokens: Tokens, column: int, state: str) -> tuple[QFont, str]:
    if column == REASON:
        return _font(column), tokens.bad if state == "rejected" else tokens.warn
    return _font(column), tokens.text if column == PROMPT else tokens.muted


@lru_cache(maxsize=8)
def _font(column: int) -> QFont:
    if column == PROMPT:
        return literal(body_font(12))
    if column in (ANSWER, TOKENS):
        return mono_font(11)
    return body_font(11)


@lru_cache(maxsize=8)
def _metrics(column: int) -> QFontMetrics:
    return QFontMetrics(_font(column))


def _side(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column == TOKENS else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter
