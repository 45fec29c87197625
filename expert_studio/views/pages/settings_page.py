"""What the person chooses for the whole app: look, base, how it is loaded, safety, data.

Says what was chosen by signal; saving, restyling and loading are the app's business.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QUrl, Signal, Slot
from PySide6.QtGui import QDesktopServices, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from expert_studio.core import data_folder
from expert_studio.core.data_folder import Order
from expert_studio.core.errors import StorageError
from expert_studio.core.inference.conversation import BaseRequest
from expert_studio.core.settings import Folders, Quantization, Settings
from expert_studio.runtime.background import Background
from expert_studio.runtime.base_download import BaseDownload
from expert_studio.views.notices import Notices
from expert_studio.views.theme_tokens import PAGE_PADDING
from expert_studio.views.widgets.base_section import BaseSection
from expert_studio.views.widgets.data_section import DataSection
from expert_studio.views.widgets.empty_state import EmptyState
from expert_studio.views.widgets.loading_section import LoadingSection
from expert_studio.views.widgets.look_section import LookSection
from expert_studio.views.widgets.matching import folded
from expert_studio.views.widgets.page_header import PageHeader
from expert_studio.views.widgets.safety_section import SafetySection
from expert_studio.views.widgets.scrolling import scrolling
from expert_studio.views.widgets.setting_card import SettingCard

_COLUMN_WIDTH = 760


class SettingsPage(QWidget):
    """Every change takes effect at once.

    Signals:
        settings_changed(Settings): the whole of them, after each change.
        base_chosen(BaseRequest): another base, quantization or device; follows the above.
    log_wanted(): the log shall be shown.
    """

    settings_changed = Signal(object)
    base_chosen = Signal(object)
    log_wanted = Signal()

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
        self._background = background
        self._build(background, download)
        self._connect()
        background.run(data_folder.placed, on_done=self._data.show_order)

    @property
    def settings(self) -> Settings:
        return self._settings

    def set_settings(self, settings: Settings) -> None:
        """Takes settings that something else has changed, without a signal."""
        before, self._settings = self._settings, settings
        self._look.show_settings(settings)
        self._safety.show_settings(settings)
        if (settings.base, settings.offline) != (before.base, before.offline):
            self._bases.show_base(settings.base)

    def focus_search(self) -> None:
        """Puts the keyboard into the field that searches the settings."""
        self._search.setFocus()
        self._search.selectAll()

    def go_to_bases(self) -> None:
        """Shows the bases, whatever was searched for."""
        self._search.clear()
        self._scroll.ensureWidgetVisible(self._bases)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._bases.show_base(self._settings.base)

    def _build(self, background: Background, download: BaseDownload) -> None:
        self._look = LookSection(self._settings)
        self._bases = BaseSection(self._folders, download, background)
        self._loading = LoadingSection(self._settings, background)
        self._safety = SafetySection(self._settings)
        self._data = DataSection(self._folders, data_folder.is_chosen_outside())
        self._cards: tuple[SettingCard, ...] = (
            self._look,
            self._bases,
            self._loading,
            self._safety,
            self._data,
        )
        inside = QWidget()
        inside.setProperty("role", "scroll")
        column = QVBoxLayout()
        column.setSpacing(14)
        for card in self._cards:
            column.addWidget(card)
        self._nothing = EmptyState(
            "search",
            self.tr("No setting is called like that"),
            self.tr("Try another word: theme, base, offline, data, log."),
        )
        self._nothing.hide()
        column.addWidget(self._nothing)
        column.addStretch(1)
        held = QWidget()
        held.setLayout(column)
        column.setContentsMargins(0, 0, 0, 0)
        held.setMaximumWidth(_COLUMN_WIDTH)
        outer = QHBoxLayout(inside)
        outer.setContentsMargins(PAGE_PADDING, 16, PAGE_PADDING, 20)
        outer.addWidget(held, 10)
        outer.addStretch(1)
        self._scroll: QScrollArea = scrolling(inside)
        page = QVBoxLayout(self)
        page.setContentsMargins(0, 0, 0, 0)
        page.setSpacing(0)
        page.addWidget(self._build_header())
        page.addWidget(self._scroll, 1)

    def _build_header(self) -> PageHeader:
        self._search = QLineEdit()
        self._search.setPlaceholderText(self.tr("Search the settings"))
        self._search.setAccessibleName(self.tr("Search the settings"))
        self._search.setClearButtonEnabled(True)
        self._search.setFixedWidth(220)
        header = PageHeader(self.tr("Settings"))
        header.add_action(self._search)
        return header

    def _connect(self) -> None:
        self._search.textChanged.connect(self._on_searched)
        find = QShortcut(QKeySequence(QKeySequence.StandardKey.Find), self)
        find.setWhatsThis(self.tr("Search the settings"))
        find.activated.connect(self.focus_search)
        self._look.changed.connect(self._keep)
        self._safety.changed.connect(self._keep)
        self._data.open_wanted.connect(self._on_open_folder)
        self._data.folder_chosen.connect(self.choose_data_folder)
        self._data.order_dropped.connect(self._on_order_dropped)
        self._data.log_wanted.connect(self.log_wanted)
        self._bases.chosen.connect(self._on_base)
        self._bases.fetched.connect(self._on_fetched)
        self._bases.failed.connect(self._notices.error)
        self._loading.quantization_chosen.connect(self._on_quantization)
        self._loading.device_chosen.connect(self._on_device)

    @Slot(object)
    def _keep(self, settings: Settings) -> None:
        before, self._settings = self._settings, settings
        if settings == before:
            return
        for section in (self._look, self._safety):
            section.show_settings(settings)
        self.settings_changed.emit(settings)
        if settings.offline != before.offline:
            self._bases.show_base(settings.base)
        loading = ("base", "quantization", "device")
        if any(getattr(settings, name) != getattr(before, name) for name in loading):
            self.base_chosen.emit(
                BaseRequest(
                    settings.base_folder(self._folders), settings.quantization, settings.device
                )
            )

    @Slot(str)
    def _on_searched(self, wanted: str) -> None:
        words = folded(wanted).split()
        for card in self._cards:
            text = folded(card.words())
            card.setVisible(all(word in text for word in words))
        self._nothing.setVisible(all(card.isHidden() for card in self._cards))

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

    @Slot(object)
    def choose_data_folder(self, folder: Path) -> None:
        """Checks a folder beside the window; the next start brings the data there."""
        self._background.run(
            _placed_in,
            folder,
            self._folders.data,
            on_done=self._on_placed,
            on_failed=self._notices.error,
        )

    @Slot(object)
    def _on_placed(self, order: Order) -> None:
        self._data.show_order(order)
        self._notices.toast(
            self.tr("Noted. It takes effect when the app is started the next time."),
            self.tr("Undo"),
            self._on_order_dropped,
        )

    @Slot()
    def _on_order_dropped(self) -> None:
        self._background.run(
            data_folder.place,
            None,
            on_done=self._on_order_forgotten,
            on_failed=self._notices.error,
        )

    @Slot(object)
    def _on_order_forgotten(self, _: object) -> None:
        self._data.show_order(None)


def _placed_in(folder: Path, now: Path) -> Order:
    order = data_folder.check(folder, now)
    data_folder.place(order)
    return order
