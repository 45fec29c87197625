"""Which installed experts a new one is trained on top of, and at which weight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QDoubleSpinBox, QWidget

from expert_studio.core.experts.library import InstalledExpert
from expert_studio.views.widgets.expert_weights import ExpertWeights
from expert_studio.views.widgets.setting_card import SettingCard


class NeedsCard(SettingCard):
    """Signals:
    changed(): another dependency, or another weight.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.set_heading(
            self.tr("On top of"),
            self.tr(
                "Ticked experts are attached and frozen while the new one learns, and come with "
                "it whenever it is used."
            ),
        )
        self._versions: dict[str, str] = {}
        self._experts = ExpertWeights(self.tr("No expert that fits this base is installed."))
        self._experts.changed.connect(self.changed)
        self.add(self._experts)

    @property
    def rows(self) -> Mapping[str, tuple[QCheckBox, QDoubleSpinBox]]:
        """The tick and the weight of each expert, by its name."""
        return self._experts.rows

    @property
    def dependencies(self) -> list[dict[str, Any]]:
        """As a recipe lists them."""
        return [
            {"name": name, "requirement": f">={self._versions[name]}", "weight": weight}
            for name, weight in self._experts.weights.items()
        ]

    def show_experts(
        self, experts: Sequence[InstalledExpert], chosen: Sequence[Mapping[str, Any]]
    ) -> None:
        self._versions = {expert.name: expert.version for expert in experts}
        weights = {str(part["name"]): float(part.get("weight", 1.0)) for part in chosen}
        self._experts.show_experts(experts, weights)
