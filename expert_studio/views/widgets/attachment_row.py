"""The files that go with the next message, each as a chip that can be taken off."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from expert_studio.core.inference.attached_text import AttachedText
from expert_studio.views.widgets.plain_words import plain_tip
from expert_studio.views.widgets.quantities import size_text

MOST = 6
LONGEST_NAME = 28


class AttachmentRow(QWidget):
    """Signals:
    changed(): a file was added or taken off.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._files: list[AttachedText] = []
        self._chips: list[QPushButton] = []
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(6)
        self._row.addStretch(1)
        self.hide()

    @property
    def files(self) -> tuple[AttachedText, ...]:
        return tuple(self._files)

    def add(self, file: AttachedText) -> bool:
        """False, and nothing is added, where there are six already."""
        if len(self._files) >= MOST:
            return False
        self._files = [*(f for f in self._files if f.name != file.name), file]
        self._show()
        return True

    def clear(self) -> None:
        if self._files:
            self._files = []
            self._show()

    def _show(self) -> None:
        for chip in self._chips:
            self._row.removeWidget(chip)
            chip.hide()
            chip.deleteLater()
        self._chips = [self._chip(file) for file in self._files]
        for place, chip in enumerate(self._chips):
            self._row.insertWidget(place, chip)
        self.setVisible(bool(self._files))
        self.changed.emit()

    def _chip(self, file: AttachedText) -> QPushButton:
        name = file.name
        if len(name) > LONGEST_NAME:
            name = f"{name[: LONGEST_NAME // 2]}…{name[-LONGEST_NAME // 2 :]}"
        text = file.text
        size = size_text(len(text) if text.isascii() else len(text.encode(errors="replace")))
        chip = QPushButton(f"{name} · {size}  ✕")
        chip.setProperty("role", "small")
        chip.setToolTip(plain_tip(self.tr("{0}: press to take it off").format(file.name)))
        chip.setAccessibleName(self.tr("Take {0} off this message").format(file.name))
        chip.clicked.connect(partial(self._on_removed, file.name))
        return chip

    @Slot()
    def _on_removed(self, name: str) -> None:
        self._files = [file for file in self._files if file.name != name]
        self._show()
