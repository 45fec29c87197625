"""What happens before there is a window: the data is brought where it is wanted, and locked.

Knows nothing of the window but that another start may want it in front.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable

from PySide6.QtCore import QCoreApplication, QEventLoop, QObject, Signal, Slot
from PySide6.QtWidgets import QMessageBox, QProgressDialog

from expert_studio.core import data_folder
from expert_studio.core.data_folder import MoveStopped
from expert_studio.core.errors import CrashReport, ExpertError, StorageError
from expert_studio.core.settings import Folders
from expert_studio.runtime.background import Background
from expert_studio.runtime.one_window import OneWindow
from expert_studio.views.widgets.quantities import size_text

_STEPS = 1000


def taken_folders() -> tuple[Folders, OneWindow] | None:
    """The data folder, locked for this window; None where another window has it.

    A move that was ordered is done first, with its progress on screen.
    """
    folders = Folders.default()
    holder = OneWindow(folders.data)
    if not holder.take():
        _tell_of_other(holder, folders)
        return None
    if data_folder.placed() is None or data_folder.is_chosen_outside():
        return folders, holder
    from expert_studio.core.training.run_folder import list_runs  # for a move alone

    busy = [run.identifier for run in list_runs(folders.runs) if run.is_alive()]
    if busy:
        _tell(
            StorageError(
                _tr("The data folder was not moved."),
                _tr("A training goes on in it: {run}.").format(run=busy[0]),
                _tr("It is moved at the first start after that has ended."),
            )
        )
        return folders, holder
    holder.close()
    folders = _Move().run()
    holder = OneWindow(folders.data)
    if not holder.take():
        _tell_of_other(holder, folders)
        return None
    return folders, holder


class _Move(QObject):
    """Moves the data on another thread, with a bar and a way to stop."""

    _moved = Signal(object, object)  # bytes; more than an int of Qt holds

    def __init__(self) -> None:
        super().__init__()
        self._background = Background(threads=1)
        self._stopped = threading.Event()
        self._loop = QEventLoop()
        self._bar = QProgressDialog(
            _tr("Your data is being moved…"), _tr("Leave it where it is"), 0, _STEPS
        )
        self._bar.setWindowTitle(_tr("Expert Studio"))
        self._bar.setMinimumWidth(420)
        self._bar.setMinimumDuration(300)
        self._bar.setAutoClose(False)
        self._bar.canceled.connect(self._stopped.set)
        self._moved.connect(self._on_moved)

    def run(self) -> Folders:
        """Where the data lies now: at the new place, or where it was."""
        self._background.crashed.connect(self._on_crashed)
        self._background.run(
            _settled,
            self._moved.emit,
            self._stopped.is_set,
            on_done=self._on_ended,
            on_failed=self._on_failed,
        )
        self._loop.exec()
        self._bar.close()
        self._background.close()
        return Folders.default()

    @Slot(object, object)
    def _on_moved(self, done: int, total: int) -> None:
        self._bar.setValue(round(_STEPS * done / max(total, 1)))
        self._bar.setLabelText(
            _tr("Your data is being moved: {done} of {total}").format(
                done=size_text(done), total=size_text(total)
            )
        )

    @Slot(object)
    def _on_ended(self, _: object) -> None:
        self._loop.quit()

    @Slot(object)
    def _on_failed(self, error: ExpertError) -> None:
        data_folder.place(None)
        _tell(error)
        self._loop.quit()

    @Slot(object)
    def _on_crashed(self, report: CrashReport) -> None:
        self._on_failed(StorageError(_tr("The data folder was not moved."), f"{report.summary}."))


def _settled(on_moved: Callable[[int, int], None], stopped: Callable[[], bool]) -> None:
    try:
        data_folder.settle(on_moved, stopped)
    except MoveStopped:
        data_folder.place(None)


def _tell_of_other(holder: OneWindow, folders: Folders) -> None:
    if holder.raise_other():
        print(_tr("Expert Studio is open already; its window was brought to the front."))
        return
    _tell(
        StorageError(
            _tr("Expert Studio was not opened a second time."),
            _tr("Process {pid} has the data folder {folder} open and does not answer.").format(
                pid=holder.holder(), folder=folders.data
            ),
            _tr("Wait a moment, or end that process; then start again."),
        )
    )


def _tell(error: ExpertError) -> None:
    print(error, file=sys.stderr)
    box = QMessageBox(
        QMessageBox.Icon.Warning, _tr("Expert Studio"), error.what, QMessageBox.StandardButton.Ok
    )
    box.setInformativeText(f"{error.why} {error.remedy}".strip())
    box.exec()


def _tr(text: str) -> str:
    return QCoreApplication.translate("opening", text)
