"""How near a free text comes to the one that is right; without meaning, by letters and words.

Each number is 0 to 1. Knows nothing of models or of files.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

MOST_CHARACTERS = 2000  # of both texts, for the distance: it costs their product
_WORD = re.compile(r"\w+(?:['’]\w+)*")
_SIGNS = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "\u00a0": " "})


def score_text(expected: str, given: str) -> dict[str, float]:
    """exact: the same but for white space and the manner of quotes; word_f1; character_accuracy."""
    wanted, said = normalised(expected), normalised(given)
    return {
        "exact": float(wanted == said),
        "word_f1": word_f1(wanted, said),
        "character_accuracy": character_accuracy(wanted, said),
    }


def normalised(text: str) -> str:
    """One line, composed characters, straight quotes; capital letters stay."""
    return " ".join(unicodedata.normalize("NFC", text).translate(_SIGNS).split())


def word_f1(expected: str, given: str) -> float:
    """F1 over words in small letters, each as often as it stands there (as SQuAD scores)."""
    wanted, said = Counter(_words(expected)), Counter(_words(given))
    if not wanted and not said:
        return 1.0
    shared = (wanted & said).total()
    return 2 * shared / (wanted.total() + said.total())


def character_accuracy(expected: str, given: str) -> float:
    """1 less the character error rate: edits that mend the answer, a character of the right one.

    Only the first 2,000 characters of each are compared.
    """
    wanted, said = expected[:MOST_CHARACTERS], given[:MOST_CHARACTERS]
    if not wanted:
        return float(not said)
    return max(0.0, 1 - _edits(wanted, said) / len(wanted))


def keyword_share(keywords: Sequence[str], given: str) -> float:
    """Share of words that stand in the answer: the last resort, where nobody said what is right.

    No keywords are no evidence: 0.
    """
    said = normalised(given).lower()
    found = sum(normalised(word).lower() in said for word in keywords)
    return found / len(keywords) if keywords else 0.0


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _edits(first: str, second: str) -> int:
    """Levenshtein's distance: insertions, deletions, replacements."""
    if first == second:
        return 0
    row = list(range(len(second) + 1))
    for i, a in enumerate(first, start=1):
        above_left, row[0] = row[0], i
        for j, b in enumerate(second, start=1):
            cost = above_left if a == b else 1 + min(above_left, row[j], row[j - 1])
            above_left, row[j] = row[j], cost
    return row[-1]
