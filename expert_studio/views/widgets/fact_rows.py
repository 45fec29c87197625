"""Two columns of facts with a hair line under each row. Knows nothing of experts."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from expert_studio.views.widgets.elided_label import ElidedLabel
from expert_studio.views.widgets.expert_facts import Fact
from expert_studio.views.widgets.plain_words import PlainLabel


class FactRows(QWidget):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: list[_FactRow] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)

    def show_facts(self, facts: Sequence[Fact]) -> None:
        """Takes other facts; where only values changed, the rows stay and nothing is laid out."""
        if [row.shape for row in self._rows] == [_shape(fact) for fact in facts]:
            for row, fact in zip(self._rows, facts, strict=True):
                row.show_value(fact)
            return
        for row in self._rows:
            self._column.removeWidget(row)
            row.hide()
            row.deleteLater()
        self._rows = [_FactRow(fact) for fact in facts]
        for row in self._rows:
            self._column.addWidget(row)


class _FactRow(QFrame):
    def __init__(self, fact: Fact) -> None:
        super().__init__()
        self.shape = _shape(fact)
        self._fact = fact
        label = PlainLabel(fact.label)
        label.setProperty("role", "secondary")
        self._values = [_value(fact.label, text) for text in fact.value.split("\n")]
        values = QVBoxLayout()
        values.setSpacing(4)
        for value in self._values:
            values.addWidget(value)
        line = QHBoxLayout()
        line.setContentsMargins(0, 7, 0, 7)
        line.setSpacing(10)
        line.addWidget(label, 0, Qt.AlignmentFlag.AlignTop)
        line.addLayout(values, 1)
        rule = QFrame()
        rule.setProperty("role", "rule")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(line)
        column.addWidget(rule)

    def show_value(self, fact: Fact) -> None:
        if fact == self._fact:
            return
        self._fact = fact
        for value, text in zip(self._values, fact.value.split("\n"), strict=True):
            if text != value.whole_text:
                value.set_text(text)
                value.setAccessibleName(f"{fact.label}: {text}")


def _value(label: str, text: str) -> ElidedLabel:
    value = ElidedLabel(text, Qt.TextElideMode.ElideRight)
    value.setProperty("role", "value")
    value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    value.setAccessibleName(f"{label}: {text}")
    return value


def _shape(fact: Fact) -> tuple[str, int]:
    """What must be the same for a row to stay."""
    return fact.label, fact.value.count("\n")
