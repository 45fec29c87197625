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
    QButtonGroup,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from expert_studio.core.errors import ArchiveError
from expert_studio.core.experts.acceptance import Acceptance
from expert_studio.core.experts.acquisition import ANY_BASE, BaseWanted
from expert_studio.core.experts.install import Installation
from expert_studio.core.experts.library import InstalledExpert, Library
from expert_studio.core.inference.conversation import BaseDescription
from expert_studio.core.settings import Folders
from expert_studio.runtime.background import Background
from expert_studio.views.notices import Notices
from expert_studio.views.theme_tokens import PAGE_PADDING
from expert_studio.views.widgets import expert_facts
from expert_studio.views.widgets.canary_run import CanaryPlace
from expert_studio.views.widgets.consent_sheet import ConsentSheet
from expert_studio.views.widgets.drop_zone import DropZone
from expert_studio.views.widgets.empty_state import EmptyState
from expert_studio.views.widgets.expert_details import ExpertDetails
from expert_studio.views.widgets.library_contents import LibraryContents, Removed
from expert_studio.views.widgets.library_dialogs import LibraryDialogs
from expert_studio.views.widgets.library_installs import LibraryInstalls, bundled_files
from expert_studio.views.widgets.library_market import LibraryMarket
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
        folders: Folders,
        canaries: CanaryPlace | None = None,
        parent: QWidget | None = None,
    ) -> None:
        """`acceptance` gives the person's trust and policy; it is called beside the window.

        `canaries`: where a package can be tried before it is installed; None: nowhere.
        """
        super().__init__(parent)
        self.setProperty("role", "page")
        self._notices = notices
        self._base = base
        self._contents = LibraryContents()
        self._chosen = ""
        self.works = LibraryWorks(library, background, acceptance, self)
        self.dialogs = LibraryDialogs(library, background, self)
        self.installs = LibraryInstalls(
            library,
            background,
            base,
            acceptance,
            lambda: self._contents.experts,
            self,
            canaries,
        )
        self._installs = self.installs.bar
        self.market = LibraryMarket(
            folders, library, background, acceptance, self._base_wanted, self
        )
        self._build()
        self._connect()

    @property
    def contents(self) -> LibraryContents:
        """What was read last."""
        return self._contents

    @property
    def busy(self) -> bool:
        """Whether files are being installed, or the library is being read or drawn."""
        return self._installs.busy or self.works.busy or self._shelf.pending

    @property
    def sheet(self) -> ConsentSheet | None:
        """The question that stands before an installation now."""
        return self.installs.sheet

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

    def ask_for_files(self) -> None:
        """Asks which files to install."""
        self._on_install_asked()

    def choose(self, name: str) -> None:
        """Shows an expert, installed or missing, in details, cards and graph; "" for none."""
        self._chosen = name
        self._shelf.choose(name)
        self._show_details()

    def show_tab(self, number: int) -> None:
        """0: what is installed; 1: the marketplaces."""
        self._tabs.button(number).setChecked(True)
        if number:
            self.market.open()
            self.market.tab.set_text(self._search.text())
        else:
            self._shelf.filter.set_text(self._search.text())
        self._show_tab()

    def close_all(self) -> bool:
        """Ends what is being fetched. True: nothing here outlives the window."""
        self.market.works.stop()
        return True

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
        self._header.add_state_widget(self._build_tabs())
        self._header.add_action(self._search)
        self._header.add_action(self._install_button)
        self._shelf = LibraryShelf()
        self._stack = QStackedWidget()
        self._stack.addWidget(self._shelf)
        self._stack.addWidget(self._build_empty())
        self._stack.addWidget(self.market.tab)
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

    def _build_tabs(self) -> QWidget:
        self._tabs = QButtonGroup(self)
        holder = QWidget()
        row = QHBoxLayout(holder)
        row.setContentsMargins(8, 0, 0, 0)
        row.setSpacing(2)
        for number, text in enumerate((self.tr("Installed"), self.tr("Marketplace"))):
            button = QPushButton(text)
            button.setProperty("role", "segment")
            button.setCheckable(True)
            button.setChecked(number == 0)
            button.setAccessibleName(self.tr("Show: {tab}").format(tab=text))
            self._tabs.addButton(button, number)
            row.addWidget(button)
        return holder

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
        self._search.textChanged.connect(self._on_search)
        self._tabs.idClicked.connect(self.show_tab)
        self.market.arrived.connect(self._installs.consider)
        self.market.failed.connect(self._notices.error)
        for button in (self._install_button, self._empty_install):
            button.clicked.connect(self.installs.ask_for_files)
        self._bundled_install.clicked.connect(self.installs.install_bundled)
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
        details.market_requested.connect(self._on_market_wanted)
        details.install_requested.connect(self.installs.ask_for_files)
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
        self.installs.trusted.connect(works.trust)
        installs.finished.connect(self._on_installed)

    def _show_contents(self) -> None:
        contents = self._contents
        self._bundled_install.setVisible(bool(bundled_files()))
        self.market.show_installed(contents)
        self._header.set_state(self._state_line())
        self._shelf.show_contents(contents, self._base())
        self._show_tab()  # last: what is filled in sight is laid out at each step
        if self._chosen and not self._is_known(self._chosen):
            self._chosen = ""
        self.choose(self._chosen)

    def _show_tab(self) -> None:
        in_market, any_here = self._tabs.checkedId() == 1, bool(self._contents.experts)
        self._stack.setCurrentIndex(2 if in_market else 0 if any_here else 1)
        self._details.setVisible(any_here and not in_market)

    def _base_wanted(self) -> BaseWanted:
        base = self._base()
        return BaseWanted(base.name, base.sha256, base.folder) if base else ANY_BASE

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

    @Slot(str)
    def _on_search(self, text: str) -> None:
        if self._tabs.checkedId() == 1:
            self.market.tab.set_text(text)
        else:
            self._shelf.filter.set_text(text)

    @Slot(str)
    def _on_market_wanted(self, name: str) -> None:
        self._search.setText(name)
        self.show_tab(1)

    @Slot(str, QPoint)
    def _on_menu_wanted(self, _: str, at: QPoint) -> None:
        self._details.menu().popup(at)  # of the one that was chosen just before

    @Slot(object)
    def _on_read(self, contents: LibraryContents) -> None:
        self._contents = contents
        self._show_contents()

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
        self.market.works.let_go()
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
            self.tr("Uninstalled: {names}.").format(names=removed.words),
            self.tr("Undo"),
            lambda: self._bring_back(removed),
        )

    def _bring_back(self, removed: Removed) -> None:
        self._chosen = removed.names[-1].partition("@")[0]
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


def _warning_text(installation: Installation) -> str:
    name, warnings = installation.expert.name, installation.warnings
    more = f" (+{len(warnings) - 3})" if len(warnings) > 3 else ""
    return f"{name}: {' '.join(warnings[:3])}{more}"
