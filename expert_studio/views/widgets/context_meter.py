"""How much of the context a conversation takes: a short bar and the figures."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QWidget

from expert_studio.views import theme
from expert_studio.views.widgets.plain_words import PlainLabel
from expert_studio.views.widgets.thin_bar import ThinBar

WIDTH = 44
SPACING = 7
NEARLY_FULL = 0.9


class ContextMeter(QWidget):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bar = ThinBar()
        self._bar.setFixedWidth(WIDTH)
        self._bar.setAccessibleName(self.tr("Context in use"))
        self._told = PlainLabel()
        self._told.setProperty("role", "small")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING)
        row.addWidget(self._bar)
        row.addWidget(self._told)
        self.hide()

    @property
    def told(self) -> str:
        return self._told.text()

    def room(self, compact: bool) -> int:
        """Logical pixels it takes with its bar, or with the figures alone."""
        return self._told.sizeHint().width() + (0 if compact else WIDTH + SPACING)

    def set_compact(self, compact: bool) -> None:
        """The figures alone, where there is no room for the bar."""
        self._bar.setVisible(not compact)
        self.setFixedWidth(self.room(compact))

    def show_context(self, used_tokens: int, length_tokens: int) -> None:
        """Hidden where there is no base, and so no length."""
        self.setVisible(length_tokens > 0)
        if length_tokens <= 0:
            self._told.clear()
            return
        self._bar.setRange(0, length_tokens)
        self._bar.setValue(min(used_tokens, length_tokens))
        full = used_tokens >= NEARLY_FULL * length_tokens
        theme.restyle(self._bar, severity="warn" if full else "")
        theme.restyle(self._told, role="warn" if full else "small")
        self._told.setText(
            self.tr("context {0} / {1}").format(f"{used_tokens:,}", f"{length_tokens:,}")
        )
        left = max(0, length_tokens - used_tokens)
        self.setToolTip(
            self.tr("{0} tokens are left for what is asked and answered next.").format(f"{left:,}")
        )
