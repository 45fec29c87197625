"""What a job of making rows is, how it is steered, what it reports, what it will cost."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Literal

from expert_studio.core.datasets.provider_book import Provider
from expert_studio.core.datasets.provider_prices import Price
from expert_studio.core.datasets.provider_reply import Question
from expert_studio.core.datasets.provider_transport import Limits
from expert_studio.core.datasets.teacher_budget import NOTHING, Cap, Cost
from expert_studio.core.datasets.teacher_prompts import (
    VERSION,
    Request,
    Wish,
    request_of,
    row_schema,
)
from expert_studio.core.errors import DatasetError, ExpertError

End = Literal["done", "spent", "stopped", "exhausted", "failed"]
"""All rows made; the cap reached; stopped by the person; too many bad rows; an error."""

MOST_ROWS, MOST_BATCH, MOST_CONCURRENCY = 1_000_000, 50, 64
_ROW_TOKENS = {"instruction": 220, "preference_pairs": 330, "distillation": 380}  # a guess
_TOKENS_A_SECOND, _LATENCY_S, _CHARACTERS_A_TOKEN = 60.0, 1.5, 3.5
# The base of this machine reads its weights for every token it writes, and writes one answer at
# a time; from `expert-cli bench`: 0.4 GB at 17 tokens a second on two cores, prompts 12 times that.
_LOCAL_BYTES_A_SECOND, _LOCAL_MOST_TOKENS_A_SECOND, _LOCAL_PREFILL = 7e9, 120.0, 12.0


@dataclass(frozen=True, slots=True)
class Insistence:
    """How often and how long a failed request is tried again.

    Attributes:
        attempts: of one request in all.
        base_s, most_s: the wait grows from one to the other, doubling; half of it is chance.
        most_retry_after_s: a provider that asks for a longer wait gets this one.
        bad_replies: so many replies in a row without one usable row end the job.
    """

    attempts: int = 6
    base_s: float = 1.0
    most_s: float = 60.0
    most_retry_after_s: float = 120.0
    bad_replies: int = 8

    def wait_s(self, attempt: int, asked_s: float | None, chance: Random) -> float:
        """Seconds to wait after an attempt, counted from 0."""
        own = min(self.most_s, self.base_s * 2.0 ** min(attempt, 30))
        own = own / 2 + chance.random() * own / 2
        return own if asked_s is None else max(own, min(asked_s, self.most_retry_after_s))


@dataclass(frozen=True, slots=True)
class TeacherJob:
    """Rows to be made by a provider.

    Attributes:
        count: rows wanted; good ones, so that more slots than that may be asked for.
        journal: the file that makes the job resumable; one a job.
        batch: rows of one request.
        concurrency: requests in flight at once.
        row_tokens: limit of one row; a request may have `batch` times that.
        spare: share of slots that may be lost before the job gives up.
    """

    provider: Provider
    model: str
    wish: Wish
    count: int
    seed: int
    journal: Path
    cap: Cap = Cap()  # noqa: RUF009 - a frozen value
    price: Price | None = None
    batch: int = 5
    concurrency: int = 4
    row_tokens: int = 1000
    temperature: float | None = None
    spare: float = 0.5
    limits: Limits = Limits()  # noqa: RUF009
    insistence: Insistence = Insistence()

    @property
    def fingerprint(self) -> str:
        """What must be the same for a journal to be gone on with, as a hash."""
        said = [
            VERSION, self.provider.name, self.model, self.wish.domain, self.wish.format,
            sorted(self.wish.tasks.items()), sorted(self.wish.difficulty.items()),
            self.wish.more, self.seed, self.temperature,
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]

    @property
    def most_slots(self) -> int:
        return self.count + int(self.count * self.spare) + self.batch

    def checked(self) -> TeacherJob:
        """Itself.

        Raises:
            DatasetError: it asks for something impossible.
        """
        self.wish.checked()
        bounds = (
            ("number of rows", self.count, MOST_ROWS),
            ("number of rows a request", self.batch, MOST_BATCH),
            ("number of requests at once", self.concurrency, MOST_CONCURRENCY),
            ("limit of tokens a row", self.row_tokens, 100_000),
            ("number of attempts", self.insistence.attempts, 1000),
        )
        for name, value, most in bounds:
            if not 1 <= value <= most:
                raise DatasetError(
                    "The rows cannot be made.",
                    f"The {name} is {value}.",
                    f"Give one of 1 to {most:,}.",
                )
        if not self.model.strip() and self.provider.dialect != "local":
            raise DatasetError(
                "The rows cannot be made.", "No model is named.", "Name one of the provider's."
            )
        return self

    def request(self, first: int, rows: int) -> Request:
        return request_of(self.wish, self.seed, first, rows)

    def question(self, request: Request) -> Question:
        """The request as a provider is sent it."""
        return Question(
            model=self.model,
            system=request.system,
            prompt=request.prompt,
            most_tokens=self.row_tokens * request.rows,
            temperature=self.temperature,
            seed=self.seed * 1_000_003 + request.first,
            thinks=self.wish.format == "distillation",
            schema=row_schema(self.wish) if request.rows == 1 else "",
        )


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a job will take, guessed before it starts.

    Attributes:
        usd: None where the price is unknown.
    """

    requests: int
    input_tokens: int
    output_tokens: int
    usd: float | None
    seconds: float


