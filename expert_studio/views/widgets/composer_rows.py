"""The rows of the composer: all of the stack, and as many others as can be looked through.

What a search asks for takes the place of the first ones. Knows no stack and no library; what
a row shows, the composer says.
"""

from __future__ import annotations

from collections.abc import Callable, Container

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from expert_studio.core.experts.library import InstalledExpert
from expert_studio.views.widgets.expert_row import ExpertRow
from expert_studio.views.widgets.plain_words import PlainLabel

MOST_OTHERS = 24  # beside those of the stack
SEARCHED_FROM = 12  # experts


class ComposerRows(QWidget):
    """Signals:
    ticked(str, bool), weighed(str, float): as `ExpertRow`.
    searched(): others are asked for; they are shown with `keep`.
    """

    ticked = Signal(str, bool)
    weighed = Signal(str, float)
    searched = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._experts: tuple[InstalledExpert, ...] = ()
        self._rows: dict[str, ExpertRow] = {}
        self._spare: list[ExpertRow] = []  # out of sight
        self.search = QLineEdit()
        self._holder = QWidget()
        self._list = QVBoxLayout(self._holder)
        self._more = PlainLabel()
        self._build()
        self.search.textChanged.connect(self._on_searched)

    def _build(self) -> None:
        self.search.setPlaceholderText(self.tr("Find an expert"))
        self.search.setAccessibleName(self.tr("Find an expert to put into the stack"))
        self.search.setClearButtonEnabled(True)
        self.search.setAcceptDrops(False)
        self.search.hide()
        self._more.setProperty("role", "small")
        self._more.setWordWrap(True)
        self._more.hide()
        self._list.setContentsMargins(0, 0, 0, 0)
        self._list.setSpacing(0)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.search)
        column.addWidget(self._holder)
        column.addWidget(self._more)

    @property
    def shown(self) -> tuple[ExpertRow, ...]:
        """From top to bottom."""
        return tuple(self._rows.values())

    @property
    def told(self) -> str:
        """What is said of those that are not shown, or ""."""
        return "" if self._more.isHidden() else self._more.text()

    def set_experts(self, experts: tuple[InstalledExpert, ...]) -> None:
        """What there is to choose from; shown with `keep`."""
        self._experts = experts
        self.search.setVisible(len(experts) > SEARCHED_FROM)
        if len(experts) <= SEARCHED_FROM:
            self.search.clear()

    def keep(self, names: Container[str], present: Callable[[ExpertRow], None]) -> None:
        """Shows the rows of these, and of others that fit the search.

        Args:
            present: says what stands in a row.
        """
        wanted, left_out = self._wanted(names)
        kept = {name: row for name, row in self._rows.items() if wanted.get(name) == row.expert}
        if list(kept) != list(wanted) and not self._has_keyboard():
            self._holder.hide()  # else all is laid out once for every row that changes
        for name, row in self._rows.items():
            if name not in kept:
                self._list.removeWidget(row)
                row.hide()
                self._spare.append(row)
        self._rows = {}
        for place, (name, expert) in enumerate(wanted.items()):
            row = self._rows[name] = kept.get(name) or self._row_of(expert)
            if self._list.indexOf(row) != place:
                self._list.insertWidget(place, row)
            present(row)
            row.show()
        self._holder.show()
        self._tell(left_out)

    def _tell(self, left_out: int) -> None:
        told = self.tr("{n} more are installed; the search finds them.")
        if self.search.text().strip():
            told = self.tr("{n} more fit; a longer word finds them.")
        nothing = not self._rows and bool(self._experts)
        if nothing:
            told = self.tr("No expert fits.")
        self._more.setText(told.format(n=f"{left_out:,}"))
        self._more.setVisible(bool(left_out) or nothing)

    def _wanted(self, names: Container[str]) -> tuple[dict[str, InstalledExpert], int]:
        """Who is shown, in order, and how many that would fit are not."""
        words = self.search.text().lower().split()
        wanted: dict[str, InstalledExpert] = {}
        room, left_out = MOST_OTHERS, 0
        for expert in self._experts:
            if expert.name in names:
                wanted[expert.name] = expert
            elif _fits(expert, words):
                if room:
                    wanted[expert.name] = expert
                    room -= 1
                else:
                    left_out += 1
        return wanted, left_out

    def _has_keyboard(self) -> bool:
        focused = self.window().focusWidget()
        return focused is not None and self._holder.isAncestorOf(focused)

    def _row_of(self, expert: InstalledExpert) -> ExpertRow:
        """One that is not needed now, for to make a row takes longer, else a new one."""
        if self._spare:
            row = self._spare.pop()
            row.show_expert(expert)
            return row
        row = ExpertRow(expert, self._holder)
        row.ticked.connect(self.ticked)
        row.weighed.connect(self.weighed)
        return row

    @Slot(str)
    def _on_searched(self, _: str) -> None:
        self.searched.emit()


def _fits(expert: InstalledExpert, words: list[str]) -> bool:
    said = " ".join((expert.name, *expert.manifest.capabilities)).lower() if words else ""
    return all(word in said for word in words)
