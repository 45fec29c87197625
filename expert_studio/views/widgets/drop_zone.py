"""Takes files dropped anywhere on a widget and says so while they hover over it.

Knows nothing of what the files are for: it hands over every local path it was given.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QEvent, QMimeData, QObject, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QDragEnterEvent,
    QDragMoveEvent,
    QDropEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QWidget

from expert_studio.views.theme import body_font, tokens_of

_INSET = 10


class DropZone(QWidget):
    """An overlay on `target`, hidden until files hover.

    Children of `target` that take drops themselves (text fields, views) must be told not to.

    Signals:
        files_dropped(tuple[Path, ...]): local files and folders, in the order given.
        refused(): something without a local file was dropped.
    """

    files_dropped = Signal(object)
    refused = Signal()

    def __init__(self, target: QWidget, invitation: str) -> None:
        super().__init__(target)
        self._invitation = invitation
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAccessibleName(invitation)
        self.hide()
        target.setAcceptDrops(True)
        target.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QDropEvent) and event.type() == QEvent.Type.Drop:
            self._take(event)
            return True
        if isinstance(event, QDragEnterEvent | QDragMoveEvent):
            self._hover(event)
            return True
        if event.type() == QEvent.Type.DragLeave:
            self.hide()
            return True
        if event.type() == QEvent.Type.Resize and self.isVisible():
            self._cover()
        return False

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = tokens_of(self)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        veil = QColor(tokens.bg)
        veil.setAlphaF(0.86)
        painter.fillRect(self.rect(), veil)
        pen = QPen(QColor(tokens.accent), 2, Qt.PenStyle.DashLine)
        painter.setPen(pen)
        painter.setBrush(QColor(tokens.accent_weak))
        frame = QRectF(self.rect()).adjusted(_INSET, _INSET, -_INSET, -_INSET)
        painter.drawRoundedRect(frame, 12, 12)
        painter.setPen(QColor(tokens.text))
        painter.setFont(body_font(17, 600))
        painter.drawText(frame, Qt.AlignmentFlag.AlignCenter, self._invitation)

    def _hover(self, event: QDragEnterEvent | QDragMoveEvent) -> None:
        if not event.mimeData().hasUrls():
            event.ignore()
            return
        event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()
        if not self.isVisible():
            self._cover()
            self.show()
            self.raise_()

    def _take(self, event: QDropEvent) -> None:
        self.hide()
        paths = _local_paths(event.mimeData())
        event.setDropAction(Qt.DropAction.CopyAction)
        event.accept()
        if paths:
            self.files_dropped.emit(paths)
        else:
            self.refused.emit()

    def _cover(self) -> None:
        target = self.parentWidget()
        if target is not None:
            self.setGeometry(target.rect())


def _local_paths(data: QMimeData) -> tuple[Path, ...]:
    files = [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]
    return tuple(dict.fromkeys(files))
