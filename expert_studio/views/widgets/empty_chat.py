"""What an empty conversation offers: prompts to begin with, and the first task again."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QPushButton, QVBoxLayout, QWidget

from expert_studio.core.inference.first_run import TASKS
from expert_studio.views import theme
from expert_studio.views.widgets.clamped_label import ClampedLabel
from expert_studio.views.widgets.plain_words import PlainLabel

WIDTH = 460
MARGIN = 20


class EmptyChat(QWidget):
    """Signals:
    prompt_wanted(str): this text belongs into the prompt box.
    first_task_wanted(): the comparison of three stacks.
    """

    prompt_wanted = Signal(str)
    first_task_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._offers: list[QFrame] = []
        self._detail = PlainLabel()
        self._build()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if theme.was_rescaled(event):
            self._fit()

    def _fit(self) -> None:
        for widget in (*self._offers, self._detail):
            widget.setFixedWidth(min(theme.scaled(WIDTH), self.width() - 2 * MARGIN))

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setSpacing(10)
        column.addStretch(2)
        title = PlainLabel(self.tr("What should the stack do?"))
        title.setProperty("role", "title")
        column.addWidget(title, 0, Qt.AlignmentFlag.AlignHCenter)
        detail = self._detail
        detail.setText(self.tr("Tick experts at the right, then ask. Or begin with one of these:"))
        detail.setProperty("role", "muted")
        detail.setWordWrap(True)
        detail.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(detail, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(4)
        for task in TASKS:
            column.addWidget(self._offer(task.name, task.prompt), 0, Qt.AlignmentFlag.AlignHCenter)
        again = QPushButton(self.tr("Compare three stacks on one prompt"))
        again.setProperty("role", "link")
        again.setAccessibleName(again.text())
        again.setCursor(Qt.CursorShape.PointingHandCursor)
        again.clicked.connect(self.first_task_wanted)
        column.addSpacing(4)
        column.addWidget(again, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(3)

    def _offer(self, name: str, prompt: str) -> QFrame:
        card = QFrame()
        card.setProperty("role", "card")
        self._offers.append(card)
        inside = QVBoxLayout(card)
        inside.setContentsMargins(13, 10, 13, 11)
        inside.setSpacing(4)
        button = QPushButton(self.tr(name))
        button.setProperty("role", "link")
        button.setAccessibleName(self.tr("Use the prompt: {0}").format(name))
        button.setCursor(Qt.CursorShape.PointingHandCursor)
        button.clicked.connect(partial(self.prompt_wanted.emit, prompt))
        inside.addWidget(button, 0, Qt.AlignmentFlag.AlignLeft)
        text = ClampedLabel(2)
        text.set_text(prompt)
        inside.addWidget(text)
        return card
