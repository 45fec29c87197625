"""One notice as a card: what, why, remedy, an action, a close button. Knows no errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QCursor, QGuiApplication
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from expert_studio.views.widgets.icon_button import IconButton
from expert_studio.views.widgets.plain_words import PlainLabel

Severity = Literal["info", "warn", "bad"]
WIDTH = 400
_LOOK_AGAIN_MS = 1_000


class Toast(QFrame):
    """Signals:
    dismissed(Toast): by its close button, its action or its time.
    """

    dismissed = Signal(object)

    def __init__(
        self, what: str, why: str, remedy: str, severity: Severity, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self.sentences = (what, why, remedy)
        self.severity: Severity = severity
        self._leave = QTimer(self)
        self._leave.setSingleShot(True)
        self._leave.timeout.connect(self._on_time_over)
        self.setProperty("role", "toast")
        self.setProperty("severity", severity)
        self.setFixedWidth(WIDTH)
        self.setAccessibleName(" ".join(part for part in self.sentences if part))
        self._texts = QVBoxLayout()
        self._texts.setSpacing(4)
        self._actions = QHBoxLayout()
        self._build(severity)

    def _build(self, severity: Severity) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 11, 8, 11)
        row.setSpacing(8)
        row.addLayout(self._texts, 1)
        close = IconButton("close", self.tr("Close this notice"))
        close.clicked.connect(self.dismiss)
        row.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)
        what, why, remedy = self.sentences
        roles = ("strong" if severity != "info" else "", "secondary", "")
        for text, role in zip((what, why, remedy), roles, strict=True):
            if text:
                self._texts.addWidget(_sentence(text, role))
        self._actions.setSpacing(8)
        if severity == "bad":
            self._add_button(self.tr("Copy details"), self._on_copy)
            self._actions.addStretch(1)
            self._texts.addLayout(self._actions)

    def add_action(self, text: str, on_action: Callable[[], None]) -> None:
        """One button; the notice goes when it is pressed."""
        button = QPushButton(text)
        button.setProperty("role", "small")
        button.setAccessibleName(text)
        button.clicked.connect(on_action)
        button.clicked.connect(self.dismiss)
        if self._actions.count():  # below the sentences, before what is there
            self._actions.insertWidget(0, button)
            return
        row = self.layout()
        assert isinstance(row, QHBoxLayout)
        row.insertWidget(1, button, 0, Qt.AlignmentFlag.AlignVCenter)

    def fit(self) -> None:
        """Takes the height its text needs at its fixed width."""
        layout = self.layout()
        assert layout is not None
        height = layout.totalHeightForWidth(WIDTH) if layout.hasHeightForWidth() else -1
        self.resize(WIDTH, height if height > 0 else layout.totalSizeHint().height())

    def leave_after(self, milliseconds: int) -> None:
        """Goes by itself then, or once nobody points at it or has the keyboard on it."""
        self._leave.start(milliseconds)

    @Slot()
    def _on_time_over(self) -> None:
        focused = QApplication.focusWidget()
        pointed_at = self.rect().contains(self.mapFromGlobal(QCursor.pos()))
        if pointed_at or (focused is not None and self.isAncestorOf(focused)):
            self._leave.start(_LOOK_AGAIN_MS)
        else:
            self.dismiss()

    @Slot()
    def dismiss(self) -> None:
        self.dismissed.emit(self)

    @Slot()
    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText("\n".join(part for part in self.sentences if part))

    def _add_button(self, text: str, on_click: Callable[[], None]) -> None:
        button = QPushButton(text)
        button.setProperty("role", "small")
        button.setAccessibleName(text)
        button.clicked.connect(on_click)
        self._actions.addWidget(button)


def _sentence(text: str, role: str) -> QLabel:
    label = PlainLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    if role:
        label.setProperty("role", role)
    return label
