"""All datasets at a glance: open, rename, delete, bring back. Knows folders, not rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QPushButton, QStackedWidget, QVBoxLayout, QWidget

from expert_studio.core.datasets.store_folder import DatasetFolders
from expert_studio.runtime.background import Background
from expert_studio.views.theme_tokens import PAGE_PADDING
from expert_studio.views.widgets.dataset_cards import DatasetGrid, DatasetSummary, read_summaries
from expert_studio.views.widgets.dataset_dialogs import NameDialog
from expert_studio.views.widgets.empty_state import EmptyState
from expert_studio.views.widgets.page_header import PageHeader
from expert_studio.views.widgets.scrolling import scrolling


class DatasetHome(QWidget):
    """Signals:
    opened(str): a dataset was chosen.
    new_wanted(), import_wanted(): rows for a new dataset, by the wizard or from files.
    told(str, str, object): a sentence, the name of an action or "", and what it does.
    failed(ExpertError): something could not be done.
    """

    opened = Signal(str)
    new_wanted = Signal()
    import_wanted = Signal()
    told = Signal(str, str, object)
    failed = Signal(object)

    def __init__(
        self,
        folders: DatasetFolders,
        background: Background,
        working_on: Callable[[], str],
        parent: QWidget | None = None,
    ) -> None:
        """`working_on` names the dataset that long work runs on, or ""."""
        super().__init__(parent)
        self._folders = folders
        self._background = background
        self._working_on = working_on
        self.grid = DatasetGrid()
        self._build()
        for button in (self._new, self._first):
            button.clicked.connect(self.new_wanted)
        for button in (self._import, self._first_import):
            button.clicked.connect(self.import_wanted)
        self.grid.opened.connect(self.opened)
        self.grid.renaming.connect(self._on_renaming)
        self.grid.deleting.connect(self.delete)

    def _build(self) -> None:
        self._header = PageHeader(self.tr("Datasets"))
        self._import = QPushButton(self.tr("Import…"))
        self._import.setAccessibleName(self.tr("Import rows from files"))
        self._new = QPushButton(self.tr("New dataset"))
        self._new.setProperty("role", "primary")
        self._header.add_action(self._import)
        self._header.add_action(self._new)
        inside = QWidget()
        inside.setProperty("role", "scroll")
        column = QVBoxLayout(inside)
        column.setContentsMargins(PAGE_PADDING, 16, PAGE_PADDING, 16)
        column.addWidget(self.grid)
        column.addStretch(1)
        scroll = scrolling(inside)
        empty = EmptyState(
            "datasets",
            self.tr("No datasets yet"),
            self.tr(
                "An expert learns from rows of a question and its answer. Make some by rule in a "
                "minute, have a model write them, or drop a file anywhere on this page."
            ),
        )
        self._first = empty.add_button(self.tr("Make the first dataset"), primary=True)
        self._first.setObjectName("first dataset")
        self._first_import = empty.add_button(self.tr("Import a file…"))
        self._stack = QStackedWidget()
        self._stack.addWidget(scroll)
        self._stack.addWidget(empty)
        page = QVBoxLayout(self)
        page.setContentsMargins(0, 0, 0, 0)
        page.setSpacing(0)
        page.addWidget(self._header)
        page.addWidget(self._stack, 1)

    def refresh(self) -> None:
        """Reads which datasets there are."""
        self._background.run(
            partial(read_summaries, self._folders),
            on_done=self._on_summaries,
            on_failed=self.failed.emit,
        )

    @Slot(object)
    def _on_summaries(self, summaries: Sequence[DatasetSummary]) -> None:
        self.grid.show_datasets(summaries)
        self._stack.setCurrentIndex(0 if summaries else 1)
        self._new.setVisible(bool(summaries))
        self._import.setVisible(bool(summaries))
        count = len(summaries)
        one = self.tr("1 dataset")
        text = one if count == 1 else self.tr("{n} datasets").format(n=count)
        self._header.set_state(text if count else "")

    @Slot(str)
    def _on_renaming(self, name: str) -> None:
        dialog = NameDialog(self.tr("Rename"), name, self)
        dialog.named.connect(partial(self.rename, name))
        dialog.open()

    def rename(self, name: str, new_name: str) -> None:
        """Gives a dataset another name."""
        if name == self._working_on():
            self._say_busy(name)
        elif new_name != name:
            self._background.run(
                self._folders.rename,
                name,
                new_name,
                on_done=self._on_folders_changed,
                on_failed=self.failed.emit,
            )

    @Slot(str)
    def delete(self, name: str) -> None:
        """Takes a dataset away; a toast offers to bring it back."""
        if name == self._working_on():
            self._say_busy(name)
            return

        def done(token: str) -> None:
            self.told.emit(
                self.tr("“{name}” was deleted.").format(name=name),
                self.tr("Undo"),
                lambda: self._bring_back(token),
            )
            self.refresh()

        self._background.run(self._folders.delete, name, on_done=done, on_failed=self.failed.emit)

    def _bring_back(self, token: str) -> None:
        self._background.run(
            self._folders.restore,
            token,
            on_done=self._on_folders_changed,
            on_failed=self.failed.emit,
        )

    @Slot(object)
    def _on_folders_changed(self, _: object) -> None:
        self.refresh()

    def _say_busy(self, name: str) -> None:
        self.told.emit(
            self.tr("Work on {name} is still going on. Stop it or wait for it first.").format(
                name=name
            ),
            "",
            None,
        )
