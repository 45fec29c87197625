"""Files to import and what their columns mean. Reads nothing itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QWidget,
)

from expert_studio.views.widgets.dataset_form import Form, choice_box
from expert_studio.views.widgets.elided_label import ElidedLabel
from expert_studio.views.widgets.expert_facts import Fact
from expert_studio.views.widgets.plain_words import PlainLabel, plain_tip
from expert_studio.views.widgets.setting_card import note

_MAPPED_AT_MOST = 24


class FileForm(Form):
    """Signals:
    changed(): other files, or another meaning of a column.
    chosen(): other files, whose columns are not known yet.
    """

    changed = Signal()
    chosen = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._paths: tuple[Path, ...] = ()
        self._boxes: list[tuple[str, QComboBox]] = []
        self._build()
        self._choose.clicked.connect(self._on_choose)
        self._choose_folder.clicked.connect(self._on_choose_folder)

    def _build(self) -> None:
        self._told = ElidedLabel(self.tr("Nothing chosen yet"))
        self._choose = QPushButton(self.tr("Choose files…"))
        self._choose_folder = QPushButton(self.tr("Choose a folder…"))
        for button in (self._choose, self._choose_folder):
            button.setAccessibleName(button.text())
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self._choose)
        row.addWidget(self._choose_folder)
        row.addWidget(self._told, 1)
        self.add_row(
            self.tr("Files"),
            row,
            self.tr(
                "JSON, JSON lines, CSV, Parquet, or the folder of a Hugging Face dataset; "
                "they can be dropped here. Nothing in them is run."
            ),
        )
        self._state = choice_box(
            [
                (self.tr("to look at (pending)"), "pending"),
                (self.tr("accepted at once"), "accepted"),
            ],
            self.tr("State of imported rows"),
        )
        self.add_row(self.tr("Rows become"), self._state)
        self._fields = QWidget()
        self._field_grid = QGridLayout(self._fields)
        self._field_grid.setContentsMargins(0, 0, 0, 0)
        self._field_grid.setHorizontalSpacing(12)
        self._field_grid.setVerticalSpacing(6)
        self._fields_label = self.add_row(self.tr("Columns"), self._fields)
        self._fields_note = note(
            self.tr("Names speak for themselves. Say so here where one means something else.")
        )
        self.add_wide(self._fields_note)
        self._show_fields(False)

    @property
    def ready(self) -> bool:
        return bool(self._paths)

    @property
    def work(self) -> str:
        return "import"

    @property
    def title(self) -> str:
        return self.tr("Import")

    @property
    def name_hint(self) -> str:
        return self._paths[0].name.partition(".")[0] if self._paths else ""

    @property
    def facts(self) -> list[Fact]:
        return [Fact(self.tr("From"), ", ".join(path.name for path in self._paths[:3]))]

    @property
    def paths(self) -> tuple[Path, ...]:
        return self._paths

    def order(self) -> dict[str, Any]:
        columns = {
            str(box.currentData()): column for column, box in self._boxes if box.currentData()
        }
        return {
            "paths": [str(path) for path in self._paths],
            "path": str(self._paths[0]) if self._paths else "",
            "columns": columns or None,
            "state": self._state.currentData(),
        }

    def set_paths(self, paths: Sequence[Path]) -> None:
        """Takes files or folders, from a dialog or a drop."""
        if not paths:
            return
        self._paths = tuple(paths)
        names = ", ".join(path.name for path in self._paths)
        self._told.set_text(names)
        self._told.setToolTip(plain_tip("\n".join(str(path) for path in self._paths)))
        self._show_columns((), {}, ())
        self.changed.emit()
        self.chosen.emit()

    def take_preview(self, result: Mapping[str, Any]) -> None:
        """Offers the columns that were found; a choice made before stays."""
        if [column for column, _ in self._boxes] != result["columns"][:_MAPPED_AT_MOST]:
            self._show_columns(result["columns"], result["fields"], result["targets"])

    def map_column(self, column: str, target: str) -> None:
        """Says what a column means, as choosing it does."""
        box = next(box for name, box in self._boxes if name == column)
        box.setCurrentIndex(box.findData(target))

    def _show_columns(
        self, columns: Sequence[str], fields: Mapping[str, str], targets: Sequence[str]
    ) -> None:
        while (item := self._field_grid.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        self._boxes = []
        meant = {column: target for target, column in fields.items()}
        for at, column in enumerate(columns[:_MAPPED_AT_MOST]):
            label = PlainLabel(column)
            label.setProperty("role", "mono")
            box = choice_box(
                [(self.tr("as it is called"), ""), *((target, target) for target in targets)],
                self.tr("What the column {name} means").format(name=column),
            )
            box.setMinimumWidth(150)
            if column in meant:
                box.setCurrentIndex(box.findData(meant[column]))
            box.currentIndexChanged.connect(self._on_mapped)
            self._field_grid.addWidget(label, at // 2, 2 * (at % 2))
            self._field_grid.addWidget(box, at // 2, 2 * (at % 2) + 1)
            self._boxes.append((column, box))
        self._field_grid.setColumnStretch(4, 1)
        self._show_fields(bool(columns))

    def _show_fields(self, shown: bool) -> None:
        for widget in (self._fields, self._fields_label, self._fields_note):
            widget.setVisible(shown)

    @Slot(int)
    def _on_mapped(self, _at: int) -> None:
        self.changed.emit()

    @Slot()
    def _on_choose(self) -> None:
        dialog = QFileDialog(self, self.tr("Files to import"))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.setNameFilters(
            [
                self.tr("Rows (*.jsonl *.json *.csv *.tsv *.parquet *.arrow *.jsonl.xz)"),
                self.tr("All files (*)"),
            ]
        )
        self._ask(dialog)

    @Slot()
    def _on_choose_folder(self) -> None:
        dialog = QFileDialog(self, self.tr("Folder of a dataset"))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        self._ask(dialog)

    def _ask(self, dialog: QFileDialog) -> None:
        dialog.filesSelected.connect(self._on_selected)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    @Slot(list)
    def _on_selected(self, files: list[str]) -> None:
        self.set_paths([Path(file) for file in files])
