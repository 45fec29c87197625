"""The conversations: search, choose, begin, rename, delete. Knows no history.

Signals of the widget carry what the person wants; nothing changes here by itself.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from PySide6.QtCore import (
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRectF,
    QSize,
    Qt,
    Signal,
    Slot,
)
from PySide6.QtGui import QAction, QColor, QKeySequence, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QInputDialog,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from expert_studio.core.inference.history import Conversation
from expert_studio.views import theme
from expert_studio.views.theme_tokens import CONTROL_RADIUS, SMALL_PX
from expert_studio.views.widgets.icon_button import IconButton

WIDTH = 212
ROW_HEIGHT = 50
_CONVERSATION = Qt.ItemDataRole.UserRole


class ConversationList(QFrame):
    """Signals:
    chosen(Conversation), new_wanted(), search_changed(str),
    rename_wanted(Conversation, str), delete_wanted(Conversation)
    """

    chosen = Signal(object)
    new_wanted = Signal()
    search_changed = Signal(str)
    rename_wanted = Signal(object, str)
    delete_wanted = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "column")
        self.setFixedWidth(WIDTH)
        self._renaming: Conversation | None = None
        self._search = QLineEdit()
        self._new = IconButton("add", self.tr("New conversation (Ctrl+N)"), side=16)
        self._list = QListWidget()
        self._none = QLabel()
        self._rename = QAction(self.tr("Rename…"), self)
        self._delete = QAction(self.tr("Delete"), self)
        self._build()
        self._connect()

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 10, 10, 8)
        column.setSpacing(8)
        row = QHBoxLayout()
        row.setSpacing(4)
        self._search.setPlaceholderText(self.tr("Search"))
        self._search.setAccessibleName(self.tr("Search conversations"))
        self._search.setClearButtonEnabled(True)
        self._search.setAcceptDrops(False)  # a file dropped on it is installed, not typed
        row.addWidget(self._search, 1)
        row.addWidget(self._new)
        column.addLayout(row)
        self._list.setItemDelegate(_TwoLines(self._list))
        self._list.setAccessibleName(self.tr("Conversations"))
        self._list.setUniformItemSizes(True)
        self._list.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._list.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self._list.setMouseTracking(True)
        self._none.setProperty("role", "small")
        self._none.setWordWrap(True)
        self._none.setContentsMargins(9, 0, 4, 0)
        self._none.hide()
        column.addWidget(self._none)
        column.addWidget(self._list, 1)
        self._rename.setShortcut(QKeySequence(Qt.Key.Key_F2))
        self._delete.setShortcut(QKeySequence(QKeySequence.StandardKey.Delete))
        for action in (self._rename, self._delete):
            action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
            self._list.addAction(action)

    def _connect(self) -> None:
        self._search.textChanged.connect(self.search_changed)
        self._new.clicked.connect(self.new_wanted)
        self._list.itemClicked.connect(self._on_item)
        self._list.itemActivated.connect(self._on_item)
        self._list.customContextMenuRequested.connect(self._on_menu)
        self._rename.triggered.connect(self._on_rename)
        self._delete.triggered.connect(self._on_delete)

    @property
    def titles(self) -> tuple[str, ...]:
        return tuple(self._at(row).title for row in range(self._list.count()))

    @property
    def none_told(self) -> str:
        """What stands in place of the list, or ""."""
        return "" if self._none.isHidden() else self._none.text()

    @property
    def first(self) -> Conversation:
        """The one on top."""
        return self._at(0)

    def show_conversations(self, conversations: Sequence[Conversation], open_id: str) -> None:
        """Replaces the list, newest first; `open_id` names the one on the desk."""
        self._list.clear()
        for conversation in conversations:
            item = QListWidgetItem(conversation.title)
            item.setData(_CONVERSATION, conversation)
            item.setToolTip(conversation.title)
            self._list.addItem(item)
        self._none.setText(
            self.tr("No conversation holds these words.")
            if self._search.text()
            else self.tr("What you ask is kept here.")
        )
        self._none.setVisible(not conversations)
        self.select(open_id)

    def select(self, open_id: str) -> None:
        self._list.setCurrentRow(-1)
        for row in range(self._list.count()):
            if self._at(row).id == open_id:
                self._list.setCurrentRow(row)

    def _at(self, row: int) -> Conversation:
        item = self._list.item(row)
        found = item.data(_CONVERSATION)
        assert isinstance(found, Conversation)
        return found

    def _current(self) -> Conversation | None:
        row = self._list.currentRow()
        return self._at(row) if row >= 0 else None

    @Slot(QListWidgetItem)
    def _on_item(self, item: QListWidgetItem) -> None:
        self.chosen.emit(item.data(_CONVERSATION))

    @Slot(QPoint)
    def _on_menu(self, at: QPoint) -> None:
        item = self._list.itemAt(at)
        if item is None:
            return
        self._list.setCurrentItem(item)
        menu = QMenu(self)
        menu.addActions([self._rename, self._delete])
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self._list.viewport().mapToGlobal(at))

    @Slot()
    def _on_rename(self) -> None:
        conversation = self._current()
        if conversation is None:
            return
        self._renaming = conversation
        dialog = QInputDialog(self)
        dialog.setWindowTitle(self.tr("Rename conversation"))
        dialog.setLabelText(self.tr("Title"))
        dialog.setTextValue(conversation.title)
        dialog.resize(420, dialog.sizeHint().height())
        dialog.textValueSelected.connect(self._on_renamed)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    @Slot(str)
    def _on_renamed(self, title: str) -> None:
        if self._renaming is not None and title.strip():
            self.rename_wanted.emit(self._renaming, title.strip())
        self._renaming = None

    @Slot()
    def _on_delete(self) -> None:
        conversation = self._current()
        if conversation is not None:
            self.delete_wanted.emit(conversation)


class _TwoLines(QStyledItemDelegate):
    """Title above, age below; accent-weak when selected."""

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        return QSize(WIDTH - 20, ROW_HEIGHT)

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        widget = option.widget
        tokens = theme.tokens_of(widget)
        conversation = index.data(_CONVERSATION)
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
        title_font = theme.body_font(13, 600 if selected else 500)
        painter.setFont(title_font)
        painter.setPen(QColor(tokens.text))
        shown = painter.fontMetrics().elidedText(
            conversation.title, Qt.TextElideMode.ElideRight, int(inner.width())
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
