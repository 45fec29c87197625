"""What a screen reader is told of a window, and where Tab goes: read from Qt itself."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QObject, QPoint, Qt
from PySide6.QtGui import QAccessible, QAccessibleInterface
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QScrollArea, QWidget
from pytestqt.qtbot import QtBot

ROLE = QAccessible.Role
INTERACTIVE = {
    ROLE.Button, ROLE.ButtonDropDown, ROLE.ButtonMenu, ROLE.CheckBox, ROLE.RadioButton,
    ROLE.ComboBox, ROLE.EditableText, ROLE.Slider, ROLE.SpinBox, ROLE.List, ROLE.Table,
    ROLE.Tree, ROLE.PageTab, ROLE.Link,
}  # fmt: skip
# what is scrolled, drawn or read: it takes the keyboard and is told by its name alone
READ = {ROLE.Client, ROLE.StaticText, ROLE.Document, ROLE.Chart, ROLE.Graphic, ROLE.Canvas}
WHOLE = {ROLE.List, ROLE.Table, ROLE.Tree, ROLE.SpinBox, ROLE.ComboBox}
MOST_STOPS = 400


@dataclass(frozen=True, slots=True)
class Told:
    """One thing on screen as it is told."""

    role: QAccessible.Role
    name: str
    is_focusable: bool
    is_disabled: bool
    widget: QObject | None

    @property
    def line(self) -> str:
        return f"{self.role.name} {self.name or '(no name)'} [{type(self.widget).__name__}]"


def tree(part: QWidget) -> list[Told]:
    """Everything visible below a part, in the order a screen reader walks it."""
    return [_told(found) for found in _walk(QAccessible.queryAccessibleInterface(part))]


def dump(part: QWidget) -> str:
    """The tree as lines, for a person to look at."""
    return "\n".join(told.line for told in tree(part))


def faults_of(part: QWidget) -> list[str]:
    """Controls without a name or with a role that says nothing, and names that stand twice."""
    controls = [
        one
        for one in tree(part)
        if (one.role in INTERACTIVE or one.is_focusable) and not _stands_for_another(one.widget)
    ]
    nameless = [f"no name: {one.line}" for one in controls if not one.name.strip()]
    odd = [f"odd role: {one.line}" for one in controls if one.role not in INTERACTIVE | READ]
    counts = Counter((one.role, one.name) for one in controls if one.role in INTERACTIVE)
    twice = [f"{n} times: {role.name} {name}" for (role, name), n in counts.items() if n > 1]
    return nameless + odd + twice


def walk_by_tab(qtbot: QtBot, window: QWidget, first: QWidget) -> list[QWidget]:
    """Presses Tab from `first` on until it comes round; the stops in the order they come."""
    first.setFocus()
    reached = [first]
    for _ in range(MOST_STOPS):
        qtbot.keyClick(_focused(), Qt.Key.Key_Tab, Qt.KeyboardModifier.ControlModifier) if (
            _eats_tab(_focused())
        ) else qtbot.keyClick(_focused(), Qt.Key.Key_Tab)
        if _focused() is first:
            return reached
        reached.append(_focused())
    raise AssertionError(f"Tab does not come round: {[name_of(w) for w in reached[-5:]]}")


def unreached(part: QWidget, stops: Sequence[QWidget]) -> list[str]:
    """Controls that are there and enabled but that Tab passes by."""
    return [
        f"not reached: {one.line}"
        for one in tree(part)
        if one.role in INTERACTIVE and not one.is_disabled and not _is_reached(one.widget, stops)
    ]


def _stands_for_another(widget: QObject | None) -> bool:
    """A viewport gives the keyboard on to its view, which is told itself."""
    return isinstance(widget, QWidget) and widget.focusProxy() is not None


def _is_reached(widget: QObject | None, stops: Sequence[QWidget]) -> bool:
    """By Tab, or by the arrows from the one of its group that Tab reaches."""
    if widget in stops:
        return True
    group = widget.group() if isinstance(widget, QAbstractButton) else None
    return group is not None and group.exclusive() and any(one in stops for one in group.buttons())


def out_of_order(stops: Sequence[QWidget], window: QWidget) -> list[str]:
    """Neighbours of which the later stands before: above in its column, or left in its line."""
    for scroll in window.findChildren(QScrollArea):  # each where it stands when none is scrolled
        scroll.verticalScrollBar().setValue(0)
    faults = []
    for one, other in itertools.pairwise(stops):
        a, b = _area(one, window), _area(other, window)
        above = b.bottom <= a.top and b.left < a.right
        left = b.top < a.bottom and a.top < b.bottom and b.right <= a.left
        if above or left:
            faults.append(f"order: {name_of(one)!r} then {name_of(other)!r}")
    return faults


def name_of(widget: QWidget) -> str:
    return _name(QAccessible.queryAccessibleInterface(widget))


@dataclass(frozen=True, slots=True)
class _Area:
    left: int
    top: int
    right: int
    bottom: int


def _area(widget: QWidget, window: QWidget) -> _Area:
    corner = widget.mapTo(window, QPoint(0, 0))
    return _Area(corner.x(), corner.y(), corner.x() + widget.width(), corner.y() + widget.height())


def _focused() -> QWidget:
    focused = QApplication.focusWidget()
    assert focused is not None
    return focused


def _eats_tab(widget: QWidget) -> bool:
    """A field in which Tab is a letter lets go by Ctrl+Tab."""
    changes = getattr(widget, "tabChangesFocus", None)
    return changes is not None and not changes() and not widget.isReadOnly()  # type: ignore[attr-defined]


def _walk(interface: QAccessibleInterface) -> Iterator[QAccessibleInterface]:
    for number in range(interface.childCount()):
        child = interface.child(number)
        if child is None or not child.isValid() or child.state().invisible:
            continue
        yield child
        if child.role() not in WHOLE:
            yield from _walk(child)


def _told(interface: QAccessibleInterface) -> Told:
    state = interface.state()
    return Told(
        interface.role(),
        _name(interface),
        bool(state.focusable),
        bool(state.disabled),
        interface.object(),
    )


def _name(interface: QAccessibleInterface) -> str:
    found = interface.object()
    if isinstance(found, QComboBox):  # on Linux Qt tells the value in place of the name
        return found.accessibleName()
    return interface.text(QAccessible.Text.Name)
