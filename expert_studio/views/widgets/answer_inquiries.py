"""What the person asks about answers: passed on, shown where it belongs, copied.

Stands between the transcript and `runtime.answer_checks`.

Signals:
    told(str): a sentence for the person.
    failed(ExpertError): it could not be asked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from expert_studio.core.inference.answer_record import record_of
from expert_studio.core.inference.conversation import Attribution
from expert_studio.core.inference.turns import Turn
from expert_studio.runtime.answer_checks import AnswerChecks, Repetition
from expert_studio.runtime.dialogue import Dialogue
from expert_studio.views.widgets.transcript import Transcript


class AnswerInquiries(QObject):
    told = Signal(str)
    failed = Signal(object)

    def __init__(
        self, checks: AnswerChecks, dialogue: Dialogue, transcript: Transcript, host: QWidget
    ) -> None:
        super().__init__(host)
        self._checks = checks
        self._dialogue = dialogue
        self._transcript = transcript
        self._tiers: Mapping[str, str] = {}
        transcript.inquired.connect(self._on_inquired)
        checks.repeated.connect(self._on_repeated)
        checks.began.connect(self._on_began)
        checks.progressed.connect(self._on_progressed)
        checks.attributed.connect(self._on_attributed)
        checks.ended.connect(self._on_ended)
        checks.failed.connect(self.failed)

    def set_tiers(self, tiers: Mapping[str, str]) -> None:
        """Each installed expert's tier, for its colour."""
        self._tiers = tiers

    def stop(self) -> None:
        """All that is being asked about answers."""
        self._checks.stop()

    @Slot(str, str)
    def _on_inquired(self, turn_id: str, what: str) -> None:
        turn = self._turn(turn_id)
        if turn is None:
            return
        if what == "stop":
            self._checks.stop(turn_id)
            return
        asked = self._dialogue.asked_before(turn_id)
        if what == "copy":
            record = record_of(turn, asked)
            QGuiApplication.clipboard().setText(json.dumps(record, indent=2, ensure_ascii=False))
            self.told.emit(self.tr("The record of this answer was copied."))
        elif what == "repeat":
            self._checks.repeat(turn, asked)
        elif what == "attribute":
            self._checks.attribute(turn, asked)

    def _turn(self, turn: str) -> Turn | None:
        return next((each for each in self._dialogue.turns if each.id == turn), None)

    @Slot(str, str)
    def _on_began(self, turn: str, what: str) -> None:
        view = self._transcript.answer(turn)
        if view is not None and what == "repeat":
            view.details.show_running()

    @Slot(str, int, int)
    def _on_progressed(self, turn: str, done: int, whole: int) -> None:
        view = self._transcript.answer(turn)
        if view is not None:
            view.attribution.show_progress(done, whole)

    @Slot(str, object)
    def _on_repeated(self, turn: str, found: Repetition) -> None:
        view = self._transcript.answer(turn)
        if view is not None:
            view.details.show_repetition(found)

    @Slot(str, object)
    def _on_attributed(self, turn: str, found: Attribution) -> None:
        view = self._transcript.answer(turn)
        if view is not None:
            tiers = dict(self._tiers)
            if view.turn.stack is not None:
                tiers |= {member.name: member.tier for member in view.turn.stack.members}
            view.attribution.show_attribution(found, tiers)

    @Slot(str)
    def _on_ended(self, turn: str) -> None:
        view = self._transcript.answer(turn)
        if view is not None:
            view.show_checks_ended()
