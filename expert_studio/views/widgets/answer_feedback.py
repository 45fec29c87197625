"""What the person says of answers: asked, kept, told, taken back.

Stands between the transcript's buttons and `runtime.feedback`.

Signals:
    dataset_chosen(str): where such words go from now on.
    told(str): a sentence for the person.
    kept(str, Kept): likewise, of what `undo` takes back.
    undoable(str, object): likewise, of a vote, with a function that takes it back.
    failed(ExpertError): it could not be kept, or not be taken back.
"""

from __future__ import annotations

from functools import partial
from typing import cast

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QWidget

from expert_studio.core.datasets.corrections import AnswerOrigin, Correction, Vote
from expert_studio.core.datasets.document_prompt import DocumentLabel, read_label
from expert_studio.core.errors import ExpertError
from expert_studio.core.inference.conversation import Answer, Message
from expert_studio.core.inference.turns import Turn
from expert_studio.runtime.dialogue import Dialogue
from expert_studio.runtime.feedback import (
    Feedback,
    Kept,
    Verdict,
    asked_document,
    correction_of,
    origin_of,
    relabelled,
    vote_of,
    vote_origin,
)
from expert_studio.views.widgets.transcript import Transcript


class AnswerFeedback(QObject):
    dataset_chosen = Signal(str)
    told = Signal(str)
    kept = Signal(str, object)
    undoable = Signal(str, object)
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
        self._votes: list[tuple[Vote, AnswerOrigin]] = []  # that wait for a dataset or its lane
        self._voted: list[Kept] = []
        self._said: dict[str, Kept] = {}  # by turn, of this session
        transcript.judged.connect(self._on_judged)
        transcript.built.connect(self._on_built)
        feedback.kept.connect(self._on_kept)
        feedback.undone.connect(self._on_undone)
        feedback.failed.connect(self._on_failed)

    def set_base(self, name: str) -> None:
        """The base that answers now."""
        self._base = name

    def undo(self, kept: Kept) -> None:
        """Takes a row out of its dataset again."""
        self._feedback.undo(kept)

    @Slot(object, object, object)
    def vote(self, asked: tuple[Message, ...], best: Answer, others: tuple[Answer, ...]) -> None:
        """Keeps that one answer was preferred to others, where all such words go to."""
        if self._votes:
            return  # one vote after another
        self._voted = []
        self._votes = [
            (vote_of(asked, best, other), vote_origin(best, other, self._base)) for other in others
        ]
        if self._dataset:
            self._keep_votes()
        else:
            self._asked = ("", "vote")
            self._feedback.list_datasets(self._on_datasets)

    def _keep_votes(self) -> None:
        for correction, origin in self._votes:
            self._feedback.keep(self._dataset, "vote", correction, origin)

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
            label = read_label(turn.text)
            if label is None:
                self._ask_text(turn, names)
            else:
                self._ask_label(turn, label, names)
        elif verdict != "correct":
            from expert_studio.views.widgets.correction_dialog import DatasetDialog

            choosing = DatasetDialog(names, self._dataset, self._host)
            choosing.chosen.connect(self._on_chosen)
            choosing.rejected.connect(self._on_no_dataset)
            choosing.open()

    def _ask_text(self, turn: Turn, names: list[str]) -> None:
        from expert_studio.views.widgets.correction_dialog import CorrectionDialog

        writing = CorrectionDialog(turn.text, names, self._dataset, self._host)
        writing.written.connect(self._on_written)
        writing.open()

    def _ask_label(self, turn: Turn, given: DocumentLabel, names: list[str]) -> None:
        from expert_studio.views.widgets.label_dialog import LabelDialog

        name, _ = asked_document(self._dialogue.asked_before(turn.id))
        labelling = LabelDialog(name, given, names, self._dataset, self._host)
        labelling.labelled.connect(self._on_labelled)
        labelling.text_wanted.connect(partial(self._ask_text, turn, names))
        labelling.open()

    @Slot(str)
    def _on_chosen(self, dataset: str) -> None:
        self._use(dataset)
        asked, self._asked = self._asked, None
        if asked is not None and asked[1] == "vote":
            self._keep_votes()
        elif asked is not None and asked[1] in ("good", "bad"):
            self._keep(asked[0], cast("Verdict", asked[1]))

    @Slot()
    def _on_no_dataset(self) -> None:
        self._votes = []

    @Slot(str, bool, str)
    def _on_written(self, edited: str, pair: bool, dataset: str) -> None:
        self._use(dataset)
        asked, self._asked = self._asked, None
        if asked is not None:
            self._keep(asked[0], "correct", edited, pair)

    @Slot(object, str)
    def _on_labelled(self, label: DocumentLabel, dataset: str) -> None:
        self._use(dataset)
        asked, self._asked = self._asked, None
        turn = None if asked is None else self._turn(asked[0])
        given = None if turn is None else read_label(turn.text)
        if turn is not None and given is not None:
            before = self._dialogue.asked_before(turn.id)
            self._keep_said(turn, "correct", relabelled(before, given, label))

    def _use(self, dataset: str) -> None:
        if dataset != self._dataset:
            self._dataset = dataset
            self.dataset_chosen.emit(dataset)

    def _keep(self, turn_id: str, verdict: Verdict, edited: str = "", pair: bool = False) -> None:
        turn = self._turn(turn_id)
        if turn is not None:
            asked = self._dialogue.asked_before(turn_id)
            self._keep_said(turn, verdict, correction_of(verdict, asked, turn.text, edited, pair))

    def _keep_said(self, turn: Turn, verdict: Verdict, correction: Correction) -> None:
        conversation = self._dialogue.conversation
        if conversation is None:
            return
        origin = origin_of(turn, conversation.id, self._base)
        former = self._said.get(turn.id)
        if former is not None and former.verdict == "correct":
            former = None  # what the person wrote stays
        self._feedback.keep(self._dataset, verdict, correction, origin, former)

    def _turn(self, turn: str) -> Turn | None:
        return next((each for each in self._dialogue.turns if each.id == turn), None)

    def _mark(self, turn: str, verdict: str) -> None:
        view = self._transcript.answer(turn)
        if view is not None:
            view.mark(verdict)

    @Slot(str)
    def _on_built(self, turn: str) -> None:
        """Shows again what was said of this answer."""
        if (kept := self._said.get(turn)) is not None:
            self._mark(turn, kept.verdict)

    @Slot(object)
    def _on_kept(self, kept: Kept) -> None:
        if kept.verdict == "vote":
            self._on_vote_kept(kept)
            return
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

    def _on_vote_kept(self, kept: Kept) -> None:
        self._voted.append(kept)
        if len(self._voted) < len(self._votes):
            return
        voted, self._votes, self._voted = tuple(self._voted), [], []
        told = self.tr("Kept in “{0}”: {1} pairs that prefer this answer.")
        if len(voted) == 1:
            told = self.tr("Kept in “{0}”: a pair that prefers this answer.")

        def undo() -> None:
            for each in voted:
                self._feedback.undo(each)

        self.undoable.emit(told.format(kept.dataset, len(voted)), undo)

    @Slot(object)
    def _on_failed(self, error: ExpertError) -> None:
        self._votes = []
        self.failed.emit(error)

    @Slot(object)
    def _on_undone(self, kept: Kept) -> None:
        if self._said.get(kept.turn) == kept:
            del self._said[kept.turn]
            self._mark(kept.turn, "")
