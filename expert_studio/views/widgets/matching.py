"""How well a few typed letters fit a title, for lists that are searched while typing.

Knows no list and no widget.
"""

from __future__ import annotations

import unicodedata


def score(wanted: str, title: str) -> int:
    """0 where some letter of `wanted` is not found in order, else more for a better fit.

    A word of the title that begins so counts most, then letters beside one another, then
    letters in order. Accents and upper case do not matter; every word of `wanted` must fit.
    """
    words = folded(wanted).split()
    text = folded(title)
    if not words:
        return 1
    scores = [_word_score(word, text) for word in words]
    return sum(scores) if all(scores) else 0


def folded(text: str) -> str:
    """Lower case without accents."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in apart if not unicodedata.combining(sign))


def _word_score(word: str, text: str) -> int:
    at = text.find(word)
    if at == 0:
        return 1000 - min(len(text), 400)
    if at > 0:
        starts_word = any(
            text.startswith(word, i) and not text[i - 1].isalnum() for i in range(at, len(text))
        )
        return 500 if starts_word else 250
    return _in_order(word, text)


def _in_order(word: str, text: str) -> int:
    """Few letters far apart fit nearly anything: those that begin words count, and runs do."""
    at, last, found = 0, -2, 0
    for letter in word:
        at = text.find(letter, at)
        if at < 0:
            return 0
        begins = at == 0 or not text[at - 1].isalnum()
        found += 6 if begins else 4 if at == last + 1 else 0
        last, at = at, at + 1
    return found if found >= 4 * len(word) - 4 and found > 0 else 0
