"""The field the person writes in: takes files and long pastes as attachments. Knows no engine."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QMimeData, QObject, Signal
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent, QTextCursor
from PySide6.QtWidgets import QPlainTextEdit, QWidget

EXPERT_SUFFIX = ".expert"
LONGEST_TYPED = 20_000  # characters; laying out more in one field would hold the window up
LONGEST_LINE = 4_000


class PromptEditor(QPlainTextEdit):
    """Signals:
    files_dropped(tuple[Path, ...]): files that are no packages.
    long_pasted(str): text that is too long to stand here.
    files_over(bool): such files are held over it, or no longer.
    """

    files_dropped = Signal(object)
    long_pasted = Signal(object)  # megabytes are handed on, not copied
    files_over = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.viewport().installEventFilter(self)

    def insertFromMimeData(self, source: QMimeData) -> None:
        if source.hasText() and is_long(text := source.text()):
            self.long_pasted.emit(text)
        else:
            super().insertFromMimeData(source)

    def write(self, text: str) -> None:
        """In place of what is there; what is too long goes the way of a paste."""
        if is_long(text):
            self.clear()
            self.long_pasted.emit(text)
            return
        self.setPlainText(text)
        self.moveCursor(QTextCursor.MoveOperation.End)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QDragEnterEvent | QDragMoveEvent) and event.mimeData().hasUrls():
            if text_files_in(event.mimeData()):
                event.acceptProposedAction()
                self.files_over.emit(True)
            else:
                event.ignore()  # a package is the window's to install
            return True
        if isinstance(event, QDropEvent) and event.mimeData().hasUrls():
            paths = text_files_in(event.mimeData())
            self.files_over.emit(False)
            if paths:
                event.acceptProposedAction()
                self.files_dropped.emit(paths)
            return True
        if event.type() == QEvent.Type.DragLeave:
            self.files_over.emit(False)
        return super().eventFilter(watched, event)


def is_long(text: str) -> bool:
    """Whether a field of text would take too long to lay it out."""
    return len(text) > LONGEST_TYPED or any(len(line) > LONGEST_LINE for line in text.split("\n"))


def text_files_in(data: QMimeData) -> tuple[Path, ...]:
    """The local files that are dragged, none of them a package; () where one is."""
    paths = tuple(Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile())
    return () if any(path.suffix.lower() == EXPERT_SUFFIX for path in paths) else paths
