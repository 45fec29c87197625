"""What a half-learned expert answers on the way: samples to read, and scores of its own tests.

Where it has no tests, rows set aside are scored.

Generates with the model that trains, greedily. Knows nothing of steps' losses or of files.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from peft import PeftModel

from expert_studio.core.datasets.examples import Example, Turn
from expert_studio.core.training.events import EventLog, Sampled, Scored
from expert_studio.core.training.metric_words import TASK_SCORE
from expert_studio.core.training.recipe import Recipe
from expert_studio.core.training.scores import own_metric, score
from expert_studio.core.training.trainer_rows import prompt_text

SAMPLED_ROWS = 2


class AnswersOnTheWay:
    """Asks the recipe's prompts every `sample_every` steps, and scores every `test_every`."""

    def __init__(
        self,
        model: PeftModel,
        tokenizer: Any,
        recipe: Recipe,
        examples: Sequence[Example],
        own_tests: Sequence[Example],
        log: EventLog,
        device: torch.device,
    ) -> None:
        self._model: Any = model
        self._tokenizer = tokenizer
        self._watching = recipe.watching
        self._has_tests = bool(own_tests)
        self._scored_on = tuple(own_tests or examples)[: recipe.watching.test_rows]
        self._log = log
        self._device = device
        self._prompts: list[tuple[Turn, ...]] = [
            (Turn("user", prompt),) for prompt in recipe.watching.sample_prompts
        ] or [example.prompt for example in [*examples, *own_tests][:SAMPLED_ROWS]]

    def after(self, step: int) -> None:
        """Logs what is due after this step."""
        watching = self._watching
        if watching.sample_every and step % watching.sample_every == 0:
            for turns in self._prompts:
                answer = self._answer(turns, watching.sample_tokens)
                self._log.append(Sampled(time.time(), step, turns[-1].content, answer))
        if watching.test_every and step % watching.test_every == 0 and self._scored_on:
            self._log.append(self._scored(step))

    def _scored(self, step: int) -> Scored:
        metrics, scores = set(), []
        for example in self._scored_on:
            said = self._answer(example.prompt, self._room(example.answer))
            scored = score(example.scorer, example.answer, said, example.check)
            own = own_metric(example.scorer, scored)
            metrics.add(own)
            scores.append(scored[own])
        metric = metrics.pop() if len(metrics) == 1 else TASK_SCORE
        mean = sum(scores) / len(scores)
        return Scored(time.time(), step, metric, mean, len(scores), self._has_tests)

    def _room(self, answer: str) -> int:
        """Tokens: twice the answer that is right, as a wrong one may be longer."""
        if not answer:  # a case that names keywords alone
            return self._watching.sample_tokens
        return 2 * len(self._tokenizer(answer, add_special_tokens=False)["input_ids"]) + 16

    def _answer(self, turns: Sequence[Turn], most_tokens: int) -> str:
        text = prompt_text(self._tokenizer, turns)
        asked = self._tokenizer(text, add_special_tokens=False, return_tensors="pt")
        asked = {name: asked[name].to(self._device) for name in ("input_ids", "attention_mask")}
        with torch.no_grad(), _evaluating(self._model):
            said = self._model.generate(
                **asked,
                max_new_tokens=most_tokens,
                do_sample=False,
                pad_token_id=self._tokenizer.pad_token_id,
                eos_token_id=self._tokenizer.eos_token_id,
            )
        answer = said[0, asked["input_ids"].shape[1] :]
        return str(self._tokenizer.decode(answer, skip_special_tokens=True))


@contextmanager
def _evaluating(model: PeftModel) -> Iterator[None]:
    """Dropout off, and neither it nor sampling moves the chance that training draws from."""
    learning = model.training
    state = torch.get_rng_state()
    model.train(mode=False)
    try:
        yield
    finally:
        model.train(learning)
        torch.set_rng_state(state)