def estimate(job: TeacherJob, local_bytes: int = 0) -> Estimate:
    """Guesses cost and time from the job's own prompts; replies are taken to be usual ones.

    `local_bytes` are the weights of this machine's base and experts, where those are asked.

    Raises:
        DatasetError: the job asks for something impossible.
    """
    job.checked()
    requests = -(-job.count // job.batch)
    sample = [job.request(n * job.batch, job.batch) for n in range(min(requests, 20))]
    said = sum(len(one.system) + len(one.prompt) for one in sample) / len(sample)
    given = int(requests * said / _CHARACTERS_A_TOKEN)
    row = min(_ROW_TOKENS[job.wish.format], job.row_tokens)
    made = job.count * row
    rounds = -(-requests // job.concurrency)
    seconds = rounds * (_LATENCY_S + job.batch * row / _TOKENS_A_SECOND)
    if local_bytes:
        rate = min(_LOCAL_MOST_TOKENS_A_SECOND, _LOCAL_BYTES_A_SECOND / local_bytes)
        seconds = (made + given / _LOCAL_PREFILL) / rate
    usd = job.price.of(given, made) if job.price else None
    return Estimate(requests, given, made, usd, seconds)


@dataclass(frozen=True, slots=True)
class TeacherProgress:
    """Where a job stands. Counts are of the whole job, earlier runs included.

    Attributes:
        in_flight: requests sent and not answered.
        rate: rows a second of this run; 0 at its start.
        left_s: seconds left at that rate; None where it is unknown.
        waiting_s: how long the provider is being left alone; 0 where it is not.
    """

    wanted: int
    kept: int
    lost: int
    in_flight: int
    spent: Cost
    rate: float
    left_s: float | None
    waiting_s: float
    paused: bool


@dataclass(frozen=True, slots=True)
class TeacherReport:
    """How a job ended. Counts are of the whole job, earlier runs included.

    Attributes:
        lost: rows that became none, by reason.
        spent: paid by the whole job; lost requests in full.
        seconds: of this run.
        failure: the error that ended it, where `end` is "failed".
    """

    end: End
    kept: int
    lost: dict[str, int]
    spent: Cost = NOTHING
    requests: int = 0
    seconds: float = 0.0
    failure: ExpertError | None = None


OnProgress = Callable[[TeacherProgress], None]


@dataclass(slots=True)
class TeacherControl:
    """Pause, go on, stop: called on the thread of the event loop.

    `wakers` and `flights` belong to the run that is under way.
    """

    paused: bool = False
    stopping: bool = False
    wakers: list[Callable[[], None]] = field(default_factory=list)
    flights: set[asyncio.Task[None]] = field(default_factory=set)

    def pause(self) -> None:
        """Sends nothing new; what is in flight is waited for."""
        self.paused = True
        self._wake()

    def resume(self) -> None:
        self.paused = False
        self._wake()

    def stop(self, at_once: bool = False) -> None:
        """Ends the job: what is in flight is waited for, or given up and counted as paid."""
        self.stopping = True
        if at_once:
            for flight in self.flights:
                flight.cancel()
        self._wake()

    def _wake(self) -> None:
        for wake in self.wakers:
            wake()
