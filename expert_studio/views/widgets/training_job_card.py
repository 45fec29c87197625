"""The run that goes on, in the rail: a click opens it. Knows one glance, no page."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QVBoxLayout, QWidget

from expert_studio.core.training.trace import Glance
from expert_studio.views.theme import restyle
from expert_studio.views.widgets.elided_label import ElidedLabel
from expert_studio.views.widgets.training_words import left_text, step_text


class TrainingJobCard(QFrame):
    """Signals:
    opened(str): the run by its identifier.
    """

    opened = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._identifier = ""
        self.setProperty("role", "card")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._name = ElidedLabel()
        self._name.setProperty("role", "strong")
        self._bar = QProgressBar()
        self._bar.setRange(0, 1000)
        self._bar.setTextVisible(False)
        self._step, self._left = QLabel(), QLabel()
        foot = QHBoxLayout()
        foot.addWidget(self._step)
        foot.addStretch(1)
        foot.addWidget(self._left)
        for label in (self._step, self._left):
            label.setProperty("role", "small")
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 8, 10, 8)
        column.setSpacing(6)
        column.addWidget(self._name)
        column.addWidget(self._bar)
        column.addLayout(foot)
        self.hide()

    def set_compact(self, compact: bool) -> None:
        """The bar alone, in a narrow rail."""
        for label in (self._name, self._step, self._left):
            label.setVisible(not compact)

    def show_glances(self, glances: tuple[Glance, ...]) -> None:
        """Shows the newest run that goes on, and nothing where none does."""
        going_on = [glance for glance in glances if glance.status == "running"]
        self.setVisible(bool(going_on))
        if not going_on:
            self._identifier = ""
            return
        glance = going_on[0]
        self._identifier = glance.identifier
        self._name.set_text(glance.name)
        self._bar.setValue(round(1000 * glance.pace.share))
        self._step.setText(step_text(glance))
        self._left.setText(left_text(glance))
        self.setAccessibleName(
            self.tr("Training {name}, {step}, {left}").format(
                name=glance.name, step=step_text(glance), left=left_text(glance)
            )
        )
        self.setToolTip(self.accessibleName())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._open()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self._open()
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: object) -> None:
        restyle(self, selected="true")

    def focusOutEvent(self, event: object) -> None:
        restyle(self, selected="false")

    def _open(self) -> None:
        if self._identifier:
            self.opened.emit(self._identifier)
