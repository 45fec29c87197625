"""Labels that a second model would not give: loss under cross-fitting, highest first.

A logistic regression over hashed words learns from k-1 parts of the rows and is asked about
the last; a row whose own label it finds unlikely is worth a look (Northcutt et al. 2021,
"Confident learning", arXiv 1911.00068, ranks alike). Seconds for 10,000 rows. Knows nothing
of datasets.
"""

from __future__ import annotations

import itertools
import re
import zlib
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_FEATURES = 2**14
_WORD = re.compile(r"\w+|[^\w\s]")
_MOST_WORDS = 400
_RIDGE = 1e-4
_EPOCHS = 6
_BATCH = 128
_RATE = 0.5


@dataclass(frozen=True, slots=True)
class Doubt:
    """A row, by its place, whose label is doubted.

    Attributes:
        loss: -ln of the probability the other rows' model gives its label.
        expected: the label that model finds likeliest.
    """

    row: int
    loss: float
    expected: Hashable


def doubted_labels(
    texts: Sequence[str], labels: Sequence[Hashable], *, folds: int = 5, seed: int = 0
) -> list[Doubt]:
    """Rows whose label another is likelier than, the most doubtful first.

    Empty where there are fewer than two labels, or fewer rows than folds.
    """
    names = sorted(set(labels), key=str)
    if len(names) < 2 or len(texts) < max(folds, 4):
        return []
    number = {name: place for place, name in enumerate(names)}
    given = np.array([number[label] for label in labels])
    counted = _Counted(texts)
    chance = np.random.default_rng(seed)
    fold = chance.permutation(len(texts)) % folds
    doubts = []
    for part in range(folds):
        inside, outside = np.flatnonzero(fold != part), np.flatnonzero(fold == part)
        if not len(outside):
            continue
        weights = _fit(counted, inside, given, len(names), chance)
        chances = _chances(counted, outside, weights)
        likeliest = chances.argmax(axis=1)
        own = chances[np.arange(len(outside)), given[outside]]
        for place, best, likely in zip(outside, likeliest, own, strict=True):
            if best != given[place]:
                loss = float(-np.log(max(likely, 1e-12)))
                doubts.append(Doubt(int(place), loss, names[best]))
    return sorted(doubts, key=lambda doubt: (-doubt.loss, doubt.row))


class _Counted:
    """Words and pairs of words, hashed; each row has length 1, and a constant beside it.

    Rows lie behind one another in `columns` and `values`; row i from `starts[i]` on.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        columns, values, lengths = [], [], []
        for text in texts:
            words = _WORD.findall(text.lower())[:_MOST_WORDS]
            pairs = [f"{one} {other}" for one, other in itertools.pairwise(words)]
            hashed = [zlib.crc32(feature.encode()) % (_FEATURES - 1) for feature in words + pairs]
            found, times = np.unique(np.array(hashed, dtype=np.int64), return_counts=True)
            weight = np.log1p(times).astype(np.float32)
            weight /= np.linalg.norm(weight) or 1.0
            columns.append(np.append(found, _FEATURES - 1))
            values.append(np.append(weight, np.float32(1.0)))
            lengths.append(len(found) + 1)
        self._columns = np.concatenate(columns)
        self._values = np.concatenate(values)[:, None]
        self._lengths = np.array(lengths)
        self._starts = np.cumsum(self._lengths) - self._lengths

    def some(self, rows: NDArray[np.int64]) -> _Part:
        """These rows alone."""
        lengths = self._lengths[rows]
        starts = np.cumsum(lengths) - lengths
        taken = np.arange(lengths.sum()) + np.repeat(self._starts[rows] - starts, lengths)
        return _Part(self._columns[taken], self._values[taken], starts, lengths)


@dataclass(frozen=True, slots=True)
class _Part:
    columns: NDArray[np.int64]
    values: NDArray[np.float32]
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]

    def chances(self, weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """Of every class, (rows, classes)."""
        return _softmax(np.add.reduceat(weights[self.columns] * self.values, self.starts))

    def slope(self, wrong: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """The features in these rows, and how the loss changes with their weights."""
        of_each = self.values * np.repeat(wrong, self.lengths, axis=0)
        order = np.argsort(self.columns, kind="stable")
        used, first = np.unique(self.columns[order], return_index=True)
        return used, np.add.reduceat(of_each[order], first)


def _fit(
    counted: _Counted,
    rows: NDArray[np.int64],
    given: NDArray[np.int64],
    classes: int,
    chance: np.random.Generator,
) -> NDArray[np.float32]:
    """Weights (features, classes) of a softmax regression, by AdaGrad (Duchi et al. 2011)."""
    weights = np.zeros((_FEATURES, classes), dtype=np.float32)
    seen = np.full_like(weights, 1e-6)
    for _ in range(_EPOCHS):
        order = chance.permutation(rows)
        for start in range(0, len(order), _BATCH):
            part = order[start : start + _BATCH]
            shown = counted.some(part)
            wrong = shown.chances(weights)
            wrong[np.arange(len(part)), given[part]] -= 1.0
            used, slope = shown.slope(wrong / np.float32(len(part)))
            slope += _RIDGE * weights[used]
            seen[used] += slope**2
            weights[used] -= _RATE * slope / np.sqrt(seen[used])
    return weights


def _chances(
    counted: _Counted, rows: NDArray[np.int64], weights: NDArray[np.float32]
) -> NDArray[np.float32]:
    parts = [rows[start : start + 1024] for start in range(0, len(rows), 1024)]
    return np.concatenate([counted.some(part).chances(weights) for part in parts])


def _softmax(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
