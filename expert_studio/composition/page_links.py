"""The connections between pages, which do not know one another.

Knows what each page asks for by signal and which page gives it. The base has connections
of its own (`base_links`).
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot

from expert_studio.composition.base_links import BaseLinks
from expert_studio.composition.pages import (
    CHAT,
    DATASETS,
    LIBRARY,
    SETTINGS,
    TRAINING,
    Pages,
)
from expert_studio.composition.parts import Parts
from expert_studio.core.experts.library import InstalledExpert
from expert_studio.core.settings import Settings


class PageLinks(QObject):
    """One group of connections a page; what is made late is connected when it is made.

    Signals:
        experts_read(tuple[InstalledExpert, ...]): what the library holds now.
        offline_wanted(): the network was switched off while something comes over it.
    """

    experts_read = Signal(object)
    offline_wanted = Signal()

    def __init__(
        self, parts: Parts, pages: Pages, base: BaseLinks, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._parts = parts
        self._pages = pages
        self._base = base
        self._told: tuple[InstalledExpert, ...] = ()
        self._connect_chat()
        base.favoured.connect(self._on_base_favoured)
        parts.settings.changed.connect(self._on_settings_changed)
        parts.window.files_dropped.connect(self._on_files_dropped)
        pages.when_made(LIBRARY, self._connect_library)
        pages.when_made(SETTINGS, self._connect_settings)
        pages.when_made(DATASETS, self._connect_datasets)
        pages.when_made(TRAINING, self._connect_training)

    def library_changed(self) -> None:
        """Whoever shows experts reads the library anew."""
        self._on_library_changed()

    @Slot()
    def refresh_library(self) -> None:
        """The Library page reads anew; one that is not made yet does so when it is."""
        if self._parts.window.is_made(LIBRARY):
            self._pages.library.refresh()

    # --- one page at a time ------------------------------------------------------------

    def _connect_chat(self) -> None:
        chat = self._pages.chat
        chat.corrections_chosen.connect(self._on_corrections_chosen)
        chat.library_wanted.connect(self._on_library_wanted)
        chat.settings_wanted.connect(self._on_settings_wanted)
        chat.first_run_left.connect(self._on_first_run_left)

    def _connect_library(self) -> None:
        library = self._pages.library
        library.library_changed.connect(self._on_library_changed)
        library.add_to_stack_requested.connect(self._on_add_to_stack)

    def _connect_settings(self) -> None:
        self._pages.settings.settings_changed.connect(self._parts.settings.keep)

    def _connect_datasets(self) -> None:
        self._pages.datasets.crashed.connect(self._parts.notices.crash)

    def _connect_training(self) -> None:
        train = self._pages.training
        train.crashed.connect(self._parts.notices.crash)
        train.shown_wanted.connect(self._on_training_wanted)
        train.library_changed.connect(self._on_library_changed)
        train.library_changed.connect(self.refresh_library)
        train.chat_wanted.connect(self._on_add_to_stack)
        train.unload_wanted.connect(self._base.unload)

    # --- another page is wanted --------------------------------------------------------

    @Slot()
    def _on_library_wanted(self) -> None:
        self._parts.window.show_page(LIBRARY)

    @Slot()
    def _on_settings_wanted(self) -> None:
        self._parts.window.show_page(SETTINGS)

    @Slot()
    def _on_training_wanted(self) -> None:
        self._parts.window.show_page(TRAINING)

    @Slot(str)
    def _on_add_to_stack(self, name: str) -> None:
        self._pages.chat.add_to_stack(name)
        self._parts.window.show_page(CHAT)

    @Slot(object)
    def _on_files_dropped(self, paths: tuple[Path, ...]) -> None:
        self._parts.window.show_page(LIBRARY)
        self._pages.library.install(paths)

    # --- something changed -------------------------------------------------------------

    @Slot()
    def _on_library_changed(self) -> None:
        self._parts.background.run(self._parts.library.experts, on_done=self._on_experts_read)

    @Slot()
    def _on_base_favoured(self) -> None:
        self._parts.background.run(self._parts.library.experts, on_done=self._on_fitting_read)

    @Slot(object)
    def _on_fitting_read(self, experts: tuple[InstalledExpert, ...]) -> None:
        if experts != self._told:  # other versions fit this base
            self._on_experts_read(experts)
            self.refresh_library()

    @Slot(object)
    def _on_experts_read(self, experts: tuple[InstalledExpert, ...]) -> None:
        self._told = experts
        self._base.set_experts(experts)
        self._pages.chat.set_experts(experts)
        self.experts_read.emit(experts)

    @Slot(object)
    def _on_settings_changed(self, settings: Settings) -> None:
        if settings.offline and self._parts.base_download.running:
            self.offline_wanted.emit()
        if self._parts.window.is_made(SETTINGS):
            self._pages.settings.set_settings(settings)
        self._parts.theme.apply(settings.theme, settings.font_percent)
        self._parts.theme.set_reduced_motion(settings.reduced_motion)

    @Slot()
    def _on_first_run_left(self) -> None:
        self._parts.settings.change(first_run_done=True)

    @Slot(str)
    def _on_corrections_chosen(self, dataset: str) -> None:
        self._parts.settings.change(corrections=dataset)
