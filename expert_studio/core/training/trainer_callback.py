"""What the trainer's progress becomes: events, a stop that saves first, an end when it is time.

Knows nothing of models; turns what transformers logs into `events`.
"""

# ruff: noqa: ARG002 - transformers fixes what a callback is given
from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from expert_studio.core.training.curves import longest_awake_s
from expert_studio.core.training.events import (
    BestKept,
    CheckpointSaved,
    Continued,
    Evaluated,
    Event,
    EventLog,
    Paused,
    Step,
    effective,
)
from expert_studio.core.training.trainer_answers import AnswersOnTheWay
from expert_studio.core.training.trainer_data import RunRows

RATE_STEPS = 20  # the rate is taken over this many steps
PAUSE_POLL_S = 0.2


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Wishes:
    """What somebody outside may want of a run, asked after every step; all processes agree."""

    stop: Callable[[], bool] = _never
    pause: Callable[[], bool] = _never


class EventCallback(TrainerCallback):
    """Writes one event per step, evaluation and finished checkpoint of one session.

    Attributes:
        stopped: somebody asked for the end, and a checkpoint was saved.
        stopped_early: so many measurements brought no better loss that the run was ended.
        diverged_at: the step whose loss was no number; the run ends there.
        best: the best measurement so far whose adapter was kept.
        finishing: the next measurement is of the finished adapter and decides nothing.
    """

    def __init__(
        self,
        log: EventLog,
        wishes: Wishes,
        memory_bytes: Callable[[], int],
        rows: RunRows,
        early_stop: int,
    ) -> None:
        self._log = log
        self._wishes = wishes
        self._memory_bytes = memory_bytes
        self._rows = rows
        self._early_stop = early_stop
        self._without_better = 0
        self._recent: deque[tuple[float, int]] = deque([(time.monotonic(), 0)], RATE_STEPS + 1)
        self._pausing = False
        self.stopped = False
        self.stopped_early = False
        self.diverged_at: int | None = None
        self.best: BestKept | None = None
        self.finishing = False
        self.keep_best: Callable[[int, float], BestKept] | None = None
        self.answers: AnswersOnTheWay | None = None

    def take_up(self, events: tuple[Event, ...], checkpoint: Path | None) -> None:
        """Takes over what earlier sessions measured up to the checkpoint that is gone on from."""
        step = int(checkpoint.name.rpartition("-")[2]) if checkpoint else 0
        for event in effective(events):
            if isinstance(event, BestKept) and event.step <= step:
                if self.best is None or event.loss < self.best.loss:
                    self.best, self._without_better = event, 0
            elif isinstance(event, Evaluated) and event.step <= step and self.best is not None:
                self._without_better += event.step > self.best.step

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> None:
        self._recent.clear()
        self._recent.append((time.monotonic(), 0))

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> TrainerControl:
        unfinished = state.global_step < state.max_steps
        if self._wishes.stop() and unfinished:
            self.stopped = True
            control.should_save = True
            control.should_training_stop = True
        elif self._wishes.pause() and unfinished:
            self._pausing = True  # once all of this step is told and saved
            control.should_save = True
        if self.answers is not None:
            self.answers.after(state.global_step)
        return control

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if not logs or "loss" not in logs:
            return
        if not math.isfinite(_number(logs["loss"])) and self.diverged_at is None:
            self.diverged_at = state.global_step
            control.should_save = False
            control.should_evaluate = False
            control.should_training_stop = True
        tokens = int(logs.get("num_tokens", 0))
        self._recent.append((time.monotonic(), tokens))
        self._log.append(
            Step(
                at_s=time.time(),
                step=state.global_step,
                epoch=round(state.global_step / self._rows.steps_per_epoch, 4),
                loss=_number(logs["loss"]),
                learning_rate=_number(logs.get("learning_rate")),
                grad_norm=_number(logs.get("grad_norm")),
                tokens=tokens,
                tokens_per_s=tokens_per_s(self._recent),
                memory_bytes=self._memory_bytes(),
                reward_margin=_number(logs.get("rewards/margins")),
                reward_accuracy=_number(logs.get("rewards/accuracies")),
            )
        )

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        measured = metrics or {}
        loss = _number(measured.get("eval_loss"))
        self._log.append(
            Evaluated(
                time.time(),
                state.global_step,
                loss,
                self._rows.watched,
                _number(measured.get("eval_rewards/margins")),
                _number(measured.get("eval_rewards/accuracies")),
            )
        )
        if not self.finishing and math.isfinite(loss):
            self._judge(loss, state, control)

    def _judge(self, loss: float, state: TrainerState, control: TrainerControl) -> None:
        if self.best is None or loss < self.best.loss:
            self._without_better = 0
            if self.keep_best is not None:
                self.best = self.keep_best(state.global_step, loss)
            return
        self._without_better += 1
        if self._early_stop and self._without_better >= self._early_stop:
            self.stopped_early = True
            control.should_training_stop = True

    def on_save(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> None:
        folder = f"checkpoint-{state.global_step}"
        self._log.append(CheckpointSaved(time.time(), state.global_step, folder))
        if self._pausing:
            self._pausing = False
            self._wait(state.global_step, control)

    def _wait(self, step: int, control: TrainerControl) -> None:
        """Until somebody lets it go on, or wants it to stop: all is saved already."""
        self._log.append(Paused(time.time(), step))
        while self._wishes.pause():
            if self._wishes.stop():
                self.stopped = True
                control.should_training_stop = True
                return
            time.sleep(PAUSE_POLL_S)
        self._log.append(Continued(time.time(), step))
        tokens = self._recent[-1][1]
        self._recent.clear()
        self._recent.append((time.monotonic(), tokens))


def tokens_per_s(read: Iterable[tuple[float, int]]) -> float:
    """Over moments and tokens read until then; a gap in which the machine slept is left out.

    Clocks differ by system in whether they go on while it sleeps.
    """
    gaps = [(later[0] - was[0], later[1] - was[1]) for was, later in pairwise(read)]
    longest_s = longest_awake_s([gap_s for gap_s, _ in gaps])
    awake = [(gap_s, tokens) for gap_s, tokens in gaps if 0 <= gap_s <= longest_s]
    taken_s = sum(gap_s for gap_s, _ in awake)
    return round(sum(tokens for _, tokens in awake) / max(taken_s, 1e-9), 1)


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)
