"""Which keys and values an answer may go on from: same stack, longest common prefix.

One text at a time is at work, in one unbroken buffer, so that saying a token copies nothing.
When another takes its place it is parked in pages of a few dozen tokens (`engine_pages`), which
texts with a common beginning share. Nothing is ever used under another stack than the one that
read it. Knows nothing of what the tokens mean.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from expert_studio.core.inference.decoder_cache import KVCache
from expert_studio.core.inference.engine_pages import PAGE_TOKENS, PageStore, common

SMALL_SHARE = 4  # a quarter of the budget


class ReadText:
    """Tokens one stack has read, and their keys and values.

    The stack's virtual tokens, if it has any, were read with the first token and lie ahead.

    Attributes:
        key: names stack, format and rotation; equal keys may share.
    """

    __slots__ = ("key", "kv", "tokens")

    def __init__(self, key: str, kv: KVCache) -> None:
        self.key = key
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
    """The text at work, and the parked ones.

    Attributes:
        budget_bytes: what all may take between answers; the text at work always stays.
    """

    def __init__(self, budget_bytes: int) -> None:
        self.budget_bytes = budget_bytes
        self.active: ReadText | None = None
        self.pages = PageStore()

    @property
    def resident_bytes(self) -> int:
        return self.pages.resident_bytes + self._active_bytes()

    def take(self, key: str, prompt: Sequence[int], new_cache: Callable[[], KVCache]) -> ReadText:
        """The text to go on from, at work: it holds a proper prefix of `prompt`, perhaps nothing.

        What the prompt does not share of the text at work is parked first, where it is worth
        its copy; where it shares less than half, the buffer is given up.

        Raises:
            OutOfMemoryError or torch's own: there is no room; the shelf is as it was.
        """
        # The last token is always read anew: its logits choose the first word.
        wanted = prompt[: len(prompt) - 1]
        held = self.active
        shared = common(held.tokens, wanted) if held is not None and held.key == key else 0
        found = self.pages.longest(key, wanted)
        if held is not None and shared and shared >= found.tokens:
            mostly = 2 * shared >= len(held.tokens)
            if len(held.tokens) - shared > PAGE_TOKENS and (self._is_small(held) or not mostly):
                self._park(held)
                found = self.pages.longest(key, wanted)
            if mostly or shared > found.tokens:  # more than there was room to park
                held.keep(shared)
                return held
        self.park()
        text = ReadText(key, new_cache())
        found.lay(text.kv, text.tokens)
        self.active = text
        self.trim()
        return text

    def lend(self, text: ReadText) -> None:
        """Takes the text at work off the shelf, for one of several answers at once."""
        if self.active is text:
            self.active = None

    def give_back(self, text: ReadText) -> None:
        """Puts a lent text to work again, and parks the one that was."""
        self.park()
        self.active = text
        self.trim()

    def park(self) -> None:
        """Gives up the buffer of the text at work; its pages stay, as far as the budget goes."""
        if self.active is not None:
            text, self.active = self.active, None
            self._park(text)

    def trim(self) -> None:
        """Gives up the least recently used pages beyond the budget."""
        self.pages.trim(self.budget_bytes - self._active_bytes())

    def clear(self) -> None:
        self.active = None
        self.pages.clear()

    def _park(self, text: ReadText) -> None:
        self.pages.keep(text.key, text.tokens, text.kv, self.budget_bytes)

    def _is_small(self, text: ReadText) -> bool:
        """Whether a second copy of it is no burden."""
        return SMALL_SHARE * text.kv.length * text.kv.position_bytes <= self.budget_bytes

    def _active_bytes(self) -> int:
        return 0 if self.active is None else self.active.kv.resident_bytes
