"""Long work of every page, told to the rail and asked about when the window is closed.

Knows where downloads, dataset jobs, trainings and evaluations tell how far they are; stops
them and goes to their pages by the key of a job. Starts none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QLocale, QObject, Signal, Slot

from expert_studio.composition.pages import DATASETS, SETTINGS, TRAINING, Pages
from expert_studio.composition.parts import Parts
from expert_studio.core.inference.transfer import DownloadProgress
from expert_studio.runtime.dataset_job import JobProgress
from expert_studio.views.widgets.dataset_orders import work_title
from expert_studio.views.widgets.dataset_words import count_text
from expert_studio.views.widgets.job_card import Job
from expert_studio.views.widgets.quantities import size_text, speed_text, time_left_text

if TYPE_CHECKING:  # no run is told of before the window is painted
    from expert_studio.core.training.trace import Glance

DOWNLOAD, DATASET_WORK, EVALUATION, TRAINING_RUN = "download", "dataset", "evaluation", "training:"


class JobLinks(QObject):
    """Signals:
    changed(): a job began, moved on or ended.
    """

    changed = Signal()

    def __init__(self, parts: Parts, pages: Pages, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._parts = parts
        self._pages = pages
        self._jobs: dict[str, Job] = {}
        self._stopping: set[str] = set()
        self._tray = parts.window.rail.jobs
        self._tray.opened.connect(self.open)
        self._tray.stop_wanted.connect(self.stop)
        download = parts.base_download
        download.started.connect(self._on_download_started)
        download.progressed.connect(self._on_download_moved)
        download.ended.connect(partial(self._drop, DOWNLOAD))
        pages.when_made(DATASETS, self._connect_datasets)
        pages.when_made(TRAINING, self._connect_training)

    @property
    def jobs(self) -> tuple[Job, ...]:
        """What goes on now: trainings last, as they outlive the window."""
        return tuple(sorted(self._jobs.values(), key=lambda job: job.key.startswith(TRAINING_RUN)))

    @Slot(str)
    def open(self, key: str) -> None:
        """Puts the job's page in front."""
        window = self._parts.window
        if key == DOWNLOAD:
            window.show_page(SETTINGS)
        elif key.startswith(TRAINING_RUN) or key == EVALUATION:
            run = key.removeprefix(TRAINING_RUN)
            self._pages.training.open(self._pages.training.evaluation.run or run)
            window.show_page(TRAINING)
        else:
            window.show_page(DATASETS)
            working_on = self._pages.datasets.works.working_on
            if working_on and working_on != self._pages.datasets.opened:
                self._pages.datasets.open(working_on)

    @Slot()
    def stop_download(self) -> None:
        self.stop(DOWNLOAD)

    @Slot(str)
    def stop(self, key: str) -> None:
        """Tells the job to stop; what is done so far is kept."""
        if key in self._jobs:
            self._stopping.add(key)
            self._stopper(key)()
            self._show()

    def _stopper(self, key: str) -> Callable[[], object]:
        if key == DOWNLOAD:
            return self._parts.base_download.stop
        if key == EVALUATION:
            return self._pages.training.evaluation.stop
        if key.startswith(TRAINING_RUN):
            run = key.removeprefix(TRAINING_RUN)
            return partial(self._pages.training.works.do, "stop", run)
        return self._pages.datasets.job.stop

    def _put(self, job: Job) -> None:
        self._jobs[job.key] = job
        self._show()

    @Slot()
    def _drop(self, key: str) -> None:
        self._stopping.discard(key)
        if self._jobs.pop(key, None) is not None:
            self._show()

    def _show(self) -> None:
        for key, job in self._jobs.items():
            self._jobs[key] = replace(job, is_stopping=key in self._stopping)
        self._tray.show_jobs(self.jobs)
        self.changed.emit()

    # --- downloads ---------------------------------------------------------------------

    def _download(self, share: float | None, amount: str, rate: str, left: str) -> Job:
        return Job(
            DOWNLOAD,
            self.tr("Downloading"),
            self._parts.base_download.repo.rpartition("/")[2],
            share,
            amount,
            rate,
            left,
            self.tr("The download stops; what has arrived is kept, and it goes on from there."),
        )

    @Slot(str)
    def _on_download_started(self, _repo: str) -> None:
        self._put(self._download(None, self.tr("asking the hub"), "", ""))

    @Slot(object)
    def _on_download_moved(self, progress: DownloadProgress) -> None:
        if not self._parts.base_download.running:
            return
        states = {"paused": self.tr("paused"), "checking": self.tr("checking")}
        rate = states.get(progress.state, "")
        if not rate and progress.bytes_per_s > 0:
            rate = speed_text(progress.bytes_per_s)
        done, total = size_text(progress.bytes_done), size_text(progress.bytes_total)
        left = time_left_text(progress.seconds_left) if progress.state == "fetching" else ""
        share = progress.bytes_done / max(progress.bytes_total, 1)
        self._put(self._download(share, f"{done} / {total}", rate, left))

    # --- datasets ----------------------------------------------------------------------

    def _connect_datasets(self) -> None:
        job = self._pages.datasets.job
        job.started.connect(self._on_dataset_started)
        job.progressed.connect(self._on_dataset_moved)
        job.ended.connect(partial(self._drop, DATASET_WORK))

    def _dataset(self, progress: JobProgress | None) -> Job:
        job = self._pages.datasets.job
        share, amount, rate, left = None, "", "", ""
        if progress is not None:
            amount = count_text(progress.done)
            if progress.total:
                share = min(1.0, progress.done / progress.total)
                amount += f" / {count_text(progress.total)}"
            if job.paused:
                rate = self.tr("paused")
            elif progress.per_s > 0:
                per_s = QLocale().toString(progress.per_s, "f", 0 if progress.per_s >= 10 else 1)
                rate = self.tr("{n} a second").format(n=per_s)
                left = time_left_text(progress.seconds_left)
        return Job(
            DATASET_WORK,
            work_title(job.work),
            self._pages.datasets.works.working_on,
            share,
            amount,
            rate,
            left,
            self.tr("The work on the dataset stops; what is done is kept."),
        )

    @Slot(str)
    def _on_dataset_started(self, _work: str) -> None:
        self._put(self._dataset(None))

    @Slot(object)
    def _on_dataset_moved(self, progress: JobProgress) -> None:
        if self._pages.datasets.job.running:
            self._put(self._dataset(progress))

    # --- trainings ---------------------------------------------------------------------

    def _connect_training(self) -> None:
        page = self._pages.training
        page.process.listed.connect(self._on_runs_listed)
        page.evaluation.told.connect(self._on_evaluation_told)
        page.evaluation.ended.connect(partial(self._drop, EVALUATION))

    @Slot(object)
    def _on_runs_listed(self, glances: tuple[Glance, ...]) -> None:
        from expert_studio.views.widgets.training_words import left_text, step_text

        going_on = [glance for glance in glances if glance.status == "running"]
        before = {key for key in self._jobs if key.startswith(TRAINING_RUN)}
        for key in before - {TRAINING_RUN + glance.identifier for glance in going_on}:
            del self._jobs[key]
            self._stopping.discard(key)
        for glance in going_on:
            key = TRAINING_RUN + glance.identifier
            per_s = glance.pace.steps_per_s
            rate = self.tr("{n} steps/s").format(n=f"{per_s:.1f}") if per_s > 0 else ""
            self._jobs[key] = Job(
                key,
                self.tr("Training"),
                glance.name,
                glance.pace.share if glance.pace.total_steps else None,
                step_text(glance),
                rate,
                left_text(glance),
                self.tr("The training of {name} goes on without the window.").format(
                    name=glance.name
                ),
            )
        if before or going_on:
            self._show()

    @Slot(str)
    def _on_evaluation_told(self, line: str) -> None:
        run = self._pages.training.evaluation.run
        glance = self._pages.training.process.glance(run)
        if run:
            self._put(
                Job(
                    EVALUATION,
                    self.tr("Evaluating"),
                    glance.name if glance is not None else run,
                    None,
                    line,
                    "",
                    "",
                    self.tr("The evaluation ends without a score."),
                )
            )
