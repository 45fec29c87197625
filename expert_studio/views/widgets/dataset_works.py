"""Long work on the open dataset: ordered from its panels, told to them when it is done.

One piece at a time, in the job's child process; work that makes rows can be gone on with
after a stop. Knows the desk and the side panel, not the page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QFileDialog

from expert_studio.core.datasets.row_body import Item
from expert_studio.core.datasets.store import DatasetStore
from expert_studio.core.datasets.store_changes import RestoreVersion
from expert_studio.core.errors import ExpertError
from expert_studio.runtime.dataset_job import DatasetJob
from expert_studio.views.widgets.dataset_desk import DatasetDesk
from expert_studio.views.widgets.dataset_dialogs import SplitDialog
from expert_studio.views.widgets.dataset_orders import (
    RESUMED,
    UNFINISHED,
    outcome_text,
    repair_order,
    work_title,
)
from expert_studio.views.widgets.dataset_view import DatasetView
from expert_studio.views.widgets.expert_facts import Fact


class DatasetWorks(QObject):
    """Signals:
    told(str, str, object): a sentence, the name of an action or "", and what it does.
    warned(str): what the person should know; stays until closed.
    failed(ExpertError): work ended early; what was done is kept.
    asked(str, str, str, object): question, detail, the word for yes, and what it does.
    """

    told = Signal(str, str, object)
    warned = Signal(str)
    failed = Signal(object)
    asked = Signal(str, str, str, object)

    def __init__(
        self,
        view: DatasetView,
        desk: DatasetDesk,
        job: DatasetJob,
        base_folder: Callable[[], Path | None],
        session_key: Callable[[], str],
    ) -> None:
        super().__init__(view)
        self._view = view
        self._side = view.side
        self._desk = desk
        self._job = job
        self._base_folder = base_folder
        self._session_key = session_key
        self._order: dict[str, Any] = {"work": "", "order": {}, "title": ""}
        self._job_dataset = ""
        self._connect()

    def _connect(self) -> None:
        side, job = self._side, self._job
        job.finished.connect(self._on_finished)
        job.failed.connect(self._on_job_failed)
        job.started.connect(self.show_job)
        job.ended.connect(self._on_job_ended)
        self._view.paste_wanted.connect(self._on_paste)
        side.editor.repair_wanted.connect(self._on_repair)
        side.checks.check_wanted.connect(self._on_check)
        side.checks.reject_wanted.connect(self._on_reject)
        side.checks.repair_wanted.connect(self._on_repair_like)
        side.versions.keep_wanted.connect(self._on_keep)
        side.versions.diff_wanted.connect(self._on_diff)
        side.versions.restore_wanted.connect(self._on_restore)
        side.versions_asked.connect(self._ask_versions)
        side.resume_wanted.connect(self._on_resume)
        side.forget_wanted.connect(self._on_forget)

    @property
    def working_on(self) -> str:
        """The dataset that work runs on, or ""."""
        return self._job_dataset if self._job.running else ""

    def dataset_opened(self) -> None:
        """Another dataset is in front: shows its job, or offers what was stopped."""
        self._desk.ask(lambda found: found.setting(UNFINISHED), self._on_unfinished)
        self.show_job()

    def may_work(self) -> bool:
        if self._job.running:
            self._say_busy()
        return not self._job.running

    def _say_busy(self) -> None:
        self.told.emit(
            self.tr("Work on {name} is still going on. Stop it or wait for it first.").format(
                name=self._job_dataset
            ),
            "",
            None,
        )

    def start_work(
        self, work: str, order: Mapping[str, Any], title: str = "", facts: Sequence[Fact] = ()
    ) -> None:
        """Begins long work on the open dataset."""
        store = self._desk.store
        if store is None or not self.may_work():
            return
        base = self._base_folder()
        self._job_dataset = self._desk.name
        self._order = {"work": work, "order": dict(order), "title": title}
        title = title or work_title(work)
        self._side.job_card.name_work(title, facts)
        if work in RESUMED:
            kept = {name: value for name, value in order.items() if name != "key"}
            kept_work = {"work": work, "order": kept, "title": title}
            self._desk.change(lambda found: found.keep_setting(UNFINISHED, kept_work))
        self._job.start(
            work,
            {
                **order,
                "folder": str(store.folder),
                "base_folder": str(base) if base is not None else "",
            },
        )

    @Slot()
    def show_job(self, _work: str = "") -> None:
        here = self._job.running and self._job_dataset == self._desk.name
        self._side.job_card.setVisible(here)

    @Slot()
    def _on_job_ended(self) -> None:
        self.show_job()
        self._desk.look()

    @Slot(object)
    def _on_finished(self, result: Mapping[str, Any]) -> None:
        work = self._order["work"]
        here = self._job_dataset == self._desk.name
        if work in RESUMED:
            self._on_made(result, here)
        elif work == "check" and here:
            self._side.checks.show_result(result)
            self._side.show_part("checks")
        elif work == "diff" and here:
            self._view.show_diff(str(self._order["title"]), dict(result))
        elif work == "keep_version" and here:
            self._ask_versions()
        text = outcome_text(work, result)
        if not text:
            return
        if work in {"reject", "repair", "replace_text", "split"} and here:
            self.told.emit(text, self.tr("Undo"), self._desk.undo)
        else:
            self.told.emit(text, "", None)

    def _on_made(self, result: Mapping[str, Any], here: bool) -> None:
        if result.get("problems"):
            self.warned.emit(
                self.tr("{n} rows could not be used. {first}").format(
                    n=result.get("refused", len(result["problems"])),
                    first=" ".join(result["problems"]),
                )
            )
        if not here:
            return
        if result.get("stopped"):
            self._side.show_unfinished(str(self._order["title"] or work_title(self._order["work"])))
        else:
            self._desk.change(lambda store: store.keep_setting(UNFINISHED, None))

    @Slot(object)
    def _on_job_failed(self, error: ExpertError) -> None:
        self.failed.emit(error)
        if self._order["work"] in RESUMED and self._job_dataset == self._desk.name:
            self._side.show_unfinished(str(self._order["title"]))

    def _on_unfinished(self, kept: Mapping[str, Any] | None) -> None:
        going_on = self._job.running and self._job_dataset == self._desk.name
        if kept and not going_on:
            self._side.show_unfinished(str(kept["title"]))

    @Slot()
    def _on_resume(self) -> None:
        if self.may_work():
            self._side.show_unfinished("")
            self._desk.ask(lambda store: store.setting(UNFINISHED), self._go_on_with)

    def _go_on_with(self, kept: Mapping[str, Any] | None) -> None:
        if kept:
            order = dict(kept["order"])
            if kept["work"] == "teach":
                order["key"] = self._session_key()
            self.start_work(str(kept["work"]), order, str(kept["title"]))

    @Slot()
    def _on_forget(self) -> None:
        self._side.show_unfinished("")
        self._desk.change(lambda store: store.keep_setting(UNFINISHED, None))

    @Slot()
    def _on_check(self) -> None:
        self.start_work("check", {})

    @Slot(object)
    def _on_reject(self, checks: tuple[str, ...]) -> None:
        self.start_work("reject", {"checks": list(checks)})

    @Slot(str, str)
    def _on_repair_like(self, check: str, repair: str) -> None:
        self.start_work("repair", {"check": check, "repair": repair})

    @Slot(int, object, object)
    def _on_repair(self, _row: int, before: Item, after: Item) -> None:
        order = repair_order(before, after)
        if order is None:
            self.told.emit(
                self.tr("Change one place of one text; that change can then be made in all rows."),
                "",
                None,
            )
            return
        self.asked.emit(
            self.tr("Replace “{old}” by “{new}” in every row?").format(
                old=order["old"][:60], new=order["new"][:60]
            ),
            self.tr("All rows that hold it are changed. It can be undone."),
            self.tr("Replace in all rows"),
            lambda: self.start_work("replace_text", order),
        )

    @Slot(str)
    def _on_keep(self, note: str) -> None:
        self.start_work("keep_version", {"note": note})

    @Slot(int, object)
    def _on_diff(self, older: int, newer: int | None) -> None:
        after = self.tr("now") if newer is None else f"v{newer}"
        title = self.tr("From v{older} to {newer}").format(older=older, newer=after)
        self.start_work("diff", {"older": older, "newer": newer}, title)

    @Slot(int)
    def _on_restore(self, version: int) -> None:
        self._desk.perform(RestoreVersion(version))

    @Slot()
    def _ask_versions(self) -> None:
        self._desk.ask(DatasetStore.versions, self._side.versions.show_versions)

    @Slot()
    def ask_split(self) -> None:
        dialog = SplitDialog(self._view)
        dialog.chosen.connect(self.split)
        dialog.open()

    @Slot(float, float, float, int)
    def split(self, train: float, validation: float, held_out: float, seed: int) -> None:
        """Gives every accepted row a split."""
        shares = {"train": train, "validation": validation, "held_out": held_out}
        self.start_work("split", {**shares, "seed": seed})

    @Slot(str)
    def _on_paste(self, text: str) -> None:
        self.start_work("paste", {"text": text})

    @Slot()
    def ask_export(self) -> None:
        dialog = QFileDialog(self._view, self.tr("Export rows"))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilters(
            [
                self.tr("JSON lines (*.jsonl)"),
                self.tr("Parquet (*.parquet)"),
                self.tr("CSV for spreadsheets (*.csv)"),
            ]
        )
        dialog.setDefaultSuffix("jsonl")
        dialog.selectFile(f"{self._desk.name}.jsonl")
        dialog.fileSelected.connect(self.export_to)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    @Slot(str)
    def export_to(self, path: str) -> None:
        """Writes the rows that are shown; without a filter, those that are accepted."""
        wanted = self._view.filter.wanted
        narrowed = asdict(wanted) if self._view.filter.narrows else None
        self.start_work("export", {"path": path, "filter": narrowed, "by_split": False})
