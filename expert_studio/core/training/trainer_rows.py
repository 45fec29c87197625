"""Examples as token numbers and labels, by the base's own chat template.

Uses the tokenizer of transformers. Knows nothing of models, of the trainer or of order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from expert_studio.core.datasets.examples import Example, Turn
from expert_studio.core.datasets.preference import PreferencePair
from expert_studio.core.errors import TrainingError

IGNORED_LABEL = -100  # what the loss leaves out, by convention of transformers


@dataclass(frozen=True, slots=True)
class TokenRow:
    """One example to learn from: two lists of the same length (tokens)."""

    input_ids: list[int]
    labels: list[int]


@dataclass(frozen=True, slots=True)
class PairRow:
    """One preference pair: lists of tokens; both answers end with the end-of-turn token."""

    prompt_ids: list[int]
    chosen_ids: list[int]
    rejected_ids: list[int]


@dataclass(frozen=True, slots=True)
class PackedRow:
    """Several rows in one sequence; `position_ids` begins again at 0 with each of them."""

    input_ids: list[int]
    labels: list[int]
    position_ids: list[int]


def token_rows(
    examples: Iterable[Example], tokenizer: Any, max_length: int, completion_only: bool
) -> tuple[list[TokenRow], int]:
    """Tokenizes examples; returns the rows and how many were left out as too long.

    Prompt and answer are tokenized apart, so that the prompt's tokens are exactly those
    an engine feeds when it asks; the answer ends with the end-of-turn token. A row longer
    than `max_length` is left out whole: cut answers would teach to stop half-way.

    Raises:
        TrainingError: the base has no chat template that can be used.
    """
    rows, dropped = [], 0
    for example in examples:
        prompt = prompt_text(tokenizer, example.prompt)
        prompt_ids = _encode(tokenizer, prompt)
        answer_ids = _encode(tokenizer, _answer_text(tokenizer, example, prompt))
        if len(prompt_ids) + len(answer_ids) > max_length:
            dropped += 1
            continue
        unlearned = [IGNORED_LABEL] * len(prompt_ids) if completion_only else prompt_ids
        rows.append(TokenRow(prompt_ids + answer_ids, unlearned + answer_ids))
    return rows, dropped


def pair_rows(
    pairs: Iterable[PreferencePair], tokenizer: Any, max_length: int
) -> tuple[list[PairRow], int]:
    """As `token_rows`, for preference pairs; a pair is left out when either answer is too long.

    Raises:
        TrainingError: the base has no chat template that can be used.
    """
    rows, dropped = [], 0
    for pair in pairs:
        prompt = prompt_text(tokenizer, pair.prompt)
        prompt_ids = _encode(tokenizer, prompt)
        chosen, rejected = (
            _encode(
                tokenizer,
                _answer_text(tokenizer, Example((*pair.prompt, Turn("assistant", answer))), prompt),
            )
            for answer in (pair.chosen, pair.rejected)
        )
        if len(prompt_ids) + max(len(chosen), len(rejected)) > max_length:
            dropped += 1
            continue
        rows.append(PairRow(prompt_ids, chosen, rejected))
    return rows, dropped


def packed_row(rows: Sequence[TokenRow]) -> PackedRow:
    """Puts rows behind one another; no row's first token is learned from the row before it."""
    packed = PackedRow([], [], [])
    for row in rows:
        packed.input_ids.extend(row.input_ids)
        packed.labels.extend([IGNORED_LABEL, *row.labels[1:]])
        packed.position_ids.extend(range(len(row.input_ids)))
    return packed


def prompt_text(tokenizer: Any, turns: Sequence[Turn]) -> str:
    """What the base reads before it answers, thinking switched off."""
    return _rendered(tokenizer, turns, add_generation_prompt=True)


def _answer_text(tokenizer: Any, example: Example, prompt: str) -> str:
    whole = _rendered(tokenizer, example.turns, add_generation_prompt=False)
    end = tokenizer.eos_token
    if not whole.startswith(prompt) or end not in whole[len(prompt) :]:
        raise TrainingError(
            "The base's chat template cannot be used for training.",
            "It does not render an answer as prompt, answer and end-of-turn token.",
            "Choose a base with a ChatML-like template.",
        )
    answer = whole[len(prompt) :]
    return answer[: answer.rindex(end) + len(end)]


def _rendered(tokenizer: Any, turns: Sequence[Turn], add_generation_prompt: bool) -> str:
    messages = [{"role": turn.role, "content": turn.content} for turn in turns]
    return str(
        tokenizer.apply_chat_template(
            messages,
            tokenize=False,
            add_generation_prompt=add_generation_prompt,
            enable_thinking=False,
        )
    )


def _encode(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])
