"""Some turns of a transcript, laid out by themselves. Knows no turn and no scroll bar.

Folded, it is a blank of the same height: what lies far from what is seen costs no layout.
"""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout, QWidget

from expert_studio.views.widgets.rich_text import as_wide_as_parent

MOST_PX = 16_777_215  # Qt's own bound of a height


class TranscriptPart(QWidget):
    def __init__(self, spacing: int, parent: QWidget) -> None:
        super().__init__(parent)
        as_wide_as_parent(self)
        self._inside = QWidget(self)
        as_wide_as_parent(self._inside)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self._inside)
        self._turns = QVBoxLayout(self._inside)
        self._turns.setContentsMargins(0, 0, 0, 0)
        self._turns.setSpacing(spacing)

    @property
    def turns(self) -> QVBoxLayout:
        return self._turns

    @property
    def folded(self) -> bool:
        return self._inside.isHidden()

    def fold(self) -> bool:
        """Whether it could be: not while the keyboard is in it, for that would be lost."""
        focused = self.window().focusWidget()
        if focused is not None and self.isAncestorOf(focused):
            return False
        self.setFixedHeight(self.height())
        self._inside.hide()
        return True

    def unfold(self) -> None:
        self.setMinimumHeight(0)
        self.setMaximumHeight(MOST_PX)
        self._inside.show()
