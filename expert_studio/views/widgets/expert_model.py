"""The experts on view as rows, for cards and for the list. Knows no view and no disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QCoreApplication,
    QModelIndex,
    QPersistentModelIndex,
    QRectF,
    Qt,
)
from PySide6.QtGui import QColor, QGuiApplication, QPainter, QPalette, QPixmap

from expert_studio.core.experts.library import InstalledExpert
from expert_studio.core.experts.requirement import parse_version
from expert_studio.core.experts.trust import Standing
from expert_studio.views.theme_tokens import DARK, LIGHT, Tokens
from expert_studio.views.widgets import expert_facts, signature_words
from expert_studio.views.widgets.plain_words import plain_tip
from expert_studio.views.widgets.quantities import size_text

EXPERT, STANDING = Qt.ItemDataRole.UserRole, Qt.ItemDataRole.UserRole + 1
NAME, VERSION, TIER, KIND, SIZE, SCORE, SIGNATURE, LICENCE = range(8)
_NONE = Standing("unsigned", "")
_DOT = 9
Index = QModelIndex | QPersistentModelIndex


class ExpertModel(QAbstractTableModel):
    """One row an expert, in the order given or by a column."""

    def __init__(self) -> None:
        super().__init__()
        self._experts: list[InstalledExpert] = []
        self._standings: Mapping[str, Standing] = {}
        self._rows: dict[str, int] = {}

    @property
    def experts(self) -> tuple[InstalledExpert, ...]:
        """Those on view, in reading order."""
        return tuple(self._experts)

    def show_experts(
        self, experts: Sequence[InstalledExpert], standings: Mapping[str, Standing]
    ) -> None:
        """Shows these, in this order."""
        self.beginResetModel()
        self._experts = list(experts)
        self._standings = standings
        self._number()
        self.endResetModel()

    def row_of(self, name: str) -> int:
        """Where an expert stands, or -1."""
        return self._rows.get(name, -1)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 (Qt's signature)
        return 0 if parent.isValid() else len(self._experts)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 (Qt's signature)
        return 0 if parent.isValid() else LICENCE + 1

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal or role != Qt.ItemDataRole.DisplayRole:
            return None
        return (
            self.tr("Name"),
            self.tr("Version"),
            self.tr("Tier"),
            self.tr("Kind"),
            self.tr("Size"),
            self.tr("Held-out score"),
            self.tr("Signature"),
            self.tr("Licence"),
        )[section]

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not 0 <= index.row() < len(self._experts):
            return None
        expert = self._experts[index.row()]
        standing, column = self.standing(expert), index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return _TEXTS[column](expert, standing)
        if role == Qt.ItemDataRole.ForegroundRole:
            return self._colour(column, standing)
        if role == Qt.ItemDataRole.DecorationRole:
            return _dot(shown_tokens().tier(expert.manifest.tier)) if column == NAME else None
        if role == Qt.ItemDataRole.AccessibleTextRole:
            named = f"{expert.name} {expert.version}"
            return named if column == NAME else _TEXTS[column](expert, standing)
        made = _BY_ROLE.get(role)
        return made(expert, standing) if made is not None else None

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        if column < 0:
            return
        key = _KEYS.get(column)
        text = _TEXTS[column]
        self.layoutAboutToBeChanged.emit()
        self._experts.sort(
            key=key or (lambda expert: text(expert, self.standing(expert)).lower()),
            reverse=order == Qt.SortOrder.DescendingOrder,
        )
        self._number()
        self.layoutChanged.emit()

    def standing(self, expert: InstalledExpert) -> Standing:
        return self._standings.get(expert.name, _NONE)

    def _number(self) -> None:
        self._rows = {expert.name: row for row, expert in enumerate(self._experts)}

    def _colour(self, column: int, standing: Standing) -> QColor | None:
        tokens = shown_tokens()
        if column == SIGNATURE:
            severity = signature_words.severity(standing.state)
            return QColor(getattr(tokens, severity) if severity else tokens.muted)
        return None if column == NAME else QColor(tokens.muted)


_TEXTS: Mapping[int, Callable[[InstalledExpert, Standing], str]] = {
    NAME: lambda e, _: e.name,
    VERSION: lambda e, _: e.version,
    TIER: lambda e, _: expert_facts.tier_name(e.manifest.tier),
    KIND: lambda e, _: expert_facts.form_text(e.manifest),
    SIZE: lambda e, _: size_text(e.size_bytes),
    SCORE: lambda e, _: expert_facts.main_score(e.manifest),
    SIGNATURE: lambda _, s: signature_words.state_text(s.state),
    LICENCE: lambda e, _: e.manifest.license,
}
_KEYS: Mapping[int, Callable[[InstalledExpert], Any]] = {
    VERSION: lambda e: parse_version(e.version),
    TIER: lambda e: e.manifest.constraints.load_order,
    SIZE: lambda e: e.size_bytes,
    SCORE: lambda e: expert_facts.main_figure(e.manifest),
}


def _spoken(expert: InstalledExpert, standing: Standing) -> str:
    said = QCoreApplication.translate(
        "expert_model", "{tier} expert, {form}, {signature}. {description}"
    )
    return said.format(
        tier=expert_facts.tier_name(expert.manifest.tier),
        form=expert_facts.form_text(expert.manifest),
        signature=signature_words.state_text(standing.state),
        description=expert.manifest.description,
    )


def shown_tokens() -> Tokens:
    """The colours that are shown now; models have no widget to ask by."""
    window = QGuiApplication.palette().color(QPalette.ColorRole.Window)
    return DARK if window.lightness() < 128 else LIGHT


_BY_ROLE: Mapping[int, Callable[[InstalledExpert, Standing], Any]] = {
    EXPERT: lambda expert, _: expert,
    STANDING: lambda _, standing: standing,
    Qt.ItemDataRole.ToolTipRole: lambda e, _: plain_tip(
        f"{e.name} {e.version}\n{e.manifest.description}"
    ),
    Qt.ItemDataRole.AccessibleDescriptionRole: _spoken,
}


@lru_cache(maxsize=16)
def _dot(colour: str) -> QPixmap:
    picture = QPixmap(2 * _DOT, 2 * _DOT)
    picture.setDevicePixelRatio(2)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(colour))
    painter.drawEllipse(QRectF(0, 0, _DOT, _DOT))
    painter.end()
    return picture
