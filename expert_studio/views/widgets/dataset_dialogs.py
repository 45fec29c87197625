"""Two small questions: what a dataset shall be called, how it shall be split."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLineEdit,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from expert_studio.core.datasets.store_folder import checked_name
from expert_studio.core.errors import DatasetError
from expert_studio.views.widgets.dataset_form import Form, count_box
from expert_studio.views.widgets.plain_words import PlainLabel
from expert_studio.views.widgets.setting_card import note


class NameDialog(QDialog):
    """Signals:
    named(str): a name that can be used.
    """

    named = Signal(str)

    def __init__(self, title: str, name: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(380)
        label = PlainLabel(self.tr("Name of the dataset"))
        self._field = QLineEdit(name)
        self._field.selectAll()
        label.setBuddy(self._field)
        self._field.setAccessibleName(label.text())
        self._problem = note(self.tr("Small letters, digits, dots, dashes and underscores."))
        self._buttons = _buttons(title)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(8)
        for widget in (label, self._field, self._problem):
            column.addWidget(widget)
        column.addSpacing(8)
        column.addWidget(self._buttons)
        self._buttons.accepted.connect(self._on_accepted)
        self._buttons.rejected.connect(self.reject)

    def type_name(self, name: str) -> None:
        self._field.setText(name)

    @Slot()
    def _on_accepted(self) -> None:
        try:
            name = checked_name(self._field.text().strip())
        except DatasetError as error:
            self._problem.setText(f"{error.why} {error.remedy}")
            return
        self.named.emit(name)
        self.accept()


class SplitDialog(QDialog):
    """Signals:
    chosen(float, float, float, int): shares of train, validation and held-out, and the seed.
    """

    chosen = Signal(float, float, float, int)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Split the rows"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(420)
        self._validation = _percent(10, self.tr("Validation, per cent"))
        self._held_out = _percent(10, self.tr("Held out, per cent"))
        self._train = PlainLabel()
        self._seed = count_box(0, 2_000_000_000, 1, self.tr("Seed"))
        form = Form()
        form.add_row(self.tr("Train"), self._train)
        form.add_row(
            self.tr("Validation"), self._validation, self.tr("For the curve while training.")
        )
        form.add_row(self.tr("Held out"), self._held_out, self.tr("For the final score only."))
        form.add_row(self.tr("Seed"), self._seed)
        told = note(
            self.tr(
                "Families and repositories stay whole, and labels come out in like shares, so "
                "that a score says something of new rows. It can be undone."
            )
        )
        self._buttons = _buttons(self.tr("Split"))
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(12)
        column.addWidget(told)
        column.addWidget(form)
        column.addSpacing(4)
        column.addWidget(self._buttons)
        for box in (self._validation, self._held_out):
            box.valueChanged.connect(self._on_changed)
        self._buttons.accepted.connect(self._on_accepted)
        self._buttons.rejected.connect(self.reject)
        self._on_changed()

    @Slot()
    def _on_changed(self, _value: int = 0) -> None:
        left = 100 - self._validation.value() - self._held_out.value()
        self._train.setText(self.tr("{n} %").format(n=left))
        self._train.setContentsMargins(0, 6, 0, 0)

    @Slot()
    def _on_accepted(self) -> None:
        validation, held_out = self._validation.value() / 100, self._held_out.value() / 100
        self.chosen.emit(
            round(1 - validation - held_out, 4), validation, held_out, self._seed.value()
        )
        self.accept()


def _percent(value: int, name: str) -> QSpinBox:
    box = count_box(0, 45, value, name)
    box.setSuffix(" %")
    return box


def _buttons(accept: str) -> QDialogButtonBox:
    box = QDialogButtonBox(
        QDialogButtonBox.StandardButton.Cancel | QDialogButtonBox.StandardButton.Ok
    )
    yes = box.button(QDialogButtonBox.StandardButton.Ok)
    yes.setText(accept)
    yes.setIcon(type(yes.icon())())
    yes.setProperty("role", "primary")
    no = box.button(QDialogButtonBox.StandardButton.Cancel)
    no.setIcon(type(no.icon())())
    return box
