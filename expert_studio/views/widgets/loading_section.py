"""How a base is loaded: in which quantization, on which device. Loads nothing itself."""

from __future__ import annotations

import sys

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QButtonGroup, QComboBox, QRadioButton, QWidget

from expert_studio.core.settings import Quantization, Settings
from expert_studio.core.telemetry.gpu import Sampler
from expert_studio.runtime.background import Background
from expert_studio.views.widgets.quantities import size_text
from expert_studio.views.widgets.setting_card import SettingCard

_QUANTIZATIONS: tuple[Quantization, ...] = ("bf16", "nf4", "int8", "int4", "fp32")


class LoadingSection(SettingCard):
    """Signals:
    quantization_chosen(str): bf16, fp32, nf4, int8 or int4.
    device_chosen(str): as `Settings.device`.
    """

    quantization_chosen = Signal(str)
    device_chosen = Signal(str)

    def __init__(
        self, settings: Settings, background: Background, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._background = background
        self._wanted = settings.device
        self._build(settings)
        self._group.idClicked.connect(self._on_quantization)
        self._device.activated.connect(self._on_device)
        background.run(_cards, on_done=self._on_cards)

    def _build(self, settings: Settings) -> None:
        self.set_heading(
            self.tr("How the base is loaded"),
            self.tr("A change loads the base anew; conversations and experts stay."),
        )
        self._group = QButtonGroup(self)
        told = self._sentences()
        for number, quantization in enumerate(_QUANTIZATIONS):
            button = QRadioButton(quantization)
            button.setAccessibleName(f"{quantization}. {told[quantization]}")
            button.setChecked(quantization == settings.quantization)
            self._group.addButton(button, number)
            self.add_choice(button, told[quantization])
        self.add_rule()
        self._device = QComboBox()
        self._device.setAccessibleName(self.tr("Device the base is loaded on"))
        self._device.setMinimumWidth(220)
        self._device.addItem(self.tr("The fastest there is"), "auto")
        self._device.addItem(self.tr("Processor (CPU)"), "cpu")
        if sys.platform == "darwin":
            self._device.addItem(self.tr("Apple graphics (MPS)"), "mps")
        self._select(settings.device)
        self.add_row(
            self.tr("Device"),
            self.tr("A graphics card answers many times faster than the processor."),
            self._device,
        )

    def _sentences(self) -> dict[Quantization, str]:
        return {
            "bf16": self.tr("As bases are published, two bytes a weight; nothing is lost."),
            "nf4": self.tr(
                "Half a byte a weight: the least memory, answers a little less exact. "
                "Runs on every device."
            ),
            "int8": self.tr(
                "One byte a weight: half the memory, answers nearly the same. "
                "Runs on processors and NVIDIA cards."
            ),
            "int4": self.tr(
                "Half a byte a weight, packed for processors: "
                "the quickest way to answer without a graphics card."
            ),
            "fp32": self.tr("Four bytes a weight; for comparing figures, not for better answers."),
        }

    def _select(self, device: str) -> None:
        index = self._device.findData(device)
        if index < 0:
            self._device.addItem(device, device)
            index = self._device.count() - 1
        self._device.setCurrentIndex(index)

    @Slot(object)
    def _on_cards(self, cards: tuple[tuple[str, str], ...]) -> None:
        for device, name in cards:
            index = self._device.findData(device)
            if index >= 0:
                self._device.setItemText(index, name)
            else:
                self._device.addItem(name, device)
        self._select(self._wanted)

    @Slot(int)
    def _on_quantization(self, number: int) -> None:
        self.quantization_chosen.emit(_QUANTIZATIONS[number])

    @Slot(int)
    def _on_device(self, index: int) -> None:
        self._wanted = str(self._device.itemData(index))
        self.device_chosen.emit(self._wanted)


def _cards() -> tuple[tuple[str, str], ...]:
    """(device, name in words) of each NVIDIA card; empty without a driver."""
    with Sampler() as sampler:
        gpus = sampler.sample().gpus
    return tuple(
        (f"cuda:{gpu.index}", f"{gpu.name} · {size_text(gpu.total_bytes)}") for gpu in gpus
    )
