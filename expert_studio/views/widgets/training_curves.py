"""The charts of a run, or of several: one large, the others small beneath it.

Knows portraits (`core.training.trace`), not where they come from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QPushButton,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from expert_studio.core.training.trace import Portrait
from expert_studio.views.theme import restyle
from expert_studio.views.theme_tokens import CARD_PADDING
from expert_studio.views.widgets.card_button import CardButton
from expert_studio.views.widgets.elided_label import ElidedLabel
from expert_studio.views.widgets.icon_button import IconButton
from expert_studio.views.widgets.plain_words import PlainLabel
from expert_studio.views.widgets.training_chart import CurveChart
from expert_studio.views.widgets.training_legend import Legend
from expert_studio.views.widgets.training_strokes import Line
from expert_studio.views.widgets.training_words import Quantity, curve_name, quantities

COLOURS = ("accent", "task", "good", "warn", "kv", "base")
MOST_COMPARED = len(COLOURS)
FIRST_SMOOTHING = 0.6
_SMALL_HEIGHT = 96
_EARLY = 20  # a run that failed before so small a part of its steps


class TrainingCurves(QWidget):
    """Signals:
    smoothed(float): 0 to 0.999 is wanted.
    zoomed(object): first and last step in sight, or None.
    exported(Path), refused(str): a picture was written, or its path could not be.
    """

    smoothed = Signal(float)
    zoomed = Signal(object)
    exported = Signal(object)
    refused = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._quantities = {quantity.name: quantity for quantity in quantities()}
        self._chosen = "loss"
        self._portraits: Sequence[Portrait] = ()
        self._names: Sequence[str] = ()
        self.chart = CurveChart()
        self.small: dict[str, SmallChart] = {}
        self._build()
        self.chart.zoomed.connect(self._on_zoomed)
        self._slider.valueChanged.connect(self._on_slider)
        self._log.toggled.connect(self.chart.set_log)
        self._reset.clicked.connect(self.chart.reset)
        self._export.clicked.connect(self._on_export)

    def _build(self) -> None:
        self._title = PlainLabel()
        self._title.setProperty("role", "heading")
        self.legend = Legend()
        self._smooth_label = PlainLabel(self.tr("smooth"))
        self._smooth_label.setProperty("role", "small")
        self._smooth_value = PlainLabel()
        self._smooth_value.setProperty("role", "small")
        self._smooth_value.setFixedWidth(28)
        self._slider = QSlider(Qt.Orientation.Horizontal)
        self._slider.setRange(0, 99)
        self._slider.setValue(round(100 * FIRST_SMOOTHING))
        self._slider.setFixedWidth(84)
        self._slider.setAccessibleName(self.tr("Smoothing"))
        self._log = QPushButton(self.tr("log"))
        self._log.setCheckable(True)
        self._log.setProperty("role", "segment")
        self._log.setAccessibleName(self.tr("Logarithmic scale"))
        self._reset = IconButton("fit", self.tr("Show all steps (0)"), 15)
        self._reset.setEnabled(False)
        self._export = IconButton("download", self.tr("Keep the chart as a picture"), 15)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self._title)
        head.addSpacing(6)
        head.addWidget(self.legend, 1)
        for widget in (self._smooth_label, self._slider, self._smooth_value, self._log,
                       self._reset, self._export):  # fmt: skip
            head.addWidget(widget)
        card = QFrame()
        card.setProperty("role", "card")
        column = QVBoxLayout(card)
        column.setContentsMargins(CARD_PADDING, CARD_PADDING - 4, CARD_PADDING - 4, 6)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(self.chart, 1)
        self._row = QHBoxLayout()
        self._row.setSpacing(12)
        for quantity in self._quantities.values():
            small = SmallChart(quantity)
            small.chosen.connect(partial(self.choose, quantity.name))
            self.small[quantity.name] = small
            self._row.addWidget(small, 1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(12)
        whole.addWidget(card, 1)
        whole.addLayout(self._row)
        self._say_smoothing()

    @property
    def quantity(self) -> str:
        """The name of what the large chart shows."""
        return self._chosen

    @property
    def smoothing(self) -> float:
        return self._slider.value() / 100

    def choose(self, quantity: str) -> None:
        """Puts another quantity into the large chart."""
        self._chosen = quantity
        self.show_portraits(self._portraits)

    def set_smoothing(self, amount: float) -> None:
        self._slider.setValue(round(100 * amount))

    def set_log(self, log: bool) -> None:
        self._log.setChecked(log)

    def show_portraits(self, portraits: Sequence[Portrait]) -> None:
        """One run, or several to compare; those of one moment together."""
        self._portraits = portraits
        self._names = _told_apart([portrait.glance.name for portrait in portraits])
        there = [q for q in self._quantities.values() if any(q.curves[0] in p.curves
                 or q.curves[-1] in p.curves for p in portraits)]  # fmt: skip
        names = [quantity.name for quantity in there]
        if self._chosen not in names and names:
            self._chosen = names[0]
        chosen = self._quantities[self._chosen]
        lines = self._lines(chosen)
        last = max(map(_last_step, portraits), default=0)
        if not there:
            self.chart.set_waiting_text(self._why_empty())
        self._title.setText(chosen.title)
        self.chart.setAccessibleName(self.tr("{what} by step").format(what=chosen.title))
        self.chart.show_lines(lines, last, self._marks(), chosen.as_text, chosen.from_zero)
        self.legend.show_lines(self._legend_of(lines))
        smooth = any(line.smooth for line in lines) or chosen.curves[0] in ("loss", "grad_norm")
        for widget in (self._smooth_label, self._slider, self._smooth_value):
            widget.setVisible(smooth)
        crowded = len(names) > 5
        for name, small in self.small.items():
            small.set_crowded(crowded)
            small.setVisible(name in names and name != self._chosen)
            if name in names:
                small.show_lines(self._lines(self._quantities[name], small=True), last)

    def begin(self) -> None:
        """Another run is in front: everything is in sight, the loss is what is shown."""
        self._chosen = "loss"
        self._portraits = ()
        self.chart.reset()
        self.show_portraits(())

    def export(self, path: Path) -> None:
        """Writes the large chart as a picture."""
        path = path if path.suffix else path.with_suffix(".png")
        if self.chart.picture().save(str(path)):
            self.exported.emit(path)
        else:
            self.refused.emit(str(path))

    def _lines(self, quantity: Quantity, small: bool = False) -> list[Line]:
        found: list[Line] = []
        several = len(self._portraits) > 1
        for number, portrait in enumerate(self._portraits[:MOST_COMPARED]):
            for curve in quantity.curves:
                if curve not in portrait.curves:
                    continue
                watched = curve.startswith("eval_")
                colour = COLOURS[number] if several else ("task" if watched else "accent")
                label = curve_name(curve)
                if several:
                    label = self._names[number]
                    label += self.tr(", eval") if watched else ""
                elif len(quantity.curves) == 1:
                    label = quantity.title
                dash = 2 if several and watched else 0
                drawn = portrait.small[curve] if small else portrait.curves[curve]
                smooth = None if small else portrait.smooth.get(curve)
                found.append(Line(label, colour, drawn, smooth, dash, watched))
        return found

    def _legend_of(self, lines: Sequence[Line]) -> Sequence[Line]:
        """Of several runs one stroke each, and what a broken stroke means."""
        broken = [line for line in lines if line.dash]
        if not broken:
            return lines
        whole = [line for line in lines if not line.dash]
        return [*whole, replace(broken[0], label=self.tr("eval"), colour="muted")]

    def _why_empty(self) -> str:
        status = self._portraits[0].glance.status if self._portraits else "running"
        if status == "queued":
            return self.tr("It waits for its turn: the runs before it go first.")
        if status == "running":
            return self.tr("The first step is still being prepared.")
        return self.tr("No step was done.")

    def _marks(self) -> list[tuple[int, str]]:
        if len(self._portraits) != 1 or not self._portraits[0].best:
            return []
        best = min(self._portraits[0].best, key=lambda kept: kept.loss)
        return [(best.step, self.tr("best, step {n}").format(n=f"{best.step:,}"))]

    def _say_smoothing(self) -> None:
        self._smooth_value.setText(f"{self.smoothing:.2f}")

    @Slot(int)
    def _on_slider(self, _value: int) -> None:
        self._say_smoothing()
        self.smoothed.emit(self.smoothing)

    @Slot(object)
    def _on_zoomed(self, window: tuple[float, float] | None) -> None:
        self._reset.setEnabled(window is not None)
        self.zoomed.emit(window)

    @Slot()
    def _on_export(self) -> None:
        name = self._portraits[0].glance.name if self._portraits else "run"
        chosen, _ = QFileDialog.getSaveFileName(
            self,
            self.tr("Keep the chart as a picture"),
            f"{name}-{self._chosen}.png",
            self.tr("Pictures (*.png)"),
        )
        if chosen:
            self.export(Path(chosen))


def _last_step(portrait: Portrait) -> int:
    """Where the chart ends: at the run's end, or soon after what failed near its beginning."""
    pace = portrait.glance.pace
    if portrait.glance.status == "failed" and pace.step * _EARLY < pace.total_steps:
        return max(4 * pace.step, 10)
    return pace.total_steps


