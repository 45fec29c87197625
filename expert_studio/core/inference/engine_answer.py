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
    SaidToken,
    Sampling,
    StackSpan,
)
from expert_studio.core.inference.decoder import Decoder
from expert_studio.core.inference.engine_caches import ReadText
from expert_studio.core.inference.engine_threads import Threads
from expert_studio.core.inference.memory_estimate import PREFILL_TOKENS
from expert_studio.core.inference.sampling import Sampler
from expert_studio.core.inference.sampling_constraint import Guide
from expert_studio.core.inference.stack import Stack


@dataclass(frozen=True, slots=True)
class Reading:
    """Under which stack an answer goes on, from what was read, within which room."""

    stack: Stack
    composed: Composition
    text: ReadText
    context: int  # positions


Change = Callable[[Sequence[int]], Reading | None]
"""Asked before each token is read, with all that was: how to go on, where that is to change."""


@dataclass(frozen=True, slots=True)
class Task:
    """What one answer is asked to be."""

    prompt: Sequence[int]
    sampling: Sampling  # with its seed
    most_tokens: int  # what sampling allows
    end_tokens: frozenset[int]
    started_s: float  # time.perf_counter() when the prompt was given
    guide: Guide | None = None  # along sampling.constraint
    on_read: Callable[[int, int], None] | None = None  # tokens of the prompt read, and all of it


def pieces(tokens: Sequence[int], size: int = PREFILL_TOKENS) -> Iterator[Sequence[int]]:
    """The tokens in order, at most `size` at a time."""
    for start in range(0, len(tokens), size):
        yield tokens[start : start + size]


