"""One run, or several to compare: figures, curves, what can be done. Starts nothing itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from expert_studio.core.training.trace import Portrait
from expert_studio.views.theme import restyle
from expert_studio.views.theme_tokens import PAGE_PADDING
from expert_studio.views.widgets.elided_label import ElidedLabel
from expert_studio.views.widgets.icon_button import IconButton
from expert_studio.views.widgets.page_header import PageHeader
from expert_studio.views.widgets.plain_words import PlainLabel
from expert_studio.views.widgets.quantities import size_text
from expert_studio.views.widgets.training_axis import figure_text
from expert_studio.views.widgets.training_curves import TrainingCurves
from expert_studio.views.widgets.training_scores import RunScores
from expert_studio.views.widgets.training_side import TrainingSide
from expert_studio.views.widgets.training_words import (
    SEVERITIES,
    left_text,
    loss_text,
    share_text,
    speed_figure,
    status_text,
    step_text,
)

# what can be done with a run, in the order of the buttons; the last one shown is primary
ACTIONS: dict[str, tuple[str, ...]] = {
    "ready": ("resume",),
    "queued": ("unqueue",),
    "running": ("pause", "stop"),
    "paused": ("stop", "resume"),
    "stopped": ("resume",),
    "lost": ("resume",),
    "failed": ("resume",),
    "finished": ("evaluate", "package", "install"),
}


class TrainingView(QWidget):
    """Signals:
    left(): back to all runs.
    wanted(str): what to do with the run in front: "pause", "stop", "resume", "unqueue", "retry",
        "report", "evaluate", "package", "install", "chat", "clone", "folder", "delete".
    """

    left = Signal()
    wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.curves = TrainingCurves()
        self.side = TrainingSide()
        self._figures: dict[str, tuple[QLabel, QLabel]] = {}
        self.buttons: dict[str, QPushButton] = {}
        self._portraits: Sequence[Portrait] = ()
        self._installed = False
        self._reported = False
        self._busy = ""
        self._build()

    def _build(self) -> None:
        self._header = PageHeader("")
        back = IconButton("left", self.tr("All runs"), 16)
        back.clicked.connect(self.left)
        row = self._header.layout()
        assert isinstance(row, QHBoxLayout)
        row.insertWidget(0, back)
        self._chip = PlainLabel()
        self._chip.setProperty("role", "chip")
        row.insertWidget(2, self._chip, 0, Qt.AlignmentFlag.AlignVCenter)
        self._told = ElidedLabel()
        self._told.setProperty("role", "muted")
        row.insertWidget(3, self._told, 10)
        texts = {
            "unqueue": self.tr("Take out of the queue"),
            "pause": self.tr("Pause"),
            "stop": self.tr("Stop and save"),
            "resume": self.tr("Resume"),
            "retry": self.tr("Retry smaller"),
            "report": self.tr("Report"),
            "evaluate": self.tr("Evaluate"),
            "package": self.tr("Package…"),
            "install": self.tr("Package and install"),
            "chat": self.tr("Chat with it"),
        }
        for name, text in texts.items():
            button = QPushButton(text)
            button.setAccessibleName(text)
            button.clicked.connect(partial(self._on_button, name))
            self.buttons[name] = button
            self._header.add_action(button)
        self._header.add_action(self._build_more())
        column = QVBoxLayout()
        column.setContentsMargins(PAGE_PADDING, 14, PAGE_PADDING, 16)
        column.setSpacing(12)
        column.addWidget(self._build_problem())
        column.addLayout(self._build_figures())
        column.addWidget(self.curves, 1)
        lower = QHBoxLayout()
        lower.setSpacing(0)
        lower.addLayout(column, 1)
        lower.addWidget(self.side)
        page = QVBoxLayout(self)
        page.setContentsMargins(0, 0, 0, 0)
        page.setSpacing(0)
        page.addWidget(self._header)
        page.addLayout(lower, 1)

    def _build_more(self) -> QWidget:
        self._more = IconButton("more", self.tr("More for this run"), 16)
        self._more.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self._more)
        for word, text in (
            ("clone", self.tr("Clone…")),
            ("tensorboard", self.tr("Export for TensorBoard…")),
            ("folder", self.tr("Show its folder")),
            ("delete", self.tr("Delete")),
        ):
            menu.addAction(text).setData(word)
        menu.triggered.connect(self._on_action)
        self._more.setMenu(menu)
        return self._more

    def _build_problem(self) -> QWidget:
        self._problem = QFrame()
        self._problem.setProperty("role", "toast")
        self._problem.setProperty("severity", "bad")
        self._what, self._why = PlainLabel(), PlainLabel()
        self._what.setProperty("role", "strong")
        self._why.setProperty("role", "secondary")
        column = QVBoxLayout(self._problem)
        column.setContentsMargins(14, 10, 14, 10)
        column.setSpacing(3)
        for label in (self._what, self._why):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            column.addWidget(label)
        return self._problem

    def _build_figures(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(30)
        for name, text in (
            ("step", self.tr("step")),
            ("loss", self.tr("train loss")),
            ("eval", self.tr("eval loss")),
            ("speed", self.tr("tokens/s")),
            ("memory", self.tr("memory")),
            ("left", self.tr("time left")),
            ("margin", self.tr("margin")),
            ("ranked", self.tr("ranked right")),
        ):
            label, value = PlainLabel(text), PlainLabel("—")
            label.setProperty("role", "small")
            value.setProperty("role", "figure")
            self._figures[name] = (label, value)
            pair = QVBoxLayout()
            pair.setSpacing(1)
            pair.addWidget(label)
            pair.addWidget(value)
            row.addLayout(pair)
        row.addStretch(1)
        return row

    @property
    def portraits(self) -> Sequence[Portrait]:
        """What is shown; more than one are compared."""
        return self._portraits

    @property
    def problem(self) -> str:
        """The failure that is shown, or ""."""
        return "" if self._problem.isHidden() else f"{self._what.text()} {self._why.text()}"

    def figure(self, name: str) -> str:
        """What stands under one of them: "step", "loss", "eval", "speed", "memory", "left" …"""
        return self._figures[name][1].text()

    def begin(self, several: bool) -> None:
        """Other runs are about to be shown."""
        self._portraits = ()
        self._installed = False
        self._reported = False
        self.curves.begin()
        self.side.setVisible(not several)
        for label, value in self._figures.values():
            label.setVisible(not several)
            value.setVisible(not several)
        self._more.setVisible(not several)
        self._problem.hide()
        for button in self.buttons.values():
            button.hide()

    def show_busy(self, text: str) -> None:
        """Long work on the run in front: its words stand where its state was."""
        self._busy = text
        if len(self._portraits) == 1:
            self._show_head(self._portraits[0])

    def show_known(self, installed: bool, reported: bool) -> None:
        """Whether the run in front can be chatted with, and whether there is a report of it."""
        if (installed, reported) != (self._installed, self._reported):
            self._installed, self._reported = installed, reported
            if len(self._portraits) == 1:
                self._show_head(self._portraits[0])

    def show_portraits(self, portraits: Sequence[Portrait], scores: RunScores) -> None:
        self._portraits = portraits
        self.curves.show_portraits(portraits)
        if len(portraits) == 1:
            self._show_one(portraits[0], scores)
            return
        self._header.set_title(self.tr("{n} runs compared").format(n=len(portraits)))
        self._told.set_text(" · ".join(portrait.glance.name for portrait in portraits))
        self._chip.hide()

    def _show_one(self, portrait: Portrait, scores: RunScores) -> None:
        glance = portrait.glance
        self._show_head(portrait)
        running = glance.status == "running"
        said = {
            "step": step_text(glance),
            "loss": loss_text(glance.loss),
            "eval": loss_text(glance.eval_loss),
            "speed": speed_figure(glance.pace.tokens_per_s) if glance.pace.tokens_per_s else "—",
            "memory": size_text(portrait.memory_bytes) if portrait.memory_bytes else "—",
            "left": left_text(glance).removesuffix(self.tr(" left")),
            "margin": figure_text(_last(portrait, "reward_margin")),
            "ranked": share_text(_last(portrait, "reward_accuracy")),
        }
        for name, text in said.items():
            label, value = self._figures[name]
            value.setText(text)
            if name == "step":
                queued = glance.status == "queued"
                label.setText(self.tr("in the queue") if queued else self.tr("step"))
            value.setAccessibleName(f"{label.text()} {text}")
            shown = running or name not in ("left", "speed")
            shown &= glance.status != "queued" or name == "step"
            shown &= "reward_margin" in portrait.curves or name not in ("margin", "ranked")
            label.setVisible(shown)
            value.setVisible(shown)
        self._show_problem(portrait)
        self.side.show_portrait(portrait, scores)

    def _show_head(self, portrait: Portrait) -> None:
        glance = portrait.glance
        self._header.set_title(glance.name)
        self._chip.setText(status_text(glance.status))
        restyle(self._chip, severity=SEVERITIES.get(glance.status, ""))
        self._chip.show()
        self._told.set_text(self._busy or glance.told)
        shown = list(ACTIONS[glance.status])
        if glance.status == "finished" and self._installed:
            shown = ["evaluate", "package", "chat"]
        if glance.status == "finished" and self._reported:
            shown.insert(0, "report")
        if glance.status == "failed" and is_out_of_memory(portrait):
            shown = ["resume", "retry"]
        for name, button in self.buttons.items():
            button.setVisible(name in shown)
            button.setEnabled(not self._busy)
            primary = name == shown[-1] and name not in ("stop", "unqueue")
            if (button.property("role") == "primary") != primary:
                restyle(button, role="primary" if primary else "")

    def _show_problem(self, portrait: Portrait) -> None:
        status, ended = portrait.glance.status, portrait.ended
        self._problem.setVisible(status in ("failed", "lost"))
        if status == "failed" and ended is not None:
            self._what.setText(ended.what)
            self._why.setText(" ".join(part for part in (ended.why, ended.remedy) if part))
        elif status == "lost":
            self._what.setText(self.tr("The run ended without a word."))
            self._why.setText(
                self.tr(
                    "Its process is gone: the machine was switched off, or the process was ended. "
                    "Resume goes on from the last checkpoint."
                )
            )
        self._why.setVisible(bool(self._why.text()))

    def _on_button(self, name: str) -> None:
        self.wanted.emit(name)

    @Slot(QAction)
    def _on_action(self, action: QAction) -> None:
        self.wanted.emit(action.data())


def _last(portrait: Portrait, curve: str) -> float:
    """The newest value; NaN where there is none."""
    drawn = portrait.curves.get(curve)
    return drawn.values[-1] if drawn and drawn.values else math.nan


def is_out_of_memory(portrait: Portrait) -> bool:
    """As the worker words it."""
    return portrait.ended is not None and "ran out of memory" in portrait.ended.what
