"""All shortcuts on one sheet, by where they work. Knows keys and words, not what they do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from expert_studio.views.widgets.plain_words import PlainLabel
from expert_studio.views.widgets.scrolling import scrolling


@dataclass(frozen=True, slots=True)
class Keys:
    """One shortcut: where it works, what to press (as QKeySequence reads it), what it does."""

    where: str
    keys: str
    does: str

    @property
    def native(self) -> str:
        """As this system writes it."""
        text = QKeySequence(self.keys).toString(QKeySequence.SequenceFormat.NativeText)
        return text or self.keys


class ShortcutSheet(QDialog):
    def __init__(self, keys: Sequence[Keys], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("Keyboard shortcuts"))
        self.resize(720, 560)
        self.keys = tuple(keys)
        self._build()

    def _build(self) -> None:
        title = PlainLabel(self.tr("Keyboard shortcuts"))
        title.setProperty("role", "title")
        inside = QWidget()
        inside.setProperty("role", "scroll")
        columns = QHBoxLayout(inside)
        columns.setContentsMargins(0, 0, 8, 0)
        columns.setSpacing(32)
        sections = list(dict.fromkeys(one.where for one in self.keys))
        halves = (QVBoxLayout(), QVBoxLayout())
        lengths = [0, 0]
        for section in sections:
            members = [one for one in self.keys if one.where == section]
            shorter = 0 if lengths[0] <= lengths[1] else 1
            lengths[shorter] += len(members) + 2
            halves[shorter].addLayout(_section(section, members))
            halves[shorter].addSpacing(14)
        for half in halves:
            half.addStretch(1)
            columns.addLayout(half, 1)
        close = QPushButton(self.tr("Close"))
        close.setAccessibleName(self.tr("Close the sheet"))
        close.setDefault(True)
        close.clicked.connect(self.accept)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(close)
        column = QVBoxLayout(self)
        column.setContentsMargins(22, 18, 22, 16)
        column.setSpacing(14)
        column.addWidget(title)
        column.addWidget(scrolling(inside), 1)
        column.addLayout(row)


def _section(name: str, members: Sequence[Keys]) -> QGridLayout:
    grid = QGridLayout()
    grid.setVerticalSpacing(7)
    grid.setHorizontalSpacing(12)
    heading = PlainLabel(name)
    heading.setProperty("role", "heading")
    grid.addWidget(heading, 0, 0, 1, 2)
    for row, one in enumerate(members, start=1):
        does, keys = PlainLabel(one.does), PlainLabel(one.native)
        does.setWordWrap(True)
        keys.setProperty("role", "chip")
        keys.setAccessibleName(f"{one.does}: {one.native}")
        grid.addWidget(does, row, 0)
        grid.addWidget(keys, row, 1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop)
    grid.setColumnStretch(0, 1)
    return grid
