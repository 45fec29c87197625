"""What an expert's weights change, alone or beside another's. Knows no disk and no numbers' origin.

The other one is chosen here; what is measured comes back through `show_profile` and
`show_meeting`.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from expert_studio.core.experts.library import InstalledExpert
from expert_studio.core.experts.weight_report import Meeting, WeightProfile
from expert_studio.views.widgets.layer_bars import LayerBars
from expert_studio.views.widgets.plain_words import PlainLabel
from expert_studio.views.widgets.scrolling import scrolling
from expert_studio.views.widgets.setting_card import note
from expert_studio.views.widgets.tier_dot import TierDot


class WeightsDialog(QDialog):
    """Signals:
    measure_wanted(object, object): this expert, and another or None, should be measured.
    """

    measure_wanted = Signal(object, object)

    def __init__(
        self, expert: InstalledExpert, experts: Sequence[InstalledExpert], parent: QWidget
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("Weights of {name}").format(name=expert.name))
        self.setMinimumSize(760, 520)
        self._expert = expert
        self._others = tuple(other for other in experts if other.name != expert.name)
        self._build()
        self._other.activated.connect(self._on_other)

    def ask(self, name: str = "") -> None:
        """Has this expert measured, alone or beside the one of that name; as by hand."""
        names = [other.name for other in self._others]
        self._other.setCurrentIndex(names.index(name) + 1 if name else 0)
        self._on_other()

    def said(self) -> str:
        """All that is shown, in words."""
        return f"{self._summary.text()}\n{self._bars.said()}"

    def show_profile(self, found: WeightProfile) -> None:
        """The expert alone."""
        self._bars.show_profile(found, self._expert.manifest.tier)
        self._summary.setText(self._of_one(found))

    def show_meeting(self, found: Meeting) -> None:
        """The expert beside another."""
        other = next(e for e in self._others if e.name == found.right.name)
        self._bars.show_meeting(found, (self._expert.manifest.tier, other.manifest.tier))
        lines = [self._of_one(found.left), self._of_one(found.right), self._of_both(found)]
        self._summary.setText("\n".join(lines))

    def show_problem(self, sentence: str) -> None:
        """Why nothing can be shown."""
        self._summary.setText(sentence)

    def _build(self) -> None:
        title = PlainLabel(self._expert.name)
        title.setProperty("role", "title")
        self._other = QComboBox()
        self._other.setAccessibleName(self.tr("Beside which other expert"))
        self._other.addItem(self.tr("alone"))
        for other in self._others:
            self._other.addItem(self.tr("beside {name}").format(name=other.name))
        self._other.setMinimumWidth(240)
        head = QHBoxLayout()
        head.setSpacing(10)
        head.addWidget(TierDot(self._expert.manifest.tier, 11))
        head.addWidget(title)
        head.addStretch(1)
        head.addWidget(self._other)
        self._summary = note("")
        self._bars = LayerBars()
        inside = QWidget()
        inside.setProperty("role", "scroll")
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._bars)
        column.addStretch(1)
        close = QPushButton(self.tr("Close"))
        close.setAccessibleName(close.text())
        close.clicked.connect(self.accept)
        foot = QHBoxLayout()
        foot.addStretch(1)
        foot.addWidget(close)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(20, 18, 20, 16)
        outer.setSpacing(12)
        outer.addLayout(head)
        outer.addWidget(self._summary)
        outer.addWidget(scrolling(inside), 1)
        outer.addLayout(foot)

    def _of_one(self, found: WeightProfile) -> str:
        if found.rank is None:
            return self.tr("{name} changes {n} places; it has no rank.").format(
                name=found.name, n=found.modules
            )
        return self.tr(
            "{name} uses {used} of its rank {rank} on average (99 % of its change), in {n} places."
        ).format(name=found.name, used=f"{found.used_rank:.1f}", rank=found.rank, n=found.modules)

    def _of_both(self, found: Meeting) -> str:
        if not found.shared_modules:
            return self.tr("They change nothing in the same place.")
        if found.overlap > 0.3:
            verdict = self.tr("they do much the same")
        elif found.overlap < -0.1 or found.sign_conflict > 0.55:
            verdict = self.tr("they work against each other")
        else:
            verdict = self.tr("they hardly meet")
        return self.tr(
            "In {n} places both change: overlap {overlap}, sign conflict {conflict} % "
            "(50 % is chance): {verdict}."
        ).format(
            n=found.shared_modules,
            overlap=f"{found.overlap:+.3f}",
            conflict=f"{found.sign_conflict * 100:.0f}",
            verdict=verdict,
        )

    @Slot()
    def _on_other(self) -> None:
        number = self._other.currentIndex()
        self._summary.setText(self.tr("Measuring…"))
        self.measure_wanted.emit(self._expert, self._others[number - 1] if number else None)
