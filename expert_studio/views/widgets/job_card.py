"""One piece of long work in the rail: how far, how fast, how long; stop it, or go to its page."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QVBoxLayout,
    QWidget,
)

from expert_studio.views.widgets.card_button import CardButton
from expert_studio.views.widgets.elided_label import ElidedLabel
from expert_studio.views.widgets.icon_button import IconButton
from expert_studio.views.widgets.plain_words import PlainLabel, plain_tip
from expert_studio.views.widgets.thin_bar import ThinBar

_STEPS = 1000


@dataclass(frozen=True, slots=True)
class Job:
    """Attributes:
    key: what it is told apart by.
    kind: what is done ("Training"); name: to what ("neo4j-cypher").
    share: 0 to 1, or None while nobody knows.
    amount, rate, left: "372 / 600", "2.1 steps/s", "4 min left"; "" while not known.
    on_close: what becomes of it when the window is closed, a sentence.
    is_stopping: it was told to stop and has not yet.
    """

    key: str
    kind: str
    name: str
    share: float | None
    amount: str
    rate: str
    left: str
    on_close: str
    is_stopping: bool = False

    def told(self) -> str:
        """All of it in one line, as a tooltip and a screen reader say it."""
        parts = (f"{self.kind} {self.name}", self.amount, self.rate, self.left)
        return " · ".join(part for part in parts if part.strip())


class JobCard(CardButton):
    """Signals:
    opened(str): the key; by a click, Return or Space.
    stop_wanted(str): the key.
    """

    opened = Signal(str)
    stop_wanted = Signal(str)

    def __init__(self, job: Job, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._job = job
        self._compact = False
        self._kind, self._name = PlainLabel(), ElidedLabel()
        self._bar = ThinBar()
        self._amount, self._left, self._rate = ElidedLabel(), PlainLabel(), PlainLabel()
        self._stop = IconButton("stop", "", side=12)
        self._stop.clicked.connect(self._on_stop)
        self.clicked.connect(self._on_opened)
        self._build()
        self.show_job(job)

    def _build(self) -> None:
        self._kind.setProperty("role", "small")
        self._name.setProperty("role", "strong")
        head = QHBoxLayout()
        head.setSpacing(4)
        names = QVBoxLayout()
        names.setSpacing(1)
        names.addWidget(self._kind)
        names.addWidget(self._name)
        head.addLayout(names, 1)
        head.addWidget(self._stop, 0, Qt.AlignmentFlag.AlignTop)
        foot = QHBoxLayout()
        foot.setSpacing(6)
        foot.addWidget(self._amount, 1)
        foot.addWidget(self._left)
        for label in (self._amount, self._left, self._rate):
            label.setProperty("role", "small")
        column = QVBoxLayout(self)
        column.setContentsMargins(10, 7, 6, 8)
        column.setSpacing(5)
        column.addLayout(head)
        column.addWidget(self._bar)
        column.addLayout(foot)
        column.addWidget(self._rate)

    @property
    def job(self) -> Job:
        return self._job

    def show_job(self, job: Job) -> None:
        self._job = job
        self._kind.setText(job.kind)
        self._name.set_text(job.name)
        if job.share is None:
            self._bar.setRange(0, 0)
        else:
            self._bar.setRange(0, _STEPS)
            self._bar.setValue(round(_STEPS * job.share))
        self._amount.set_text(self.tr("stopping…") if job.is_stopping else job.amount)
        self._left.setText("" if job.is_stopping else job.left)
        self._rate.setText(job.rate)
        self._stop.setEnabled(not job.is_stopping)
        told = self.tr("Stop: {kind} {name}").format(kind=job.kind, name=job.name)
        self._stop.setAccessibleName(told)
        self._stop.setToolTip(told)
        self._bar.setAccessibleName(self.tr("How far: {name}").format(name=job.name))
        self.setAccessibleName(job.told())
        self.setToolTip(plain_tip(job.told()))
        self._show_parts()

    def set_compact(self, compact: bool) -> None:
        """Bar and stop alone, in a narrow rail."""
        self._compact = compact
        self._show_parts()

    def _show_parts(self) -> None:
        for label in (self._kind, self._name, self._amount, self._left):
            label.setVisible(not self._compact)
        self._rate.setVisible(not self._compact and bool(self._job.rate))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Delete and self._stop.isEnabled():
            self._on_stop()
        else:
            super().keyPressEvent(event)

    @Slot()
    def _on_opened(self) -> None:
        self.opened.emit(self._job.key)

    @Slot()
    def _on_stop(self) -> None:
        self.stop_wanted.emit(self._job.key)
