"""Rows of a form: a name at the left, its control at the right. Knows nothing of datasets."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QLabel,
    QLayout,
    QSpinBox,
    QWidget,
)

from expert_studio.views.widgets.plain_words import PlainLabel
from expert_studio.views.widgets.setting_card import note

NAME_WIDTH = 128
ONE_LINE_PX = 44  # a control no higher has its name at its middle


class Form(QWidget):
    """A grid of rows; subclasses add them in reading order."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(16)
        self._grid.setVerticalSpacing(10)
        self._grid.setColumnMinimumWidth(0, NAME_WIDTH)
        self._grid.setColumnStretch(1, 1)

    def add_row(self, name: str, control: QWidget | QLayout, sentence: str = "") -> QLabel:
        """One row; `sentence` stands under the control. Returns its label, for `show_rows`."""
        label = PlainLabel(name)
        label.setProperty("role", "muted")
        at = self._grid.rowCount()
        top, middle = Qt.AlignmentFlag.AlignTop, Qt.AlignmentFlag.AlignVCenter
        low = isinstance(control, QWidget) and control.sizeHint().height() <= ONE_LINE_PX
        self._grid.addWidget(label, at, 0, middle if low else top)
        if not low:
            label.setContentsMargins(0, 6, 0, 0)
        if isinstance(control, QWidget):
            if not control.accessibleName():
                control.setAccessibleName(name)
            label.setBuddy(control)
            self._grid.addWidget(control, at, 1, Qt.AlignmentFlag.AlignLeft)
        else:
            self._grid.addLayout(control, at, 1)
        if sentence:
            self._grid.addWidget(note(sentence), at + 1, 1)
        return label

    def show_rows(self, labels: Sequence[QLabel], shown: bool) -> None:
        """Shows or hides rows whose control is one widget."""
        for label in labels:
            label.setVisible(shown)
            if (control := label.buddy()) is not None:
                control.setVisible(shown)

    def add_wide(self, widget: QWidget) -> None:
        """A control over the whole width of the right column."""
        self._grid.addWidget(widget, self._grid.rowCount(), 1)


def count_box(low: int, high: int, value: int, name: str) -> QSpinBox:
    box = QSpinBox()
    box.setRange(low, high)
    box.setValue(value)
    box.setGroupSeparatorShown(True)
    box.setAccessibleName(name)
    _plain(box)
    return box


def money_box(value: float, name: str) -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setRange(0.0, 10_000.0)
    box.setDecimals(2)
    box.setPrefix("$ ")
    box.setValue(value)
    box.setAccessibleName(name)
    _plain(box)
    return box


def choice_box(choices: Sequence[tuple[str, str]], name: str) -> QComboBox:
    """Choices as (text, value)."""
    box = QComboBox()
    for text, value in choices:
        box.addItem(text, value)
    box.setAccessibleName(name)
    box.setMinimumWidth(256)
    return box


def _plain(box: QAbstractSpinBox) -> None:
    box.setProperty("role", "plain")
    box.setButtonSymbols(QAbstractSpinBox.ButtonSymbols.NoButtons)
    box.setFixedWidth(120)
    if (field := box.lineEdit()) is not None:
        field.setTextMargins(8, 0, 8, 0)
