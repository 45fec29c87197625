"""Which KV cache an answer may go on from: same stack, longest common prefix.

A cache is never used under another stack than the one that filled it. Knows
nothing of what the tokens mean.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from expert_studio.core.inference.decoder_cache import KVCache

CACHES_KEPT = 4


class ReadText:
    """Tokens one stack has read, and their keys and values.

    The stack's virtual tokens, if it has any, were read with the first token and lie ahead.
    """

    __slots__ = ("kv", "stack_hash", "tokens")

    def __init__(self, stack_hash: str, kv: KVCache) -> None:
        self.stack_hash = stack_hash
        self.kv = kv
        self.tokens: list[int] = []

    @property
    def ahead(self) -> int:
        """Positions before the first token."""
        return self.kv.length - len(self.tokens)

    def keep(self, length: int) -> None:
        """Forgets all but the first `length` tokens; of none, what lay ahead as well."""
        self.kv.length = self.ahead + length if length else 0
        del self.tokens[length:]


class CacheShelf:
    """The last few read texts, least recently used first."""

    def __init__(self, new_cache: Callable[[], KVCache]) -> None:
        self._new_cache = new_cache
        self._texts: list[ReadText] = []

    @property
    def resident_bytes(self) -> int:
        return sum(text.kv.resident_bytes for text in self._texts)

    def take(self, stack_hash: str, prompt: Sequence[int]) -> ReadText:
        """The text to go on from: it holds a proper prefix of `prompt`, perhaps nothing.

        A text of which the prompt shares less than half (another conversation with the
        same beginning) is left as it is, and the shared part copied.
        """
        best, shared = self._longest(stack_hash, prompt)
        if best is not None and 2 * shared >= len(best.tokens):
            self._texts.remove(best)
            best.keep(shared)
            chosen = best
        else:
            chosen = ReadText(stack_hash, self._new_cache())
            if best is not None and shared:
                chosen.kv.reserve(best.ahead + shared)
                chosen.kv.lay(0, best.kv.page(0, best.ahead + shared), best.ahead + shared)
                chosen.kv.length = best.ahead + shared
                chosen.tokens = best.tokens[:shared]
        self._texts.append(chosen)
        del self._texts[:-CACHES_KEPT]
        return chosen

    def lend(self, stack_hash: str, prompt: Sequence[int]) -> ReadText:
        """As `take`, for one of several at work: no other gets it before it is given back."""
        text = self.take(stack_hash, prompt)
        self._texts.remove(text)
        return text

    def give_back(self, text: ReadText) -> None:
        """Puts a lent text on the shelf again."""
        self._texts.append(text)
        del self._texts[:-CACHES_KEPT]

    def clear(self) -> None:
        self._texts.clear()

    def _longest(self, stack_hash: str, prompt: Sequence[int]) -> tuple[ReadText | None, int]:
        best, longest = None, 0
        for text in self._texts:
            if text.stack_hash != stack_hash:
                continue
            # The last token is always read anew: its logits choose the first word.
            shared = min(_common(text.tokens, prompt), len(prompt) - 1)
            if best is None or shared > longest:
                best, longest = text, shared
        return best, longest


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    for index, (mine, theirs) in enumerate(zip(one, other, strict=False)):
        if mine != theirs:
            return index
    return min(len(one), len(other))
