"""Rows made by a provider, on the command line: the estimate before, the cost after.

Ctrl-C stops in order: what was asked for is waited for and kept, and the same command goes on
from there. Knows nothing of how a provider is asked (`core.datasets.teacher`).
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import FrameType
from typing import Any

from expert_studio.commands.local_teacher import (
    LocalModelOrder,
    local_job,
    local_teacher,
    memory_need,
)
from expert_studio.commands.report import say_aside
from expert_studio.core.datasets.provider_book import load_book
from expert_studio.core.datasets.provider_reply import LocalModel
from expert_studio.core.datasets.store import DatasetStore
from expert_studio.core.datasets.teacher import generate
from expert_studio.core.datasets.teacher_budget import Cap
from expert_studio.core.datasets.teacher_job import (
    TeacherControl,
    TeacherJob,
    TeacherProgress,
    TeacherReport,
    estimate,
)
from expert_studio.core.datasets.teacher_prompts import Wish
from expert_studio.core.datasets.teacher_sink import StoreSink
from expert_studio.core.errors import UsageError
from expert_studio.core.settings import Folders

LINE_EVERY_S = 2.0


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a provider is asked for on the command line; `budget_usd` None for no limit.

    For the local base `model` names the base and `experts` its stack, as `infer` has them.
    """

    provider: str
    model: str
    wish: Wish
    count: int
    seed: int
    budget_usd: float | None
    budget_tokens: int | None
    experts: str = ""


def teach(store: DatasetStore, lesson: Lesson) -> dict[str, Any]:
    """Has rows made into a dataset; goes on where the same lesson was stopped.

    Raises:
        UsageError: there is no model to ask.
        ExpertError: the job cannot be started, or the provider ended it; what was paid for
            is kept.
    """
    job = _job(store, lesson)
    local = job.provider.dialect == "local"
    guessed = estimate(job, memory_need(_ordered(lesson)).weight_bytes if local else 0)
    cost = "at an unknown price" if guessed.usd is None else f"for about ${guessed.usd:.2f}"
    minutes = max(1, round(guessed.seconds / 60))
    say_aside(
        f"{job.count:,} rows by {job.model} of {job.provider.title}: {guessed.requests:,} "
        f"requests, about {guessed.input_tokens + guessed.output_tokens:,} tokens {cost}, "
        f"about {minutes} min."
    )
    before = store.count()
    with _local_model(job, lesson) as model:
        report = asyncio.run(_run(job, StoreSink(store), model))
    if report.failure is not None:
        say_aside(f"{report.kept:,} rows are kept, ${report.spent.usd:.4f} are spent.")
        raise report.failure
    return {
        "kept": store.count() - before,
        "repeated": 0,
        "duplicates": 0,
        "provider": job.provider.name,
        "model": job.model,
        "end": report.end,
        "of_job": report.kept,
        "lost": dict(report.lost),
        "spent_usd": round(report.spent.usd, 6),
        "spent_tokens": report.spent.tokens,
        "estimated_usd": guessed.usd,
        "requests": report.requests,
    }


def _job(store: DatasetStore, lesson: Lesson) -> TeacherJob:
    book = load_book(Folders.default().data)
    provider = book.provider(lesson.provider)
    if provider.dialect == "local":
        cap = Cap(tokens=lesson.budget_tokens)
        wish = lesson.wish.checked()
        return local_job(
            _ordered(lesson), provider, wish, lesson.count, lesson.seed, store.folder, cap
        )
    model = lesson.model or next(iter(provider.models), "")
    if not model:
        raise UsageError(f"{provider.title} has several models.", "", "Name one with --model.")
    job = TeacherJob(
        provider=provider,
        model=model,
        wish=lesson.wish.checked(),
        count=lesson.count,
        seed=lesson.seed,
        journal=store.folder,
        cap=Cap(usd=lesson.budget_usd, tokens=lesson.budget_tokens),
        price=book.price(provider, model),
    )
    return replace(job, journal=store.folder / f"teacher-{job.fingerprint}.journal")


@contextmanager
def _local_model(job: TeacherJob, lesson: Lesson) -> Iterator[LocalModel | None]:
    """The base with the lesson's experts, loaded; None where another provider is asked."""
    if job.provider.dialect != "local":
        yield None
        return
    with local_teacher(_ordered(lesson)) as model:
        yield model


def _ordered(lesson: Lesson) -> LocalModelOrder:
    return LocalModelOrder(Folders.default(), lesson.model, lesson.experts)


async def _run(job: TeacherJob, sink: StoreSink, local: LocalModel | None) -> TeacherReport:
    control = TeacherControl()
    said = [time.monotonic()]

    def told(progress: TeacherProgress) -> None:
        if time.monotonic() - said[0] < LINE_EVERY_S:
            return
        said[0] = time.monotonic()
        rest = f"; the provider asked for {progress.waiting_s:.0f} s of rest"
        say_aside(
            f"{progress.kept:,} of {progress.wanted:,} rows, {progress.lost:,} lost, "
            f"${progress.spent.usd:.4f} spent{rest if progress.waiting_s else ''}."
        )

    with _stopped_by_interrupt(control, asyncio.get_running_loop()):
        return await generate(job, sink, control, told, local=local)


@contextmanager
def _stopped_by_interrupt(
    control: TeacherControl, loop: asyncio.AbstractEventLoop
) -> Iterator[None]:
    """Ctrl-C waits for what is in flight; a second one gives it up, and counts it as paid."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        again = control.stopping
        loop.call_soon_threadsafe(lambda: control.stop(at_once=again))

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
