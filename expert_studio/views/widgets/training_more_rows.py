"""Further rows that a run learns from, each with how often they are seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QDoubleSpinBox, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from expert_studio.core.training.data_source import DataSource
from expert_studio.views.widgets.dataset_form import choice_box
from expert_studio.views.widgets.icon_button import IconButton


class MoreRows(QWidget):
    """Signals:
    changed(): other rows, or another weight.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.lines: list[RowsLine] = []
        self._names: Sequence[str] = ()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(6)
        self.button = QPushButton(self.tr("Learn from more rows"))
        self.button.setProperty("role", "small")
        self.button.setToolTip(self.tr("Another dataset beside this one, with a weight of its own"))
        self.button.clicked.connect(self._on_add)
        row = QHBoxLayout()
        row.addWidget(self.button)
        row.addStretch(1)
        self._column.addLayout(row)

    @property
    def sources(self) -> tuple[DataSource, ...]:
        return tuple(line.source for line in self.lines if line.source is not None)

    def begin(self, names: Sequence[str], sources: Sequence[DataSource]) -> None:
        """Offers these datasets; shows these sources."""
        self._names = names
        self.setVisible(len(names) > 1 or bool(sources))
        for line in list(self.lines):
            self._take_away(line)
        for source in sources:
            self.add(source)

    def add(self, source: DataSource | None = None) -> RowsLine:
        """One more line, with this source or the first dataset there is."""
        line = RowsLine(self._names, source)
        line.changed.connect(self.changed)
        line.removed.connect(partial(self._on_removed, line))
        self.lines.append(line)
        self._column.insertWidget(len(self.lines) - 1, line)
        return line

    def _take_away(self, line: RowsLine) -> None:
        self.lines.remove(line)
        self._column.removeWidget(line)
        line.hide()
        line.deleteLater()

    def _on_removed(self, line: RowsLine) -> None:
        self._take_away(line)
        self.changed.emit()

    @Slot()
    def _on_add(self) -> None:
        self.add()
        self.changed.emit()


class RowsLine(QWidget):
    """Signals:
    changed(): other rows, or another weight.
    removed(): the line is not wanted any more.
    """

    changed = Signal()
    removed = Signal()

    def __init__(
        self, names: Sequence[str], source: DataSource | None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.rows = choice_box([], self.tr("More rows"))
        self.rows.setMinimumWidth(320)
        for name in names:
            self.rows.addItem(name, DataSource("store", name))
        self.weight = weight_box(1.0 if source is None else source.weight)
        if source is not None:
            plain = replace(source, weight=1.0)
            if plain.kind == "file":
                self.rows.addItem(Path(plain.where).name, plain)
            for at in range(self.rows.count()):
                if self.rows.itemData(at) == plain:
                    self.rows.setCurrentIndex(at)
        away = IconButton("close", self.tr("Do not learn from these"), 14)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.rows)
        row.addWidget(self.weight)
        row.addWidget(away)
        row.addStretch(1)
        self.rows.currentIndexChanged.connect(self._on_changed)
        self.weight.valueChanged.connect(self._on_changed)
        away.clicked.connect(self.removed)

    @property
    def source(self) -> DataSource | None:
        chosen = self.rows.currentData()
        if not isinstance(chosen, DataSource):
            return None
        return replace(chosen, weight=round(self.weight.value(), 2))

    @Slot()
    def _on_changed(self, _value: object = None) -> None:
        self.changed.emit()


def weight_box(value: float) -> QDoubleSpinBox:
    """How often rows are seen: "2 ×" is twice in each epoch."""
    box = QDoubleSpinBox()
    box.setRange(0.1, 100.0)
    box.setSingleStep(0.5)
    box.setDecimals(1)
    box.setSuffix(" ×")
    box.setValue(value)
    box.setProperty("role", "plain")
    box.setButtonSymbols(QDoubleSpinBox.ButtonSymbols.NoButtons)
    box.setFixedWidth(80)
    if (field := box.lineEdit()) is not None:
        field.setTextMargins(8, 0, 8, 0)
    box.setAccessibleName(box.tr("How often these rows are seen"))
    box.setToolTip(box.tr("How often these rows are seen in an epoch: 1 once, 2 twice"))
    return box
