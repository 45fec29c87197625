"""Which installed experts are shown, how, and in what order. Knows nothing of cards or disks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from PySide6.QtCore import QSize, Signal, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QAbstractButton,
    QButtonGroup,
    QHBoxLayout,
    QMenu,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from expert_studio.core.experts.library import InstalledExpert
from expert_studio.core.experts.manifest import TIERS
from expert_studio.core.inference.conversation import BaseDescription
from expert_studio.views.theme import restyle
from expert_studio.views.widgets import expert_facts
from expert_studio.views.widgets.filter_menu import MOST_ENTRIES, FilterMenu
from expert_studio.views.widgets.library_facets import FACETS, Facets, facets_of
from expert_studio.views.widgets.plain_words import PlainLabel

Order = Literal["load order", "name", "size", "score"]
Form = Literal["cards", "list", "graph"]
_FORMS: tuple[Form, ...] = ("cards", "list", "graph")
_LOADED = "\0loaded"  # the base that answers now, as a value of the menu of bases


class LibraryFilter(QWidget):
    """A row of tiers and ways to look, and a row of what to keep to and the order.

    Signals:
        changed(): what is shown, or its order, is another now.
        form_chosen(str): the person wants "cards", "list" or "graph".
    """

    changed = Signal()
    form_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = ""
        self._tier = ""
        self._base: BaseDescription | None = None
        self._order: Order = "load order"
        self._experts: Sequence[InstalledExpert] = ()
        self._facets = facets_of(())
        self._tiers = QButtonGroup(self)
        self._forms = QButtonGroup(self)
        self._build()
        self._tiers.buttonClicked.connect(self._on_tier)
        self._forms.idClicked.connect(self._on_form)

    @property
    def last_control(self) -> QWidget:
        """Where Tab leaves the row."""
        return self._order_button

    @property
    def form(self) -> Form:
        return _FORMS[max(self._forms.checkedId(), 0)]

    def menu(self, facet: str) -> FilterMenu:
        """The menu of a facet: capability, base, kind or licence."""
        return self._menus[facet]

    def set_form(self, form: Form) -> None:
        """As by hand."""
        self._forms.button(_FORMS.index(form)).click()

    def set_text(self, text: str) -> None:
        """Words that must all occur in what the expert says of itself."""
        self._text = text
        self.changed.emit()

    def set_tier(self, tier: str) -> None:
        """As by hand; "" is all of them."""
        self._tiers.button(TIERS.index(tier) + 1 if tier else 0).click()

    def set_order(self, order: Order) -> None:
        """As by hand."""
        self._order = order
        self._name_order()
        self.changed.emit()

    def clear(self) -> None:
        """Shows everything again."""
        self._text = ""
        for menu in self._menus.values():
            menu.clear()
        self._tiers.button(0).setChecked(True)
        self._tier = ""
        self.changed.emit()

    def set_experts(
        self,
        experts: Sequence[InstalledExpert],
        base: BaseDescription | None,
        facets: Facets | None = None,
    ) -> None:
        """Offers what occurs among these.

        Args:
            base: the one that answers now.
            facets: as `facets_of` gives them, where that was done elsewhere.
        """
        if experts is self._experts and base is self._base:
            return
        self._base = base
        self._experts = experts
        self._facets = facets or facets_of(experts)
        present = {expert.manifest.tier for expert in experts}
        for button in self._tiers.buttons():
            number = self._tiers.id(button)
            button.setVisible(number == 0 or TIERS[number - 1] in present)
        if self._tier and self._tier not in present:
            self._tiers.button(0).setChecked(True)
            self._tier = ""
        self._offer()

    def show_count(self, shown: int, of: int) -> None:
        """How many pass."""
        text = self.tr("{n} of {m}").format(n=shown, m=of) if shown < of else ""
        self._count.setText(text)

    def shown(self) -> tuple[InstalledExpert, ...]:
        """Those that pass, in the chosen order."""
        words = self._text.lower().split()
        passing = [expert for expert in self._experts if self._passes(expert, words)]
        if self._order == "name":
            passing.sort(key=lambda expert: expert.name)
        elif self._order == "size":
            passing.sort(key=lambda expert: -expert.size_bytes)
        elif self._order == "score":
            passing.sort(key=lambda expert: -expert_facts.main_figure(expert.manifest))
        return tuple(passing)

    def _passes(self, expert: InstalledExpert, words: Sequence[str]) -> bool:
        manifest = expert.manifest
        if self._tier and manifest.tier != self._tier:
            return False
        for name, facet in FACETS.items():
            value = self._menus[name].value
            if value == _LOADED and self._base is not None:
                if manifest.base_for(self._base.name, self._base.sha256) is None:
                    return False
            elif value and value not in facet(expert):
                return False
        said = self._facets.texts[expert.name]
        return all(word in said for word in words)

    def _offer(self) -> None:
        for name, counts in self._facets.counts.items():
            values = [(value, f"{value}  ({n})") for value, n in counts[:MOST_ENTRIES]]
            if name == "base" and self._base is not None:
                loaded = self.tr("the loaded one, {base}").format(base=self._base.name)
                values.insert(0, (_LOADED, loaded))
            self._menus[name].set_values(values)

    def _build(self) -> None:
        tiers = QHBoxLayout()
        tiers.setSpacing(2)
        names = (self.tr("All"), *(expert_facts.tier_name(t).capitalize() for t in TIERS))
        for number, name in enumerate(names):
            told = self.tr("Show tier: {tier}").format(tier=name)
            tiers.addWidget(_segment(self._tiers, number, name, told))
        self._tiers.button(0).setChecked(True)
        tiers.addStretch(1)
        forms = (self.tr("Cards"), self.tr("List"), self.tr("Graph"))
        for number, name in enumerate(forms):
            told = self.tr("Show as: {form}").format(form=name)
            tiers.addWidget(_segment(self._forms, number, name, told))
        self._forms.button(0).setChecked(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(tiers)
        column.addLayout(self._build_menus())

    def _build_menus(self) -> QHBoxLayout:
        names = {
            "capability": self.tr("Can"),
            "base": self.tr("Base"),
            "kind": self.tr("Kind"),
            "licence": self.tr("Licence"),
        }
        self._menus = {facet: FilterMenu(name) for facet, name in names.items()}
        row = QHBoxLayout()
        row.setSpacing(2)
        for menu in self._menus.values():
            menu.chosen.connect(self._on_value)
            row.addWidget(menu)
        self._count = PlainLabel()
        self._count.setProperty("role", "small")
        self._order_button = self._build_order()
        row.addStretch(1)
        row.addWidget(self._count)
        row.addWidget(self._order_button)
        return row

    def _build_order(self) -> QToolButton:
        button = QToolButton()
        button.setProperty("role", "quiet")
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        button.setToolTip(self.tr("In which order the experts are shown"))
        button.setIconSize(QSize(12, 12))
        menu = QMenu(button)
        for order, name in self._orders().items():
            menu.addAction(name).setData(order)
        menu.triggered.connect(self._on_order)
        button.setMenu(menu)
        self._order_button = button
        self._name_order()
        return button

    def _orders(self) -> dict[Order, str]:
        return {
            "load order": self.tr("load order"),
            "name": self.tr("name"),
            "size": self.tr("size"),
            "score": self.tr("held-out score"),
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

    @Slot(int)
    def _on_form(self, number: int) -> None:
        self.form_chosen.emit(_FORMS[number])

    @Slot(str)
    def _on_value(self, _: str) -> None:
        self.changed.emit()

    @Slot(QAction)
    def _on_order(self, action: QAction) -> None:
        self.set_order(action.data())


def _segment(group: QButtonGroup, number: int, text: str, told: str) -> QPushButton:
    button = QPushButton(text)
    button.setProperty("role", "segment")
    button.setCheckable(True)
    button.setAccessibleName(told)
    group.addButton(button, number)
    return button
