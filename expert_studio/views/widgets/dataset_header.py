"""The head of an open dataset: back, name, counts, undo, what can be done with it."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from expert_studio.core.datasets.store_changes import JournalEntry
from expert_studio.core.datasets.store_rows import STATES
from expert_studio.views.widgets.dataset_words import count_text, rows_text, value_name
from expert_studio.views.widgets.icon_button import IconButton
from expert_studio.views.widgets.page_header import PageHeader
from expert_studio.views.widgets.plain_words import plain_tip


class DatasetHeader(PageHeader):
    """Signals:
    back_wanted(), undo_wanted(), redo_wanted(), split_wanted(), export_wanted(), rows_wanted().
    """

    back_wanted = Signal()
    undo_wanted = Signal()
    redo_wanted = Signal()
    split_wanted = Signal()
    export_wanted = Signal()
    rows_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("", parent)
        self._back = IconButton("left", self.tr("All datasets"), 16)
        row = self.layout()
        assert isinstance(row, QHBoxLayout)
        row.insertWidget(0, self._back)
        self.undo = IconButton("undo", self.tr("Undo (Ctrl+Z)"), 16)
        self.redo = IconButton("redo", self.tr("Redo (Ctrl+Shift+Z)"), 16)
        self._split = QPushButton(self.tr("Split…"))
        self._split.setAccessibleName(self.tr("Split the rows into train, validation, held out"))
        self._export = QPushButton(self.tr("Export…"))
        self._export.setAccessibleName(self.tr("Write the rows to a file"))
        self._add = QPushButton(self.tr("Add rows"))
        self._add.setProperty("role", "primary")
        for widget in (self.undo, self.redo, self._split, self._export, self._add):
            self.add_action(widget)
        self._back.clicked.connect(self.back_wanted)
        self.undo.clicked.connect(self.undo_wanted)
        self.redo.clicked.connect(self.redo_wanted)
        self._split.clicked.connect(self.split_wanted)
        self._export.clicked.connect(self.export_wanted)
        self._add.clicked.connect(self.rows_wanted)

    def show_dataset(self, name: str) -> None:
        self.set_title(name)
        self.set_state("")
        self.show_turnable(None, None)

    def show_states(self, states: Mapping[str, int]) -> None:
        parts = [rows_text(sum(states.values()))]
        parts += [
            f"{count_text(states[state])} {value_name('state', state)}"
            for state in STATES
            if states.get(state)
        ]
        self.set_state(" · ".join(parts))

    @Slot(object, object)
    def show_turnable(self, undoable: JournalEntry | None, redoable: JournalEntry | None) -> None:
        self.undo.setEnabled(undoable is not None)
        self.redo.setEnabled(redoable is not None)
        undo, redo = self.tr("Undo (Ctrl+Z)"), self.tr("Redo (Ctrl+Shift+Z)")
        self.undo.setToolTip(undo if undoable is None else plain_tip(f"{undo}: {undoable.label}"))
        self.redo.setToolTip(redo if redoable is None else plain_tip(f"{redo}: {redoable.label}"))
