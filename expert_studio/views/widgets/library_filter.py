"""Which installed experts are shown, and in what order. Knows nothing of cards or disks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import (
    QAbstractButton,
    QButtonGroup,
    QHBoxLayout,
    QMenu,
    QPushButton,
    QToolButton,
    QWidget,
)

from expert_studio.core.experts.library import InstalledExpert
from expert_studio.core.experts.manifest import TIERS
from expert_studio.core.inference.conversation import BaseDescription
from expert_studio.views.theme import restyle
from expert_studio.views.widgets import expert_facts

Order = Literal["load order", "name", "size"]


class LibraryFilter(QWidget):
    """A row of tiers, the choice of the loaded base alone, and the order.

    Signals:
        changed(): what is shown, or its order, is another now.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = ""
        self._tier = ""
        self._base: BaseDescription | None = None
        self._order: Order = "load order"
        self._tiers = QButtonGroup(self)
        self._tier_row = QHBoxLayout()
        self._tier_row.setSpacing(2)
        self._build()
        self._tiers.buttonClicked.connect(self._on_tier)
        self._this_base.toggled.connect(self._on_this_base)

    @property
    def last_control(self) -> QWidget:
        """Where Tab leaves the row."""
        return self._order_button

    def set_text(self, text: str) -> None:
        """Words that must all occur in what the expert says of itself."""
        self._text = text
        self.changed.emit()

    def clear(self) -> None:
        """Shows everything again."""
        self._text = ""
        self._this_base.setChecked(False)
        self._tiers.button(0).setChecked(True)
        self._tier = ""
        self.changed.emit()

    def set_tiers(self, present: set[str]) -> None:
        """Offers those tiers of which an expert is installed."""
        for button in self._tiers.buttons():
            number = self._tiers.id(button)
            button.setVisible(number == 0 or TIERS[number - 1] in present)
        if self._tier and self._tier not in present:
            self._tiers.button(0).setChecked(True)
            self._tier = ""

    def set_base(self, base: BaseDescription | None) -> None:
        self._base = base
        self._this_base.setVisible(base is not None)
        if base is not None:
            self._this_base.setText(self.tr("Only for {base}").format(base=base.name))

    def shown(self, experts: Sequence[InstalledExpert]) -> tuple[InstalledExpert, ...]:
        """Those that pass, in the chosen order."""
        passing = [expert for expert in experts if self._passes(expert)]
        if self._order == "name":
            passing.sort(key=lambda expert: expert.name)
        elif self._order == "size":
            passing.sort(key=lambda expert: -expert.size_bytes)
        return tuple(passing)

    def _passes(self, expert: InstalledExpert) -> bool:
        manifest = expert.manifest
        if self._tier and manifest.tier != self._tier:
            return False
        base = self._base if self._this_base.isChecked() else None
        if base is not None and manifest.base_for(base.name, base.sha256) is None:
            return False
        said = expert_facts.search_text(manifest)
        return all(word in said for word in self._text.lower().split())

    def _build(self) -> None:
        everything = self._tier_button(self.tr("All"), 0)
        everything.setChecked(True)
        for number, tier in enumerate(TIERS, start=1):
            self._tier_button(expert_facts.tier_name(tier).capitalize(), number)
        self._this_base = QPushButton()
        self._this_base.setProperty("role", "segment")
        self._this_base.setCheckable(True)
        self._this_base.hide()
        self._this_base.setAccessibleName(self.tr("Only experts made for the loaded base"))
        self._order_button = QToolButton()
        self._order_button.setProperty("role", "quiet")
        self._order_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._order_button.setToolTip(self.tr("In which order the experts are shown"))
        menu = QMenu(self._order_button)
        for order, name in self._orders().items():
            action = menu.addAction(name)
            action.setData(order)
        menu.triggered.connect(self._on_order)
        self._order_button.setMenu(menu)
        self._name_order()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addLayout(self._tier_row)
        row.addStretch(1)
        row.addWidget(self._this_base)
        row.addWidget(self._order_button)

    def _tier_button(self, text: str, number: int) -> QPushButton:
        button = QPushButton(text)
        button.setProperty("role", "segment")
        button.setCheckable(True)
        button.setAccessibleName(self.tr("Show tier: {tier}").format(tier=text))
        self._tiers.addButton(button, number)
        self._tier_row.addWidget(button)
        return button

    def _orders(self) -> dict[Order, str]:
        return {
            "load order": self.tr("load order"),
            "name": self.tr("name"),
            "size": self.tr("size"),
        }

    def _name_order(self) -> None:
        text = self.tr("Sort: {order}").format(order=self._orders()[self._order])
        self._order_button.setText(text)
        self._order_button.setAccessibleName(text)
        restyle(self._order_button)

    @Slot(QAbstractButton)
    def _on_tier(self, button: QAbstractButton) -> None:
        number = self._tiers.id(button)
        self._tier = TIERS[number - 1] if number else ""
        self.changed.emit()

    @Slot(bool)
    def _on_this_base(self, _on: bool) -> None:
        self.changed.emit()

    @Slot(object)
    def _on_order(self, action: object) -> None:
        self._order = action.data()  # type: ignore[attr-defined]
        self._name_order()
        self.changed.emit()
