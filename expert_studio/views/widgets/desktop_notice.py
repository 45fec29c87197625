"""Tells something through the desktop's own notifications, where there are any."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Slot
from PySide6.QtWidgets import QSystemTrayIcon

from expert_studio.views import icons

SHOWN_MS = 12_000


class DesktopNotice(QObject):
    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tray: QSystemTrayIcon | None = None
        self._leave = QTimer(self)
        self._leave.setSingleShot(True)
        self._leave.setInterval(SHOWN_MS)
        self._leave.timeout.connect(self.close)

    def show(self, title: str, text: str) -> bool:
        """Shows it; False where this desktop has no such thing, and a toast has to do."""
        if not (QSystemTrayIcon.isSystemTrayAvailable() and QSystemTrayIcon.supportsMessages()):
            return False
        if self._tray is None:
            self._tray = QSystemTrayIcon(icons.application_icon(), self)
        self._tray.show()
        self._tray.showMessage(title, text, icons.application_icon(), SHOWN_MS)
        self._leave.start()
        return True

    @Slot()
    def close(self) -> None:
        """Takes the icon away again: it is there for the message alone."""
        self._leave.stop()
        if self._tray is not None:
            self._tray.hide()
