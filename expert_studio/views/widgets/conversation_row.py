"""How one conversation is drawn in the list. Knows no history."""

from __future__ import annotations

import time

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from expert_studio.views import icons, theme
from expert_studio.views.theme_tokens import CONTROL_RADIUS, SMALL_PX

LIST_WIDTH = 212
ROW_HEIGHT = 50
PIN = 12
CONVERSATION = Qt.ItemDataRole.UserRole


class ConversationRow(QStyledItemDelegate):
    """Title above, age below, a pin where it is pinned; accent-weak when selected."""

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        return QSize(theme.widened(LIST_WIDTH) - 20, theme.scaled(ROW_HEIGHT))

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        widget = option.widget
        tokens = theme.tokens_of(widget)
        conversation = index.data(CONVERSATION)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(option.rect).adjusted(0, 1, 0, -1)
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        hovered = bool(option.state & QStyle.StateFlag.State_MouseOver)
        if selected or hovered:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(tokens.accent_weak if selected else tokens.sunken))
            painter.drawRoundedRect(area, CONTROL_RADIUS, CONTROL_RADIUS)
        inner = area.adjusted(9, 7, -9, -6)
        if conversation.pinned:
            mark = icons.pixmap("pin", tokens.muted, PIN, painter.device().devicePixelRatioF())
            painter.drawPixmap(QPointF(inner.right() - PIN, inner.top() + 2), mark)
        title_font = theme.body_font(13, 600 if selected else 500)
        painter.setFont(title_font)
        painter.setPen(QColor(tokens.text))
        room = int(inner.width()) - (PIN + 4 if conversation.pinned else 0)
        shown = painter.fontMetrics().elidedText(
            conversation.title, Qt.TextElideMode.ElideRight, room
        )
        painter.drawText(inner, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft, shown)
        painter.setFont(theme.body_font(SMALL_PX))
        painter.setPen(QColor(tokens.muted))
        painter.drawText(
            inner,
            Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignLeft,
            self._age(conversation.updated_at_s),
        )
        painter.restore()

    def _age(self, at_s: float) -> str:
        past = max(0.0, time.time() - at_s)
        if past < 90:
            return self.tr("now")
        if past < 3600:
            return self.tr("{0} min").format(round(past / 60))
        if past < 86400:
            return self.tr("{0} h").format(round(past / 3600))
        if past < 7 * 86400:
            return self.tr("{0} d").format(round(past / 86400))
        return time.strftime("%d %b %Y", time.localtime(at_s))
