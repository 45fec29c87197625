"""The marketplace side of the Library page: its tab and what the tab asks for, connected.

Knows the tab and the works behind it; nothing of how an arrival is shown or installed.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QWidget

from expert_studio.core.experts.acceptance import Acceptance
from expert_studio.core.experts.acquisition import BaseWanted
from expert_studio.core.experts.library import Library
from expert_studio.core.experts.requirement import name_key
from expert_studio.core.settings import Folders
from expert_studio.runtime.background import Background
from expert_studio.views.widgets.library_contents import LibraryContents
from expert_studio.views.widgets.market_dialog import MarketDialog
from expert_studio.views.widgets.market_tab import MarketTab
from expert_studio.views.widgets.market_works import MarketContents, MarketWorks


class LibraryMarket(QObject):
    """Signals:
    arrived(tuple[Arrival, ...]): fetched and looked at; call `works.let_go` once it is done with.
    failed(ExpertError): something was not fetched.
    """

    arrived = Signal(object)
    failed = Signal(object)

    def __init__(
        self,
        folders: Folders,
        library: Library,
        background: Background,
        acceptance: Callable[[], Acceptance],
        base: Callable[[], BaseWanted],
        host: QWidget,
    ) -> None:
        super().__init__(host)
        self._host = host
        self._installed = LibraryContents()
        self._contents = MarketContents()
        self.dialog: MarketDialog | None = None
        self.tab = MarketTab()
        self.works = MarketWorks(folders, library, background, acceptance, base, self)
        self._connect()

    def show_installed(self, contents: LibraryContents) -> None:
        """What is installed, to be marked in the lists."""
        self._installed = contents
        self._show()

    def open(self) -> None:
        """Reads the copies anew: the tab is about to be seen."""
        self.works.refresh()

    def _connect(self) -> None:
        tab, works = self.tab, self.works
        works.read.connect(self._on_read)
        works.fetching.connect(tab.show_fetching)
        works.progressed.connect(tab.show_progress)
        works.arrived.connect(self.arrived)
        works.failed.connect(self.failed)
        tab.add_wanted.connect(self._on_add_wanted)
        tab.remove_wanted.connect(works.remove)
        tab.update_wanted.connect(works.update)
        tab.install_wanted.connect(works.fetch)
        tab.stop_wanted.connect(works.stop)

    def _show(self) -> None:
        versions = {name_key(e.name): e.version for e in self._installed.experts}
        self.tab.show_contents(self._contents, versions)

    @Slot(object)
    def _on_read(self, contents: MarketContents) -> None:
        self._contents = contents
        self._show()

    @Slot()
    def _on_add_wanted(self) -> None:
        self.dialog = MarketDialog(self._host)
        self.dialog.named.connect(self.works.add)
        self.dialog.finished.connect(self._on_dialog_left)
        self.dialog.open()

    @Slot()
    def _on_dialog_left(self) -> None:
        self.dialog = None
