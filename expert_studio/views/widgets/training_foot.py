"""The wizard's foot: what is wrong, what the run will take, and the ways to begin it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QSpinBox, QVBoxLayout, QWidget

from expert_studio.core.planning import RunPlan
from expert_studio.views.theme import restyle
from expert_studio.views.theme_tokens import PAGE_PADDING
from expert_studio.views.widgets.plain_words import PlainLabel
from expert_studio.views.widgets.setting_card import note

MOST_PRIORITY = 99


class TrainingFoot(QWidget):
    """Controls alone; whoever made it connects them."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "status")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.fault = PlainLabel()
        self.fault.setProperty("role", "secondary")
        self.fault.setWordWrap(True)
        self.memory = note("")
        told = QVBoxLayout()
        told.setSpacing(2)
        told.addWidget(self.fault)
        told.addWidget(self.memory)
        self.unload = QPushButton(self.tr("Unload the chat's base"))
        self.unload.setToolTip(self.tr("The next question in the chat loads it again"))
        self.unload.hide()
        self.priority = QSpinBox()
        self.priority.setRange(-MOST_PRIORITY, MOST_PRIORITY)
        self.priority.setPrefix(self.tr("priority") + " ")
        self.priority.setAccessibleName(self.tr("Priority in the queue"))
        self.priority.setToolTip(self.tr("In the queue, higher goes first"))
        self.priority.setProperty("role", "plain")
        self.priority.setButtonSymbols(QSpinBox.ButtonSymbols.NoButtons)
        self.priority.setFixedSize(96, self.priority.fontMetrics().height() + 16)
        if (field := self.priority.lineEdit()) is not None:
            field.setTextMargins(8, 0, 8, 0)
        self.queue = QPushButton(self.tr("Add to queue"))
        self.queue.setToolTip(self.tr("Starts when the runs before it have ended"))
        self.start = QPushButton(self.tr("Start"))
        self.start.setProperty("role", "primary")
        row = QHBoxLayout(self)
        row.setContentsMargins(PAGE_PADDING, 10, PAGE_PADDING, 10)
        row.setSpacing(10)
        row.addLayout(told, 1)
        row.addWidget(self.unload)
        row.addWidget(self.priority)
        row.addWidget(self.queue)
        row.addWidget(self.start)

    def show_plan(self, plan: RunPlan) -> None:
        """What it will take; where the chat's base is in its way, the button that frees it."""
        self._tell(plan.words())
        self.unload.setVisible(not plan.fits and plan.fits_without_chat)
        self.unload.setEnabled(True)

    def show_no_plan(self, why: str = "") -> None:
        self._tell(why)
        self.unload.hide()

    def _tell(self, words: str) -> None:
        self.memory.setText(words)
        self.memory.setVisible(bool(words))

    def show_fault(self, fault: str, ready: bool, wrong: bool = True) -> None:
        """Says what is wrong or, unless `wrong`, missing yet, and whether it can begin."""
        self.fault.setText(fault)
        restyle(self.fault, role="bad" if wrong else "secondary")
        self.fault.setVisible(bool(fault))
        for control in (self.start, self.queue, self.priority):
            control.setEnabled(ready)
