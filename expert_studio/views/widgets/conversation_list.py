"""The conversations: search, choose, begin, rename, pin, archive, export, delete. No history.

Signals of the widget carry what the person wants; nothing changes here by itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPoint, Qt, Signal, Slot
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
    QInputDialog,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QMenu,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from expert_studio.core.inference.turns import Conversation
from expert_studio.views import theme
from expert_studio.views.widgets.conversation_row import CONVERSATION, LIST_WIDTH, ConversationRow
from expert_studio.views.widgets.icon_button import IconButton
from expert_studio.views.widgets.plain_words import PlainLabel, plain_tip


class ConversationList(QFrame):
    """Signals:
    chosen(Conversation), new_wanted(), search_changed(str),
    rename_wanted(Conversation, str), delete_wanted(Conversation)
    pin_wanted(Conversation, bool), archive_wanted(Conversation, bool): or the opposite.
    export_wanted(Conversation)
    archived_shown(bool): the archived ones shall be listed, or the others.
    """

    chosen = Signal(object)
    new_wanted = Signal()
    search_changed = Signal(str)
    rename_wanted = Signal(object, str)
    delete_wanted = Signal(object)
    pin_wanted = Signal(object, bool)
    archive_wanted = Signal(object, bool)
    export_wanted = Signal(object)
    archived_shown = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "column")
        self.setFixedWidth(theme.widened(LIST_WIDTH))
        self._renaming: Conversation | None = None
        self._search = QLineEdit()
        self._new = IconButton("add", self.tr("New conversation (Ctrl+N)"), side=16)
        self._list = QListWidget()
        self._none = PlainLabel()
        self._rename = QAction(self.tr("Rename…"), self)
        self._pin = QAction(self.tr("Pin"), self)
        self._archive = QAction(self.tr("Archive"), self)
        self._export = QAction(self.tr("Export…"), self)
        self._delete = QAction(self.tr("Delete"), self)
        self._archived = QPushButton(self.tr("Archived"))
        self._build()
        self._connect()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if theme.was_rescaled(event):
            self.setFixedWidth(theme.widened(LIST_WIDTH))
            self._list.scheduleDelayedItemsLayout()

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
        self._list.setItemDelegate(ConversationRow(self._list))
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
        self._archived.setProperty("role", "quiet")
        self._archived.setCheckable(True)
        self._archived.setAccessibleName(self.tr("Show archived conversations"))
        column.addWidget(self._archived, 0, Qt.AlignmentFlag.AlignLeft)
        self._rename.setShortcut(QKeySequence(Qt.Key.Key_F2))
        self._delete.setShortcut(QKeySequence(QKeySequence.StandardKey.Delete))
        for action in (self._rename, self._pin, self._archive, self._export, self._delete):
            action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
            self._list.addAction(action)

    def _connect(self) -> None:
        self._search.textChanged.connect(self.search_changed)
        self._new.clicked.connect(self.new_wanted)
        self._list.itemClicked.connect(self._on_item)
        self._list.itemActivated.connect(self._on_item)
        self._list.customContextMenuRequested.connect(self._on_menu)
        self._rename.triggered.connect(self._on_rename)
        self._pin.triggered.connect(self._on_pin)
        self._archive.triggered.connect(self._on_archive)
        self._export.triggered.connect(self._on_export)
        self._delete.triggered.connect(self._on_delete)
        self._archived.toggled.connect(self._on_archived)

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
            item.setData(CONVERSATION, conversation)
            item.setToolTip(plain_tip(conversation.title))
            self._list.addItem(item)
        self._none.setText(
            self.tr("No conversation holds these words.")
            if self._search.text()
            else self.tr("Nothing is archived.")
            if self._archived.isChecked()
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
        found = item.data(CONVERSATION)
        assert isinstance(found, Conversation)
        return found

    def _current(self) -> Conversation | None:
        row = self._list.currentRow()
        return self._at(row) if row >= 0 else None

    @Slot(QListWidgetItem)
    def _on_item(self, item: QListWidgetItem) -> None:
        self.chosen.emit(item.data(CONVERSATION))

    @Slot(QPoint)
    def _on_menu(self, at: QPoint) -> None:
        item = self._list.itemAt(at) or self._list.currentItem()
        if item is None:
            return
        self._list.setCurrentItem(item)
        conversation = item.data(CONVERSATION)
        self._pin.setText(self.tr("Unpin") if conversation.pinned else self.tr("Pin"))
        self._archive.setText(
            self.tr("Back to the list") if conversation.archived else self.tr("Archive")
        )
        menu = QMenu(self)
        menu.addActions([self._rename, self._pin, self._archive, self._export])
        menu.addSeparator()
        menu.addAction(self._delete)
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
    def _on_pin(self) -> None:
        conversation = self._current()
        if conversation is not None:
            self.pin_wanted.emit(conversation, not conversation.pinned)

    @Slot()
    def _on_archive(self) -> None:
        conversation = self._current()
        if conversation is not None:
            self.archive_wanted.emit(conversation, not conversation.archived)

    @Slot()
    def _on_export(self) -> None:
        conversation = self._current()
        if conversation is not None:
            self.export_wanted.emit(conversation)

    @Slot(bool)
    def _on_archived(self, shown: bool) -> None:
        self._archived.setText(self.tr("Back to all") if shown else self.tr("Archived"))
        self.archived_shown.emit(shown)

    @Slot()
    def _on_delete(self) -> None:
        conversation = self._current()
        if conversation is not None:
            self.delete_wanted.emit(conversation)
