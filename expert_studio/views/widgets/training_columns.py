"""What the columns of a file mean: the prompt, its answer, a worse answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QComboBox, QGridLayout, QWidget

from expert_studio.views.widgets.dataset_form import choice_box
from expert_studio.views.widgets.plain_words import PlainLabel

# what is asked of a person, and the targets it is for single answers and for pairs
_ASKED = (("prompt", "instruction", "prompt"), ("answer", "output", "chosen"))
_WORSE = "rejected"


class TrainingColumns(QWidget):
    """Signals:
    changed(): a column means something else.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.boxes: dict[str, QComboBox] = {}
        self._columns: tuple[str, ...] = ()
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(6)
        for at, (name, text) in enumerate(
            (
                ("prompt", self.tr("Prompt")),
                ("answer", self.tr("Answer")),
                (_WORSE, self.tr("Worse answer")),
            )
        ):
            box = choice_box([], self.tr("Column of: {what}").format(what=text))
            box.setMinimumWidth(150)
            box.currentIndexChanged.connect(self._on_changed)
            label = PlainLabel(text)
            label.setProperty("role", "small")
            label.setBuddy(box)
            self.boxes[name] = box
            grid.addWidget(label, 0, at)
            grid.addWidget(box, 1, at)
        grid.setColumnStretch(3, 1)

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """As a `DataSource` has them; () while prompt or answer are not said."""
        said = {name: str(box.currentData() or "") for name, box in self.boxes.items()}
        if not (said["prompt"] and said["answer"]):
            return ()
        pairs = bool(said[_WORSE])
        found = [(targets[pairs], said[name]) for name, *targets in _ASKED]
        return (*found, (_WORSE, said[_WORSE])) if pairs else tuple(found)

    def show_columns(self, columns: Sequence[str], fields: Mapping[str, str]) -> None:
        """Offers these columns, with what they are thought to mean; a choice made stays."""
        if tuple(columns) == self._columns:
            return
        self._columns = tuple(columns)
        for name, box in self.boxes.items():
            targets = {each[0]: each[1:] for each in _ASKED}.get(name, (_WORSE,))
            meant = next((fields[target] for target in targets if target in fields), "")
            box.blockSignals(True)
            box.clear()
            box.addItem("—", "")
            for column in columns:
                box.addItem(column, column)
            box.setCurrentIndex(max(0, box.findData(meant)))
            box.blockSignals(False)

    def choose(self, name: str, column: str) -> None:
        """Says which column is "prompt", "answer" or "rejected", as choosing it does."""
        self.boxes[name].setCurrentIndex(self.boxes[name].findData(column))

    def forget(self) -> None:
        """Another file is looked at."""
        self._columns = ()

    @Slot(int)
    def _on_changed(self, _at: int) -> None:
        self.changed.emit()
