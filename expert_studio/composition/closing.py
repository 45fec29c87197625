"""Closing the window while something goes on: what becomes of it is said, and asked."""

from __future__ import annotations

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QMessageBox

from expert_studio.composition.job_links import JobLinks
from expert_studio.composition.parts import Parts


class Closing(QObject):
    """Stands between the window's close button and its closing."""

    def __init__(self, parts: Parts, jobs: JobLinks, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._parts = parts
        self._jobs = jobs
        self._agreed = False
        self._asked: QMessageBox | None = None
        parts.window.may_close = self._may_close

    @property
    def question(self) -> QMessageBox | None:
        """The question while it is open."""
        return self._asked

    def _may_close(self) -> bool:
        if self._agreed or not self._jobs.jobs:
            return True
        if self._asked is None:
            # two runs that both go on are two sentences, two of the same words one
            told = dict.fromkeys(job.on_close for job in self._jobs.jobs)
            self._asked = self._parts.notices.ask(
                self.tr("Close the window while work goes on?"),
                "\n".join(told),
                self.tr("Close"),
                self._on_agreed,
            )
            self._asked.finished.connect(self._on_answered)
        return False

    @Slot()
    def _on_agreed(self) -> None:
        self._agreed = True
        self._parts.window.close()

    @Slot()
    def _on_answered(self) -> None:
        self._asked = None
