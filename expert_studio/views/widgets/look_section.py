"""How the window looks: light or dark, how large its text is, whether things move."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QPushButton,
    QWidget,
)

from expert_studio.core.settings import Settings, Theme
from expert_studio.views.theme_tokens import FONT_PERCENTS
from expert_studio.views.widgets.setting_card import SettingCard, bare_box

_THEMES: tuple[Theme, ...] = ("light", "dark", "system")


class LookSection(SettingCard):
    """Signals:
    changed(Settings): with another look.
    """

    changed = Signal(object)

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self._themes, self._sizes = QButtonGroup(self), QButtonGroup(self)
        self._reduced = bare_box(self.tr("Reduced motion"))
        self._build()
        self.show_settings(settings)
        self._themes.idClicked.connect(self._on_theme)
        self._sizes.idClicked.connect(self._on_size)
        self._reduced.clicked.connect(self._on_reduced)

    def show_settings(self, settings: Settings) -> None:
        self._settings = settings
        self._themes.button(_THEMES.index(settings.theme)).setChecked(True)
        nearest = min(FONT_PERCENTS, key=lambda percent: abs(percent - settings.font_percent))
        self._sizes.button(nearest).setChecked(True)
        self._reduced.setChecked(settings.reduced_motion)

    def _build(self) -> None:
        self.set_heading(self.tr("Appearance"))
        names = (self.tr("Light"), self.tr("Dark"), self.tr("As the system"))
        themes = [
            (number, name, self.tr("Theme: {name}").format(name=name))
            for number, name in enumerate(names)
        ]
        sizes = [
            (percent, f"{percent} %", self.tr("Text size: {percent} %").format(percent=percent))
            for percent in FONT_PERCENTS
        ]
        self.add_row(self.tr("Theme"), "", _segments(self._themes, themes))
        self.add_row(
            self.tr("Text size"),
            self.tr("Of the usual size. Ctrl++ and Ctrl+- change it on every page."),
            _segments(self._sizes, sizes),
        )
        self.add_row(
            self.tr("Reduced motion"), self.tr("Nothing slides, fades or blinks."), self._reduced
        )

    @Slot(int)
    def _on_theme(self, number: int) -> None:
        self.changed.emit(replace(self._settings, theme=_THEMES[number]))

    @Slot(int)
    def _on_size(self, percent: int) -> None:
        self.changed.emit(replace(self._settings, font_percent=percent))

    @Slot(bool)
    def _on_reduced(self, on: bool) -> None:
        self.changed.emit(replace(self._settings, reduced_motion=on))


def next_percent(percent: int, step: int) -> int:
    """The next larger (`step` 1) or smaller (-1) of the sizes offered; the last stays."""
    if step > 0:
        return min((p for p in FONT_PERCENTS if p > percent), default=FONT_PERCENTS[-1])
    return max((p for p in FONT_PERCENTS if p < percent), default=FONT_PERCENTS[0])


def _segments(group: QButtonGroup, choices: list[tuple[int, str, str]]) -> QWidget:
    held = QWidget()
    row = QHBoxLayout(held)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(2)
    for number, text, name in choices:
        button = QPushButton(text)
        button.setProperty("role", "segment")
        button.setCheckable(True)
        button.setAccessibleName(name)
        group.addButton(button, number)
        row.addWidget(button)
    return held
