"""One answer in the transcript: its stack, its text as it streams, its facts. Knows no engine."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QVBoxLayout, QWidget

from expert_studio.core.inference.stack import EMPTY, Stack
from expert_studio.core.inference.turns import Turn
from expert_studio.views import theme
from expert_studio.views.widgets.answer_body import AnswerBody
from expert_studio.views.widgets.answer_details import AnswerDetails
from expert_studio.views.widgets.answer_foot import AnswerFoot
from expert_studio.views.widgets.attribution_panel import AttributionPanel
from expert_studio.views.widgets.plain_words import PlainLabel
from expert_studio.views.widgets.reading_bar import ReadingBar
from expert_studio.views.widgets.rich_text import as_wide_as_parent
from expert_studio.views.widgets.stack_change import StackChange
from expert_studio.views.widgets.stack_chips import StackChips

FOOT_AFTER_MS = 100  # the first words are usually there by then


class AnswerView(QWidget):
    """Signals:
    regenerate_wanted(), continue_wanted(): the person wants this answered once more, or longer.
    branch_wanted(str): the turn to look at in this one's place.
    inquired(str, str): turn, and what is asked about it: "repeat", "attribute", "stop", "copy".
    judged(str, str): turn, and what the person says of it, as `AnswerFoot.judged`.
    link_followed(str): a link in the text was clicked.
    """

    regenerate_wanted = Signal()
    continue_wanted = Signal()
    branch_wanted = Signal(str)
    inquired = Signal(str, str)
    judged = Signal(str, str)
    link_followed = Signal(str)

    def __init__(self, turn: Turn, live: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        as_wide_as_parent(self)
        self._turn = turn
        self._live = live
        self._chips = StackChips(_first_stack(turn), self)
        self._body = AnswerBody(self)
        self._note = PlainLabel("", self)
        self._reading: ReadingBar | None = None  # made when there is something to tell
        self._attribution: AttributionPanel | None = None
        self._details: AnswerDetails | None = None
        self._column = QVBoxLayout(self)
        self._foot: AnswerFoot | None = None
        self._branches: Sequence[str] = ()
        self._build()
        if live:
            self._body.begin(turn.text, turn.spans)
            self._note.hide()
            # A row of eleven controls that the end will show: not in the turn of the question.
            QTimer.singleShot(FOOT_AFTER_MS, self, self._make_foot)
        else:
            self._show_whole()

    def _build(self) -> None:
        column = self._column
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self._chips)
        column.addWidget(self._body)
        self._note.setProperty("role", "warn")
        self._note.setWordWrap(True)
        column.addWidget(self._note)
        self._body.link_followed.connect(self.link_followed)

    @property
    def turn(self) -> Turn:
        return self._turn

    @property
    def text(self) -> str:
        return self._body.text

    @property
    def note(self) -> str:
        """How the answer ended, where it did not end by itself."""
        return self._note.text()

    @property
    def facts(self) -> str:
        return self._foot.facts if self._foot is not None else ""

    @property
    def reading(self) -> str:
        """How far what comes before is read, or ""."""
        return self._reading.told if self._reading is not None else ""

    @property
    def changes(self) -> tuple[StackChange, ...]:
        """The lines where another stack went on, in order."""
        return self._body.changes

    def show_read(self, done: int, whole: int) -> None:
        """How many tokens are read of those to read before the next word."""
        self._reading_bar().show_read(done, whole)

    def change_stack(self, stack: Stack) -> None:
        """Another stack goes on after the text so far."""
        self._body.change_stack(stack)
        self._reading_bar().begin_again()

    def mark(self, verdict: str) -> None:
        """What the person said of it: "good", "bad", "correct" or ""."""
        self.foot.mark(verdict)

    def append(self, text: str) -> None:
        """Adds streamed text."""
        self._end_reading()
        self._body.append(text)

    def finish(self, turn: Turn) -> None:
        """The answer ended; formats the whole and shows what it cost."""
        self._turn = turn
        self._live = False
        self._end_reading()
        self._chips.set_stack(_first_stack(turn))
        self._show_whole()

    def set_last(self, last: bool) -> None:
        """Only the last answer can be asked for once more."""
        if not self._live:
            cut = self._turn.state in ("cancelled", "length", "failed", "streaming")
            self.foot.set_last(last, cut and bool(self.text))

    def show_branches(self, turns: Sequence[str]) -> None:
        """The turns that stand in this one's place."""
        self._branches = turns
        if self._foot is not None:
            self._foot.branches.show_branches(turns, self._turn.id)

    @property
    def foot(self) -> AnswerFoot:
        """What stands under it; hidden until the answer has ended."""
        if self._foot is None:
            self._foot = self._new_foot()
        return self._foot

    def _new_foot(self) -> AnswerFoot:
        foot = AnswerFoot(self)
        foot.setVisible(not self._live)
        foot.regenerate_wanted.connect(self.regenerate_wanted)
        foot.continue_wanted.connect(self.continue_wanted)
        foot.copy_wanted.connect(self._on_copy)
        foot.attribution_wanted.connect(self._on_attribution)
        foot.details_wanted.connect(self._on_details)
        foot.branches.wanted.connect(self.branch_wanted)
        foot.judged.connect(self._on_judged)
        foot.branches.show_branches(self._branches, self._turn.id)
        self._column.insertWidget(self._column.indexOf(self._note) + 1, foot)
        return foot

    @property
    def details(self) -> AnswerDetails:
        """The panel of how it was made; made when it is first asked for."""
        if self._details is None:
            self._details = AnswerDetails()
            self._details.repeat_wanted.connect(self._on_repeat)
            self._details.stop_wanted.connect(self._on_stop)
            self._details.copy_wanted.connect(self._on_record)
            self._details.hide()
            self._column.addWidget(self._details)
            self._details.show_turn(self._turn)
        return self._details

    @property
    def attribution(self) -> AttributionPanel:
        """The panel of who did what; made when it is first asked for."""
        if self._attribution is None:
            self._attribution = AttributionPanel()
            self._attribution.stop_wanted.connect(self._on_stop)
            self._attribution.hide()
            self._column.insertWidget(self._column.indexOf(self.foot), self._attribution)
        return self._attribution

    def show_checks_ended(self) -> None:
        """Nothing is asked about this answer any more."""
        if self._attribution is not None:
            self._attribution.end()
        if self._details is not None:
            self._details.end()
        self._show_open()

    def _reading_bar(self) -> ReadingBar:
        if self._reading is None:
            self._reading = ReadingBar(self)
            self._column.insertWidget(self._column.indexOf(self._note), self._reading)
        return self._reading

    def _end_reading(self) -> None:
        if self._reading is not None:
            self._reading.end()

    def _show_open(self) -> None:
        attribution, details = self._attribution, self._details
        self.foot.show_open(
            attribution is not None and not attribution.isHidden(),
            details is not None and not details.isHidden(),
        )

    def _show_whole(self) -> None:
        self._body.show_whole(self._turn.text, self._turn.spans)
        note = self._told()
        theme.restyle(self._note, role="small" if self._turn.state == "cancelled" else "warn")
        self._note.setText(note)
        self._note.setVisible(bool(note))
        self.foot.set_facts(self._cost())
        self.foot.set_said(bool(self.text.strip()))
        self.foot.set_attributable(self._unattributable())
        self.foot.show()

    def _told(self) -> str:
        if self._turn.state == "finished":
            return "" if self.text.strip() else self.tr("The answer is empty.")
        if self._turn.state == "failed" and not self.text:
            return self.tr("This was not answered; it is left out of what is asked next.")
        told = {
            "cancelled": self.tr("Stopped."),
            "length": self.tr("Cut off at the token limit."),
            "failed": self.tr("This answer broke off; what had arrived is kept."),
            "streaming": self.tr("Expert Studio ended during this answer; this much was kept."),
        }
        return told[self._turn.state]

    def _unattributable(self) -> str:
        if self._turn.stack is None or not self._turn.stack.members:
            return self.tr("The base answered alone: there is no expert to leave out.")
        if self._turn.spans:
            return self.tr("Several stacks said this answer; attribution is of one.")
        if not self._turn.tokens:
            return self.tr("The tokens of this answer were not kept.")
        return ""

    def _cost(self) -> str:
        told: list[str] = []
        stacks = [span.stack for span in self._turn.spans] or [self._turn.stack or EMPTY]
        if self._turn.stack is not None:
            told.append(" → ".join(stack.short_hash for stack in stacks))
        if self._turn.sampling is not None and self._turn.sampling.seed is not None:
            told.append(self.tr("seed {0}").format(self._turn.sampling.seed))
        timing = self._turn.timing
        if timing is not None:
            told.append(self.tr("{0} tok").format(timing.tokens))
            if timing.decode_tok_s > 0:
                told.append(self.tr("{0:.0f} tok/s").format(timing.decode_tok_s))
            if timing.tokens:
                told.append(self.tr("first {0:.0f} ms").format(timing.ttft_ms))
        return " · ".join(told)

    @Slot()
    def _make_foot(self) -> None:
        self.foot.ensurePolished()  # its style, too, before it is shown

    @Slot()
    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self.text)

    @Slot()
    def _on_attribution(self) -> None:
        panel = self.attribution
        if panel.isHidden() and panel.found is None:
            panel.show_progress(0, 0)
            self.inquired.emit(self._turn.id, "attribute")
        panel.setVisible(panel.isHidden())
        self._show_open()

    @Slot()
    def _on_details(self) -> None:
        self.details.setVisible(self.details.isHidden())
        self._show_open()

    @Slot()
    def _on_repeat(self) -> None:
        self.inquired.emit(self._turn.id, "repeat")

    @Slot()
    def _on_stop(self) -> None:
        self.inquired.emit(self._turn.id, "stop")

    @Slot()
    def _on_record(self) -> None:
        self.inquired.emit(self._turn.id, "copy")

    @Slot(str)
    def _on_judged(self, verdict: str) -> None:
        self.judged.emit(self._turn.id, verdict)


def _first_stack(turn: Turn) -> Stack:
    return turn.spans[0].stack if turn.spans else turn.stack or EMPTY
