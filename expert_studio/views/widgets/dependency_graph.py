"""Draws which expert needs which, in layers by tier; click or arrow keys choose one.

Knows names and tiers, nothing of how experts are installed or loaded.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QFrame, QGraphicsScene, QGraphicsView, QWidget

from expert_studio.core.experts.dependencies import GraphEdge
from expert_studio.core.experts.manifest import TIERS
from expert_studio.views.theme import body_font, scaled, tokens_of
from expert_studio.views.widgets.expert_facts import tier_name
from expert_studio.views.widgets.graph_items import ColumnTitle, EdgeItem, NodeItem
from expert_studio.views.widgets.graph_layout import (
    NODE_HEIGHT,
    NODE_WIDTH,
    Arrangement,
    Point,
    placed,
)
from expert_studio.views.widgets.graph_nodes import GraphNode, arranged

_MARGIN = 24.0
_TITLE_HEIGHT = 38.0
_ZOOM_STEP = 1.2
_ZOOM_RANGE = (0.1, 2.5)
READABLE = 0.62  # of life size: names are read at a glance
_CROWDED = 24  # nodes; beyond, what has to do with the chosen one stands out
_ASIDE_NODE, _ASIDE_EDGE = 0.35, 0.25  # opacity of the rest


class DependencyGraphView(QGraphicsView):
    """The drawing, zoomable and reachable by keyboard.

    Signals:
        node_chosen(str): the name of the node that was clicked or reached with a key.
        menu_wanted(str, QPoint): what can be done with a node, asked at a place on the screen.
    """

    node_chosen = Signal(str)
    menu_wanted = Signal(str, QPoint)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._nodes: dict[str, NodeItem] = {}
        self._edges: list[EdgeItem] = []
        self._shown: tuple[Sequence[GraphNode], Sequence[GraphEdge]] = ((), ())
        self._chosen = ""
        self._fitted = True
        self._arrangement = arranged((), ())
        self._found: tuple[str, ...] = ()
        self.setScene(QGraphicsScene(self))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.TextAntialiasing)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.AnchorUnderMouse)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        # The page takes dropped files wherever they fall.
        self.setAcceptDrops(False)
        self.setAccessibleName(self.tr("Dependency graph"))

    def show_graph(
        self,
        nodes: Sequence[GraphNode],
        edges: Sequence[GraphEdge],
        arrangement: Arrangement | None = None,
    ) -> None:
        """Draws these nodes and edges between them; keeps the chosen one if it stays.

        Args:
            arrangement: as `arranged` gives it for the same, where that was done elsewhere.
        """
        self._shown = (nodes, edges)
        self._arrangement = arrangement or arranged(nodes, edges)
        if self._chosen not in {node.name for node in nodes}:
            self._chosen = ""
        self.show_readably()

    def choose(self, name: str) -> None:
        """Rings one node and its edges, "" for none, without a signal."""
        self._mark(name if name in self._nodes else "")

    def node_centre(self, name: str) -> QPointF:
        """The middle of a node in scene coordinates.

        Raises:
            KeyError: there is no such node.
        """
        return self._nodes[name].pos() + QPointF(NODE_WIDTH / 2, NODE_HEIGHT / 2)

    def fit(self) -> None:
        """Shows the whole graph, never larger than life."""
        self._fitted = False  # so that bars which go or come do not draw it once more
        self._show_bars(False)
        self.resetTransform()
        self._draw()
        room, wanted = self.viewport().rect(), self.sceneRect()
        if wanted.width() > 0 and wanted.height() > 0:
            life = scaled(100) / 100  # its size beside type of that size
            factor = min(room.width() / wanted.width(), room.height() / wanted.height(), life)
            self.scale(max(factor, _ZOOM_RANGE[0]), max(factor, _ZOOM_RANGE[0]))
            self.centerOn(wanted.center())
        self._update_drag()
        self._fitted = True

    def show_readably(self) -> None:
        """As `fit` where that can be read, else from the top left at a size that can."""
        self.fit()
        if self.transform().m11() < READABLE:
            self._fitted = False
            self.resetTransform()
            self.scale(READABLE, READABLE)
            corner = self.sceneRect().topLeft()
            room = self.viewport().rect()
            self.centerOn(corner + QPointF(room.width(), room.height()) / (2 * READABLE))
            self._update_drag()

    def find(self, text: str) -> tuple[str, ...]:
        """Marks every node whose name holds the text; their names, from left to right."""
        wanted = text.strip().lower()
        found = [i for i in self._nodes.values() if wanted and wanted in i.name.lower()]
        names = {item.name for item in found}
        for item in self._nodes.values():
            item.set_found(item.name in names)
        found.sort(key=lambda item: (item.x(), item.y()))
        self._found = tuple(item.name for item in found)
        return self._found

    @property
    def troubled(self) -> tuple[str, ...]:
        """The nodes about which something does not hold, missing ones too, left to right."""
        items = [i for i in self._nodes.values() if i.trouble or not i.tier]
        return tuple(item.name for item in sorted(items, key=lambda i: (i.x(), i.y())))

    def go_to(self, name: str) -> None:
        """Chooses a node and brings it to the middle, at a size that can be read."""
        if name not in self._nodes:
            return
        now = self.transform().m11()
        if now < READABLE:
            self.scale(READABLE / now, READABLE / now)
            self._fitted = False
            self._update_drag()
        self._choose_and_tell(name)
        self.centerOn(self._nodes[name])

    def zoom(self, steps: float) -> None:
        """Enlarges by steps of a fifth; negative ones make it smaller."""
        now = self.transform().m11()
        low, high = _ZOOM_RANGE
        factor = min(max(now * _ZOOM_STEP**steps, low), high) / now
        self.scale(factor, factor)
        self._fitted = False
        self._update_drag()

    def wheelEvent(self, event: QWheelEvent) -> None:
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoom(event.angleDelta().y() / 120)
            event.accept()
        elif self._fitted:
            event.ignore()  # the page scrolls
        else:
            super().wheelEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._fitted:
            self.fit()
        elif self._chosen:  # what it opened beside the graph must not push it out
            node = self._nodes[self._chosen]
            shown = self.mapFromScene(node.sceneBoundingRect()).boundingRect()
            if shown.intersects(QRect(QPoint(), event.oldSize())):
                self.ensureVisible(node, 20, 20)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        item = self.itemAt(event.position().toPoint())
        if event.button() == Qt.MouseButton.RightButton and isinstance(item, NodeItem):
            self._choose_and_tell(item.name)
            self.menu_wanted.emit(item.name, event.globalPosition().toPoint())
            event.accept()
        elif event.button() == Qt.MouseButton.LeftButton and isinstance(item, NodeItem):
            self._choose_and_tell(item.name)
            event.accept()
        else:
            super().mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        moves = {
            Qt.Key.Key_Left: (-1, 0),
            Qt.Key.Key_Right: (1, 0),
            Qt.Key.Key_Up: (0, -1),
            Qt.Key.Key_Down: (0, 1),
        }
        key = Qt.Key(event.key())
        if key in moves:
            self._move(*moves[key])
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom(1)
        elif key == Qt.Key.Key_Minus:
            self.zoom(-1)
        elif key == Qt.Key.Key_0:
            self.fit()
        elif key in (Qt.Key.Key_Menu, Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._chosen:
            middle = self.mapFromScene(self.node_centre(self._chosen))
            self.menu_wanted.emit(self._chosen, self.viewport().mapToGlobal(middle))
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.viewport().update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.viewport().update()

    def drawForeground(self, painter: QPainter, rect: QRectF | QRect) -> None:
        if not self.hasFocus():
            return
        painter.save()
        painter.resetTransform()
        painter.setPen(QPen(QColor(tokens_of(self).accent), 1))
        painter.drawRoundedRect(QRectF(self.viewport().rect()).adjusted(1, 1, -1, -1), 8, 8)
        painter.restore()

    def _draw(self) -> None:
        """Lays the graph out for the room there is now."""
        nodes, edges = self._shown
        room = self.viewport().rect()
        inside = (room.width() - 2 * _MARGIN, room.height() - _TITLE_HEIGHT - _MARGIN / 2)
        needs = {(edge.target, edge.source): edge for edge in edges if edge.kind == "requires"}
        layout = placed(self._arrangement, inside)
        scene = self.scene()
        scene.clear()
        self._edges = [
            EdgeItem(pair, points, needs[pair].state) for pair, points in layout.edges.items()
        ]
        for edge in edges:
            if edge.kind == "incompatible":
                ends = _facing(layout.places[edge.target], layout.places[edge.source])
                self._edges.append(EdgeItem((edge.target, edge.source), ends, edge.state))
        self._nodes = {}
        for node in nodes:
            item = NodeItem(node.name, node.caption, node.tier, node.missing, node.trouble)
            item.setPos(*layout.places[node.name])
            self._nodes[node.name] = item
        for part in (*self._edges, *self._nodes.values()):
            scene.addItem(part)
        self._add_titles()
        scene.setSceneRect(
            -_MARGIN,
            -_TITLE_HEIGHT,
            layout.width + 2 * _MARGIN,
            layout.height + _TITLE_HEIGHT + _MARGIN / 2,
        )
        self._mark(self._chosen)

    def _move(self, columns: int, rows: int) -> None:
        """To the nearest node in a direction: sideways by column, up and down within one."""
        if not self._nodes:
            return
        if not self._chosen:
            first = min(self._nodes.values(), key=lambda item: (item.x(), item.y()))
            self._choose_and_tell(first.name)
            return
        here = self._nodes[self._chosen].pos()

        def is_ahead(item: NodeItem) -> bool:
            right, down = item.x() - here.x(), item.y() - here.y()
            return right * columns > 0 if columns else right == 0 and down * rows > 0

        ahead = [item for item in self._nodes.values() if is_ahead(item)]
        if ahead:
            nearest = min(
                ahead, key=lambda item: (abs(item.x() - here.x()), abs(item.y() - here.y()))
            )
            self._choose_and_tell(nearest.name)

    def _choose_and_tell(self, name: str) -> None:
        self._mark(name)
        self.ensureVisible(self._nodes[name], 20, 20)
        self.node_chosen.emit(name)

    def _mark(self, name: str) -> None:
        self._chosen = name
        for item in self._nodes.values():
            item.set_chosen(item.name == name)
        near = {name, *(end for e in self._edges if name in e.pair for end in e.pair)}
        for edge in self._edges:
            edge.set_chosen(name in edge.pair)
            edge.setOpacity(1.0 if not name or name in edge.pair else _ASIDE_EDGE)
        crowded = len(self._nodes) > _CROWDED
        for item in self._nodes.values():
            aside = name and crowded and item.name not in near
            item.setOpacity(_ASIDE_NODE if aside else 1.0)
        self.setAccessibleDescription(self._spoken(name) if name else self._overview())

    def _overview(self) -> str:
        return self.tr("{nodes} experts, {edges} dependencies. Arrow keys choose one.").format(
            nodes=len(self._nodes), edges=len(self._edges)
        )

    def _spoken(self, name: str) -> str:
        item = self._nodes[name]
        needed = [edge for edge in self._edges if not edge.refusal]
        needs = ", ".join(edge.pair[0] for edge in needed if edge.pair[1] == name)
        needed_by = ", ".join(edge.pair[1] for edge in needed if edge.pair[0] == name)
        refused = {*(e.pair for e in self._edges if e.refusal and name in e.pair)}
        parts = [f"{name}, {item.caption}"]
        if needs:
            parts.append(self.tr("needs {names}").format(names=needs))
        if needed_by:
            parts.append(self.tr("needed by {names}").format(names=needed_by))
        for pair in sorted(refused):
            other = pair[0] if pair[1] == name else pair[1]
            parts.append(self.tr("not together with {name}").format(name=other))
        return "; ".join(parts)

    def _add_titles(self) -> None:
        """The tiers of each column above it, once where several columns share them."""
        tiers: dict[float, set[int]] = {}
        for item in self._nodes.values():
            if item.tier:
                tiers.setdefault(item.x(), set()).add(TIERS.index(item.tier))
        before = ""
        for x in sorted(tiers):
            title = ", ".join(tier_name(TIERS[number]) for number in sorted(tiers[x]))
            if title != before:
                titled = ColumnTitle(title[0].upper() + title[1:], body_font(11))
                titled.setPos(x, -_TITLE_HEIGHT + 12)
                self.scene().addItem(titled)
            before = title

    def _update_drag(self) -> None:
        """A hand to pull with only where there is something out of sight."""
        shown = self.transform().mapRect(self.sceneRect())
        room = self.viewport().rect()
        larger = shown.width() > room.width() + 1 or shown.height() > room.height() + 1
        mode = QGraphicsView.DragMode
        self.setDragMode(mode.ScrollHandDrag if larger else mode.NoDrag)
        self._show_bars(larger)

    def _show_bars(self, needed: bool) -> None:
        wanted = Qt.ScrollBarPolicy
        policy = wanted.ScrollBarAsNeeded if needed else wanted.ScrollBarAlwaysOff
        self.setHorizontalScrollBarPolicy(policy)
        self.setVerticalScrollBarPolicy(policy)


def _facing(one: Point, other: Point) -> tuple[Point, Point]:
    """The sides of two nodes that look at each other."""
    (left, top), (right, bottom) = sorted((one, other))
    middle = NODE_HEIGHT / 2
    if left == right:
        return (left + NODE_WIDTH / 2, top + NODE_HEIGHT), (right + NODE_WIDTH / 2, bottom)
    return (left + NODE_WIDTH, top + middle), (right, bottom + middle)
