"""What a marketplace says of one expert, and the button that fetches it. Knows no network."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Signal, Slot
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from expert_studio.core.experts.marketplace import Entry
from expert_studio.views import theme
from expert_studio.views.theme import restyle
from expert_studio.views.theme_tokens import SIDE_PANEL_WIDTH
from expert_studio.views.widgets import expert_facts, signature_words
from expert_studio.views.widgets.expert_facts import Fact
from expert_studio.views.widgets.fact_rows import FactRows
from expert_studio.views.widgets.plain_words import PlainLabel
from expert_studio.views.widgets.quantities import size_text
from expert_studio.views.widgets.scrolling import scrolling
from expert_studio.views.widgets.setting_card import note


class MarketDetails(QFrame):
    """Signals:
    install_wanted(Entry, str): this version should be fetched and looked at.
    """

    install_wanted = Signal(object, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "side")
        self.setFixedWidth(theme.widened(SIDE_PANEL_WIDTH))
        self._entry: Entry | None = None
        self._hint = note(self.tr("Choose an expert to see who publishes it."))
        self._name = PlainLabel()
        self._name.setStyleSheet("font-size: 15px; font-weight: 600")
        self._chip = PlainLabel()
        self._chip.setProperty("role", "chip")
        self._version = QComboBox()
        self._version.setAccessibleName(self.tr("Which version to fetch"))
        self.install = QPushButton(self.tr("Fetch and look at it…"))
        self.install.setProperty("role", "primary")
        self.install.setAccessibleName(self.tr("Fetch this expert; you are asked again before"))
        self._about = note("")
        self._facts = FactRows()
        self._notes = note("")
        self._notes.setProperty("role", "warn")
        self._part = QWidget()
        self._build()
        self.install.clicked.connect(self._on_install)
        self.show_entry(None, "")

    def show_entry(self, entry: Entry | None, here: str) -> None:
        """Shows one expert; `here` says what of it is installed."""
        self._entry = entry
        self._hint.setVisible(entry is None)
        self._part.setVisible(entry is not None)
        if entry is None:
            return
        self._name.setText(entry.name)
        self._chip.setText(self.tr("verified") if entry.verified else self.tr("not verified"))
        self._chip.setToolTip(
            self.tr("The marketplace vouches for this publisher's key.")
            if entry.verified
            else self.tr("The marketplace does not vouch for who publishes it.")
        )
        restyle(self._chip, severity="good" if entry.verified else "")
        self._version.clear()
        for version in entry.versions:
            self._version.addItem(version.version)
        self._about.setText(entry.description)
        self._facts.show_facts([fact for fact in self._all_facts(entry, here) if fact.value])
        self._notes.setText(" ".join(entry.notes))
        self._notes.setVisible(bool(entry.notes))

    def set_busy(self, busy: bool) -> None:
        self.install.setEnabled(not busy)

    def _all_facts(self, entry: Entry, here: str) -> list[Fact]:
        newest = entry.versions[0]
        needs = "\n".join(map(expert_facts.requirement_text, newest.requires))
        return [
            Fact(self.tr("Here"), here),
            Fact(self.tr("Marketplace"), entry.market),
            Fact(self.tr("Publisher"), entry.publisher or entry.author),
            Fact(self.tr("Key"), signature_words.key_text(entry.public_key)),
            Fact(self.tr("Needs"), needs),
            Fact(self.tr("Made for"), ", ".join(entry.bases)),
            Fact(self.tr("Licence"), entry.license),
            Fact(self.tr("Size"), size_text(newest.size_bytes) if newest.size_bytes else ""),
            Fact(self.tr("Categories"), ", ".join(entry.categories)),
            Fact(self.tr("Tag"), newest.ref),
            Fact(self.tr("Commit"), newest.commit[:12]),
            Fact(self.tr("Changed"), entry.updated_at[:10]),
            Fact(self.tr("Repository"), entry.repository.removeprefix("git+")),
        ]

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if theme.was_rescaled(event):
            self.setFixedWidth(theme.widened(SIDE_PANEL_WIDTH))

    def _build(self) -> None:
        head = QHBoxLayout()
        head.addWidget(self._name, 1)
        head.addWidget(self._chip)
        actions = QHBoxLayout()
        actions.setSpacing(8)
        actions.addWidget(self.install)
        actions.addWidget(self._version, 1)
        column = QVBoxLayout(self._part)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addLayout(head)
        column.addLayout(actions)
        column.addWidget(self._about)
        column.addWidget(self._facts)
        column.addWidget(self._notes)
        inside = QWidget()
        inside.setProperty("role", "scroll")
        whole = QVBoxLayout(inside)
        whole.setContentsMargins(16, 16, 16, 16)
        whole.addWidget(self._hint)
        whole.addWidget(self._part)
        whole.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scrolling(inside))

    @Slot()
    def _on_install(self) -> None:
        if self._entry is not None:
            self.install_wanted.emit(self._entry, self._version.currentText())
