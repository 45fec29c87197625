"""What the person chooses for the whole app: look, base, how it is loaded, where data lies.

Says what was chosen by signal; saving, restyling and loading are the app's business.
"""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QUrl, Signal, Slot
from PySide6.QtGui import QDesktopServices, QShowEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from expert_studio.core.errors import StorageError
from expert_studio.core.inference.conversation import BaseRequest
from expert_studio.core.settings import Folders, Quantization, Settings, Theme
from expert_studio.runtime.background import Background
from expert_studio.runtime.base_download import BaseDownload
from expert_studio.views.notices import Notices
from expert_studio.views.theme_tokens import PAGE_PADDING
from expert_studio.views.widgets.base_section import BaseSection
from expert_studio.views.widgets.loading_section import LoadingSection
from expert_studio.views.widgets.page_header import PageHeader
from expert_studio.views.widgets.scrolling import scrolling
from expert_studio.views.widgets.setting_card import SettingCard

_COLUMN_WIDTH = 760
_THEMES: tuple[Theme, ...] = ("light", "dark", "system")


class SettingsPage(QWidget):
    """Every change takes effect at once.

    Signals:
        settings_changed(Settings): the whole of them, after each change.
        base_chosen(BaseRequest): another base, quantization or device; follows the above.
    """

    settings_changed = Signal(object)
    base_chosen = Signal(object)

    def __init__(
        self,
        settings: Settings,
        folders: Folders,
        notices: Notices,
        background: Background,
        download: BaseDownload,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setProperty("role", "page")
        self._settings = settings
        self._folders = folders
        self._notices = notices
        self._build(background, download)
        self._connect()

    @property
    def settings(self) -> Settings:
        return self._settings

    def set_settings(self, settings: Settings) -> None:
        """Takes settings that something else has changed, without a signal."""
        base_changed = settings.base != self._settings.base
        self._settings = settings
        self._themes.button(_THEMES.index(settings.theme)).setChecked(True)
        self._reduced.setChecked(settings.reduced_motion)
        if base_changed:
            self._bases.show_base(settings.base)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._bases.show_base(self._settings.base)

    def _build(self, background: Background, download: BaseDownload) -> None:
        self._bases = BaseSection(self._folders, download, background)
        self._loading = LoadingSection(self._settings, background)
        inside = QWidget()
        inside.setProperty("role", "scroll")
        column = QVBoxLayout()
        column.setSpacing(14)
        for card in (self._build_look(), self._bases, self._loading, self._build_data()):
            column.addWidget(card)
        column.addStretch(1)
        held = QWidget()
        held.setLayout(column)
        column.setContentsMargins(0, 0, 0, 0)
        held.setMaximumWidth(_COLUMN_WIDTH)
        outer = QHBoxLayout(inside)
        outer.setContentsMargins(PAGE_PADDING, 16, PAGE_PADDING, 20)
        outer.addWidget(held, 10)
        outer.addStretch(1)
        scroll = scrolling(inside)
        page = QVBoxLayout(self)
        page.setContentsMargins(0, 0, 0, 0)
        page.setSpacing(0)
        page.addWidget(PageHeader(self.tr("Settings")))
        page.addWidget(scroll, 1)

    def _build_look(self) -> SettingCard:
        card = SettingCard()
        card.set_heading(self.tr("Appearance"))
        names = (self.tr("Light"), self.tr("Dark"), self.tr("As the system"))
        segments = QWidget()
        row = QHBoxLayout(segments)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        self._themes = QButtonGroup(self)
        for number, (theme, name) in enumerate(zip(_THEMES, names, strict=True)):
            button = QPushButton(name)
            button.setProperty("role", "segment")
            button.setCheckable(True)
            button.setChecked(theme == self._settings.theme)
            button.setAccessibleName(self.tr("Theme: {name}").format(name=name))
            self._themes.addButton(button, number)
            row.addWidget(button)
        card.add_row(self.tr("Theme"), "", segments)
        self._reduced = QCheckBox()
        self._reduced.setStyleSheet("spacing: 0px")
        self._reduced.setAccessibleName(self.tr("Reduced motion"))
        self._reduced.setChecked(self._settings.reduced_motion)
        card.add_row(
            self.tr("Reduced motion"), self.tr("Nothing slides, fades or blinks."), self._reduced
        )
        return card

    def _build_data(self) -> SettingCard:
        card = SettingCard()
        card.set_heading(self.tr("Your data"))
        self._open_folder = QPushButton(self.tr("Open folder"))
        self._open_folder.setAccessibleName(self.tr("Open the data folder"))
        card.add_row(
            self.tr("Data folder"),
            self.tr(
                "{folder}\nExperts, bases, runs and conversations lie there and nowhere else. "
                "Set EXPERT_STUDIO_HOME to keep them in another place."
            ).format(folder=self._folders.data),
            self._open_folder,
        )
        return card

    def _connect(self) -> None:
        self._themes.idClicked.connect(self._on_theme)
        self._reduced.toggled.connect(self._on_reduced)
        self._open_folder.clicked.connect(self._on_open_folder)
        self._bases.chosen.connect(self._on_base)
        self._bases.fetched.connect(self._on_fetched)
        self._bases.failed.connect(self._notices.error)
        self._loading.quantization_chosen.connect(self._on_quantization)
        self._loading.device_chosen.connect(self._on_device)

    def _keep(self, settings: Settings) -> None:
        before, self._settings = self._settings, settings
        if settings == before:
            return
        self.settings_changed.emit(settings)
        loading = ("base", "quantization", "device")
        if any(getattr(settings, name) != getattr(before, name) for name in loading):
            self.base_chosen.emit(
                BaseRequest(
                    settings.base_folder(self._folders), settings.quantization, settings.device
                )
            )

    @Slot(int)
    def _on_theme(self, number: int) -> None:
        self._keep(replace(self._settings, theme=_THEMES[number]))

    @Slot(bool)
    def _on_reduced(self, on: bool) -> None:
        self._keep(replace(self._settings, reduced_motion=on))

    @Slot(str)
    def _on_base(self, setting: str) -> None:
        self._keep(replace(self._settings, base=setting))
        self._bases.show_base(setting)

    @Slot(str)
    def _on_fetched(self, setting: str) -> None:
        self._notices.toast(
            self.tr("The base is here, complete and checked."),
            self.tr("Use it"),
            lambda: self._on_base(setting),
        )

    @Slot(str)
    def _on_quantization(self, quantization: Quantization) -> None:
        self._keep(replace(self._settings, quantization=quantization))

    @Slot(str)
    def _on_device(self, device: str) -> None:
        self._keep(replace(self._settings, device=device))

    @Slot()
    def _on_open_folder(self) -> None:
        folder = self._folders.data
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as cause:
            self._notices.error(
                StorageError(
                    self.tr("The data folder cannot be opened."),
                    f"{cause.strerror or cause}.",
                    self.tr("Allow writing to {folder}.").format(folder=folder.parent),
                )
            )
            return
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
