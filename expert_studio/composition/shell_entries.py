"""What can be done, in words, for the palette and the sheet of shortcuts."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QUrl
from PySide6.QtGui import QDesktopServices

from expert_studio.composition.pages import CHAT, DATASETS, LIBRARY, SETTINGS, TRAINING, Pages
from expert_studio.composition.parts import Parts
from expert_studio.views.widgets.command_palette import Entry
from expert_studio.views.widgets.look_section import next_percent
from expert_studio.views.widgets.shortcut_sheet import Keys


class ShellEntries(QObject):
    def __init__(self, parts: Parts, pages: Pages, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._parts = parts
        self._pages = pages
        self._more: list[Entry] = []

    def add(self, title: str, run: Callable[[], object], keys: str = "", words: str = "") -> None:
        """One more action; call it before the shortcuts are made if it has keys."""
        self._more.append(Entry(title, self.tr("Action"), run, keys, words))

    def actions(self) -> list[Entry]:
        section = self.tr("Action")
        known = (
            (self.tr("New conversation"), self._new_conversation, "", "chat begin"),
            (self.tr("Write a prompt"), self._write, "Ctrl+L", "ask chat type"),
            (self.tr("Install experts from files"), self._install, "Ctrl+O", "add .expert open"),
            (self.tr("New dataset"), self._new_dataset, "Ctrl+Shift+D", "rows make"),
            (self.tr("Train a new expert"), self._train, "Ctrl+Shift+T", "training run"),
            (self.tr("Light or dark"), self._turn_theme, "", "theme appearance colours"),
            (self.tr("Larger text"), self._larger, "Ctrl++", "font scale size zoom"),
            (self.tr("Smaller text"), self._smaller, "Ctrl+-", "font scale size zoom"),
            (self.tr("Network on or off"), self._turn_network, "", "offline online"),
            (self.tr("Search the settings"), self._search_settings, "Ctrl+Shift+,", "options"),
            (self.tr("Open the data folder"), self._open_data, "", "files disk"),
            (self.tr("Close the window"), self._parts.window.close, "Ctrl+Q", "quit exit"),
        )
        return [Entry(title, section, run, keys, words) for title, run, keys, words in known] + [
            *self._more
        ]

    def keys_of_fields(self) -> tuple[Keys, ...]:
        """What fields and lists do with keys of their own."""
        writing, lists = self.tr("Writing a prompt"), self.tr("Lists, cards and buttons")
        return (
            Keys(writing, "Return", self.tr("Send")),
            Keys(writing, "Shift+Return", self.tr("New line")),
            Keys(lists, "Tab", self.tr("Next control")),
            Keys(lists, "Shift+Tab", self.tr("Control before")),
            Keys(lists, "Space", self.tr("Press or tick")),
            Keys(lists, "Return", self.tr("Open")),
            Keys(lists, "Del", self.tr("Stop the job that has the keyboard")),
        )

    # --- what they do ------------------------------------------------------------------

    def _new_conversation(self) -> None:
        self._parts.window.show_page(CHAT)
        self._pages.chat.conversations.new_wanted.emit()

    def _write(self) -> None:
        self._parts.window.show_page(CHAT)
        self._pages.chat.prompt.focus()

    def _install(self) -> None:
        self._parts.window.show_page(LIBRARY)
        self._pages.library.ask_for_files()

    def _new_dataset(self) -> None:
        self._parts.window.show_page(DATASETS)
        self._pages.datasets.begin_wizard()

    def _train(self) -> None:
        self._parts.window.show_page(TRAINING)
        self._pages.training.begin_wizard()

    def _turn_theme(self) -> None:
        dark = self._parts.theme.tokens.dark
        self._parts.settings.change(theme="light" if dark else "dark")

    def _larger(self) -> None:
        self._scale(1)

    def _smaller(self) -> None:
        self._scale(-1)

    def _scale(self, step: int) -> None:
        self._parts.settings.change(
            font_percent=next_percent(self._parts.settings.value.font_percent, step)
        )

    def _turn_network(self) -> None:
        offline = not self._parts.settings.value.offline
        self._parts.settings.change(offline=offline)
        self._parts.notices.toast(
            self.tr("The network is switched off.")
            if offline
            else self.tr("The network is switched on."),
            self.tr("Undo"),
            lambda: self._parts.settings.change(offline=not offline),
        )

    def _search_settings(self) -> None:
        self._parts.window.show_page(SETTINGS)
        self._pages.settings.focus_search()

    def _open_data(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._parts.folders.data)))
