"""Bars by layer: how much one or two experts change, where they meet and pull apart.

Paints what `core.experts.weight_profile` measured; knows nothing of how.
"""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from expert_studio.core.experts.weight_report import Meeting, WeightProfile
from expert_studio.views.theme import body_font, tokens_of
from expert_studio.views.theme_tokens import Tokens

_ROW, _HEAD, _LABEL, _GAP = 30, 24, 64, 22
_BAR = 8.0


@dataclass(frozen=True, slots=True)
class _Row:
    layer: int
    left: float
    right: float  # 0 where there is no second expert
    overlap: float | None
    conflict: float | None


class LayerBars(QWidget):
    """One row a layer: bars of the norms, the overlap and the sign conflict."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[_Row, ...] = ()
        self._most = 1.0
        self._tiers = ("", "")
        self._two = False
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_profile(self, found: WeightProfile, tier: str) -> None:
        """One expert alone."""
        rows = tuple(_Row(one.layer, one.norm, 0.0, None, None) for one in found.layers)
        self._show(rows, (tier, ""), False)

    def show_meeting(self, found: Meeting, tiers: tuple[str, str]) -> None:
        """Two experts side by side."""
        ours = {one.layer: one.norm for one in found.left.layers}
        theirs = {one.layer: one.norm for one in found.right.layers}
        met = {one.layer: one for one in found.layers}
        rows = tuple(
            _Row(
                layer,
                ours.get(layer, 0.0),
                theirs.get(layer, 0.0),
                met[layer].overlap if layer in met else None,
                met[layer].sign_conflict if layer in met else None,
            )
            for layer in sorted(ours.keys() | theirs.keys())
        )
        self._show(rows, tiers, True)

    def sizeHint(self) -> QSize:
        return QSize(600, _HEAD + _ROW * max(len(self._rows), 1))

    def said(self) -> str:
        """What the bars show, one line a layer."""
        return self.accessibleDescription()

    def _show(self, rows: tuple[_Row, ...], tiers: tuple[str, str], two: bool) -> None:
        self._rows, self._tiers, self._two = rows, tiers, two
        self._most = max((max(row.left, row.right) for row in rows), default=0.0) or 1.0
        self.setAccessibleName(self.tr("Change by layer"))
        self.setAccessibleDescription("\n".join(map(self._spoken, rows)))
        self.updateGeometry()
        self.update()

    def _spoken(self, row: _Row) -> str:
        parts = [f"{self._layer_name(row)}: {row.left:.2f}"]
        if self._two:
            parts.append(f"{row.right:.2f}")
        if row.overlap is not None and row.conflict is not None:
            parts.append(self.tr("overlap {x}").format(x=f"{row.overlap:+.2f}"))
            parts.append(self.tr("sign conflict {x} %").format(x=f"{row.conflict * 100:.0f}"))
        return ", ".join(parts)

    def _layer_name(self, row: _Row) -> str:
        if row.layer < 0:
            return self.tr("Prompt")
        return self.tr("Layer {n}").format(n=row.layer)

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = tokens_of(self)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(body_font(11))
        columns = self._columns()
        names = (self.tr("Size of the change"), self.tr("Overlap"), self.tr("Sign conflict"))
        painter.setPen(QColor(tokens.muted))
        for column, name in zip(columns, names, strict=False):
            place = QRectF(column.left(), 0, column.width() + _GAP, 16)
            painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, name)
        for number, row in enumerate(self._rows):
            self._paint_row(painter, tokens, row, _HEAD + number * _ROW, columns)
        painter.end()

    def _columns(self) -> list[QRectF]:
        """The norms', and with two experts the overlap's and the conflict's."""
        room = self.width() - _LABEL
        if not self._two:
            return [QRectF(_LABEL, 0, room - 60, 0)]
        widths = (0.5 * room - _GAP - 44, 0.25 * room - _GAP - 40, 0.25 * room - 44)
        lefts = (_LABEL, _LABEL + 0.5 * room, _LABEL + 0.75 * room)
        return [QRectF(left, 0, max(w, 20), 0) for left, w in zip(lefts, widths, strict=True)]

    def _paint_row(
        self, painter: QPainter, tokens: Tokens, row: _Row, top: float, columns: list[QRectF]
    ) -> None:
        painter.setPen(QColor(tokens.muted))
        label = QRectF(0, top, _LABEL - 8, _ROW)
        painter.drawText(label, Qt.AlignmentFlag.AlignVCenter, self._layer_name(row))
        norms = columns[0]
        values = (row.left, row.right) if self._two else (row.left,)
        for number, value in enumerate(values):
            y = top + _ROW / 2 + (number - len(values) / 2) * (_BAR + 2) + 1
            width = norms.width() * value / self._most
            colour = tokens.tier(self._tiers[number])
            _bar(painter, QRectF(norms.left(), y, max(width, 1.0), _BAR), colour)
        beside = QRectF(norms.right() + 8, top, 50, _ROW)
        painter.setPen(QColor(tokens.text))
        painter.drawText(beside, Qt.AlignmentFlag.AlignVCenter, f"{max(values):.2f}")
        if row.overlap is not None and row.conflict is not None and len(columns) > 1:
            self._paint_overlap(painter, tokens, row.overlap, top, columns[1])
            self._paint_conflict(painter, tokens, row.conflict, top, columns[2])

    def _paint_overlap(
        self, painter: QPainter, tokens: Tokens, overlap: float, top: float, place: QRectF
    ) -> None:
        """A bar from the middle: to the right the same way, to the left against each other."""
        middle, y = place.center().x(), top + _ROW / 2 - _BAR / 2
        _bar(painter, QRectF(place.left(), y, place.width(), _BAR), tokens.sunken)
        reach = place.width() / 2 * overlap
        drawn = QRectF(min(middle, middle + reach), y, max(abs(reach), 1.5), _BAR)
        _bar(painter, drawn, tokens.bad if overlap < 0 else tokens.accent)
        self._figure(painter, tokens, f"{overlap:+.2f}", top, place)

    def _paint_conflict(
        self, painter: QPainter, tokens: Tokens, conflict: float, top: float, place: QRectF
    ) -> None:
        y = top + _ROW / 2 - _BAR / 2
        _bar(painter, QRectF(place.left(), y, place.width(), _BAR), tokens.sunken)
        colour = tokens.bad if conflict > 0.55 else tokens.warn if conflict > 0.45 else tokens.good
        _bar(painter, QRectF(place.left(), y, place.width() * conflict, _BAR), colour)
        self._figure(painter, tokens, f"{conflict * 100:.0f} %", top, place)

    @staticmethod
    def _figure(painter: QPainter, tokens: Tokens, text: str, top: float, place: QRectF) -> None:
        painter.setPen(QColor(tokens.text))
        beside = QRectF(place.right() + 8, top, 40, _ROW)
        painter.drawText(beside, Qt.AlignmentFlag.AlignVCenter, text)


def _bar(painter: QPainter, place: QRectF, colour: str) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(colour))
    painter.drawRoundedRect(place, 3, 3)
