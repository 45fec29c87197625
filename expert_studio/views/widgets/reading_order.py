"""In which order Tab goes: as the window is read, by its layouts, not by what was made first.

Widgets that come later (a row, a card, a page) would otherwise stand at the end of Qt's own
chain. Knows no page.
"""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QGridLayout,
    QLayout,
    QScrollArea,
    QScrollBar,
    QWidget,
)

from expert_studio.views.widgets.wrapping_row import WrappingRow

_WHOLE = (QAbstractSpinBox, QComboBox)  # what is inside of these is theirs


def tab_stops(root: QWidget) -> list[QWidget]:
    """What Tab reaches below `root`, first to last."""
    return list(_stops(root))


def focus_neighbour(root: QWidget, forward: bool) -> bool:
    """Moves the keyboard to the next or previous stop, around the end; False without any."""
    stops = tab_stops(root)
    if not stops:
        return False
    focused = QApplication.focusWidget()
    at = stops.index(focused) if focused in stops else _nearest(stops, focused, forward)
    wanted = stops[(at + (1 if forward else -1)) % len(stops)]
    reason = Qt.FocusReason.TabFocusReason if forward else Qt.FocusReason.BacktabFocusReason
    wanted.setFocus(reason)
    _bring_into_view(wanted)
    return True


def _nearest(stops: list[QWidget], focused: QWidget | None, forward: bool) -> int:
    """Where to go on from something that is no stop itself, a page clicked on for instance."""
    inside = [i for i, stop in enumerate(stops) if focused and focused.isAncestorOf(stop)]
    if not inside:
        return -1 if forward else 0
    return inside[0] - 1 if forward else inside[-1] + 1


def _bring_into_view(widget: QWidget) -> None:
    above = widget.parentWidget()
    while above is not None:
        if isinstance(above, QScrollArea):
            above.ensureWidgetVisible(widget, 12, 12)
        above = above.parentWidget()


def _stops(widget: QWidget) -> Iterator[QWidget]:
    if not widget.isVisible() or isinstance(widget, QScrollBar):
        return
    wants_tab = bool(widget.focusPolicy().value & Qt.FocusPolicy.TabFocus.value)
    if wants_tab and widget.isEnabled() and widget.focusProxy() is None:
        yield widget
    if not isinstance(widget, _WHOLE):
        for child in _children(widget):
            yield from _stops(child)


def _children(widget: QWidget) -> list[QWidget]:
    """Laid out ones as their layout has them, then the others from top to bottom."""
    if isinstance(widget, WrappingRow):
        return list(widget.in_order)
    laid_out = list(_in_layout(widget.layout()))
    known = set(map(id, laid_out))
    others = [
        child
        for child in widget.children()
        if isinstance(child, QWidget) and not child.isWindow() and id(child) not in known
    ]
    return laid_out + sorted(others, key=lambda child: (child.y(), child.x()))


def _in_layout(layout: QLayout | None) -> Iterator[QWidget]:
    if layout is None:
        return
    numbers = list(range(layout.count()))
    if isinstance(layout, QGridLayout):
        numbers.sort(key=lambda number: layout.getItemPosition(number)[:2])
    for number in numbers:
        item = layout.itemAt(number)
        if item is None:
            continue
        if (widget := item.widget()) is not None:
            yield widget
        else:
            yield from _in_layout(item.layout())
