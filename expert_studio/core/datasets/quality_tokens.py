"""How many tokens rows have under a base's tokenizer. Knows nothing of models or datasets."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from expert_studio.core.datasets.examples import Example, Turn
from expert_studio.core.datasets.preference import PreferencePair
from expert_studio.core.datasets.row_body import Item
from expert_studio.core.errors import LoadError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

TOKENS_A_LINE_END = 1
_USUAL_FRAME = 5  # both control tokens, the role and two line ends
_ROLES = ("system", "user", "assistant")
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
        self._frames = {role: self._frame(role) for role in _ROLES}
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
        shape: list[tuple[int, int, int]] = []  # texts of the prompt, answers, tokens around them
        for item in items:
            turns, answers = _spoken(item)
            texts += [turn.content[:_MOST_CHARACTERS] for turn in turns]
            texts += [text[:_MOST_CHARACTERS] for text in answers]
            shape.append((len(turns), len(answers), self._around(turns)))
        encoded = self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        lengths = [len(one.ids) for one in encoded]
        counts, at = [], 0
        for item, (turns_here, answers_here, around) in zip(items, shape, strict=True):
            asked = sum(lengths[at : at + turns_here])
            answered = max(lengths[at + turns_here : at + turns_here + answers_here])
            whole = asked + answered + around
            reckoned = _reckoned(item)
            counts.append((whole + reckoned, answered + reckoned))
            at += turns_here + answers_here
        return counts

    def _frame(self, role: str) -> int:
        """Tokens of an empty turn of ChatML; usual ones where a base knows no ChatML."""
        if self._tokenizer.token_to_id("<|im_start|>") is None:
            return _USUAL_FRAME
        framed = f"<|im_start|>{role}\n<|im_end|>\n"
        return len(self._tokenizer.encode(framed, add_special_tokens=False).ids)

    def _around(self, prompt: Sequence[Turn]) -> int:
        """Control tokens, roles and line ends of ChatML; the answer ends with its end token."""
        frames = self._frames
        asked = sum(frames.get(turn.role, frames["user"]) for turn in prompt)
        return asked + frames["assistant"] - TOKENS_A_LINE_END


def _spoken(item: Item) -> tuple[Sequence[Turn], tuple[str, ...]]:
    if isinstance(item, PreferencePair):
        return item.prompt, (item.chosen, item.rejected)
    example = item if isinstance(item, Example) else item.example
    return example.prompt, (f"{example.reasoning}{example.answer}",)


def _reckoned(item: Item) -> int:
    """Tokens of what was not tokenized, at four characters each."""
    turns, answers = _spoken(item)
    texts = (*(turn.content for turn in turns), *answers)
    return sum(max(0, len(text) - _MOST_CHARACTERS) // 4 for text in texts)
