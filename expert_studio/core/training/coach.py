"""What a run's curves say, in words, and by which rule: a coach that never blocks.

Each rule looks at measured numbers alone and names them. Knows nothing of how a run trains.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Literal

from expert_studio.core.training.curves import smoothed
from expert_studio.core.training.events import Evaluated, Event, Started, Step, effective
from expert_studio.core.training.recipe import Recipe

Tone = Literal["good", "note", "warn"]
SMOOTHING = 0.9
RISE = 0.02  # of the best measured loss: less is chance
FEW_STEPS = 20  # too early to judge a curve
FEW_ROWS = 20  # rows set aside that make a measurement
SPIKE = 10.0  # times the usual gradient norm


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing seen. `rule` says what was compared with what, in numbers."""

    name: str  # "overfitting", "rate_too_high", ...
    tone: Tone
    text: str
    rule: str


@dataclass(frozen=True, slots=True)
class _Seen:
    recipe: Recipe
    started: Started | None
    steps: Sequence[Step]
    measured: Sequence[Evaluated]
    losses: Sequence[float]  # smoothed, finite ones alone


def advise(recipe: Recipe, events: tuple[Event, ...]) -> tuple[Advice, ...]:
    """What can be said so far, most pressing first."""
    counted = effective(events)
    steps = [event for event in counted if isinstance(event, Step)]
    started = [event for event in counted if isinstance(event, Started)]
    finite = [step.loss for step in steps if math.isfinite(step.loss)]
    seen = _Seen(
        recipe,
        started[-1] if started else None,
        steps,
        [e for e in counted if isinstance(e, Evaluated) and math.isfinite(e.loss)],
        smoothed(finite, SMOOTHING),
    )
    rules: tuple[Callable[[_Seen], Advice | None], ...] = (
        _diverged,
        _overfitting,
        _rate_too_high,
        _spikes,
        _preference_at_chance,
        _dropped_rows,
        _few_rows,
        _rate_too_low,
        _flat,
        _still_learning,
    )
    found = (rule(seen) for rule in rules)
    return tuple(advice for advice in found if advice is not None)


def _diverged(seen: _Seen) -> Advice | None:
    gone = next((step for step in seen.steps if not math.isfinite(step.loss)), None)
    if gone is None:
        return None
    lower = seen.recipe.schedule.learning_rate / 3
    return Advice(
        "diverged",
        "warn",
        f"The loss is no number from step {gone.step} on. Train again with a learning rate of "
        f"{lower:.1g} or lower.",
        "a step's loss is NaN or infinite",
    )


