"""All long work that goes on, in the rail: downloads, datasets, trainings. Starts none itself."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QMenu, QPushButton, QVBoxLayout, QWidget

from expert_studio.views.widgets.job_card import Job, JobCard

MOST_SHOWN = 3


class JobTray(QWidget):
    """Hidden while nothing goes on; from the fourth on, jobs stand in a menu.

    Signals:
        opened(str): the job's page is wanted; its key.
        stop_wanted(str): the job's key.
    """

    opened = Signal(str)
    stop_wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._jobs: tuple[Job, ...] = ()
        self._cards: dict[str, JobCard] = {}
        self._compact = False
        self._more = QPushButton()
        self._more.setAccessibleName(self.tr("More jobs"))
        self._more.setProperty("role", "quiet")
        self._more.clicked.connect(self._on_more)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(6)
        self._column.addWidget(self._more)
        self.hide()

    @property
    def jobs(self) -> tuple[Job, ...]:
        return self._jobs

    @property
    def cards(self) -> tuple[JobCard, ...]:
        """Those on screen, top to bottom."""
        return tuple(self._cards.values())

    def show_jobs(self, jobs: Sequence[Job]) -> None:
        self._jobs = tuple(jobs)
        shown = {job.key: job for job in self._jobs[:MOST_SHOWN]}
        for key in self._cards.keys() - shown.keys():
            self._leave(self._cards.pop(key))
        for key, job in shown.items():
            if key in self._cards:
                self._cards[key].show_job(job)
            else:
                self._add(job)
        more = len(self._jobs) - len(shown)
        text = self.tr("{n} more…").format(n=more)
        self._more.setText(f"+{more}" if self._compact else text)
        self._more.setAccessibleName(self.tr("Show {n} more jobs").format(n=more))
        self._more.setVisible(more > 0)
        self.setVisible(bool(self._jobs))

    def set_compact(self, compact: bool) -> None:
        self._compact = compact
        for card in self._cards.values():
            card.set_compact(compact)
        self.show_jobs(self._jobs)

    def focus(self) -> None:
        """Puts the keyboard on the first job."""
        for card in self.cards[:1]:
            card.setFocus()

    def _add(self, job: Job) -> None:
        card = JobCard(job)
        card.set_compact(self._compact)
        card.opened.connect(self.opened)
        card.stop_wanted.connect(self.stop_wanted)
        self._column.insertWidget(len(self._cards), card)
        self._cards[job.key] = card

    def _leave(self, card: JobCard) -> None:
        self._column.removeWidget(card)
        card.hide()
        card.deleteLater()

    @Slot()
    def _on_more(self) -> None:
        menu = QMenu(self)
        for job in self._jobs[MOST_SHOWN:]:
            menu.addAction(job.told()).triggered.connect(partial(self.opened.emit, job.key))
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self._more.mapToGlobal(self._more.rect().topLeft()))
