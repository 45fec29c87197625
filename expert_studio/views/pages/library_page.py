"""The installed experts: find, read about, install, uninstall, see who needs whom.

Knows the library on disk only through core functions, which run beside the window;
knows nothing of the chat that uses a stack.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from expert_studio.core.errors import ArchiveError, ExpertError
from expert_studio.core.experts.install import Installation
from expert_studio.core.experts.library import Library
from expert_studio.core.inference.conversation import BaseDescription
from expert_studio.core.settings import bundled_experts_folder
from expert_studio.runtime.background import Background
from expert_studio.views.notices import Notices
from expert_studio.views.theme_tokens import PAGE_PADDING
from expert_studio.views.widgets import expert_facts
from expert_studio.views.widgets.drop_zone import DropZone
from expert_studio.views.widgets.empty_state import EmptyState
from expert_studio.views.widgets.expert_card import ExpertGrid
from expert_studio.views.widgets.expert_details import ExpertDetails
from expert_studio.views.widgets.graph_card import GraphCard
from expert_studio.views.widgets.install_bar import EXPERT_SUFFIX, InstallBar
from expert_studio.views.widgets.library_contents import (
    LibraryContents,
    Removed,
    read_contents,
    restore_each,
    uninstall_each,
)
from expert_studio.views.widgets.library_filter import LibraryFilter
from expert_studio.views.widgets.page_header import PageHeader
from expert_studio.views.widgets.scrolling import scrolling


class LibraryPage(QWidget):
    """Cards, details and the dependency graph of what is installed.

    Signals:
        library_changed(): an expert was installed or uninstalled, after the page read it.
        add_to_stack_requested(str): the person wants this expert in the chat's stack.
    """

    library_changed = Signal()
    add_to_stack_requested = Signal(str)

    def __init__(
        self,
        library: Library,
        background: Background,
        notices: Notices,
        base: Callable[[], BaseDescription | None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setProperty("role", "page")
        self._library = library
        self._background = background
        self._notices = notices
        self._base = base
        self._contents = LibraryContents()
        self._chosen = ""
        self._reading = False
        self._read_again = False
        self._tell_after_reading = False
        self._build()
        self._connect()

    @property
    def contents(self) -> LibraryContents:
        """What was read last."""
        return self._contents

    @property
    def busy(self) -> bool:
        """Whether files are being installed or the library is being read."""
        return self._installs.busy or self._reading

    def refresh(self) -> None:
        """Reads the library anew, beside the window."""
        if self._reading:
            self._read_again = True
            return
        self._reading = True
        self._background.run(
            read_contents, self._library, on_done=self._on_read, on_failed=self._on_read_failed
        )

    def install(self, paths: tuple[Path, ...]) -> None:
        """Installs files one after another; what went wrong is told by notices."""
        self._installs.install(paths)

    def choose(self, name: str) -> None:
        """Shows an expert, installed or missing, in details, cards and graph; "" for none."""
        self._chosen = name
        self._grid.choose(name)
        self._graph.choose(name)
        self._show_details()

    def base_changed(self) -> None:
        """Another base answers now: says anew which experts fit it."""
        self._show_contents()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.refresh()

    def _build(self) -> None:
        self._header = PageHeader(self.tr("Library"))
        self._search = QLineEdit()
        self._search.setPlaceholderText(self.tr("Search name, capability, base"))
        self._search.setAccessibleName(self.tr("Search the library"))
        self._search.setClearButtonEnabled(True)
        self._search.setFixedWidth(220)
        self._search.setAcceptDrops(False)  # a file dropped on it is installed, not typed
        self._install_button = QPushButton(self.tr("Install…"))
        self._install_button.setAccessibleName(self.tr("Install experts from files"))
        self._header.add_action(self._search)
        self._header.add_action(self._install_button)
        self._stack = QStackedWidget()
        self._stack.addWidget(self._build_experts())
        self._stack.addWidget(self._build_empty())
        self._installs = InstallBar(self._library, self._background, self._base)
        self._details = ExpertDetails()
        main = QVBoxLayout()
        main.setSpacing(0)
        bar = QVBoxLayout()
        bar.setContentsMargins(PAGE_PADDING, 0, PAGE_PADDING, 0)
        bar.addWidget(self._installs)
        main.addLayout(bar)
        main.addWidget(self._stack, 1)
        body = QHBoxLayout()
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(0)
        body.addLayout(main, 1)
        body.addWidget(self._details)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(self._header)
        outer.addLayout(body, 1)
        self._drop = DropZone(self, self.tr("Drop .expert files to install them"))

    def _build_experts(self) -> QWidget:
        self._filter = LibraryFilter()
        self._grid = ExpertGrid(self._filter.last_control)
        self._nothing = EmptyState("search", self.tr("Nothing matches"), "")
        self._show_all = self._nothing.add_button(self.tr("Show all experts"))
        self._nothing.hide()
        self._graph = GraphCard()
        inside = QWidget()
        inside.setProperty("role", "scroll")
        column = QVBoxLayout(inside)
        column.setContentsMargins(PAGE_PADDING, 14, PAGE_PADDING, 16)
        column.setSpacing(12)
        for widget in (self._filter, self._grid, self._nothing):
            column.addWidget(widget)
        column.addWidget(self._graph, 1)
        return scrolling(inside)

    def _build_empty(self) -> QWidget:
        empty = EmptyState(
            "library",
            self.tr("No experts yet"),
            self.tr("Drop .expert files anywhere on this page, or choose them from a folder."),
        )
        self._empty_install = empty.add_button(self.tr("Install from files…"), primary=True)
        self._bundled_install = empty.add_button(self.tr("Install the experts that came with it"))
        return empty

    def _connect(self) -> None:
        self._search.textChanged.connect(self._filter.set_text)
        self._filter.changed.connect(self._on_filter_changed)
        self._install_button.clicked.connect(self._on_install_asked)
        self._empty_install.clicked.connect(self._on_install_asked)
        self._bundled_install.clicked.connect(self._on_bundled_asked)
        self._show_all.clicked.connect(self._on_show_all)
        self._grid.chosen.connect(self.choose)
        self._graph.node_chosen.connect(self.choose)
        self._details.add_requested.connect(self.add_to_stack_requested)
        self._details.install_requested.connect(self._on_install_asked)
        self._details.uninstall_requested.connect(self._on_uninstall)
        self._installs.failed.connect(self._notices.error)
        self._installs.finished.connect(self._on_installed)
        self._drop.files_dropped.connect(self.install)
        self._drop.refused.connect(self._on_drop_refused)
        find = QShortcut(QKeySequence(QKeySequence.StandardKey.Find), self)
        find.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        find.activated.connect(self._search.setFocus)

    def _show_contents(self) -> None:
        contents = self._contents
        self._filter.set_base(self._base())
        self._filter.set_tiers({expert.manifest.tier for expert in contents.experts})
        self._stack.setCurrentIndex(0 if contents.experts else 1)
        self._bundled_install.setVisible(bool(_bundled_files()))
        self._details.setVisible(bool(contents.experts))
        self._header.set_state(self._state_line())
        self._grid.set_experts(contents.experts)
        self._show_cards()
        self._graph.show_contents(contents)
        if self._chosen and not self._is_known(self._chosen):
            self._chosen = ""
        self.choose(self._chosen)

    def _show_cards(self) -> None:
        shown = self._filter.shown(self._contents.experts)
        self._grid.show_only(shown)
        self._nothing.setVisible(not shown)
        self._nothing.set_sentence(
            self.tr("No installed expert fits what you search and filter by.")
        )

    def _show_details(self) -> None:
        expert = self._contents.expert(self._chosen)
        if expert is not None:
            files = self._contents.files.get(expert.name, ())
            dependants = self._contents.all_dependants(expert.name)
            unmet = self._contents.unmet(expert.name)
            obstacle = expert_facts.obstacle(expert.manifest, self._base(), unmet)
            self._details.show_expert(expert, files, dependants, obstacle)
        elif self._chosen:
            self._details.show_missing(self._chosen, self._contents.dependants(self._chosen))
        else:
            self._details.show_nothing()

    def _state_line(self) -> str:
        contents = self._contents
        count = len(contents.experts)
        parts = [self.tr("1 expert") if count == 1 else self.tr("{n} experts").format(n=count)]
        if contents.missing:
            parts.append(self.tr("{n} missing").format(n=len(contents.missing)))
        if contents.problems:
            parts.append(self.tr("{n} unusable").format(n=len(contents.problems)))
        return " · ".join(parts)

    def _is_known(self, name: str) -> bool:
        return self._contents.expert(name) is not None or name in self._contents.missing

    @Slot(object)
    def _on_read(self, contents: LibraryContents) -> None:
        fresh_problems = set(contents.problems) - set(self._contents.problems)
        self._contents = contents
        self._show_contents()
        for problem in sorted(fresh_problems):
            self._notices.warn(problem)
        if self._tell_after_reading:
            self._tell_after_reading = False
            self.library_changed.emit()
        self._reading = False
        if self._read_again:
            self._read_again = False
            self.refresh()

    @Slot(object)
    def _on_read_failed(self, error: ExpertError) -> None:
        self._reading = self._read_again = False
        self._notices.error(error)

    @Slot()
    def _on_filter_changed(self) -> None:
        self._show_cards()

    @Slot()
    def _on_show_all(self) -> None:
        self._search.clear()
        self._filter.clear()

    @Slot()
    def _on_install_asked(self) -> None:
        dialog = QFileDialog(self, self.tr("Install experts"))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.setNameFilters(
            [self.tr("Experts (*{suffix})").format(suffix=EXPERT_SUFFIX), self.tr("All files (*)")]
        )
        dialog.filesSelected.connect(self._on_files_selected)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    @Slot(list)
    def _on_files_selected(self, files: list[str]) -> None:
        self.install(tuple(Path(file) for file in files))

    @Slot()
    def _on_bundled_asked(self) -> None:
        self.install(_bundled_files())

    @Slot()
    def _on_drop_refused(self) -> None:
        self._notices.error(
            ArchiveError(
                self.tr("Nothing was installed."),
                self.tr("What was dropped is not a file on this machine."),
                self.tr("Save it to a folder first, then drop it from there."),
            )
        )

    @Slot(object)
    def _on_installed(self, installations: tuple[Installation, ...]) -> None:
        if not installations:
            return
        for installation in installations:
            if installation.warnings:
                self._notices.warn(_warning_text(installation))
        first = installations[0].expert
        self._chosen = first.name
        if len(installations) == 1:
            self._notices.toast(
                self.tr("{name} {version} is installed.").format(
                    name=first.name, version=first.version
                ),
                self.tr("Add to stack"),
                lambda: self.add_to_stack_requested.emit(first.name),
            )
        else:
            self._notices.toast(self.tr("{n} experts are installed.").format(n=len(installations)))
        self._changed()

    @Slot(object)
    def _on_uninstall(self, names: tuple[str, ...]) -> None:
        self._background.run(
            uninstall_each,
            names,
            self._library,
            on_done=self._on_uninstalled,
            on_failed=self._on_failed,
        )

    @Slot(object)
    def _on_uninstalled(self, removed: Removed) -> None:
        names = ", ".join(removed.names)
        self._notices.toast(
            self.tr("Uninstalled: {names}.").format(names=names),
            self.tr("Undo"),
            lambda: self._bring_back(removed),
        )
        self._changed()

    def _bring_back(self, removed: Removed) -> None:
        self._chosen = removed.names[-1]
        self._background.run(
            restore_each,
            removed,
            self._library,
            on_done=self._on_brought_back,
            on_failed=self._on_failed,
        )

    @Slot(object)
    def _on_brought_back(self, _: object) -> None:
        self._changed()

    @Slot(object)
    def _on_failed(self, error: ExpertError) -> None:
        self._notices.error(error)
        self._changed()

    def _changed(self) -> None:
        self._tell_after_reading = True
        self.refresh()


def _bundled_files() -> tuple[Path, ...]:
    return tuple(sorted(bundled_experts_folder().glob(f"*/*{EXPERT_SUFFIX}")))


def _warning_text(installation: Installation) -> str:
    name, warnings = installation.expert.name, installation.warnings
    more = f" (+{len(warnings) - 3})" if len(warnings) > 3 else ""
    return f"{name}: {' '.join(warnings[:3])}{more}"
