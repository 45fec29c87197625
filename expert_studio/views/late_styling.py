"""Pages that are out of sight are styled after the rest, a few widgets in each turn of the loop.

A new style sheet is worked out for every widget that was styled before: 1,500 of them hold the
window up for half a second. Knows pages as widgets only.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt, QTimer, Slot
from PySide6.QtWidgets import QWidget

EACH_S = 0.008
_STYLED = Qt.WidgetAttribute.WA_WState_Polished  # without it a new sheet leaves a widget alone


class LateStyling(QObject):
    def __init__(self, pages: Callable[[], Iterable[QWidget]], parent: QObject) -> None:
        super().__init__(parent)
        self._pages = pages
        self._late: list[QWidget] = []
        self._styling = QTimer(self)
        self._styling.setInterval(0)
        self._styling.timeout.connect(self._on_styling)

    @property
    def waiting(self) -> bool:
        """Whether a page is still to be styled."""
        return bool(self._late)

    def put_aside(self) -> None:
        """Call before a new sheet is set: pages that are not in sight are left out of it."""
        self._late = [page for page in self._pages() if not page.isVisible()]
        for page in self._late:
            for widget in _all_of(page):
                if not widget.isVisible():  # a window of the page may be
                    widget.setAttribute(_STYLED, False)
        if self._late:
            self._styling.start()

    def catch_up(self, page: QWidget) -> None:
        """Call before a page is shown: what was left out is styled now."""
        if page in self._late:
            self._late.remove(page)
            _style(page)

    @Slot()
    def _on_styling(self) -> None:
        until = time.monotonic() + EACH_S
        while self._late:
            if not _style(self._late[0], until):
                return
            self._late.pop(0)
        self._styling.stop()


def _all_of(page: QWidget) -> list[QWidget]:
    return [page, *page.findChildren(QWidget)]


def _style(page: QWidget, until: float | None = None) -> bool:
    """As Qt does it for the others; False where time was up before all of them were."""
    for widget in _all_of(page):
        if not widget.testAttribute(_STYLED):
            widget.style().polish(widget)
            widget.setAttribute(_STYLED)
            QCoreApplication.sendEvent(widget, QEvent(QEvent.Type.StyleChange))
            if until is not None and time.monotonic() > until:
                return False
    return True
