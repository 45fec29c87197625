"""The official experts for a base they were not made for: how far they are, start and stop.

Knows what it is told; starts nothing itself.
"""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from expert_studio.core.training.official_build import BuildState
from expert_studio.views.theme_tokens import CARD_PADDING, PAGE_PADDING
from expert_studio.views.widgets.plain_words import PlainLabel
from expert_studio.views.widgets.setting_card import note
from expert_studio.views.widgets.thin_bar import ThinBar


class OfficialCard(QWidget):
    """Signals:
    start_wanted(): they shall be trained, or go on.
    stop_wanted(): no further.
    """

    start_wanted = Signal()
    stop_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._base = ""
        self._heading = PlainLabel()
        self._heading.setProperty("role", "heading")
        self._told = note("")
        self.bar = ThinBar()
        self.bar.setAccessibleName(self.tr("How many of the official experts are trained"))
        self.start = QPushButton(self.tr("Train the six for this base"))
        self.stop = QPushButton(self.tr("Stop"))
        self.stop.setAccessibleName(self.tr("Stop training the official experts"))
        self._build()
        self.start.clicked.connect(self.start_wanted)
        self.stop.clicked.connect(self._on_stop)
        self.hide()

    def _build(self) -> None:
        words = QVBoxLayout()
        words.setSpacing(3)
        words.addWidget(self._heading)
        words.addWidget(self._told)
        row = QHBoxLayout()
        row.setSpacing(16)
        row.addLayout(words, 1)
        row.addWidget(self.start)
        row.addWidget(self.stop)
        card = QFrame()
        card.setProperty("role", "card")
        outer = QVBoxLayout(self)
        outer.setContentsMargins(PAGE_PADDING, 16, PAGE_PADDING, 0)
        outer.addWidget(card)
        column = QVBoxLayout(card)
        column.setContentsMargins(
            CARD_PADDING + 5, CARD_PADDING, CARD_PADDING + 5, CARD_PADDING + 2
        )
        column.setSpacing(8)
        column.addLayout(row)
        column.addWidget(self.bar)

    @property
    def words(self) -> str:
        """What it says under its heading."""
        return self._told.text()

    def set_base(self, name: str) -> None:
        """The base they are for; "": one they fit already, and there is nothing to show."""
        self._base = name
        self._heading.setText(self.tr("The official experts for {base}").format(base=name))
        if not name:
            self.hide()

    def show_state(self, state: BuildState) -> None:
        is_done = state.of > 0 and len(state.made) == state.of and not state.is_going_on
        self.setVisible(bool(self._base) and not is_done)
        self._told.setText(self._sentence(state))
        self.bar.setVisible(state.is_going_on or bool(state.made))
        self.bar.setRange(0, max(1, state.of))
        self.bar.setValue(len(state.made))
        self.start.setVisible(not state.is_going_on)
        self.start.setText(self._start_words(state))
        self.stop.setVisible(state.is_going_on)
        self.stop.setEnabled(True)

    def _start_words(self, state: BuildState) -> str:
        if state.stage == "failed":
            return self.tr("Try again")
        return (
            self.tr("Go on") if state.stage == "stopped" else self.tr("Train the six for this base")
        )

    def _sentence(self, state: BuildState) -> str:
        made = self.tr("{n} of {of} are made.").format(n=len(state.made), of=state.of)
        if state.stage == "failed":
            told = " ".join(part for part in (state.what, state.why, state.remedy) if part)
            return f"{told or self.tr('It ended unexpectedly.')} {made}"
        if state.stage == "stopped":
            return self.tr("Stopped. {made} What is made stays; it goes on from there.").format(
                made=made
            )
        if not state.is_going_on:
            return self.tr(
                "Those in your library are made for another base. The same six can be trained for "
                "this one, from data made on this computer: hours on a graphics card, many days "
                "without one. It goes on when the window is closed, and can be stopped."
            )
        if not state.expert:
            return self.tr("Starting…")
        doing = {
            "training": self.tr("Training {name}, {number} of {of}. {made}"),
            "scoring": self.tr("Scoring {name}, {number} of {of}. {made}"),
            "packing": self.tr("Packing {name}, {number} of {of}. {made}"),
        }[state.stage]
        return doing.format(name=state.expert, number=state.number, of=state.of, made=made)

    def _on_stop(self) -> None:
        self.stop.setEnabled(False)
        self._told.setText(self.tr("Stopping after this step…"))
        self.stop_wanted.emit()
