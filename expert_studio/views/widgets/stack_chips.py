"""A stack on one line: a dot in the tier's colour and the name beside it, per expert.

Gives way by leaving names out at the end ("+2") and says the whole in its tooltip.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from expert_studio.core.inference.stack import Stack, StackMember
from expert_studio.views import theme
from expert_studio.views.theme_tokens import SECONDARY_PX, SMALL_PX

DOT = 8
GAP = 12
HEIGHT, BADGE_HEIGHT = 18, 22  # at 100 % of the type


class StackChips(QWidget):
    def __init__(self, stack: Stack, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._stack = stack
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._scale()
        self._describe()

    def _scale(self) -> None:
        self._text_font = theme.body_font(SECONDARY_PX)
        self.setFixedHeight(theme.scaled(HEIGHT))
        self.updateGeometry()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if theme.was_rescaled(event):
            self._scale()

    @property
    def stack(self) -> Stack:
        return self._stack

    def set_stack(self, stack: Stack) -> None:
        self._stack = stack
        self._describe()
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        metrics = QFontMetrics(self._text_font)
        width = sum(DOT + 8 + metrics.horizontalAdvance(text) + GAP for text, _ in self._entries())
        return QSize(width, self.height())

    def minimumSizeHint(self) -> QSize:
        return QSize(60, self.height())

    def _entries(self) -> list[tuple[str, str]]:
        if not self._stack.members:
            return [(self.tr("base alone"), "base")]
        return [(_label(member), member.tier) for member in self._stack.members]

    def _describe(self) -> None:
        lines = [
            f"{member.name} {member.version} · {member.tier} · {member.weight:+.2f}"
            + ("" if member.as_trained else self.tr(" · not as trained"))
            for member in self._stack.members
        ]
        told = "\n".join(lines) or self.tr("No expert was active.")
        self.setToolTip(told)
        self.setAccessibleName(told)

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.tokens_of(self)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(self._text_font)
        metrics = QFontMetrics(self._text_font)
        x = 0.0
        entries = self._entries()
        for index, (text, tier) in enumerate(entries):
            width = DOT + 8 + metrics.horizontalAdvance(text)
            left_over = len(entries) - index
            room = self.width() - (40 if left_over > 1 else 0)
            if x + width > room and index:
                painter.setPen(QColor(tokens.muted))
                painter.drawText(QPointF(x, self._baseline()), f"+{left_over}")
                break
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(tokens.tier(tier)))
            painter.drawEllipse(QRectF(x, (self.height() - DOT) / 2, DOT, DOT))
            painter.setPen(QPen(QColor(tokens.muted)))
            shown = metrics.elidedText(
                text, Qt.TextElideMode.ElideRight, int(self.width() - x - DOT - 8)
            )
            painter.drawText(QPointF(x + DOT + 8, self._baseline()), shown)
            x += width + GAP
        painter.end()

    def _baseline(self) -> float:
        metrics = QFontMetrics(self._text_font)
        return (self.height() + metrics.ascent() - metrics.descent()) / 2


class StackBadge(QWidget):
    """A round chip with the dots of a stack and how many experts it holds."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._stack = Stack()
        self._text_font = theme.body_font(SMALL_PX)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.set_stack(self._stack)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if theme.was_rescaled(event):
            self._text_font = theme.body_font(SMALL_PX)
            self.updateGeometry()

    def set_stack(self, stack: Stack) -> None:
        self._stack = stack
        self.setAccessibleName(self._text())
        self.setToolTip("\n".join(_label(member) for member in stack.members))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        dots = len(self._stack.members) * (DOT + 5)
        text = QFontMetrics(self._text_font).horizontalAdvance(self._text())
        return QSize(18 + dots + text + 4, theme.scaled(BADGE_HEIGHT))

    def _text(self) -> str:
        count = len(self._stack.members)
        if count == 0:
            return self.tr("base alone")
        return self.tr("1 expert") if count == 1 else self.tr("{0} experts").format(count)

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.tokens_of(self)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(tokens.line)))
        painter.setBrush(QColor(tokens.surface))
        radius = (self.height() - 1) / 2
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), radius, radius)
        x = 9.0
        painter.setPen(Qt.PenStyle.NoPen)
        for member in self._stack.members:
            painter.setBrush(QColor(tokens.tier(member.tier)))
            painter.drawEllipse(QRectF(x, (self.height() - DOT) / 2, DOT, DOT))
            x += DOT + 5
        painter.setFont(self._text_font)
        painter.setPen(QColor(tokens.muted))
        metrics = QFontMetrics(self._text_font)
        baseline = (self.height() + metrics.ascent() - metrics.descent()) / 2
        painter.drawText(QPointF(x + 1, baseline), self._text())
        painter.end()


def shown_weight(weight: float) -> str:
    """A weight as a person writes it: 1.0, 0.8, 0.25."""
    written = f"{weight:.2f}"
    return written.removesuffix("0")


def _label(member: StackMember) -> str:
    mark = "" if member.as_trained else " ≠"
    return f"{member.name} {shown_weight(member.weight)}{mark}"
