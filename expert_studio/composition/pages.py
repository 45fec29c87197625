"""Makes the pages of the window and puts them in its rail. Connects them to nothing.

Chat, Library and Settings are made at once, the others when they are first asked for:
they take half a second to make, and the window is painted before.
"""

from __future__ import annotations

import importlib
from functools import partial
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from expert_studio.composition.parts import Parts
from expert_studio.core.datasets.store_folder import DatasetFolders
from expert_studio.core.experts.acceptance import Acceptance
from expert_studio.runtime.conversation_shelf import ConversationShelf
from expert_studio.runtime.feedback import Feedback
from expert_studio.views.pages.chat_page import ChatPage, ChatParts
from expert_studio.views.pages.library_page import LibraryPage
from expert_studio.views.pages.settings_page import SettingsPage
from expert_studio.views.widgets.canary_run import CanaryPlace

if TYPE_CHECKING:
    from expert_studio.views.pages.datasets_page import DatasetsPage
    from expert_studio.views.pages.train_page import TrainPage

CHAT, LIBRARY, DATASETS, TRAINING, SETTINGS = "chat", "library", "datasets", "train", "settings"
MADE_LATE = (DATASETS, TRAINING)


def import_late_pages() -> None:
    """Imports what the late pages are made of, on a thread that nobody waits for."""
    for module in ("datasets_page", "train_page"):
        importlib.import_module(f"expert_studio.views.pages.{module}")


class Pages(QObject):
    def __init__(self, parts: Parts, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._parts = parts
        self.chat = self._make_chat()
        self.library = self._make_library()
        self.settings = SettingsPage(
            parts.settings.value,
            parts.folders,
            parts.notices,
            parts.background,
            parts.base_download,
        )
        add = parts.window.add_page
        add(CHAT, self.tr("Chat"), "chat", self.chat)
        add(LIBRARY, self.tr("Library"), "library", self.library)
        add(DATASETS, self.tr("Datasets"), "datasets", self._make_datasets)
        add(TRAINING, self.tr("Training"), "training", self._make_training)
        add(SETTINGS, self.tr("Settings"), "settings", self.settings, at_bottom=True)

    @property
    def datasets(self) -> DatasetsPage:
        """Made now if it was not yet."""
        return cast("DatasetsPage", self._parts.window.made(DATASETS))

    @property
    def training(self) -> TrainPage:
        """As `datasets`."""
        return cast("TrainPage", self._parts.window.made(TRAINING))

    def close(self) -> bool:
        """Ends what the late pages run. True when all ended."""
        window = self._parts.window
        late = [window.made(name) for name in MADE_LATE if window.is_made(name)]
        ended = [cast("DatasetsPage | TrainPage", page).close_all() for page in late]
        ended.append(self.library.close_all())
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

    def _make_library(self) -> LibraryPage:
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
            parts.folders, parts.library, parts.background, parts.notices, parts.chat_bytes
        )
