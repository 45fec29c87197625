"""The line between two parts of an answer, where another stack went on with it."""

from __future__ import annotations

from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from expert_studio.core.inference.stack import Stack
from expert_studio.views.widgets.plain_words import PlainLabel
from expert_studio.views.widgets.stack_chips import StackChips


class StackChange(QWidget):
    def __init__(self, stack: Stack, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        told = PlainLabel(self.tr("Stack changed here"))
        told.setProperty("role", "faint")
        chips = StackChips(stack)
        rule = QFrame()
        rule.setProperty("role", "rule")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 2, 0, 2)
        row.setSpacing(10)
        row.addWidget(told)
        row.addWidget(chips)
        row.addWidget(rule, 1)
        self.stack = stack
        self.setAccessibleName(f"{told.text()}: {chips.accessibleName()}")
