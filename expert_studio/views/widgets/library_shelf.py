"""The installed experts: filter, cards or list, dependency graph; one of them is chosen.

Knows what was read of the library; nothing of disks, of details or of what is done with it.
"""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, QTimer, Signal, Slot
from PySide6.QtWidgets import QVBoxLayout, QWidget

from expert_studio.core.inference.conversation import BaseDescription
from expert_studio.views.theme_tokens import PAGE_PADDING
from expert_studio.views.widgets.empty_state import EmptyState
from expert_studio.views.widgets.expert_model import ExpertModel
from expert_studio.views.widgets.expert_views import ExpertCards, ExpertTable
from expert_studio.views.widgets.graph_card import GraphCard
from expert_studio.views.widgets.library_contents import LibraryContents
from expert_studio.views.widgets.library_filter import Form, LibraryFilter


class LibraryShelf(QWidget):
    """Signals:
    chosen(str): an expert, installed or missing, was chosen here.
    menu_wanted(str, QPoint): what can be done with it, asked at a place on the screen.
    cleared(): everything is shown again: what is searched for should be forgotten.
    """

    chosen = Signal(str)
    cleared = Signal()
    menu_wanted = Signal(str, QPoint)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._contents = LibraryContents()
        self._chosen = ""
        self._filling = QTimer(self)
        self._filling.setSingleShot(True)
        self._filling.timeout.connect(self._on_filling)
        self.model = ExpertModel()
        self.filter = LibraryFilter()
        self.cards = ExpertCards(self.model)
        self.table = ExpertTable(self.model)
        self.nothing = EmptyState("search", self.tr("Nothing matches"), "")
        self.show_all = self.nothing.add_button(self.tr("Show all experts"))
        self.graph = GraphCard()
        self._build()
        self.filter.changed.connect(self._on_filter_changed)
        self.filter.form_chosen.connect(self._on_form)
        self.show_all.clicked.connect(self._on_show_all)
        self.cards.chosen.connect(self.chosen)
        self.table.chosen.connect(self.chosen)
        self.graph.node_chosen.connect(self.chosen)
        self.graph.menu_wanted.connect(self.menu_wanted)

    @property
    def names(self) -> tuple[str, ...]:
        """Those on view, in reading order."""
        return tuple(expert.name for expert in self.model.experts)

    @property
    def pending(self) -> bool:
        """Whether what was read is still to be shown, in a moment."""
        return self._filling.isActive() or self.graph.pending

    def show_contents(self, contents: LibraryContents, base: BaseDescription | None) -> None:
        """Shows what was read, as far as it passes the filter.

        On screen the experts come in a turn of the event loop of their own, after the filter.
        """
        above = self.parentWidget()
        on_screen = self.isVisible() or (above is not None and above.isVisible())
        fresh = contents is not self._contents
        self._contents = contents
        self.filter.set_experts(contents.experts, base, contents.facets)
        if fresh and on_screen:
            self._filling.start(0)
            return
        self._fill()
        if fresh:
            self.graph.show_contents(contents.graph)

    def choose(self, name: str) -> None:
        """Marks an expert everywhere, "" for none."""
        self._chosen = name
        self.cards.choose(name)
        self.table.choose(name)
        self.graph.choose(name)

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(PAGE_PADDING, 12, PAGE_PADDING, 16)
        column.setSpacing(10)
        column.addWidget(self.filter)
        column.addWidget(self.cards)
        column.addWidget(self.table, 2)
        column.addWidget(self.nothing)
        column.addWidget(self.graph, 3)
        self.nothing.set_sentence(
            self.tr("No installed expert fits what you search and filter by.")
        )
        self.setTabOrder(self.filter.last_control, self.cards)
        self.setTabOrder(self.cards, self.table)
        self._arrange()

    def _fill(self) -> None:
        shown = self.filter.shown()
        self.model.show_experts(shown, self._contents.standings)
        self.filter.show_count(len(shown), len(self._contents.experts))
        self._arrange()

    def _arrange(self) -> None:
        form: Form = self.filter.form
        any_shown = bool(self.model.experts)
        self.cards.setVisible(form == "cards" and any_shown)
        self.table.setVisible(form == "list" and any_shown)
        self.nothing.setVisible(form != "graph" and not any_shown)
        self.graph.setVisible(form != "list")

    @Slot()
    def _on_filling(self) -> None:
        self._fill()
        self.choose(self._chosen)
        self.graph.show_contents(self._contents.graph)

    @Slot()
    def _on_filter_changed(self) -> None:
        self._fill()

    @Slot(str)
    def _on_form(self, _: str) -> None:
        self._arrange()
        (self.table if self.table.isVisible() else self.cards).setFocus(
            Qt.FocusReason.OtherFocusReason
        )

    @Slot()
    def _on_show_all(self) -> None:
        self.cleared.emit()
        self.filter.clear()
