"""Has a provider make rows: bounded, capped, resumable, each row kept as soon as it is there.

The one front of everything named teacher and provider. Runs on the caller's event loop;
what touches disk or takes time to parse happens on one worker thread, in order. Knows
nothing of windows, and of the store only what `teacher_sink` asks.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from random import Random
from typing import TypeVar

from expert_studio.core.datasets.provider_address import Resolve, parse_address, resolve_name
from expert_studio.core.datasets.provider_client import open_teacher
from expert_studio.core.datasets.provider_failure import ProviderError
from expert_studio.core.datasets.provider_keys import KeyStore
from expert_studio.core.datasets.provider_reply import LocalModel, Teacher
from expert_studio.core.datasets.teacher_budget import NOTHING, Budget, Cost
from expert_studio.core.datasets.teacher_intake import Intake
from expert_studio.core.datasets.teacher_job import (
    End,
    OnProgress,
    TeacherControl,
    TeacherJob,
    TeacherProgress,
    TeacherReport,
)
from expert_studio.core.datasets.teacher_journal import Answered, TeacherJournal
from expert_studio.core.datasets.teacher_prompts import Request
from expert_studio.core.datasets.teacher_sink import RowSink
from expert_studio.core.errors import DatasetError, ExpertError

_Result = TypeVar("_Result")


async def generate(
    job: TeacherJob,
    sink: RowSink,
    control: TeacherControl | None = None,
    on_progress: OnProgress | None = None,
    *,
    keys: KeyStore | None = None,
    local: LocalModel | None = None,
    resolve: Resolve = resolve_name,
) -> TeacherReport:
    """Makes rows until there are enough, or something ends it; goes on where a journal ends.

    Args:
        on_progress: called on the event loop after everything that changes a count.
        keys: where the provider's key is found.
        local: the model to ask where the provider is the local base.

    Returns:
        How it ended. An error of provider or disk is in it (`failure`); nothing that was
        paid for is lost, and the same job goes on from there.

    Raises:
        DatasetError: the job is impossible, its budget cannot be held, or its journal is
            another job's or in use.
    """
    job.checked()
    lane = ThreadPoolExecutor(max_workers=1, thread_name_prefix="teacher")
    try:
        opening = asyncio.get_running_loop().run_in_executor(
            lane, TeacherJournal, job.journal, job.fingerprint
        )
        journal = await opening
        try:
            run = _Run(job, sink, control or TeacherControl(), on_progress, journal, lane)
            return await run.go(keys or KeyStore(), local, resolve)
        finally:
            lane.submit(journal.close).result()  # after whatever the lane still does
    finally:
        lane.shutdown(wait=True)


class _Run:
    """One run of a job: what is to be asked, what is in flight, how it ends."""

    def __init__(
        self,
        job: TeacherJob,
        sink: RowSink,
        control: TeacherControl,
        on_progress: OnProgress | None,
        journal: TeacherJournal,
        lane: ThreadPoolExecutor,
    ) -> None:
        self._job = job
        self._intake = Intake(job, sink, journal)
        self._control = control
        self._on_progress = on_progress
        self._journal = journal
        self._lane = lane
        self._budget = Budget(job.cap, job.price)
        self._budget.spent = journal.spent
        self._chance = Random()  # when to try again needs no seed
        self._changed = asyncio.Event()
        self._again: list[tuple[int, int]] = []  # first slot and rows of lost requests
        self._next_slot = 0
        self._rows_in_flight = 0
        self._in_flight = 0
        self._requests = 0
        self._bad_in_a_row = 0
        self._not_before = 0.0
        self._end: End | None = None
        self._failure: ExpertError | None = None
        self._started = time.monotonic()
        self._kept_before = 0
        self._kept = 0  # rows of replies that were dealt with; of others rows are in flight

    async def go(self, keys: KeyStore, local: LocalModel | None, resolve: Resolve) -> TeacherReport:
        self._control.wakers.append(self._wake)
        try:
            await self._replay()
            self._kept = self._kept_before = self._journal.kept_rows
            if self._wanted() > 0 and not self._control.stopping:
                teacher = await self._in_lane(lambda: self._teacher(keys, local, resolve))
                try:
                    await self._work(teacher)
                finally:
                    await teacher.close()
        except ExpertError as cause:
            self._finish("failed", cause)
        finally:
            self._control.wakers.remove(self._wake)
        self._finish("stopped" if self._control.stopping else "done")
        self._tell()
        return self._report()

    # --- before the first request ------------------------------------------------------

    def _teacher(self, keys: KeyStore, local: LocalModel | None, resolve: Resolve) -> Teacher:
        provider = self._job.provider
        if provider.dialect == "local":
            return open_teacher(provider, None, None, self._job.limits, local)
        found = keys.find(provider.name, provider.key_variable)
        return open_teacher(
            provider,
            parse_address(provider.address),
            found.secret if found else None,
            self._job.limits,
            resolve=resolve,
        )

    async def _replay(self) -> None:
        """Makes rows of replies whose rows a kill kept from the sink; plans what was lost."""
        done = self._journal.done_slots
        for first, rows in sorted(self._journal.asked.items()):
            self._next_slot = max(self._next_slot, first + rows)
            if all(slot in done for slot in range(first, first + rows)):
                continue
            answered = self._journal.answered.get(first)
            if answered is None:
                self._again.append((first, rows))
            else:
                await self._in_lane(partial(self._intake.keep, answered))

    # --- the workers -------------------------------------------------------------------

    async def _work(self, teacher: Teacher) -> None:
        try:
            async with asyncio.TaskGroup() as flights:
                for _ in range(self._job.concurrency):
                    flight = flights.create_task(self._worker(teacher))
                    self._control.flights.add(flight)
        except* ExpertError as causes:
            first = causes.exceptions[0]
            while isinstance(first, BaseExceptionGroup):
                first = first.exceptions[0]
            assert isinstance(first, ExpertError)
            self._finish("failed", first)
        finally:
            self._control.flights.clear()
            # a worker that was cancelled may have left work in the lane
            await self._in_lane(lambda: None)

    async def _worker(self, teacher: Teacher) -> None:
        while (taken := await self._next()) is not None:
            request, worst = taken
            try:
                await self._serve(teacher, request, worst)
            finally:
                self._in_flight -= 1
                self._rows_in_flight -= request.rows
                self._wake()

    async def _next(self) -> tuple[Request, Cost] | None:
        """The next request and what is set aside for it; None when there is none any more."""
        while True:
            self._changed.clear()
            if self._control.stopping:
                self._finish("stopped")
            if self._end is not None:
                return None
            if not self._control.paused:
                taken = self._take()
                if taken is not None:
                    return taken
                if self._in_flight == 0:
                    continue  # `_take` has said how it ends
            await self._changed.wait()

    def _take(self) -> tuple[Request, Cost] | None:
        wanted = self._wanted() - self._rows_in_flight
        if wanted <= 0:
            self._finish_if_idle("done")
            return None
        if self._again:
            first, rows = self._again[-1]
        else:
            first = self._next_slot
            rows = min(self._job.batch, wanted, self._job.most_slots - first)
        if rows <= 0:
            self._finish_if_idle("exhausted")
            return None
        request = self._job.request(first, rows)
        worst = self._budget.worst(self._job.question(request))
        if not self._budget.set_aside(worst):
            self._finish_if_idle("spent")
            return None
        if self._again:
            self._again.pop()
        else:
            self._next_slot = first + rows
        self._in_flight += 1
        self._rows_in_flight += rows
        return request, worst

    async def _serve(self, teacher: Teacher, request: Request, worst: Cost) -> None:
        """Asks until there is a reply, it is given up, or the job ends."""
        question = self._job.question(request)
        identity = request.identity(self._job.provider.name, self._job.model, self._job.seed)
        for attempt in range(self._job.insistence.attempts):
            if not await self._cleared():
                self._budget.settle(worst, NOTHING)
                return
            number = await self._in_lane(
                lambda: self._journal.sent(request.first, request.rows, identity, worst)
            )
            self._requests += 1
            self._tell()
            asked_at = time.monotonic()
            try:
                reply = await teacher.ask(question)
            except ProviderError as failure:
                if await self._missed(request, number, worst, failure, attempt):
                    continue
                return
            cost = self._budget.actual(question, reply)
            seconds = time.monotonic() - asked_at
            answered = Answered(
                request.first, request.rows, identity, reply, cost, seconds, time.time()
            )
            made = await self._in_lane(partial(self._intake.take, number, answered))
            self._budget.settle(worst, cost)
            self._kept += made
            self._judge(made)
            return

    async def _missed(
        self, request: Request, number: int, worst: Cost, failure: ProviderError, attempt: int
    ) -> bool:
        """Settles an attempt without a reply; whether the request shall be tried again."""
        spent = worst if failure.paid else NOTHING
        reason = failure.why or failure.what
        await self._in_lane(lambda: self._journal.failed(number, spent, reason))
        self._budget.settle(worst, spent)
        if failure.scope == "row":
            await self._in_lane(partial(self._intake.lose, request, reason))
            self._judge(0, reason)
            return False
        if failure.scope == "job" or attempt + 1 == self._job.insistence.attempts:
            self._finish("failed", failure)
            return False
        wait_s = self._job.insistence.wait_s(attempt, failure.retry_after_s, self._chance)
        if failure.retry_after_s is not None:  # it goes for every request
            self._not_before = max(self._not_before, time.monotonic() + wait_s)
        else:
            await self._rest(wait_s)
        if self._budget.set_aside(worst):
            return True
        self._again.append((request.first, request.rows))
        return False

    async def _cleared(self) -> bool:
        """Waits until a request may be sent; False where the job ends before that."""
        while True:
            if self._control.stopping or self._end is not None:
                return False
            left_s = self._not_before - time.monotonic()
            if self._control.paused:
                self._changed.clear()
                await self._changed.wait()
            elif left_s > 0:
                self._tell()
                await self._rest(left_s)
            else:
                return True

    async def _rest(self, seconds: float) -> None:
        """Sleeps, but not through a stop."""
        until = time.monotonic() + seconds
        while (left_s := until - time.monotonic()) > 0:
            if self._control.stopping or self._end is not None:
                return
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), left_s)
            except TimeoutError:
                return

    async def _in_lane(self, work: Callable[[], _Result]) -> _Result:
        """Runs on the worker thread; a cancelled wait does not undo what was begun."""
        return await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._lane, work))

    # --- how it stands and ends --------------------------------------------------------

    def _wanted(self) -> int:
        return self._job.count - self._kept

    def _judge(self, kept: int, reason: str = "") -> None:
        self._bad_in_a_row = 0 if kept else self._bad_in_a_row + 1
        if self._bad_in_a_row >= self._job.insistence.bad_replies:
            reasons = self._journal.reasons
            usual = reason or max(reasons, key=reasons.__getitem__, default="")
            self._finish(
                "failed",
                DatasetError(
                    f"{self._job.provider.title} gives no usable rows.",
                    f"{self._bad_in_a_row} replies in a row had none. {usual}",
                    "Choose another model, or fewer rows a request.",
                ),
            )
        self._tell()

    def _finish_if_idle(self, end: End) -> None:
        if self._in_flight == 0:
            self._finish(end)

    def _finish(self, end: End, failure: ExpertError | None = None) -> None:
        if self._end is None:
            self._end, self._failure = end, failure
            self._wake()

    def _wake(self) -> None:
        self._changed.set()

    def _tell(self) -> None:
        if self._on_progress is None:
            return
        kept, now = self._journal.kept_rows, time.monotonic()
        rate = (kept - self._kept_before) / max(now - self._started, 1e-3)
        self._on_progress(
            TeacherProgress(
                wanted=self._job.count,
                kept=kept,
                lost=len(self._journal.done_slots) - kept,
                in_flight=self._in_flight,
                spent=self._budget.spent,
                rate=rate,
                left_s=max(0, self._job.count - kept) / rate if rate > 0 else None,
                waiting_s=max(0.0, self._not_before - now),
                paused=self._control.paused,
            )
        )

    def _report(self) -> TeacherReport:
        return TeacherReport(
            end=self._end or "done",
            kept=self._journal.kept_rows,
            lost=dict(self._journal.reasons),
            spent=self._journal.spent,
            requests=self._requests,
            seconds=time.monotonic() - self._started,
            failure=self._failure,
        )
