"""One expert as a card, and the grid that lays cards out. Knows nothing of the library."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QButtonGroup,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from expert_studio.core.experts.library import InstalledExpert
from expert_studio.views.theme import tokens_of
from expert_studio.views.theme_tokens import CARD_PADDING, CARD_RADIUS
from expert_studio.views.widgets import expert_facts
from expert_studio.views.widgets.clamped_label import ClampedLabel
from expert_studio.views.widgets.elided_label import ElidedLabel
from expert_studio.views.widgets.quantities import size_text
from expert_studio.views.widgets.tier_dot import TierDot

CARD_HEIGHT = 116
_CARD_MIN_WIDTH = 232
_GAP = 12


class ExpertCard(QAbstractButton):
    """Name, version, signature, one line of what it does, form, size and main score."""

    def __init__(self, expert: InstalledExpert, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.expert = expert
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFixedHeight(CARD_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._build()
        manifest = expert.manifest
        self.setAccessibleName(f"{expert.name} {expert.version}")
        self.setAccessibleDescription(
            self.tr("{tier} expert, {form}, unsigned. {description}").format(
                tier=expert_facts.tier_name(manifest.tier),
                form=expert_facts.form_text(manifest),
                description=manifest.description,
            )
        )

    def _build(self) -> None:
        manifest = self.expert.manifest
        name = ElidedLabel(self.expert.name, Qt.TextElideMode.ElideMiddle)
        name.setProperty("role", "strong")
        signature = QLabel(self.tr("unsigned"))
        signature.setProperty("role", "chip")
        signature.setStyleSheet("font-size: 10px; padding: 1px 6px; border-radius: 8px")
        signature.setToolTip(self.tr("Nobody has signed this expert."))
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(TierDot(manifest.tier, 9))
        head.addWidget(name, 1)
        head.addWidget(signature)
        description = ClampedLabel(2)
        description.set_text(manifest.description)
        form = QLabel(
            f"{self.expert.version} · {expert_facts.form_text(manifest)} · "
            f"{size_text(self.expert.size_bytes)}"
        )
        form.setProperty("role", "small")
        score = ElidedLabel(expert_facts.main_score(manifest))
        score.setStyleSheet("font-size: 11px")
        score.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        foot = QHBoxLayout()
        foot.setSpacing(8)
        foot.addWidget(form)
        foot.addWidget(score, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(CARD_PADDING + 1, CARD_PADDING, CARD_PADDING + 1, CARD_PADDING)
        column.setSpacing(8)
        column.addLayout(head)
        column.addWidget(description)
        column.addStretch(1)
        column.addLayout(foot)

    def sizeHint(self) -> QSize:
        return QSize(_CARD_MIN_WIDTH, CARD_HEIGHT)

    def minimumSizeHint(self) -> QSize:
        return QSize(160, CARD_HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = tokens_of(self)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(QColor(tokens.surface))
        chosen = self.isChecked()
        width = 2.0 if chosen else 1.0
        marked = chosen or self.hasFocus()
        colour = tokens.accent if marked else tokens.faint if self.underMouse() else tokens.line
        painter.setPen(QPen(QColor(colour), width))
        inset = width / 2
        painter.drawRoundedRect(
            QRectF(self.rect()).adjusted(inset, inset, -inset, -inset), CARD_RADIUS, CARD_RADIUS
        )

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        else:
            super().keyPressEvent(event)


class ExpertGrid(QWidget):
    """Cards in as many columns as fit.

    Signals:
        chosen(str): the name of the expert whose card was chosen.
    """

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._cards: list[ExpertCard] = []
        self._columns = 0
        self._group = QButtonGroup(self)
        self._group.buttonClicked.connect(self._on_clicked)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(_GAP)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)

    @property
    def cards(self) -> tuple[ExpertCard, ...]:
        return tuple(self._cards)

    def show_experts(self, experts: Sequence[InstalledExpert], chosen: str) -> None:
        """Replaces the cards; the one of `chosen` is marked."""
        for card in self._cards:
            self._group.removeButton(card)
            self._grid.removeWidget(card)
            card.hide()
            card.deleteLater()
        self._cards = [ExpertCard(expert, self) for expert in experts]
        for card in self._cards:
            self._group.addButton(card)
            card.setChecked(card.expert.name == chosen)
        self._columns = 0
        self._arrange()

    def choose(self, name: str) -> None:
        """Marks one card, or none for "", without a signal."""
        self._group.setExclusive(False)
        for card in self._cards:
            card.setChecked(card.expert.name == name)
        self._group.setExclusive(True)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        columns = max(1, (self.width() + _GAP) // (_CARD_MIN_WIDTH + _GAP))
        if columns == self._columns:
            return
        for column in range(self._columns):
            self._grid.setColumnStretch(column, 0)
        self._columns = columns
        for number, card in enumerate(self._cards):
            self._grid.addWidget(card, number // columns, number % columns)
            card.show()
        for column in range(columns):
            self._grid.setColumnStretch(column, 1)
        self.updateGeometry()

    def _on_clicked(self, card: QAbstractButton) -> None:
        assert isinstance(card, ExpertCard)
        self.chosen.emit(card.expert.name)
