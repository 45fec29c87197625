"""The list of bases: use one, fetch one, or choose a folder of one's own.

Reads the list and checks folders beside the window; loading a base is the app's business.
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from expert_studio.core.errors import ExpertError
from expert_studio.core.inference.download import base_destination, discard_partial
from expert_studio.core.inference.hub import is_offline
from expert_studio.core.settings import Folders
from expert_studio.runtime.background import Background
from expert_studio.runtime.base_download import BaseDownload
from expert_studio.views.widgets.base_choices import (
    BaseChoice,
    BaseChoices,
    check_base_folder,
    read_base_choices,
)
from expert_studio.views.widgets.base_row import BaseRow
from expert_studio.views.widgets.download_panel import DownloadPanel
from expert_studio.views.widgets.quantities import size_text
from expert_studio.views.widgets.setting_card import SettingCard, note
from expert_studio.views.widgets.token_row import TokenRow


class BaseSection(SettingCard):
    """Signals:
    chosen(str): what `Settings.base` should become.
    fetched(str): a download is complete; what `Settings.base` would be for it.
    failed(ExpertError): something could not be done.
    """

    chosen = Signal(str)
    fetched = Signal(str)
    failed = Signal(object)

    def __init__(
        self,
        folders: Folders,
        download: BaseDownload,
        background: Background,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._folders = folders
        self._download = download
        self._background = background
        self._setting = ""
        self._choices = BaseChoices((), 0)
        self._build()
        self._connect()

    @property
    def choices(self) -> BaseChoices:
        """What was read last."""
        return self._choices

    def show_base(self, setting: str) -> None:
        """Marks the base in use and reads the list anew."""
        self._setting = setting
        self.refresh()

    def refresh(self) -> None:
        self._background.run(
            read_base_choices,
            self._folders,
            self._setting,
            on_done=self._on_read,
            on_failed=self._on_failed,
        )
        self._token.refresh()

    def _build(self) -> None:
        self.set_heading(
            self.tr("Base model"),
            self.tr("Experts are composed on one base and never change it."),
        )
        self._rows = QVBoxLayout()
        self._rows.setSpacing(2)
        holder = QWidget()
        holder.setLayout(self._rows)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._panel = DownloadPanel(self._download)
        self._room = note("")
        self._folder = QPushButton(self.tr("Choose a folder…"))
        self._folder.setAccessibleName(self.tr("Use a base from a folder on this machine"))
        foot = QWidget()
        row = QHBoxLayout(foot)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._room, 1)
        row.addWidget(self._folder)
        self._token = TokenRow(self._background)
        self.add(holder)
        self.add(self._panel)
        self.add(foot)
        self.add_rule()
        self.add(self._token)

    def _connect(self) -> None:
        self._folder.clicked.connect(self._on_folder_asked)
        self._token.failed.connect(self.failed)
        self._download.started.connect(self._on_download_moved)
        self._download.ended.connect(self._on_download_moved)
        self._download.finished.connect(self._on_fetched)
        self._download.failed.connect(self.failed)

    def _show_rows(self) -> None:
        while (item := self._rows.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        may_fetch = not self._download.running and not is_offline()
        for base in self._choices.bases:
            in_use = base.is_here and base.setting == self._setting
            row = BaseRow(base, in_use, may_fetch)
            row.use_wanted.connect(self._on_use)
            row.fetch_wanted.connect(self._on_fetch)
            row.discard_wanted.connect(self._on_discard)
            self._rows.addWidget(row)
        free = size_text(self._choices.free_bytes)
        text = self.tr("Bases are kept in {folder}. {free} are free there.").format(
            folder=self._folders.bases, free=free
        )
        if is_offline():
            text = self.tr("The network is switched off, so nothing can be fetched. ") + text
        self._room.setText(text)

    @Slot(object)
    def _on_read(self, choices: BaseChoices) -> None:
        self._choices = choices
        self._show_rows()

    @Slot(object)
    def _on_failed(self, error: ExpertError) -> None:
        self.failed.emit(error)

    @Slot(object)
    def _on_use(self, base: BaseChoice) -> None:
        self.chosen.emit(base.setting)

    @Slot(object)
    def _on_fetch(self, base: BaseChoice) -> None:
        self._download.start(base.repo, base.revision)

    @Slot(object)
    def _on_discard(self, base: BaseChoice) -> None:
        destination = base_destination(self._folders.bases, base.repo)
        self._background.run(
            discard_partial, destination, on_done=self._on_discarded, on_failed=self._on_failed
        )

    @Slot(object)
    def _on_discarded(self, _: object) -> None:
        self.refresh()

    @Slot()
    def _on_download_moved(self) -> None:
        self.refresh()

    @Slot(object)
    def _on_fetched(self, folder: Path) -> None:
        self.fetched.emit(str(folder))

    @Slot()
    def _on_folder_asked(self) -> None:
        dialog = QFileDialog(self, self.tr("Choose a base's folder"))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(self.use_folder)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    @Slot(str)
    def use_folder(self, folder: str) -> None:
        """Checks a folder beside the window and chooses it, or says why not."""
        self._background.run(
            check_base_folder,
            Path(folder),
            on_done=self._on_folder_checked,
            on_failed=self._on_failed,
        )

    @Slot(object)
    def _on_folder_checked(self, folder: Path) -> None:
        self.chosen.emit(str(folder))
