"""How long the rows are and what they are about, as two painted charts. Knows no store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetricsF,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QFrame, QHBoxLayout, QToolTip, QVBoxLayout, QWidget

from expert_studio.views.theme import body_font, tokens_of
from expert_studio.views.theme_tokens import CARD_PADDING, Tokens
from expert_studio.views.widgets.dataset_words import count_text, rows_text
from expert_studio.views.widgets.elided_label import ElidedLabel
from expert_studio.views.widgets.plain_words import PlainLabel

MOST_BINS = 28
MOST_BARS = 200
NAME_WIDTH = 62  # pixels a bar with a name needs
_AXIS = 17.0
_TOP = 14.0


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: what stands under it, how many, and what choosing it means."""

    name: str
    count: int
    value: object
    tip: str


def length_bars(lengths: Sequence[int], unit: str) -> list[Bar]:
    """Equal bins from the shortest to the longest row; the edges are round numbers.

    The longest hundredth shares the last bin, so that one giant row leaves room for the rest.
    """
    if not lengths:
        return []
    ordered = sorted(lengths)
    low, high = ordered[0], ordered[int(0.99 * (len(ordered) - 1))]
    step = _round_step(max(1, high - low) / MOST_BINS)
    start = low // step * step
    number = max(1, ceil((high + 1 - start) / step))
    counts = [0] * number
    for length in ordered:
        counts[min(number - 1, (length - start) // step)] += 1
    bars = []
    for at, count in enumerate(counts):
        first, last = start + at * step, start + (at + 1) * step - 1
        if at == number - 1:
            last = max(last, ordered[-1])
        tip = f"{count_text(first)}–{count_text(last)} {unit} · {rows_text(count)}"
        bars.append(Bar(count_text(first), count, (first, last), tip))
    return bars


def _round_step(least: float) -> int:
    """The next of 1, 2, 5, 10, 20, 50 ... that is not smaller."""
    power = 1
    while True:
        for figure in (1, 2, 5):
            if figure * power >= least:
                return figure * power
        power *= 10


def value_bars(counts: Mapping[str, int], nameless: str) -> list[Bar]:
    """One bar a value, most first."""
    named = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST_BARS]
    return [
        Bar(value or nameless, count, value, f"{value or nameless} · {rows_text(count)}")
        for value, count in named
    ]


class BarChart(QWidget):
    """Upright bars; the arrow keys go through them, Enter or a click chooses one.

    Signals:
        chosen(object): the value of a bar.
    """

    chosen = Signal(object)

    def __init__(self, colour: str, numeric: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._colour = colour  # the name of a token
        self._numeric = numeric
        self._all: Sequence[Bar] = ()
        self._bars: Sequence[Bar] = ()  # those there is room for
        self._at = -1
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setMinimumHeight(84)

    @property
    def bars(self) -> Sequence[Bar]:
        return self._bars

    def show_bars(self, bars: Sequence[Bar]) -> None:
        self._all, self._at = bars, -1
        self.setAccessibleDescription("; ".join(bar.tip for bar in bars[:MOST_BINS]))
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Names that have no room are counted, not drawn: one bar for all would dwarf the rest."""
        room = max(2, self.width() // NAME_WIDTH)
        self._bars = self._all
        if not self._numeric and len(self._all) > room:
            self._bars = self._all[:room]
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(240, 96)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            at = self._bar_at(event.pos().x())
            if at >= 0:
                QToolTip.showText(event.globalPos(), self._bars[at].tip, self)
            return True
        return super().event(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._point_at(self._bar_at(event.position().x()))

    def leaveEvent(self, event: QEvent) -> None:
        self._point_at(-1)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._choose(self._bar_at(event.position().x()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right) and self._bars:
            step = 1 if event.key() == Qt.Key.Key_Right else -1
            self._point_at((self._at + step) % len(self._bars))
            self.setAccessibleName(self._bars[self._at].tip)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self._choose(self._at)
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        tokens = tokens_of(self)
        painter.setFont(body_font(10))
        if not self._bars:
            painter.setPen(QColor(tokens.muted))
            painter.setFont(body_font(11))
            painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self.tr("Nothing to show"))
            painter.end()
            return
        most = max(bar.count for bar in self._bars) or 1
        ground = self.height() - _AXIS
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for at, bar in enumerate(self._bars):
            place = self._place(at)
            tall = (ground - _TOP) * bar.count / most
            tall = max(tall, 1.5) if bar.count else 0.0
            colour = QColor(getattr(tokens, self._colour))
            if at == self._at:
                colour = colour.lighter(120) if tokens.dark else colour.darker(118)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour)
            box = QRectF(place.left(), ground - tall, place.width(), tall)
            painter.drawRoundedRect(box, 1.5, 1.5)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(QPen(QColor(tokens.line), 1))
        painter.drawLine(0, round(ground), self.width(), round(ground))
        self._paint_names(painter, tokens, ground)
        self._paint_most(painter, tokens, most)
        painter.end()

    def _paint_names(self, painter: QPainter, tokens: Tokens, ground: float) -> None:
        metrics = QFontMetricsF(painter.font())
        painter.setPen(QColor(tokens.muted))
        last = -4.0
        for at, bar in enumerate(self._bars):
            place = self._place(at)
            wide = metrics.horizontalAdvance(bar.name)
            if self._numeric:
                left = place.left()
                if left < last + 14 or left + wide > self.width():
                    continue
                text, box = bar.name, QRectF(left, ground + 3, wide + 2, _AXIS - 3)
                last = left + wide
            else:
                box = QRectF(place.left() - 2, ground + 3, place.width() + 4, _AXIS - 3)
                text = metrics.elidedText(bar.name, Qt.TextElideMode.ElideRight, box.width())
            painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)

    def _paint_most(self, painter: QPainter, tokens: Tokens, most: int) -> None:
        """How many the tallest bar stands for, or the one pointed at."""
        at = self._at
        if at < 0:
            at = next(i for i, bar in enumerate(self._bars) if bar.count == most)
        bar, place = self._bars[at], self._place(at)
        text = count_text(bar.count)
        wide = QFontMetricsF(painter.font()).horizontalAdvance(text) + 4
        ground = self.height() - _AXIS
        top = ground - (ground - _TOP) * bar.count / most - _TOP
        left = min(max(0.0, place.center().x() - wide / 2), self.width() - wide)
        left_out = len(self._all) - len(self._bars)
        if left_out:
            painter.setPen(QColor(tokens.muted))
            more = self.tr("and {n} more").format(n=left_out)
            corner = QRectF(0, 0, self.width(), _TOP - 1)
            painter.drawText(corner, Qt.AlignmentFlag.AlignRight, more)
        painter.setPen(QColor(tokens.text))
        painter.drawText(QRectF(left, top, wide, _TOP - 1), Qt.AlignmentFlag.AlignCenter, text)

    def _place(self, at: int) -> QRectF:
        slot = self.width() / max(1, len(self._bars))
        slot = min(slot, 40.0 if self._numeric else 92.0)
        gap = 2.0 if self._numeric else 8.0
        return QRectF(at * slot + gap / 2, 0, max(1.0, slot - gap), self.height())

    def _bar_at(self, x: float) -> int:
        for at in range(len(self._bars)):
            place = self._place(at)
            if place.left() - 2 <= x <= place.right() + 2:
                return at
        return -1

    def _point_at(self, at: int) -> None:
        if at != self._at:
            self._at = at
            self.update()

    def _choose(self, at: int) -> None:
        if 0 <= at < len(self._bars) and self._bars[at].value is not None:
            self.chosen.emit(self._bars[at].value)


class ChartCard(QFrame):
    def __init__(self, colour: str, numeric: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "card")
        self._title = PlainLabel()
        self._title.setProperty("role", "heading")
        self._told = ElidedLabel()
        self._told.setProperty("role", "small")
        self.chart = BarChart(colour, numeric)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self._title)
        head.addWidget(self._told, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(CARD_PADDING, CARD_PADDING - 3, CARD_PADDING, 8)
        column.setSpacing(2)
        column.addLayout(head)
        column.addWidget(self.chart, 1)

    def show_bars(self, title: str, told: str, bars: Sequence[Bar]) -> None:
        self._title.setText(title)
        self._told.set_text(told)
        self.chart.setAccessibleName(title)
        self.chart.show_bars(bars)
