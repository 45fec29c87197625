"""The first start: this computer in plain words, a base to begin with, a tour of three steps.

Knows which parts of the window the tour points at. It shows itself once and later only
when it is asked for.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Slot

from expert_studio.composition.pages import CHAT, SETTINGS, Pages
from expert_studio.composition.parts import Parts
from expert_studio.core.errors import ExpertError
from expert_studio.core.inference.first_run import SUGGESTED_BASE
from expert_studio.core.inference.hub import KNOWN_BASES
from expert_studio.views.widgets.tour_overlay import TourOverlay, TourStep

if TYPE_CHECKING:
    from expert_studio.core.telemetry.machine import Machine


class FirstStart(QObject):
    def __init__(self, parts: Parts, pages: Pages, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._parts = parts
        self._pages = pages
        self._tour: TourOverlay | None = None
        self._welcome = pages.chat.first_task.welcome
        self._welcome.download_wanted.connect(self._on_download_wanted)
        self._welcome.tour_wanted.connect(self.show_tour)
        parts.base_download.started.connect(self._on_download_moved)
        parts.base_download.ended.connect(self._on_download_moved)

    @property
    def tour(self) -> TourOverlay | None:
        """The tour while it is shown."""
        return self._tour

    def begin(self) -> None:
        """Call it once the window is painted."""
        self._parts.background.run(_look_around, self._parts.folders.data, on_done=self._on_machine)
        if not (self._parts.settings.value.tour_done or self._parts.settings.value.first_run_done):
            self.show_tour()

    @Slot()
    def show_tour(self) -> None:
        if self._tour is not None:
            return
        window, pages = self._parts.window, self._pages
        window.show_page(CHAT)
        steps = (
            TourStep(
                lambda: pages.chat.composer,
                self.tr("Choose what the base shall know"),
                self.tr(
                    "Each expert adds one skill to the same small base. Tick some and set how "
                    "much each one counts, even while an answer is being written."
                ),
            ),
            TourStep(
                lambda: pages.chat.prompt,
                self.tr("Ask"),
                self.tr(
                    "Under every answer stands which experts wrote it, and how to get exactly "
                    "the same again. Esc stops an answer."
                ),
            ),
            TourStep(
                lambda: window.rail,
                self.tr("Get more experts, or make your own"),
                self.tr(
                    "Library installs them, Datasets and Training make new ones from your "
                    "examples. Ctrl+K finds everything, Ctrl+/ shows all shortcuts."
                ),
            ),
        )
        self._tour = TourOverlay(steps, window)
        self._tour.ended.connect(self._on_tour_ended)

    @Slot()
    def _on_tour_ended(self) -> None:
        self._tour = None
        self._parts.settings.change(tour_done=True)
        self._pages.chat.prompt.focus()

    @Slot(object)
    def _on_machine(self, machine: Machine) -> None:
        self._welcome.set_machine(machine)

    @Slot()
    def _on_download_wanted(self) -> None:
        known = next(base for base in KNOWN_BASES if base.repo.endswith(f"/{SUGGESTED_BASE}"))
        try:
            self._parts.base_download.start(known.repo, known.revision)
        except ExpertError as error:
            self._parts.notices.error(error)
            self._welcome.show_fetching(False)

    @Slot()
    def _on_download_moved(self) -> None:
        self._welcome.show_fetching(self._parts.base_download.running)

    @Slot()
    def show_bases(self) -> None:
        """The list of all bases."""
        self._parts.window.show_page(SETTINGS)
        self._pages.settings.go_to_bases()


def _look_around(data: Path) -> Machine:
    """On a background thread: what asks the cards is imported there, after the first paint."""
    from expert_studio.core.telemetry.machine import read_machine

    return read_machine(data)
