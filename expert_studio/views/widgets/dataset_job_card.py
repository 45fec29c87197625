"""The work on a dataset that is under way: how far, how fast, how long, pause and stop.

Hidden while there is none. Knows the job, not the dataset.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QLocale, Slot
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from expert_studio.runtime.dataset_job import DatasetJob, JobProgress
from expert_studio.views.widgets.dataset_words import count_text, money_text
from expert_studio.views.widgets.elided_label import ElidedLabel
from expert_studio.views.widgets.expert_facts import Fact
from expert_studio.views.widgets.fact_rows import FactRows
from expert_studio.views.widgets.plain_words import PlainLabel
from expert_studio.views.widgets.quantities import size_text, time_left_text
from expert_studio.views.widgets.thin_bar import ThinBar

_STEPS = 1000
_TEXT_EVERY_S = 0.5  # figures that change ten times a second cannot be read


class DatasetJobCard(QFrame):
    def __init__(self, job: DatasetJob, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "inset")
        self._job = job
        self._facts_of: Sequence[Fact] = ()
        self._shown: list[Fact] = []
        self._told_at_s = 0.0
        self._last: JobProgress | None = None
        self._build()
        job.started.connect(self._on_started)
        job.progressed.connect(self._on_progressed)
        job.ended.connect(self._on_ended)
        self._pause.clicked.connect(self._on_pause)
        self._stop.clicked.connect(self._on_stop)
        self.setVisible(job.running)

    def _build(self) -> None:
        self._title = ElidedLabel()
        self._title.setProperty("role", "heading")
        self._pause = QPushButton(self.tr("Pause"))
        self._stop = QPushButton(self.tr("Stop"))
        self._stop.setAccessibleName(self.tr("Stop the work; what is done is kept"))
        head = QHBoxLayout()
        head.setSpacing(6)
        head.addWidget(self._title, 1)
        for button in (self._pause, self._stop):
            button.setProperty("role", "small")
            head.addWidget(button)
        self._bar = ThinBar()
        self._bar.setAccessibleName(self.tr("How far the work is"))
        self._text = PlainLabel()
        self._text.setProperty("role", "secondary")
        self._text.setWordWrap(True)
        self._facts = FactRows()
        self._problem = PlainLabel()
        self._problem.setProperty("role", "bad")
        self._problem.setWordWrap(True)
        self._problem.hide()
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 12)
        column.setSpacing(7)
        column.addLayout(head)
        column.addWidget(self._bar)
        column.addWidget(self._text)
        column.addWidget(self._facts)
        column.addWidget(self._problem)

    def name_work(self, title: str, facts: Sequence[Fact] = ()) -> None:
        """What is about to be done, in words; call it before the job starts."""
        self._title.set_text(title)
        self._facts_of = facts
        self._shown = list(facts)
        self._facts.show_facts(facts)

    @Slot(str)
    def _on_started(self, _work: str) -> None:
        self._bar.setRange(0, 0)
        self._text.setText(self.tr("Starting…"))
        self._problem.hide()
        self._stop.setEnabled(True)
        self._pause.setEnabled(True)
        self._last = None
        self._told_at_s = 0.0
        self._name_pause()
        self.show()

    @Slot(object)
    def _on_progressed(self, progress: JobProgress) -> None:
        self._last = progress
        if progress.total:
            self._bar.setRange(0, _STEPS)
            self._bar.setValue(int(_STEPS * min(1.0, progress.done / progress.total)))
        if self._job.paused or self._job.stopping:
            return
        now_s = time.monotonic()
        if now_s - self._told_at_s >= _TEXT_EVERY_S:
            self._told_at_s = now_s
            self._text.setText(self._told(progress))
            self._show_facts(progress.facts)

    def _told(self, progress: JobProgress) -> str:
        if progress.facts.get("step") == "base":
            return self.tr("Loading the base…")
        done = count_text(progress.done)
        parts = [
            self.tr("{done} of {total}").format(done=done, total=count_text(progress.total))
            if progress.total
            else done
        ]
        if progress.facts.get("step") == "tokens":
            parts[0] = self.tr("counting tokens, {amount}").format(amount=parts[0])
        if progress.per_s > 0:
            decimals = 0 if progress.per_s >= 10 else 1
            rate = QLocale().toString(progress.per_s, "f", decimals)
            parts.append(self.tr("{rate} rows/s").format(rate=rate))
        left = time_left_text(progress.seconds_left)
        return " · ".join([*parts, left] if left else parts)

    def _show_facts(self, facts: Mapping[str, Any]) -> None:
        names = {
            "accepted": self.tr("Accepted"),
            "pending": self.tr("To look at"),
            "rejected": self.tr("Rejected"),
            "repeated": self.tr("There already"),
            "refused": self.tr("Unusable replies"),
            "found": self.tr("Findings"),
        }
        rows = [
            Fact(name, count_text(int(facts[key]))) for key, name in names.items() if facts.get(key)
        ]
        if "spent_usd" in facts:
            spent = money_text(float(facts["spent_usd"]))
            cap = facts.get("cap_usd")
            rows.append(
                Fact(
                    self.tr("Spent"),
                    self.tr("{spent} of {cap} cap").format(spent=spent, cap=money_text(float(cap)))
                    if cap
                    else spent,
                )
            )
        if "memory_bytes" in facts:
            rows.append(Fact(self.tr("Memory"), size_text(float(facts["memory_bytes"]))))
        shown = [*self._facts_of, *rows]
        if shown != self._shown:
            self._shown = shown
            self._facts.show_facts(shown)
        problem = str(facts.get("problem", ""))
        self._problem.setText(problem)
        self._problem.setVisible(bool(problem))

    def _name_pause(self) -> None:
        paused = self._job.paused
        self._pause.setText(self.tr("Resume") if paused else self.tr("Pause"))
        self._pause.setAccessibleName(
            self.tr("Resume the work") if paused else self.tr("Pause the work")
        )

    @Slot()
    def _on_pause(self) -> None:
        if self._job.paused:
            self._job.resume()
            self._text.setText(self.tr("Going on…"))
        else:
            self._job.pause()
            at = self._last
            done = count_text(at.done) if at is not None else "0"
            self._text.setText(self.tr("Paused at {done}").format(done=done))
        self._name_pause()

    @Slot()
    def _on_stop(self) -> None:
        self._stop.setEnabled(False)
        self._pause.setEnabled(False)
        self._text.setText(self.tr("Stopping…"))
        self._job.stop()

    @Slot()
    def _on_ended(self) -> None:
        self.hide()
