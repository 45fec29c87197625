"""What the stack takes: memory by owner, what it costs beside the base, what was measured of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from expert_studio.core.inference.conversation import MemoryByOwner
from expert_studio.core.inference.stack_cost import StackCost
from expert_studio.views.widgets.elided_label import ElidedLabel
from expert_studio.views.widgets.memory_bar import MemoryBar
from expert_studio.views.widgets.plain_words import PlainLabel
from expert_studio.views.widgets.quantities import size_text


class StackCostCard(QFrame):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "inset")
        self._title = ElidedLabel()
        self._bar = MemoryBar(height=8)
        self._total = PlainLabel()
        self._parts = PlainLabel()
        self._cost = PlainLabel()
        self._verdict = PlainLabel()
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 10)
        column.setSpacing(7)
        row = QHBoxLayout()
        row.addWidget(self._title, 1)
        row.addWidget(self._total)
        column.addLayout(row)
        column.addWidget(self._bar)
        column.addWidget(self._parts)
        for label, role in (
            (self._parts, "small"),
            (self._cost, "small"),
            (self._verdict, "warn"),
        ):
            label.setProperty("role", role)
            label.setTextFormat(Qt.TextFormat.PlainText)
        self._title.setProperty("role", "small")
        self._parts.setWordWrap(True)
        for label in (self._cost, self._verdict):
            label.setWordWrap(True)
            label.hide()
            column.addWidget(label)
        self.hide()

    @property
    def held(self) -> str:
        """What lies in memory, by owner."""
        return self._parts.text()

    @property
    def told(self) -> str:
        """What the stack costs beside the base, or ""."""
        return "" if self._cost.isHidden() else self._cost.text()

    @property
    def verdict(self) -> str:
        """What the experts' own measurements say of the stack, or ""."""
        return "" if self._verdict.isHidden() else self._verdict.text()

    def show_memory(self, memory: MemoryByOwner, tiers: Mapping[str, str], device: str) -> None:
        self._bar.show_memory(memory, tiers)
        self._title.set_text(self.tr("In memory on {0}").format(device))
        self._total.setText(size_text(self._bar.total_bytes))
        experts = sum(size for _, size in memory.experts)
        self._parts.setText(
            self.tr("base {0} · experts {1} · KV {2}").format(
                size_text(memory.base), size_text(experts), size_text(memory.kv_cache)
            )
        )
        self.show()

    def show_cost(self, cost: StackCost | None, verdicts: Sequence[str]) -> None:
        """None for the base alone."""
        self._cost.setVisible(cost is not None)
        if cost is not None:
            self._cost.setText(
                self.tr("This stack beside the base: about {0}, and {1} a token").format(
                    size_text(cost.memory_bytes), slower_text(cost.slower)
                )
            )
        self._verdict.setVisible(bool(verdicts))
        self._verdict.setText("\n".join(verdicts))


def slower_text(share: float) -> str:
    """ "less than 1 % more time", "6 % more time"."""
    if share < 0.01:
        return QCoreApplication.translate("cost", "less than 1 % more time")
    return QCoreApplication.translate("cost", "{0:.0f} % more time").format(100 * share)
