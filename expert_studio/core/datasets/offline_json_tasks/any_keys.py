"""Keys and values of no list: common words, words put together, words made up.

A model that meets the same two hundred keys in every row remembers them and writes one of
them where it meets another; with keys it can hardly meet twice it has to copy. What a key
is called says nothing of its value here. Knows no task.
"""

from __future__ import annotations

from functools import cache
from random import Random

from expert_studio.core.datasets import offline_words
from expert_studio.core.datasets.offline_json_tasks.medley_keys import HELD_OUT_KEYS, KEYS
from expert_studio.core.datasets.offline_json_tasks.shapes import (
    Document,
    camel,
    keys_of_shapes,
    value,
)
from expert_studio.core.datasets.offline_plain_words import NOUNS, OTHERS, PAIRS
from expert_studio.core.datasets.offline_request import RowDraw
from expert_studio.core.datasets.offline_words import Filled

ANY_KEYS = "any-keys"  # what such families are called; drawn only where a request names them
_SUFFIXES = offline_words.words(
    "id name no count at date total type code km eur ref url key text value kg by from size max"
)
_LISTS = (
    offline_words.ITEM,
    offline_words.ANIMAL,
    offline_words.JOB,
    offline_words.SUBJECT,
    offline_words.INSTRUMENT,
    offline_words.VEHICLE,
    offline_words.BUILDING,
    offline_words.ROOM,
    offline_words.MATERIAL,
    offline_words.TITLE_HEAD,
    offline_words.TITLE_TAIL,
    offline_words.COMPANY_TAIL,
    offline_words.COLOR,
)
# A number after a key is one whatever the key is; texts are the most, being the hardest to copy.
_KINDS = (
    *("person", "person", "person", "company", "company", "city", "city", "title", "code", "code"),
    *("item", "food", "animal", "job", "color", "country", "language", "email", "phone", "host"),
    *("amount", "amount", "count", "count", "small", "small", "year", "degrees", "version"),
    *("iso", "date", "time", "day", "street", "truth", "truth"),
)
_NUMERIC = ("amount", "count", "small", "year", "degrees", "truth")
STRANGE_SHARE = 0.3  # of texts: words that stand in no list of their kind


def wants_any_keys(row: RowDraw) -> bool:
    """Whether the request names these families of the row's task, not by "*" alone."""
    return any(pattern.startswith(f"{row.task}/{ANY_KEYS}") for pattern in row.families)


@cache
def pool() -> tuple[str, ...]:
    """Words a key may be; none that only held-out rows use, as key or value."""
    taken = {*HELD_OUT_KEYS, *keys_of_shapes(True)} - {*KEYS, *keys_of_shapes(False)}
    every = {*NOUNS, *OTHERS, *PAIRS, *(word.lower() for words in _LISTS for word in words)}
    return tuple(
        word
        for word in sorted(every)
        if word.isidentifier() and word not in taken and not offline_words.is_held_out(word)
    )


def any_key(chance: Random) -> str:
    """One key: a word, words put together, or a word made up."""
    kind = chance.random()
    if kind < 0.55:
        return _word(chance)
    if kind < 0.7:
        return f"{_word(chance)}_{_word(chance)}"
    if kind < 0.85:
        return _made_up(chance)
    if kind < 0.95:
        return f"{_word(chance)}_{chance.choice(_SUFFIXES)}"
    return camel(f"{_word(chance)}_{_word(chance)}")


def any_keys(chance: Random, count: int) -> dict[str, str]:
    """So many keys, each with the kind of its value."""
    found: dict[str, str] = {}
    while len(found) < count:
        found[any_key(chance)] = chance.choice(_KINDS)
    return found


def any_value(kind: str, chance: Random) -> Filled:
    """A value of the kind, or words of no list in its place."""
    if kind in _NUMERIC or chance.random() >= STRANGE_SHARE:
        return value(kind, chance, False)
    make = _made_up if chance.random() < 0.5 else _word
    text = " ".join(make(chance).replace("_", " ") for _ in range(chance.choice((1, 1, 2))))
    text = text.title() if chance.random() < 0.6 else text
    return Filled(text, text)


def any_document(chance: Random) -> Document:
    """A flat document of three to five keys."""
    keys = any_keys(chance, chance.randint(3, 5))
    return {key: any_value(kind, chance).value for key, kind in keys.items()}


def _word(chance: Random) -> str:
    return chance.choice(pool())


def _made_up(chance: Random) -> str:
    return offline_words.invented(chance, False).lower()
