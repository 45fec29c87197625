"""A progress bar that is painted with everything else. Knows nothing of what it measures.

Qt's own paints at once, inside `setValue`, and with it all of the window that waits to be
painted: half of what the end of an answer cost.
"""

from __future__ import annotations

from PySide6.QtWidgets import QProgressBar, QWidget


class ThinBar(QProgressBar):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextVisible(False)

    def setValue(self, value: int) -> None:
        self.setUpdatesEnabled(False)
        super().setValue(value)
        self.setUpdatesEnabled(True)  # asks for a painting, later
