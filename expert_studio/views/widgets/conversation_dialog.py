"""What one conversation is told and how its answers are decoded. Knows no engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QGridLayout,
    QPlainTextEdit,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from expert_studio.core.inference.conversation import Sampling
from expert_studio.views import theme
from expert_studio.views.widgets.plain_words import PlainLabel

DEFAULTS = Sampling()
EDITOR_LINES = 5
MOST_SEED = 2**31 - 1


class ConversationDialog(QDialog):
    """Signals:
    decided(str, dict | None): the system prompt, and the fields of `Sampling` that were set;
        None where the sampling stays as it is.
    """

    decided = Signal(str, object)

    def __init__(
        self, system: str, sampling: Mapping[str, Any], own: bool, parent: QWidget
    ) -> None:
        """own: the fields below are the person's own, not a preset's."""
        super().__init__(parent)
        self.setWindowTitle(self.tr("This conversation"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(520)
        self._system = QPlainTextEdit(system)
        self._own = QCheckBox(self.tr("Set how the next token is chosen myself"))
        self._fields: dict[str, QSpinBox | QDoubleSpinBox] = {}
        self._grid = QWidget()
        self._buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Cancel | QDialogButtonBox.StandardButton.Ok
        )
        self._build(sampling)
        self._own.setChecked(own)
        self._on_own(own)

    def _build(self, sampling: Mapping[str, Any]) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 18, 20, 16)
        column.setSpacing(8)
        label = PlainLabel(self.tr("System prompt: stands before the first message"))
        label.setBuddy(self._system)
        self._system.setProperty("role", "mono")
        self._system.setTabChangesFocus(True)
        self._system.setAccessibleName(label.text())
        self._system.setMinimumHeight(self._system.fontMetrics().lineSpacing() * EDITOR_LINES)
        column.addWidget(label)
        column.addWidget(self._system, 1)
        column.addSpacing(4)
        self._own.setAccessibleName(self._own.text())
        self._own.toggled.connect(self._on_own)
        column.addWidget(self._own)
        grid = QGridLayout(self._grid)
        grid.setContentsMargins(22, 0, 0, 0)
        grid.setHorizontalSpacing(12)
        for row, (key, name, detail, field) in enumerate(self._known(), start=0):
            field.setProperty("role", "plain")
            field.setAccessibleName(f"{name}: {detail}")
            field.setFixedWidth(110)
            value = sampling.get(key, getattr(DEFAULTS, key))
            field.setValue(-1 if value is None else value)
            told = PlainLabel(detail)
            told.setProperty("role", "small")
            told.setWordWrap(True)
            grid.addWidget(PlainLabel(name), row, 0)
            grid.addWidget(field, row, 1)
            grid.addWidget(told, row, 2)
            self._fields[key] = field
        grid.setColumnStretch(2, 1)
        column.addWidget(self._grid)
        column.addSpacing(6)
        column.addWidget(self._buttons)
        yes = self._buttons.button(QDialogButtonBox.StandardButton.Ok)
        yes.setText(self.tr("Use for this conversation"))
        theme.restyle(yes, role="primary")
        for standard in (
            QDialogButtonBox.StandardButton.Ok,
            QDialogButtonBox.StandardButton.Cancel,
        ):
            button = self._buttons.button(standard)
            button.setIcon(type(button.icon())())
            button.setAccessibleName(button.text())
        self._buttons.accepted.connect(self._on_accepted)
        self._buttons.rejected.connect(self.reject)

    def _known(self) -> tuple[tuple[str, str, str, QSpinBox | QDoubleSpinBox], ...]:
        """(field of Sampling, name, what it does, where it is set)."""
        return (
            ("temperature", self.tr("Temperature"), self.tr("0 takes the likeliest token always"),
             _decimal(0.0, 2.0)),
            ("top_p", self.tr("Top-p"), self.tr("the likeliest that share so much; 1 is off"),
             _decimal(0.01, 1.0)),
            ("top_k", self.tr("Top-k"), self.tr("the so many likeliest; 0 is off"),
             _whole(0, 1000)),
            ("min_p", self.tr("Min-p"), self.tr("as a share of the likeliest; 0 is off"),
             _decimal(0.0, 1.0)),
            ("repetition_penalty", self.tr("Repetition penalty"), self.tr("1 is off"),
             _decimal(0.5, 2.0)),
            ("max_tokens", self.tr("Longest answer"), self.tr("tokens"), _whole(1, 32768)),
            ("seed", self.tr("Seed"), self.tr("the same choices each time; -1 draws one"),
             _whole(-1, MOST_SEED)),
        )  # fmt: skip

    def write(self, system: str, **fields: float) -> None:
        """As by hand, without pressing the button."""
        self._system.setPlainText(system)
        self._own.setChecked(bool(fields))
        for key, value in fields.items():
            field = self._fields[key]
            if isinstance(field, QSpinBox):
                field.setValue(int(value))
            else:
                field.setValue(value)

    def press(self) -> None:
        """As by hand."""
        self._buttons.button(QDialogButtonBox.StandardButton.Ok).click()

    @Slot(bool)
    def _on_own(self, own: bool) -> None:
        self._grid.setEnabled(own)

    @Slot()
    def _on_accepted(self) -> None:
        sampling: dict[str, Any] | None = None
        if self._own.isChecked():
            sampling = {key: field.value() for key, field in self._fields.items()}
            if sampling["seed"] < 0:
                del sampling["seed"]
        self.decided.emit(self._system.toPlainText().strip(), sampling)
        self.accept()


def _decimal(low: float, high: float) -> QDoubleSpinBox:
    field = QDoubleSpinBox()
    field.setRange(low, high)
    field.setDecimals(2)
    field.setSingleStep(0.05)
    return field


def _whole(low: int, high: int) -> QSpinBox:
    field = QSpinBox()
    field.setRange(low, high)
    return field
