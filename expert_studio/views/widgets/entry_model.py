"""The experts a marketplace lists as rows. Knows no view, no disk and no network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QCoreApplication, QModelIndex, Qt
from PySide6.QtGui import QColor

from expert_studio.core.experts.marketplace import Entry
from expert_studio.core.experts.requirement import name_key
from expert_studio.views.widgets.expert_model import Index, shown_tokens
from expert_studio.views.widgets.plain_words import plain_tip

ENTRY = Qt.ItemDataRole.UserRole
NAME, VERSION, ABOUT, PUBLISHER, HERE = range(5)


class EntryModel(QAbstractTableModel):
    """One row an expert, in the order given."""

    def __init__(self) -> None:
        super().__init__()
        self._entries: tuple[Entry, ...] = ()
        self._installed: Mapping[str, str] = {}  # version by the name's key

    @property
    def entries(self) -> tuple[Entry, ...]:
        return self._entries

    def show_entries(self, entries: Sequence[Entry], installed: Mapping[str, str]) -> None:
        """Shows these; `installed` are the active versions by `name_key`."""
        self.beginResetModel()
        self._entries, self._installed = tuple(entries), installed
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 (Qt's signature)
        return 0 if parent.isValid() else len(self._entries)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 (Qt's signature)
        return 0 if parent.isValid() else HERE + 1

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal or role != Qt.ItemDataRole.DisplayRole:
            return None
        return (
            self.tr("Name"),
            self.tr("Version"),
            self.tr("What it does"),
            self.tr("Publisher"),
            self.tr("Here"),
        )[section]

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not 0 <= index.row() < len(self._entries):
            return None
        entry, column = self._entries[index.row()], index.column()
        if role == ENTRY:
            return entry
        if role == Qt.ItemDataRole.DisplayRole:
            return here_text(entry, self._installed) if column == HERE else _TEXTS[column](entry)
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(f"{entry.name}\n{entry.description}\n{entry.repository}")
        if role == Qt.ItemDataRole.ForegroundRole and column != NAME:
            tokens = shown_tokens()
            good = column == PUBLISHER and entry.verified
            return QColor(tokens.good if good else tokens.muted)
        return None


def here_text(entry: Entry, installed: Mapping[str, str]) -> str:
    """Whether it is installed, and whether a newer version is listed."""
    version = installed.get(name_key(entry.name), "")
    if not version:
        return ""
    if version == entry.latest_version:
        return _tr("installed")
    return _tr("{version} installed").format(version=version)


def publisher_text(entry: Entry) -> str:
    """Who publishes it, with a mark where the marketplace vouches for the key."""
    name = entry.publisher or entry.author
    return f"✓ {name}" if entry.verified else name


_TEXTS: Mapping[int, Callable[[Entry], str]] = {
    NAME: lambda entry: entry.name,
    VERSION: lambda entry: entry.latest_version,
    ABOUT: lambda entry: entry.description,
    PUBLISHER: publisher_text,
}


def _tr(text: str) -> str:
    return QCoreApplication.translate("entry_model", text)
