"""What is done to the library beside the window: read, uninstall, undo, versions, trust.

One reading at a time; what is asked meanwhile is read once more afterwards. Knows
core functions, no widget.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal, Slot

from expert_studio.core.errors import ExpertError, LibraryError
from expert_studio.core.experts.acceptance import Acceptance
from expert_studio.core.experts.library import InstalledExpert, Library
from expert_studio.runtime.background import Background
from expert_studio.views.widgets.library_contents import (
    ExpertFiles,
    LibraryContents,
    Removed,
    read_contents,
    read_files,
    restore_each,
    uninstall_each,
)


class LibraryWorks(QObject):
    """Signals:
    read(LibraryContents): what the library holds now.
    files_read(ExpertFiles): versions and files of the expert that was chosen last.
    changed(): the same, after something this window did to it.
    uninstalled(Removed): these are out; `bring_back` undoes it.
    activated(InstalledExpert): this is the active version now.
    warned(str): a folder in the library that cannot be used.
    failed(ExpertError): something was not done.
    """

    read = Signal(object)
    files_read = Signal(object)
    changed = Signal()
    uninstalled = Signal(object)
    activated = Signal(object)
    warned = Signal(str)
    failed = Signal(object)

    def __init__(
        self,
        library: Library,
        background: Background,
        acceptance: Callable[[], Acceptance],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._library = library
        self._background = background
        self._acceptance = acceptance
        self._problems: frozenset[str] = frozenset()
        self._reading = False
        self._read_again = False
        self._tell_after_reading = False
        self._wanted_files = ""  # whose, once those that are being read are there
        self._reading_files = False

    @property
    def busy(self) -> bool:
        """Whether the library is being read."""
        return self._reading

    def refresh(self) -> None:
        """Reads the library anew."""
        if self._reading:
            self._read_again = True
            return
        self._reading = True
        self._background.run(
            read_contents,
            self._library,
            self._acceptance,
            on_done=self._on_read,
            on_failed=self._on_read_failed,
        )

    def read_files(self, name: str) -> None:
        """Reads versions and files of one expert; of several asked in a row, the last."""
        self._wanted_files = name
        if not self._reading_files:
            self._read_wanted_files()

    def _read_wanted_files(self) -> None:
        name, self._wanted_files = self._wanted_files, ""
        self._reading_files = bool(name)
        if name:
            self._background.run(
                read_files,
                name,
                self._library,
                self._acceptance,
                on_done=self._on_files_read,
                on_failed=self._on_files_unread,
            )

    def tell_change(self) -> None:
        """Something was changed: reads anew, and says so afterwards."""
        self._tell_after_reading = True
        self.refresh()

    def uninstall(self, names: tuple[str, ...]) -> None:
        """Takes these out, in this order, with a way back."""
        self._background.run(
            uninstall_each,
            names,
            self._library,
            on_done=self._on_uninstalled,
            on_failed=self._on_failed,
        )

    def activate(self, name: str, version: str, pinned: bool) -> None:
        """Makes a version the active one; pinned, it stays so when a newer one comes in."""
        self._background.run(
            self._library.activate,
            name,
            version,
            pinned,
            on_done=self._on_activated,
            on_failed=self._on_failed,
        )

    def unpin(self, name: str) -> None:
        """Lets the highest version be active again."""
        self._background.run(
            self._library.unpin, name, on_done=self._on_activated, on_failed=self._on_failed
        )

    def trust(self, public_key: str, publisher: str) -> None:
        """Trusts a publisher's key from now on."""
        self._background.run(
            _trust,
            self._acceptance,
            public_key,
            publisher,
            on_done=self._on_trusted,
            on_failed=self._on_failed,
        )

    def bring_back(self, removed: Removed) -> None:
        """Undoes an `uninstall`."""
        self._background.run(
            restore_each,
            removed,
            self._library,
            on_done=self._on_brought_back,
            on_failed=self._on_failed,
        )

    @Slot(object)
    def _on_read(self, contents: LibraryContents) -> None:
        fresh = set(contents.problems) - self._problems
        self._problems = frozenset(contents.problems)
        self.read.emit(contents)
        for problem in sorted(fresh):
            self.warned.emit(problem)
        if self._tell_after_reading:
            self._tell_after_reading = False
            self.changed.emit()
        self._reading = False
        if self._read_again:
            self._read_again = False
            self.refresh()

    @Slot(object)
    def _on_files_read(self, read: ExpertFiles) -> None:
        self.files_read.emit(read)
        self._read_wanted_files()

    @Slot(object)
    def _on_files_unread(self, error: ExpertError) -> None:
        if not isinstance(error, LibraryError):  # it was uninstalled meanwhile
            self.failed.emit(error)
        self._read_wanted_files()

    @Slot(object)
    def _on_read_failed(self, error: ExpertError) -> None:
        self._reading = self._read_again = False
        self.failed.emit(error)

    @Slot(object)
    def _on_uninstalled(self, removed: Removed) -> None:
        self.uninstalled.emit(removed)
        self.tell_change()

    @Slot(object)
    def _on_brought_back(self, _: object) -> None:
        self.tell_change()

    @Slot(object)
    def _on_activated(self, expert: InstalledExpert) -> None:
        self.activated.emit(expert)
        self.tell_change()

    @Slot(object)
    def _on_trusted(self, _: object) -> None:
        self.refresh()

    @Slot(object)
    def _on_failed(self, error: ExpertError) -> None:
        self.failed.emit(error)
        self.tell_change()


def _trust(acceptance: Callable[[], Acceptance], public_key: str, publisher: str) -> None:
    acceptance().store.add(public_key, publisher)
