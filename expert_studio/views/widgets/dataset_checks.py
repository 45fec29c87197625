"""What the checks found in a dataset: a line a kind, click to see the rows, repair, reject.

Knows findings as the worker tells them, not how they are found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from expert_studio.views.widgets.dataset_words import count_text, rows_text
from expert_studio.views.widgets.plain_words import PlainLabel, plain_tip
from expert_studio.views.widgets.scrolling import scrolling
from expert_studio.views.widgets.setting_card import note


class DatasetChecks(QWidget):
    """Signals:
    check_wanted(): the rows should be looked through.
    rows_wanted(tuple[int, ...], str): these rows should be shown; what they are.
    reject_wanted(tuple[str, ...]): rows with these findings should be rejected.
    repair_wanted(str, str): rows with this finding should be mended by this repair.
    """

    check_wanted = Signal()
    rows_wanted = Signal(object, str)
    reject_wanted = Signal(object)
    repair_wanted = Signal(str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._groups: Sequence[Mapping[str, Any]] = ()
        self._lines: list[QWidget] = []
        self._build()
        self.run_button.clicked.connect(self.check_wanted)
        self._reject_all.clicked.connect(self._on_reject_all)

    def _build(self) -> None:
        self._told = note(
            self.tr(
                "Looks for rows that do not parse, repeat one another, leak between splits, "
                "hold secrets, or are longer than the base can read. Nothing leaves this machine."
            )
        )
        self.run_button = QPushButton(self.tr("Check all rows"))
        self.run_button.setAccessibleName(self.tr("Look through all rows for faults"))
        self.run_button.setProperty("role", "small")
        self._reject_all = QPushButton(self.tr("Reject all faults"))
        self._reject_all.setProperty("role", "small")
        self._reject_all.setAccessibleName(self.tr("Reject every row with a fault"))
        self._reject_all.hide()
        buttons = QHBoxLayout()
        buttons.setSpacing(6)
        buttons.addWidget(self.run_button)
        buttons.addWidget(self._reject_all)
        buttons.addStretch(1)
        inside = QWidget()
        inside.setProperty("role", "scroll")
        self._list = QVBoxLayout(inside)
        self._list.setContentsMargins(0, 0, 4, 0)
        self._list.setSpacing(0)
        self._list.addStretch(1)
        scroll = scrolling(inside)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addWidget(self._told)
        column.addLayout(buttons)
        column.addWidget(scroll, 1)

    @property
    def groups(self) -> Sequence[Mapping[str, Any]]:
        """What was found last."""
        return self._groups

    def forget(self) -> None:
        """Another dataset: nothing was looked for yet."""
        self._show_groups(())
        self.show_stale(False)

    def show_result(self, result: Mapping[str, Any]) -> None:
        groups = result["groups"]
        rows = rows_text(int(result["rows"]))
        if groups:
            affected = len({row for group in groups for row in group["rows"]})
            told = self.tr("{rows} looked through; {n} have findings.").format(
                rows=rows, n=count_text(affected)
            )
        else:
            told = self.tr("{rows} looked through; nothing was found.").format(rows=rows)
        if result.get("stopped"):
            told = self.tr("Stopped early. {told}").format(told=told)
        self._told.setText(told)
        self._show_groups(groups)

    def show_stale(self, changed: bool) -> None:
        """Whether rows have changed since."""
        again = self._groups and changed
        self.run_button.setText(self.tr("Check again") if again else self.tr("Check all rows"))

    def press(self, at: int) -> None:
        """Shows the rows of one finding, as a click on it does."""
        group = self._groups[at]
        self.rows_wanted.emit(tuple(group["rows"]), group["title"])

    def _show_groups(self, groups: Sequence[Mapping[str, Any]]) -> None:
        self._groups = groups
        for line in self._lines:
            self._list.removeWidget(line)
            line.hide()
            line.deleteLater()
        self._lines = [self._line(at, group) for at, group in enumerate(groups)]
        for at, line in enumerate(self._lines):
            self._list.insertWidget(at, line)
        self._reject_all.setVisible(any(group["severity"] == "fault" for group in groups))

    def _line(self, at: int, group: Mapping[str, Any]) -> QWidget:
        line = QFrame()
        count = count_text(len(group["rows"]))
        fault = group["severity"] == "fault"
        show = QPushButton(group["title"])
        show.setProperty("role", "foot")
        show.setAccessibleName(
            self.tr("Show the {n} rows: {title}").format(n=count, title=group["title"])
        )
        show.setToolTip(plain_tip(group["title"]))
        show.setMinimumWidth(60)
        show.setCursor(Qt.CursorShape.PointingHandCursor)
        show.clicked.connect(partial(self._on_pressed, at))
        number = PlainLabel(count)
        number.setProperty("role", "bad" if fault else "warn")
        number.setToolTip(self.tr("fault") if fault else self.tr("worth a look"))
        head = QHBoxLayout()
        head.setSpacing(6)
        head.addWidget(show, 1)
        head.addWidget(number)
        example = note(group["example"])
        example.setProperty("role", "small")
        actions = QHBoxLayout()
        actions.setSpacing(4)
        if group["repair"]:
            mend = QPushButton(group["repair_title"])
            mend.setAccessibleName(
                self.tr("{repair} in all {n} rows").format(repair=group["repair_title"], n=count)
            )
            mend.clicked.connect(partial(self._on_repair, at))
            actions.addWidget(mend)
        reject = QPushButton(self.tr("Reject {n}").format(n=count))
        reject.setAccessibleName(
            self.tr("Reject the {n} rows: {title}").format(n=count, title=group["title"])
        )
        reject.clicked.connect(partial(self._on_reject, at))
        actions.addWidget(reject)
        actions.addStretch(1)
        for place in range(actions.count()):
            item = actions.itemAt(place)
            if item is not None and (button := item.widget()) is not None:
                button.setProperty("role", "quiet")
        rule = QFrame()
        rule.setProperty("role", "rule")
        column = QVBoxLayout(line)
        column.setContentsMargins(0, 6, 0, 0)
        column.setSpacing(2)
        column.addLayout(head)
        column.addWidget(example)
        column.addLayout(actions)
        column.addSpacing(4)
        column.addWidget(rule)
        return line

    @Slot()
    def _on_pressed(self, at: int, _checked: bool = False) -> None:
        self.press(at)

    @Slot()
    def _on_repair(self, at: int, _checked: bool = False) -> None:
        self.repair_wanted.emit(self._groups[at]["check"], self._groups[at]["repair"])

    @Slot()
    def _on_reject(self, at: int, _checked: bool = False) -> None:
        self.reject_wanted.emit((self._groups[at]["check"],))

    @Slot()
    def _on_reject_all(self) -> None:
        checks = {group["check"] for group in self._groups if group["severity"] == "fault"}
        self.reject_wanted.emit(tuple(sorted(checks)))
