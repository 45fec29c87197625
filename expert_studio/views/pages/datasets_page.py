"""The datasets: make, look through, mend, check, split, keep, bring in and out.

Orders long work from one job; everything it does to rows can be undone. Knows stores and
folders only through lanes beside the window.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import QLineEdit, QPlainTextEdit, QStackedWidget, QVBoxLayout, QWidget

from expert_studio.core.datasets.store_changes import JournalEntry, Performed
from expert_studio.core.datasets.store_folder import DatasetFolders
from expert_studio.core.errors import DatasetError, ExpertError
from expert_studio.core.settings import Folders
from expert_studio.runtime.background import Background
from expert_studio.runtime.dataset_job import DatasetJob
from expert_studio.views.notices import Notices
from expert_studio.views.widgets.dataset_desk import DatasetDesk
from expert_studio.views.widgets.dataset_header import DatasetHeader
from expert_studio.views.widgets.dataset_home import DatasetHome
from expert_studio.views.widgets.dataset_overview import Overview
from expert_studio.views.widgets.dataset_side import DatasetSide
from expert_studio.views.widgets.dataset_source import FILES
from expert_studio.views.widgets.dataset_view import DatasetView
from expert_studio.views.widgets.dataset_wizard import DatasetWizard
from expert_studio.views.widgets.dataset_works import DatasetWorks
from expert_studio.views.widgets.drop_zone import DropZone
from expert_studio.views.widgets.expert_facts import Fact

Wanted = tuple[str, str, dict[str, Any], str, Sequence[Fact]]
"""Dataset, work, order, title and facts of it."""


class DatasetsPage(QWidget):
    """Cards of all datasets, the wizard, one open dataset: one of the three at a time.

    Signals:
        crashed(CrashReport): work ended in a defect.
    """

    crashed = Signal(object)

    def __init__(
        self,
        folders: Folders,
        background: Background,
        notices: Notices,
        base_folder: Callable[[], Path | None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setProperty("role", "page")
        self._folders = DatasetFolders(folders.datasets)
        self._notices = notices
        self._background = background
        self.desk = DatasetDesk(self)
        self.job = DatasetJob(self)
        self.side = DatasetSide(self.job)
        self.view = DatasetView(self.desk, self.side, background, base_folder)
        self.wizard = DatasetWizard(folders, background)
        self.works = DatasetWorks(self.view, self.desk, self.job, base_folder, self._session_key)
        self.home = DatasetHome(self._folders, background, self._working_on)
        self._build()
        self._connect()

    # --- how it looks ------------------------------------------------------------------

    def _build(self) -> None:
        self.header = DatasetHeader()
        opened = QWidget()
        column = QVBoxLayout(opened)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.header)
        column.addWidget(self.view, 1)
        self._stack = QStackedWidget()
        for widget in (self.home, self.wizard, opened):
            self._stack.addWidget(widget)
        page = QVBoxLayout(self)
        page.setContentsMargins(0, 0, 0, 0)
        page.addWidget(self._stack)
        self._drop = DropZone(self, self.tr("Drop files to import their rows"))

    def _connect(self) -> None:
        home, wizard, works = self.home, self.wizard, self.works
        home.opened.connect(self.open)
        home.new_wanted.connect(self._on_new)
        home.import_wanted.connect(self._on_import)
        for told in (home.told, works.told):
            told.connect(self._on_told)
        for failed in (home.failed, works.failed, wizard.failed, self.desk.failed):
            failed.connect(self._notices.error)
        works.warned.connect(self._notices.warn)
        works.asked.connect(self._notices.ask)
        wizard.left.connect(self._on_wizard_left)
        wizard.run_wanted.connect(self._on_run_wanted)
        self._drop.files_dropped.connect(self._on_dropped)
        self._drop.refused.connect(self._on_drop_refused)
        for lane in self.desk.lanes:
            lane.crashed.connect(self.crashed)
            lane.failed.connect(self._notices.error)
        for job in (self.job, wizard.job):
            job.crashed.connect(self.crashed)
        self._connect_opened()

    def _connect_opened(self) -> None:
        header, desk, view = self.header, self.desk, self.view
        header.back_wanted.connect(self.show_home)
        header.rows_wanted.connect(self._on_rows_wanted)
        header.split_wanted.connect(self.works.ask_split)
        header.export_wanted.connect(self.works.ask_export)
        header.undo_wanted.connect(desk.undo)
        header.redo_wanted.connect(desk.redo)
        desk.turnable.connect(header.show_turnable)
        desk.performed.connect(self._on_performed)
        desk.turned.connect(self._on_turned)
        view.shown.connect(self._on_shown)
        view.told.connect(self._notices.toast)
        view.rows_wanted.connect(self._on_rows_wanted)
        for keys, does in (
            (QKeySequence.StandardKey.Undo, self._on_undo_key),
            (QKeySequence.StandardKey.Redo, self._on_redo_key),
        ):
            shortcut = QShortcut(QKeySequence(keys), view)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(does)

    # --- which of the three ------------------------------------------------------------

    @property
    def opened(self) -> str:
        """The dataset in front, or ""."""
        return self.desk.name

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.home.refresh()

    def close_all(self) -> bool:
        """Ends job and lanes; call before the application ends. True when all ended."""
        ended = [self.job.close(), self.wizard.job.close(), self.desk.close()]
        return all(ended)

    def open(self, name: str) -> None:
        """Puts a dataset in front."""
        try:
            store = self._folders.open(name)
        except ExpertError as error:
            self._notices.error(error)
            self.home.refresh()
            return
        self.header.show_dataset(name)
        self.desk.open(store)
        self._stack.setCurrentIndex(2)
        self.works.dataset_opened()
        self.view.table.setFocus()

    def begin_wizard(self) -> None:
        """Begins a new dataset."""
        self._begin_wizard()

    def _session_key(self) -> str:
        return self.wizard.model_form.session_key

    def _working_on(self) -> str:
        return self.works.working_on

    @Slot(str, str, object)
    def _on_told(self, text: str, action: str, on_action: Callable[[], None] | None) -> None:
        self._notices.toast(text, action, on_action)

    @Slot()
    def show_home(self) -> None:
        self.desk.open(None)
        self._stack.setCurrentIndex(0)
        self.home.refresh()

    @Slot(object)
    def _on_shown(self, overview: Overview) -> None:
        self.header.show_states(overview.facets["state"])

    def _begin_wizard(self, target: str = "") -> None:
        self.wizard.begin(target)
        self._stack.setCurrentIndex(1)

    @Slot()
    def _on_new(self) -> None:
        self._begin_wizard()

    @Slot()
    def _on_import(self) -> None:
        self.wizard.begin("", FILES)
        self._stack.setCurrentIndex(1)
        self.wizard.go_on()

    @Slot()
    def _on_rows_wanted(self) -> None:
        if self.works.may_work():
            self._begin_wizard(self.opened)

    @Slot()
    def _on_wizard_left(self) -> None:
        if self.opened:
            self._stack.setCurrentIndex(2)
        else:
            self.show_home()

    @Slot(object)
    def _on_dropped(self, paths: tuple[Path, ...]) -> None:
        self.wizard.import_paths(paths, self.opened)
        self._stack.setCurrentIndex(1)

    @Slot()
    def _on_drop_refused(self) -> None:
        self._notices.error(
            DatasetError(
                self.tr("Nothing was imported."),
                self.tr("What was dropped is not a file on this machine."),
                self.tr("Save it to a folder first, then drop it from there."),
            )
        )

    @Slot(str, str, object, str, object)
    def _on_run_wanted(
        self, name: str, work: str, order: dict[str, Any], title: str, facts: Sequence[Fact]
    ) -> None:
        if not self.works.may_work():
            return
        wanted = (name, work, order, title, facts)
        if self.opened == name:
            self._run(wanted)
        else:
            self._background.run(
                _made,
                self._folders,
                name,
                on_done=partial(self._on_made, wanted),
                on_failed=self._notices.error,
            )

    def _on_made(self, wanted: Wanted, _made_name: str) -> None:
        self.open(wanted[0])
        QTimer.singleShot(0, self, partial(self._run, wanted))  # after the page is painted

    def _run(self, wanted: Wanted) -> None:
        _, work, order, title, facts = wanted
        self._stack.setCurrentIndex(2)
        self.side.show_unfinished("")
        self.works.start_work(work, order, title, facts)

    # --- undo --------------------------------------------------------------------------

    @Slot(object)
    def _on_performed(self, performed: Performed) -> None:
        if performed.rows > 1:
            text = self.tr("{label}: {n} rows.").format(label=performed.label, n=performed.rows)
            self._notices.toast(text, self.tr("Undo"), self.desk.undo)

    @Slot(object)
    def _on_turned(self, entry: JournalEntry) -> None:
        text = self.tr("Undone: {label}.") if entry.undone else self.tr("Done again: {label}.")
        self._notices.toast(text.format(label=entry.label))

    @Slot()
    def _on_undo_key(self) -> None:
        if not self._undo_in_field("undo"):
            self.desk.undo()

    @Slot()
    def _on_redo_key(self) -> None:
        if not self._undo_in_field("redo"):
            self.desk.redo()

    def _undo_in_field(self, what: str) -> bool:
        """A text that is being written takes its own words back first."""
        field = self.focusWidget()
        if isinstance(field, QLineEdit) and not field.isReadOnly():
            (field.undo if what == "undo" else field.redo)()
            return True
        if isinstance(field, QPlainTextEdit) and not field.isReadOnly():
            document = field.document()
            able = document.isUndoAvailable() if what == "undo" else document.isRedoAvailable()
            if able:
                (field.undo if what == "undo" else field.redo)()
            return able
        return False


def _made(folders: DatasetFolders, name: str) -> str:
    folders.create(name).close()
    return name
