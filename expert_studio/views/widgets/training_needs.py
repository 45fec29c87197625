"""Which installed experts a new one is trained on top of, and at which weight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QCheckBox, QDoubleSpinBox, QHBoxLayout, QVBoxLayout, QWidget

from expert_studio.core.experts.library import InstalledExpert
from expert_studio.views.widgets.setting_card import SettingCard, note
from expert_studio.views.widgets.tier_dot import TierDot


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
        self.rows: dict[str, tuple[QCheckBox, QDoubleSpinBox]] = {}
        self._versions: dict[str, str] = {}
        self._held = QWidget()
        self._list = QVBoxLayout(self._held)
        self._list.setContentsMargins(0, 0, 0, 0)
        self._list.setSpacing(6)
        self.add(self._held)
        self.show_experts((), ())

    @property
    def dependencies(self) -> list[dict[str, Any]]:
        """As a recipe lists them."""
        return [
            {
                "name": name,
                "requirement": f">={self._versions[name]}",
                "weight": round(weight.value(), 2),
            }
            for name, (tick, weight) in self.rows.items()
            if tick.isChecked()
        ]

    def show_experts(
        self, experts: Sequence[InstalledExpert], chosen: Sequence[Mapping[str, Any]]
    ) -> None:
        while (item := self._list.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        self.rows, self._versions = {}, {}
        if not experts:
            self._list.addWidget(note(self.tr("No expert that fits this base is installed.")))
        weights = {str(part["name"]): float(part.get("weight", 1.0)) for part in chosen}
        for expert in experts:
            self._versions[expert.name] = expert.version
            self._list.addWidget(self._row(expert, weights.get(expert.name)))

    def _row(self, expert: InstalledExpert, weight: float | None) -> QWidget:
        tick = QCheckBox(f"{expert.name} {expert.version}")
        tick.setChecked(weight is not None)
        box = QDoubleSpinBox()
        box.setRange(-2.0, 2.0)
        box.setSingleStep(0.1)
        box.setDecimals(2)
        box.setValue(1.0 if weight is None else weight)
        box.setProperty("role", "plain")
        box.setButtonSymbols(QDoubleSpinBox.ButtonSymbols.NoButtons)
        box.setFixedWidth(64)
        box.setAccessibleName(self.tr("Weight of {name}").format(name=expert.name))
        box.setEnabled(tick.isChecked())
        tick.toggled.connect(box.setEnabled)
        tick.toggled.connect(self._on_changed)
        box.valueChanged.connect(self._on_changed)
        self.rows[expert.name] = (tick, box)
        held = QWidget()
        row = QHBoxLayout(held)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        dot = TierDot(expert.manifest.tier)
        row.addWidget(tick)
        row.addWidget(dot)
        row.addStretch(1)
        row.addWidget(box)
        return held

    @Slot()
    def _on_changed(self, _value: object = None) -> None:
        self.changed.emit()
