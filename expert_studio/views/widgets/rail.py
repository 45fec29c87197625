"""The left rail: brand, pages, what goes on, settings at the bottom. Knows pages by name only."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from expert_studio.views import icons, theme
from expert_studio.views.theme_tokens import RAIL_COMPACT_WIDTH, RAIL_WIDTH
from expert_studio.views.widgets.job_tray import JobTray
from expert_studio.views.widgets.plain_words import PlainLabel

ICON_SIDE = 16
BRAND_SIDE = 22


class Rail(QFrame):
    """Signals:
    page_wanted(str): the name of the page that was pressed.
    """

    page_wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "rail")
        self.setFixedWidth(RAIL_WIDTH)
        self._shown = theme.tokens_of(self)
        self._mark = PlainLabel()
        self._name = PlainLabel(self.tr("Expert Studio"))
        self._buttons: dict[str, QPushButton] = {}
        self._icons: dict[str, str] = {}
        self._group = QButtonGroup(self)
        self._pages = QVBoxLayout()
        self._bottom = QVBoxLayout()
        self.jobs = JobTray()
        self._build()
        self._group.buttonClicked.connect(self._on_clicked)

    def _build(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(9, 18, 10, 12)
        column.setSpacing(0)
        brand = QHBoxLayout()
        brand.setContentsMargins(9, 0, 0, 0)
        brand.setSpacing(9)
        self._name.setProperty("role", "brand")
        brand.addWidget(self._mark)
        brand.addWidget(self._name)
        brand.addStretch(1)
        column.addLayout(brand)
        column.addSpacing(14)
        for group in (self._pages, self._bottom):
            group.setSpacing(2)
        column.addLayout(self._pages)
        column.addStretch(1)
        column.addWidget(self.jobs)
        column.addSpacing(8)
        column.addLayout(self._bottom)
        self._paint()

    def add_page(self, name: str, title: str, icon: str, at_bottom: bool = False) -> None:
        button = QPushButton(f"  {title}")
        button.setCheckable(True)
        button.setAutoExclusive(True)  # told as one of several
        button.setProperty("role", "nav")
        button.setAccessibleName(title)
        button.setIconSize(QSize(ICON_SIDE, ICON_SIDE))
        self._buttons[name] = button
        self._icons[name] = icon
        self._group.addButton(button)
        (self._bottom if at_bottom else self._pages).addWidget(button)
        self._paint()

    def set_compact(self, compact: bool) -> None:
        """Pictures alone, named by their tooltips, where the window is narrow."""
        self.setFixedWidth(RAIL_COMPACT_WIDTH if compact else theme.scaled(RAIL_WIDTH))
        if compact == self._name.isHidden():
            return
        self._name.setVisible(not compact)
        self.jobs.set_compact(compact)
        for button in self._buttons.values():
            title = button.accessibleName()
            button.setText("" if compact else f"  {title}")
            button.setToolTip(title if compact else "")

    def select(self, name: str) -> None:
        self._buttons[name].setChecked(True)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if theme.was_recoloured(event, self._shown):
            self._paint()

    def _paint(self) -> None:
        tokens = self._shown = theme.tokens_of(self)
        brand = icons.brand(tokens.dark)
        self._mark.setPixmap(brand.pixmap(QSize(BRAND_SIDE, BRAND_SIDE), self.devicePixelRatio()))
        for name, button in self._buttons.items():
            icon = icons.icon(self._icons[name], tokens.muted, checked=tokens.accent)
            button.setIcon(icon)

    def _on_clicked(self, pressed: QPushButton) -> None:
        for name, button in self._buttons.items():
            if button is pressed:
                self.page_wanted.emit(name)
