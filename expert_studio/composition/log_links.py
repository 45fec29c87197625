"""The log: what is told to the person is noted in it, and it is shown on request."""

from __future__ import annotations

import logging

from PySide6.QtCore import QObject, QUrl, Slot
from PySide6.QtGui import QDesktopServices

from expert_studio.composition.pages import SETTINGS, Pages
from expert_studio.composition.parts import Parts
from expert_studio.core import log_file
from expert_studio.core.errors import CrashReport
from expert_studio.core.log_file import LogLine
from expert_studio.views.widgets.log_viewer import LogViewer

log = logging.getLogger("expert_studio")


class LogLinks(QObject):
    def __init__(self, parts: Parts, pages: Pages, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._parts = parts
        self._viewer: LogViewer | None = None
        pages.when_made(SETTINGS, lambda: pages.settings.log_wanted.connect(self.open))
        parts.notices.told.connect(self._on_told)
        parts.notices.crashed.connect(self._on_crashed)
        parts.notices.log_wanted.connect(self.open)

    @property
    def viewer(self) -> LogViewer | None:
        """The log on screen, while it is."""
        return self._viewer

    @Slot()
    def open(self) -> None:
        """Shows the log; it is read beside the window."""
        if self._viewer is None:
            self._viewer = LogViewer(self._parts.window)
            self._viewer.refresh_wanted.connect(self._read)
            self._viewer.folder_wanted.connect(self._on_folder_wanted)
            self._viewer.finished.connect(self._on_closed)
            self._viewer.open()
        self._read()

    @Slot()
    def _read(self) -> None:
        self._parts.background.run(log_file.read, self._parts.folders, on_done=self._on_read)

    @Slot(object)
    def _on_read(self, lines: tuple[LogLine, ...]) -> None:
        if self._viewer is not None:
            self._viewer.show_lines(lines)

    @Slot()
    def _on_closed(self) -> None:
        viewer, self._viewer = self._viewer, None
        if viewer is not None:
            viewer.deleteLater()

    @Slot()
    def _on_folder_wanted(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._parts.folders.logs)))

    @Slot(str, str)
    def _on_told(self, severity: str, text: str) -> None:
        if severity != "info":
            log.warning("%s", text)

    @Slot(object)
    def _on_crashed(self, report: CrashReport) -> None:
        log.error("In %s: %s\n%s", report.where, report.summary, report.trace)
