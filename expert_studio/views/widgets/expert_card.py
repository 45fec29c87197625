"""One expert drawn as a card. Knows the roles of `expert_model`, nothing of the library.

A delegate paints what is on view and nothing else: with a widget for each card, a search
in a library of a thousand would hold the window up for seconds.
"""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from expert_studio.core.experts.library import InstalledExpert
from expert_studio.core.experts.trust import Standing
from expert_studio.views.theme import body_font, scaled, tokens_of
from expert_studio.views.theme_tokens import CARD_PADDING, CARD_RADIUS, Tokens
from expert_studio.views.widgets import expert_facts, signature_words
from expert_studio.views.widgets.clamped_lines import LINE_SPACING, clamped_lines
from expert_studio.views.widgets.expert_model import EXPERT, STANDING, Index
from expert_studio.views.widgets.quantities import size_text

CARD_GAP = 12
_CARD_HEIGHT, _CARD_MIN_WIDTH = 116, 232  # at 100 % of the type, as all heights here
_DOT = 9.0
_CHIP_HEIGHT = 17
_FOOT_HEIGHT = 14
_DESCRIPTION_LINES = 2


def card_height() -> int:
    return scaled(_CARD_HEIGHT)


def card_min_width() -> int:
    return scaled(_CARD_MIN_WIDTH)


class CardDelegate(QStyledItemDelegate):
    """Name, signature, what it does, version, form and size, main score."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        view = option.widget
        if isinstance(view, QListView) and view.gridSize().isValid():
            return view.gridSize()  # all columns are of equal width
        return QSize(card_min_width(), card_height() + CARD_GAP)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        expert, standing = index.data(EXPERT), index.data(STANDING)
        if not isinstance(expert, InstalledExpert):
            return
        widget = option.widget
        tokens = tokens_of(widget if isinstance(widget, QWidget) else QWidget())
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        card = QRectF(option.rect).adjusted(0, 0, -CARD_GAP, -CARD_GAP)
        _paint_frame(painter, tokens, card, option.state)
        inside = card.adjusted(CARD_PADDING + 1, CARD_PADDING, -CARD_PADDING - 1, -CARD_PADDING)
        _paint_head(painter, tokens, inside, expert, standing)
        _paint_description(painter, tokens, inside, expert.manifest.description)
        _paint_foot(painter, tokens, inside, expert)
        painter.restore()


def _paint_frame(painter: QPainter, tokens: Tokens, card: QRectF, state: QStyle.StateFlag) -> None:
    chosen = bool(state & QStyle.StateFlag.State_Selected)
    under_mouse = bool(state & QStyle.StateFlag.State_MouseOver)
    width = 2.0 if chosen else 1.0
    colour = tokens.accent if chosen else tokens.faint if under_mouse else tokens.line
    painter.setBrush(QColor(tokens.surface))
    painter.setPen(QPen(QColor(colour), width))
    inset = width / 2
    frame = card.adjusted(inset, inset, -inset, -inset)
    painter.drawRoundedRect(frame, CARD_RADIUS, CARD_RADIUS)


def _paint_head(
    painter: QPainter, tokens: Tokens, inside: QRectF, expert: InstalledExpert, standing: Standing
) -> None:
    height = scaled(_CHIP_HEIGHT)
    middle = inside.top() + height / 2
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(tokens.tier(expert.manifest.tier)))
    painter.drawEllipse(QRectF(inside.left(), middle - _DOT / 2, _DOT, _DOT))
    said = signature_words.state_text(standing.state)
    severity = signature_words.severity(standing.state)
    chip_width = QFontMetricsF(_font(10)).horizontalAdvance(said) + 16
    chip = QRectF(inside.right() - chip_width, inside.top(), chip_width, height)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(QColor(tokens.line), 1))
    painter.drawRoundedRect(chip.adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)
    painter.setFont(_font(10))
    painter.setPen(QColor(getattr(tokens, severity) if severity else tokens.muted))
    painter.drawText(chip, Qt.AlignmentFlag.AlignCenter, said)
    left = inside.left() + _DOT + 8
    name = QRectF(left, inside.top(), chip.left() - 8 - left, height)
    middle_of = Qt.TextElideMode.ElideMiddle
    _draw_line(painter, name, expert.name, _font(13, 600), tokens.text, middle_of)


def _paint_description(painter: QPainter, tokens: Tokens, inside: QRectF, text: str) -> None:
    font = _font(12)
    painter.setFont(font)
    painter.setPen(QColor(tokens.muted))
    baseline = inside.top() + scaled(_CHIP_HEIGHT) + 8 + QFontMetricsF(font).ascent()
    for number, line in enumerate(_lines(text, int(inside.width()))):
        y = baseline + number * font.pixelSize() * LINE_SPACING
        painter.drawText(QPointF(inside.left(), y), line)


def _paint_foot(painter: QPainter, tokens: Tokens, inside: QRectF, expert: InstalledExpert) -> None:
    font = _font(11)
    manifest = expert.manifest
    facts = [expert.version, expert_facts.form_text(manifest), size_text(expert.size_bytes)]
    score = expert_facts.main_score(manifest)
    height = scaled(_FOOT_HEIGHT)
    foot = QRectF(inside.left(), inside.bottom() - height, inside.width(), height)
    measured = QFontMetricsF(font)
    room = foot.width() - measured.horizontalAdvance(score) - 8
    while len(facts) > 1 and measured.horizontalAdvance(" · ".join(facts)) > room:
        facts.pop()  # the size goes first: the list and the details have it, too
    form = " · ".join(facts)
    used = measured.horizontalAdvance(form) + 8
    _draw_line(painter, foot, form, font, tokens.muted, Qt.TextElideMode.ElideRight)
    rest = foot.adjusted(min(used, foot.width()), 0, 0, 0)
    left, right = Qt.TextElideMode.ElideLeft, Qt.AlignmentFlag.AlignRight
    _draw_line(painter, rest, score, font, tokens.text, left, right)


def _font(pixels: int, weight: int = 400) -> QFont:
    return _made_font(pixels, weight, scaled(pixels))


@lru_cache(maxsize=32)
def _made_font(pixels: int, weight: int, _scaled_px: int) -> QFont:
    return body_font(pixels, weight)


def _lines(text: str, width: int) -> tuple[str, ...]:
    return _broken(text, width, scaled(12))


@lru_cache(maxsize=512)
def _broken(text: str, width: int, _scaled_px: int) -> tuple[str, ...]:
    return clamped_lines(text, _font(12), width, _DESCRIPTION_LINES)[0]


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
