"""Two columns of facts with a hair line under each row. Knows nothing of experts."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from expert_studio.views.widgets.elided_label import ElidedLabel
from expert_studio.views.widgets.expert_facts import Fact


class FactRows(QWidget):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)

    def show_facts(self, facts: Sequence[Fact]) -> None:
        while (item := self._column.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        for fact in facts:
            self._column.addWidget(_row(fact))


def _row(fact: Fact) -> QWidget:
    row = QFrame()
    label = QLabel(fact.label)
    label.setProperty("role", "secondary")
    values = QVBoxLayout()
    values.setSpacing(4)
    for text in fact.value.split("\n"):
        value = ElidedLabel(text, Qt.TextElideMode.ElideRight)
        value.setStyleSheet("font-size: 12px")
        value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        value.setAccessibleName(f"{fact.label}: {text}")
        values.addWidget(value)
    line = QHBoxLayout()
    line.setContentsMargins(0, 7, 0, 7)
    line.setSpacing(10)
    line.addWidget(label, 0, Qt.AlignmentFlag.AlignTop)
    line.addLayout(values, 1)
    rule = QFrame()
    rule.setProperty("role", "rule")
    column = QVBoxLayout(row)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    column.addLayout(line)
    column.addWidget(rule)
    return row
