"""Installed experts to tick, each with the weight it is given. Knows not what for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QCheckBox, QDoubleSpinBox, QHBoxLayout, QVBoxLayout, QWidget

from expert_studio.core.experts.library import InstalledExpert
from expert_studio.views.widgets.setting_card import note
from expert_studio.views.widgets.tier_dot import TierDot


class ExpertWeights(QWidget):
    """Signals:
    changed(): another expert, or another weight.
    """

    changed = Signal()

    def __init__(self, nothing: str, parent: QWidget | None = None) -> None:
        """`nothing` is said where there is no expert."""
        super().__init__(parent)
        self.rows: dict[str, tuple[QCheckBox, QDoubleSpinBox]] = {}
        self._nothing = nothing
        self._list = QVBoxLayout(self)
        self._list.setContentsMargins(0, 0, 0, 0)
        self._list.setSpacing(6)
        self.show_experts((), {})

    @property
    def weights(self) -> dict[str, float]:
        """The ticked ones, by name."""
        return {
            name: round(box.value(), 2)
            for name, (tick, box) in self.rows.items()
            if tick.isChecked()
        }

    def show_experts(
        self, experts: Sequence[InstalledExpert], weights: Mapping[str, float]
    ) -> None:
        """Lists these; those that have a weight are ticked."""
        while (item := self._list.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        self.rows = {}
        if not experts:
            self._list.addWidget(note(self._nothing))
        for expert in experts:
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
        if (field := box.lineEdit()) is not None:
            field.setTextMargins(8, 0, 8, 0)
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
        row.addWidget(tick)
        row.addWidget(TierDot(expert.manifest.tier))
        row.addStretch(1)
        row.addWidget(box)
        return held

    @Slot()
    def _on_changed(self, _value: object = None) -> None:
        self.changed.emit()
