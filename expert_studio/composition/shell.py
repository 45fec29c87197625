"""What works on every page: the palette, the sheet of shortcuts, moving by keyboard alone.

Knows what can be done where (`shell_entries` words it); does nothing of it itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QObject, QPoint, Qt, Slot
from PySide6.QtGui import QAction, QShortcut
from PySide6.QtWidgets import QApplication, QWidget

from expert_studio.composition.pages import CHAT, LIBRARY, Pages
from expert_studio.composition.parts import Parts
from expert_studio.composition.shell_entries import ShellEntries
from expert_studio.core.experts.library import InstalledExpert
from expert_studio.core.inference.history import Conversation
from expert_studio.views.widgets.command_palette import CommandPalette, Entry
from expert_studio.views.widgets.reading_order import tab_stops
from expert_studio.views.widgets.shortcut_sheet import Keys, ShortcutSheet

MOST_CONVERSATIONS = 1000
MOST_FOUND = 40


class Shell(QObject):
    def __init__(self, parts: Parts, pages: Pages, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._parts = parts
        self._pages = pages
        self._experts: tuple[str, ...] = ()
        self._conversations: tuple[Conversation, ...] = ()
        self._palette: CommandPalette | None = None
        self._sheet: ShortcutSheet | None = None
        self.entries = ShellEntries(parts, pages, self)
        for keys, does, run in (
            ("Ctrl+K", self.tr("Find anything"), self.open_palette),
            ("Ctrl+/", self.tr("All shortcuts"), self.open_sheet),
            ("F6", self.tr("Next part of the window"), self.next_part),
            ("Shift+F6", self.tr("Part of the window before"), self.part_before),
            ("Ctrl+J", self.tr("To what goes on"), parts.window.rail.jobs.focus),
        ):
            parts.window.add_shortcut(keys, does, run)
        for entry in self.entries.actions():
            if entry.keys:
                parts.window.add_shortcut(entry.keys, entry.title, entry.run)

    @property
    def palette(self) -> CommandPalette | None:
        """The palette while it is open."""
        return self._palette

    @property
    def sheet(self) -> ShortcutSheet | None:
        """The sheet of shortcuts while it is open."""
        return self._sheet

    @Slot(object)
    def set_experts(self, experts: Sequence[InstalledExpert]) -> None:
        self._experts = tuple(sorted(expert.name for expert in experts))

    # --- the palette -------------------------------------------------------------------

    @Slot()
    def open_palette(self) -> None:
        """Opens it with what is known and reads the conversations beside the window."""
        if self._palette is not None:
            return
        self._palette = CommandPalette(self._all_entries(), self._parts.window)
        self._palette.searched.connect(self._on_searched)
        self._palette.finished.connect(self._on_palette_closed)
        self._palette.open()
        self._parts.database_lane.run(
            self._parts.history.conversations, "", on_done=self._on_conversations
        )

    def _all_entries(self) -> list[Entry]:
        window = self._parts.window
        pages = [
            Entry(title, self.tr("Page"), partial(window.show_page, name), keys)
            for name, (title, keys) in window.titles.items()
        ]
        experts = [
            Entry(name, self.tr("Expert"), partial(self._show_expert, name))
            for name in self._experts
        ]
        added = [
            Entry(
                self.tr("Add {name} to the stack").format(name=name),
                self.tr("Action"),
                partial(self._add_expert, name),
            )
            for name in self._experts
        ]
        found = [self._conversation_entry(one) for one in self._conversations]
        return [*pages, *self.entries.actions(), *found, *experts, *added]

    def _conversation_entry(self, one: Conversation, found_anyway: bool = False) -> Entry:
        run = partial(self._open_conversation, one)
        return Entry(one.title, self.tr("Conversation"), run, found_anyway=found_anyway)

    def _open_conversation(self, conversation: Conversation) -> None:
        self._parts.window.show_page(CHAT)
        self._parts.dialogue.open(conversation)

    def _show_expert(self, name: str) -> None:
        self._parts.window.show_page(LIBRARY)
        self._pages.library.choose(name)

    def _add_expert(self, name: str) -> None:
        self._pages.chat.add_to_stack(name)
        self._parts.window.show_page(CHAT)

    @Slot(object)
    def _on_conversations(self, conversations: tuple[Conversation, ...]) -> None:
        self._conversations = conversations[:MOST_CONVERSATIONS]
        if self._palette is not None:
            self._palette.set_entries(self._all_entries())

    @Slot(str)
    def _on_searched(self, wanted: str) -> None:
        if wanted.strip():
            self._parts.database_lane.run(
                self._parts.history.conversations,
                wanted.strip(),
                on_done=partial(self._on_found, wanted),
            )

    def _on_found(self, wanted: str, conversations: tuple[Conversation, ...]) -> None:
        if self._palette is not None:
            found = [self._conversation_entry(one, True) for one in conversations[:MOST_FOUND]]
            self._palette.add_found(wanted, found)

    @Slot()
    def _on_palette_closed(self) -> None:
        self._palette = None
        self._parts.window.activateWindow()

    # --- the sheet ---------------------------------------------------------------------

    @Slot()
    def open_sheet(self) -> None:
        if self._sheet is None:
            self._sheet = ShortcutSheet(self.shortcuts(), self._parts.window)
            self._sheet.finished.connect(self._on_sheet_closed)
            self._sheet.open()

    def shortcuts(self) -> tuple[Keys, ...]:
        """Every shortcut there is, as the widgets themselves have it, and the keys of fields."""
        window = self._parts.window
        found = [
            Keys(self.tr("Everywhere"), shortcut.key().toString(), shortcut.whatsThis())
            for shortcut in window.findChildren(
                QShortcut, options=Qt.FindChildOption.FindDirectChildrenOnly
            )
        ]
        for name, page in window.pages().items():
            found += self._of_page(window.titles[name][0], page)
        return tuple(dict.fromkeys([*found, *self.entries.keys_of_fields()]))

    def _of_page(self, title: str, page: QWidget) -> list[Keys]:
        usual = {
            "Ctrl+F": self.tr("Search"),
            "Ctrl+N": self.tr("New conversation"),
            "Ctrl+S": self.tr("Keep what was written"),
            "Ctrl+Z": self.tr("Undo"),
            "Ctrl+Shift+Z": self.tr("Redo"),
            "Ctrl+Y": self.tr("Redo"),
            "Esc": self.tr("Stop, or leave"),
        }
        found = [
            Keys(title, keys, shortcut.whatsThis() or usual.get(keys, ""))
            for shortcut in page.findChildren(QShortcut)
            if (keys := shortcut.key().toString())
        ]
        found += [
            Keys(title, action.shortcut().toString(), action.text().rstrip("…"))
            for action in page.findChildren(QAction)
            if not action.shortcut().isEmpty()
        ]
        return found

    @Slot()
    def _on_sheet_closed(self) -> None:
        self._sheet = None
        self._parts.window.activateWindow()

    # --- moving by keyboard ------------------------------------------------------------

    @Slot()
    def next_part(self) -> None:
        """Rail, then the columns of the page, left to right."""
        self._step(1)

    @Slot()
    def part_before(self) -> None:
        self._step(-1)

    def _step(self, step: int) -> None:
        parts = self._parts_by_stops()
        if not parts:
            return
        focused = QApplication.focusWidget()
        within = [number for number, stops in enumerate(parts) if focused in stops]
        at = (within[0] + step) % len(parts) if within else 0
        parts[at][0].setFocus(Qt.FocusReason.TabFocusReason)

    def _parts_by_stops(self) -> list[list[QWidget]]:
        """What Tab reaches in rail, header, columns and what lies between them, left to right."""
        window = self._parts.window
        page = window.pages()[window.page]
        marked = [
            widget
            for widget in page.findChildren(QWidget)
            if widget.property("role") in {"header", "column", "side"} and widget.isVisible()
        ]
        outer = [w for w in marked if not any(o is not w and o.isAncestorOf(w) for o in marked)]
        found = [tab_stops(part) for part in outer]
        known = {id(stop) for stops in found for stop in stops}
        found.append([stop for stop in tab_stops(page) if id(stop) not in known])
        found = [stops for stops in found if stops]
        found.sort(key=lambda stops: stops[0].mapTo(window, QPoint(0, 0)).x())
        return [tab_stops(window.rail), *found]
