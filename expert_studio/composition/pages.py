"""Makes the pages of the window and puts them in its rail. Connects them to nothing.

Chat is made at once, the others when they are first asked for: to import and make them
takes most of a second, and the window is painted before.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QWidget

from expert_studio.composition.parts import Parts
from expert_studio.core.datasets.store_folder import DatasetFolders
from expert_studio.runtime.conversation_shelf import ConversationShelf
from expert_studio.runtime.feedback import Feedback
from expert_studio.views.pages.chat_page import ChatPage, ChatParts

if TYPE_CHECKING:
    from expert_studio.views.pages.datasets_page import DatasetsPage
    from expert_studio.views.pages.library_page import LibraryPage
    from expert_studio.views.pages.settings_page import SettingsPage
    from expert_studio.views.pages.train_page import TrainPage

CHAT, LIBRARY, DATASETS, TRAINING, SETTINGS = "chat", "library", "datasets", "train", "settings"
_VIEWS = "expert_studio.views"
# What a late page is made of; the first brings what answers are shown and corrected with, too.
_MODULES = {
    LIBRARY: ("pages.library_page", "widgets.markdown_parser"),
    SETTINGS: ("pages.settings_page", "widgets.correction_dialog", "widgets.label_dialog"),
    DATASETS: ("pages.datasets_page",),
    TRAINING: ("pages.train_page",),
}
MADE_LATE = tuple(_MODULES)


def import_page(name: str) -> None:
    """Imports what a late page is made of, on a thread that nobody waits for."""
    for module in _MODULES[name]:
        importlib.import_module(f"{_VIEWS}.{module}")


class Pages(QObject):
    def __init__(self, parts: Parts, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._parts = parts
        self._waiting: dict[str, list[Callable[[], None]]] = {}
        parts.window.page_made.connect(self._on_page_made)
        self.chat = self._make_chat()
        add = parts.window.add_page
        add(CHAT, self.tr("Chat"), "chat", self.chat)
        add(LIBRARY, self.tr("Library"), "library", self._make_library)
        add(DATASETS, self.tr("Datasets"), "datasets", self._make_datasets)
        add(TRAINING, self.tr("Training"), "training", self._make_training)
        add(SETTINGS, self.tr("Settings"), "settings", self._make_settings, at_bottom=True)

    @property
    def library(self) -> LibraryPage:
        """Made now if it was not yet."""
        return cast("LibraryPage", self._parts.window.made(LIBRARY))

    @property
    def settings(self) -> SettingsPage:
        """As `library`."""
        return cast("SettingsPage", self._parts.window.made(SETTINGS))

    @property
    def datasets(self) -> DatasetsPage:
        """As `library`."""
        return cast("DatasetsPage", self._parts.window.made(DATASETS))

    @property
    def training(self) -> TrainPage:
        """As `library`."""
        return cast("TrainPage", self._parts.window.made(TRAINING))

    def when_made(self, name: str, connect: Callable[[], None]) -> None:
        """Calls `connect` once the page of that name is there, now if it is."""
        if self._parts.window.is_made(name):
            connect()
        else:
            self._waiting.setdefault(name, []).append(connect)

    @Slot(str)
    def _on_page_made(self, name: str) -> None:
        for connect in self._waiting.pop(name, ()):
            connect()

    def close(self) -> bool:
        """Ends what the late pages run. True when all ended."""
        window = self._parts.window
        working = (LIBRARY, DATASETS, TRAINING)
        late = [window.made(name) for name in working if window.is_made(name)]
        ended = [cast("LibraryPage | DatasetsPage | TrainPage", page).close_all() for page in late]
        return all(ended)

    def _make_chat(self) -> ChatPage:
        parts, chosen = self._parts, self._parts.settings.value
        shelf = ConversationShelf(parts.history, parts.database_lane, self)
        feedback = Feedback(DatasetFolders(parts.folders.datasets), parts.background, self)
        return ChatPage(
            ChatParts(parts.dialogue, shelf, parts.model_thread, feedback, parts.background),
            parts.library,
            parts.notices,
            first_run=not chosen.first_run_done,
            corrections=chosen.corrections,
        )

    def _make_library(self) -> QWidget:
        from expert_studio.core.experts.acceptance import Acceptance
        from expert_studio.views.pages.library_page import LibraryPage
        from expert_studio.views.widgets.canary_run import CanaryPlace

        parts = self._parts
        trust = partial(Acceptance.of, parts.folders)
        canaries = CanaryPlace(
            parts.folders, parts.library, parts.background, parts.model_thread, trust
        )
        return LibraryPage(
            parts.library,
            parts.background,
            parts.notices,
            parts.loaded_base,
            trust,
            parts.folders,
            canaries,
        )

    def _make_settings(self) -> QWidget:
        from expert_studio.views.pages.settings_page import SettingsPage

        parts = self._parts
        return SettingsPage(
            parts.settings.value,
            parts.folders,
            parts.notices,
            parts.background,
            parts.base_download,
        )

    def _make_datasets(self) -> QWidget:
        from expert_studio.views.pages.datasets_page import DatasetsPage

        parts = self._parts
        return DatasetsPage(
            parts.folders, parts.background, parts.notices, parts.chosen_base_folder
        )

    def _make_training(self) -> QWidget:
        from expert_studio.views.pages.train_page import TrainPage

        parts = self._parts
        return TrainPage(
            parts.folders,
            parts.library,
            parts.background,
            parts.notices,
            parts.chat_bytes,
            parts.chosen_base_folder,
        )
