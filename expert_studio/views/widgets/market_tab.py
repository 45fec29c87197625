"""The marketplaces: their offline copies, search, shelves, verified publishers, one expert.

Shows what `market_works` read; says by signal what the person wants. Knows no network.
"""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QModelIndex, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QHBoxLayout,
    QHeaderView,
    QMenu,
    QPushButton,
    QStackedWidget,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from expert_studio.core.experts.fetch_control import FetchProgress
from expert_studio.core.experts.marketplace import Entry
from expert_studio.views.theme_tokens import PAGE_PADDING
from expert_studio.views.widgets.empty_state import EmptyState
from expert_studio.views.widgets.entry_model import ABOUT, ENTRY, EntryModel, here_text
from expert_studio.views.widgets.fetch_bar import FetchBar
from expert_studio.views.widgets.filter_menu import FilterMenu
from expert_studio.views.widgets.icon_button import IconButton
from expert_studio.views.widgets.market_details import MarketDetails
from expert_studio.views.widgets.market_works import MarketContents
from expert_studio.views.widgets.setting_card import note

_WIDTHS = (170, 70, 200, 150, 110)


class MarketTab(QWidget):
    """Signals:
    add_wanted(): the person wants to name another marketplace.
    remove_wanted(str): a marketplace should be forgotten.
    update_wanted(): all should be brought up to date.
    install_wanted(Entry, str): this version of an expert should be fetched.
    stop_wanted(): the fetch under way should end.
    """

    add_wanted = Signal()
    remove_wanted = Signal(str)
    update_wanted = Signal()
    install_wanted = Signal(object, str)
    stop_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._contents = MarketContents()
        self._installed: Mapping[str, str] = {}
        self._text = ""
        self.model = EntryModel()
        self.details = MarketDetails()
        self.fetch_bar = FetchBar()
        self._build()
        self._connect()
        self._show()

    @property
    def names(self) -> tuple[str, ...]:
        """The experts on view."""
        return tuple(entry.name for entry in self.model.entries)

    @property
    def state_text(self) -> str:
        """What is said of the copies."""
        return self._state.text()

    def show_contents(self, contents: MarketContents, installed: Mapping[str, str]) -> None:
        """Shows these; `installed` are the active versions by `name_key`."""
        self._contents, self._installed = contents, installed
        self._category.set_values(
            (c.name, f"{c.title}  ({c.experts})") for c in contents.categories if c.experts
        )
        self._market.set_values((market.name, market.name) for market in contents.markets)
        self._fill_menu()
        self._show()

    def set_text(self, text: str) -> None:
        """Words that must all occur in what the marketplace says of an expert."""
        self._text = text
        self._show()

    def keep_to(self, category: str = "", verified_only: bool = False) -> None:
        """As by hand."""
        self._category.choose(category)
        self._verified.setChecked(verified_only)

    def choose(self, name: str) -> None:
        """Shows one of those on view."""
        if name in self.names:
            self._table.selectRow(self.names.index(name))

    def show_fetching(self, what: str) -> None:
        """Something is being fetched, or "" nothing any more."""
        self.fetch_bar.show_fetching(what)
        self.details.set_busy(bool(what))
        self._update.setEnabled(not what)

    def show_progress(self, progress: FetchProgress) -> None:
        self.fetch_bar.show_progress(progress)

    def _build(self) -> None:
        left = QVBoxLayout()
        left.setContentsMargins(PAGE_PADDING, 12, PAGE_PADDING, 16)
        left.setSpacing(8)
        left.addLayout(self._build_head())
        left.addWidget(self.fetch_bar)
        left.addWidget(self._build_problems())
        left.addLayout(self._build_filter())
        self._pages = QStackedWidget()
        self._pages.addWidget(self._build_table())
        self._pages.addWidget(self._build_empty())
        self._pages.addWidget(EmptyState("search", self.tr("Nothing matches"), ""))
        left.addWidget(self._pages, 1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addLayout(left, 1)
        row.addWidget(self.details)

    def _build_head(self) -> QHBoxLayout:
        self._state = note("")
        self._update = QPushButton(self.tr("Bring up to date"))
        self._update.setProperty("role", "small")
        self._update.setAccessibleName(self.tr("Fetch what the marketplaces list now"))
        self._add = QPushButton(self.tr("Add marketplace…"))
        self._add.setProperty("role", "small")
        self._add.setAccessibleName(self._add.text())
        self._more = IconButton("more", self.tr("Remove a marketplace"))
        self._more.setPopupMode(IconButton.ToolButtonPopupMode.InstantPopup)
        self._more.setMenu(QMenu(self._more))
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self._state, 1)
        row.addWidget(self._update)
        row.addWidget(self._add)
        row.addWidget(self._more)
        return row

    def _build_problems(self) -> QWidget:
        self._problems = note("")
        self._problems.setProperty("role", "warn")
        return self._problems

    def _build_filter(self) -> QHBoxLayout:
        self._category = FilterMenu(self.tr("Category"))
        self._market = FilterMenu(self.tr("Marketplace"))
        self._verified = QCheckBox(self.tr("Verified publishers only"))
        self._verified.setAccessibleName(self._verified.text())
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self._category)
        row.addWidget(self._market)
        row.addStretch(1)
        row.addWidget(self._verified)
        return row

    def _build_table(self) -> QWidget:
        table = QTableView()
        table.setModel(self.model)
        table.setShowGrid(False)
        table.setProperty("role", "list")
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        table.setTabKeyNavigation(False)
        table.setWordWrap(False)
        table.setAcceptDrops(False)
        table.verticalHeader().hide()
        table.verticalHeader().setDefaultSectionSize(36)
        head = table.horizontalHeader()
        head.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        head.setHighlightSections(False)
        for column, width in enumerate(_WIDTHS):
            table.setColumnWidth(column, width)
        head.setSectionResizeMode(ABOUT, QHeaderView.ResizeMode.Stretch)
        table.setAccessibleName(self.tr("Experts in the marketplaces"))
        self._table = table
        return table

    def _build_empty(self) -> QWidget:
        empty = EmptyState(
            "download",
            self.tr("No marketplace yet"),
            self.tr(
                "A marketplace is a Git repository that lists experts. Its list is kept on this "
                "machine, so that you can look through it without a network."
            ),
        )
        self._first = empty.add_button(self.tr("Add a marketplace…"), primary=True)
        return empty

    def _connect(self) -> None:
        self._add.clicked.connect(self.add_wanted)
        self._first.clicked.connect(self.add_wanted)
        self._update.clicked.connect(self.update_wanted)
        self._category.chosen.connect(self._on_filter)
        self._market.chosen.connect(self._on_filter)
        self._verified.toggled.connect(self._on_filter)
        self._table.selectionModel().currentRowChanged.connect(self._on_current)
        self.details.install_wanted.connect(self.install_wanted)
        self.fetch_bar.stop_wanted.connect(self.stop_wanted)

    def _show(self) -> None:
        contents = self._contents
        entries = [entry for entry in contents.entries if self._passes(entry)]
        self.model.show_entries(entries, self._installed)
        self.details.show_entry(None, "")
        self._state.setText(self._copies())
        self._problems.setText("\n".join(contents.problems[:4]))
        self._problems.setVisible(bool(contents.problems))
        has_any = bool(contents.markets)
        for widget in (self._update, self._add, self._more, self._verified):
            widget.setVisible(has_any)
        self._pages.setCurrentIndex(1 if not has_any else 0 if entries else 2)

    def _passes(self, entry: Entry) -> bool:
        if self._verified.isChecked() and not entry.verified:
            return False
        if self._market.value not in ("", entry.market):
            return False
        if self._category.value and self._category.value not in entry.categories:
            return False
        parts = (entry.name, entry.description, entry.publisher, entry.author, *entry.tags)
        said = " ".join((*parts, *entry.categories, *entry.bases)).lower()
        return all(word in said for word in self._text.lower().split())

    def _copies(self) -> str:
        markets = self._contents.markets
        if not markets:
            return ""
        parts = [
            self.tr("{name}: copy of {when}").format(
                name=market.name, when=market.fetched_at[:16].replace("T", " ")
            )
            for market in markets
        ]
        count = self.tr("{n} experts").format(n=len(self._contents.entries))
        return " · ".join((*parts, count))

    def _fill_menu(self) -> None:
        menu = self._more.menu()
        menu.clear()
        for market in self._contents.markets:
            action = menu.addAction(self.tr("Remove {name}").format(name=market.name))
            action.triggered.connect(lambda _=False, n=market.name: self.remove_wanted.emit(n))

    @Slot()
    def _on_filter(self) -> None:
        self._show()

    @Slot()
    def _on_current(self, current: QModelIndex) -> None:
        entry = current.data(ENTRY) if current.isValid() else None
        self.details.show_entry(entry, here_text(entry, self._installed) if entry else "")
