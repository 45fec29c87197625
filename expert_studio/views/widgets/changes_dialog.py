"""What differs between two versions of an expert: scores, manifest, files, side by side.

Knows differences as `core.experts.update_preview` gives them; nothing of how they were read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from expert_studio.core.experts.update_preview import UpdatePreview
from expert_studio.views.widgets.change_words import change_label, changed_files, file_state
from expert_studio.views.widgets.elided_label import ElidedLabel
from expert_studio.views.widgets.plain_words import PlainLabel
from expert_studio.views.widgets.scrolling import scrolling
from expert_studio.views.widgets.setting_card import note

Row = tuple[str, str, str, str]  # label, before, after, severity
_SCORE = "score: "


class ChangesDialog(QDialog):
    """Two columns, the one before and the one after."""

    def __init__(self, found: UpdatePreview, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(
            self.tr("{name}: {before} and {after}").format(
                name=found.name, before=found.before, after=found.after
            )
        )
        self.setMinimumSize(680, 420)
        self._labels = (found.before, found.after)
        title = PlainLabel(self.windowTitle())
        title.setProperty("role", "title")
        close = QPushButton(self.tr("Close"))
        close.setAccessibleName(close.text())
        close.clicked.connect(self.accept)
        inside = QWidget()
        inside.setProperty("role", "scroll")
        column = QVBoxLayout(inside)
        column.setContentsMargins(20, 0, 20, 8)
        column.setSpacing(14)
        sections = {
            self.tr("Scores"): _said(found, lambda field: field.startswith(_SCORE)),
            self.tr("What it says of itself"): _said(found, lambda f: not f.startswith(_SCORE)),
            self.tr("Files, by SHA-256"): _files(found),
        }
        for heading, rows in sections.items():
            if rows:
                column.addWidget(self._section(heading, rows))
        if not any(sections.values()):
            column.addWidget(note(self.tr("Nothing differs.")))
        column.addStretch(1)
        foot = QHBoxLayout()
        foot.setContentsMargins(20, 0, 20, 0)
        foot.addStretch(1)
        foot.addWidget(close)
        head = QHBoxLayout()
        head.setContentsMargins(20, 0, 20, 0)
        head.addWidget(title)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 18, 0, 16)
        outer.setSpacing(12)
        outer.addLayout(head)
        outer.addWidget(scrolling(inside), 1)
        outer.addLayout(foot)

    def said(self) -> str:
        """All its text."""
        return "\n".join(
            label.accessibleName() or label.text() for label in self.findChildren(QLabel)
        )

    def _section(self, heading_text: str, rows: Sequence[Row]) -> QWidget:
        holder = QFrame()
        holder.setProperty("role", "card")
        grid = QGridLayout(holder)
        grid.setContentsMargins(14, 12, 14, 12)
        grid.setHorizontalSpacing(14)
        grid.setVerticalSpacing(7)
        for column, stretch in enumerate((3, 4, 4)):
            grid.setColumnStretch(column, stretch)
        heading = PlainLabel(heading_text)
        heading.setProperty("role", "heading")
        grid.addWidget(heading, 0, 0)
        for column, text in enumerate(self._labels, start=1):
            label = PlainLabel(text)
            label.setProperty("role", "small")
            grid.addWidget(label, 0, column)
        for number, (name, before, after, severity) in enumerate(rows, start=1):
            label = ElidedLabel(name, Qt.TextElideMode.ElideMiddle)
            label.setProperty("role", severity or "secondary")
            grid.addWidget(label, number, 0)
            for column, text in enumerate((before, after), start=1):
                value = ElidedLabel(text or "–")
                value.setStyleSheet("font-size: 12px")
                grid.addWidget(value, number, column)
        return holder


def _said(found: UpdatePreview, wanted: Callable[[str], bool]) -> list[Row]:
    severities = {"plain": "", "notice": "", "warning": "warn"}
    return [
        (change_label(c), c.before, c.after, severities[c.level])
        for c in found.changes
        if wanted(c.field)
    ]


def _files(found: UpdatePreview) -> list[Row]:
    return [
        (f"{file.path} ({file_state(file)})", file.before_sha256, file.after_sha256, "")
        for file in changed_files(found)
    ]
