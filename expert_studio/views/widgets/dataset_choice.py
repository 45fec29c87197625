"""A dataset among those there are, or the name of a new one. Knows no dataset."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QComboBox, QLineEdit, QVBoxLayout, QWidget

from expert_studio.core.datasets.store_folder import checked_name
from expert_studio.core.errors import DatasetError
from expert_studio.views import theme
from expert_studio.views.widgets.plain_words import PlainLabel

FIRST_NAME = "corrections"


class DatasetChoice(QWidget):
    def __init__(self, names: Sequence[str], chosen: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._names = QComboBox()
        self._names.addItems(list(names))
        self._names.addItem(self.tr("New dataset…"))
        self._names.setAccessibleName(self.tr("Dataset"))
        self._name = QLineEdit(FIRST_NAME if FIRST_NAME not in names else "")
        self._name.setAccessibleName(self.tr("Name of the new dataset"))
        self._name.setPlaceholderText(self.tr("Name of the new dataset"))
        self._problem = PlainLabel()
        self._problem.setProperty("role", "small")
        self._problem.setWordWrap(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        for widget in (self._names, self._name, self._problem):
            column.addWidget(widget)
        self._names.currentIndexChanged.connect(self._on_chosen)
        wanted = chosen if chosen in names else FIRST_NAME
        at = self._names.findText(wanted)
        self._names.setCurrentIndex(at if at >= 0 else self._names.count() - 1)
        self._on_chosen()

    def choose(self, name: str) -> None:
        """As by hand: one that is there, or a new one of that name."""
        at = self._names.findText(name)
        self._names.setCurrentIndex(at if at >= 0 else self._names.count() - 1)
        if at < 0:
            self._name.setText(name)

    def chosen(self) -> str:
        """The name; "" where it cannot be used, and the reason is shown."""
        if not self._is_new:
            return self._names.currentText()
        try:
            return checked_name(self._name.text().strip())
        except DatasetError as error:
            theme.restyle(self._problem, role="warn")
            self._problem.setText(f"{error.why} {error.remedy}")
            return ""

    @property
    def _is_new(self) -> bool:
        return self._names.currentIndex() == self._names.count() - 1

    @Slot()
    def _on_chosen(self, _index: int = 0) -> None:
        self._name.setVisible(self._is_new)
        self._problem.setVisible(self._is_new)
        theme.restyle(self._problem, role="small")
        self._problem.setText(self.tr("Small letters, digits, dots, dashes and underscores."))
