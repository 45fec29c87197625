"""One open dataset: its rows, how they are filtered, what is known of the one in front.

Says what the person wants by signal or asks the desk; work that takes long is the page's
business. Knows nothing of folders.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QModelIndex, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QGuiApplication, QKeySequence, QShortcut
from PySide6.QtWidgets import QFrame, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from expert_studio.core.datasets.row_body import Item
from expert_studio.core.datasets.store_changes import DeleteRows, EditRow, SetState
from expert_studio.core.datasets.store_rows import RowFilter, Sort, State, StoredRow
from expert_studio.core.errors import ExpertError
from expert_studio.runtime.background import Background
from expert_studio.views.theme_tokens import PAGE_PADDING
from expert_studio.views.widgets.dataset_charts import ChartCard
from expert_studio.views.widgets.dataset_desk import DatasetDesk
from expert_studio.views.widgets.dataset_diff import DatasetDiff
from expert_studio.views.widgets.dataset_filter import FACETS, DatasetFilter
from expert_studio.views.widgets.dataset_overview import Overview, chart_title, read_overview
from expert_studio.views.widgets.dataset_rendered import Rendered, render
from expert_studio.views.widgets.dataset_rows import RowLine, RowsModel, as_json_lines, read_lines
from expert_studio.views.widgets.dataset_selection import SelectionBar
from expert_studio.views.widgets.dataset_side import DatasetSide
from expert_studio.views.widgets.dataset_table import RowsTable
from expert_studio.views.widgets.empty_state import EmptyState

COPIED_AT_MOST = 1000
SIDE_AFTER_MS = 30  # laying out the rows and the panel beside them at once is felt
OVERVIEW_EVERY_MS = 900


class DatasetView(QWidget):
    """Signals:
    told(str): a sentence worth a toast.
    paste_wanted(str): rows as JSON lines.
    rows_wanted(): the empty dataset should get rows.
    shown(Overview): what the dataset holds now.
    """

    told = Signal(str)
    paste_wanted = Signal(str)
    rows_wanted = Signal()
    shown = Signal(object)

    def __init__(
        self,
        desk: DatasetDesk,
        side: DatasetSide,
        background: Background,
        base_folder: Callable[[], Path | None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._desk = desk
        self.side = side
        self._background = background
        self._base_folder = base_folder
        self._order = Sort()
        self._asking_ids = False
        self._ask_ids_again = False
        self._fresh = True  # nothing of this dataset was shown yet
        self._front = 0  # the number of the row the side panel shows
        self.overview: Overview | None = None
        self.model = RowsModel(self)
        self.table = RowsTable(self.model)
        self.filter = DatasetFilter()
        self.selection = SelectionBar()
        self.diff = DatasetDiff()
        self._overview_soon = QTimer(self)
        self._overview_soon.setSingleShot(True)
        self._overview_soon.setInterval(OVERVIEW_EVERY_MS)
        self._build()
        self._connect()

    def _build(self) -> None:
        self._lengths = ChartCard("technology", numeric=True)
        self._values = ChartCard("domain", numeric=False)
        self._nothing = EmptyState("search", self.tr("No row fits the filter"), "")
        self._show_all = self._nothing.add_button(self.tr("Show all rows"))
        self._empty = EmptyState(
            "datasets",
            self.tr("No rows yet"),
            self.tr("Make some by rule, have a model write some, or drop a file on this page."),
        )
        self._add = self._empty.add_button(self.tr("Add rows"), primary=True)
        framed = QFrame()
        framed.setProperty("role", "card")
        inside = QVBoxLayout(framed)
        inside.setContentsMargins(1, 1, 1, 4)
        inside.addWidget(self.table)
        self._middle = QStackedWidget()
        for widget in (framed, self._nothing, self._empty, self.diff):
            self._middle.addWidget(widget)
        charts = QHBoxLayout()
        charts.setSpacing(12)
        charts.addWidget(self._lengths, 1)
        charts.addWidget(self._values, 1)
        self._charts = QWidget()
        self._charts.setFixedHeight(132)
        self._charts.setLayout(charts)
        charts.setContentsMargins(0, 0, 0, 0)
        main = QVBoxLayout()
        main.setContentsMargins(PAGE_PADDING, 14, PAGE_PADDING, 16)
        main.setSpacing(10)
        main.addWidget(self.filter)
        main.addWidget(self.selection)
        main.addWidget(self._middle, 1)
        main.addWidget(self._charts)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addLayout(main, 1)
        row.addWidget(self.side)
        for later in (self.side, self._charts):  # each is laid out in a turn of its own
            later.hide()

    def _connect(self) -> None:
        desk, table, side = self._desk, self.table, self.side
        desk.opened.connect(self._on_opened)
        desk.changed.connect(self._on_changed)
        self.model.needed.connect(self._on_needed)
        self.filter.changed.connect(self._on_filter)
        table.sorted.connect(self._on_sorted)
        table.chosen.connect(self._on_chosen)
        table.selection_changed.connect(self._on_selection)
        table.copy_wanted.connect(self.copy)
        table.paste_wanted.connect(self._on_paste)
        table.delete_wanted.connect(self.delete_selected)
        table.state_wanted.connect(self.set_state)
        table.activated.connect(self._on_activated)
        self.selection.state_wanted.connect(self.set_state)
        self.selection.delete_wanted.connect(self.delete_selected)
        self.selection.all_wanted.connect(table.selectAll)
        side.editor.saved.connect(self._on_saved)
        side.editor.state_wanted.connect(self._on_row_state)
        side.checks.rows_wanted.connect(self.filter.show_rows)
        self.diff.left.connect(self._show_middle)
        self._overview_soon.timeout.connect(self._ask_overview)
        self._show_all.clicked.connect(self.filter.clear)
        self._add.clicked.connect(self.rows_wanted)
        self._lengths.chart.chosen.connect(self._on_length)
        self._values.chart.chosen.connect(self._on_value)
        find = QShortcut(QKeySequence(QKeySequence.StandardKey.Find), self)
        find.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        find.activated.connect(self.filter.search.setFocus)

    @property
    def settled(self) -> bool:
        """Whether all that was asked for is on screen."""
        return (
            not self._asking_ids
            and self.model.complete
            and not self._overview_soon.isActive()
            and not self._desk.busy
        )

    def show_diff(self, title: str, result: dict[str, Any]) -> None:
        """Shows what changed between two versions in place of the rows."""
        self.diff.show_diff(title, result)
        self._middle.setCurrentWidget(self.diff)
        self._charts.hide()

    # --- rows --------------------------------------------------------------------------

    @Slot(str)
    def _on_opened(self, _name: str) -> None:
        QTimer.singleShot(SIDE_AFTER_MS, self.side, self.side.show)
        self._fresh, self._front = True, 0
        self._asking_ids = self._ask_ids_again = False
        self._order = Sort()
        self.overview = None
        self.filter.forget()
        self.model.forget()
        self.table.forget_order()
        self.selection.show_count(0, 0)
        self.side.forget()
        self._middle.setCurrentIndex(0)

    @Slot()
    def _on_changed(self) -> None:
        self._ask_ids()
        if not self._overview_soon.isActive():
            self._overview_soon.start(0 if self._fresh else OVERVIEW_EVERY_MS)
        self._show_front()
        self.side.versions_wanted()

    def _ask_ids(self) -> None:
        if self._asking_ids:
            self._ask_ids_again = True
            return
        self._asking_ids = True
        wanted, order = self.filter.wanted, self._order
        self._desk.ask(lambda store: (wanted, order, store.ids(wanted, order)), self._on_ids)

    def _on_ids(self, told: tuple[RowFilter, Sort, list[int]]) -> None:
        wanted, order, ids = told
        self._asking_ids = False
        if (wanted, order) == (self.filter.wanted, self._order):
            self.model.set_ids(ids)
            self.filter.show_found(len(ids))
            if self._fresh and ids:
                self._fresh = False
                QTimer.singleShot(0, self, self._choose_first)
            if self._middle.currentWidget() is not self.diff:
                self._show_middle()
            self._on_selection(self.table.selected_count)
        if self._ask_ids_again:
            self._ask_ids_again = False
            self._ask_ids()

    @Slot()
    def _choose_first(self) -> None:
        if not self._front and self.model.ids:
            self.table.setCurrentIndex(self.model.index(0, 1))

    @Slot()
    def _show_middle(self) -> None:
        everything = self.filter.wanted == RowFilter()
        at = 0 if self.model.ids else 2 if everything else 1
        self._middle.setCurrentIndex(at)
        QTimer.singleShot(0, self, self._show_around)

    @Slot()
    def _show_around(self) -> None:
        shown = self._middle.currentWidget()
        self.filter.setVisible(shown is not self._empty)
        self._charts.setVisible(shown not in (self._empty, self.diff))

    @Slot(object)
    def _on_needed(self, ids: list[int]) -> None:
        asked_in = self.model.round
        self._desk.ask(
            lambda store: (asked_in, read_lines(store, ids)), self._on_lines, self._desk.rows_lane
        )

    def _on_lines(self, told: tuple[int, list[RowLine]]) -> None:
        self.model.take_lines(*told)

    @Slot()
    def _ask_overview(self) -> None:
        if self._desk.chart_lane.busy:  # the one under way may be of another filter
            self._overview_soon.start(OVERVIEW_EVERY_MS // 3)
            return
        wanted = self.filter.wanted
        lane = self._desk.chart_lane
        self._desk.ask(lambda store: read_overview(store, wanted), self._on_overview, lane)

    def _on_overview(self, overview: Overview) -> None:
        self.overview = overview
        self.filter.show_counts(overview.facets)
        facets = overview.facets
        self.table.show_columns(set(facets["split"]) > {""}, set(facets["reason"]) > {""})
        unit = self.tr("tokens") if overview.measure == "tokens" else self.tr("characters")
        self._lengths.show_bars(
            self.tr("Length in {unit}").format(unit=unit),
            overview.lengths_told,
            overview.length_bars,
        )
        self._values.show_bars(chart_title(overview.values_of), "", overview.value_bars)
        self.shown.emit(overview)

    @Slot(object)
    def _on_filter(self, _wanted: RowFilter) -> None:
        self._middle.setCurrentIndex(0)
        self.table.scrollToTop()
        self._ask_ids()
        self._overview_soon.start(0)

    @Slot(object)
    def _on_sorted(self, order: Sort) -> None:
        self._order = order
        self.table.scrollToTop()
        self._ask_ids()

    @Slot(object)
    def _on_length(self, span: tuple[int, int]) -> None:
        low, high = span
        if self.overview is not None and self.overview.measure == "tokens":
            self.filter.set_wanted(RowFilter(min_tokens=low, max_tokens=high))
        else:
            self.filter.set_wanted(RowFilter(min_chars=low, max_chars=high))

    @Slot(object)
    def _on_value(self, value: str) -> None:
        if self.overview is not None:
            self.filter.set_wanted(RowFilter(**{FACETS[self.overview.values_of]: (value,)}))

    # --- the row in front --------------------------------------------------------------

    @Slot(int)
    def _on_chosen(self, number: int) -> None:
        self._front = number
        self._show_front()

    def _show_front(self) -> None:
        number = self._front
        if not number:
            self.side.show_row(None)
            return
        self._desk.ask(lambda store: store.row(number), self._on_row, self._desk.rows_lane)

    def _on_row(self, row: StoredRow | None) -> None:
        if row is None or row.id != self._front:
            return
        shown = self.side.editor.row
        self.side.show_row(row)
        base = self._base_folder()
        if base is None:
            self.side.rendered.show_problem(
                self.tr("Choose a base in Settings to see its chat template.")
            )
        elif shown is None or shown.hash != row.hash or not self.side.rendered.text:
            item = row.item
            self._background.run(
                lambda: (row.hash, render(base, item)),
                on_done=self._on_rendered,
                on_failed=self._on_not_rendered,
            )

    @Slot(object)
    def _on_rendered(self, told: tuple[str, Rendered]) -> None:
        row_hash, rendered = told
        row = self.side.editor.row
        if row is not None and row.hash == row_hash:
            self.side.rendered.show_rendered(rendered)

    @Slot(object)
    def _on_not_rendered(self, error: ExpertError) -> None:
        self.side.rendered.show_problem(str(error))

    @Slot(int, object)
    def _on_saved(self, number: int, item: Item) -> None:
        self._desk.perform(EditRow(number, item))

    @Slot(str)
    def _on_row_state(self, state: State) -> None:
        if self._front:
            self._desk.perform(SetState((self._front,), state, self._reason(state)))

    @Slot(QModelIndex)
    def _on_activated(self, _index: QModelIndex) -> None:
        self.side.show_part("row")
        self.side.editor.focus()

    # --- selected rows -----------------------------------------------------------------

    @Slot(int)
    def _on_selection(self, count: int) -> None:
        self.selection.show_count(count, len(self.model.ids))

    @Slot(str)
    def set_state(self, state: State) -> None:
        """Accepts, rejects or puts back the selected rows."""
        ids = self.table.selected_ids
        if ids:
            self._desk.perform(SetState(ids, state, self._reason(state)))

    @Slot()
    def delete_selected(self) -> None:
        ids = self.table.selected_ids
        if ids:
            self._desk.perform(DeleteRows(ids))

    @Slot()
    def copy(self) -> None:
        """Puts the selected rows on the clipboard, as JSON lines that can be pasted again."""
        ids = self.table.selected_ids
        if len(ids) > COPIED_AT_MOST:
            self.told.emit(
                self.tr("The first {n} of the selected rows are copied; export takes all.").format(
                    n=COPIED_AT_MOST
                )
            )
        first = list(ids[:COPIED_AT_MOST])
        if first:
            self._desk.ask(lambda store: as_json_lines(store, first), self._on_copied)

    def _on_copied(self, text: str) -> None:
        QGuiApplication.clipboard().setText(text)

    @Slot()
    def _on_paste(self) -> None:
        text = QGuiApplication.clipboard().text()
        if text.strip():
            self.paste_wanted.emit(text)

    def _reason(self, state: State) -> str:
        return self.tr("Rejected by hand.") if state == "rejected" else ""
