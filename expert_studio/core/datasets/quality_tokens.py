"""How many tokens rows have under a base's tokenizer. Knows nothing of models or datasets."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from expert_studio.core.datasets.examples import Example
from expert_studio.core.datasets.preference import PreferencePair
from expert_studio.core.datasets.row_body import Item
from expert_studio.core.errors import LoadError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

TOKENS_A_TURN = 5  # of ChatML: both control tokens, the role and two line ends
_MOST_CHARACTERS = 2_000_000  # of one text that is tokenized; of a longer one the rest is reckoned


class TokenCounter:
    """Counts with the tokenizer of a base folder.

    Attributes:
        context: the most tokens that base reads; 0 where its config does not say.
    """

    def __init__(self, base: Path) -> None:
        """Reads `tokenizer.json` and `config.json`.

        Raises:
            LoadError: the folder has no tokenizer that can be read.
        """
        from tokenizers import Tokenizer

        try:
            self._tokenizer: Tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
        except Exception as cause:  # the library raises Exception itself
            raise LoadError(
                f"The tokenizer in {base} cannot be used.", f"{cause}.", "Choose another base."
            ) from cause
        try:
            stated = json.loads((base / "config.json").read_text(encoding="utf-8"))
            self.context = int(stated.get("max_position_embeddings") or 0)
        except (OSError, ValueError, TypeError, AttributeError):
            self.context = 0

    def count(self, items: Sequence[Item]) -> list[int]:
        """Tokens of each row as it is learned from; of a pair those of its longer side."""
        return [whole for whole, _ in self.count_answers(items)]

    def count_answers(self, items: Sequence[Item]) -> list[tuple[int, int]]:
        """As `count`, each with how many of its tokens are the answer."""
        texts: list[str] = []
        shape: list[tuple[int, int]] = []  # texts of the prompt, answers
        for item in items:
            turns, answers = _spoken(item)
            texts += [text[:_MOST_CHARACTERS] for text in (*turns, *answers)]
            shape.append((len(turns), len(answers)))
        encoded = self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        lengths = [len(one.ids) for one in encoded]
        counts, at = [], 0
        for item, (turns_here, answers_here) in zip(items, shape, strict=True):
            asked = sum(lengths[at : at + turns_here])
            answered = max(lengths[at + turns_here : at + turns_here + answers_here])
            whole = asked + answered + TOKENS_A_TURN * (turns_here + 1)
            reckoned = _reckoned(item)
            counts.append((whole + reckoned, answered + reckoned))
            at += turns_here + answers_here
        return counts


def _spoken(item: Item) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if isinstance(item, PreferencePair):
        return tuple(turn.content for turn in item.prompt), (item.chosen, item.rejected)
    example = item if isinstance(item, Example) else item.example
    prompt = tuple(turn.content for turn in example.prompt)
    return prompt, (f"{example.reasoning}{example.answer}",)


def _reckoned(item: Item) -> int:
    """Tokens of what was not tokenized, at four characters each."""
    turns, answers = _spoken(item)
    return sum(max(0, len(text) - _MOST_CHARACTERS) // 4 for text in (*turns, *answers))
