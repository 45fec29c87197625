"""A button that is only a picture, and therefore always has a name and a tooltip."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize
from PySide6.QtWidgets import QToolButton, QWidget

from expert_studio.views import icons, theme
from expert_studio.views.widgets.plain_words import plain_tip


class IconButton(QToolButton):
    def __init__(self, icon: str, name: str, side: int = 14, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon_name = icon
        self._shown = theme.tokens_of(self)
        self.setProperty("role", "quiet")
        self.setAccessibleName(name)
        self.setToolTip(plain_tip(name))
        self.setIconSize(QSize(side, side))
        self._paint_icon()

    def set_icon(self, icon: str, name: str) -> None:
        self._icon_name = icon
        self.setAccessibleName(name)
        self.setToolTip(plain_tip(name))
        self._paint_icon()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if theme.was_recoloured(event, self._shown):
            self._paint_icon()

    def _paint_icon(self) -> None:
        self._shown = theme.tokens_of(self)
        self.setIcon(icons.icon(self._icon_name, self._shown.muted))
