"""What each expert did for an answer: numbers, and its tokens in the experts' tier colours.

The figures are log-probabilities with the whole stack less those without one expert. Knows no
engine; colours a token for the one expert it would miss most.
"""

from __future__ import annotations

import html
from collections.abc import Mapping

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from expert_studio.core.inference.conversation import AttributedToken, Attribution
from expert_studio.views import theme
from expert_studio.views.theme_tokens import Tokens
from expert_studio.views.widgets.plain_words import PlainLabel
from expert_studio.views.widgets.rich_text import RichText
from expert_studio.views.widgets.tier_dot import TierDot

LEAST_GAIN = 0.2  # nats: below, no expert is said to have made the token
FULL_GAIN = 4.0  # nats: from here on a token has its whole colour
STRONGEST = 0.55  # of the tier's colour over the page's


class AttributionPanel(QFrame):
    """Signals:
    stop_wanted(): the passes that are under way shall end.
    """

    stop_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "inset")
        self._found: Attribution | None = None
        self._tiers: Mapping[str, str] = {}
        self._shown = theme.tokens_of(self)
        self._progress = PlainLabel()
        self._stop = QPushButton(self.tr("Stop"))
        self._text = RichText()
        self._rows = QGridLayout()
        self._legend = PlainLabel()
        self._build()

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(13, 10, 13, 11)
        column.setSpacing(8)
        row = QHBoxLayout()
        self._progress.setProperty("role", "small")
        self._stop.setProperty("role", "small")
        self._stop.setAccessibleName(self.tr("Stop the attribution"))
        self._stop.clicked.connect(self.stop_wanted)
        row.addWidget(self._progress, 1)
        row.addWidget(self._stop)
        column.addLayout(row)
        self._rows.setHorizontalSpacing(8)
        self._rows.setVerticalSpacing(4)
        self._rows.setColumnStretch(2, 1)
        column.addLayout(self._rows)
        self._text.setAccessibleName(self.tr("The answer, each token in its expert's colour"))
        column.addWidget(self._text)
        self._legend.setProperty("role", "faint")
        self._legend.setWordWrap(True)
        column.addWidget(self._legend)
        self._text.hide()
        self._legend.hide()

    @property
    def found(self) -> Attribution | None:
        return self._found

    @property
    def progress(self) -> str:
        """How far the passes are, or ""."""
        return "" if self._progress.isHidden() else self._progress.text()

    def press_stop(self) -> None:
        """As by hand."""
        self._stop.click()

    def show_progress(self, done: int, whole: int) -> None:
        """Passes done of those there are; 0 of 0 while it waits for its turn."""
        told = self.tr("Reading the answer without each expert…")
        if whole:
            told = self.tr("Pass {0} of {1}: reading the answer without each expert").format(
                min(done + 1, whole), whole
            )
        self._progress.setText(told)
        self._progress.show()
        self._stop.show()

    def show_attribution(self, found: Attribution, tiers: Mapping[str, str]) -> None:
        """`tiers` names each expert's tier."""
        self._found, self._tiers = found, tiers
        self._progress.hide()
        self._stop.hide()
        self._fill_rows(found, tiers)
        self._legend.setText(
            self.tr(
                "How much less likely the answer would be without an expert, in nats. A token has "
                "the colour of the expert it would miss most; what it would miss little is plain."
            )
        )
        self._legend.show()
        self._text.show()
        self._paint()

    def end(self) -> None:
        """Nothing is asked any more; hides itself where nothing was found."""
        self._progress.hide()
        self._stop.hide()
        self.setVisible(self._found is not None)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if self._found is not None and theme.was_recoloured(event, self._shown):
            self._paint()

    def _fill_rows(self, found: Attribution, tiers: Mapping[str, str]) -> None:
        while self._rows.count():
            item = self._rows.takeAt(0)
            if item is not None and (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        gains = {name: found.gain(name) for name in found.experts}
        most = max((abs(gain) for gain in gains.values()), default=0.0) or 1.0
        for row, (name, gain) in enumerate(gains.items()):
            label = PlainLabel(name)
            figure = PlainLabel(
                self.tr("{0:+.2f} in all, {1:+.3f} a token").format(
                    gain, gain / max(1, len(found.tokens))
                )
            )
            figure.setProperty("role", "facts")
            bar = _GainBar(tiers.get(name, ""), gain / most)
            bar.setAccessibleName(f"{name}: {figure.text()}")
            middle = Qt.AlignmentFlag.AlignVCenter
            self._rows.addWidget(TierDot(tiers.get(name, "")), row, 0, middle)
            self._rows.addWidget(label, row, 1)
            self._rows.addWidget(bar, row, 2)
            self._rows.addWidget(figure, row, 3)

    def _paint(self) -> None:
        self._shown = theme.tokens_of(self)
        if self._found is not None:
            self._text.show_html(as_html(self._found, self._tiers, self._shown))


def as_html(found: Attribution, tiers: Mapping[str, str], tokens: Tokens) -> str:
    """The answer's text, each token on the colour of the expert that made it likely."""
    parts = []
    for token in found.tokens:
        text = html.escape(token.text)
        maker = maker_of(token)
        if maker is None:
            parts.append(text)
            continue
        share = STRONGEST * min(1.0, token.gains[maker] / FULL_GAIN)
        colour = _mixed(tokens.tier(tiers.get(found.experts[maker], "")), tokens.sunken, share)
        parts.append(f'<span style="background-color: {colour}">{text}</span>')
    return f'<p style="margin-bottom: 0; white-space: pre-wrap">{"".join(parts)}</p>'


def maker_of(token: AttributedToken) -> int | None:
    """The place of the expert a token would miss most; None where it would miss none."""
    if not token.gains:
        return None
    maker = max(range(len(token.gains)), key=token.gains.__getitem__)
    return maker if token.gains[maker] >= LEAST_GAIN else None


def _mixed(over: str, under: str, share: float) -> str:
    one, other = QColor(over), QColor(under)
    return QColor.fromRgbF(
        other.redF() + share * (one.redF() - other.redF()),
        other.greenF() + share * (one.greenF() - other.greenF()),
        other.blueF() + share * (one.blueF() - other.blueF()),
    ).name()


class _GainBar(QWidget):
    """From the middle to the right for a gain, to the left for a loss."""

    def __init__(self, tier: str, share: float, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tier = tier
        self._share = max(-1.0, min(1.0, share))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(10)

    def sizeHint(self) -> QSize:
        return QSize(120, 10)

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = theme.tokens_of(self)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        middle = self.width() / 2
        painter.setBrush(QColor(tokens.line))
        painter.drawRect(QRectF(middle - 0.5, 0, 1, self.height()))
        painter.setBrush(QColor(tokens.tier(self._tier)))
        width = abs(self._share) * middle
        left = middle if self._share >= 0 else middle - width
        painter.drawRoundedRect(QRectF(left, 2, width, self.height() - 4), 3, 3)
        painter.end()