class AnswerRun:
    """One answer while it is being said. `read` is left holding all that was read."""

    def __init__(
        self, decoder: Decoder, reading: Reading, threads: Threads, task: Task, text: AnswerText
    ) -> None:
        self._decoder = decoder
        self._reading = reading
        self._threads = threads
        self._task = task
        self._text = text
        self._sampler = Sampler(task.sampling, task.prompt, decoder.device)
        self._cached = len(reading.text.tokens)
        self._ids: list[int] = []  # of the answer
        self._spans: list[StackSpan] = []
        self._span_start = (0, 0)
        self._said: list[SaidToken] = []
        self._reason: FinishReason = "cancelled"
        self._first_s = self._last_s = task.started_s

    @property
    def composed(self) -> Composition:
        return self._reading.composed

    @property
    def stack(self) -> Stack:
        return self._reading.stack

    @property
    def text_read(self) -> ReadText:
        return self._reading.text

    def say(
        self,
        on_text: Callable[[str], None],
        should_stop: Callable[[], bool],
        change: Change | None = None,
    ) -> Answer:
        """Runs to the end of the answer, giving `on_text` each new piece that is not empty."""
        logits = self.prefill(should_stop)
        while tokens := self.advance(logits, on_text, should_stop):
            reading = None if change is None else change((*self._task.prompt, *self._ids))
            if reading is None:
                logits = self.read(tokens)
            else:
                self._go_on(reading)
                logits = self.prefill(should_stop)
        return self.answer(on_text)

    def _go_on(self, reading: Reading) -> None:
        """Under another stack, which reads all that the former one had, and what it said."""
        self._end_span()
        self._reading = reading

    def _end_span(self) -> None:
        tokens, characters = self._span_start
        if len(self._ids) > tokens or not self._spans:
            stack = self._reading.stack
            self._spans.append(StackSpan(stack, tokens, len(self._ids), characters))
        self._span_start = (len(self._ids), len(self._text.text))

    def answer(self, on_text: Callable[[str], None]) -> Answer:
        """The answer, once it has come to its end; `on_text` gets what was still held back."""
        rest = self._text.finish()
        if rest:
            on_text(rest)
        task = self._task
        self._end_span()
        ahead = self._reading.composed.ahead
        between_s = self._last_s - self._first_s
        return Answer(
            text=self._text.text,
            stack=self._reading.stack,
            sampling=task.sampling,
            finish_reason=self._reason,
            timing=AnswerTiming(
                ttft_ms=(self._first_s - task.started_s) * 1000,
                decode_tok_s=(len(self._ids) - 1) / between_s if between_s > 0 else 0.0,
                prompt_tokens=len(task.prompt),
                cached_tokens=self._cached,
                tokens=len(self._ids),
            ),
            constraint_satisfied=self._satisfied(self._reason),
            said=None if task.sampling.logprobs is None else tuple(self._said),
            context_used=ahead + len(task.prompt) + len(self._ids),
            context_limit=self._reading.context,
            spans=tuple(self._spans),
            tokens=tuple(self._ids),
        )

    def advance(
        self,
        logits: Tensor | None,
        on_text: Callable[[str], None],
        should_stop: Callable[[], bool],
    ) -> list[int]:
        """Says the next token, and those that must follow.

        Args:
            logits: (vocabulary,) float32 after all that was read; None when stopped before.

        Returns:
            What must be read before the next call; [] at the end of the answer.
        """
        task = self._task
        room = self._room
        if len(self._ids) >= room:
            return self._end("length")
        if logits is None or should_stop():
            return self._end("cancelled")
        likely = None if task.sampling.logprobs is None else logits.log_softmax(-1)
        tokens = self._choose(logits)
        self._last_s = time.perf_counter()
        if len(self._ids) == 0:
            self._first_s = self._last_s
        for token in tokens:
            if token in task.end_tokens:
                return self._end("stop")
            self._ids.append(token)
            if task.sampling.logprobs is not None:
                self._said.append(self._told(token, likely))
                likely = None  # is of the first of them
            piece = self._text.push(token)
            if piece:
                on_text(piece)
            if self._text.stopped:
                return self._end("stop")
        if task.guide is not None and task.guide.finished:
            return self._end("stop")
        return tokens if len(self._ids) < room else self._end("length")

    @property
    def _room(self) -> int:
        """Tokens the answer may have: what was asked for, and what the context leaves."""
        reading = self._reading
        beyond = reading.context - reading.composed.ahead - len(self._task.prompt)
        return min(self._task.most_tokens, beyond)

    def _told(self, token: int, likely: Tensor | None) -> SaidToken:
        """likely: (vocabulary,) logarithms of probabilities, where they were computed."""
        spelled = self._text.spelled
        if likely is None:
            return SaidToken(token, spelled(token), None)
        best = likely.topk(min(self._task.sampling.logprobs or 0, likely.numel()))
        pairs = zip(best.indices.tolist(), best.values.tolist(), strict=True)
        likeliest = tuple((other, spelled(other), value) for other, value in pairs)
        return SaidToken(token, spelled(token), float(likely[token]), likeliest)

    def _end(self, reason: FinishReason) -> list[int]:
        self._reason = reason
        return []

    def _choose(self, logits: Tensor) -> list[int]:
        """The next token, and those that a constraint leaves no choice about."""
        guide = self._task.guide
        if guide is None:
            return [self._sampler.choose(logits)]
        room = self._room - len(self._ids)
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

    def prefill(self, should_stop: Callable[[], bool]) -> Tensor | None:
        """Logits after prompt and answer so far; None when stopped on the way, or out of room."""
        logits = None
        whole = [*self._task.prompt, *self._ids]
        if self._reading.composed.ahead + len(whole) > self._reading.context:
            return None
        done = len(self._reading.text.tokens)
        for piece in pieces(whole[done:]):
            if self._task.on_read is not None:
                self._task.on_read(done, len(whole))
            if should_stop():
                return None
            logits = self.read(piece)
            done += len(piece)
        if self._task.on_read is not None:
            self._task.on_read(done, len(whole))
        return logits

    def read(self, tokens: Sequence[int]) -> Tensor:
        """Reads tokens. Returns (vocabulary,) float32 after the last of them."""
        decoder, composed, text = self._decoder, self._reading.composed, self._reading.text
        self._threads.take(len(tokens))
        embedded = composed.embed(decoder, tokens, first=not text.tokens)
        hidden = decoder.read(embedded, text.kv, composed.layers)
        text.tokens.extend(tokens)
        return decoder.logits(hidden[-1:])[0]
