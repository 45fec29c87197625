"""What may leave this machine, and what may come in: the network, packages nobody signed."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QComboBox, QWidget

from expert_studio.core import network
from expert_studio.core.settings import Settings, UnsignedPolicy
from expert_studio.views.widgets.setting_card import SettingCard, bare_box

_POLICIES: tuple[UnsignedPolicy, ...] = ("ask", "always", "never")


class SafetySection(SettingCard):
    """Signals:
    changed(Settings): with another choice.
    """

    changed = Signal(object)

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self._offline = bare_box(self.tr("Work offline"))
        self._unsigned = QComboBox()
        self._build()
        self.show_settings(settings)
        self._offline.clicked.connect(self._on_offline)
        self._unsigned.activated.connect(self._on_unsigned)

    def show_settings(self, settings: Settings) -> None:
        self._settings = settings
        forced = network.is_off_from_outside()
        self._offline.setChecked(settings.offline or forced)
        self._offline.setEnabled(not forced)
        self._unsigned.setCurrentIndex(_POLICIES.index(settings.unsigned_packages))

    def _build(self) -> None:
        self.set_heading(self.tr("Network and safety"))
        sentence = self.tr(
            "Nothing leaves this machine: no base and no package is fetched, no model of a "
            "provider is asked. Servers on this machine stay reachable."
        )
        if network.is_off_from_outside():
            sentence = f"{network.why_off()} {network.how_on()}"
        self.add_row(self.tr("Work offline"), sentence, self._offline)
        self.add_rule()
        self._unsigned.setAccessibleName(self.tr("Packages that nobody signed"))
        self._unsigned.setMinimumWidth(220)
        for text in (
            self.tr("Ask each time"),
            self.tr("Install without asking"),
            self.tr("Refuse"),
        ):
            self._unsigned.addItem(text)
        self.add_row(
            self.tr("Packages that nobody signed"),
            self.tr(
                "A package changed on its way is refused in any case; one without a signature "
                "cannot show who made it."
            ),
            self._unsigned,
        )

    @Slot(bool)
    def _on_offline(self, on: bool) -> None:
        self.changed.emit(replace(self._settings, offline=on))

    @Slot(int)
    def _on_unsigned(self, index: int) -> None:
        self.changed.emit(replace(self._settings, unsigned_packages=_POLICIES[index]))
