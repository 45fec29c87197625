"""The first choice: this computer in plain words, and which base to begin with.

Says what the person wants by signal; fetches and loads nothing itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from expert_studio.core.inference.conversation import BaseDescription
from expert_studio.core.inference.first_run import SUGGESTED_BASE
from expert_studio.core.inference.hub import KNOWN_BASES
from expert_studio.core.settings import BUNDLED_BASE_NAME
from expert_studio.views.widgets.machine_words import machine_text, room_text
from expert_studio.views.widgets.plain_words import PlainLabel
from expert_studio.views.widgets.quantities import size_text

if TYPE_CHECKING:
    from expert_studio.core.telemetry.machine import Machine


class WelcomeCard(QFrame):
    """Signals:
    download_wanted(): the suggested base shall be fetched.
    choice_wanted(): the person wants to see all bases.
    tour_wanted(): the three steps shall be shown.
    """

    download_wanted = Signal()
    choice_wanted = Signal()
    tour_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "inset")
        self._base: BaseDescription | None = None
        self._machine: Machine | None = None
        self._computer = _sentence(self.tr("Looking at this computer…"))
        self._now = _sentence(self.tr("No base is loaded yet."))
        self._offer = _sentence("")
        self._get = QPushButton()
        self._all = QPushButton(self.tr("All bases…"))
        self._tour = QPushButton(self.tr("Take the tour"))
        self._offered = QWidget()
        self._build()
        self._get.clicked.connect(self._on_get)
        self._all.clicked.connect(self.choice_wanted)
        self._tour.clicked.connect(self.tour_wanted)
        self._show()

    def _build(self) -> None:
        self._all.setAccessibleName(self.tr("Open the settings to choose a base"))
        self._tour.setAccessibleName(self.tr("Take the tour of three steps"))
        column = QVBoxLayout(self)
        column.setContentsMargins(13, 11, 10, 11)
        column.setSpacing(9)
        column.addLayout(_row(self._computer, self._tour))
        line = QFrame()
        line.setProperty("role", "rule")
        column.addWidget(line)
        column.addWidget(self._now)
        offered = QHBoxLayout(self._offered)
        offered.setContentsMargins(0, 0, 0, 0)
        offered.setSpacing(8)
        offered.addWidget(self._offer, 1)
        offered.addWidget(self._get)
        offered.addWidget(self._all)
        column.addWidget(self._offered)
        for button in (self._get, self._all, self._tour):
            button.setProperty("role", "small")

    @property
    def told(self) -> str:
        """All that is said, for whoever reads it aloud."""
        parts = (self._computer, self._now, self._offer)
        return " ".join(part.text() for part in parts if part.text())

    def set_base(self, base: BaseDescription | None) -> None:
        self._base = base
        self._show()

    def set_machine(self, machine: Machine) -> None:
        self._machine = machine
        self._computer.setText(machine_text(machine))
        self._show()

    def show_fetching(self, fetching: bool) -> None:
        """While it is fetched, the rail says how far."""
        self._get.setEnabled(not fetching)
        self._get.setText(self.tr("Downloading…") if fetching else self._get_text())

    def _get_text(self) -> str:
        return self.tr("Download {size}").format(size=size_text(_suggested_bytes()))

    def _show(self) -> None:
        base = self._base
        bundled = base is not None and base.name == BUNDLED_BASE_NAME
        self._offered.setVisible(base is None or bundled)
        self._get.setText(self._get_text())
        self._get.setAccessibleName(
            self.tr("Download {name}, {size}").format(
                name=SUGGESTED_BASE, size=size_text(_suggested_bytes())
            )
        )
        self._offer.setText(
            self.tr("For real work get {0}: you can go on here while it comes.").format(
                SUGGESTED_BASE
            )
        )
        if self._machine is not None:
            no_room = room_text(self._machine, _suggested_bytes())
            self._get.setEnabled(not no_room)
            if no_room:
                self._offer.setText(no_room)
        if base is None:
            self._now.setText(self.tr("No base is loaded yet."))
        elif bundled:
            self._now.setText(
                self.tr(
                    "This is a small demonstration base of {0} million parameters: made for narrow "
                    "tasks like these, it knows little of the world and cannot chat."
                ).format(round(base.parameters / 1e6))
            )
        else:
            self._now.setText(
                self.tr("{0} is loaded: {1:,} million parameters.").format(
                    base.name, round(base.parameters / 1e6)
                )
            )

    @Slot()
    def _on_get(self) -> None:
        self.show_fetching(True)
        self.download_wanted.emit()


def _suggested_bytes() -> int:
    named = (known for known in KNOWN_BASES if known.repo.endswith(f"/{SUGGESTED_BASE}"))
    return next(named).download_bytes


def _row(label: QLabel, button: QPushButton) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(12)
    row.addWidget(label, 1)
    row.addWidget(button)
    return row


def _sentence(text: str) -> QLabel:
    label = PlainLabel(text)
    label.setWordWrap(True)
    label.setProperty("role", "secondary")
    return label
