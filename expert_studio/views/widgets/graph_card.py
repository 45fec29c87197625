"""The dependency graph in a card: search in it, what does not hold, zoom. Knows no library."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QTimer, Signal, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from expert_studio.views.theme import restyle
from expert_studio.views.widgets.dependency_graph import DependencyGraphView
from expert_studio.views.widgets.graph_contents import GraphContents
from expert_studio.views.widgets.icon_button import IconButton

_MIN_HEIGHT = 230
_WORTH_SEARCHING = 8  # nodes


class GraphCard(QFrame):
    """Signals:
    node_chosen(str): as DependencyGraphView's.
    menu_wanted(str, QPoint): as DependencyGraphView's.
    """

    node_chosen = Signal(str)
    menu_wanted = Signal(str, QPoint)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self.setMinimumHeight(_MIN_HEIGHT)
        self._contents = self._drawn = GraphContents()
        self._chosen = ""
        self._stale = False  # whether it is drawn once it is seen
        self._found: tuple[str, ...] = ()
        self.view = DependencyGraphView(self)
        self.search = QLineEdit()
        self.search.setPlaceholderText(self.tr("Find in the graph"))
        self.search.setAccessibleName(self.search.placeholderText())
        self.search.setClearButtonEnabled(True)
        self.search.setFixedWidth(170)
        self.search.setAcceptDrops(False)
        self.troubles = QPushButton()
        self.troubles.setAccessibleName(self.tr("Go to what does not fit"))
        self.troubles.setProperty("role", "quiet")
        self.around = QPushButton(self.tr("Only what belongs to it"))
        self.around.setProperty("role", "segment")
        self.around.setCheckable(True)
        self.around.setToolTip(
            self.tr("The chosen expert, all it needs and all that needs it, and nothing else")
        )
        self.around.setAccessibleName(self.around.text())
        self._build()
        self._connect()

    @property
    def shown_names(self) -> frozenset[str]:
        """Who is drawn now."""
        return frozenset(node.name for node in self._drawn.nodes)

    @property
    def pending(self) -> bool:
        """Whether it will be drawn in a moment."""
        return self._stale and self.isVisible()

    def show_contents(self, contents: GraphContents) -> None:
        """Draws these; keeps to what belongs to the chosen one if that was asked for."""
        self._contents = contents
        if self._chosen not in {node.name for node in contents.nodes}:
            self.around.setChecked(False)
        many = len(contents.nodes) > _WORTH_SEARCHING
        self.search.setVisible(many)
        self.around.setVisible(many)
        self._stale = True
        if self.isVisible():
            self._draw_soon()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._draw_soon()

    def _draw_soon(self) -> None:
        """In a turn of its own: the cards are shown before."""
        if self._stale:
            QTimer.singleShot(0, self, self._draw_if_stale)

    def choose(self, name: str) -> None:
        self._chosen = name
        self.around.setEnabled(bool(name))
        if self.around.isChecked() and name not in self.shown_names:
            self.around.setChecked(False)
        self.view.choose(name)

    def _build(self) -> None:
        larger = IconButton("zoom-in", self.tr("Zoom in (+)"))
        smaller = IconButton("zoom-out", self.tr("Zoom out (-)"))
        whole = IconButton("fit", self.tr("Show the whole graph (0)"))
        larger.clicked.connect(self._on_larger)
        smaller.clicked.connect(self._on_smaller)
        whole.clicked.connect(self.view.fit)
        row = QHBoxLayout()
        row.setContentsMargins(8, 4, 6, 0)
        row.setSpacing(6)
        row.addWidget(self.search)
        row.addWidget(self.troubles)
        row.addWidget(self.around)
        row.addStretch(1)
        for button in (smaller, larger, whole):
            row.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 4, 4, 4)
        column.setSpacing(2)
        column.addLayout(row)
        column.addWidget(self.view, 1)

    def _connect(self) -> None:
        self.view.node_chosen.connect(self.node_chosen)
        self.view.menu_wanted.connect(self.menu_wanted)
        self.search.textChanged.connect(self._on_search)
        self.search.returnPressed.connect(self._on_next_found)
        self.troubles.clicked.connect(self._on_next_trouble)
        self.around.toggled.connect(self._on_around)

    def _draw(self) -> None:
        kept = self.around.isChecked() and self._chosen
        shown = self._contents.around(self._chosen) if kept else self._contents
        self._drawn = shown
        self.view.show_graph(shown.nodes, shown.edges, shown.arrangement)
        self.view.find(self.search.text())
        count = len(self.view.troubled)
        self.troubles.setVisible(bool(count))
        text = self.tr("1 problem") if count == 1 else self.tr("{n} problems").format(n=count)
        self.troubles.setText(text)
        self.troubles.setAccessibleName(self.tr("{text}: go to the next").format(text=text))
        self.troubles.setToolTip(self.tr("Go to the next that is missing or does not fit"))
        restyle(self.troubles)

    def _next_of(self, names: tuple[str, ...]) -> None:
        if names:
            after = names.index(self._chosen) + 1 if self._chosen in names else 0
            self.view.go_to(names[after % len(names)])

    @Slot()
    def _draw_if_stale(self) -> None:
        if self._stale and self.isVisible():
            self._stale = False
            self._draw()

    @Slot(str)
    def _on_search(self, text: str) -> None:
        self._found = self.view.find(text)

    @Slot()
    def _on_next_found(self) -> None:
        self._next_of(self._found)

    @Slot()
    def _on_next_trouble(self) -> None:
        self._next_of(self.view.troubled)

    @Slot(bool)
    def _on_around(self, _: bool) -> None:
        self._draw()

    @Slot()
    def _on_larger(self) -> None:
        self.view.zoom(1)

    @Slot()
    def _on_smaller(self) -> None:
        self.view.zoom(-1)
