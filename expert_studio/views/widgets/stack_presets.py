"""Stacks saved under a name: take one, save this one, drop one. Knows no history."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QInputDialog, QMenu, QToolButton, QWidget

from expert_studio.core.inference.turns import Composition, StackPreset

LONGEST_NAME = 60


class StackPresets(QToolButton):
    """Signals:
    taken(Composition): this stack shall answer.
    save_wanted(str): the stack as it is, under this name.
    drop_wanted(StackPreset): the person needs it no longer.
    """

    taken = Signal(object)
    save_wanted = Signal(str)
    drop_wanted = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._presets: tuple[StackPreset, ...] = ()
        self._menu = QMenu(self)
        self.setText(self.tr("Presets"))
        self.setProperty("role", "small")
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setToolTip(self.tr("Saved stacks, for any conversation"))
        self.setAccessibleName(self.tr("Saved stacks"))
        self.setMenu(self._menu)
        self.show_presets(())

    @property
    def presets(self) -> tuple[StackPreset, ...]:
        return self._presets

    @property
    def choices(self) -> QMenu:
        """What can be taken, saved and dropped."""
        return self._menu

    def show_presets(self, presets: Sequence[StackPreset]) -> None:
        self._presets = tuple(presets)
        menu = self._menu
        menu.clear()
        for preset in presets:
            action = menu.addAction(f"{preset.name}  ·  {self._in_words(preset.composition)}")
            action.triggered.connect(partial(self.taken.emit, preset.composition))
        if presets:
            menu.addSeparator()
        menu.addAction(self.tr("Save this stack…")).triggered.connect(self._on_save)
        if presets:
            dropping = menu.addMenu(self.tr("Delete"))
            for preset in presets:
                action = dropping.addAction(preset.name)
                action.triggered.connect(partial(self.drop_wanted.emit, preset))

    def _in_words(self, composition: Composition) -> str:
        chosen = " + ".join(f"{n} {w:g}" for n, w in composition.chosen.items())
        return chosen or self.tr("base alone")

    @Slot()
    def _on_save(self) -> None:
        dialog = QInputDialog(self)
        dialog.setWindowTitle(self.tr("Save this stack"))
        dialog.setLabelText(self.tr("Name; a stack of the same name is replaced"))
        dialog.textValueSelected.connect(self._on_named)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    @Slot(str)
    def _on_named(self, name: str) -> None:
        name = " ".join(name.split())[:LONGEST_NAME]
        if name:
            self.save_wanted.emit(name)
