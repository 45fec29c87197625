"""A tour in a few steps over the window: one part is left bright, a card says what it is for.

Knows the parts it is given, nothing of what they do. Escape or Skip ends it at any step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QRectF, Qt, Signal, Slot
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from expert_studio.views import theme
from expert_studio.views.theme_tokens import CARD_RADIUS
from expert_studio.views.widgets.plain_words import PlainLabel

CARD_WIDTH, GAP = 330, 14


@dataclass(frozen=True, slots=True)
class TourStep:
    """`target` finds the part when its step comes: pages may have been made anew."""

    target: Callable[[], QWidget]
    heading: str
    sentence: str


class TourOverlay(QWidget):
    """Signals:
    ended(): by its last step, Skip or Escape.
    """

    ended = Signal()

    def __init__(self, steps: Sequence[TourStep], window: QWidget) -> None:
        super().__init__(window)
        self._steps = tuple(steps)
        self._at = 0
        self._card = QFrame(self)
        self._heading, self._sentence, self._count = PlainLabel(), PlainLabel(), PlainLabel()
        self._skip = QPushButton(self.tr("Skip the tour"))
        self._back = QPushButton(self.tr("Back"))
        self._next = QPushButton()
        self._build()
        self._skip.clicked.connect(self.end)
        self._back.clicked.connect(self._on_back)
        self._next.clicked.connect(self._on_next)
        window.installEventFilter(self)
        self.setGeometry(window.rect())
        self.show()
        self.raise_()
        self._show_step()

    def _build(self) -> None:
        self._card.setProperty("role", "palette")
        self._card.setFixedWidth(theme.scaled(CARD_WIDTH))
        self._heading.setProperty("role", "heading")
        self._count.setProperty("role", "small")
        for label in (self._heading, self._sentence):
            label.setWordWrap(True)
        self._skip.setProperty("role", "quiet")
        self._next.setProperty("role", "primary")
        foot = QHBoxLayout()
        foot.addWidget(self._skip)
        foot.addStretch(1)
        foot.addWidget(self._back)
        foot.addWidget(self._next)
        column = QVBoxLayout(self._card)
        column.setContentsMargins(16, 14, 14, 14)
        column.setSpacing(8)
        for widget in (self._count, self._heading, self._sentence):
            column.addWidget(widget)
        column.addSpacing(4)
        column.addLayout(foot)
        for button in (self._skip, self._back):
            button.setAccessibleName(button.text())

    @property
    def step(self) -> int:
        """1 for the first."""
        return self._at + 1

    @Slot()
    def end(self) -> None:
        parent = self.parentWidget()
        if parent is not None:
            parent.removeEventFilter(self)
        self.clearFocus()
        self.hide()
        self.ended.emit()
        self.deleteLater()

    def _show_step(self) -> None:
        step = self._steps[self._at]
        last = self._at == len(self._steps) - 1
        self._count.setText(
            self.tr("Step {n} of {total}").format(n=self.step, total=len(self._steps))
        )
        self._heading.setText(step.heading)
        self._sentence.setText(step.sentence)
        self._back.setVisible(self._at > 0)
        self._next.setText(self.tr("Begin") if last else self.tr("Next"))
        self._next.setAccessibleName(
            f"{self._next.text()}. {self._count.text()}: {step.heading} {step.sentence}"
        )
        self._skip.setVisible(not last)
        self._next.setFocus()
        self._place()

    def _bright(self) -> QRect:
        target = self._steps[self._at].target()
        if not target.isVisible():
            return QRect()
        corner = target.mapTo(self.window(), QPoint(0, 0))
        return QRect(corner, target.size()).intersected(self.rect())

    def _place(self) -> None:
        """Beside the bright part where there is room, else above or below it."""
        self._card.adjustSize()
        bright, card, room = self._bright(), self._card.size(), self.rect()
        if bright.left() - GAP - card.width() > 0:
            x, y = bright.left() - GAP - card.width(), bright.top() + GAP
        elif bright.right() + GAP + card.width() < room.right():
            x, y = bright.right() + GAP, bright.top() + GAP
        else:
            x = bright.center().x() - card.width() // 2
            above = bright.top() - GAP - card.height()
            y = above if above > 0 else bright.bottom() + GAP
        x = min(max(x, GAP), room.width() - card.width() - GAP)
        y = min(max(y, GAP), room.height() - card.height() - GAP)
        self._card.move(x, y)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        shade, hole = QPainterPath(), QPainterPath()
        shade.addRect(QRectF(self.rect()))
        bright = QRectF(self._bright()).adjusted(3, 3, -3, -3)
        hole.addRoundedRect(bright, CARD_RADIUS, CARD_RADIUS)
        painter.fillPath(shade.subtracted(hole), QColor(0, 0, 0, 120))
        painter.setPen(QPen(QColor(theme.tokens_of(self).accent), 2))
        painter.drawPath(hole)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and watched is self.parentWidget():
            self.setGeometry(self.parentWidget().rect())
            self._place()
        return False

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.end()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Right):
            self._on_next()
        elif event.key() == Qt.Key.Key_Left:
            self._on_back()
        else:
            super().keyPressEvent(event)

    def focusNextPrevChild(self, forward: bool) -> bool:
        """Tab stays among the card's buttons."""
        shown = [b for b in (self._skip, self._back, self._next) if b.isVisible()]
        if not shown:  # asked for while this is being hidden
            return False
        focused = self.focusWidget()
        at = shown.index(focused) if focused in shown else -1
        shown[(at + (1 if forward else -1)) % len(shown)].setFocus(Qt.FocusReason.TabFocusReason)
        return True

    @Slot()
    def _on_next(self) -> None:
        if self._at == len(self._steps) - 1:
            self.end()
            return
        self._at += 1
        self._show_step()

    @Slot()
    def _on_back(self) -> None:
        if self._at > 0:
            self._at -= 1
            self._show_step()
