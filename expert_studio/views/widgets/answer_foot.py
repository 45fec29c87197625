"""What stands under an answer: its branches, once more, copy, what the person says, its facts."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal, Slot
from PySide6.QtGui import QAction, QFontMetrics
from PySide6.QtWidgets import QPushButton, QWidget

from expert_studio.views import theme
from expert_studio.views.theme_tokens import SECONDARY_PX
from expert_studio.views.widgets.branch_arrows import BranchArrows
from expert_studio.views.widgets.elided_label import ElidedLabel
from expert_studio.views.widgets.icon_button import IconButton
from expert_studio.views.widgets.wrapping_row import WrappingRow

PADDING = 12  # at the right of a button, as the style sheet has it


class AnswerFoot(WrappingRow):
    """Signals:
    regenerate_wanted(), continue_wanted(), copy_wanted(): the person wants this.
    attribution_wanted(), details_wanted(): shown, or hidden where it is.
    judged(str): "good", "bad" or "correct"; "dataset" to choose where such words are kept.
    """

    regenerate_wanted = Signal()
    continue_wanted = Signal()
    copy_wanted = Signal()
    attribution_wanted = Signal()
    details_wanted = Signal()
    judged = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.branches = BranchArrows(self)
        self._regenerate = QPushButton(self.tr("Regenerate"), self)
        self._continue = QPushButton(self.tr("Continue"), self)
        self._copy = QPushButton(self.tr("Copy"), self)
        self._verdicts = {
            "good": QPushButton(self.tr("Good"), self),
            "bad": QPushButton(self.tr("Bad"), self),
            "correct": QPushButton(self.tr("Correct…"), self),
        }
        self._attribution = QPushButton(self.tr("Attribution"), self)
        self._facts = ElidedLabel(parent=self)
        told = self.tr("Exactly how this answer was made")
        self._details = IconButton("info", told, parent=self)
        self._build()
        self._connect()

    def _build(self) -> None:
        kept = self.tr("; the menu key or a right click chooses the dataset")
        names = {
            self._regenerate: self.tr("Answer this once more with the stack as it is now"),
            self._continue: self.tr("Have this answer go on from where it ended"),
            self._copy: self.tr("Copy the whole answer"),
            self._verdicts["good"]: self.tr("A good answer: keep it as a row to learn") + kept,
            self._verdicts["bad"]: self.tr("A bad answer: keep it as a row to be corrected") + kept,
            self._verdicts["correct"]: self.tr("Write what the answer should have been"),
            self._attribution: self.tr("Show what each expert did for this answer"),
        }
        for button, name in names.items():
            button.setProperty("role", "foot")
            button.setAccessibleName(name)
            button.setToolTip(name)
        self._facts.setProperty("role", "facts")
        self._facts.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._regenerate.hide()
        self._continue.hide()
        self._attribution.setCheckable(True)
        self._details.setCheckable(True)
        self._leave_room()
        self.set_controls((self.branches, *names), self._facts, self._details)

    def _leave_room(self) -> None:
        bold = QFontMetrics(theme.body_font(SECONDARY_PX, 600))
        for button in (self._attribution, *self._verdicts.values()):  # bold while checked
            button.setMinimumWidth(bold.horizontalAdvance(button.text()) + PADDING)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if theme.was_rescaled(event):
            self._leave_room()

    def _connect(self) -> None:
        self._regenerate.clicked.connect(self.regenerate_wanted)
        self._continue.clicked.connect(self.continue_wanted)
        self._copy.clicked.connect(self.copy_wanted)
        self._attribution.clicked.connect(self.attribution_wanted)
        self._details.clicked.connect(self.details_wanted)
        self._verdicts["good"].clicked.connect(self._on_good)
        self._verdicts["bad"].clicked.connect(self._on_bad)
        self._verdicts["correct"].clicked.connect(self._on_correct)
        for button in self._verdicts.values():
            button.setCheckable(True)
            choose = QAction(self.tr("Choose the dataset…"), button)
            choose.triggered.connect(self._on_dataset)
            button.addAction(choose)
            button.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)

    @property
    def facts(self) -> str:
        return self._facts.whole_text

    def set_facts(self, facts: str) -> None:
        self._facts.set_text(facts)

    def set_last(self, last: bool, cut: bool = False) -> None:
        """Only the last answer can be asked for once more, or be continued where it was cut."""
        self._regenerate.setVisible(last)
        self._continue.setVisible(last and cut)

    def set_said(self, said: bool) -> None:
        """Of an answer that says nothing there is nothing to learn."""
        for button in self._verdicts.values():
            button.setVisible(said)

    def set_attributable(self, told: str) -> None:
        """`told`: why it cannot be said who did what, or ""."""
        self._attribution.setEnabled(not told)
        name = told or self.tr("Show what each expert did for this answer")
        self._attribution.setToolTip(name)
        self._attribution.setAccessibleName(name)

    def show_open(self, attribution: bool, details: bool) -> None:
        """Which panels are open."""
        self._attribution.setChecked(attribution)
        self._details.setChecked(details)

    def mark(self, verdict: str) -> None:
        """What the person said of it; "" where that was taken back."""
        for name, button in self._verdicts.items():
            button.setChecked(name == verdict)

    def press(self, name: str) -> None:
        """As by hand: a verdict, "regenerate", "continue", "attribution" or "details"."""
        others: dict[str, QPushButton | IconButton] = {
            "regenerate": self._regenerate,
            "continue": self._continue,
            "attribution": self._attribution,
            "details": self._details,
        }
        (others | self._verdicts)[name].click()

    def _judge(self, verdict: str) -> None:
        button = self._verdicts[verdict]
        button.setChecked(not button.isChecked())  # marked once it is kept
        self.judged.emit(verdict)

    @Slot()
    def _on_good(self) -> None:
        self._judge("good")

    @Slot()
    def _on_bad(self) -> None:
        self._judge("bad")

    @Slot()
    def _on_correct(self) -> None:
        self._judge("correct")

    @Slot()
    def _on_dataset(self) -> None:
        self.judged.emit("dataset")
