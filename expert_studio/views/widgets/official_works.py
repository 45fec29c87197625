"""Starts, follows and stops the process that trains the official experts for a base.

The process (`core.training.official_build`) outlives the window; its runs are runs like any
other. Shows nothing but its card.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from expert_studio.core.settings import Folders, bundled_experts_folder
from expert_studio.core.training.official_build import (
    BuildState,
    place_of,
    read_build,
    start_build,
    stop_build,
)
from expert_studio.core.training.official_plan import source_folders
from expert_studio.runtime.background import Background
from expert_studio.views.widgets.official_card import OfficialCard

LOOK_EVERY_MS = 1_000


class OfficialWorks(QObject):
    """Signals:
    told(BuildState): how far it is, whenever that changed.
    made(str): an expert was trained and installed; its name.
    ended(BuildState): a build that was going on is finished, stopped or failed.
    failed(ExpertError): it could not be started or stopped.
    """

    told = Signal(object)
    made = Signal(str)
    ended = Signal(object)
    failed = Signal(object)

    def __init__(
        self,
        folders: Folders,
        background: Background,
        chosen_base: Callable[[], Path | None],
        card: OfficialCard,
        parent: QObject | None = None,
    ) -> None:
        """chosen_base: the folder of the base in the settings, or None."""
        super().__init__(parent)
        self._folders = folders
        self._background = background
        self._chosen_base = chosen_base
        self._card = card
        self._base: Path | None = None
        self._state: BuildState | None = None
        self._looking = False
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK_EVERY_MS)
        self._timer.timeout.connect(self.look)
        self.told.connect(card.show_state)
        card.start_wanted.connect(self.start)
        card.stop_wanted.connect(self.stop)

    @property
    def state(self) -> BuildState | None:
        """As it was told last; None before that, and where there is no base."""
        return self._state

    def follow(self) -> None:
        """The page is in front: asks which base is chosen, and how far its experts are."""
        base = self._chosen_base()
        if base is not None and base.resolve() == self._folders.bundled_base.resolve():
            base = None  # they ship for that one
        if base != self._base:
            self._base, self._state = base, None
        self._card.set_base(base.name if base else "")
        if base is None:
            self._timer.stop()
            return
        if self._state is not None:
            self._card.show_state(self._state)
        self._timer.start()
        self.look()

    def rest(self) -> None:
        """Nobody looks: only a build that goes on is followed."""
        if self._state is None or not self._state.is_going_on:
            self._timer.stop()

    @Slot()
    def start(self) -> None:
        """Starts it, or lets it go on where it stopped."""
        if self._base is not None:
            asked = (self._base, self._folders)
            self._background.run(
                start_build, *asked, on_done=self._on_asked, on_failed=self._on_failed
            )

    @Slot()
    def stop(self) -> None:
        """Ends it after the checkpoint of its run; what is made stays."""
        if self._base is not None:
            asked = (self._base, self._folders)
            self._background.run(
                stop_build, *asked, on_done=self._on_asked, on_failed=self._on_failed
            )

    def close(self) -> bool:
        """Ends the following, never the build. True: nothing here outlives the window."""
        self._timer.stop()
        self._base = None
        return True

    @Slot()
    def look(self) -> None:
        """Looks now, unless it does already."""
        if self._base is not None and not self._looking:
            self._looking = True
            self._background.run(_read, self._base, self._folders, on_done=self._on_read)

    @Slot(object)
    def _on_asked(self, _: object) -> None:
        self._timer.start()
        self.look()

    @Slot(object)
    def _on_failed(self, error: object) -> None:
        self.failed.emit(error)
        self.look()

    def _on_read(self, told: tuple[Path, BuildState]) -> None:
        self._looking = False
        base, state = told
        before = self._state
        if base != self._base or state == before:
            return
        self._state = state
        self.told.emit(state)
        if before is None:
            return
        for name in state.made:
            if name not in before.made:
                self.made.emit(name)
        if before.is_going_on and not state.is_going_on:
            self.ended.emit(state)


def _read(base: Path, folders: Folders) -> tuple[Path, BuildState]:
    names = tuple(folder.name for folder in source_folders(bundled_experts_folder()))
    return base, read_build(place_of(base, folders), names)
