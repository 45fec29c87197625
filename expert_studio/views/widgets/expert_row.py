"""One expert in the composer: a tick, its name, its weight. Knows no library."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QEvent, Signal, Slot
from PySide6.QtWidgets import QCheckBox, QFrame, QHBoxLayout, QVBoxLayout, QWidget

from expert_studio.core.experts.library import InstalledExpert
from expert_studio.core.inference.stack import Mode, StackMember
from expert_studio.core.inference.stack_cost import StackCost
from expert_studio.views import theme
from expert_studio.views.widgets.elided_label import ElidedLabel
from expert_studio.views.widgets.plain_words import PlainLabel, plain_tip
from expert_studio.views.widgets.quantities import size_text
from expert_studio.views.widgets.stack_chips import shown_weight
from expert_studio.views.widgets.stack_cost_card import slower_text
from expert_studio.views.widgets.tier_dot import TierDot
from expert_studio.views.widgets.weight_controls import WeightControls


@dataclass(frozen=True, slots=True)
class ExpertCost:
    """What ticking an expert would take, with what it brings along."""

    cost: StackCost
    along: tuple[str, ...]  # names


class ExpertRow(QFrame):
    """Signals:
    ticked(str, bool): name, and whether the person wants it.
    weighed(str, float): name and the weight the person set.
    """

    ticked = Signal(str, bool)
    weighed = Signal(str, float)

    def __init__(self, expert: InstalledExpert, parent: QWidget | None = None) -> None:
        self._weight: WeightControls | None = None  # made once it is in a stack
        super().__init__(parent)
        self._expert = expert
        self._tick = QCheckBox(self)
        self._dot = TierDot(expert.manifest.tier, parent=self)
        self._name = ElidedLabel(parent=self)
        self._version = PlainLabel("", self)
        self._head = QHBoxLayout()
        self._column = QVBoxLayout(self)
        self._note = PlainLabel("", self)
        self._price = PlainLabel("", self)
        self._build()
        self.show_expert(expert)
        self._tick.clicked.connect(self._on_ticked)

    def _build(self) -> None:
        column, head = self._column, self._head
        column.setContentsMargins(0, 7, 0, 0)
        column.setSpacing(4)
        head.setSpacing(7)
        self._tick.setFixedWidth(18)
        self._version.setProperty("role", "faint")
        for widget in (self._tick, self._dot, self._name, self._version):
            head.addWidget(widget)
        head.addStretch(1)
        self._price.setProperty("role", "faint")
        head.addWidget(self._price)
        self._note.setProperty("role", "small")
        self._note.setWordWrap(True)
        rule = QFrame(self)
        rule.setProperty("role", "rule")
        column.addLayout(head)
        column.addWidget(self._note)
        column.addSpacing(3)
        column.addWidget(rule)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if theme.was_rescaled(event) and self._weight is not None:
            self._weight.scale()

    def show_expert(self, expert: InstalledExpert) -> None:
        """Another one takes the row; nothing is said of its place in a stack yet."""
        self._expert = expert
        if self._weight is not None:
            self._weight.drop()
            self._weight = None
        self._tick.setAccessibleName(self.tr("Use {0}").format(expert.name))
        self._dot.set_tier(expert.manifest.tier)
        self._name.set_text(expert.name)
        self._version.setText(expert.version)
        self.setToolTip(plain_tip(expert.manifest.description))

    @property
    def expert(self) -> InstalledExpert:
        return self._expert

    @property
    def name(self) -> str:
        return self._expert.name

    @property
    def note(self) -> str:
        return self._note.text()

    def show_member(self, member: StackMember, chosen: bool, weight: float, mode: Mode) -> None:
        """In the stack, by the person's choice or because another needs it."""
        self._tick.setEnabled(chosen)
        self._tick.setChecked(True)
        self._price.hide()
        controls = self._controls()
        controls.show_weight(weight)
        controls.set_visible(True)
        notes: list[str] = []
        if not chosen:
            notes.append(self.tr("came along with {0}").format(", ".join(member.required_by)))
        elif needs := self._expert.manifest.constraints.requires:
            names = ", ".join(need.partition("@")[0] for need in needs)
            notes.append(self.tr("needs {0}").format(names))
        if mode == "blend":
            notes.append(self.tr("{0} in the blend").format(shown_weight(member.weight)))
        trained = member.trained_weight
        if not member.as_trained and trained is not None:
            notes.append(self.tr("not as trained ({0})").format(shown_weight(trained)))
        theme.restyle(self._note, role="small" if member.as_trained else "warn")
        self._show_note(" · ".join(notes))

    @property
    def price(self) -> str:
        """What taking it would cost, or "" where it is taken or cannot be."""
        return "" if self._price.isHidden() else self._price.toolTip()

    def show_idle(self, obstacle: str, cost: ExpertCost | None = None) -> None:
        """Not in the stack; `obstacle` says why it cannot be, or is ""."""
        self._price.setVisible(cost is not None and not obstacle)
        if cost is not None:
            self._show_price(cost)
        self._tick.setChecked(False)
        self._tick.setEnabled(not obstacle)
        self._name.setEnabled(not obstacle)
        if self._weight is not None:
            self._weight.set_visible(False)
        theme.restyle(self._note, role="small")
        brings = ", ".join(cost.along) if cost is not None else ""
        self._show_note(obstacle or (self.tr("brings {0} along").format(brings) if brings else ""))

    def _show_price(self, cost: ExpertCost) -> None:
        told = self.tr("about {0} of memory, and {1} for each token").format(
            size_text(cost.cost.memory_bytes), slower_text(cost.cost.slower)
        )
        if cost.along:
            told += self.tr(", with {0}").format(", ".join(cost.along))
        self._price.setText(f"+{size_text(cost.cost.memory_bytes)}")
        self._price.setToolTip(told)
        self._price.setAccessibleName(f"{self.name}: {told}")

    def _controls(self) -> WeightControls:
        if self._weight is None:
            expert = self._expert
            self._weight = WeightControls(expert.name, expert.manifest.tier, self)
            self._weight.weighed.connect(self._on_weighed)
            self._head.addWidget(self._weight.figure)
            self._column.insertWidget(1, self._weight.slider)
        return self._weight

    def _show_note(self, text: str) -> None:
        self._note.setText(text)
        self._note.setVisible(bool(text))

    @Slot(bool)
    def _on_ticked(self, checked: bool) -> None:
        self.ticked.emit(self.name, checked)

    @Slot(float)
    def _on_weighed(self, weight: float) -> None:
        self.weighed.emit(self.name, weight)
