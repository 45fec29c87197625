"""The text of one answer as its tokens arrive: whole characters, no thinking, no stop string.

Text is held back only while it may still turn out to be part of a character, of
`<think>` or of a stop string. Knows nothing of models.
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence

from expert_studio.core.inference.tokenizer import ChatTokenizer

THINK_OPEN, THINK_CLOSE = "<think>", "</think>"


class AnswerText:
    """Collects tokens; gives the pieces that may be shown.

    Attributes:
        text: all that was given so far.
        stopped: whether a stop string has appeared; nothing is given after it.
    """

    def __init__(
        self, tokenizer: ChatTokenizer, stop: Sequence[str] = (), *, thinks: bool = True
    ) -> None:
        """Where it never `thinks`, the tags of a thought are text like any other."""
        self._tokenizer = tokenizer
        self._decode = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._stop = tuple(string for string in stop if string)
        self._thinks = thinks
        self._thinking = False
        self._trim = False  # blank lines after a thought belong to it
        self._pending = ""  # decoded, not yet known to be outside a thought
        self._held = ""  # outside a thought, may begin a stop string
        self.text = ""
        self.stopped = False

    def push(self, token: int) -> str:
        """Takes the next token. Returns what may now be shown, perhaps ""."""
        raw = self._tokenizer.token_bytes(token)
        if self._tokenizer.is_control(token) and raw.decode() not in (THINK_OPEN, THINK_CLOSE):
            return ""
        return self._give(self._decode.decode(raw), final=False)

    def spelled(self, token: int) -> str:
        """What one token says by itself, control tokens included."""
        return self._tokenizer.token_bytes(token).decode(errors="replace")

    def finish(self) -> str:
        """Ends the answer. Returns what was still held back; half a character is dropped."""
        self._decode.reset()
        return self._give("", final=True)

    def _give(self, new: str, final: bool) -> str:
        if self.stopped:
            return ""
        self._held += self._spoken(new, final)
        cut = min((at for s in self._stop if (at := self._held.find(s)) >= 0), default=-1)
        if cut >= 0:
            self.stopped = True
            shown, self._held = self._held[:cut], ""
        else:
            keep = 0 if final else _overlap(self._held, self._stop)
            shown, self._held = self._held[: len(self._held) - keep], self._held[-keep:][:keep]
        self.text += shown
        return shown

    def _spoken(self, new: str, final: bool) -> str:
        """The part of the text so far that is surely outside any thought."""
        if not self._thinks:
            return new
        self._pending += new
        spoken = ""
        while True:
            tag = THINK_CLOSE if self._thinking else THINK_OPEN
            before, found, after = self._pending.partition(tag)
            if not found:
                break
            spoken += "" if self._thinking else self._trimmed(before)
            self._thinking, self._pending = not self._thinking, after
            self._trim = True
        keep = 0 if final else _overlap(self._pending, (tag,))
        settled = self._pending[: len(self._pending) - keep]
        self._pending = self._pending[len(settled) :]
        return spoken if self._thinking else spoken + self._trimmed(settled)

    def _trimmed(self, text: str) -> str:
        if self._trim:
            text = text.lstrip()
            self._trim = not text
        return text


def _overlap(text: str, strings: Sequence[str]) -> int:
    """How many last characters of `text` are the beginning of one of `strings`."""
    longest = max((len(string) for string in strings), default=0)
    for length in range(min(longest, len(text)), 0, -1):
        if any(string.startswith(text[-length:]) for string in strings):
            return length
    return 0
