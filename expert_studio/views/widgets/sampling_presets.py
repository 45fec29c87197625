"""How the next token is chosen, as a button with a menu of presets. Knows no engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenu, QToolButton, QWidget

CUSTOM = "custom"


class SamplingPresets(QToolButton):
    """Signals:
    chosen(str, dict): the preset's key and the fields of `Sampling` it sets.
    custom_wanted(): the person wants to set the fields.
    """

    chosen = Signal(str, object)
    custom_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._presets = self._known()
        self._key = ""
        self._asked: dict[str, Any] = {}
        self._actions: dict[str, QAction] = {}
        self.setProperty("role", "pill")
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setAccessibleName(self.tr("How the next token is chosen"))
        self.setToolTip(self.tr("How the next token is chosen"))
        self.setMenu(self._made_menu())
        self.set_preset("", {})

    def _known(self) -> dict[str, tuple[str, str, dict[str, Any]]]:
        """By key: name, what it does, fields of Sampling it sets."""
        return {
            "": (self.tr("As advised"), self.tr("what the experts in the stack ask for"), {}),
            "precise": (
                self.tr("Precise"),
                self.tr("always the likeliest token"),
                {"temperature": 0.0},
            ),
            "balanced": (
                self.tr("Balanced"),
                self.tr("temperature 0.7, top-p 0.8"),
                {"temperature": 0.7, "top_p": 0.8, "top_k": 20},
            ),
            "creative": (
                self.tr("Creative"),
                self.tr("temperature 1.0, top-p 0.95"),
                {"temperature": 1.0, "top_p": 0.95, "top_k": 0},
            ),
        }

    def _made_menu(self) -> QMenu:
        menu = QMenu(self)
        group = QActionGroup(self)
        for key, (name, detail, _) in self._presets.items():
            action = QAction(f"{name}  ·  {detail}", group)
            action.setCheckable(True)
            action.setData(key)
            menu.addAction(action)
            self._actions[key] = action
        menu.addSeparator()
        custom = QAction(self.tr("Custom…"), group)
        custom.setCheckable(True)
        custom.setData(CUSTOM)
        menu.addAction(custom)
        self._actions[CUSTOM] = custom
        group.triggered.connect(self._on_preset)
        return menu

    @property
    def key(self) -> str:
        return self._key

    @property
    def asked(self) -> dict[str, Any]:
        """The fields of `Sampling` the person's choice sets; experts advise on the others."""
        return dict(self._asked)

    def set_preset(self, key: str, sampling: Mapping[str, Any]) -> None:
        """Of a conversation; what is not known here is as advised."""
        if key == CUSTOM:
            self._key, self._asked, name = CUSTOM, dict(sampling), self.tr("Custom")
        else:
            self._key = key if key in self._presets else ""
            name, _, fields = self._presets[self._key]
            self._asked = dict(fields)
        self.setText(name)
        self._actions[self._key].setChecked(True)

    @Slot(QAction)
    def _on_preset(self, action: QAction) -> None:
        if action.data() == CUSTOM:
            self._actions[self._key].setChecked(True)
            self.custom_wanted.emit()
            return
        self.set_preset(action.data(), {})
        self.chosen.emit(self._key, self.asked)
