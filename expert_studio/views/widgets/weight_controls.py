"""An expert's weight as a figure to type and a slider to pull, always the same. Knows no stack."""

from __future__ import annotations

from PySide6.QtCore import QObject, QSignalBlocker, Qt, Signal, Slot
from PySide6.QtWidgets import QAbstractSpinBox, QDoubleSpinBox, QWidget

from expert_studio.core.inference.stack import WEIGHT_RANGE
from expert_studio.views import theme
from expert_studio.views.widgets.tier_slider import TierSlider

FIGURE_WIDTH = 52  # at 100 % of the type


class WeightControls(QObject):
    """Signals:
    weighed(float): the person set another weight with either.
    """

    weighed = Signal(float)

    def __init__(self, expert: str, tier: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.figure = QDoubleSpinBox(parent)
        self.slider = TierSlider(tier, parent)
        low, high = WEIGHT_RANGE
        self.figure.setProperty("role", "value")
        self.figure.setRange(low, high)
        self.figure.setDecimals(2)
        self.figure.setSingleStep(0.05)
        self.figure.setButtonSymbols(QAbstractSpinBox.ButtonSymbols.NoButtons)
        self.figure.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.scale()
        self.figure.setKeyboardTracking(False)
        self.figure.setAccessibleName(self.tr("Weight of {0}").format(expert))
        self.slider.setAccessibleName(self.tr("Weight of {0}, slider").format(expert))
        self.slider.setToolTip(self.tr("-2 to 2; double-click for 1"))
        self.slider.valueChanged.connect(self._on_slid)
        self.figure.valueChanged.connect(self._on_typed)

    def show_weight(self, weight: float) -> None:
        with QSignalBlocker(self.slider), QSignalBlocker(self.figure):
            self.slider.set_weight(weight)
            self.figure.setValue(weight)

    def scale(self) -> None:
        """Type may be of another size now."""
        self.figure.setFixedWidth(theme.scaled(FIGURE_WIDTH))

    def drop(self) -> None:
        """Both go, and this with them."""
        for control in (self.slider, self.figure):
            control.hide()
            control.deleteLater()
        self.deleteLater()

    def set_visible(self, visible: bool) -> None:
        self.slider.setVisible(visible)
        self.figure.setVisible(visible)

    @Slot(int)
    def _on_slid(self, _: int) -> None:
        with QSignalBlocker(self.figure):
            self.figure.setValue(self.slider.weight)
        self.weighed.emit(self.slider.weight)

    @Slot(float)
    def _on_typed(self, weight: float) -> None:
        with QSignalBlocker(self.slider):
            self.slider.set_weight(weight)
        self.weighed.emit(weight)
