"""A card of settings: a heading, and rows of a name, a sentence and a control."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from expert_studio.views.theme_tokens import CARD_PADDING
from expert_studio.views.widgets.plain_words import PlainLabel


class SettingCard(QFrame):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(
            CARD_PADDING + 5, CARD_PADDING + 2, CARD_PADDING + 5, CARD_PADDING + 4
        )
        self._column.setSpacing(10)

    def set_heading(self, heading: str, sentence: str = "") -> None:
        """What the card is about; call it once, before rows are added."""
        title = PlainLabel(heading)
        title.setProperty("role", "heading")
        told = QVBoxLayout()
        told.setSpacing(2)
        told.addWidget(title)
        if sentence:
            told.addWidget(note(sentence))
        self._column.addLayout(told)

    def add_choice(self, button: QRadioButton, sentence: str) -> None:
        """One of several choices with its sentence beside it."""
        button.setMinimumWidth(76)
        row = QHBoxLayout()
        row.setSpacing(12)
        row.addWidget(button, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(note(sentence), 1)
        self._column.addLayout(row)

    def add(self, widget: QWidget) -> None:
        """A widget over the whole width."""
        self._column.addWidget(widget)

    def add_row(self, name: str, sentence: str, control: QWidget) -> None:
        """A name with a sentence under it at the left, the control at the right."""
        told = QVBoxLayout()
        told.setSpacing(2)
        told.addWidget(PlainLabel(name))
        if sentence:
            told.addWidget(note(sentence))
        row = QHBoxLayout()
        row.setSpacing(16)
        row.addLayout(told, 1)
        row.addWidget(control, 0, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._column.addLayout(row)

    def words(self) -> str:
        """All that stands on the card, for a search."""
        said = [label.text() for label in self.findChildren(QLabel)]
        said += [f"{b.text()} {b.accessibleName()}" for b in self.findChildren(QAbstractButton)]
        return " ".join(said)

    def add_rule(self) -> None:
        """A hair line between groups of rows."""
        line = QFrame()
        line.setProperty("role", "rule")
        self._column.addWidget(line)


def bare_box(name: str) -> QCheckBox:
    """A check box whose words stand at the left of its row."""
    box = QCheckBox()
    box.setStyleSheet("spacing: 0px")
    box.setAccessibleName(name)
    return box


def note(sentence: str) -> QLabel:
    """Muted text of the secondary size that wraps."""
    label = PlainLabel(sentence)
    label.setProperty("role", "secondary")
    label.setWordWrap(True)
    return label
