"""The base that answers, as every part of the window is told of it. Knows no other connection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot

from expert_studio.composition.kept_settings import KeptSettings
from expert_studio.composition.pages import LIBRARY, SETTINGS, TRAINING, Pages
from expert_studio.composition.parts import Parts
from expert_studio.core.errors import ExpertError
from expert_studio.core.experts.library import InstalledExpert
from expert_studio.core.inference.conversation import (
    BaseDescription,
    BaseRequest,
    MemoryByOwner,
)
from expert_studio.core.inference.history import Turn
from expert_studio.core.settings import Folders
from expert_studio.runtime.cycle_collector import CycleCollector


class BaseInUse:
    """Which base is loaded, and which one the settings name."""

    def __init__(self, folders: Folders, settings: KeptSettings) -> None:
        self._folders = folders
        self._settings = settings
        self.description: BaseDescription | None = None
        self.is_unloaded = False  # until the next question

    def bytes_now(self) -> int:
        """What it takes at this moment."""
        base = self.description
        return base.resident_bytes if base is not None and not self.is_unloaded else 0

    def loaded(self) -> BaseDescription | None:
        return self.description

    def chosen_folder(self) -> Path | None:
        folder = self._settings.value.base_folder(self._folders)
        return folder if (folder / "tokenizer.json").is_file() else None

    def request(self) -> BaseRequest:
        chosen = self._settings.value
        return BaseRequest(chosen.base_folder(self._folders), chosen.quantization, chosen.device)


class BaseLinks(QObject):
    """Loads bases and tells pages and status line what answers and what it takes.

    Signals:
    favoured(): the library prefers versions made for another base from now on.
    """

    favoured = Signal()

    def __init__(
        self,
        parts: Parts,
        pages: Pages,
        base: BaseInUse,
        collector: CycleCollector,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._parts = parts
        self._pages = pages
        self._base = base
        self._collector = collector
        self._tiers: dict[str, str] = {}
        lane, status = parts.model_thread, parts.window.status
        lane.base_loading.connect(status.show_loading)
        lane.base_ready.connect(self._on_base_ready)
        lane.base_failed.connect(self._on_base_failed)
        lane.base_unloaded.connect(self._on_base_unloaded)
        lane.memory_changed.connect(self._on_memory_changed)
        pages.when_made(SETTINGS, self._connect_settings)
        pages.chat.stack_changed.connect(status.show_stack)
        pages.chat.answered.connect(self._on_answered)

    def _connect_settings(self) -> None:
        self._pages.settings.base_chosen.connect(self.use)

    @Slot(object)
    def use(self, request: BaseRequest) -> None:
        """Loads another base in place of the one that answers."""
        self._base.description = None
        self._pages.chat.set_base(None)
        chosen = self._parts.settings.value
        self._parts.model_thread.load_base(
            replace(
                request,
                kv=chosen.kv,
                context=chosen.context,
                cache_bytes=chosen.cache_mb << 20,
            )
        )

    @Slot()
    def unload(self) -> None:
        """Makes room for something else: the next question loads it again."""
        if self._base.description is not None:
            self._parts.model_thread.unload_base()

    def set_experts(self, experts: Sequence[InstalledExpert]) -> None:
        """The library changed: memory is told by tier."""
        self._tiers = {expert.name: expert.manifest.tier for expert in experts}

    @Slot(object)
    def _on_base_ready(self, base: BaseDescription) -> None:
        is_back = self._base.is_unloaded and base == self._base.description
        self._base.description, self._base.is_unloaded = base, False
        self._collector.settle()
        self._parts.window.status.show_base(base)
        if is_back:
            return
        self._pages.chat.set_base(base)
        if self._parts.library.favour(base.name, base.sha256):
            self.favoured.emit()
        self._tell_library()

    @Slot()
    def _on_base_unloaded(self) -> None:
        self._base.is_unloaded = True
        self._pages.chat.show_memory(MemoryByOwner(0, (), 0))
        if self._base.description is not None:
            self._parts.window.status.show_unloaded(self._base.description)
        if self._parts.window.is_made(TRAINING):
            self._pages.training.base_unloaded()

    @Slot(object)
    def _on_base_failed(self, error: ExpertError) -> None:
        self._base.description, self._base.is_unloaded = None, False
        self._parts.window.status.show_failed()
        self._pages.chat.set_base(None)
        self._tell_library()
        self._parts.notices.error(error, self.tr("Open Settings"), self._on_settings_wanted)

    def _tell_library(self) -> None:
        if self._parts.window.is_made(LIBRARY):  # else it asks when it is made
            self._pages.library.base_changed()

    @Slot()
    def _on_settings_wanted(self) -> None:
        self._parts.window.show_page(SETTINGS)

    @Slot(object)
    def _on_memory_changed(self, memory: MemoryByOwner) -> None:
        self._parts.window.status.show_memory(memory, self._tiers)
        self._pages.chat.show_memory(memory)

    @Slot(object)
    def _on_answered(self, turn: Turn) -> None:
        if turn.timing is not None:
            self._parts.window.status.show_speed(turn.timing.decode_tok_s)
