"""Which base of this machine writes rows, and with which experts. Knows no provider."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal, Slot

from expert_studio.core import settings
from expert_studio.core.errors import ExpertError
from expert_studio.core.experts.library import InstalledExpert, Library
from expert_studio.core.settings import Folders
from expert_studio.runtime.background import Background
from expert_studio.views.widgets.base_choices import BaseChoice, read_base_choices
from expert_studio.views.widgets.dataset_form import choice_box
from expert_studio.views.widgets.expert_weights import ExpertWeights


@dataclass(frozen=True, slots=True)
class LocalChoices:
    """What there is to choose from on this machine, and what the settings chose."""

    bases: tuple[BaseChoice, ...]
    chosen: str
    experts: tuple[InstalledExpert, ...]


class LocalFields(QObject):
    """The fields, for a form to place.

    Signals:
        changed(): another base, expert or weight.
        failed(ExpertError): bases or experts could not be read.
    """

    changed = Signal()
    failed = Signal(object)

    def __init__(self, folders: Folders, background: Background, parent: QObject) -> None:
        super().__init__(parent)
        self._folders = folders
        self._background = background
        self.base = choice_box([], self.tr("Base that writes the rows"))
        self.experts = ExpertWeights(self.tr("No expert is installed."))
        self.experts.setMinimumWidth(420)
        self.experts.setAccessibleName(self.tr("Experts that write along"))
        self.base.currentIndexChanged.connect(self._on_changed)
        self.experts.changed.connect(self.changed)

    @property
    def chosen_base(self) -> str:
        """As an order names it; "" while the bases are being read."""
        return str(self.base.currentData() or "")

    @property
    def chosen_experts(self) -> str:
        """As an order names them: "json-parser=1.0,english=0.5"."""
        return ",".join(f"{name}={weight}" for name, weight in self.experts.weights.items())

    def refresh(self) -> None:
        """Reads again what there is; what is chosen stays."""
        self._background.run(_read, self._folders, on_done=self._on_read, on_failed=self._on_failed)

    @Slot(object)
    def _on_read(self, told: LocalChoices) -> None:
        chosen = self.chosen_base or told.chosen
        self.base.blockSignals(True)
        self.base.clear()
        for one in told.bases:
            self.base.addItem(one.name, one.setting)
        self.base.setCurrentIndex(max(0, self.base.findData(chosen)))
        self.base.blockSignals(False)
        self.experts.show_experts(told.experts, self.experts.weights)
        self.changed.emit()

    @Slot(object)
    def _on_failed(self, error: ExpertError) -> None:
        self.failed.emit(error)

    @Slot()
    def _on_changed(self, _at: int = 0) -> None:
        self.changed.emit()


def _read(folders: Folders) -> LocalChoices:
    chosen = settings.load(folders).base
    bases = read_base_choices(folders, chosen).bases
    return LocalChoices(
        tuple(one for one in bases if one.is_here), chosen, Library(folders.library).experts()
    )
