"""The datasets there are, a card each. Knows a dataset's summary, not its store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QRectF, Qt, Signal, Slot
from PySide6.QtGui import (
    QAction,
    QColor,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import (
    QAbstractButton,
    QHBoxLayout,
    QMenu,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from expert_studio.core.datasets.store_folder import DatasetFolders
from expert_studio.core.errors import ExpertError
from expert_studio.views.theme import tokens_of
from expert_studio.views.theme_tokens import CARD_PADDING, CARD_RADIUS
from expert_studio.views.widgets.card_columns import CardColumns
from expert_studio.views.widgets.dataset_words import count_text, rows_text, value_name, when_text
from expert_studio.views.widgets.elided_label import ElidedLabel
from expert_studio.views.widgets.icon_button import IconButton
from expert_studio.views.widgets.plain_words import PlainLabel

CARD_HEIGHT = 112
_CARD_MIN_WIDTH = 280


@dataclass(frozen=True, slots=True)
class DatasetSummary:
    """One dataset as its card shows it; `problem` says why it cannot be read."""

    name: str
    states: tuple[tuple[str, int], ...] = ()
    kinds: tuple[str, ...] = ()
    versions: int = 0
    changed_s: float = 0.0
    problem: str = ""

    @property
    def rows(self) -> int:
        return sum(count for _, count in self.states)


def read_summaries(folders: DatasetFolders) -> list[DatasetSummary]:
    """All datasets; one that cannot be read says so and hides no other."""
    return [_summary(folders, name) for name in folders.names()]


def _summary(folders: DatasetFolders, name: str) -> DatasetSummary:
    try:
        with folders.open(name) as store:
            path = store.folder
            return DatasetSummary(
                name,
                tuple(store.facets("state").items()),
                tuple(store.facets("kind")),
                len(store.versions()),
                max(file.stat().st_mtime for file in path.iterdir()),
            )
    except ExpertError as error:
        return DatasetSummary(name, problem=error.why or error.what)


class DatasetCard(QAbstractButton):
    """Signals:
    menu_asked(str): "rename", "delete" or "export" of this dataset is wanted.
    """

    menu_asked = Signal(str)

    def __init__(self, summary: DatasetSummary, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.summary = summary
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFixedHeight(CARD_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(self.tr("Open dataset {name}").format(name=summary.name))
        self._build()

    def _build(self) -> None:
        summary = self.summary
        name = ElidedLabel(summary.name, Qt.TextElideMode.ElideMiddle)
        name.setProperty("role", "strong")
        self._more = IconButton("more", self.tr("More for {name}").format(name=summary.name))
        self._more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self._more)
        for word, text in (("rename", self.tr("Rename…")), ("delete", self.tr("Delete"))):
            menu.addAction(text).setData(word)
        menu.triggered.connect(self._on_action)
        self._more.setMenu(menu)
        head = QHBoxLayout()
        head.addWidget(name, 1)
        head.addWidget(self._more)
        rows = PlainLabel(rows_text(summary.rows) if not summary.problem else self.tr("Unreadable"))
        rows.setProperty("role", "figure")
        foot = ElidedLabel(summary.problem or self._told())
        foot.setProperty("role", "bad" if summary.problem else "small")
        self.setAccessibleDescription(f"{rows.text()}. {foot.whole_text}")
        for label in (name, rows, foot):
            label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        column = QVBoxLayout(self)
        column.setContentsMargins(CARD_PADDING, 9, 8, CARD_PADDING)
        column.setSpacing(2)
        column.addLayout(head)
        column.addWidget(rows)
        column.addStretch(1)
        column.addWidget(foot)

    def _told(self) -> str:
        summary = self.summary
        parts = [
            f"{count_text(count)} {value_name('state', state)}"
            for state, count in summary.states
            if count != summary.rows or state != "pending"
        ]
        parts += [value_name("kind", kind) for kind in summary.kinds if kind != "chat"]
        if summary.versions == 1:
            parts.append(self.tr("1 version"))
        elif summary.versions:
            parts.append(self.tr("{n} versions").format(n=summary.versions))
        parts.append(when_text(summary.changed_s))
        return " · ".join(parts)

    @Slot(QAction)
    def _on_action(self, action: QAction) -> None:
        self.menu_asked.emit(action.data())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        elif event.key() == Qt.Key.Key_Delete:
            self.menu_asked.emit("delete")
        elif event.key() == Qt.Key.Key_F2:
            self.menu_asked.emit("rename")
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = tokens_of(self)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        marked = self.hasFocus()
        colour = tokens.accent if marked else tokens.faint if self.underMouse() else tokens.line
        painter.setBrush(QColor(tokens.surface))
        painter.setPen(QPen(QColor(colour), 1))
        frame = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.drawRoundedRect(frame, CARD_RADIUS, CARD_RADIUS)
        painter.end()


class DatasetGrid(CardColumns):
    """Signals:
    opened(str): the dataset whose card was chosen.
    renaming(str), deleting(str): from a card's menu.
    """

    opened = Signal(str)
    renaming = Signal(str)
    deleting = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(_CARD_MIN_WIDTH, parent)
        self._cards: list[DatasetCard] = []

    @property
    def cards(self) -> tuple[DatasetCard, ...]:
        return tuple(self._cards)

    def show_datasets(self, summaries: Sequence[DatasetSummary]) -> None:
        focused = next((card.summary.name for card in self._cards if card.hasFocus()), "")
        for card in self._cards:
            self.take_out(card)
            card.hide()
            card.deleteLater()
        self._cards = []
        for summary in summaries:
            card = DatasetCard(summary, self)
            card.clicked.connect(partial(self._on_opened, summary.name))
            card.menu_asked.connect(partial(self._on_menu, summary.name))
            self._cards.append(card)
            if summary.name == focused:
                card.setFocus()
        self.lay_out(self._cards)

    @Slot()
    def _on_opened(self, name: str, _checked: bool = False) -> None:
        self.opened.emit(name)

    @Slot(str)
    def _on_menu(self, name: str, word: str) -> None:
        (self.renaming if word == "rename" else self.deleting).emit(name)
