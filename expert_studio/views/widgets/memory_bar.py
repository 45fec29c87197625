"""Memory by owner as one bar: base grey, experts in tier colours, KV cache cyan."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from expert_studio.core.inference.conversation import MemoryByOwner
from expert_studio.views import theme
from expert_studio.views.theme_tokens import Tokens
from expert_studio.views.widgets.quantities import size_text

LEAST_PART = 3.0


class MemoryBar(QWidget):
    def __init__(self, height: int = 6, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._memory = MemoryByOwner(0, (), 0)
        self._tiers: Mapping[str, str] = {}
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(height)
        self.setAccessibleName(self.tr("Memory by owner"))

    @property
    def total_bytes(self) -> int:
        held = self._memory
        return held.base + sum(size for _, size in held.experts) + held.kv_cache

    def show_memory(self, memory: MemoryByOwner, tiers: Mapping[str, str]) -> None:
        """`tiers` names each expert's tier."""
        self._memory = memory
        self._tiers = tiers
        lines = [self.tr("Base: {0}").format(size_text(memory.base))]
        lines += [f"{name}: {size_text(size)}" for name, size in memory.experts]
        lines.append(self.tr("KV cache: {0}").format(size_text(memory.kv_cache)))
        self.setToolTip("\n".join(lines))
        self.setAccessibleDescription("; ".join(lines))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(190, self.height())

    def _parts(self, tokens: Tokens) -> list[tuple[int, str]]:
        held = self._memory
        parts = [(held.base, tokens.base)]
        parts += [(size, tokens.tier(self._tiers.get(name, ""))) for name, size in held.experts]
        parts.append((held.kv_cache, tokens.kv))
        return [part for part in parts if part[0] > 0]

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.tokens_of(self)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        outline = QPainterPath()
        radius = min(3.0, self.height() / 2)
        outline.addRoundedRect(QRectF(self.rect()), radius, radius)
        painter.setClipPath(outline)
        painter.fillRect(self.rect(), QColor(tokens.line))
        painter.setPen(Qt.PenStyle.NoPen)
        parts = self._parts(tokens)
        total = max(1, sum(size for size, _ in parts))
        room = self.width() - LEAST_PART * len(parts)
        x = 0.0
        for size, colour in parts:
            width = LEAST_PART + room * size / total
            painter.fillRect(QRectF(x, 0, width, self.height()), QColor(colour))
            x += width
        painter.end()
