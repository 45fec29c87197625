"""The first rows of what is about to be made or imported, as a table. Knows texts only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from expert_studio.views.theme import body_font, mono_font, tokens_of
from expert_studio.views.widgets.dataset_rows import one_line, telling
from expert_studio.views.widgets.plain_words import plain_tip

_ROW_HEIGHT = 40


class RowPreview(QTableWidget):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, 3, parent)
        self.setHorizontalHeaderLabels([self.tr("Prompt"), self.tr("Answer"), self.tr("Task")])
        self.setAccessibleName(self.tr("The first rows"))
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setTabKeyNavigation(False)
        self.setShowGrid(False)
        self.setWordWrap(True)
        self.setStyleSheet("QTableView::item { padding: 0 7px; }")
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT)
        heads = self.horizontalHeader()
        heads.setHighlightSections(False)
        heads.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        heads.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        heads.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        heads.resizeSection(2, 110)

    def show_rows(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Shows texts; a row that cannot be used shows why."""
        tokens = tokens_of(self)
        self.setRowCount(len(rows))
        for at, row in enumerate(rows):
            problem = row.get("problem", "")
            cells = (problem or row["prompt"], row["answer"], row["task"])
            for column, text in enumerate(cells):
                cell = QTableWidgetItem(one_line(telling(str(text)) if column == 0 else str(text)))
                cell.setToolTip(plain_tip(str(text)[:1200]))
                cell.setFont(mono_font(11) if column == 1 else body_font(12))
                if problem and column == 0:
                    cell.setForeground(QColor(tokens.bad))
                self.setItem(at, column, cell)
