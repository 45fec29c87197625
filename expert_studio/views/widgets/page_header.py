"""A page's head: title, one line of state, actions at the right. Knows no page."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QWidget

from expert_studio.views.theme_tokens import HEADER_HEIGHT, PAGE_PADDING
from expert_studio.views.widgets.elided_label import ElidedLabel
from expert_studio.views.widgets.plain_words import PlainLabel


class PageHeader(QFrame):
    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "header")
        self.setFixedHeight(HEADER_HEIGHT)
        self._title = ElidedLabel(title)
        self._title.setProperty("role", "title")
        self._state = PlainLabel()
        self._state.setProperty("role", "muted")
        self._state.setTextFormat(Qt.TextFormat.PlainText)
        self._actions = QHBoxLayout()
        self._actions.setSpacing(12)
        self._state.hide()
        row = QHBoxLayout(self)
        row.setContentsMargins(PAGE_PADDING, 0, PAGE_PADDING, 0)
        row.setSpacing(12)
        row.addWidget(self._title)
        row.addWidget(self._state)
        row.addStretch(1)
        row.addLayout(self._actions)
        self._state.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)

    def set_title(self, title: str) -> None:
        self._title.set_text(title)

    def set_state(self, text: str) -> None:
        self._state.setText(text)
        self._state.setVisible(bool(text))

    def add_state_widget(self, widget: QWidget) -> None:
        """Stands after the state's text, a chip for instance."""
        row = self.layout()
        assert isinstance(row, QHBoxLayout)
        row.insertWidget(row.indexOf(self._state) + 1, widget)

    def add_action(self, widget: QWidget) -> None:
        self._actions.addWidget(widget)
