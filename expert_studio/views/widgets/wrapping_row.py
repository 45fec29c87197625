"""Controls one after the other, on as many lines as the width makes needful.

A row in a layout is never narrower than all of its controls: at 150 % it pushed the transcript
under its own scroll bar. Knows nothing of what the controls do.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QRect, QSize
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QStyle, QWidget

from expert_studio.views.widgets.rich_text import as_wide_as_parent

GAP = 4


class WrappingRow(QWidget):
    """Subclasses name their controls by `set_controls`; height follows from the width."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        as_wide_as_parent(self)  # else it is measured at a hundred pixels first, five lines high
        self._controls: Sequence[QWidget] = ()
        self._told: QLabel | None = None
        self._last: QWidget | None = None
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def set_controls(self, controls: Sequence[QWidget], told: QLabel, last: QWidget) -> None:
        """In their order; `told` fills what is left of the line `last` ends at the right."""
        self._controls, self._told, self._last = controls, told, last
        self._place()

    @property
    def in_order(self) -> tuple[QWidget, ...]:
        """All controls as they are read."""
        ends = [one for one in (self._told, self._last) if one is not None]
        return (*self._controls, *ends)

    def sizeHint(self) -> QSize:
        widths = [_size(one).width() + GAP for one in self._all()]
        return QSize(sum(widths), self.height())

    def minimumSizeHint(self) -> QSize:
        widest = max(
            (_size(one).width() for one in self._all() if one is not self._told), default=0
        )
        return QSize(widest, self.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._place()  # nobody asked for it while it was hidden

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LayoutRequest:  # a control came, went or says something else
            self._place()
        return super().event(event)

    def _all(self) -> list[QWidget]:
        return [one for one in self.in_order if not one.isHidden()]

    def _place(self) -> None:
        if self._told is None or self._last is None:
            return
        line = max(_size(one).height() for one in self._all())
        x = y = 0
        for control in self._controls:
            if control.isHidden():
                continue
            width = _size(control).width()
            if x and x + width > self.width():
                x, y = 0, y + line + GAP
            self._put(control, QRect(x, y, width, line))
            x += width + GAP
        end = _size(self._last).width()
        if x and self.width() - x - GAP - end < _size(self._told).width():  # it would be cut off
            x, y = 0, y + line + GAP
        room = max(0, self.width() - x - GAP - end)
        self._put(self._told, QRect(x, y, room, line))
        self._put(self._last, QRect(x + room + GAP, y, end, line))
        if self.height() != y + line:
            self.setFixedHeight(y + line)

    def _put(self, control: QWidget, place: QRect) -> None:
        height = min(_size(control).height(), place.height())
        place = QRect(place.x(), place.y() + (place.height() - height) // 2, place.width(), height)
        control.setGeometry(QStyle.visualRect(self.layoutDirection(), self.rect(), place))


def _size(control: QWidget) -> QSize:
    return control.sizeHint().expandedTo(control.minimumSize())
