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
from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QByteArray, QMimeData, QTimer, Signal, Slot
from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QKeySequence,
    QPaintEvent,
    QResizeEvent,
    QShortcut,
)
from PySide6.QtWidgets import (
    QHBoxLayout,
    QMainWindow,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from expert_studio.views import icons
from expert_studio.views.widgets.rail import Rail
from expert_studio.views.widgets.status_line import StatusLine

EXPERT_SUFFIX = ".expert"
FIRST_SIZE = (1280, 800)
LEAST_SIZE = (1000, 640)
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
        self._pages: dict[str, QWidget] = {}
        self._makers: dict[str, Callable[[], QWidget]] = {}
        self.rail = Rail()
        self.status = StatusLine()
        self._stack = QStackedWidget()
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
        shortcut = QShortcut(QKeySequence(sequence), self)
        shortcut.activated.connect(partial(self.show_page, name))
        if len(self._pages) == 1:
            self.rail.select(name)

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
            self.page_made.emit(name)
        return self._pages[name]

    @Slot(str)
    def show_page(self, name: str) -> None:
        self._stack.setCurrentWidget(self.made(name))
        self.rail.select(name)
        self.page_shown.emit(name)

    def geometry_text(self) -> str:
        """Size and place, as settings keep them."""
        return base64.b64encode(bytes(self.saveGeometry().data())).decode("ascii")

    def restore(self, geometry_text: str) -> None:
        """Takes size and place from an earlier `geometry_text`; anything else is ignored."""
        if geometry_text:
            self.restoreGeometry(QByteArray.fromBase64(geometry_text.encode("ascii", "ignore")))

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._was_painted:
            self._was_painted = True
            QTimer.singleShot(0, self, self._on_painted)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.rail.set_compact(self.width() < NAMED_RAIL_FROM)

    def closeEvent(self, event: QCloseEvent) -> None:
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


def _experts_in(data: QMimeData) -> tuple[Path, ...]:
    paths = (Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile())
    return tuple(path for path in paths if path.suffix.lower() == EXPERT_SUFFIX)
