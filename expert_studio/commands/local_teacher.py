"""The local base with a stack as a teacher: what `core.datasets.teacher` asks, the engine answers.

One row a request is the way to ask it: the engine then holds its answer to the row's JSON
schema, so that even a small base writes rows that can be read. Knows nothing of where rows go.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from expert_studio.core.datasets.provider_book import Provider
from expert_studio.core.datasets.provider_prices import FREE
from expert_studio.core.datasets.provider_reply import Question, Reply
from expert_studio.core.datasets.teacher_budget import Cap
from expert_studio.core.datasets.teacher_job import TeacherJob
from expert_studio.core.datasets.teacher_prompts import Wish
from expert_studio.core.errors import OutOfMemoryError
from expert_studio.core.experts.library import Library
from expert_studio.core.inference.call_arguments import base_request
from expert_studio.core.inference.constraint import Constraint
from expert_studio.core.inference.conversation import (
    BaseRequest,
    ChatEngine,
    Message,
    Sampling,
)
from expert_studio.core.inference.stack import EMPTY, Stack
from expert_studio.core.settings import Folders

ROW_TOKENS = 500
CONTEXT_TOKENS = 4096  # for one question and one row; keys and values then take little
PROCESS_BYTES = 420 << 20  # Python and torch themselves, measured
_CUT = ("length", "cancelled")


@dataclass(frozen=True, slots=True)
class LocalModelOrder:
    """Which base answers, with which experts.

    Attributes:
        base: as `--base` names it; "" as in the settings of `folders`.
        experts: as `--experts` names them; "" for none.
    """

    folders: Folders
    base: str = ""
    experts: str = ""


@dataclass(frozen=True, slots=True)
class MemoryNeed:
    """What a base of its own takes beside the chat's, and what is free where it would lie."""

    bytes: int
    weight_bytes: int  # of these, what is read for every token: base and experts
    free_bytes: int

    @property
    def fits(self) -> bool:
        return self.bytes <= self.free_bytes


def local_job(
    order: LocalModelOrder,
    provider: Provider,
    wish: Wish,
    count: int,
    seed: int,
    folder: Path,
    cap: Cap | None = None,
) -> TeacherJob:
    """Rows by the local base, one a request; its journal lies in `folder`.

    Raises:
        UsageError, SettingsError: see `base_request`.
    """
    name = base_request(order.base or None, None, None, order.folders).folder.name
    job = TeacherJob(
        provider=provider,
        model="+".join(part for part in (name, order.experts) if part),
        wish=wish,
        count=count,
        seed=seed,
        journal=folder,
        cap=cap or Cap(),
        price=FREE,
        batch=1,
        concurrency=1,
        row_tokens=ROW_TOKENS,
    )
    return replace(job, journal=folder / f"teacher-{job.fingerprint}.journal")


def _request(order: LocalModelOrder) -> BaseRequest:
    """The base as the settings hold it, with as much context as rows need."""
    from expert_studio.core.inference.decoder_shape import read_shape

    asked = base_request(order.base or None, None, None, order.folders)
    own = asked.context or read_shape(asked.folder).context_length
    return replace(asked, context=min(CONTEXT_TOKENS, own))


def memory_need(order: LocalModelOrder) -> MemoryNeed:
    """By arithmetic; nothing is loaded.

    Raises:
        UsageError, SettingsError: see `base_request`.
        LoadError: the folder holds no base that can be read.
    """
    from expert_studio.commands.answering import parse_experts
    from expert_studio.core.inference.decoder_shape import read_shape, stretched
    from expert_studio.core.inference.memory_estimate import estimate
    from expert_studio.core.planning import free_on, likely_device

    asked = _request(order)
    shape = stretched(read_shape(asked.folder), asked.context, asked.folder)
    experts = len(parse_experts(order.experts))
    taken = estimate(shape, asked.quantization, asked.kv, 0, experts)
    device = likely_device(asked.device)
    own = 0 if device == "cuda" else PROCESS_BYTES
    return MemoryNeed(taken.total + own, taken.base + taken.experts, free_on(device))


@contextmanager
def local_teacher(
    order: LocalModelOrder, on_progress: Callable[[float], None] | None = None
) -> Iterator[StackTeacher]:
    """The base with its experts, loaded into this process; unloaded at the end.

    Raises:
        OutOfMemoryError: there is no room for it beside what runs.
        ExpertError: base or experts cannot be used.
    """
    from expert_studio.commands.answering import compose_stack, parse_experts
    from expert_studio.commands.library import opened_library
    from expert_studio.core.inference.engine import load_engine
    from expert_studio.core.inference.memory_estimate import in_words

    need = memory_need(order)
    if not need.fits:
        raise OutOfMemoryError(
            "The base does not fit into memory a second time.",
            f"It takes about {in_words(need.bytes)} beside what runs, and "
            f"{in_words(need.free_bytes)} are free.",
            "Choose a smaller base, int4 weights or a shorter context in the settings.",
        )
    own = order.folders == Folders.default()
    library = opened_library() if own else Library(order.folders.library)
    engine = load_engine(_request(order), on_progress or (lambda _: None))
    try:
        stack = compose_stack(parse_experts(order.experts), engine, library=library)
        with StackTeacher(engine, stack) as teacher:
            yield teacher
    finally:
        engine.close()


class StackTeacher:
    """Answers on one thread of its own; close it, or use it in a `with` block.

    The engine stays the caller's, who asks it nothing meanwhile.
    """

    def __init__(self, engine: ChatEngine, stack: Stack = EMPTY) -> None:
        self._engine = engine
        self._stack = stack
        self._lane = ThreadPoolExecutor(max_workers=1, thread_name_prefix="local-teacher")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._lane.shutdown(wait=True)

    async def answer(self, question: Question) -> Reply:
        """Answers one question; a cancelled one stops at its next token.

        Raises:
            ExpertError: the prompt does not fit, there is no room, an expert cannot be used.
        """
        given_up = threading.Event()
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._lane, self._answer, question, given_up)
        finally:
            given_up.set()

    def _answer(self, question: Question, given_up: threading.Event) -> Reply:
        answer = self._engine.generate(
            [Message("system", question.system), Message("user", question.prompt)],
            self._stack,
            Sampling(
                max_tokens=question.most_tokens,
                temperature=1.0 if question.temperature is None else question.temperature,
                top_k=0,
                top_p=0.95,
                seed=question.seed % (1 << 62),
                constraint=Constraint("json_schema", question.schema) if question.schema else None,
            ),
            lambda _: None,
            given_up.is_set,
        )
        timing = answer.timing
        return Reply(
            answer.text,
            "cut" if answer.finish_reason in _CUT else "done",
            input_tokens=timing.prompt_tokens,
            output_tokens=timing.tokens,
        )
