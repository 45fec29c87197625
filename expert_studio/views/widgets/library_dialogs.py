"""Opens what the Library page shows in a window of its own, once it has been read.

The reading runs beside the window. Knows core functions and the dialogs, not the page.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QDialog, QWidget

from expert_studio.core.errors import ExpertError, LibraryError
from expert_studio.core.experts.library import InstalledExpert, Library, storage_error
from expert_studio.core.experts.update_preview import UpdatePreview, compare
from expert_studio.core.experts.weight_report import Meeting, WeightProfile
from expert_studio.runtime.background import Background
from expert_studio.views.widgets.changes_dialog import ChangesDialog
from expert_studio.views.widgets.weights_dialog import WeightsDialog


class LibraryDialogs(QObject):
    """Signals:
    failed(ExpertError): what should be shown could not be read.
    """

    failed = Signal(object)

    def __init__(self, library: Library, background: Background, host: QWidget) -> None:
        super().__init__(host)
        self._library = library
        self._background = background
        self._host = host
        self._shown: QDialog | None = None

    @property
    def shown(self) -> QDialog | None:
        """The dialog that is open now."""
        return self._shown

    @Slot(str, str)
    def compare_versions(self, name: str, version: str) -> None:
        """Shows what differs between a version and the active one, the lower one first."""
        self._background.run(
            _compared,
            self._library,
            name,
            version,
            on_done=self._on_compared,
            on_failed=self.failed.emit,
        )

    def show_weights(self, name: str, experts: Sequence[InstalledExpert]) -> None:
        """Shows what an expert's weights change, alone at first."""
        expert = next((expert for expert in experts if expert.name == name), None)
        if expert is not None:
            dialog = WeightsDialog(expert, experts, self._host)
            dialog.measure_wanted.connect(self._on_measure_wanted)
            self._open(dialog)
            dialog.ask()

    @Slot(object, object)
    def _on_measure_wanted(self, expert: InstalledExpert, other: InstalledExpert | None) -> None:
        self._background.run(
            _measured,
            expert,
            other,
            on_done=self._on_measured,
            on_failed=self._on_unmeasured,
        )

    @Slot(object)
    def _on_measured(self, found: WeightProfile | Meeting) -> None:
        dialog = self._shown
        if not isinstance(dialog, WeightsDialog):
            return
        if isinstance(found, Meeting):
            dialog.show_meeting(found)
        else:
            dialog.show_profile(found)

    @Slot(object)
    def _on_unmeasured(self, error: ExpertError) -> None:
        if isinstance(self._shown, WeightsDialog):
            self._shown.show_problem(str(error))

    def _open(self, dialog: QDialog) -> None:
        self._shown = dialog
        dialog.finished.connect(self._on_left)
        dialog.open()

    @Slot()
    def _on_left(self) -> None:
        self._shown = None

    @Slot(object)
    def _on_compared(self, found: UpdatePreview) -> None:
        self._open(ChangesDialog(found, self._host))


def _measured(expert: InstalledExpert, other: InstalledExpert | None) -> WeightProfile | Meeting:
    from expert_studio.core.experts.weight_profile import meeting, profile

    try:
        return profile(expert) if other is None else meeting(expert, other)
    except OSError as cause:
        what = f"The weights of {expert.name} cannot be read."
        raise storage_error(what, cause, expert.folder) from cause


def _compared(library: Library, name: str, version: str) -> UpdatePreview:
    active, versions = library.find(name), library.versions(name)
    other = next((expert for expert in versions if expert.version == version), None)
    if other is None:
        raise LibraryError(f"{name} {version} is not installed.", "", "Install that version first.")
    after, before = (e for e in versions if e in (active, other))  # the highest comes first
    try:
        return compare(before, after)
    except OSError as cause:
        raise storage_error(f"{name} cannot be compared.", cause, active.folder) from cause
