"""How experts come in through the window: files asked for, the sheet before, the bar meanwhile.

Connects the install bar with the consent sheet. Knows nothing of what is shown of the library.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QFileDialog, QWidget

from expert_studio.core.experts.acceptance import Acceptance
from expert_studio.core.experts.arrival import Arrival
from expert_studio.core.experts.library import InstalledExpert, Library
from expert_studio.core.inference.conversation import BaseDescription
from expert_studio.core.settings import bundled_experts_folder
from expert_studio.runtime.background import Background
from expert_studio.views.widgets.canary_dialog import CanaryDialog
from expert_studio.views.widgets.canary_run import CanaryPlace, CanaryRun
from expert_studio.views.widgets.consent_sheet import ConsentSheet
from expert_studio.views.widgets.install_bar import EXPERT_SUFFIX, InstallBar


class LibraryInstalls(QObject):
    """Signals:
    trusted(str, str): a key shall be trusted from now on, as this publisher's.
    """

    trusted = Signal(str, str)

    def __init__(
        self,
        library: Library,
        background: Background,
        base: Callable[[], BaseDescription | None],
        acceptance: Callable[[], Acceptance],
        installed: Callable[[], Sequence[InstalledExpert]],
        host: QWidget,
        canaries: CanaryPlace | None = None,
    ) -> None:
        """`canaries`: where a package can be tried before it is installed; None: nowhere."""
        super().__init__(host)
        self._host = host
        self._installed = installed
        self._base = base
        self._canaries = canaries
        self.trial: CanaryDialog | None = None  # the package that is being tried now
        self.sheet: ConsentSheet | None = None  # the question that stands now
        self.bar = InstallBar(library, background, base, acceptance, installed)
        self.bar.consent_wanted.connect(self._on_consent_wanted)

    @Slot()
    def ask_for_files(self) -> None:
        """Lets the person choose files, and installs them."""
        dialog = QFileDialog(self._host, self.tr("Install experts"))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.setNameFilters(
            [self.tr("Experts (*{suffix})").format(suffix=EXPERT_SUFFIX), self.tr("All files (*)")]
        )
        dialog.filesSelected.connect(self._on_files_selected)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    @Slot()
    def install_bundled(self) -> None:
        """Installs the experts that came with the app."""
        self.bar.install(bundled_files(), shipped=True)

    @Slot(list)
    def _on_files_selected(self, files: list[str]) -> None:
        self.bar.install(tuple(Path(file) for file in files))

    @Slot(object)
    def _on_consent_wanted(self, arrivals: tuple[Arrival, ...]) -> None:
        can_try = self._canaries is not None and self._base() is not None
        sheet = ConsentSheet(arrivals, self._installed(), self._host, can_try=can_try)
        self.sheet = sheet
        sheet.agreed.connect(self.bar.proceed)
        sheet.trusted.connect(self.trusted)
        sheet.try_wanted.connect(self._on_try_wanted)
        sheet.finished.connect(self._on_sheet_left)
        sheet.open()

    @Slot(object)
    def _on_try_wanted(self, arrival: Arrival) -> None:
        base = self._base()
        if self._canaries is None or base is None or self.sheet is None:
            return
        dialog = CanaryDialog(arrival.name, self.sheet)
        run = CanaryRun(self._canaries, base, self)
        run.began.connect(dialog.show_prompts)
        run.said.connect(dialog.add_text)
        run.judged.connect(dialog.show_findings)
        run.ended.connect(dialog.show_end)
        run.failed.connect(dialog.show_problem)
        dialog.stop_wanted.connect(run.stop)
        dialog.finished.connect(run.close)
        dialog.finished.connect(self._on_trial_left)
        self.trial = dialog
        dialog.open()
        run.start(arrival)

    @Slot()
    def _on_trial_left(self) -> None:
        self.trial = None

    @Slot()
    def _on_sheet_left(self) -> None:
        self.sheet = None
        self.bar.decline()  # does nothing where it was agreed


def bundled_files() -> tuple[Path, ...]:
    """The packages that came with the app."""
    return tuple(sorted(bundled_experts_folder().glob(f"*/*{EXPERT_SUFFIX}")))
