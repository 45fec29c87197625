"""Which experts answer and how strongly; every change makes another frozen stack.

Nothing is loaded or reloaded here: the next answer is simply asked with the new stack.
Knows no engine and no disk.
"""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QEvent, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from expert_studio.core.errors import ExpertError
from expert_studio.core.experts.dependencies import with_what_they_need
from expert_studio.core.experts.library import InstalledExpert
from expert_studio.core.inference.conversation import BaseDescription, MemoryByOwner
from expert_studio.core.inference.stack import EMPTY, Mode, Stack, compose
from expert_studio.core.inference.stack_cost import brought_along, stack_cost
from expert_studio.core.inference.turns import Composition
from expert_studio.views import theme
from expert_studio.views.theme_tokens import SIDE_PANEL_WIDTH
from expert_studio.views.widgets.composer_rows import ComposerRows
from expert_studio.views.widgets.expert_row import ExpertCost, ExpertRow
from expert_studio.views.widgets.plain_words import PlainLabel
from expert_studio.views.widgets.stack_cost_card import StackCostCard
from expert_studio.views.widgets.stack_presets import StackPresets
from expert_studio.views.widgets.stack_verdicts import verdicts


class Composer(QFrame):
    """Signals:
    stack_changed(Stack): after every change, with the base that is loaded.
    composition_changed(Composition): the person changed something here.
    refused(ExpertError): what was ticked cannot be composed; the tick is taken back.
    library_wanted(): the person wants to install an expert.
    """

    stack_changed = Signal(object)
    composition_changed = Signal(object)
    refused = Signal(object)
    library_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._experts: tuple[InstalledExpert, ...] = ()
        self._base: BaseDescription | None = None
        self._chosen: dict[str, float] = {}
        self._adjusted: dict[str, float] = {}
        self._mode: Mode = "sum"
        self._grammar = True
        self._stack = EMPTY
        self._by_name: dict[str, InstalledExpert] = {}
        self._along: dict[str, tuple[InstalledExpert, ...]] = {}  # what each brings, itself too
        self.choices = ComposerRows()
        self._modes: dict[Mode, QPushButton] = {}
        self._list = QVBoxLayout()
        self._empty = PlainLabel()
        self.presets = StackPresets()
        self.cost = StackCostCard()
        self._build()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if theme.was_rescaled(event):
            self.setFixedWidth(theme.widened(SIDE_PANEL_WIDTH))

    def _build(self) -> None:
        self.setProperty("role", "side")
        self.setFixedWidth(theme.widened(SIDE_PANEL_WIDTH))
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 14, 6, 14)
        column.setSpacing(6)
        column.addLayout(self._head())
        area = QScrollArea()
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        content = QWidget()
        content.setProperty("role", "scroll")
        content.setLayout(self._list)
        self._list.setContentsMargins(0, 0, 10, 0)
        self._list.setSpacing(0)
        self._empty.setText(
            self.tr("No expert is installed yet. Drop a .expert file on this window.")
        )
        self._empty.setProperty("role", "muted")
        self._empty.setWordWrap(True)
        self._list.addWidget(self.choices)
        self._list.addWidget(self._empty)
        self.choices.ticked.connect(self._on_ticked)
        self.choices.weighed.connect(self._on_weighed)
        self.choices.searched.connect(self._show_rows)
        add = QPushButton(self.tr("+ Add expert"))
        add.setProperty("role", "small")
        add.setAccessibleName(self.tr("Install another expert in the library"))
        add.clicked.connect(self.library_wanted)
        self._list.addSpacing(12)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(add)
        row.addWidget(self.presets)
        row.addStretch(1)
        self.presets.taken.connect(self._on_preset)
        self._list.addLayout(row)
        self._list.addSpacing(14)
        self._list.addWidget(self.cost)
        self._list.addStretch(1)
        area.setWidget(content)
        column.addWidget(area, 1)

    def _head(self) -> QHBoxLayout:
        head = QHBoxLayout()
        head.setContentsMargins(0, 0, 10, 0)
        head.setSpacing(2)
        title = PlainLabel(self.tr("Stack"))
        title.setProperty("role", "heading")
        head.addWidget(title)
        head.addStretch(1)
        group = QButtonGroup(self)
        known: tuple[tuple[Mode, str, str], ...] = (
            ("sum", self.tr("Sum"), self.tr("Each expert counts as it is set")),
            ("blend", self.tr("Blend"), self.tr("All weights share a total of 1")),
        )
        for mode, text, tip in known:
            button = QPushButton(text)
            button.setCheckable(True)
            button.setProperty("role", "segment")
            button.setToolTip(tip)
            button.setAccessibleName(f"{text}: {tip}")
            group.addButton(button)
            head.addWidget(button)
            self._modes[mode] = button
        self._modes["sum"].setChecked(True)
        group.buttonClicked.connect(self._on_mode)
        return head

    @property
    def stack(self) -> Stack:
        return self._stack

    @property
    def composition(self) -> Composition:
        return Composition(dict(self._chosen), dict(self._adjusted), self._mode, self._grammar)

    @property
    def rows(self) -> tuple[ExpertRow, ...]:
        return self.choices.shown

    def set_experts(self, experts: tuple[InstalledExpert, ...]) -> None:
        """What the library holds now; rows of the same version are kept."""
        if experts != self._experts:
            self._experts = experts
            self._by_name = {expert.name: expert for expert in experts}
            self._along.clear()
            self.choices.set_experts(experts)
            self._empty.setVisible(not experts)
        self._compose_anew()

    def set_base(self, base: BaseDescription | None) -> None:
        self._base = base
        if base is None:
            self.cost.hide()
        self._compose_anew()

    def set_composition(self, composition: Composition) -> None:
        """What a conversation was last asked with; experts gone since are left out."""
        wanted = (composition.chosen, composition.adjusted, composition.mode, composition.grammar)
        if wanted == (self._chosen, self._adjusted, self._mode, self._grammar):
            return
        self._chosen = dict(composition.chosen)
        self._adjusted = dict(composition.adjusted)
        self._mode = composition.mode
        self._grammar = composition.grammar
        self._modes[self._mode].setChecked(True)
        self._compose_anew()

    def add(self, name: str) -> None:
        """Ticks an expert, as by hand."""
        self._on_ticked(name, True)

    @Slot(bool)
    def use_grammar(self, wanted: bool) -> None:
        """Whether the constraint that an expert asks for holds its answers."""
        self._grammar = wanted
        self._changed()

    def show_memory(self, memory: MemoryByOwner) -> None:
        if self._base is None:
            return  # of a base that is being replaced
        tiers = {expert.name: expert.manifest.tier for expert in self._experts}
        self.cost.show_memory(memory, tiers, self._base.device_name)

    def _obstacle(self, expert: InstalledExpert) -> str:
        if self._base is None:
            return ""
        if expert.manifest.base_for(self._base.name, self._base.sha256) is not None:
            return ""
        made_for = ", ".join(base.name for base in expert.manifest.base_models)
        return self.tr("made for {0}").format(made_for)

    def _usable(self) -> dict[str, float]:
        return {
            name: weight
            for name, weight in self._chosen.items()
            if name in self._by_name and not self._obstacle(self._by_name[name])
        }

    def _compose_anew(self) -> None:
        try:
            self._stack = self._composed(self._usable())
        except ExpertError as error:
            self._keep_what_composes()
            self._stack = self._composed(self._usable())
            self.refused.emit(error)
        self._show_rows()
        self._show_cost()
        self.stack_changed.emit(self._stack)

    def _composed(self, chosen: dict[str, float]) -> Stack:
        base = self._base
        experts = with_what_they_need([self._by_name[name] for name in chosen], self._experts)
        along = {expert.name for expert in experts} - set(chosen)
        return compose(
            chosen | {n: w for n, w in self._adjusted.items() if n in along},
            experts,
            base.sha256 if base is not None else "",
            base.quantization if base is not None else "",
            self._mode,
        )

    def _keep_what_composes(self) -> None:
        kept: dict[str, float] = {}
        for name, weight in self._usable().items():
            try:
                self._composed(kept | {name: weight})
            except ExpertError:
                continue  # the one that was refused; its sentence is shown by `refused`
            kept[name] = weight
        self._chosen = kept

    @Slot()
    def _show_rows(self) -> None:
        chosen = self._usable()
        weights = chosen | self._adjusted
        members = {member.name: member for member in self._stack.members}

        def present(row: ExpertRow) -> None:
            member = members.get(row.name)
            if member is None:
                row.show_idle(self._obstacle(row.expert), self._cost_of(row.expert))
                return
            default = 1.0 if member.trained_weight is None else member.trained_weight
            weight = weights.get(row.name, default)
            row.show_member(member, row.name in chosen, weight, self._mode)

        self.choices.keep(members, present)

    def _cost_of(self, expert: InstalledExpert) -> ExpertCost | None:
        """What ticking it would take, with all that it brings along and is not there yet."""
        if self._base is None:
            return None
        there = {member.name for member in self._stack.members}
        if expert.name not in self._along:
            self._along[expert.name] = brought_along(expert, self._experts)
        new = [e for e in self._along[expert.name] if e.name not in there]
        along = tuple(e.name for e in new if e.name != expert.name)
        return ExpertCost(stack_cost(new, self._base), along)

    def _show_cost(self) -> None:
        by_name = self._by_name
        members = [by_name[m.name] for m in self._stack.members if m.name in by_name]
        cost = stack_cost(members, self._base) if members and self._base is not None else None
        self.cost.show_cost(cost, verdicts(self._stack, by_name))

    def _changed(self) -> None:
        self._compose_anew()
        self.composition_changed.emit(self.composition)

    @Slot(str, bool)
    def _on_ticked(self, name: str, wanted: bool) -> None:
        if wanted:
            self._chosen.setdefault(name, self._adjusted.get(name, 1.0))
        else:
            self._chosen.pop(name, None)
        self._changed()

    @Slot(str, float)
    def _on_weighed(self, name: str, weight: float) -> None:
        if name in self._chosen:
            self._chosen[name] = weight
        else:
            self._adjusted[name] = weight
        self._changed()

    @Slot(object)
    def _on_preset(self, composition: Composition) -> None:
        self.set_composition(replace(composition, grammar=self._grammar))
        self.composition_changed.emit(self.composition)

    @Slot()
    def _on_mode(self) -> None:
        self._mode = "blend" if self._modes["blend"].isChecked() else "sum"
        self._changed()
