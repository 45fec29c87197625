"""One thing to filter by, as a quiet button with a menu: "Kind: all". Knows no expert."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

from expert_studio.views.theme import restyle

MOST_ENTRIES = 40  # of a menu; the search finds the rest


class FilterMenu(QToolButton):
    """Signals:
    chosen(str): the value to keep to, "" for all.
    """

    chosen = Signal(str)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self._value = ""
        self._texts: dict[str, str] = {}
        self.setProperty("role", "quiet")
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._menu = QMenu(self)
        self._menu.triggered.connect(self._on_triggered)
        self.setMenu(self._menu)
        self._show_value()

    @property
    def value(self) -> str:
        """What is kept to, or ""."""
        return self._value

    def set_values(self, values: Iterable[tuple[str, str]]) -> None:
        """What can be chosen, as (value, text); what is chosen and not among them is let go."""
        offered = list(values)[:MOST_ENTRIES]
        texts = dict(offered)
        if texts == self._texts:
            return
        self._texts = texts
        self._menu.clear()
        self._menu.addAction(self.tr("all")).setData("")
        self._menu.addSeparator()
        for value, text in offered:
            self._menu.addAction(text).setData(value)
        if self._value not in self._texts:
            self._value = ""
        self.setVisible(len(offered) > 1 or bool(self._value))
        self._show_value()

    def choose(self, value: str) -> None:
        """As by hand."""
        if value != self._value:
            self._value = value
            self._show_value()
            self.chosen.emit(value)

    def clear(self) -> None:
        """Keeps to nothing, without a signal."""
        self._value = ""
        self._show_value()

    def _show_value(self) -> None:
        shown = self._texts.get(self._value, self._value).partition("  ")[0] or self.tr("all")
        text = f"{self._name}: {shown}"
        self.setText(text)
        self.setAccessibleName(text)
        self.setToolTip(self.tr("Show only some: {name}").format(name=self._name))
        restyle(self, on=bool(self._value))

    @Slot(QAction)
    def _on_triggered(self, action: QAction) -> None:
        self.choose(str(action.data()))
