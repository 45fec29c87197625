"""All runs, one line each: state, progress, time left; several can be ticked and compared."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QAction, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QMenu,
    QPushButton,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from expert_studio.core.training.trace import Glance
from expert_studio.views.theme import restyle
from expert_studio.views.theme_tokens import PAGE_PADDING
from expert_studio.views.widgets.card_button import CardButton
from expert_studio.views.widgets.dataset_words import when_text
from expert_studio.views.widgets.elided_label import ElidedLabel
from expert_studio.views.widgets.empty_state import EmptyState
from expert_studio.views.widgets.icon_button import IconButton
from expert_studio.views.widgets.official_card import OfficialCard
from expert_studio.views.widgets.page_header import PageHeader
from expert_studio.views.widgets.plain_words import PlainLabel
from expert_studio.views.widgets.scrolling import scrolling
from expert_studio.views.widgets.state_dot import StateDot
from expert_studio.views.widgets.thin_bar import ThinBar
from expert_studio.views.widgets.training_curves import MOST_COMPARED
from expert_studio.views.widgets.training_words import (
    DOTS,
    SEVERITIES,
    left_text,
    loss_text,
    status_text,
    step_text,
)


class TrainingRuns(QWidget):
    """Signals:
    new_wanted(): a new run, by the wizard.
    opened(str): a run by its identifier.
    compared(tuple[str, ...]): several.
    wanted(str, str): what to do ("pause", "stop", "resume", "clone", "delete") with which run.
    """

    new_wanted = Signal()
    opened = Signal(str)
    compared = Signal(object)
    wanted = Signal(str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: dict[str, RunRow] = {}
        self.official = OfficialCard()
        self._build()
        for button in (self._new, self._first):
            button.clicked.connect(self.new_wanted)
        self.compare.clicked.connect(self._on_compare)

    def _build(self) -> None:
        self._header = PageHeader(self.tr("Training"))
        self.compare = QPushButton(self.tr("Compare"))
        self.compare.setAccessibleName(self.tr("Compare the ticked runs"))
        self.compare.setToolTip(self.tr("Tick two runs or more to see their curves in one chart"))
        self.compare.setEnabled(False)
        self._new = QPushButton(self.tr("New run"))
        self._new.setProperty("role", "primary")
        self._header.add_action(self.compare)
        self._header.add_action(self._new)
        inside = QWidget()
        inside.setProperty("role", "scroll")
        self._column = QVBoxLayout(inside)
        self._column.setContentsMargins(PAGE_PADDING, 16, PAGE_PADDING, 16)
        self._column.setSpacing(8)
        self._column.addStretch(1)
        scroll = scrolling(inside)
        empty = EmptyState(
            "training",
            self.tr("No runs yet"),
            self.tr(
                "Training makes a new expert out of rows: choose a dataset, look at the first "
                "row as the model will see it, and start. The run goes on when this window is "
                "closed."
            ),
        )
        self._first = empty.add_button(self.tr("Train the first expert"), primary=True)
        self._first.setObjectName("first run")
        self._stack = QStackedWidget()
        self._stack.addWidget(scroll)
        self._stack.addWidget(empty)
        self._stack.setCurrentIndex(1)
        page = QVBoxLayout(self)
        page.setContentsMargins(0, 0, 0, 0)
        page.setSpacing(0)
        page.addWidget(self._header)
        page.addWidget(self.official)
        page.addWidget(self._stack, 1)
        self._show_state(())

    @property
    def ticked(self) -> tuple[str, ...]:
        """The runs to compare, in the order of the list."""
        return tuple(name for name, row in self.rows.items() if row.ticked)

    def show_runs(self, glances: Sequence[Glance]) -> None:
        wanted = [glance.identifier for glance in glances]
        if wanted != list(self.rows):
            self._arrange(glances)
        for glance in glances:
            self.rows[glance.identifier].show_glance(glance)
        self._stack.setCurrentIndex(0 if glances else 1)
        self._show_state(glances)

    def _arrange(self, glances: Sequence[Glance]) -> None:
        there = {glance.identifier for glance in glances}
        for name in [name for name in self.rows if name not in there]:
            row = self.rows.pop(name)
            self._column.removeWidget(row)
            row.hide()
            row.deleteLater()
        rows = {}
        for at, glance in enumerate(glances):
            row = self.rows.get(glance.identifier) or self._new_row(glance)
            rows[glance.identifier] = row
            self._column.insertWidget(at, row)
        self.rows = rows

    def _new_row(self, glance: Glance) -> RunRow:
        row = RunRow(glance)
        row.opened.connect(partial(self.opened.emit, glance.identifier))
        row.tick_changed.connect(self._on_ticked)
        row.menu_asked.connect(partial(self._on_menu, glance.identifier))
        return row

    def _show_state(self, glances: Sequence[Glance]) -> None:
        running = sum(glance.status == "running" for glance in glances)
        count = len(glances)
        text = self.tr("1 run") if count == 1 else self.tr("{n} runs").format(n=count)
        if running:
            text += " · " + self.tr("{n} running").format(n=running)
        self._header.set_state(text if count else "")
        for widget in (self._new, self.compare):
            widget.setVisible(bool(count))
        self._on_ticked()

    @Slot()
    def _on_ticked(self) -> None:
        self.compare.setEnabled(2 <= len(self.ticked) <= MOST_COMPARED)

    @Slot()
    def _on_compare(self) -> None:
        self.compared.emit(self.ticked)

    def _on_menu(self, identifier: str, word: str) -> None:
        self.wanted.emit(word, identifier)


class RunRow(CardButton):
    """Signals:
    opened(): the run is wanted in front.
    tick_changed(): its tick was set or taken away.
    menu_asked(str): a word of its menu.
    """

    opened = Signal()
    tick_changed = Signal()
    menu_asked = Signal(str)

    def __init__(self, glance: Glance, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._status = ""
        self._build(glance)
        self.show_glance(glance)

    @property
    def ticked(self) -> bool:
        return self._tick.isChecked()

    @property
    def status(self) -> str:
        return self._status

    @property
    def tick(self) -> QCheckBox:
        return self._tick

    def _build(self, glance: Glance) -> None:
        name = glance.name
        self._tick = QCheckBox()
        self._tick.setAccessibleName(self.tr("Compare {name}").format(name=name))
        self._tick.setToolTip(self.tr("Compare with other ticked runs"))
        self._tick.toggled.connect(self._on_ticked)
        self._dot = StateDot()
        title = ElidedLabel(name)
        title.setProperty("role", "strong")
        self._chip = PlainLabel()
        self._chip.setProperty("role", "chip")
        self._told = ElidedLabel(glance.told)
        self._told.setProperty("role", "small")
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(title)
        head.addWidget(self._chip)
        head.addStretch(1)
        names = QVBoxLayout()
        names.setSpacing(3)
        names.addLayout(head)
        names.addWidget(self._told)
        self._bar = ThinBar()
        self._bar.setRange(0, 1000)
        self._bar.setFixedWidth(170)
        place = self._bar.sizePolicy()
        place.setRetainSizeWhenHidden(True)
        self._bar.setSizePolicy(place)
        self._step, self._left = PlainLabel(), PlainLabel()
        under = QHBoxLayout()
        under.addWidget(self._step)
        under.addStretch(1)
        under.addWidget(self._left)
        progress = QVBoxLayout()
        progress.setSpacing(6)
        progress.addStretch(1)
        progress.addWidget(self._bar)
        progress.addLayout(under)
        progress.addStretch(1)
        self._loss = PlainLabel()
        self._loss.setProperty("role", "mono")
        self._loss.setFixedWidth(172)
        self._when = PlainLabel(when_text(glance.began_s) if glance.began_s else "")
        for label in (self._step, self._left, self._when):
            label.setProperty("role", "small")
        self._when.setFixedWidth(96)
        self._lay_out(names, progress, self._build_menu(name))

    def _lay_out(self, names: QVBoxLayout, progress: QVBoxLayout, menu: QWidget) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(13, 10, 8, 10)
        row.setSpacing(14)
        row.addWidget(self._tick)
        row.addWidget(self._dot)
        row.addLayout(names, 1)
        row.addLayout(progress)
        row.addWidget(self._loss)
        row.addWidget(self._when)
        row.addWidget(menu)

    def _build_menu(self, name: str) -> QWidget:
        more = IconButton("more", self.tr("More for {name}").format(name=name))
        more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self._menu = QMenu(more)
        for word, text in (
            ("pause", self.tr("Pause")),
            ("stop", self.tr("Stop and save")),
            ("resume", self.tr("Resume")),
            ("clone", self.tr("Clone…")),
            ("delete", self.tr("Delete")),
        ):
            self._menu.addAction(text).setData(word)
        self._menu.triggered.connect(self._on_action)
        more.setMenu(self._menu)
        return more

    def show_glance(self, glance: Glance) -> None:
        if glance.status != self._status:
            self._status = glance.status
            self._chip.setText(status_text(glance.status))
            restyle(self._chip, severity=SEVERITIES.get(glance.status, ""))
            self._dot.show_state(DOTS[glance.status])
        for action in self._menu.actions():
            shown = {
                "pause": glance.status == "running",
                "stop": glance.status in ("running", "paused"),
                "resume": glance.resumable,
                "clone": glance.readable,
            }
            action.setVisible(shown.get(action.data(), True))
        self._bar.setValue(round(1000 * glance.pace.share))
        self._step.setText(step_text(glance))
        self._left.setText(left_text(glance))
        losses = []
        if not math.isnan(glance.loss):
            losses.append(self.tr("loss {loss}").format(loss=loss_text(glance.loss)))
        if not math.isnan(glance.eval_loss):
            losses.append(self.tr("eval {loss}").format(loss=loss_text(glance.eval_loss)))
        self._loss.setText("  ".join(losses))
        self._bar.setVisible(glance.status != "queued")
        self._when.setText(when_text(glance.began_s) if glance.began_s else "")
        self.setAccessibleName(
            f"{glance.name}, {status_text(glance.status)}, {step_text(glance)}, "
            f"{left_text(glance)}".rstrip(", ")
        )

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.opened.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.opened.emit()
        elif event.key() == Qt.Key.Key_Space:
            self._tick.toggle()
        elif event.key() == Qt.Key.Key_Delete:
            self.menu_asked.emit("delete")
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: object) -> None:
        restyle(self, selected="true")

    def focusOutEvent(self, event: object) -> None:
        restyle(self, selected="false")

    @Slot(bool)
    def _on_ticked(self, _on: bool) -> None:
        self.tick_changed.emit()

    @Slot(QAction)
    def _on_action(self, action: QAction) -> None:
        self.menu_asked.emit(action.data())
