"""The rows of a dataset as a table model: numbers of all of them, texts of those in sight.

Never asks the store itself: it says which rows it needs and is given them later. Until
then a cell shows what it showed before, or a dash.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt, QTimer, Signal, Slot

from expert_studio.core.datasets.row_body import prompt_and_answer
from expert_studio.core.datasets.store import DatasetStore
from expert_studio.core.datasets.store_rows import SortColumn, StoredRow
from expert_studio.views.widgets.plain_words import plain_tip

PAGE_ROWS = 100
KEPT_LINES = 4000
_CELL_CHARACTERS = 240
_TIP_CHARACTERS = 1200
_TELLING_CHARACTERS = 16
STATE, PROMPT, ANSWER, TASK, FAMILY, SPLIT, TOKENS, REASON = range(8)
SORTED_BY: tuple[SortColumn, ...] = (
    "state", "id", "chars", "task", "family", "split", "tokens", "reason",
)  # fmt: skip
_ROOT = QModelIndex()


@dataclass(frozen=True, slots=True)
class RowLine:
    """One row as the table shows it; texts are one line each, and cut."""

    id: int
    kind: str
    state: str
    prompt: str
    answer: str
    task: str
    family: str
    split: str
    tokens: int | None
    reason: str


def read_lines(store: DatasetStore, ids: Sequence[int]) -> list[RowLine]:
    """The lines of these rows; for a thread that may wait."""
    return [line_of(row) for row in store.rows(ids)]


def as_json_lines(store: DatasetStore, ids: Sequence[int]) -> str:
    """These rows as a file of JSON lines holds them; for a thread that may wait."""
    rows = (json.loads(row.body) for row in store.rows(ids))
    return "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)


def line_of(row: StoredRow) -> RowLine:
    prompt, answer = prompt_and_answer(row.item)
    return RowLine(
        row.id, row.kind, row.state, one_line(telling(prompt)), one_line(answer),
        row.task or row.label, row.family, row.split, row.tokens, row.reason,
    )  # fmt: skip


def telling(prompt: str) -> str:
    """The last paragraph: rows by one template begin alike and end with what is theirs."""
    head, parted, last = prompt.rstrip().rpartition("\n\n")
    return f"… {last}" if parted and head and len(last) >= _TELLING_CHARACTERS else prompt


def one_line(text: str) -> str:
    return " ".join(text[: 2 * _CELL_CHARACTERS].split())[:_CELL_CHARACTERS]


class RowsModel(QAbstractTableModel):
    """Signals:
    needed(list[int]): rows in sight whose lines should be read; answer with `take_lines`.
    """

    needed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._ids: list[int] = []
        self._lines: OrderedDict[int, tuple[int, RowLine]] = OrderedDict()
        self._place: dict[int, int] = {}  # of rows asked for and not yet told
        self._round = 0
        self._pages: OrderedDict[int, None] = OrderedDict()  # wanted, latest last
        self._waiting = False
        self._titles = (
            "", self.tr("Prompt"), self.tr("Answer"), self.tr("Task"), self.tr("Family"),
            self.tr("Split"), self.tr("Tokens"), self.tr("Reason"),
        )  # fmt: skip
        self._states = {
            "accepted": self.tr("accepted"),
            "rejected": self.tr("rejected"),
            "pending": self.tr("pending"),
        }
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(0)
        self._soon.timeout.connect(self._on_soon)

    @property
    def ids(self) -> list[int]:
        """The numbers of all rows, in order; not to be changed."""
        return self._ids

    @property
    def complete(self) -> bool:
        """Whether no line is awaited."""
        return not self._waiting and not self._pages

    def set_ids(self, ids: list[int]) -> None:
        """Takes the rows that are shown from now on. Those that only grew keep their place."""
        old = self._ids
        if ids[: len(old)] == old:
            if len(ids) > len(old):
                self.beginInsertRows(_ROOT, len(old), len(ids) - 1)
                self._ids = ids
                self.endInsertRows()
            self.refresh()
            return
        self.beginResetModel()
        self._ids = ids
        self._round += 1
        self._pages.clear()
        self.endResetModel()

    def refresh(self) -> None:
        """Reads the rows in sight anew; until then they stay as they are."""
        self._round += 1
        self._pages.clear()
        if self._ids:
            last = self.index(len(self._ids) - 1, REASON)
            self.dataChanged.emit(self.index(0, 0), last)

    def forget(self) -> None:
        """Another dataset: nothing that was read counts."""
        self.beginResetModel()
        self._ids = []
        self._lines.clear()
        self._pages.clear()
        self._round += 1
        self.endResetModel()

    def line(self, row: int) -> RowLine | None:
        """What is known of a row; asks for it where that is nothing or old."""
        if not 0 <= row < len(self._ids):
            return None
        number = self._ids[row]
        kept = self._lines.get(number)
        if kept is None or kept[0] != self._round:
            page = row // PAGE_ROWS
            self._pages[page] = None
            self._pages.move_to_end(page)
            if not self._waiting and not self._soon.isActive():
                self._soon.start()
        return kept[1] if kept is not None else None

    def take_lines(self, asked_in: int, lines: Sequence[RowLine]) -> None:
        """Answers `needed`; `asked_in` is what `round` was then."""
        self._waiting = False
        for line in lines:
            self._lines[line.id] = (asked_in, line)
            self._lines.move_to_end(line.id)
        while len(self._lines) > KEPT_LINES:
            self._lines.popitem(last=False)
        places = [self._place[line.id] for line in lines if line.id in self._place]
        if places:
            low, high = min(places), min(max(places), len(self._ids) - 1)
            self.dataChanged.emit(self.index(low, 0), self.index(high, REASON))
        if self._pages:
            self._soon.start()

    @property
    def round(self) -> int:
        """Counts how often everything had to be read anew."""
        return self._round

    def give_up(self) -> None:
        """The asked lines will not come."""
        self._waiting = False
        self._pages.clear()

    def rowCount(self, parent: QModelIndex = _ROOT) -> int:
        return 0 if parent.isValid() else len(self._ids)

    def columnCount(self, parent: QModelIndex = _ROOT) -> int:
        return 0 if parent.isValid() else 8

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if orientation == Qt.Orientation.Vertical:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._titles[section]
        if role == Qt.ItemDataRole.AccessibleTextRole or (
            role == Qt.ItemDataRole.ToolTipRole and section == STATE
        ):
            return self._titles[section] or self.tr("State")
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignRight if section == TOKENS else Qt.AlignmentFlag.AlignLeft
            return side | Qt.AlignmentFlag.AlignVCenter
        return None

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if role not in (
            Qt.ItemDataRole.DisplayRole,
            Qt.ItemDataRole.ToolTipRole,
            Qt.ItemDataRole.AccessibleTextRole,
        ):
            return None
        line = self.line(index.row())
        if line is None:
            return "…" if role == Qt.ItemDataRole.DisplayRole else None
        text = self.text(line, index.column())
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(text[:_TIP_CHARACTERS]) if len(text) > 12 else None
        return text

    def text(self, line: RowLine, column: int) -> str:
        """One cell, as words."""
        match column:
            case 0:
                return self._states.get(line.state, line.state)
            case 6:
                return "" if line.tokens is None else str(line.tokens)
            case _:
                names = ("", "prompt", "answer", "task", "family", "split", "", "reason")
                return str(getattr(line, names[column])).replace("held_out", self.tr("held out"))

    @Slot()
    def _on_soon(self) -> None:
        if self._waiting or not self._pages:
            return
        page, _ = self._pages.popitem()  # the latest: what the person looks at now
        while len(self._pages) > 3:
            self._pages.popitem(last=False)
        start = page * PAGE_ROWS
        wanted = self._ids[start : start + PAGE_ROWS]
        if not wanted:
            return
        self._place = {number: start + at for at, number in enumerate(wanted)}
        self._waiting = True
        self.needed.emit(wanted)
