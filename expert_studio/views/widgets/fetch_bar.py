"""How far a fetch from a repository is, with a way to stop it. Knows nothing of what comes."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from expert_studio.core.experts.fetch_control import FetchProgress
from expert_studio.views.widgets.elided_label import ElidedLabel
from expert_studio.views.widgets.quantities import size_text
from expert_studio.views.widgets.thin_bar import ThinBar


class FetchBar(QFrame):
    """Hidden while nothing is fetched.

    Signals:
        stop_wanted(): the person wants it to end.
    """

    stop_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "inset")
        self._text = ElidedLabel()
        self.stop = QPushButton(self.tr("Cancel"))
        self.stop.setProperty("role", "quiet")
        self.stop.setAccessibleName(self.tr("Stop fetching"))
        self.stop.clicked.connect(self.stop_wanted)
        self._bar = ThinBar()
        self._bar.setAccessibleName(self.tr("Fetching"))
        row = QHBoxLayout()
        row.addWidget(self._text, 1)
        row.addWidget(self.stop)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 10)
        column.setSpacing(6)
        column.addLayout(row)
        column.addWidget(self._bar)
        self.hide()

    @property
    def said(self) -> str:
        return self._text.whole_text

    def show_fetching(self, what: str) -> None:
        """Something is being fetched, or "" nothing any more."""
        self.setVisible(bool(what))
        self._text.set_text(self.tr("Fetching {what}…").format(what=what))
        self._bar.setRange(0, 0)

    def show_progress(self, progress: FetchProgress) -> None:
        phases = {
            "asking": self.tr("asking {what}"),
            "receiving": self.tr("receiving {what}"),
            "reading": self.tr("reading {what}"),
            "checking": self.tr("checking {what}"),
        }
        parts = [phases[progress.phase].format(what=progress.what)]
        if progress.total:
            parts.append(self.tr("{n} of {m}").format(n=progress.done, m=progress.total))
        if progress.received_bytes:
            parts.append(size_text(progress.received_bytes))
        if progress.bytes_per_s:
            parts.append(self.tr("{rate}/s").format(rate=size_text(progress.bytes_per_s)))
        self._text.set_text(" · ".join(parts))
        self._bar.setRange(0, progress.total)
        self._bar.setValue(progress.done)
