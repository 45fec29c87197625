"""The line at the bottom: device, base, stack and its hash, speed, memory by owner."""

from __future__ import annotations

import html
from collections.abc import Mapping

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from expert_studio.core.inference.conversation import BaseDescription, MemoryByOwner
from expert_studio.core.inference.stack import EMPTY, Stack
from expert_studio.views import theme
from expert_studio.views.theme_tokens import SMALL_PX, STATUS_HEIGHT
from expert_studio.views.widgets.memory_bar import MemoryBar
from expert_studio.views.widgets.plain_words import PlainLabel
from expert_studio.views.widgets.quantities import size_text
from expert_studio.views.widgets.state_dot import DotState, StateDot
from expert_studio.views.widgets.thin_bar import ThinBar


class StatusLine(QFrame):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "status")
        self.setFixedHeight(STATUS_HEIGHT)
        self.setFont(theme.body_font(SMALL_PX))
        self._dot = StateDot()
        self._device = PlainLabel()
        self._base = PlainLabel()
        self._stack = PlainLabel()
        self._speed = PlainLabel()
        self._progress = ThinBar()
        self._bar = MemoryBar()
        self._total = PlainLabel()
        self._described: BaseDescription | None = None
        self._shown_stack = EMPTY
        self._build()
        self.show_no_base()

    def _build(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 0, 14, 0)
        row.setSpacing(6)
        row.addWidget(self._dot)
        for label in (self._device, self._base, self._stack):
            label.setProperty("role", "small")
            label.setTextFormat(Qt.TextFormat.RichText)
            row.addWidget(label)
            row.addSpacing(12)
        row.addStretch(1)
        self._speed.setProperty("role", "small")
        self._speed.setToolTip(self.tr("Tokens per second of the last answer"))
        self._total.setProperty("role", "small")
        self._total.setTextFormat(Qt.TextFormat.RichText)
        self._progress.setRange(0, 100)
        self._progress.setFixedWidth(190)
        self._progress.setAccessibleName(self.tr("Loading the base"))
        self._bar.setFixedWidth(190)
        row.addWidget(self._speed)
        row.addSpacing(12)
        row.addWidget(self._progress)
        row.addWidget(self._bar)
        row.addWidget(self._total)

    @property
    def text(self) -> str:
        """Everything the line says, for those who read it aloud."""
        return " ".join(
            label.text() for label in (self._device, self._base, self._stack, self._speed)
        )

    def show_no_base(self) -> None:
        self._described = None
        self._set_state("idle", self.tr("No base loaded"), "")
        self._progress.hide()
        self._bar.hide()
        self._total.hide()
        self._speed.setText("")
        self.show_stack(self._shown_stack)

    @Slot(float)
    def show_loading(self, share: float) -> None:
        """`share` goes from 0 to 1."""
        self._described = None
        self.show_stack(self._shown_stack)
        self._set_state("busy", self.tr("Loading the base…"), "")
        self._progress.setValue(round(share * 100))
        self._progress.show()
        self._bar.hide()
        self._total.hide()

    def show_base(self, base: BaseDescription) -> None:
        self._described = base
        name = html.escape(base.name)
        told = self.tr("Base <b>{0}</b> · {1}").format(name, base.quantization.upper())
        self._set_state("good", html.escape(base.device_name), told)
        self._base.setToolTip(
            self.tr("{0:,} parameters, context {1:,} tokens, {2}").format(
                base.parameters, base.context_length, base.folder
            )
        )
        self._progress.hide()
        self.show_stack(self._shown_stack)

    def show_unloaded(self, base: BaseDescription) -> None:
        """Its memory was wanted for something else; the next question loads it again."""
        self.show_no_base()
        self._set_state("idle", self.tr("{0} is unloaded").format(base.name), "")
        self._device.setToolTip(self.tr("The next question loads it again"))

    def show_failed(self) -> None:
        self.show_no_base()
        self._set_state("bad", self.tr("No base loaded"), "")

    @Slot(object)
    def show_stack(self, stack: Stack) -> None:
        self._shown_stack = stack
        count = len(stack.members)
        if count == 0:
            told = self.tr("no expert")
        else:
            told = self.tr("1 expert") if count == 1 else self.tr("{0} experts").format(count)
        hashed = f" · {stack.short_hash}" if self._described is not None else ""
        self._stack.setText(self.tr("Stack <b>{0}</b>{1}").format(told, hashed))
        lines = [f"{m.name} {m.version} · {m.weight:+.2f}" for m in stack.members]
        self._stack.setToolTip("\n".join([*lines, stack.hash] if lines else lines))

    def show_speed(self, tokens_per_s: float) -> None:
        self._speed.setText(
            self.tr("{0:.0f} tok/s").format(tokens_per_s) if tokens_per_s > 0 else ""
        )

    def show_memory(self, memory: MemoryByOwner, tiers: Mapping[str, str]) -> None:
        """`tiers` names the tier of each expert in memory."""
        self._bar.show_memory(memory, tiers)
        self._bar.show()
        self._total.setText(f"<b>{size_text(self._bar.total_bytes)}</b>")
        self._total.show()

    def _set_state(self, state: DotState, device: str, base: str) -> None:
        self._dot.show_state(state)
        self._device.setText(device)
        self._device.setToolTip("")
        self._base.setText(base)
        self._base.setVisible(bool(base))
