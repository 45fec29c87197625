"""A new run in three depths: a preset, the common settings, every field of the recipe.

All three write one recipe; what it says is checked as it is written. Starts nothing itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import (
    QAbstractButton,
    QButtonGroup,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from expert_studio.core.errors import ExpertError
from expert_studio.core.experts.library import InstalledExpert
from expert_studio.core.planning import RunPlan
from expert_studio.core.settings import Folders
from expert_studio.core.training.data_source import DataSource
from expert_studio.core.training.order import free_name
from expert_studio.core.training.presets import PRESETS, with_changes
from expert_studio.core.training.recipe import Recipe, parse_recipe
from expert_studio.runtime.background import Background
from expert_studio.views.theme import restyle
from expert_studio.views.widgets.column_scroll import ColumnScroll
from expert_studio.views.widgets.page_header import PageHeader
from expert_studio.views.widgets.setting_card import SettingCard
from expert_studio.views.widgets.training_cards import all_cards, common_card, preset_card
from expert_studio.views.widgets.training_fields import FieldForm, with_value
from expert_studio.views.widgets.training_foot import TrainingFoot
from expert_studio.views.widgets.training_needs import NeedsCard
from expert_studio.views.widgets.training_source import SourceCard

PRESET, COMMON, ALL = range(3)
_COLUMN_WIDTH = 860
_CHECK_MS = 250
_FIRST: Mapping[str, Any] = {"name": "new-expert", "datasets": [{"path": "rows.jsonl"}]}

Estimate = Callable[[Recipe, Sequence[DataSource]], RunPlan]  # what it will take; slow


class TrainingWizard(QWidget):
    """Signals:
    left(): the person wants back.
    ordered(dict, tuple[DataSource, ...], bool, int): a recipe as JSON, its rows, whether it waits
        its turn, and with which priority.
    unload_wanted(): the chat's base shall make room.
    """

    left = Signal()
    unload_wanted = Signal()
    ordered = Signal(object, object, bool, int)

    def __init__(
        self,
        folders: Folders,
        background: Background,
        estimate: Estimate,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._background = background
        self._estimate = estimate
        self._said: dict[str, Any] = dict(_FIRST)
        self._experts: Sequence[InstalledExpert] = ()
        self._name_typed = False
        self._estimated = ""
        self.source = SourceCard(folders, background)
        self.needs = NeedsCard()
        self.foot = TrainingFoot()
        self.start, self.queue, self.priority = self.foot.start, self.foot.queue, self.foot.priority
        self.forms: list[FieldForm] = []
        self._check_soon = QTimer(self)
        self._check_soon.setSingleShot(True)
        self._check_soon.setInterval(_CHECK_MS)
        self._check_soon.timeout.connect(self._ask_estimate)
        self._build()
        self._connect()
        self.begin()

    # --- how it looks ------------------------------------------------------------------

    def _build(self) -> None:
        self._header = PageHeader(self.tr("New run"))
        cancel = QPushButton(self.tr("Cancel"))
        cancel.clicked.connect(self.leave)
        self._header.add_action(cancel)
        scroll = ColumnScroll(_COLUMN_WIDTH)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        column = QVBoxLayout(scroll.column)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(14)
        column.addLayout(self._build_depths())
        column.addWidget(self._build_name())
        column.addWidget(self.source)
        self._preset_card, self.presets = preset_card()
        column.addWidget(self._preset_card)
        self._common, self.common = common_card()
        self.forms.append(self.common)
        column.addWidget(self._common)
        column.addWidget(self.needs)
        self._all, all_forms = all_cards()
        self.forms += all_forms
        column.addWidget(self._all)
        column.addStretch(1)
        page = QVBoxLayout(self)
        page.setContentsMargins(0, 0, 0, 0)
        page.setSpacing(0)
        page.addWidget(self._header)
        page.addWidget(scroll, 1)
        page.addWidget(self.foot)

    def _build_depths(self) -> QHBoxLayout:
        self.depths = QButtonGroup(self)
        row = QHBoxLayout()
        row.setSpacing(4)
        for number, (text, tip) in enumerate(
            (
                (self.tr("Preset"), self.tr("Rows, a preset, start")),
                (self.tr("Common"), self.tr("The settings that are changed most")),
                (self.tr("All fields"), self.tr("Every field of recipe.json")),
            )
        ):
            button = QPushButton(text)
            button.setCheckable(True)
            button.setProperty("role", "segment")
            button.setToolTip(tip)
            self.depths.addButton(button, number)
            row.addWidget(button)
        row.addStretch(1)
        return row

    def _build_name(self) -> SettingCard:
        card = SettingCard()
        self.name = QLineEdit()
        self.name.setMinimumWidth(260)
        self.name.setAccessibleName(self.tr("Name of the expert"))
        self.name.setPlaceholderText(self.tr("small letters, digits, dashes"))
        card.add_row(self.tr("Name"), self.tr("The expert will be called this."), self.name)
        return card

    def _connect(self) -> None:
        self.depths.idClicked.connect(self.go_to)
        self.presets.buttonClicked.connect(self._on_preset)
        self.name.textEdited.connect(self._on_name)
        self.source.changed.connect(self._on_source)
        self.needs.changed.connect(self._on_needs)
        for form in self.forms:
            form.edited.connect(self._on_edited)
        self.start.clicked.connect(partial(self._order, False))
        self.queue.clicked.connect(partial(self._order, True))
        self.foot.unload.clicked.connect(self._on_unload)

    # --- what is said ------------------------------------------------------------------

    @property
    def recipe(self) -> dict[str, Any]:
        """What the run would be, as JSON; checked by `parse_recipe` before anything is done."""
        return self._said

    @property
    def ready(self) -> bool:
        return self.start.isEnabled()

    @property
    def fault(self) -> str:
        """Why it cannot start yet, or ""."""
        return self.foot.fault.text()

    @property
    def memory(self) -> str:
        """What it will take, in words; "" until that is known."""
        return self.foot.memory.text()

    def begin(
        self,
        recipe: Recipe | None = None,
        sources: Sequence[DataSource] = (),
    ) -> None:
        """A new run, or another one like `recipe`."""
        self._name_typed = recipe is not None
        if recipe is None:
            self._said = with_changes(self._plain(), PRESETS[0].changes)
            self.presets.button(0).setChecked(True)
            self.go_to(PRESET)
        else:
            self._said = recipe.model_dump(mode="json")
            self.presets.setExclusive(False)
            for button in self.presets.buttons():
                button.setChecked(False)
            self.presets.setExclusive(True)
            self.go_to(COMMON)
        self._header.set_title(
            self.tr("New run")
            if recipe is None
            else self.tr("Another run like {name}").format(name=recipe.name)
        )
        self.needs.show_experts(self._experts, self._said.get("dependencies", ()))
        self.source.begin(sources, self._said["base"]["name"])
        self._show_recipe()

    def show_experts(self, experts: Sequence[InstalledExpert]) -> None:
        """Those that a new one may stand on."""
        self._experts = experts
        self.needs.show_experts(experts, self._said.get("dependencies", ()))

    @Slot(int)
    def go_to(self, depth: int) -> None:
        """PRESET, COMMON or ALL; what was said stays."""
        self.depths.button(depth).setChecked(True)
        self._preset_card.setVisible(depth == PRESET)
        self._common.setVisible(depth == COMMON)
        self.needs.setVisible(depth != PRESET)
        self._all.setVisible(depth == ALL)
        for form in self.forms:
            form.show_recipe(self._said)

    @Slot()
    def leave(self) -> None:
        self.left.emit()

    def set_value(self, path: str, value: object) -> None:
        """Changes one field of the recipe, as its control would."""
        self._on_edited(path, value)
        for form in self.forms:
            form.show_recipe(self._said)

    def _plain(self) -> dict[str, Any]:
        return Recipe.model_validate({**_FIRST}).model_dump(mode="json")

    def _show_recipe(self) -> None:
        self.name.setText(self._said["name"])
        for form in self.forms:
            form.show_recipe(self._said)
        self._check()

    def _check(self) -> None:
        """Says what is wrong, and asks for the memory where nothing is."""
        fault, source = "", self.source
        recipe: Recipe | None = None
        try:
            recipe = parse_recipe(self._said, "the wizard")
        except ExpertError as error:
            fault = error.why
        if source.source is None:
            fault = fault or self.tr("Choose the rows to learn from.")
        elif source.problem:
            fault = source.problem
        elif recipe is not None and source.facts is not None:
            fault = self._misfit(recipe) or fault
        ready = not fault and (source.facts is not None)
        self.foot.show_fault(fault, ready, wrong=source.source is not None)
        self._grey_out()
        if ready:
            self._check_soon.start()
        else:
            self.foot.show_no_plan()

    def _misfit(self, recipe: Recipe) -> str:
        facts = self.source.facts
        assert facts is not None
        if recipe.method == "dpo" and facts.rows and not facts.pairs:
            return self.tr("DPO learns from pairs, and these rows are single answers.")
        if recipe.method == "sft" and facts.rows and facts.pairs == facts.rows:
            return self.tr("These rows are pairs: choose the preset Preference, or method dpo.")
        return ""

    def _grey_out(self) -> None:
        """Rank is nothing to a soft prompt, nor its tokens to a LoRA."""
        kind = self._said["adapter"].get("kind")
        for form in self.forms:
            for path, shown in (
                ("adapter.r", kind in ("lora", "dora")),
                ("adapter.soft_tokens", kind == "soft_prompt"),
            ):
                if path in form.controls:
                    form.controls[path].setEnabled(shown)
                    form.labels[path].setEnabled(shown)

    @Slot()
    def _ask_estimate(self) -> None:
        try:
            recipe = parse_recipe(self._said, "the wizard")
        except ExpertError:
            return
        sources = self.source.sources
        if not sources:
            return
        self._background.run(
            self._estimate,
            recipe,
            sources,
            on_done=self._on_estimated,
            on_failed=self._on_no_estimate,
        )

    @Slot(object)
    def _on_estimated(self, plan: RunPlan) -> None:
        if self.ready:
            self.foot.show_plan(plan)

    @Slot(object)
    def _on_no_estimate(self, error: ExpertError) -> None:
        self.foot.show_no_plan(str(error))

    @Slot()
    def _on_unload(self) -> None:
        self.foot.unload.setEnabled(False)
        self.unload_wanted.emit()

    def base_unloaded(self) -> None:
        """There is more room now."""
        if self.ready:
            self._check_soon.start()

    @Slot(QAbstractButton)
    def _on_preset(self, _button: QAbstractButton) -> None:
        kept = {name: self._said[name] for name in ("name", "dependencies", "base", "card")}
        preset = PRESETS[self.presets.checkedId()]
        self._said = with_changes({**self._plain(), **kept}, preset.changes)
        self._show_recipe()

    @Slot(str)
    def _on_name(self, text: str) -> None:
        self._name_typed = True
        self._said = {**self._said, "name": text.strip()}
        self._check()

    @Slot()
    def _on_source(self) -> None:
        source = self.source.source
        self._said = with_value(self._said, "base.name", self.source.base)
        if source is not None and not self._name_typed:
            name = source.where if source.kind == "store" else source.where.rpartition("/")[2]
            self._said = {**self._said, "name": free_name(name.split(".")[0])}
            self.name.setText(self._said["name"])
        facts = self.source.facts
        if facts is not None and facts.rows and facts.pairs == facts.rows:
            preference = self.presets.button(len(PRESETS) - 1)
            if self.presets.checkedId() >= 0 and not preference.isChecked():
                preference.setChecked(True)
                self._on_preset(preference)
                return
        self._check()

    @Slot()
    def _on_needs(self) -> None:
        self._said = {**self._said, "dependencies": self.needs.dependencies}
        self._check()

    @Slot(str, object)
    def _on_edited(self, path: str, value: object) -> None:
        self._said = with_value(self._said, path, value)
        if path == "adapter.kind" and value == "ia3":
            self._said = with_value(
                self._said, "adapter.target_modules", ["k_proj", "v_proj", "down_proj"]
            )
        sender = self.sender()
        for form in self.forms:
            if form is not sender:
                form.show_recipe(self._said)
        self._check()

    def _order(self, queued: bool, _checked: bool = False) -> None:
        sources = self.source.sources
        if sources and self.ready:
            restyle(self.start)
            self.ordered.emit(self._said, sources, queued, self.priority.value())
