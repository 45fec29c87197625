"""What is about to be installed, and what the person must agree to before it is.

Shows packages that were looked at; says what was agreed by signal. Knows nothing of how
they are installed. An INVALID one is shown, and nothing brings it in.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from expert_studio.core.experts.acceptance import CONSENTS
from expert_studio.core.experts.arrival import Arrival, needs_of
from expert_studio.core.experts.library import InstalledExpert
from expert_studio.views.widgets.arrival_card import ArrivalCard
from expert_studio.views.widgets.plain_words import PlainLabel
from expert_studio.views.widgets.scrolling import scrolling
from expert_studio.views.widgets.setting_card import note

_WIDTH, _HEIGHT = 620, 660


class ConsentSheet(QDialog):
    """Signals:
    agreed(tuple[Arrival, ...], frozenset[str]): these shall come in, with these consents.
    trusted(str, str): the key (`ed25519:<hex>`) shall be trusted from now on as this publisher's.
    try_wanted(Arrival): the person wants to see what it does before it is trusted.
    """

    agreed = Signal(object, object)
    trusted = Signal(str, str)
    try_wanted = Signal(object)

    def __init__(
        self,
        arrivals: Sequence[Arrival],
        installed: Sequence[InstalledExpert],
        parent: QWidget,
        *,
        can_try: bool = False,
    ) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(_WIDTH)
        self._cards = [
            ArrivalCard(a, needs_of(a, arrivals, installed), len(arrivals) == 1) for a in arrivals
        ]
        self._consents: dict[str, QCheckBox] = {}
        self._sentences: dict[str, QLabel] = {}
        self._trust: dict[str, tuple[QCheckBox, str]] = {}  # by public key: the publisher
        self._can_try = can_try
        self._build()
        self._show_wanted()
        self._begin()

    @property
    def cards(self) -> tuple[ArrivalCard, ...]:
        return tuple(self._cards)

    @property
    def install_button(self) -> QPushButton:
        return self._install

    @property
    def try_button(self) -> QPushButton:
        return self._try

    @property
    def can_install(self) -> bool:
        """Whether any of them may come in at all."""
        return any(card.arrival.refusal is None for card in self._cards)

    def agree(self, consent: str, agreed: bool = True) -> None:
        """Ticks one consent of `acceptance.CONSENTS`, as by hand.

        Raises:
            KeyError: it is not asked here.
        """
        self._consents[consent].setChecked(agreed)

    @property
    def asked(self) -> tuple[str, ...]:
        """The consents that are asked for what is taken."""
        return tuple(name for name, box in self._consents.items() if not box.isHidden())

    def said(self) -> str:
        """All its sentences."""
        asked = [box.text() for box in self._consents.values() if not box.isHidden()]
        return "\n".join([self._title.text(), *(card.said() for card in self._cards), *asked])

    def _build(self) -> None:
        self._title = PlainLabel()
        self._title.setProperty("role", "title")
        self._inside = inside = QWidget()
        inside.setProperty("role", "scroll")
        column = QVBoxLayout(inside)
        column.setContentsMargins(20, 2, 20, 2)
        column.setSpacing(10)
        for card in self._cards:
            column.addWidget(card)
            card.taken_changed.connect(self._show_wanted)
        column.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 18, 0, 16)
        outer.setSpacing(12)
        outer.addWidget(_indented(self._title))
        outer.addWidget(scrolling(inside), 1)
        outer.addWidget(_indented(self._build_consents()))
        outer.addWidget(_indented(self._build_buttons()))

    def _begin(self) -> None:
        """As large as what it holds wants, ready for the first answer."""
        asked = self._box.sizeHint().height() if self.asked else 0
        wanted = self._inside.sizeHint().height() + asked + 150
        self.resize(_WIDTH, min(max(wanted, 220), _HEIGHT))
        first = next((box for box in self._consents.values() if not box.isHidden()), self._install)
        first.setFocus()

    def _build_consents(self) -> QWidget:
        self._box = QFrame()
        self._box.setProperty("role", "inset")
        column = QVBoxLayout(self._box)
        column.setContentsMargins(14, 10, 14, 12)
        column.setSpacing(7)
        heading = PlainLabel(self.tr("Before it is installed"))
        heading.setProperty("role", "heading")
        column.addWidget(heading)
        for consent in CONSENTS:
            box = QCheckBox()
            box.toggled.connect(self._show_wanted)
            self._consents[consent] = box
            self._sentences[consent] = note("")
            column.addWidget(box)
            column.addWidget(self._sentences[consent])
            if consent == "unknown-key":
                self._add_trust(column)
        return self._box

    def _add_trust(self, column: QVBoxLayout) -> None:
        for card in self._cards:
            standing = card.arrival.standing
            if standing.state == "unknown key" and standing.public_key not in self._trust:
                text = self.tr("Trust {publisher} from now on").format(publisher=standing.publisher)
                box = QCheckBox(text)
                box.setAccessibleName(text)
                box.setToolTip(standing.public_key)
                self._trust[standing.public_key] = (box, standing.publisher)
                column.addWidget(box)

    def _build_buttons(self) -> QWidget:
        row_widget = QWidget()
        self._try = QPushButton(self.tr("Try it first…"))
        self._try.setAccessibleName(self.tr("Compare its answers with the base's, not installed"))
        self._try.setToolTip(self.tr("Answers of the base and of the expert, side by side"))
        self._try.setVisible(self._can_try and len(self._cards) == 1)
        self._cancel = QPushButton(self.tr("Cancel"))
        self._cancel.setAccessibleName(self.tr("Install nothing"))
        self._install = QPushButton()
        self._install.setProperty("role", "primary")
        self._install.setDefault(True)
        row = QHBoxLayout(row_widget)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self._try)
        row.addStretch(1)
        row.addWidget(self._cancel)
        row.addWidget(self._install)
        self._cancel.clicked.connect(self.reject)
        self._install.clicked.connect(self._on_install)
        self._try.clicked.connect(self._on_try)
        return row_widget

    def _taken(self) -> list[Arrival]:
        return [card.arrival for card in self._cards if card.taken]

    @Slot()
    def _show_wanted(self) -> None:
        taken = self._taken()
        for consent, box in self._consents.items():
            names = [(a, dict(a.asked)[consent]) for a in taken if consent in dict(a.asked)]
            box.setVisible(bool(names))
            # of an unsigned one the card says the same
            self._sentences[consent].setVisible(bool(names) and consent != "unsigned")
            text = self._consent_text(consent, [_label(a) for a, _ in names])
            box.setText(text)
            box.setAccessibleName(text)
            self._sentences[consent].setText(" ".join(dict.fromkeys(s for _, s in names)))
            self._sentences[consent].setContentsMargins(23, 0, 0, 0)
        keys = {a.standing.public_key for a in taken if a.standing.state == "unknown key"}
        for key, (box, _) in self._trust.items():
            box.setVisible(key in keys)
        self._box.setVisible(bool(self.asked))
        self._say_title(taken)
        agreed = all(self._consents[name].isChecked() for name in self.asked)
        self._install.setEnabled(bool(taken) and agreed)
        self._install.setVisible(self.can_install)
        self._try.setEnabled(bool(taken))
        self._try.setVisible(self._can_try and len(self._cards) == 1 and self.can_install)
        self._cancel.setText(self.tr("Cancel") if self.can_install else self.tr("Close"))

    def _say_title(self, taken: Sequence[Arrival]) -> None:
        if not self.can_install:
            title = self.tr("This cannot be installed")
        elif len(self._cards) == 1:
            title = self.tr("Install {label}?").format(label=_label(self._cards[0].arrival))
        else:
            title = self.tr("Install {n} of {m} experts?").format(n=len(taken), m=len(self._cards))
        self._title.setText(title)
        self.setWindowTitle(title)
        text = self.tr("Install") if len(taken) < 2 else self.tr("Install {n}").format(n=len(taken))
        self._install.setText(text)
        self._install.setAccessibleName(text)

    def _consent_text(self, consent: str, labels: Sequence[str]) -> str:
        many = self.tr("{n} experts").format(n=len(labels))
        names = ", ".join(labels) if len(labels) < 4 else many
        return {
            "unsigned": self.tr("I want {names}, though nobody vouches for it"),
            "unknown-key": self.tr("I accept the key that signed {names}"),
            "other-key": self.tr("I accept another signer than before for {names}"),
            "older": self.tr("I want {names}, though it is older than what is installed"),
        }[consent].format(names=names)

    @Slot()
    def _on_install(self) -> None:
        for key, (box, publisher) in self._trust.items():
            if box.isChecked() and not box.isHidden():
                self.trusted.emit(key, publisher)
        self.agreed.emit(tuple(self._taken()), frozenset(self.asked))
        self.accept()

    @Slot()
    def _on_try(self) -> None:
        self.try_wanted.emit(self._cards[0].arrival)


def _label(arrival: Arrival) -> str:
    manifest = arrival.manifest
    return f"{arrival.name} {manifest.version}" if manifest is not None else arrival.name


def _indented(widget: QWidget) -> QWidget:
    holder = QWidget()
    column = QVBoxLayout(holder)
    column.setContentsMargins(20, 0, 20, 0)
    column.addWidget(widget)
    return holder
