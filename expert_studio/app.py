"""Composition root: builds every object of the window and makes every cross-page connection.

Knows all parts and none of their work. torch is imported by `load_engine_on_first_use`,
which runs on the model thread after the first paint.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QObject, QTimer, Signal, Slot
from PySide6.QtWidgets import QApplication, QWidget
from qasync import QEventLoop

from expert_studio.core import settings as settings_file
from expert_studio.core.datasets.store_folder import DatasetFolders
from expert_studio.core.errors import CrashReport, ExpertError
from expert_studio.core.experts.bundled import install_bundled
from expert_studio.core.experts.library import InstalledExpert, Library
from expert_studio.core.experts.trash import empty as empty_trash
from expert_studio.core.inference.conversation import (
    BaseDescription,
    BaseRequest,
    ChatEngine,
    EngineFactory,
    MemoryByOwner,
)
from expert_studio.core.inference.history import History, Turn
from expert_studio.core.settings import Folders, Settings, bundled_experts_folder
from expert_studio.runtime.background import Background
from expert_studio.runtime.base_download import BaseDownload
from expert_studio.runtime.cycle_collector import CycleCollector
from expert_studio.runtime.defects import defects_reported_to
from expert_studio.runtime.dialogue import Dialogue
from expert_studio.runtime.feedback import Feedback
from expert_studio.runtime.model_thread import ModelThread
from expert_studio.views.main_window import MainWindow
from expert_studio.views.notices import Notices
from expert_studio.views.pages.chat_page import ChatPage
from expert_studio.views.pages.library_page import LibraryPage
from expert_studio.views.pages.settings_page import SettingsPage
from expert_studio.views.theme import Theme

if TYPE_CHECKING:  # imported once the window is painted: they take half a second to make
    from expert_studio.views.pages.datasets_page import DatasetsPage
    from expert_studio.views.pages.train_page import TrainPage

log = logging.getLogger("expert_studio")
DATASETS, TRAINING = "datasets", "train"


def load_engine_on_first_use(
    request: BaseRequest, on_progress: Callable[[float], None]
) -> ChatEngine:
    """Loads a base; the first call imports torch, on the thread it is called on."""
    started_s = time.perf_counter()
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
        self._settings, unreadable = _settings_of(folders)
        self._base: BaseDescription | None = None
        self._tiers: dict[str, str] = {}
        self._is_closed = False
        self._collector = CycleCollector(self)
        self.theme = Theme(application, self)
        self.theme.apply(self._settings.theme)
        self.library = Library(folders.library)
        self.background = Background(threads=2)
        self.database_lane = Background(threads=1)
        self.model_thread = ModelThread(factory)
        self.base_download = BaseDownload(folders.bases)
        self.window = MainWindow()
        self.notices = Notices(self.window)
        self.history = History(folders.database)
        self.dialogue = Dialogue(self.model_thread, self.history, self.database_lane)
        self._build_pages()
        self._connect()
        self.window.restore(self._settings.window_geometry)
        if unreadable is not None:
            self.notices.error(unreadable)

    def _build_pages(self) -> None:
        self.chat_page = ChatPage(
            self.dialogue,
            self.model_thread,
            self.library,
            self.notices,
            first_run=not self._settings.first_run_done,
            feedback=Feedback(DatasetFolders(self._folders.datasets), self.background, self),
            corrections=self._settings.corrections,
        )
        self.library_page = LibraryPage(
            self.library, self.background, self.notices, self.loaded_base
        )
        self.window.add_page("chat", self.tr("Chat"), "chat", self.chat_page)
        self.settings_page = SettingsPage(
            self._settings, self._folders, self.notices, self.background, self.base_download
        )
        self.window.add_page("library", self.tr("Library"), "library", self.library_page)
        self.window.add_page(DATASETS, self.tr("Datasets"), "datasets", self._make_datasets)
        self.window.add_page(TRAINING, self.tr("Training"), "training", self._make_training)
        self.window.add_page(
            "settings", self.tr("Settings"), "settings", self.settings_page, at_bottom=True
        )

    def _connect(self) -> None:
        window, chat, lane = self.window, self.chat_page, self.model_thread
        self._defect_met.connect(self.notices.crash)
        for worker in (self.background, self.database_lane, lane, self.base_download):
            worker.crashed.connect(self.notices.crash)
        for pool in (self.background, self.database_lane):
            pool.failed.connect(self.notices.error)
        lane.base_loading.connect(window.status.show_loading)
        lane.base_ready.connect(self._on_base_ready)
        lane.base_failed.connect(self._on_base_failed)
        lane.memory_changed.connect(self._on_memory_changed)
        chat.stack_changed.connect(window.status.show_stack)
        chat.answered.connect(self._on_answered)
        chat.corrections_chosen.connect(self._on_corrections_chosen)
        chat.library_wanted.connect(self._on_library_wanted)
        chat.settings_wanted.connect(self._on_settings_wanted)
        chat.first_run_left.connect(self._on_first_run_left)
        self.library_page.library_changed.connect(self._on_library_changed)
        self.library_page.add_to_stack_requested.connect(self._on_add_to_stack)
        self.settings_page.settings_changed.connect(self._on_settings_changed)
        self.settings_page.base_chosen.connect(self.use_base)
        window.files_dropped.connect(self._on_files_dropped)
        window.painted.connect(self._on_painted)
        window.closing.connect(self.close)

    def _chat_bytes(self) -> int:
        return self._base.resident_bytes if self._base is not None else 0

    @property
    def datasets_page(self) -> DatasetsPage:
        """Made after the window was painted, or when it is first asked for."""
        return cast("DatasetsPage", self.window.made(DATASETS))

    @property
    def train_page(self) -> TrainPage:
        """As `datasets_page`."""
        return cast("TrainPage", self.window.made(TRAINING))

    def _make_datasets(self) -> QWidget:
        from expert_studio.views.pages.datasets_page import DatasetsPage

        page = DatasetsPage(self._folders, self.background, self.notices, self._chosen_base_folder)
        page.crashed.connect(self.notices.crash)
        return page

    def _make_training(self) -> QWidget:
        from expert_studio.views.pages.train_page import TrainPage

        train = TrainPage(
            self._folders, self.library, self.background, self.notices, self._chat_bytes
        )
        job = self.window.rail.job
        train.crashed.connect(self.notices.crash)
        train.process.listed.connect(job.show_glances)
        job.opened.connect(self._on_run_wanted)
        train.shown_wanted.connect(self._on_training_wanted)
        train.library_changed.connect(self._on_library_changed)
        train.library_changed.connect(self.library_page.refresh)
        train.chat_wanted.connect(self._on_add_to_stack)
        return train

    def loaded_base(self) -> BaseDescription | None:
        """The base that answers now."""
        return self._base

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
        self._settings = replace(self._settings, window_geometry=self.window.geometry_text())
        try:
            settings_file.save(self._settings, self._folders)
        except ExpertError as error:
            log.error("%s", error)  # noqa: TRY400 (expected; a closing window shows nothing)
        self.dialogue.close()
        self.base_download.close()
        ended = self.model_thread.close()
        for page in (DATASETS, TRAINING):
            if self.window.is_made(page):
                made = cast("DatasetsPage | TrainPage", self.window.made(page))
                ended = made.close_all() and ended
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
        self._base = None
        self.chat_page.set_base(None)
        chosen, cache_bytes = self._settings, self._settings.cache_mb << 20
        self.model_thread.load_base(
            replace(request, kv=chosen.kv, context=chosen.context, cache_bytes=cache_bytes)
        )

    def _chosen_base_folder(self) -> Path | None:
        folder = self._settings.base_folder(self._folders)
        return folder if (folder / "tokenizer.json").is_file() else None

    def _keep_settings(self, settings: Settings) -> None:
        self._settings = settings
        self.settings_page.set_settings(settings)
        # a lane of one thread: the last choice is the last one written
        self.database_lane.run(settings_file.save, settings, self._folders)

    @Slot(object)
    def _on_settings_changed(self, settings: Settings) -> None:
        self._keep_settings(settings)
        self.theme.apply(settings.theme)

    @Slot()
    def _on_painted(self) -> None:
        """The window is there: now the pages that take long to make, each in a turn of its own."""
        QTimer.singleShot(0, self, partial(self.window.made, DATASETS))
        QTimer.singleShot(0, self, partial(self.window.made, TRAINING))
        QTimer.singleShot(0, self, self._set_to_work)

    @Slot()
    def _set_to_work(self) -> None:
        if self._is_closed:
            return
        settings = self._settings
        self.use_base(
            BaseRequest(settings.base_folder(self._folders), settings.quantization, settings.device)
        )
        self.background.run(
            install_bundled,
            self._bundled_experts,
            self.library,
            on_done=self._on_bundled_installed,
            on_failed=self._on_bundled_failed,
        )
        self.background.run(empty_trash, self.library)
        self.train_page.start()
        self._on_library_changed()

    @Slot(object)
    def _on_bundled_installed(self, names: Sequence[str]) -> None:
        if names:
            self._on_library_changed()
            self.library_page.refresh()

    @Slot(object)
    def _on_bundled_failed(self, error: ExpertError) -> None:
        self.notices.error(error)
        self._on_library_changed()

    @Slot()
    def _on_library_changed(self) -> None:
        self.background.run(self.library.experts, on_done=self._on_experts_read)

    @Slot(object)
    def _on_experts_read(self, experts: tuple[InstalledExpert, ...]) -> None:
        self._tiers = {expert.name: expert.manifest.tier for expert in experts}
        self.chat_page.set_experts(experts)

    @Slot(object)
    def _on_base_ready(self, base: BaseDescription) -> None:
        self._base = base
        self._collector.settle()
        self.window.status.show_base(base)
        self.chat_page.set_base(base)
        self.library_page.base_changed()

    @Slot(object)
    def _on_base_failed(self, error: ExpertError) -> None:
        self._base = None
        self.window.status.show_failed()
        self.chat_page.set_base(None)
        self.library_page.base_changed()
        self.notices.error(error, self.tr("Open Settings"), self._on_settings_wanted)

    @Slot(object)
    def _on_memory_changed(self, memory: MemoryByOwner) -> None:
        self.window.status.show_memory(memory, self._tiers)
        self.chat_page.show_memory(memory)

    @Slot(object)
    def _on_answered(self, turn: Turn) -> None:
        if turn.timing is not None:
            self.window.status.show_speed(turn.timing.decode_tok_s)

    @Slot()
    def _on_library_wanted(self) -> None:
        self.window.show_page("library")

    @Slot()
    def _on_training_wanted(self) -> None:
        self.window.show_page(TRAINING)

    @Slot(str)
    def _on_run_wanted(self, identifier: str) -> None:
        self.train_page.open(identifier)
        self.window.show_page("train")

    @Slot()
    def _on_settings_wanted(self) -> None:
        self.window.show_page("settings")

    @Slot()
    def _on_first_run_left(self) -> None:
        self._keep_settings(replace(self._settings, first_run_done=True))

    @Slot(str)
    def _on_corrections_chosen(self, dataset: str) -> None:
        self._keep_settings(replace(self._settings, corrections=dataset))

    @Slot(str)
    def _on_add_to_stack(self, name: str) -> None:
        self.chat_page.add_to_stack(name)
        self.window.show_page("chat")

    @Slot(object)
    def _on_files_dropped(self, paths: tuple[Path, ...]) -> None:
        self.window.show_page("library")
        self.library_page.install(paths)


def main(arguments: Sequence[str] = ()) -> int:
    """Opens the window and returns when it was closed."""
    application = QApplication([sys.argv[0], *arguments])
    application.setApplicationName("Expert Studio")
    application.setDesktopFileName("expert-studio")
    application.setQuitOnLastWindowClosed(False)
    with asyncio.Runner(loop_factory=lambda: QEventLoop(application)) as runner:
        return runner.run(_run(application))


async def _run(application: QApplication) -> int:
    closed = asyncio.Event()
    studio = Studio(application, Folders.default())
    studio.closed.connect(closed.set)
    with defects_reported_to(studio.report_defect):
        studio.open()
        await closed.wait()
    return 0


def _settings_of(folders: Folders) -> tuple[Settings, ExpertError | None]:
    try:
        return settings_file.load(folders), None
    except ExpertError as error:
        return Settings(), error
