"""How likely an answer is under a stack, and under the stack less each of its experts.

Knows nothing of how an answer was chosen, or of caches that are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from expert_studio.core.inference.adapters_shelf import Composition
from expert_studio.core.inference.conversation import AttributedToken, Attribution
from expert_studio.core.inference.decoder import Decoder
from expert_studio.core.inference.decoder_cache import KVCache
from expert_studio.core.inference.engine_answer import pieces
from expert_studio.core.inference.engine_threads import Threads
from expert_studio.core.inference.stack import Stack


def without_each(stack: Stack) -> list[Stack]:
    """The stack less one expert after another, the others at their weights."""
    return [
        replace(stack, members=tuple(m for m in stack.members if m is not left_out))
        for left_out in stack.members
    ]


def said_logprobs(
    decoder: Decoder,
    composed: Composition,
    cache: KVCache,
    threads: Threads,
    text: tuple[Sequence[int], Sequence[int]],
    should_stop: Callable[[], bool],
) -> list[float] | None:
    """The natural logarithm of each token's probability after all that stands before it.

    text: prompt and answer. None where it was stopped between two pieces.
    """
    prompt, answer = text
    whole = [*prompt, *answer]
    found: list[float] = []
    start = 0
    for piece in pieces(whole[:-1]):
        if should_stop():
            return None
        threads.take(len(piece))
        embedded = composed.embed(decoder, piece, first=cache.length == 0)
        hidden = decoder.read(embedded, cache, composed.layers)[-len(piece) :]
        first = max(0, len(prompt) - 1 - start)  # what is read there says an answer's token next
        if first < len(piece):
            likely = decoder.logits(hidden[first:]).log_softmax(-1)
            said = whole[start + first + 1 : start + len(piece) + 1]
            found += [float(row[token]) for row, token in zip(likely, said, strict=True)]
        start += len(piece)
    return found


def attribution_of(
    stack: Stack,
    texts: Sequence[bytes],
    likely: Callable[[Stack], list[float] | None],
    on_done: Callable[[int, int], None],
) -> Attribution | None:
    """Asks `likely` about the stack, then about it without each of its experts.

    Args:
        texts: the bytes of the answer's tokens.
        likely: gives a logarithm for each of them; None where it was stopped.
    """
    apart = [stack, *without_each(stack)]
    passes = []
    for done, part in enumerate(apart):
        on_done(done, len(apart))
        found = likely(part)
        if found is None:
            return None
        passes.append(found)
    on_done(len(apart), len(apart))
    whole, *others = passes
    tokens = tuple(
        AttributedToken(
            text.decode(errors="replace"),
            logprob,
            tuple(logprob - other[at] for other in others),
        )
        for at, (text, logprob) in enumerate(zip(texts, whole, strict=True))
    )
    return Attribution(tuple(member.name for member in stack.members), tokens)
