"""What the trainer's progress becomes: events, and a stop that saves first.

Knows nothing of models; turns what transformers logs into `events`.
"""

# ruff: noqa: ARG002 - transformers fixes what a callback is given
from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from expert_studio.core.training.events import CheckpointSaved, Evaluated, EventLog, Step

RATE_STEPS = 20  # the rate is taken over this many steps


class EventCallback(TrainerCallback):
    """Writes one event per step, evaluation and finished checkpoint of one session."""

    def __init__(
        self,
        log: EventLog,
        should_stop: Callable[[], bool],
        memory_bytes: Callable[[], int],
        steps_per_epoch: float,
        eval_rows: int,
    ) -> None:
        self._log = log
        self._should_stop = should_stop
        self._memory_bytes = memory_bytes
        self._steps_per_epoch = steps_per_epoch
        self._eval_rows = eval_rows
        self._recent: deque[tuple[float, int]] = deque([(time.monotonic(), 0)], RATE_STEPS + 1)
        self.stopped = False

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
        if self._should_stop() and state.global_step < state.max_steps:
            self.stopped = True
            control.should_save = True
            control.should_training_stop = True
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
        tokens = int(logs.get("num_tokens", 0))
        self._recent.append((time.monotonic(), tokens))
        (first_s, first_tokens), (last_s, last_tokens) = self._recent[0], self._recent[-1]
        self._log.append(
            Step(
                at_s=time.time(),
                step=state.global_step,
                epoch=round(state.global_step / self._steps_per_epoch, 4),
                loss=_number(logs["loss"]),
                learning_rate=_number(logs.get("learning_rate")),
                grad_norm=_number(logs.get("grad_norm")),
                tokens=tokens,
                tokens_per_s=round((last_tokens - first_tokens) / max(last_s - first_s, 1e-9), 1),
                memory_bytes=self._memory_bytes(),
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
        loss = _number((metrics or {}).get("eval_loss"))
        self._log.append(Evaluated(time.time(), state.global_step, loss, self._eval_rows))

    def on_save(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> None:
        folder = f"checkpoint-{state.global_step}"
        self._log.append(CheckpointSaved(time.time(), state.global_step, folder))


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)
