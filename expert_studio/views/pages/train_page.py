"""Training: all runs, the wizard, one run or several compared; from run to expert.

Runs are processes of their own; this orders, follows and ends them through their folders.
Work that takes long is done beside the window.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from expert_studio.core.experts.library import InstalledExpert, Library
from expert_studio.core.settings import Folders
from expert_studio.core.training.data_source import DataSource
from expert_studio.core.training.official_build import BuildState
from expert_studio.core.training.recipe import Recipe
from expert_studio.core.training.trace import Glance, Portrait
from expert_studio.runtime.background import Background
from expert_studio.runtime.training_evaluation import TrainingEvaluation
from expert_studio.runtime.training_process import TrainingProcess
from expert_studio.views.notices import Notices
from expert_studio.views.widgets.desktop_notice import DesktopNotice
from expert_studio.views.widgets.official_works import OfficialWorks
from expert_studio.views.widgets.training_runs import TrainingRuns
from expert_studio.views.widgets.training_scores import RunScores
from expert_studio.views.widgets.training_view import TrainingView
from expert_studio.views.widgets.training_wizard import TrainingWizard
from expert_studio.views.widgets.training_words import status_text
from expert_studio.views.widgets.training_works import TrainingWorks, estimate

HOME, WIZARD, VIEW = range(3)


class TrainPage(QWidget):
    """Signals:
    library_changed(): an expert was installed.
    chat_wanted(str): the expert of a run, by its name.
    unload_wanted(): the chat's base is in the way of a run.
    shown_wanted(): this page is wanted in front.
    crashed(CrashReport): work ended in a defect.
    """

    library_changed = Signal()
    chat_wanted = Signal(str)
    unload_wanted = Signal()
    shown_wanted = Signal()
    crashed = Signal(object)

    def __init__(
        self,
        folders: Folders,
        library: Library,
        background: Background,
        notices: Notices,
        chat_bytes: Callable[[], int] = lambda: 0,
        chosen_base: Callable[[], Path | None] = lambda: None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setProperty("role", "page")
        self._library = library
        self._background = background
        self._notices = notices
        self._scores = RunScores()
        self._shown: tuple[str, ...] = ()
        self.process = TrainingProcess(folders.runs, self)
        self.evaluation = TrainingEvaluation(folders.data, self)
        self.desktop = DesktopNotice(self)
        self.works = TrainingWorks(folders, library, background, self.process, self)
        self.home = TrainingRuns()
        self.official = OfficialWorks(folders, background, chosen_base, self.home.official, self)
        self.wizard = TrainingWizard(folders, background, partial(estimate, folders, chat_bytes))
        self.view = TrainingView()
        self._stack = QStackedWidget()
        for widget in (self.home, self.wizard, self.view):
            self._stack.addWidget(widget)
        page = QVBoxLayout(self)
        page.setContentsMargins(0, 0, 0, 0)
        page.addWidget(self._stack)
        self._connect()

    def _connect(self) -> None:
        process, home, view, works = self.process, self.home, self.view, self.works
        process.listed.connect(self._on_listed)
        process.pictured.connect(self._on_pictured)
        process.ended.connect(self._on_run_ended)
        process.crashed.connect(self.crashed)
        home.new_wanted.connect(self.begin_wizard)
        home.opened.connect(self.open)
        home.compared.connect(self.compare)
        home.wanted.connect(self._do)
        view.left.connect(self.show_home)
        view.wanted.connect(self._on_wanted)
        view.curves.smoothed.connect(process.smooth)
        view.curves.zoomed.connect(process.zoom)
        view.curves.exported.connect(self._on_exported)
        view.curves.refused.connect(self._on_picture_refused)
        self.wizard.left.connect(self.show_home)
        self.wizard.ordered.connect(self._on_ordered)
        self.wizard.unload_wanted.connect(self.unload_wanted)
        self.official.made.connect(self._on_official_made)
        self.official.told.connect(process.look)
        self.official.ended.connect(self._on_official_ended)
        self.official.failed.connect(self._notices.error)
        works.failed.connect(self._notices.error)
        works.begun.connect(self._on_begun)
        works.deleted.connect(self._on_deleted)
        works.installed.connect(self._on_installed)
        works.packed.connect(self._on_packed)
        works.said.connect(self._notices.toast)
        works.scored.connect(self._on_scored)
        works.recipe_read.connect(self._on_recipe_read)
        works.busy_changed.connect(view.show_busy)
        self.evaluation.told.connect(self._on_evaluation_told)
        self.evaluation.finished.connect(self._on_evaluated)
        self.evaluation.failed.connect(self._notices.error)
        self.evaluation.ended.connect(self._on_evaluation_ended)

    # --- which of the three ------------------------------------------------------------

    @property
    def opened(self) -> str:
        """The run in front, or ""."""
        shown = self._stack.currentIndex() == VIEW and len(self._shown) == 1
        return self._shown[0] if shown else ""

    def start(self) -> None:
        """Begins to follow the runs; call it once the window is painted."""
        self.process.start()

    def base_unloaded(self) -> None:
        """The chat's base has made room."""
        self.wizard.base_unloaded()

    def close_all(self) -> bool:
        """Ends what follows the runs, never the runs. True when all ended."""
        self.desktop.close()
        ended = [self.process.close(), self.evaluation.close(), self.official.close()]
        return all(ended)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.process.set_eager(True)
        self.official.follow()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.process.set_eager(False)
        self.official.rest()

    @Slot()
    def show_home(self) -> None:
        self._shown = ()
        self.process.show(())
        self._stack.setCurrentIndex(HOME)

    @Slot(str)
    def open(self, identifier: str) -> None:
        """Puts one run in front."""
        self._show((identifier,))
        self.works.read_scores(identifier)

    @Slot(object)
    def compare(self, identifiers: Sequence[str]) -> None:
        """Puts several runs into one chart."""
        if len(identifiers) > 1:
            self._show(tuple(identifiers))

    def _show(self, identifiers: tuple[str, ...]) -> None:
        self._shown = identifiers
        self._scores = RunScores()
        self.view.begin(several=len(identifiers) > 1)
        self.process.smooth(self.view.curves.smoothing)
        self.process.show(identifiers)
        self._stack.setCurrentIndex(VIEW)
        self.view.curves.chart.setFocus()
        busy = self.evaluation.run == identifiers[0]
        self.view.show_busy(self.tr("Evaluating…") if busy else "")

    @Slot()
    def begin_wizard(self) -> None:
        self._begin_wizard(None, ())

    def _begin_wizard(self, recipe: Recipe | None, sources: Sequence[DataSource]) -> None:
        self._stack.setCurrentIndex(WIZARD)
        self.wizard.begin(recipe, sources)
        self._background.run(self._library.experts, on_done=self._on_experts)

    @Slot(object)
    def _on_experts(self, experts: Sequence[InstalledExpert]) -> None:
        self.wizard.show_experts(experts)

    # --- what the runs say -------------------------------------------------------------

    @Slot(object)
    def _on_listed(self, glances: tuple[Glance, ...]) -> None:
        self.home.show_runs(glances)

    @Slot(object)
    def _on_pictured(self, portraits: tuple[Portrait, ...]) -> None:
        shown = tuple(portrait.glance.identifier for portrait in portraits)
        if shown == tuple(name for name in self._shown if name in shown) and shown:
            self.view.show_portraits(portraits, self._scores)

    @Slot(object)
    def _on_run_ended(self, glance: Glance) -> None:
        title = self.tr("{name}: {state}").format(
            name=glance.name, state=status_text(glance.status)
        )
        text = self.tr("{step} of {total} steps").format(
            step=glance.pace.step, total=glance.pace.total_steps
        )
        window = self.window()
        if not window.isActiveWindow():
            self.desktop.show(title, text)
        if self.opened != glance.identifier or not self.isVisible():
            self._notices.toast(
                f"{title}. {text}.", self.tr("Show"), partial(self._show_run, glance.identifier)
            )

    def _show_run(self, identifier: str) -> None:
        self.open(identifier)
        self.shown_wanted.emit()

    # --- what is done with them --------------------------------------------------------

    @Slot(object, object, bool, int)
    def _on_ordered(
        self, said: Mapping[str, Any], sources: Sequence[DataSource], queued: bool, priority: int
    ) -> None:
        self.works.begin(said, sources, queued, priority)

    @Slot(str)
    def _on_begun(self, identifier: str) -> None:
        self.process.look()
        self.open(identifier)

    @Slot(str)
    def _on_wanted(self, word: str) -> None:
        if len(self._shown) == 1:
            self._do(word, self._shown[0])

    @Slot(str, str)
    def _do(self, word: str, identifier: str) -> None:
        works = self.works
        if word == "evaluate":
            self.evaluation.start(identifier)
            self.view.show_busy(self.tr("Evaluating…"))
        elif word == "chat":
            glance = self.process.glance(identifier)
            if glance is not None:
                self.chat_wanted.emit(glance.name)
        elif word == "package":
            works.ask_where_to_pack(identifier, self)
        elif word == "tensorboard":
            works.ask_where_to_export(identifier, self)
        else:
            works.do(word, identifier)

    @Slot(str, object)
    def _on_recipe_read(self, identifier: str, told: tuple[Recipe, tuple[DataSource, ...]]) -> None:
        self._begin_wizard(*told)

    @Slot(str, object)
    def _on_deleted(self, name: str, entry: Path) -> None:
        if self._stack.currentIndex() == VIEW:
            self.show_home()
        self._notices.toast(
            self.tr("The run of {name} was deleted.").format(name=name),
            self.tr("Undo"),
            partial(self.works.bring_back, entry),
        )

    @Slot(str)
    def _on_installed(self, name: str) -> None:
        self.view.show_known(installed=True, reported=self._scores.has_report)
        self.library_changed.emit()
        self._notices.toast(
            self.tr("{name} is installed.").format(name=name),
            self.tr("Chat with it"),
            partial(self.chat_wanted.emit, name),
        )

    @Slot(str)
    def _on_official_made(self, _name: str) -> None:
        self.library_changed.emit()

    @Slot(object)
    def _on_official_ended(self, state: BuildState) -> None:
        if state.stage == "finished":
            self._notices.toast(self.tr("The official experts are trained and in your library."))

    @Slot(object)
    def _on_packed(self, path: Path) -> None:
        self._notices.toast(self.tr("Packed as {path}.").format(path=path))

    @Slot(object)
    def _on_exported(self, path: Path) -> None:
        self._notices.toast(self.tr("The chart is kept as {path}.").format(path=path))

    @Slot(str)
    def _on_picture_refused(self, path: str) -> None:
        self._notices.warn(self.tr("The chart could not be written to {path}.").format(path=path))

    @Slot(str, object)
    def _on_scored(self, identifier: str, scores: RunScores) -> None:
        if self.opened == identifier:
            self._scores = scores
            self.view.show_known(installed=scores.installed, reported=scores.has_report)
            if self.view.portraits:
                self.view.show_portraits(self.view.portraits, scores)

    @Slot(str)
    def _on_evaluation_told(self, line: str) -> None:
        if self.opened == self.evaluation.run:
            self.view.show_busy(line)

    @Slot(str)
    def _on_evaluated(self, identifier: str) -> None:
        self._notices.toast(self.tr("The scores are there."))
        if self.opened == identifier:
            self.works.read_scores(identifier)

    @Slot()
    def _on_evaluation_ended(self) -> None:
        self.view.show_busy("")
