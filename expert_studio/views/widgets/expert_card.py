"""One expert as a card, and the grid that lays cards out. Knows nothing of the library.

A card paints itself: with labels and layouts inside, a search in a library of two hundred
would hold the window up for most of a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontMetricsF,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QSizePolicy, QWidget

from expert_studio.core.experts.library import InstalledExpert
from expert_studio.views.theme import body_font, tokens_of
from expert_studio.views.theme_tokens import CARD_PADDING, CARD_RADIUS, Tokens
from expert_studio.views.widgets import expert_facts
from expert_studio.views.widgets.card_columns import CardColumns
from expert_studio.views.widgets.clamped_lines import LINE_SPACING, clamped_lines
from expert_studio.views.widgets.quantities import size_text

CARD_HEIGHT = 116
_CARD_MIN_WIDTH = 232
_DOT = 9.0
_CHIP_HEIGHT = 17.0
_DESCRIPTION_LINES = 2


class ExpertCard(QAbstractButton):
    """Name, signature, what it does, version, form and size, main score."""

    def __init__(self, expert: InstalledExpert, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.expert = expert
        manifest = expert.manifest
        self._form = (
            f"{expert.version} · {expert_facts.form_text(manifest)} · "
            f"{size_text(expert.size_bytes)}"
        )
        self._score = expert_facts.main_score(manifest)
        self._signature = self.tr("unsigned")
        self._lines: tuple[str, ...] = ()
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFixedHeight(CARD_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolTip(f"{expert.name} {expert.version}\n{manifest.description}".strip())
        self.setAccessibleName(f"{expert.name} {expert.version}")
        self.setAccessibleDescription(
            self.tr("{tier} expert, {form}, unsigned. {description}").format(
                tier=expert_facts.tier_name(manifest.tier),
                form=expert_facts.form_text(manifest),
                description=manifest.description,
            )
        )

    def sizeHint(self) -> QSize:
        return QSize(_CARD_MIN_WIDTH, CARD_HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return QSize(160, CARD_HEIGHT)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        inside = self.width() - 2 * (CARD_PADDING + 1)
        self._lines, _ = clamped_lines(
            self.expert.manifest.description, _font(12), inside, _DESCRIPTION_LINES
        )

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = tokens_of(self)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_frame(painter, tokens)
        inside = QRectF(self.rect()).adjusted(
            CARD_PADDING + 1, CARD_PADDING, -CARD_PADDING - 1, -CARD_PADDING
        )
        self._paint_head(painter, tokens, inside)
        self._paint_description(painter, tokens, inside)
        self._paint_foot(painter, tokens, inside)
        painter.end()

    def _paint_frame(self, painter: QPainter, tokens: Tokens) -> None:
        chosen = self.isChecked()
        width = 2.0 if chosen else 1.0
        marked = chosen or self.hasFocus()
        colour = tokens.accent if marked else tokens.faint if self.underMouse() else tokens.line
        painter.setBrush(QColor(tokens.surface))
        painter.setPen(QPen(QColor(colour), width))
        inset = width / 2
        frame = QRectF(self.rect()).adjusted(inset, inset, -inset, -inset)
        painter.drawRoundedRect(frame, CARD_RADIUS, CARD_RADIUS)

    def _paint_head(self, painter: QPainter, tokens: Tokens, inside: QRectF) -> None:
        middle = inside.top() + _CHIP_HEIGHT / 2
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(tokens.tier(self.expert.manifest.tier)))
        painter.drawEllipse(QRectF(inside.left(), middle - _DOT / 2, _DOT, _DOT))
        chip_width = QFontMetricsF(_font(10)).horizontalAdvance(self._signature) + 16
        chip = QRectF(inside.right() - chip_width, inside.top(), chip_width, _CHIP_HEIGHT)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(QColor(tokens.line), 1))
        painter.drawRoundedRect(chip.adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)
        painter.setFont(_font(10))
        painter.setPen(QColor(tokens.muted))
        painter.drawText(chip, Qt.AlignmentFlag.AlignCenter, self._signature)
        left = inside.left() + _DOT + 8
        name = QRectF(left, inside.top(), chip.left() - 8 - left, _CHIP_HEIGHT)
        _draw_line(
            painter,
            name,
            self.expert.name,
            _font(13, 600),
            tokens.text,
            Qt.TextElideMode.ElideMiddle,
        )

    def _paint_description(self, painter: QPainter, tokens: Tokens, inside: QRectF) -> None:
        font = _font(12)
        painter.setFont(font)
        painter.setPen(QColor(tokens.muted))
        baseline = inside.top() + _CHIP_HEIGHT + 8 + QFontMetricsF(font).ascent()
        for number, line in enumerate(self._lines):
            y = baseline + number * font.pixelSize() * LINE_SPACING
            painter.drawText(QPointF(inside.left(), y), line)

    def _paint_foot(self, painter: QPainter, tokens: Tokens, inside: QRectF) -> None:
        font = _font(11)
        foot = QRectF(inside.left(), inside.bottom() - 14, inside.width(), 14)
        used = QFontMetricsF(font).horizontalAdvance(self._form) + 8
        _draw_line(painter, foot, self._form, font, tokens.muted, Qt.TextElideMode.ElideRight)
        _draw_line(
            painter,
            foot.adjusted(min(used, foot.width()), 0, 0, 0),
            self._score,
            font,
            tokens.text,
            Qt.TextElideMode.ElideLeft,
            Qt.AlignmentFlag.AlignRight,
        )


class ExpertGrid(CardColumns):
    """Cards in as many columns as fit. Tab comes to them from the widget `after`.

    Signals:
        chosen(str): the name of the expert whose card was chosen.
    """

    chosen = Signal(str)

    def __init__(self, after: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(_CARD_MIN_WIDTH, parent)
        self._made: dict[int, ExpertCard] = {}  # by the identity of their expert
        self._shown: list[ExpertCard] = []
        self._group = QButtonGroup(self)
        self._group.buttonClicked.connect(self._on_clicked)
        self._after = after

    @property
    def cards(self) -> tuple[ExpertCard, ...]:
        """Those on view, in reading order."""
        return tuple(self._shown)

    def set_experts(self, experts: Sequence[InstalledExpert]) -> None:
        """Has a card for each of these; `show_only` says which are on view."""
        before = self._made
        self._made = {}
        for expert in experts:
            card = before.pop(id(expert), None)
            if card is None:
                card = ExpertCard(expert, self)
                card.hide()
                self._group.addButton(card)
            self._made[id(expert)] = card
        for card in before.values():
            self._group.removeButton(card)
            self.take_out(card)
            card.hide()
            card.deleteLater()
        self._shown = [card for card in self._shown if id(card.expert) in self._made]
        self._laid_out = self._shown

    def show_only(self, experts: Sequence[InstalledExpert]) -> None:
        """Shows these, in this order; `set_experts` must know them."""
        wanted = [self._made[id(expert)] for expert in experts]
        for card in self._made.values():
            self.take_out(card)
        for card in set(self._made.values()) - set(wanted):
            card.hide()
        self._shown = wanted
        before = self._after
        for card in wanted:  # Tab follows reading order
            QWidget.setTabOrder(before, card)
            before = card
        self.lay_out(self._shown)

    def choose(self, name: str) -> None:
        """Marks one card, or none for "", without a signal."""
        self._group.setExclusive(False)
        for card in self._made.values():
            card.setChecked(card.expert.name == name)
        self._group.setExclusive(True)

    @Slot(QAbstractButton)
    def _on_clicked(self, card: QAbstractButton) -> None:
        assert isinstance(card, ExpertCard)
        self.chosen.emit(card.expert.name)


@lru_cache(maxsize=8)
def _font(pixels: int, weight: int = 400) -> QFont:
    return body_font(pixels, weight)


def _draw_line(
    painter: QPainter,
    place: QRectF,
    text: str,
    font: QFont,
    colour: str,
    elide: Qt.TextElideMode,
    side: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeft,
) -> None:
    painter.setFont(font)
    painter.setPen(QColor(colour))
    shown = QFontMetricsF(font).elidedText(text, elide, place.width())
    painter.drawText(place, Qt.AlignmentFlag.AlignVCenter | side, shown)
