"""The dependency graph in a card, with its zoom buttons. Knows no library."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from expert_studio.views.widgets import expert_facts
from expert_studio.views.widgets.dependency_graph import DependencyGraphView, GraphNode
from expert_studio.views.widgets.icon_button import IconButton
from expert_studio.views.widgets.library_contents import LibraryContents

_MIN_HEIGHT = 260


class GraphCard(QFrame):
    """Signals:
    node_chosen(str): as DependencyGraphView's.
    """

    node_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self.setMinimumHeight(_MIN_HEIGHT)
        self.view = DependencyGraphView(self)
        self._tools = QWidget(self)
        larger = IconButton("zoom-in", self.tr("Zoom in (+)"))
        smaller = IconButton("zoom-out", self.tr("Zoom out (-)"))
        whole = IconButton("fit", self.tr("Show the whole graph (0)"))
        row = QHBoxLayout(self._tools)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        for button in (smaller, larger, whole):
            row.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 4, 4, 4)
        column.addWidget(self.view)
        larger.clicked.connect(self._on_larger)
        smaller.clicked.connect(self._on_smaller)
        whole.clicked.connect(self.view.fit)
        self.view.node_chosen.connect(self.node_chosen)

    def show_contents(self, contents: LibraryContents) -> None:
        """Draws every installed expert, and those that others need and are missing."""
        nodes = [
            GraphNode(
                expert.name,
                f"{expert.version} · {expert_facts.form_text(expert.manifest)}",
                expert.manifest.tier,
            )
            for expert in contents.experts
        ]
        missing = self.tr("not installed")
        nodes += [GraphNode(name, missing, "", missing=True) for name in contents.missing]
        self.view.show_graph(nodes, contents.edges)

    def choose(self, name: str) -> None:
        self.view.choose(name)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_tools()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LayoutRequest:
            self._place_tools()
        return super().event(event)

    def _place_tools(self) -> None:
        self._tools.adjustSize()
        self._tools.move(self.width() - self._tools.width() - 10, 8)
        self._tools.raise_()

    def _on_larger(self) -> None:
        self.view.zoom(1)

    def _on_smaller(self) -> None:
        self.view.zoom(-1)
