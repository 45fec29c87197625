"""What a screen reader is told of a window, and where Tab goes: read from Qt itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAccessible, QAccessibleInterface
from PySide6.QtWidgets import QWidget

ROLE = QAccessible.Role
INTERACTIVE = {
    ROLE.Button, ROLE.ButtonDropDown, ROLE.ButtonMenu, ROLE.CheckBox, ROLE.RadioButton,
    ROLE.ComboBox, ROLE.EditableText, ROLE.Slider, ROLE.SpinBox, ROLE.List, ROLE.Table,
    ROLE.Tree, ROLE.PageTab, ROLE.Link,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Told:
    """One thing on screen as it is told; `at` is where, in pixels of the screen."""

    role: str
    name: str
    focusable: bool
    disabled: bool
    interactive: bool
    at: QPoint
    where: str

    def line(self) -> str:
        return f"{self.role}: {self.name or '(no name)'}"


def tree(part: QWidget) -> list[Told]:
    """Everything visible below a part, in the order a screen reader walks it."""
    top = QAccessible.queryAccessibleInterface(part)
    return [_told(found) for found in _walk(top)]


def _walk(interface: QAccessibleInterface) -> Iterator[QAccessibleInterface]:
    for number in range(interface.childCount()):
        child = interface.child(number)
        if child is None or not child.isValid() or child.state().invisible:
            continue
        yield child
        if child.role() not in (ROLE.List, ROLE.Table, ROLE.Tree, ROLE.SpinBox, ROLE.ComboBox):
            yield from _walk(child)


def _told(interface: QAccessibleInterface) -> Told:
    state, role = interface.state(), interface.role()
    found = interface.object()
    return Told(
        role.name,
        interface.text(QAccessible.Text.Name),
        bool(state.focusable),
        bool(state.disabled),
        role in INTERACTIVE,
        interface.rect().topLeft(),
        type(found).__name__,
    )


def tab_stops(window: QWidget, part: QWidget) -> list[QWidget]:
    """What Tab reaches within a part, in the order of the focus chain."""
    found, now = [], window.nextInFocusChain()
    while now is not None and now is not window:
        wanted = bool(now.focusPolicy() & Qt.FocusPolicy.TabFocus)
        proxied = now.focusProxy() is not None
        if (
            wanted
            and not proxied
            and part.isAncestorOf(now)
            and now.isVisible()
            and now.isEnabled()
        ):
            found.append(now)
        now = now.nextInFocusChain()
    return found


def name_of(widget: QWidget) -> str:
    return QAccessible.queryAccessibleInterface(widget).text(QAccessible.Text.Name)


def out_of_order(stops: list[QWidget], window: QWidget) -> list[str]:
    """Neighbours in the chain where the later one stands before: above, or left in the line.

    Columns are read one after another: going from one to another may go up, but then to
    the right.
    """
    faults = []
    for one, other in zip(stops, stops[1:], strict=False):
        a, b = _area(one, window), _area(other, window)
        above = b[3] <= a[1]  # wholly above
        same_line = b[1] < a[3] and a[1] < b[3]
        to_the_left = b[2] <= a[0]
        if (above and b[0] < a[2]) or (same_line and to_the_left):
            faults.append(f"{name_of(one)!r} then {name_of(other)!r}")
    return faults


def _area(widget: QWidget, window: QWidget) -> tuple[int, int, int, int]:
    corner = widget.mapTo(window, QPoint(0, 0))
    return (
        corner.x(),
        corner.y(),
        corner.x() + widget.width(),
        corner.y() + widget.height(),
    )
