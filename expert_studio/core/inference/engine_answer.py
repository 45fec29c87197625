"""The loop that reads a prompt and says an answer, token by token, with its timing.

Knows nothing of loading, of which cache fits, or of which experts are on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor

from expert_studio.core.inference.adapters_shelf import Composition
from expert_studio.core.inference.answer_text import AnswerText
from expert_studio.core.inference.conversation import (
    Answer,
    AnswerTiming,
    FinishReason,
    Sampling,
)
from expert_studio.core.inference.decoder import Decoder
from expert_studio.core.inference.engine_caches import ReadText
from expert_studio.core.inference.engine_threads import Threads
from expert_studio.core.inference.sampling import Sampler
from expert_studio.core.inference.sampling_constraint import Guide
from expert_studio.core.inference.stack import Stack

PREFILL_TOKENS = 256  # read between two looks at should_stop


@dataclass(frozen=True, slots=True)
class Task:
    """What one answer is asked to be."""

    prompt: Sequence[int]
    stack: Stack
    sampling: Sampling  # with its seed
    most_tokens: int  # what sampling and the context allow
    end_tokens: frozenset[int]
    started_s: float  # time.perf_counter() when the prompt was given
    guide: Guide | None = None  # along sampling.constraint


def pieces(tokens: Sequence[int], size: int = PREFILL_TOKENS) -> Iterator[Sequence[int]]:
    """The tokens in order, at most `size` at a time."""
    for start in range(0, len(tokens), size):
        yield tokens[start : start + size]


class AnswerRun:
    """One answer while it is being said. `read` is left holding all that was read."""

    def __init__(
        self,
        decoder: Decoder,
        composed: Composition,
        read: ReadText,
        threads: Threads,
        task: Task,
        text: AnswerText,
    ) -> None:
        self._decoder = decoder
        self._composed = composed
        self._read = read
        self._threads = threads
        self._task = task
        self._text = text
        self._sampler = Sampler(task.sampling, task.prompt, decoder.device)
        self._cached = len(read.tokens)
        self._tokens = 0
        self._first_s = self._last_s = task.started_s

    def say(self, on_text: Callable[[str], None], should_stop: Callable[[], bool]) -> Answer:
        """Runs to the end of the answer, giving `on_text` each new piece that is not empty."""
        reason = self._loop(on_text, should_stop)
        rest = self._text.finish()
        if rest:
            on_text(rest)
        between_s = self._last_s - self._first_s
        return Answer(
            text=self._text.text,
            stack=self._task.stack,
            sampling=self._task.sampling,
            finish_reason=reason,
            timing=AnswerTiming(
                ttft_ms=(self._first_s - self._task.started_s) * 1000,
                decode_tok_s=(self._tokens - 1) / between_s if between_s > 0 else 0.0,
                prompt_tokens=len(self._task.prompt),
                cached_tokens=self._cached,
                tokens=self._tokens,
            ),
            constraint_satisfied=self._satisfied(reason),
        )

    def _loop(
        self, on_text: Callable[[str], None], should_stop: Callable[[], bool]
    ) -> FinishReason:
        task = self._task
        logits = self._prefill(should_stop)
        while self._tokens < task.most_tokens:
            if logits is None or should_stop():
                return "cancelled"
            tokens = self._choose(logits)
            self._last_s = time.perf_counter()
            if self._tokens == 0:
                self._first_s = self._last_s
            for token in tokens:
                if token in task.end_tokens:
                    return "stop"
                self._tokens += 1
                piece = self._text.push(token)
                if piece:
                    on_text(piece)
                if self._text.stopped:
                    return "stop"
            if task.guide is not None and task.guide.finished:
                return "stop"
            if self._tokens < task.most_tokens:
                logits = self._next(tokens)
        return "length"

    def _choose(self, logits: Tensor) -> list[int]:
        """The next token, and those that a constraint leaves no choice about."""
        guide = self._task.guide
        if guide is None:
            return [self._sampler.choose(logits)]
        room = self._task.most_tokens - self._tokens
        chosen = []
        forced = guide.take_forced(room)
        if not forced:
            guide.forbid(logits)
            chosen = [self._sampler.choose(logits)]
            guide.take(chosen[0])
            forced = [] if guide.finished else guide.take_forced(room - 1)
        for token in forced:
            self._sampler.note(token)
        return chosen + forced

    def _satisfied(self, reason: FinishReason) -> bool | None:
        """Whether the whole text fulfils the constraint; None where there is none."""
        guide = self._task.guide
        if guide is None:
            return None
        return reason == "stop" and guide.satisfied and not self._text.stopped

    def _prefill(self, should_stop: Callable[[], bool]) -> Tensor | None:
        """Logits after the prompt; None when stopped on the way."""
        logits = None
        for piece in pieces(self._task.prompt[self._cached :]):
            if should_stop():
                return None
            logits = self._next(piece)
        return logits

    def _next(self, tokens: Sequence[int]) -> Tensor:
        """Reads tokens. Returns (vocabulary,) float32 after the last of them."""
        decoder = self._decoder
        self._threads.take(len(tokens))
        embedded = self._composed.embed(decoder, tokens, first=not self._read.tokens)
        hidden = decoder.read(embedded, self._read.kv, self._composed.layers)
        self._read.tokens.extend(tokens)
        return decoder.logits(hidden[-1:])[0]
