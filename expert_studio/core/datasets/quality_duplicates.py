"""Rows that say nearly the same: MinHash over whole rows, candidates by LSH, then counted.

Broder 1997 (resemblance) and Leskovec, Rajaraman & Ullman, Mining of Massive Datasets, ch. 3
(banding). Candidates are compared by their true Jaccard similarity, so nothing is called a
near duplicate that is none; at 0.85 the bands miss 6 pairs of 1,000. The signatures are
numpy's work: datasketch takes six times as long for the same ones. Knows nothing of datasets.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NEAR = 0.85  # Jaccard similarity over shingles from which two rows are nearly the same
SHINGLE_WORDS = 3
_HASHES = 128
_BANDS = 16  # of 8 hashes each
_MOST_COMPARED = 20  # candidates of one row that are counted; a flood of copies finds one soon
_MOST_WORDS = 20_000
_WORD = re.compile(r"\w+|[^\w\s]")
_Words = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class NearPair:
    """Two rows, by their places in what was given, and how alike they are (0 to 1)."""

    row: int
    like: int  # the earlier one
    similarity: float


class NearIndex:
    """Takes one text after the other and says which earlier one it is nearly the same as.

    Holds about 1 kB a text of 100 words. Equal texts in equal order give equal answers.
    """

    def __init__(self, near: float = NEAR) -> None:
        chance = np.random.default_rng(20261121)
        self._near = near
        self._factors = chance.integers(1, 2**63, _HASHES, dtype=np.uint64) * 2 + 1
        self._offsets = chance.integers(0, 2**63, _HASHES, dtype=np.uint64)
        self._bands: list[dict[bytes, int | list[int]]] = [{} for _ in range(_BANDS)]
        self._shingles: list[_Words] = []
        self._words: dict[str, int] = {}

    def add(self, text: str) -> NearPair | None:
        """The most alike of the earlier texts, where one is near; `row` is this one's place."""
        shingles = self._shingled(text)
        keys = self._keys(shingles)
        found = self._nearest(shingles, keys)
        place = len(self._shingles)
        self._shingles.append(shingles)
        for band, key in zip(self._bands, keys, strict=True):
            there = band.setdefault(key, place)
            if there == place:
                continue
            if isinstance(there, int):
                band[key] = [there, place]
            elif len(there) < _MOST_COMPARED:
                there.append(place)
        return None if found is None else NearPair(place, *found)

    def _shingled(self, text: str) -> _Words:
        known = self._words
        words = [
            known.get(word) or known.setdefault(word, zlib.crc32(word.encode()) + 1)
            for word in _WORD.findall(text.lower())[:_MOST_WORDS]
        ]
        padded = words + [0] * (SHINGLE_WORDS - len(words))
        row = np.array(padded, dtype=np.uint64)
        mixed = row[:-2] * np.uint64(0x9E3779B97F4A7C15)
        mixed += row[1:-1] * np.uint64(0xC2B2AE3D27D4EB4F)
        mixed += row[2:] * np.uint64(0x165667B19E3779F9)
        mixed ^= mixed >> np.uint64(29)
        return np.unique(mixed)

    def _keys(self, shingles: _Words) -> list[bytes]:
        """One key a band. Multiply-shift hashing (Dietzfelbinger et al. 1997)."""
        lowest = np.full(_HASHES, 2**32 - 1, dtype=np.uint32)
        for start in range(0, len(shingles), 512):
            part = shingles[start : start + 512, None] * self._factors + self._offsets
            lowest = np.minimum(lowest, (part >> np.uint64(32)).astype(np.uint32).min(axis=0))
        packed = lowest.tobytes()
        size = len(packed) // _BANDS
        return [packed[at : at + size] for at in range(0, len(packed), size)]

    def _nearest(self, shingles: _Words, keys: list[bytes]) -> tuple[int, float] | None:
        candidates: set[int] = set()
        for band, key in zip(self._bands, keys, strict=True):
            there = band.get(key)
            if isinstance(there, int):
                candidates.add(there)
            elif there is not None:
                candidates.update(there)
        best: tuple[int, float] | None = None
        for candidate in sorted(candidates):
            similarity = jaccard(shingles, self._shingles[candidate])
            if similarity >= self._near and (best is None or similarity > best[1]):
                best = candidate, similarity
        return best


def jaccard(one: _Words, other: _Words) -> float:
    """|A ∩ B| / |A ∪ B| of two sorted arrays without repeats."""
    shortest, longest = sorted((len(one), len(other)))
    if longest == 0:
        return 1.0
    if shortest < longest * NEAR / 2:
        return 0.0
    shared = len(np.intersect1d(one, other, assume_unique=True))
    return shared / (len(one) + len(other) - shared)


def near_pairs(
    texts: Iterable[str], near: float = NEAR, progress: Callable[[int], None] | None = None
) -> Iterator[NearPair]:
    """Each text that is nearly the same as an earlier one, with that one."""
    index = NearIndex(near)
    for count, text in enumerate(texts, start=1):
        pair = index.add(text)
        if pair is not None:
            yield pair
        if progress is not None and count % 1000 == 0:
            progress(count)
