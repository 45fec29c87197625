"""How far a long prompt is read before the first word comes. Knows no engine."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QWidget

from expert_studio.views.widgets.plain_words import PlainLabel
from expert_studio.views.widgets.thin_bar import ThinBar

LEAST_TOKENS = 512  # below, it is over before it could be read
WIDTH = 160


class ReadingBar(QWidget):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._told = PlainLabel("", self)
        self._told.setProperty("role", "small")
        self._bar = ThinBar(self)
        self._bar.setFixedWidth(WIDTH)
        self._bar.setAccessibleName(self.tr("Tokens read"))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(10)
        row.addWidget(self._bar)
        row.addWidget(self._told, 1)
        self._changed = False
        self._wanted = False
        self.hide()

    @property
    def told(self) -> str:
        """What is said beside the bar, or "" while it is not shown."""
        return self._told.text() if self._wanted else ""

    def begin_again(self) -> None:
        """Another stack reads everything said so far; shown however short that is."""
        self._changed = True
        self._show(self.tr("Reading again under the new stack…"))

    def show_read(self, done: int, whole: int) -> None:
        if done >= whole:
            self.end()
            return
        if whole - done < LEAST_TOKENS and not self._wanted:
            return
        share = self.tr("{0} of {1} tokens · Esc stops").format(f"{done:,}", f"{whole:,}")
        what = (
            self.tr("Reading again under the new stack…")
            if self._changed
            else self.tr("Reading the conversation…")
        )
        self._bar.setRange(0, whole)
        self._bar.setValue(done)
        self._show(f"{what} {share}")

    def end(self) -> None:
        self._changed = self._wanted = False
        self.hide()

    def _show(self, text: str) -> None:
        self._wanted = True
        self._told.setText(text)
        self.show()
