"""The local base with a stack as a teacher: what `core.datasets.teacher` asks, the engine answers.

One row a request is the way to ask it (`batch=1`): the engine then holds its answer to the
row's JSON schema, so that even a small base writes rows that can be read. Knows nothing of
datasets.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Self

from expert_studio.core.datasets.provider_reply import Question, Reply
from expert_studio.core.inference.constraint import Constraint
from expert_studio.core.inference.conversation import ChatEngine, Message, Sampling
from expert_studio.core.inference.stack import EMPTY, Stack

_CUT = ("length", "cancelled")


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
