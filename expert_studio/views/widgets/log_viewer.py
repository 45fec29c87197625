"""What the app noted while it ran, to look through and to copy. Reads nothing itself."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QColor, QGuiApplication, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from expert_studio.core.log_file import LEVELS, LogLine, as_text
from expert_studio.views import theme
from expert_studio.views.widgets.plain_words import PlainLabel

MOST_SHOWN = 1000


class LogViewer(QDialog):
    """Signals:
    refresh_wanted(): the log shall be read anew.
    folder_wanted(): the folder with the files shall be opened.
    """

    refresh_wanted = Signal()
    folder_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Log"))
        self.resize(860, 560)
        self._lines: tuple[LogLine, ...] = ()
        self._shown: tuple[LogLine, ...] = ()
        self._level = QComboBox()
        self._search = QLineEdit()
        self._text = QPlainTextEdit()
        self._state = PlainLabel()
        self._build()
        self._level.currentIndexChanged.connect(self._on_filter)
        self._search.textChanged.connect(self._on_filter)

    def _build(self) -> None:
        title = PlainLabel(self.tr("Log"))
        title.setProperty("role", "title")
        detail = PlainLabel(
            self.tr(
                "What the app noted while it ran. Keys, tokens, mail addresses and your home "
                "folder are taken out, so that it can be passed on."
            )
        )
        detail.setProperty("role", "muted")
        detail.setWordWrap(True)
        self._level.setAccessibleName(self.tr("Least severity shown"))
        for name in (self.tr("Everything"), self.tr("Warnings and errors"), self.tr("Errors")):
            self._level.addItem(name)
        self._search.setPlaceholderText(self.tr("Search the log"))
        self._search.setAccessibleName(self.tr("Search the log"))
        self._search.setClearButtonEnabled(True)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self._search, 1)
        head.addWidget(self._level)
        self._text.setReadOnly(True)
        self._text.setTabChangesFocus(True)
        self._text.setProperty("role", "mono")
        self._text.setAccessibleName(self.tr("Lines of the log"))
        self._text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self._state.setProperty("role", "small")
        foot = QHBoxLayout()
        foot.setSpacing(8)
        foot.addWidget(self._state, 1)
        for text, slot, role in (
            (self.tr("Read anew"), self.refresh_wanted, ""),
            (self.tr("Open the folder"), self.folder_wanted, ""),
            (self.tr("Copy what is shown"), self._on_copy, ""),
            (self.tr("Close"), self.accept, "primary"),
        ):
            button = QPushButton(text)
            button.setAccessibleName(text)
            button.setAutoDefault(False)
            button.setProperty("role", role)
            button.clicked.connect(slot)
            foot.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(10)
        column.addWidget(title)
        column.addWidget(detail)
        column.addLayout(head)
        column.addWidget(self._text, 1)
        column.addLayout(foot)
        self._search.setFocus()

    @property
    def shown(self) -> tuple[LogLine, ...]:
        return self._shown

    def show_lines(self, lines: Sequence[LogLine]) -> None:
        """What was read, oldest first."""
        self._lines = tuple(lines)
        self._show()

    def _show(self) -> None:
        least = self._level.currentIndex()
        wanted = self._search.text().casefold()
        found = [
            line
            for line in self._lines
            if LEVELS.index(line.level) >= least and wanted in as_text([line]).casefold()
        ]
        self._shown = tuple(found[-MOST_SHOWN:])
        self._text.clear()
        tokens = theme.tokens_of(self)
        colours = {"info": tokens.text, "warning": tokens.warn, "error": tokens.bad}
        cursor = self._text.textCursor()
        cursor.beginEditBlock()
        for number, line in enumerate(self._shown):
            look = QTextCharFormat()
            look.setForeground(QColor(colours[line.level]))
            cursor.insertText(("\n" if number else "") + as_text([line]), look)
        cursor.endEditBlock()
        self._text.moveCursor(QTextCursor.MoveOperation.End)
        self._text.moveCursor(QTextCursor.MoveOperation.StartOfLine)
        told = self.tr("1 line") if len(self._shown) == 1 else self.tr("{n} lines")
        self._state.setText(told.format(n=len(self._shown)))

    @Slot()
    def _on_filter(self) -> None:
        self._show()

    @Slot()
    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(as_text(self._shown))
        self._state.setText(self.tr("Copied."))
