"""What the person says of answers: asked, kept, told, taken back.

Stands between the transcript's buttons and `runtime.feedback`.

Signals:
    dataset_chosen(str): where such words go from now on.
    told(str): a sentence for the person.
    kept(str, Kept): likewise, of what `undo` takes back.
    failed(ExpertError): it could not be kept, or not be taken back.
"""

from __future__ import annotations

from typing import cast

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QWidget

from expert_studio.core.inference.history import Turn
from expert_studio.runtime.dialogue import Dialogue
from expert_studio.runtime.feedback import Feedback, Kept, Verdict, correction_of, origin_of
from expert_studio.views.widgets.correction_dialog import CorrectionDialog, DatasetDialog
from expert_studio.views.widgets.transcript import Transcript


class AnswerFeedback(QObject):
    dataset_chosen = Signal(str)
    told = Signal(str)
    kept = Signal(str, object)
    failed = Signal(object)

    def __init__(
        self,
        feedback: Feedback,
        dialogue: Dialogue,
        transcript: Transcript,
        dataset: str,
        host: QWidget,
    ) -> None:
        super().__init__(host)
        self._feedback = feedback
        self._dialogue = dialogue
        self._transcript = transcript
        self._dataset = dataset
        self._host = host
        self._base = ""
        self._asked: tuple[str, str] | None = None  # turn and verdict that wait for a dialog
        self._said: dict[str, Kept] = {}  # by turn, of this session
        transcript.judged.connect(self._on_judged)
        feedback.kept.connect(self._on_kept)
        feedback.undone.connect(self._on_undone)
        feedback.failed.connect(self.failed)

    def set_base(self, name: str) -> None:
        """The base that answers now."""
        self._base = name

    def undo(self, kept: Kept) -> None:
        """Takes a row out of its dataset again."""
        self._feedback.undo(kept)

    def mark_all(self) -> None:
        """Shows again what was said of the answers of the open conversation."""
        for kept in self._said.values():
            self._mark(kept.turn, kept.verdict)

    @Slot(str, str)
    def _on_judged(self, turn: str, verdict: str) -> None:
        kept = self._said.get(turn)
        if kept is not None and kept.verdict == verdict and verdict != "correct":
            self._feedback.undo(kept)  # pressed once more: taken back
        elif verdict in ("good", "bad") and self._dataset:
            self._keep(turn, cast("Verdict", verdict))
        else:
            self._asked = (turn, verdict)
            self._feedback.list_datasets(self._on_datasets)

    @Slot(object)
    def _on_datasets(self, names: list[str]) -> None:
        asked = self._asked
        if asked is None:
            return
        turn, verdict = self._turn(asked[0]), asked[1]
        if verdict == "correct" and turn is not None:
            writing = CorrectionDialog(turn.text, names, self._dataset, self._host)
            writing.written.connect(self._on_written)
            writing.open()
        elif verdict != "correct":
            choosing = DatasetDialog(names, self._dataset, self._host)
            choosing.chosen.connect(self._on_chosen)
            choosing.open()

    @Slot(str)
    def _on_chosen(self, dataset: str) -> None:
        self._use(dataset)
        asked, self._asked = self._asked, None
        if asked is not None and asked[1] in ("good", "bad"):
            self._keep(asked[0], cast("Verdict", asked[1]))

    @Slot(str, bool, str)
    def _on_written(self, edited: str, pair: bool, dataset: str) -> None:
        self._use(dataset)
        asked, self._asked = self._asked, None
        if asked is not None:
            self._keep(asked[0], "correct", edited, pair)

    def _use(self, dataset: str) -> None:
        if dataset != self._dataset:
            self._dataset = dataset
            self.dataset_chosen.emit(dataset)

    def _keep(self, turn_id: str, verdict: Verdict, edited: str = "", pair: bool = False) -> None:
        turn, conversation = self._turn(turn_id), self._dialogue.conversation
        if turn is None or conversation is None:
            return
        asked = self._dialogue.asked_before(turn_id)
        correction = correction_of(verdict, asked, turn.text, edited, pair)
        origin = origin_of(turn, conversation.id, self._base)
        former = self._said.get(turn_id)
        if former is not None and former.verdict == "correct":
            former = None  # what the person wrote stays
        self._feedback.keep(self._dataset, verdict, correction, origin, former)

    def _turn(self, turn: str) -> Turn | None:
        return next((each for each in self._dialogue.turns if each.id == turn), None)

    def _mark(self, turn: str, verdict: str) -> None:
        view = self._transcript.answer(turn)
        if view is not None:
            view.mark(verdict)

    @Slot(object)
    def _on_kept(self, kept: Kept) -> None:
        self._said[kept.turn] = kept
        self._mark(kept.turn, kept.verdict)
        if kept.repeated:
            self.told.emit(self.tr("This row is in “{0}” already.").format(kept.dataset))
            return
        told = {
            "good": self.tr("Kept in “{0}” as a good answer."),
            "bad": self.tr("Kept in “{0}” as a bad answer, to be corrected."),
            "correct": self.tr("Your answer is kept in “{0}”."),
        }[kept.verdict].format(kept.dataset)
        self.kept.emit(f"{told} {kept.reason}".strip(), kept)

    @Slot(object)
    def _on_undone(self, kept: Kept) -> None:
        if self._said.get(kept.turn) == kept:
            del self._said[kept.turn]
            self._mark(kept.turn, "")