def _told_apart(names: Sequence[str]) -> Sequence[str]:
    """Names as they are; where one comes twice, with a number."""
    return [
        name if names.count(name) == 1 else f"{name} {names[: at + 1].count(name)}"
        for at, name in enumerate(names)
    ]


class SmallChart(CardButton):
    """Signals:
    chosen(): it is wanted in the large chart.
    """

    chosen = Signal()

    def __init__(self, quantity: Quantity, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._quantity = quantity
        self.setFixedHeight(_SMALL_HEIGHT)
        self.setToolTip(self.tr("Show {what} large").format(what=quantity.title.lower()))
        self.setAccessibleName(quantity.title)
        title = ElidedLabel(quantity.title)
        title.setProperty("role", "heading")
        self._value = PlainLabel()
        self._value.setProperty("role", "small")
        head = QHBoxLayout()
        head.setSpacing(6)
        head.addWidget(title, 1)
        head.addWidget(self._value)
        self.chart = CurveChart(compact=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(CARD_PADDING, 9, CARD_PADDING, 8)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(self.chart, 1)

    def set_crowded(self, crowded: bool) -> None:
        """Among many of its kind, the name needs the room of the figure."""
        self._value.setVisible(not crowded)

    def show_lines(self, lines: Sequence[Line], last_step: int) -> None:
        quantity = self._quantity
        self.chart.show_lines(lines, last_step, (), quantity.as_text, quantity.from_zero)
        values = lines[0].measured.values if lines else ()
        self._value.setText(quantity.as_text(values[-1]) if values and len(lines) <= 2 else "")
        self.setAccessibleName(f"{quantity.title} {self._value.text()}".strip())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self.rect().contains(event.position().toPoint()):
            self.chosen.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.chosen.emit()
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: object) -> None:
        restyle(self, selected="true")

    def focusOutEvent(self, event: object) -> None:
        restyle(self, selected="false")
