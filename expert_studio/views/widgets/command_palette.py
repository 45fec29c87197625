"""One field that finds everything: pages, conversations, experts, actions.

Knows entries only; what they do is given with them. More of them may come while it is open.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import (
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRectF,
    QSize,
    Qt,
    QTimer,
    Signal,
    Slot,
)
from PySide6.QtGui import QColor, QFontMetrics, QKeyEvent, QKeySequence, QPainter
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from expert_studio.views import theme
from expert_studio.views.theme_tokens import CONTROL_RADIUS
from expert_studio.views.widgets.matching import score
from expert_studio.views.widgets.plain_words import PlainLabel

WIDTH, ROW_HEIGHT, ROWS = 600, 36, 10
MOST_SHOWN = 60
_ENTRY = Qt.ItemDataRole.UserRole


@dataclass(frozen=True, slots=True)
class Entry:
    """Attributes:
    section: "Pages", "Actions", ...; stands at the right.
    keys: the shortcut that does the same, as QKeySequence reads it, or "".
    words: what it is found by besides its title.
    found_anyway: something else found it (a search in texts): shown though no letter fits.
    """

    title: str
    section: str
    run: Callable[[], object]
    keys: str = ""
    words: str = ""
    found_anyway: bool = False

    def told(self) -> str:
        keys = QKeySequence(self.keys).toString(QKeySequence.SequenceFormat.NativeText)
        return ", ".join(part for part in (self.title, self.section, keys) if part)


class CommandPalette(QDialog):
    """Signals:
    searched(str): what is typed, once typing rests.
    """

    searched = Signal(str)

    def __init__(self, entries: Sequence[Entry], parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Dialog | Qt.WindowType.FramelessWindowHint)
        self.setWindowTitle(self.tr("Find anything"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._entries = tuple(entries)
        self._found: tuple[Entry, ...] = ()
        self._field = QLineEdit()
        self._list = QListWidget()
        self._none = PlainLabel(self.tr("Nothing is called like that."))
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(150)
        self._build()
        self._field.textChanged.connect(self._on_typed)
        self._rest.timeout.connect(self._on_rested)
        self._list.itemClicked.connect(self._on_chosen)
        self._field.installEventFilter(self)
        self._show_found()

    def _build(self) -> None:
        frame = QFrame()
        frame.setProperty("role", "palette")
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(frame)
        column = QVBoxLayout(frame)
        column.setContentsMargins(10, 10, 10, 8)
        column.setSpacing(8)
        self._field.setPlaceholderText(self.tr("Find a page, a conversation, an expert, an action"))
        self._field.setAccessibleName(self.tr("Find anything"))
        self._list.setAccessibleName(self.tr("What was found"))
        self._list.setItemDelegate(_OneLine(self._list))
        self._list.setUniformItemSizes(True)
        self._list.setFixedHeight(ROWS * theme.scaled(ROW_HEIGHT) + 2)
        self._list.setMouseTracking(True)
        self._list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._none.setProperty("role", "muted")
        self._none.setContentsMargins(8, 0, 8, 4)
        column.addWidget(self._field)
        column.addWidget(self._none)
        column.addWidget(self._list)
        self.setFixedWidth(WIDTH)
        self._field.setFocus()

    @property
    def shown(self) -> tuple[str, ...]:
        """The titles on screen, best first."""
        return tuple(self._at(row).title for row in range(self._list.count()))

    def open(self) -> None:
        """Opens over the upper half of its window."""
        parent = self.parentWidget()
        assert parent is not None
        self.adjustSize()
        corner = parent.mapToGlobal(parent.rect().topLeft())
        self.move(corner.x() + (parent.width() - WIDTH) // 2, corner.y() + parent.height() // 8)
        super().open()
        self.activateWindow()
        self._field.setFocus()

    def set_entries(self, entries: Sequence[Entry]) -> None:
        """More is known by now; what is chosen stays chosen where it is still found."""
        row = self._list.currentRow()
        chosen = self._at(row) if row >= 0 else None
        self._entries = tuple(entries)
        self._show_found()
        for row in range(self._list.count() if chosen else 0):
            at = self._at(row)
            if chosen and (at.title, at.section) == (chosen.title, chosen.section):
                self._list.setCurrentRow(row)
                return

    def add_found(self, wanted: str, entries: Sequence[Entry]) -> None:
        """What a search elsewhere found for `wanted`; ignored if that is no longer typed."""
        if wanted == self._field.text():
            self._found = tuple(entries)
            self._show_found()

    def eventFilter(self, watched: QObject, event: object) -> bool:
        """Arrows move in the list while the field keeps the keyboard."""
        if (
            watched is self._field
            and isinstance(event, QKeyEvent)
            and event.type() == event.Type.KeyPress
        ):
            return self._key(event)
        return False

    def _key(self, event: QKeyEvent) -> bool:
        rows, now = self._list.count(), self._list.currentRow()
        steps = {
            Qt.Key.Key_Down: 1,
            Qt.Key.Key_Up: -1,
            Qt.Key.Key_PageDown: 8,
            Qt.Key.Key_PageUp: -8,
        }
        step = steps.get(Qt.Key(event.key()))
        if step is not None and rows:
            wanted = (now + step) % rows if abs(step) == 1 else min(max(now + step, 0), rows - 1)
            self._list.setCurrentRow(wanted)
            return True
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if 0 <= now < rows:
                self._run(self._at(now))
            return True
        return False

    def _show_found(self) -> None:
        wanted = self._field.text().strip()
        ranked = [(score(wanted, f"{e.title} {e.words}".strip()), e) for e in self._entries]
        best = sorted((pair for pair in ranked if pair[0]), key=lambda pair: -pair[0])
        shown = [entry for _, entry in best[:MOST_SHOWN]]
        told = {(entry.title, entry.section) for entry in shown}
        shown += [e for e in self._found if wanted and (e.title, e.section) not in told]
        self._list.clear()
        for entry in shown:
            item = QListWidgetItem(entry.title)
            item.setData(_ENTRY, entry)
            item.setData(Qt.ItemDataRole.AccessibleTextRole, entry.told())
            self._list.addItem(item)
        self._list.setCurrentRow(0)
        self._none.setVisible(not shown)

    def _at(self, row: int) -> Entry:
        found = self._list.item(row).data(_ENTRY)
        assert isinstance(found, Entry)
        return found

    def _run(self, entry: Entry) -> None:
        self.accept()
        entry.run()

    @Slot(str)
    def _on_typed(self, _text: str) -> None:
        self._found = ()
        self._show_found()
        self._rest.start()

    @Slot()
    def _on_rested(self) -> None:
        self.searched.emit(self._field.text())

    @Slot(QListWidgetItem)
    def _on_chosen(self, item: QListWidgetItem) -> None:
        self._run(item.data(_ENTRY))


class _OneLine(QStyledItemDelegate):
    """Title at the left; keys and section at the right."""

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        return QSize(WIDTH - 40, theme.scaled(ROW_HEIGHT))

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        tokens = theme.tokens_of(option.widget)
        entry = index.data(_ENTRY)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = QRectF(option.rect)
        if option.state & QStyle.StateFlag.State_Selected:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(tokens.accent_weak))
            painter.drawRoundedRect(area, CONTROL_RADIUS, CONTROL_RADIUS)
        inner = area.adjusted(10, 0, -10, 0)
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        keys = QKeySequence(entry.keys).toString(QKeySequence.SequenceFormat.NativeText)
        aside = " · ".join(part for part in (entry.section, keys) if part)
        painter.setFont(theme.body_font(11))
        painter.setPen(QColor(tokens.muted))
        painter.drawText(inner, right, aside)
        room = inner.width() - painter.fontMetrics().horizontalAdvance(aside) - 16
        font = theme.body_font(13, 500)
        painter.setFont(font)
        painter.setPen(QColor(tokens.text))
        title = QFontMetrics(font).elidedText(entry.title, Qt.TextElideMode.ElideRight, int(room))
        painter.drawText(inner, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, title)
        painter.restore()
