"""What one window is made of besides its pages. Builds nothing, connects nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from expert_studio.composition.kept_settings import KeptSettings
from expert_studio.core.experts.library import Library
from expert_studio.core.inference.conversation import BaseDescription
from expert_studio.core.inference.history import History
from expert_studio.core.settings import Folders
from expert_studio.runtime.background import Background
from expert_studio.runtime.base_download import BaseDownload
from expert_studio.runtime.dialogue import Dialogue
from expert_studio.runtime.model_thread import ModelThread
from expert_studio.views.main_window import MainWindow
from expert_studio.views.notices import Notices
from expert_studio.views.theme import Theme


@dataclass(frozen=True, slots=True)
class Parts:
    """Attributes:
    background: short work on two threads.
    database_lane: work on one thread, in order; what the conversations' database needs.
    loaded_base: the base that answers now, or None.
    chat_bytes: what that base takes now; 0 while it is unloaded.
    chosen_base_folder: the folder of the base in the settings, if one is there.
    """

    folders: Folders
    settings: KeptSettings
    theme: Theme
    library: Library
    background: Background
    database_lane: Background
    model_thread: ModelThread
    base_download: BaseDownload
    window: MainWindow
    notices: Notices
    history: History
    dialogue: Dialogue
    loaded_base: Callable[[], BaseDescription | None]
    chat_bytes: Callable[[], int]
    chosen_base_folder: Callable[[], Path | None]
