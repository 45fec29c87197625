"""What an evaluation asks of an engine: answers, how sure it was, unit tests beside them.

Torch is imported when the first log-loss is measured. Knows nothing of runs or of reports.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from expert_studio.core.datasets.examples import Example
from expert_studio.core.inference.conversation import Message, Sampling
from expert_studio.core.inference.stack import Stack
from expert_studio.core.inference.tokenizer import ChatTokenizer
from expert_studio.core.training.metric_words import LOG_LOSS
from expert_studio.core.training.scores_unit_tests import passes, runnable_test

if TYPE_CHECKING:
    from expert_studio.core.inference.engine import Engine

# A right answer may be said at length, and a wrong one be longer still.
LEAST_ANSWER_TOKENS, MOST_ANSWER_TOKENS = 96, 1024
# Logits of all positions are held at once: 300 MB for the largest vocabulary.
MOST_LOSS_TOKENS = 512


class Asking:
    """One engine with one stack, as `evaluation.ask` wants it. Greedy."""

    def __init__(self, engine: Engine, stack: Stack) -> None:
        self._engine = engine
        self._stack = stack
        self._tokenizer = tokenizer_of(engine)

    def answer(self, example: Example) -> str:
        """What the stack says to a row's prompt."""
        wanted = len(self._tokenizer.encode(example.answer))
        most = min(MOST_ANSWER_TOKENS, max(LEAST_ANSWER_TOKENS, 2 * wanted + 16))
        sampling = Sampling(max_tokens=most, temperature=0.0)
        return self._engine.generate(
            messages_of(example), self._stack, sampling, lambda _text: None, lambda: False
        ).text

    def more(self, example: Example, said: str) -> Mapping[str, float]:
        """tests_passed where the row has a unit test of ours; log_loss of the right answer."""
        scores: dict[str, float] = {}
        test = runnable_test(example)
        if test:
            scores["tests_passed"] = float(passes(said, test))
        loss = self._log_loss(example)
        return scores if loss is None else scores | {LOG_LOSS: loss}

    def _log_loss(self, example: Example) -> float | None:
        """Nats per token of the right answer and its end; None for long rows and for no answer."""
        if not example.answer:
            return None
        prompt = self._engine.prompt_ids(messages_of(example))
        answer = [*self._tokenizer.encode(example.answer), *self._tokenizer.end_tokens[:1]]
        if len(prompt) + len(answer) > min(MOST_LOSS_TOKENS, self._engine.base.context_length):
            return None
        import torch

        likely = self._engine.logits([*prompt, *answer], self._stack)[-len(answer) - 1 : -1]
        told = likely.log_softmax(-1)[torch.arange(len(answer)), torch.tensor(answer)]
        return float(-told.mean())


def messages_of(example: Example) -> list[Message]:
    """A row's prompt as the engine takes it."""
    return [Message(turn.role, turn.content) for turn in example.prompt]


def fitting(engine: Engine, examples: Sequence[Example]) -> tuple[Example, ...]:
    """The rows whose prompt leaves room for an answer in the base's context."""
    most = engine.base.context_length - LEAST_ANSWER_TOKENS
    return tuple(e for e in examples if len(engine.prompt_ids(messages_of(e))) <= most)


def tokenizer_of(engine: Engine) -> ChatTokenizer:
    """The tokenizer of the engine's base."""
    return _tokenizer(engine.base.folder)


_tokenizer = lru_cache(maxsize=1)(ChatTokenizer)
