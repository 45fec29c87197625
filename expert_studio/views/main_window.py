"""The window: rail at the left, one page at a time, the status line below.

Knows pages by name only. A `.expert` file dropped anywhere is handed on.

Signals:
    painted(): once, after the first picture was on screen.
    page_shown(str): another page came to the front.
    page_made(str): a page that was added as a function is there now.
    files_dropped(tuple[Path, ...]): expert packages dropped outside a page that takes them.
    closing(): the person closes the window.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QByteArray, QEvent, QMimeData, QRect, QTimer, Signal, Slot
from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QGuiApplication,
    QKeySequence,
    QPaintEvent,
    QResizeEvent,
    QShortcut,
)
from PySide6.QtWidgets import (
    QHBoxLayout,
    QMainWindow,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from expert_studio.views import icons, theme
from expert_studio.views.late_styling import LateStyling
from expert_studio.views.widgets.rail import Rail
from expert_studio.views.widgets.reading_order import focus_neighbour
from expert_studio.views.widgets.status_line import StatusLine

EXPERT_SUFFIX = ".expert"
FIRST_SIZE = (1280, 800)
LEAST_SIZE = (1000, 640)
TITLE_BAR_PX, LEAST_GRIP_PX = 28, 120
NAMED_RAIL_FROM = 1260  # narrower, the page needs the room more than the names do


class MainWindow(QMainWindow):
    painted = Signal()
    page_shown = Signal(str)
    page_made = Signal(str)
    files_dropped = Signal(object)
    closing = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._was_painted = False
        self._splits: dict[str, str] = {}
        self.may_close: Callable[[], bool] = lambda: True  # asked before each closing
        self._pages: dict[str, QWidget] = {}
        self._makers: dict[str, Callable[[], QWidget]] = {}
        self._titles: dict[str, tuple[str, str]] = {}
        self.rail = Rail()
        self.status = StatusLine()
        self._stack = QStackedWidget()
        self.late_styling = LateStyling(lambda: self.pages().values(), self)
        self._build()
        self.rail.page_wanted.connect(self.show_page)

    def _build(self) -> None:
        self.setWindowTitle(self.tr("Expert Studio"))
        self.setWindowIcon(icons.application_icon())
        self.setMinimumSize(*LEAST_SIZE)
        self.resize(*FIRST_SIZE)
        self.setAcceptDrops(True)
        central = QWidget()
        column = QVBoxLayout(central)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        row = QHBoxLayout()
        row.setSpacing(0)
        row.addWidget(self.rail)
        row.addWidget(self._stack, 1)
        column.addLayout(row, 1)
        column.addWidget(self.status)
        self.setCentralWidget(central)

    @property
    def was_painted(self) -> bool:
        """Whether the first picture is on screen."""
        return self._was_painted

    @property
    def page(self) -> str:
        """The name of the page in front."""
        return next(n for n, page in self._pages.items() if page is self._stack.currentWidget())

    def add_page(
        self,
        name: str,
        title: str,
        icon: str,
        page: QWidget | Callable[[], QWidget],
        at_bottom: bool = False,
    ) -> None:
        """Ctrl+1, Ctrl+2 ... reach pages in the order in which they were added.

        A page given as a function is made when it is first asked for.
        """
        if not isinstance(page, QWidget):
            self._makers[name] = page
            page = QWidget()
        self._pages[name] = page
        self._stack.addWidget(page)
        self.rail.add_page(name, title, icon, at_bottom)
        sequence = "Ctrl+," if at_bottom else f"Ctrl+{len(self._pages)}"
        self.add_shortcut(sequence, title, partial(self.show_page, name))
        self._titles[name] = (title, sequence)
        if len(self._pages) == 1:
            self.rail.select(name)

    @property
    def titles(self) -> dict[str, tuple[str, str]]:
        """Each page's title and shortcut by its name, in the order of the rail."""
        return dict(self._titles)

    def add_shortcut(self, keys: str, does: str, run: Callable[[], object]) -> QShortcut:
        """A shortcut that works on every page; `does` says what, for the sheet of shortcuts."""
        shortcut = QShortcut(QKeySequence(keys), self)
        shortcut.setWhatsThis(does)
        shortcut.activated.connect(run)
        return shortcut

    def pages(self) -> dict[str, QWidget]:
        """The pages that are made, by name."""
        return {name: page for name, page in self._pages.items() if self.is_made(name)}

    def is_made(self, name: str) -> bool:
        """Whether the page of that name is more than a place in the rail."""
        return name not in self._makers

    def made(self, name: str) -> QWidget:
        """The page of that name, made now if it was not yet."""
        maker = self._makers.pop(name, None)
        if maker is not None:
            holder, page = self._pages[name], maker()
            self._pages[name] = page
            self._stack.insertWidget(self._stack.indexOf(holder), page)
            self._stack.removeWidget(holder)
            holder.deleteLater()
            self._set_splits()
            QTimer.singleShot(0, page, partial(_meet, page))
            self.page_made.emit(name)
        return self._pages[name]

    @Slot(str)
    def show_page(self, name: str) -> None:
        page = self.made(name)
        self.late_styling.catch_up(page)
        self._stack.setCurrentWidget(page)
        self.rail.select(name)
        self.page_shown.emit(name)

    @Slot()
    def bring_to_front(self) -> None:
        """Shows the window above the others, also if it was minimized."""
        if self.isMinimized():
            self.showNormal()
        self.raise_()
        self.activateWindow()

    def geometry_text(self) -> str:
        """Size and place, as settings keep them."""
        return base64.b64encode(bytes(self.saveGeometry().data())).decode("ascii")

    def restore(self, geometry_text: str) -> None:
        """Takes size and place from an earlier `geometry_text`; anything else is ignored.

        On a screen that is gone it would be out of reach: then it stands on the first one.
        """
        if geometry_text:
            self.restoreGeometry(_bytes(geometry_text))
        if not any(
            _is_within_reach(self.frameGeometry(), screen.availableGeometry())
            for screen in QGuiApplication.screens()
        ):
            room = QGuiApplication.primaryScreen().availableGeometry()
            self.resize(self.size().boundedTo(room.size()).expandedTo(self.minimumSize()))
            self.move(room.topLeft())

    def splits_text(self) -> str:
        """Where every named splitter stands, as settings keep it."""
        self._keep_splits()
        return json.dumps(self._splits)

    def restore_splits(self, splits_text: str) -> None:
        """Takes the places from an earlier `splits_text`, also for pages that come later."""
        try:
            told = json.loads(splits_text or "{}")
            self._splits = {str(name): str(state) for name, state in told.items()}
        except (ValueError, AttributeError):
            self._splits = {}
        self._set_splits()

    def _keep_splits(self) -> None:
        for splitter in self.findChildren(QSplitter):
            if splitter.objectName():
                state = bytes(splitter.saveState().data())
                self._splits[splitter.objectName()] = base64.b64encode(state).decode("ascii")

    def _set_splits(self) -> None:
        for splitter in self.findChildren(QSplitter):
            if splitter.objectName() in self._splits:
                splitter.restoreState(_bytes(self._splits[splitter.objectName()]))

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._was_painted:
            self._was_painted = True
            QTimer.singleShot(0, self, self._on_painted)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_rail()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.StyleChange:
            self._fit_rail()

    def _fit_rail(self) -> None:
        self.rail.set_compact(self.width() < theme.scaled(NAMED_RAIL_FROM))

    def focusNextPrevChild(self, forward: bool) -> bool:
        """Tab and Shift+Tab, wherever the keyboard is."""
        return focus_neighbour(self, forward)

    def closeEvent(self, event: QCloseEvent) -> None:
        if not self.may_close():
            event.ignore()
            return
        super().closeEvent(event)
        self.closing.emit()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if _experts_in(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = _experts_in(event.mimeData())
        if paths:
            event.acceptProposedAction()
            self.files_dropped.emit(paths)

    @Slot()
    def _on_painted(self) -> None:
        self.painted.emit()


def _meet(page: QWidget) -> None:
    """Python makes what it has of a class of Qt when it first meets one; not once it is shown."""
    for widget in page.findChildren(QWidget):
        widget.children()


def _bytes(text: str) -> QByteArray:
    return QByteArray.fromBase64(text.encode("ascii", "ignore"))


def _is_within_reach(frame: QRect, room: QRect) -> bool:
    """Whether enough of the title bar is there to be taken hold of."""
    bar = QRect(frame.x(), frame.y(), frame.width(), TITLE_BAR_PX)
    seen = bar.intersected(room)
    return seen.width() >= LEAST_GRIP_PX and seen.height() >= TITLE_BAR_PX // 2


def _experts_in(data: QMimeData) -> tuple[Path, ...]:
    paths = (Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile())
    return tuple(path for path in paths if path.suffix.lower() == EXPERT_SUFFIX)
