"""A fetch of a base as the person sees it: how far, how fast, how long, pause and stop.

Hidden while nothing is fetched. Knows nothing of where bases are kept.
"""

from __future__ import annotations

import time

from PySide6.QtCore import Slot
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from expert_studio.core.inference.transfer import DownloadProgress
from expert_studio.runtime.base_download import BaseDownload
from expert_studio.views.widgets.elided_label import ElidedLabel
from expert_studio.views.widgets.plain_words import PlainLabel
from expert_studio.views.widgets.quantities import size_text, speed_text, time_left_text
from expert_studio.views.widgets.thin_bar import ThinBar

_TEXT_EVERY_S = 1.0  # a rate that changes ten times a second cannot be read
_BAR_STEPS = 1000


class DownloadPanel(QFrame):
    def __init__(self, download: BaseDownload, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "inset")
        self._download = download
        self._told_at_s = 0.0
        self._told_state = ""
        self._build()
        download.started.connect(self._on_started)
        download.progressed.connect(self._on_progressed)
        download.ended.connect(self._on_ended)
        self._pause.clicked.connect(self._on_pause)
        self._stop.clicked.connect(self._on_stop)
        self.setVisible(download.running)

    def _build(self) -> None:
        self._name = ElidedLabel()
        self._name.setProperty("role", "strong")
        self._text = PlainLabel()
        self._text.setProperty("role", "secondary")
        self._text.setAccessibleName(self.tr("How far the download is"))
        self._bar = ThinBar()
        self._bar.setAccessibleName(self.tr("Downloading the base"))
        self._pause = QPushButton(self.tr("Pause"))
        self._pause.setProperty("role", "small")
        self._pause.setAccessibleName(self.tr("Pause the download"))
        self._stop = QPushButton(self.tr("Stop"))
        self._stop.setProperty("role", "small")
        self._stop.setAccessibleName(self.tr("Stop the download and keep what was fetched"))
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self._name, 1)
        head.addWidget(self._pause)
        head.addWidget(self._stop)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 12, 14, 12)
        column.setSpacing(8)
        column.addLayout(head)
        column.addWidget(self._bar)
        column.addWidget(self._text)

    @Slot(str)
    def _on_started(self, repo: str) -> None:
        self._name.set_text(repo)
        self._text.setText(self.tr("Asking the hub…"))
        self._bar.setRange(0, 0)
        self._told_at_s = 0.0
        self._stop.setEnabled(True)
        self._name_pause()
        self.show()

    @Slot(object)
    def _on_progressed(self, progress: DownloadProgress) -> None:
        self._bar.setRange(0, _BAR_STEPS)
        total = max(progress.bytes_total, 1)
        self._bar.setValue(int(_BAR_STEPS * progress.bytes_done / total))
        now_s = time.monotonic()
        same = progress.state == self._told_state
        if same and now_s - self._told_at_s < _TEXT_EVERY_S:
            return
        self._told_at_s, self._told_state = now_s, progress.state
        self._text.setText(self._told(progress))

    def _told(self, progress: DownloadProgress) -> str:
        amount = self.tr("{done} of {total}").format(
            done=size_text(progress.bytes_done), total=size_text(progress.bytes_total)
        )
        if progress.state == "paused":
            return self.tr("Paused at {amount}").format(amount=amount)
        if progress.state == "checking":
            return self.tr("Checking {file} · {amount}").format(file=progress.file, amount=amount)
        parts = [amount]
        if progress.bytes_per_s > 0:
            parts.append(speed_text(progress.bytes_per_s))
        left = time_left_text(progress.seconds_left)
        return " · ".join([*parts, left] if left else parts)

    def _name_pause(self) -> None:
        paused = self._download.paused
        self._pause.setText(self.tr("Resume") if paused else self.tr("Pause"))
        self._pause.setAccessibleName(
            self.tr("Resume the download") if paused else self.tr("Pause the download")
        )

    @Slot()
    def _on_pause(self) -> None:
        if self._download.paused:
            self._download.resume()
        else:
            self._download.pause()
            self._text.setText(self.tr("Pausing…"))
            self._told_state = ""
        self._name_pause()

    @Slot()
    def _on_stop(self) -> None:
        self._stop.setEnabled(False)
        self._text.setText(self.tr("Stopping…"))
        self._download.stop()

    @Slot()
    def _on_ended(self) -> None:
        self.hide()
