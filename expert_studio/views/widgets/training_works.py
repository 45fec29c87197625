"""What is done with a run, beside the window: begin, stop, resume, pack, install, delete.

Knows the run's folder and the library; shows nothing but file dialogs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QUrl, Signal, Slot
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QWidget

from expert_studio.core.errors import ExpertError
from expert_studio.core.experts.install import install
from expert_studio.core.experts.library import Library
from expert_studio.core.planning import MOST_COUNTED, RunPlan, plan_run
from expert_studio.core.settings import Folders
from expert_studio.core.training import launch, queue, run_trash
from expert_studio.core.training.clone import origin_of, retry
from expert_studio.core.training.curves import export_tensorboard
from expert_studio.core.training.data_source import DataSource, some_rows
from expert_studio.core.training.order import begin, place_order
from expert_studio.core.training.package import pack
from expert_studio.core.training.recipe import Recipe, read_recipe
from expert_studio.core.training.report import page_of
from expert_studio.core.training.run_folder import RunFolder
from expert_studio.runtime.background import Background
from expert_studio.runtime.training_process import TrainingProcess
from expert_studio.views.widgets.training_scores import RunScores, read_scores


class TrainingWorks(QObject):
    """Signals:
    begun(str): a run was started; its identifier.
    deleted(str, Path): the name of what was deleted, and what brings it back.
    packed(Path), installed(str): an expert file was written; an expert is in the library.
    scored(str, RunScores): a run's scores, and whether its expert is installed.
    recipe_read(str, tuple): a run to be cloned: its recipe and its rows.
    busy_changed(str): words of what goes on with the run in front, or "".
    said(str): a sentence; failed(ExpertError): one that says what went wrong.
    """

    begun = Signal(str)
    deleted = Signal(str, object)
    packed = Signal(object)
    installed = Signal(str)
    scored = Signal(str, object)
    recipe_read = Signal(str, object)
    busy_changed = Signal(str)
    said = Signal(str)
    failed = Signal(object)

    def __init__(
        self,
        folders: Folders,
        library: Library,
        background: Background,
        process: TrainingProcess,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._folders = folders
        self._library = library
        self._background = background
        self._process = process

    def begin(
        self, said: Mapping[str, Any], sources: Sequence[DataSource], queued: bool, priority: int
    ) -> None:
        """Starts the run a person ordered, or has it wait for its turn."""
        asked = (said, sources, self._folders, queued, priority)
        self._run(_begin, *asked, on_done=self._on_begun)

    def do(self, word: str, identifier: str) -> None:
        """One of the words of `TrainingView.wanted` that the page does not do itself."""
        run = RunFolder(self._folders.runs / identifier)
        if word == "stop":
            self.busy_changed.emit(self.tr("Stopping after this step…"))
            self._run(launch.stop, run, on_done=self._on_changed)
        elif word == "pause":
            self._run(launch.pause, run, on_done=self._on_changed)
        elif word == "resume":
            self._run(launch.resume, run, on_done=self._on_changed)
        elif word == "unqueue":
            self._run(queue.withdraw, run, on_done=self._on_changed)
        elif word == "retry":
            self._run(retry, run, self._folders, on_done=self._on_retried)
        elif word == "install":
            self.busy_changed.emit(self.tr("Packing…"))
            self._run(_pack_and_install, run, self._library, on_done=self._on_installed)
        elif word == "clone":
            read = partial(self._on_recipe, identifier)
            self._run(_recipe_and_rows, run, on_done=read)
        elif word == "delete":
            name = run.identifier.rsplit("-", 3)[0]
            self._run(run_trash.delete, run, on_done=partial(self._on_deleted, name))
        elif word == "folder":
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(run.path)))
        elif word == "report":
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(page_of(run))))

    def pack(self, identifier: str, path: Path) -> None:
        """Writes a finished run as a `.expert` file."""
        run = RunFolder(self._folders.runs / identifier)
        self.busy_changed.emit(self.tr("Packing…"))
        self._run(lambda: pack(run, path).archive, on_done=self._on_packed)

    def ask_where_to_pack(self, identifier: str, parent: QWidget) -> None:
        chosen, _ = QFileDialog.getSaveFileName(
            parent,
            self.tr("Package the expert"),
            f"{identifier.rsplit('-', 3)[0]}.expert",
            self.tr("Experts (*.expert)"),
        )
        if chosen:
            self.pack(identifier, Path(chosen).with_suffix(".expert"))

    def ask_where_to_export(self, identifier: str, parent: QWidget) -> None:
        chosen = QFileDialog.getExistingDirectory(parent, self.tr("Export for TensorBoard"))
        if chosen:
            run = RunFolder(self._folders.runs / identifier)
            self._run(
                lambda: export_tensorboard(run.events(), Path(chosen) / identifier),
                on_done=self._on_tensorboard,
            )

    def bring_back(self, entry: Path) -> None:
        """Undoes a deletion."""
        self._run(run_trash.restore, entry, on_done=self._on_changed)

    def read_scores(self, identifier: str) -> None:
        """Reads what an evaluation left, and whether the expert is installed."""
        run = RunFolder(self._folders.runs / identifier)
        self._run(read_scores, run, self._library, on_done=partial(self._on_scores, identifier))

    def _run(self, function: Any, *args: Any, on_done: Any) -> None:
        self._background.run(function, *args, on_done=on_done, on_failed=self._on_failed)

    @Slot(object)
    def _on_failed(self, error: ExpertError) -> None:
        self.busy_changed.emit("")
        self.failed.emit(error)
        self._process.look()

    @Slot(object)
    def _on_changed(self, _: object) -> None:
        self.busy_changed.emit("")
        self._process.look()

    @Slot(object)
    def _on_begun(self, identifier: str) -> None:
        self.begun.emit(identifier)

    @Slot(object)
    def _on_retried(self, run: RunFolder) -> None:
        self.begun.emit(run.identifier)

    @Slot(object)
    def _on_installed(self, name: str) -> None:
        self.busy_changed.emit("")
        self.installed.emit(name)

    @Slot(object)
    def _on_packed(self, path: Path) -> None:
        self.busy_changed.emit("")
        self.packed.emit(path)

    def _on_tensorboard(self, folder: Path) -> None:
        self.said.emit(self.tr("Written: tensorboard --logdir {folder}").format(folder=folder))

    def _on_recipe(self, identifier: str, told: object) -> None:
        self.recipe_read.emit(identifier, told)

    def _on_deleted(self, name: str, entry: Path) -> None:
        self._process.look()
        self.deleted.emit(name, entry)

    def _on_scores(self, identifier: str, told: RunScores) -> None:
        self.scored.emit(identifier, told)


def _begin(
    said: Mapping[str, Any],
    sources: Sequence[DataSource],
    folders: Folders,
    queued: bool,
    priority: int,
) -> str:
    path = place_order(said, sources, folders)
    recipe = read_recipe(path)
    plan = plan_run(recipe, folders, path.parent)  # of the rows themselves: its error is kept
    size = plan.memory.total
    return begin(recipe, path.parent, folders, size, queued, priority).identifier


def _pack_and_install(run: RunFolder, library: Library) -> str:
    return install(pack(run).archive, library).expert.name


def _recipe_and_rows(run: RunFolder) -> tuple[Recipe, tuple[DataSource, ...]]:
    """A run's recipe, and its rows where they still lie."""
    recipe, origin = run.recipe, origin_of(run)
    sources = tuple(
        DataSource("file", str(origin / part.path), part.weight) for part in recipe.datasets
    )
    if run.tests_path.is_file():
        watching = recipe.watching.model_copy(update={"test_cases": str(run.tests_path)})
        recipe = recipe.model_copy(update={"watching": watching})
    return recipe, tuple(source for source in sources if Path(source.where).is_file())


def estimate(
    folders: Folders,
    chat_bytes: Callable[[], int],
    recipe: Recipe,
    sources: Sequence[DataSource],
) -> RunPlan:
    """What a run will take beside the chat; for a lane beside the window.

    Rows that are yet to be made, or very many, count as long as the recipe lets them be.
    """
    rows = [row for source in sources for row in some_rows(source, folders, MOST_COUNTED)]
    return plan_run(recipe, folders, chat_bytes=chat_bytes(), rows=rows)
