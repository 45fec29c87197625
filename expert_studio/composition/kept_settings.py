"""The settings in force: one value, kept on disk whenever it changes. Lives on the main thread.

Knows nothing of who changes them or of what a change brings about.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QObject, Signal

from expert_studio.core import network
from expert_studio.core import settings as settings_file
from expert_studio.core.errors import ExpertError
from expert_studio.core.settings import Folders, Settings
from expert_studio.runtime.background import Background

log = logging.getLogger("expert_studio")


class KeptSettings(QObject):
    """Signals:
    changed(Settings): after each change, whoever made it.

    Attributes:
        unreadable: why the settings on disk could not be read, or None.
    """

    changed = Signal(object)

    def __init__(self, folders: Folders, lane: Background, parent: QObject | None = None) -> None:
        """`lane` has one thread: the last choice is the last one written."""
        super().__init__(parent)
        self._folders = folders
        self._lane = lane
        self.unreadable: ExpertError | None = None
        try:
            self._value = settings_file.load(folders)
        except ExpertError as error:
            self._value, self.unreadable = Settings(), error
        network.switch(off=self._value.offline)

    @property
    def value(self) -> Settings:
        return self._value

    def keep(self, settings: Settings) -> None:
        if settings == self._value:
            return
        self._value = settings
        network.switch(off=settings.offline)
        self._lane.run(settings_file.save, settings, self._folders)
        self.changed.emit(settings)

    def change(self, **changes: Any) -> None:
        """`keep` with some of the choices replaced."""
        self.keep(replace(self._value, **changes))

    def close(self, **changes: Any) -> None:
        """Writes them here and now; a closing window shows no error."""
        self._value = replace(self._value, **changes)
        try:
            settings_file.save(self._value, self._folders)
        except ExpertError as error:
            log.error("%s", error)  # noqa: TRY400 (expected)
