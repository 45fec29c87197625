"""The installed experts: find, read about, install, uninstall, see who needs whom.

Knows the library on disk only through core functions, which run beside the window;
knows nothing of the chat that uses a stack.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QPoint, Qt, Signal, Slot
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

from expert_studio.core.errors import ArchiveError
from expert_studio.core.experts.acceptance import Acceptance
from expert_studio.core.experts.arrival import Arrival
from expert_studio.core.experts.install import Installation
from expert_studio.core.experts.library import InstalledExpert, Library
from expert_studio.core.inference.conversation import BaseDescription
from expert_studio.core.settings import bundled_experts_folder
from expert_studio.runtime.background import Background
from expert_studio.views.notices import Notices
from expert_studio.views.theme_tokens import PAGE_PADDING
from expert_studio.views.widgets import expert_facts
from expert_studio.views.widgets.consent_sheet import ConsentSheet
from expert_studio.views.widgets.drop_zone import DropZone
from expert_studio.views.widgets.empty_state import EmptyState
from expert_studio.views.widgets.expert_details import ExpertDetails
from expert_studio.views.widgets.install_bar import EXPERT_SUFFIX, InstallBar
from expert_studio.views.widgets.library_contents import LibraryContents, Removed
from expert_studio.views.widgets.library_dialogs import LibraryDialogs
from expert_studio.views.widgets.library_shelf import LibraryShelf
from expert_studio.views.widgets.library_works import LibraryWorks
from expert_studio.views.widgets.page_header import PageHeader


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
        acceptance: Callable[[], Acceptance],
        parent: QWidget | None = None,
    ) -> None:
        """`acceptance` gives the person's trust and policy; it is called beside the window."""
        super().__init__(parent)
        self.setProperty("role", "page")
        self._notices = notices
        self._base = base
        self._contents = LibraryContents()
        self._chosen = ""
        self._sheet: ConsentSheet | None = None
        self.works = LibraryWorks(library, background, acceptance, self)
        self.dialogs = LibraryDialogs(library, background, self)
        self._installs = InstallBar(
            library, background, base, acceptance, lambda: self._contents.experts
        )
        self._build()
        self._connect()

    @property
    def contents(self) -> LibraryContents:
        """What was read last."""
        return self._contents

    @property
    def busy(self) -> bool:
        """Whether files are being installed or the library is being read."""
        return self._installs.busy or self.works.busy

    @property
    def sheet(self) -> ConsentSheet | None:
        """The question that stands before an installation now."""
        return self._sheet

    @property
    def shelf(self) -> LibraryShelf:
        return self._shelf

    @property
    def details(self) -> ExpertDetails:
        return self._details

    def refresh(self) -> None:
        """Reads the library anew, beside the window."""
        self.works.refresh()

    def install(self, paths: tuple[Path, ...]) -> None:
        """Installs files one after another, once the person has agreed where need be."""
        self._installs.install(paths)

    def choose(self, name: str) -> None:
        """Shows an expert, installed or missing, in details, cards and graph; "" for none."""
        self._chosen = name
        self._shelf.choose(name)
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
        self._shelf = LibraryShelf()
        self._stack = QStackedWidget()
        self._stack.addWidget(self._shelf)
        self._stack.addWidget(self._build_empty())
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
        self._search.textChanged.connect(self._shelf.filter.set_text)
        for button in (self._install_button, self._empty_install):
            button.clicked.connect(self._on_install_asked)
        self._bundled_install.clicked.connect(self._on_bundled_asked)
        self._shelf.cleared.connect(self._search.clear)
        self._shelf.chosen.connect(self.choose)
        self._shelf.menu_wanted.connect(self._on_menu_wanted)
        self._drop.files_dropped.connect(self.install)
        self._drop.refused.connect(self._on_drop_refused)
        self._connect_details()
        self._connect_works()
        find = QShortcut(QKeySequence(QKeySequence.StandardKey.Find), self)
        find.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        find.activated.connect(self._search.setFocus)

    def _connect_details(self) -> None:
        details = self._details
        details.add_requested.connect(self.add_to_stack_requested)
        details.install_requested.connect(self._on_install_asked)
        details.uninstall_requested.connect(self.works.uninstall)
        details.use_requested.connect(self.works.activate)
        details.unpin_requested.connect(self.works.unpin)
        details.compare_requested.connect(self.dialogs.compare_versions)
        details.weights_requested.connect(self._on_weights_wanted)

    def _connect_works(self) -> None:
        works, installs = self.works, self._installs
        works.read.connect(self._on_read)
        works.files_read.connect(self._details.show_files)
        works.changed.connect(self.library_changed)
        works.uninstalled.connect(self._on_uninstalled)
        works.activated.connect(self._on_activated)
        works.warned.connect(self._notices.warn)
        works.failed.connect(self._notices.error)
        self.dialogs.failed.connect(self._notices.error)
        installs.failed.connect(self._notices.error)
        installs.consent_wanted.connect(self._on_consent_wanted)
        installs.finished.connect(self._on_installed)

    def _show_contents(self) -> None:
        contents = self._contents
        self._stack.setCurrentIndex(0 if contents.experts else 1)
        self._bundled_install.setVisible(bool(_bundled_files()))
        self._details.setVisible(bool(contents.experts))
        self._header.set_state(self._state_line())
        self._shelf.show_contents(contents, self._base())
        if self._chosen and not self._is_known(self._chosen):
            self._chosen = ""
        self.choose(self._chosen)

    def _show_details(self) -> None:
        name = self._chosen
        expert = self._contents.expert(name)
        if expert is not None:
            dependants = self._contents.all_dependants(name)
            unmet = self._contents.unmet(name)
            obstacle = expert_facts.obstacle(expert.manifest, self._base(), unmet)
            standing = self._contents.standing(name)
            self._details.show_expert(expert, standing, dependants, obstacle)
            self.works.read_files(name)
        elif name:
            self._details.show_missing(name, self._contents.dependants(name))
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

    @Slot(str, QPoint)
    def _on_menu_wanted(self, _: str, at: QPoint) -> None:
        self._details.menu().popup(at)  # of the one that was chosen just before

    @Slot(object)
    def _on_read(self, contents: LibraryContents) -> None:
        self._contents = contents
        self._show_contents()

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
        self._installs.install(_bundled_files(), shipped=True)

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
    def _on_consent_wanted(self, arrivals: tuple[Arrival, ...]) -> None:
        sheet = ConsentSheet(arrivals, self._contents.experts, self)
        self._sheet = sheet
        sheet.agreed.connect(self._installs.proceed)
        sheet.trusted.connect(self.works.trust)
        sheet.finished.connect(self._on_sheet_left)
        sheet.open()

    @Slot()
    def _on_sheet_left(self) -> None:
        self._sheet = None
        self._installs.decline()  # does nothing where it was agreed

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
        self.works.tell_change()

    @Slot(object)
    def _on_uninstalled(self, removed: Removed) -> None:
        self._notices.toast(
            self.tr("Uninstalled: {names}.").format(names=", ".join(removed.names)),
            self.tr("Undo"),
            lambda: self._bring_back(removed),
        )

    def _bring_back(self, removed: Removed) -> None:
        self._chosen = removed.names[-1]
        self.works.bring_back(removed)

    @Slot(object)
    def _on_activated(self, expert: InstalledExpert) -> None:
        self._notices.toast(
            self.tr("{name} {version} is the active version now.").format(
                name=expert.name, version=expert.version
            )
        )

    @Slot(str)
    def _on_weights_wanted(self, name: str) -> None:
        self.dialogs.show_weights(name, self._contents.experts)


def _bundled_files() -> tuple[Path, ...]:
    return tuple(sorted(bundled_experts_folder().glob(f"*/*{EXPERT_SUFFIX}")))


def _warning_text(installation: Installation) -> str:
    name, warnings = installation.expert.name, installation.warnings
    more = f" (+{len(warnings) - 3})" if len(warnings) > 3 else ""
    return f"{name}: {' '.join(warnings[:3])}{more}"
