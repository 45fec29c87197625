"""From a reply to kept rows: on disk first, then read, then into the sink, slot by slot.

Lives on the job's one worker thread. Knows nothing of what is asked next.
"""

from __future__ import annotations

from expert_studio.core.datasets.row_provenance import Provenance
from expert_studio.core.datasets.teacher_job import TeacherJob
from expert_studio.core.datasets.teacher_journal import Answered, TeacherJournal
from expert_studio.core.datasets.teacher_prompts import Request
from expert_studio.core.datasets.teacher_rows import rows_of
from expert_studio.core.datasets.teacher_sink import RowSink

SAID_BEFORE = "It says the same as another row."


class Intake:
    """Makes rows of replies.

    Every call may raise:
        StorageError: journal or sink refuse; the reply, once on disk, is used later.
    """

    def __init__(self, job: TeacherJob, sink: RowSink, journal: TeacherJournal) -> None:
        self._job = job
        self._sink = sink
        self._journal = journal

    def take(self, attempt: int, answered: Answered) -> int:
        """Puts a reply on disk, then makes rows of it; returns how many were kept."""
        self._journal.answer(attempt, answered)
        return self.keep(answered)

    def keep(self, answered: Answered) -> int:
        """Makes rows of a reply that is on disk; slots that are done stay as they are."""
        job = self._job
        request = job.request(answered.first, answered.rows)
        source = f"{job.provider.name}/{job.model}"
        done = self._journal.done_slots
        in_sink = self._sink.done_slots()
        kept = 0
        for one in rows_of(answered.reply, request, job.wish, source, job.fingerprint):
            if one.slot in done:
                continue
            reason = one.reason
            if one.item is not None and one.slot not in in_sink:
                origin = self._origin(answered, request, one.slot)
                if not self._sink.append(one.slot, one.item, origin):
                    reason = SAID_BEFORE
            if reason:
                self._sink.reject(one.slot, reason, one.raw)
            else:
                kept += 1
            self._journal.settled(one.slot, reason, one.raw if reason else "")
        self._journal.drop_if_done(answered.first)
        return kept

    def lose(self, request: Request, reason: str) -> None:
        """Gives up the slots of a request."""
        for slot in range(request.first, request.first + request.rows):
            self._sink.reject(slot, reason, "")
            self._journal.settled(slot, reason)

    def _origin(self, answered: Answered, request: Request, slot: int) -> Provenance:
        share = 1 / answered.rows
        return Provenance(
            provider=self._job.provider.name,
            model=self._job.model,
            prompt_hash=request.hash,
            seconds=round(answered.seconds * share, 3),
            cost_usd=answered.cost.usd * share,
            at=answered.at,
            more={
                "job": self._job.fingerprint,
                "slot": slot,
                "request": answered.request,
                "seed": self._job.seed,
                "input_tokens": round(answered.cost.input_tokens * share),
                "output_tokens": round(answered.cost.output_tokens * share),
            },
        )