def _overfitting(seen: _Seen) -> Advice | None:
    if len(seen.measured) < 4 or len(seen.losses) < FEW_STEPS:
        return None
    best = min(seen.measured, key=lambda event: event.loss)
    after = [event for event in seen.measured if event.step > best.step]
    rise = (after[-1].loss - best.loss) / best.loss if after else 0.0
    falling = seen.losses[-1] < seen.losses[len(seen.losses) // 2]
    if len(after) < 3 or rise <= RISE or not falling:
        return None
    return Advice(
        "overfitting",
        "warn",
        f"It learns its rows by heart since step {best.step}. Take the checkpoint of that step, "
        "and try fewer epochs or more data.",
        f"the loss on rows set aside rose {rise:.0%} in {len(after)} measurements after its best "
        f"({best.loss:.3f} at step {best.step}) while the training loss went on falling",
    )


def _rate_too_high(seen: _Seen) -> Advice | None:
    if len(seen.losses) < FEW_STEPS:
        return None
    lowest = min(seen.losses)
    rise = (seen.losses[-1] - lowest) / lowest if lowest > 0 else 0.0
    if rise < 0.2:
        return None
    rate = seen.recipe.schedule.learning_rate
    return Advice(
        "rate_too_high",
        "warn",
        f"The training loss climbs. A learning rate of {rate / 3:.1g} would be steadier.",
        f"the smoothed training loss is {rise:.0%} above its lowest ({lowest:.3f})",
    )


def _spikes(seen: _Seen) -> Advice | None:
    norms = [step.grad_norm for step in seen.steps if math.isfinite(step.grad_norm)]
    if len(norms) < FEW_STEPS:
        return None
    usual = median(norms)
    spikes = sum(norm > SPIKE * usual for norm in norms)
    if spikes < 3 or usual <= 0:
        return None
    return Advice(
        "spikes",
        "note",
        "Some steps pull far harder than the others. A longer warm-up or a lower learning rate "
        "helps; a few odd rows may be the cause.",
        f"{spikes} of {len(norms)} gradient norms are above {SPIKE:g} times the median "
        f"({usual:.2g})",
    )


def _preference_at_chance(seen: _Seen) -> Advice | None:
    told = [e for e in seen.measured if math.isfinite(e.reward_accuracy)]
    total = seen.started.total_steps if seen.started else 0
    if not told or told[-1].step < total / 2 or told[-1].reward_accuracy > 0.6:
        return None
    return Advice(
        "preference_at_chance",
        "warn",
        "It cannot yet tell chosen answers from rejected ones. Look whether the pairs differ in "
        "what you want it to learn, or raise the learning rate.",
        f"{told[-1].reward_accuracy:.0%} of the pairs set aside are ranked right at step "
        f"{told[-1].step}, past half of the run; chance is 50 %",
    )


def _dropped_rows(seen: _Seen) -> Advice | None:
    told = seen.started
    if told is None or told.dropped_rows == 0:
        return None
    share = told.dropped_rows / (told.dropped_rows + told.train_rows + told.eval_rows)
    if share < 0.05:
        return None
    return Advice(
        "dropped_rows",
        "note",
        f"{told.dropped_rows:,} rows were too long and are not learned from. Raise max_length, "
        "or split them.",
        f"{share:.0%} of the rows are longer than {seen.recipe.batches.max_length} tokens",
    )


def _few_rows(seen: _Seen) -> Advice | None:
    told = seen.started
    if told is None or told.eval_rows >= FEW_ROWS:
        return None
    if told.eval_rows == 0:
        text = "Nothing is set aside, so that nobody can see whether it learns by heart."
    else:
        text = "So few rows are set aside that their loss moves by chance."
    return Advice("few_rows", "note", text, f"{told.eval_rows} rows set aside, below {FEW_ROWS}")


def _rate_too_low(seen: _Seen) -> Advice | None:
    total = seen.started.total_steps if seen.started else 0
    if len(seen.losses) < FEW_STEPS or not total or seen.steps[-1].step < total * 0.3:
        return None
    fall = (seen.losses[0] - seen.losses[-1]) / seen.losses[0]
    if not 0 <= fall < 0.02 or seen.losses[-1] < 0.1:
        return None
    rate = seen.recipe.schedule.learning_rate
    return Advice(
        "rate_too_low",
        "note",
        f"It hardly learns. Try a learning rate of {rate * 3:.1g}.",
        f"the smoothed training loss fell {fall:.1%} in {seen.steps[-1].step} steps",
    )


def _flat(seen: _Seen) -> Advice | None:
    if len(seen.measured) < 5:
        return None
    last = [event.loss for event in seen.measured[-4:]]
    spread = (max(last) - min(last)) / min(last) if min(last) > 0 else 0.0
    first = seen.measured[0].loss
    if spread >= 0.01 or (first - min(last)) / first < 0.05:
        return None
    return Advice(
        "flat",
        "good",
        "It has learned what it can from these rows; you may stop here.",
        f"the last four measurements lie within {spread:.1%}",
    )


def _still_learning(seen: _Seen) -> Advice | None:
    total = seen.started.total_steps if seen.started else 0
    if len(seen.measured) < 4 or not total or seen.steps[-1].step < total * 0.8:
        return None
    last = [event.loss for event in seen.measured[-4:]]
    falls = [(a - b) / a for a, b in pairwise(last)]
    if min(falls) < 0.01:
        return None
    return Advice(
        "still_learning",
        "good",
        "It still gets better: more epochs would likely help.",
        f"the loss on rows set aside fell {min(falls):.1%} or more at each of the last three "
        "measurements",
    )
