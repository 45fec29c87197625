"""Several answers said together: each step reads the base's weights once for all of them.

Prompts are read one after another, then every text grows by a token a step. Texts of
different stacks go through the base together and through their own experts apart.
Knows nothing of loading or of which cache fits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from expert_studio.core.inference.conversation import Answer
from expert_studio.core.inference.decoder import NO_DELTAS, Decoder, Delta, LayerDeltas
from expert_studio.core.inference.decoder_shape import PRODUCTS
from expert_studio.core.inference.decoder_weights import Weight
from expert_studio.core.inference.engine_answer import AnswerRun
from expert_studio.core.inference.engine_threads import Threads


def say_together(
    decoder: Decoder,
    runs: Sequence[AnswerRun],
    threads: Threads,
    on_text: Callable[[int, str], None],
    should_stop: Callable[[], bool],
) -> tuple[Answer, ...]:
    """Runs all to their ends; `on_text` gets the run's index with each piece."""

    def said_by(index: int) -> Callable[[str], None]:
        return lambda piece: on_text(index, piece)

    def stack_of(index: int) -> int:
        return id(runs[index].composed)

    heard = [said_by(index) for index in range(len(runs))]
    logits: dict[int, Tensor | None] = {
        index: run.prefill(should_stop) for index, run in enumerate(runs)
    }
    deltas = _GroupedDeltas()
    while logits:
        tokens = {
            index: said
            for index in sorted(logits, key=stack_of)
            if (said := runs[index].advance(logits[index], heard[index], should_stop))
        }
        logits = {i: runs[i].read(said) for i, said in tokens.items() if len(said) > 1}
        single = [index for index, said in tokens.items() if len(said) == 1]
        if single:
            going = [runs[index] for index in single]
            threads.take(len(going))
            embedded = decoder.embed([tokens[index][0] for index in single])
            caches = [run.text_read.kv for run in going]
            hidden = decoder.read_each(embedded, caches, deltas.of(going))
            for run, index, row in zip(going, single, decoder.logits(hidden), strict=True):
                run.text_read.tokens.extend(tokens[index])
                logits[index] = row
    return tuple(run.answer(heard[index]) for index, run in enumerate(runs))


class _GroupedDeltas:
    """The deltas of runs that are ordered by their stacks; made anew when one has ended."""

    def __init__(self) -> None:
        self._sizes: tuple[tuple[int, int], ...] = ()
        self._layers: tuple[LayerDeltas, ...] = ()

    def of(self, runs: Sequence[AnswerRun]) -> tuple[LayerDeltas, ...]:
        """One a layer, or () where no run has experts."""
        counts: dict[int, int] = {}
        stacks = {}
        for run in runs:
            key = id(run.composed)
            counts[key] = counts.get(key, 0) + 1
            stacks[key] = run.composed.layers
        sizes = tuple(counts.items())
        if sizes != self._sizes:
            self._sizes = sizes
            groups, start = [], 0
            for key, count in sizes:
                groups.append((slice(start, start + count), stacks[key]))
                start += count
            self._layers = _grouped(groups)
        return self._layers


def _grouped(
    groups: Sequence[tuple[slice, tuple[LayerDeltas, ...]]],
) -> tuple[LayerDeltas, ...]:
    if len(groups) == 1:
        return groups[0][1]
    count = max(len(layers) for _, layers in groups)
    return tuple(
        LayerDeltas(**{name: _at(groups, index, name) for name in PRODUCTS})
        for index in range(count)
    )


def _at(
    groups: Sequence[tuple[slice, tuple[LayerDeltas, ...]]], layer: int, product: str
) -> Delta | None:
    parts = []
    for rows, layers in groups:
        delta = (layers[layer] if layers else NO_DELTAS).delta(product)
        if delta is not None:
            parts.append((rows, delta))
    return _GroupedDelta(tuple(parts)) if parts else None


@dataclass(frozen=True, slots=True)
class _GroupedDelta:
    """One product of the base for all rows, then each group's experts on its own rows."""

    parts: tuple[tuple[slice, Delta], ...]

    def product(self, weight: Weight, x: Tensor) -> Tensor:
        y = weight(x)
        self.finish(weight, y, x)
        return y

    def finish(self, weight: Weight, y: Tensor, x: Tensor) -> None:
        for rows, delta in self.parts:
            delta.finish(weight, y[rows], x[rows])
