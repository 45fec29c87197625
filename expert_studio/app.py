"""Composition root: builds the objects behind one window, opens it, closes it.

The pages and the connections between them are made in `composition`. torch is imported by
`load_engine_on_first_use`, which runs on the model thread after the first paint.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal, Slot
from PySide6.QtWidgets import QApplication
from qasync import QEventLoop

from expert_studio.composition.base_links import BaseInUse, BaseLinks
from expert_studio.composition.closing import Closing
from expert_studio.composition.first_start import FirstStart
from expert_studio.composition.job_links import JobLinks
from expert_studio.composition.kept_settings import KeptSettings
from expert_studio.composition.log_links import LogLinks
from expert_studio.composition.opening import taken_folders
from expert_studio.composition.page_links import PageLinks
from expert_studio.composition.pages import (
    CHAT,
    MADE_LATE,
    Pages,
    import_page,
)
from expert_studio.composition.parts import Parts
from expert_studio.composition.shell import Shell
from expert_studio.core.errors import CrashReport, ExpertError
from expert_studio.core.experts.bundled import install_bundled
from expert_studio.core.experts.library import Library
from expert_studio.core.experts.trash import empty as empty_trash
from expert_studio.core.inference.conversation import (
    BaseDescription,
    BaseRequest,
    ChatEngine,
    EngineFactory,
)
from expert_studio.core.inference.history import History
from expert_studio.core.inference.torch_preload import bring_library, short_turns
from expert_studio.core.log_file import LogFile
from expert_studio.core.settings import Folders, bundled_experts_folder
from expert_studio.runtime.background import Background
from expert_studio.runtime.base_download import BaseDownload
from expert_studio.runtime.cycle_collector import CycleCollector
from expert_studio.runtime.defects import defects_reported_to
from expert_studio.runtime.dialogue import Dialogue
from expert_studio.runtime.model_thread import ModelThread
from expert_studio.runtime.one_window import OneWindow
from expert_studio.views.main_window import MainWindow
from expert_studio.views.notices import Notices
from expert_studio.views.theme import Theme

if TYPE_CHECKING:
    from expert_studio.views.pages.chat_page import ChatPage
    from expert_studio.views.pages.datasets_page import DatasetsPage
    from expert_studio.views.pages.library_page import LibraryPage
    from expert_studio.views.pages.settings_page import SettingsPage
    from expert_studio.views.pages.train_page import TrainPage

log = logging.getLogger("expert_studio")
BREATH_MS = 20


def load_engine_on_first_use(
    request: BaseRequest, on_progress: Callable[[float], None]
) -> ChatEngine:
    """Loads a base; the first call imports torch, on the thread it is called on."""
    started_s = time.perf_counter()
    bring_library()
    with short_turns():
        from expert_studio.core.inference.engine import load_engine

    log.info("torch was imported in %.0f ms", (time.perf_counter() - started_s) * 1000)
    on_progress(0.05)
    return load_engine(request, on_progress)


class Studio(QObject):
    """Everything behind one window. Lives on the main thread.

    Signals:
        closed(): the window was closed and everything behind it has ended.
    """

    closed = Signal()
    _defect_met = Signal(object)

    def __init__(
        self,
        application: QApplication,
        folders: Folders,
        factory: EngineFactory = load_engine_on_first_use,
        bundled_experts: Path | None = None,
    ) -> None:
        super().__init__()
        self._folders = folders
        self._bundled_experts = bundled_experts or bundled_experts_folder()
        self._is_closed = False
        self._collector = CycleCollector(self)
        self.background = Background(threads=2)
        self.database_lane = Background(threads=1)
        self.settings = KeptSettings(folders, self.database_lane, self)
        self.theme = Theme(application, self)
        self.theme.apply(self.settings.value.theme, self.settings.value.font_percent)
        self.theme.set_reduced_motion(self.settings.value.reduced_motion)
        self.library = Library(folders.library)
        self.model_thread = ModelThread(factory)
        self.base_download = BaseDownload(folders.bases)
        self.window = MainWindow()
        self.theme.tell_before(self.window.late_styling.put_aside)
        self.notices = Notices(self.window)
        self.history = History(folders.database)
        self.dialogue = Dialogue(self.model_thread, self.history, self.database_lane)
        self._base = BaseInUse(folders, self.settings)
        parts = self._parts()
        self._pages = Pages(parts, self)
        self._base_links = BaseLinks(parts, self._pages, self._base, self._collector, self)
        self._page_links = PageLinks(parts, self._pages, self._base_links, self)
        self.jobs = JobLinks(parts, self._pages, self)
        self._closing = Closing(parts, self.jobs, self)
        self._log_links = LogLinks(parts, self._pages, self)
        self.first_start = FirstStart(parts, self._pages, self)
        self.shell = Shell(parts, self._pages, self)
        add = self.shell.entries.add
        add(self.tr("Show the log"), self._log_links.open, words="errors report")
        add(self.tr("Take the tour"), self.first_start.show_tour, words="help first steps")
        add(self.tr("Choose a base"), self.first_start.show_bases, words="model download")
        self._page_links.experts_read.connect(self.shell.set_experts)
        self._page_links.offline_wanted.connect(self.jobs.stop_download)
        self._connect()
        self.window.restore(self.settings.value.window_geometry)
        self.window.restore_splits(self.settings.value.window_splits)
        if self.settings.unreadable is not None:
            self.notices.error(self.settings.unreadable)

    def _parts(self) -> Parts:
        return Parts(
            self._folders,
            self.settings,
            self.theme,
            self.library,
            self.background,
            self.database_lane,
            self.model_thread,
            self.base_download,
            self.window,
            self.notices,
            self.history,
            self.dialogue,
            self._base.loaded,
            self._base.bytes_now,
            self._base.chosen_folder,
        )

    def _connect(self) -> None:
        self._defect_met.connect(self.notices.crash)
        for worker in (
            self.background,
            self.database_lane,
            self.model_thread,
            self.base_download,
        ):
            worker.crashed.connect(self.notices.crash)
        for pool in (self.background, self.database_lane):
            pool.failed.connect(self.notices.error)
        self.window.painted.connect(self._on_painted)
        self.window.closing.connect(self.close)

    @property
    def chat_page(self) -> ChatPage:
        return self._pages.chat

    @property
    def library_page(self) -> LibraryPage:
        """Made after the window was painted, or when it is first asked for."""
        return self._pages.library

    @property
    def settings_page(self) -> SettingsPage:
        """As `library_page`."""
        return self._pages.settings

    @property
    def datasets_page(self) -> DatasetsPage:
        """As `library_page`."""
        return self._pages.datasets

    @property
    def train_page(self) -> TrainPage:
        """As `library_page`."""
        return self._pages.training

    def loaded_base(self) -> BaseDescription | None:
        """The base that answers now."""
        return self._base.loaded()

    def open(self) -> None:
        """Shows the window; what is heavy starts after its first paint."""
        self._collector.start()
        self.model_thread.start()
        self.chat_page.prompt.focus()
        self.window.show()

    @Slot()
    def close(self) -> None:
        """Keeps what there is to keep, then ends answers, work and threads, in that order."""
        if self._is_closed:
            return
        self._is_closed = True
        self.settings.close(
            window_geometry=self.window.geometry_text(),
            window_page=self.window.page,
            window_splits=self.window.splits_text(),
        )
        self.window.hide()  # what is ended below may take a moment
        self.dialogue.close()
        self.base_download.close()
        ended = self.model_thread.close()
        ended = self._pages.close() and ended
        ended = self.background.close() and ended
        ended = self.database_lane.close() and ended
        self.history.close()
        self._collector.close()
        if not ended:
            log.error("work was still running when the window was closed")
        self.closed.emit()

    def report_defect(self, defect: BaseException, where: str) -> None:
        """From any thread: shows the crash dialog."""
        self._defect_met.emit(CrashReport.of(defect, where))

    @Slot(object)
    def use_base(self, request: BaseRequest) -> None:
        """Loads another base in place of the one that answers."""
        self._base_links.use(request)

    @Slot()
    def _on_painted(self) -> None:
        """The window is there: now what the other pages are made of is read, beside it."""
        self._make_next(self._late_pages())

    def _late_pages(self) -> tuple[str, ...]:
        """The one where the window was closed comes first."""
        last = self.settings.value.window_page
        return tuple(sorted(MADE_LATE, key=lambda name: name != last))

    def _show_last_page(self, name: str) -> None:
        """Goes on where the window was closed, unless the person went elsewhere by now."""
        kept = self.settings.value
        if kept.first_run_done and name == kept.window_page and self.window.page == CHAT:
            self.window.show_page(name)

    def _make_next(self, names: Sequence[str]) -> None:
        """Makes one page and the others later: between two, what waits has its turn."""
        if self._is_closed:
            return
        if not names:
            self._set_to_work()
            return
        self.background.run(import_page, names[0], on_done=partial(self._on_page_imported, names))

    def _on_page_imported(self, names: Sequence[str], _: None) -> None:
        if self._is_closed:
            return
        self.window.made(names[0])
        self._show_last_page(names[0])
        QTimer.singleShot(BREATH_MS, self, partial(self._make_next, names[1:]))

    def _set_to_work(self) -> None:
        self.use_base(self._base.request())
        self.background.run(
            install_bundled,
            self._bundled_experts,
            self.library,
            on_done=self._on_bundled_installed,
            on_failed=self._on_bundled_failed,
        )
        self.background.run(empty_trash, self.library)
        self.first_start.begin()
        self.train_page.start()
        self._page_links.library_changed()

    @Slot(object)
    def _on_bundled_installed(self, names: Sequence[str]) -> None:
        if names:
            self._page_links.library_changed()
            self._page_links.refresh_library()

    @Slot(object)
    def _on_bundled_failed(self, error: ExpertError) -> None:
        self.notices.error(error)
        self._page_links.library_changed()


def main(arguments: Sequence[str] = ()) -> int:
    """Opens the window and returns when it was closed."""
    application = QApplication([sys.argv[0], *arguments])
    application.setApplicationName("Expert Studio")
    application.setDesktopFileName("expert-studio")
    application.setQuitOnLastWindowClosed(False)
    taken = taken_folders()
    if taken is None:
        return 0
    folders, one_window = taken
    written = LogFile(folders)
    written.start()
    try:
        with asyncio.Runner(loop_factory=lambda: QEventLoop(application)) as runner:
            return runner.run(_run(application, folders, one_window))
    finally:
        written.close()
        one_window.close()


async def _run(application: QApplication, folders: Folders, one_window: OneWindow) -> int:
    closed = asyncio.Event()
    studio = Studio(application, folders)
    studio.closed.connect(closed.set)
    one_window.raise_wanted.connect(studio.window.bring_to_front)
    with defects_reported_to(studio.report_defect):
        studio.open()
        await closed.wait()
    return 0
