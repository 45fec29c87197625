"""Which rows of a dataset are shown: words, a state, values of a column. Knows no store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QAbstractButton,
    QButtonGroup,
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from expert_studio.core.datasets.store_rows import EVERYTHING, STATES, RowFilter
from expert_studio.views.widgets.dataset_words import column_name, count_text, value_name
from expert_studio.views.widgets.plain_words import PlainLabel

SETTLED_AFTER_MS = 250
FACETS = {
    "task": "tasks",
    "family": "families",
    "split": "splits",
    "kind": "kinds",
    "label": "labels",
    "difficulty": "difficulties",
    "reason": "reasons",
}
_OFFERED = 40  # values a menu can hold


class DatasetFilter(QWidget):
    """Signals:
    changed(RowFilter): other rows are wanted now.
    """

    changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._wanted = EVERYTHING
        self._named = ""  # what the rows in `ids` are, "near duplicates"
        self._facets: Mapping[str, Mapping[str, int]] = {}
        self._build()
        self._settled = QTimer(self)
        self._settled.setSingleShot(True)
        self._settled.setInterval(SETTLED_AFTER_MS)
        self._settled.timeout.connect(self._on_settled)
        self.search.textChanged.connect(self._on_typed)
        self._states.buttonClicked.connect(self._on_state)
        self._menu.aboutToShow.connect(self._fill_menu)
        self._menu.triggered.connect(self._on_picked)
        self._clear.clicked.connect(self.clear)

    @property
    def wanted(self) -> RowFilter:
        return self._wanted

    @property
    def narrows(self) -> bool:
        """Whether some rows are left out."""
        return self._wanted != EVERYTHING

    @property
    def menu(self) -> QMenu:
        return self._menu

    def _build(self) -> None:
        self.search = QLineEdit()
        self.search.setPlaceholderText(self.tr("Filter by text"))
        self.search.setAccessibleName(self.tr("Rows that hold this text"))
        self.search.setClearButtonEnabled(True)
        self.search.setAcceptDrops(False)
        self.search.setMinimumWidth(120)
        self.search.setMaximumWidth(250)
        self.search.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._states = QButtonGroup(self)
        states = QHBoxLayout()
        states.setSpacing(0)
        for number, state in enumerate(("", *STATES)):
            button = QPushButton()
            button.setProperty("role", "segment")
            button.setCheckable(True)
            button.setChecked(not state)
            self._states.addButton(button, number)
            states.addWidget(button)
        self._menu = QMenu(self)
        self._button = QToolButton()
        self._button.setProperty("role", "pill")
        self._button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._button.setMenu(self._menu)
        self._clear = QPushButton(self.tr("Show all"))
        self._clear.setProperty("role", "quiet")
        self._clear.setAccessibleName(self.tr("Show all rows again"))
        self._found = PlainLabel()
        self._found.setProperty("role", "secondary")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.search, 1)
        row.addLayout(states)
        row.addWidget(self._button)
        row.addWidget(self._found)
        row.addWidget(self._clear)
        row.addStretch(1)
        self.show_counts({})
        self._show_wanted()

    def show_counts(self, facets: Mapping[str, Mapping[str, int]]) -> None:
        """Takes how many rows there are of each value, by column."""
        self._facets = facets
        states = facets.get("state", {})
        for button in self._states.buttons():
            number = self._states.id(button)
            state = STATES[number - 1] if number else ""
            count = states.get(state, 0) if state else sum(states.values())
            name = value_name("state", state) if state else self.tr("all")
            button.setText(f"{name} {count_text(count)}")
            button.setAccessibleName(self.tr("Show rows: {name}").format(name=button.text()))
            button.setVisible(not state or bool(count) or state in self._wanted.states)

    def show_found(self, count: int) -> None:
        """Says how many rows the filter leaves, where it leaves some out."""
        self._found.setText(self.tr("{n} found").format(n=count_text(count)))
        self._found.setVisible(self.narrows)

    def show_rows(self, ids: tuple[int, ...], name: str) -> None:
        """Shows these rows only; `name` says what they are."""
        self._named = name
        self._take(replace(EVERYTHING, ids=ids))

    def set_wanted(self, wanted: RowFilter) -> None:
        """Shows rows by a filter that something else has made."""
        self._named = ""
        self._take(wanted)

    @Slot()
    def clear(self) -> None:
        self._named = ""
        self._take(EVERYTHING)

    def forget(self) -> None:
        """Starts anew for another dataset, without a signal."""
        self._wanted, self._named = EVERYTHING, ""
        self._show_wanted()
        self.show_counts({})

    def _take(self, wanted: RowFilter) -> None:
        self._wanted = wanted
        self._show_wanted()
        self.changed.emit(wanted)

    def _show_wanted(self) -> None:
        wanted = self._wanted
        self.search.blockSignals(True)
        if self.search.text() != wanted.search:
            self.search.setText(wanted.search)
        self.search.blockSignals(False)
        state = wanted.states[0] if len(wanted.states) == 1 else ""
        self._states.button(STATES.index(state) + 1 if state else 0).setChecked(True)  # type: ignore[arg-type]
        picked = sum(len(getattr(wanted, field)) for field in FACETS.values())
        text = self.tr("Filter · {n}").format(n=picked) if picked else self.tr("Filter")
        if wanted.ids is not None:
            text = self._named or self.tr("chosen rows")
        self._button.setText(text)
        self._button.setAccessibleName(self.tr("More filters: {text}").format(text=text))
        self._clear.setVisible(wanted != EVERYTHING)
        self._found.hide()

    @Slot()
    def _fill_menu(self) -> None:
        """Only when it is asked for: its hundreds of lines take a while to make."""
        self._menu.clear()
        for column, field in FACETS.items():
            values = self._facets.get(column, {})
            picked = getattr(self._wanted, field)
            offered = [value for value in values if value or len(values) > 1][:_OFFERED]
            if len(offered) < 2 and not picked:
                continue
            part = self._menu.addMenu(column_name(column))
            for value in dict.fromkeys((*picked, *offered)):
                name = value_name(column, value)
                shown = name if len(name) <= 60 else f"{name[:59]}…"
                action = part.addAction(f"{shown}   {count_text(values.get(value, 0))}")
                action.setCheckable(True)
                action.setChecked(value in picked)
                action.setData((field, value))
        if self._menu.isEmpty():
            nothing = self._menu.addAction(self.tr("There is nothing to tell rows apart by yet"))
            nothing.setEnabled(False)

    @Slot(str)
    def _on_typed(self, _text: str) -> None:
        self._settled.start()

    @Slot()
    def _on_settled(self) -> None:
        text = self.search.text()
        if text != self._wanted.search:
            self._take(replace(self._wanted, search=text))

    @Slot(QAbstractButton)
    def _on_state(self, button: QAbstractButton) -> None:
        number = self._states.id(button)
        states = (STATES[number - 1],) if number else ()
        self._take(replace(self._wanted, states=states))

    @Slot(QAction)
    def _on_picked(self, action: QAction) -> None:
        data = action.data()
        if data is None:
            return
        field, value = data
        picked = getattr(self._wanted, field)
        now = tuple(one for one in picked if one != value) if value in picked else (*picked, value)
        self._take(replace(self._wanted, **{field: now}))
