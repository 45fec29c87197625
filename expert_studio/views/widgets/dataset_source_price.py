"""What a model costs: as known, as a person says, or unknown. Knows no provider."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QWidget

from expert_studio.core.datasets.provider_prices import Price
from expert_studio.views.widgets.dataset_form import money_box
from expert_studio.views.widgets.plain_words import PlainLabel

_UNKNOWN_USD = -0.01  # below what a price can be: shown as a word


class PriceFields(QWidget):
    """Signals:
    changed(): another price, or none.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown: Price | None = None
        self.input = money_box(0.0, self.tr("US dollars for a million tokens of questions"))
        self.output = money_box(0.0, self.tr("US dollars for a million tokens of answers"))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        for box, text in (
            (self.input, self.tr("asked,")),
            (self.output, self.tr("answered, for a million tokens")),
        ):
            box.setRange(_UNKNOWN_USD, 10_000.0)
            box.setSpecialValueText(self.tr("unknown"))
            box.setFixedWidth(92)
            label = PlainLabel(text)
            label.setProperty("role", "secondary")
            row.addWidget(box)
            row.addWidget(label)
            box.valueChanged.connect(self._on_changed)
        row.addStretch(1)
        self.show_price(None)

    @property
    def stated(self) -> tuple[float, float] | None:
        """Dollars for a million tokens in and out; None while one of them is unknown."""
        both = (round(self.input.value(), 2), round(self.output.value(), 2))
        return both if min(both) >= 0 else None

    def show_price(self, price: Price | None) -> None:
        """Shows what is known of a model."""
        self._shown = price
        for box, usd in (
            (self.input, price.input_usd if price else _UNKNOWN_USD),
            (self.output, price.output_usd if price else _UNKNOWN_USD),
        ):
            box.blockSignals(True)
            box.setValue(usd)
            box.setToolTip(f"{price.source} {price.date}".strip() if price else "")
            box.blockSignals(False)

    @property
    def corrected(self) -> tuple[float, float] | None:
        """What the person says it costs, where that is another price than the one known."""
        known = (self._shown.input_usd, self._shown.output_usd) if self._shown else None
        return self.stated if self.stated != known else None

    @Slot(float)
    def _on_changed(self, _usd: float) -> None:
        self.changed.emit()
