"""Where the data lies and how to have it lie elsewhere; the log. Moves nothing itself."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QWidget

from expert_studio.core.data_folder import Order
from expert_studio.core.settings import HOME_VARIABLE, Folders
from expert_studio.views.widgets.setting_card import SettingCard, note


class DataSection(SettingCard):
    """Signals:
    open_wanted(): the folder shall be shown in the system's file browser.
    folder_chosen(Path): the data shall lie there.
    order_dropped(): the move that waits for the next start is not wanted.
    log_wanted(): the log shall be shown.
    """

    open_wanted = Signal()
    folder_chosen = Signal(object)
    order_dropped = Signal()
    log_wanted = Signal()

    def __init__(
        self, folders: Folders, chosen_outside: bool, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._folders = folders
        self._chosen_outside = chosen_outside
        self._open = QPushButton(self.tr("Open folder"))
        self._choose = QPushButton(self.tr("Choose another…"))
        self._drop = QPushButton(self.tr("Stay here"))
        self._waiting = note("")
        self._log = QPushButton(self.tr("Show the log…"))
        self._build()
        self._open.clicked.connect(self.open_wanted)
        self._choose.clicked.connect(self._on_choose)
        self._drop.clicked.connect(self.order_dropped)
        self._log.clicked.connect(self.log_wanted)

    def _build(self) -> None:
        self.set_heading(self.tr("Your data"))
        self._open.setAccessibleName(self.tr("Open the data folder"))
        self._choose.setAccessibleName(self.tr("Choose another data folder"))
        self._drop.setAccessibleName(self.tr("Leave the data where it is"))
        self._log.setAccessibleName(self.tr("Show the log"))
        self._choose.setEnabled(not self._chosen_outside)
        buttons = QWidget()
        row = QHBoxLayout(buttons)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self._open)
        row.addWidget(self._choose)
        sentence = self.tr(
            "{folder}\nExperts, bases, runs, datasets and conversations lie there and nowhere else."
        ).format(folder=self._folders.data)
        if self._chosen_outside:
            sentence += " " + self.tr("{name} says so, which no setting can change.").format(
                name=HOME_VARIABLE
            )
        self.add_row(self.tr("Data folder"), sentence, buttons)
        self._pending = QWidget()
        pending = QHBoxLayout(self._pending)
        pending.setContentsMargins(0, 0, 0, 0)
        pending.setSpacing(16)
        pending.addWidget(self._waiting, 1)
        pending.addWidget(self._drop)
        self.add(self._pending)
        self._pending.hide()
        self.add_rule()
        self.add_row(
            self.tr("Log"),
            self.tr("What the app noted while it ran, without keys and names: for a report."),
            self._log,
        )

    def show_order(self, order: Order | None) -> None:
        """What the next start will do."""
        self._pending.setVisible(order is not None)
        if order is not None:
            told = (
                self.tr("At the next start everything is moved to {folder}.")
                if order.move
                else self.tr("From the next start on, the data in {folder} is used.")
            )
            self._waiting.setText(told.format(folder=order.folder))

    @Slot()
    def _on_choose(self) -> None:
        dialog = QFileDialog(self, self.tr("Choose the data folder"))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(self._on_selected)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    @Slot(str)
    def _on_selected(self, folder: str) -> None:
        self.folder_chosen.emit(Path(folder))
