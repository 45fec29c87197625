"""What needs no model: the answer of the most similar training row, and, for labels, TF-IDF.

An expert that is not above this was not worth its training. Character n-grams of 2 to 4, hashed,
weighted by TF-IDF (term frequency by its logarithm, rows of length 1); for the type of a document
multinomial logistic regression over them. Knows nothing of engines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from expert_studio.core.datasets.document_prompt import DocumentLabel, read_label, type_in
from expert_studio.core.datasets.examples import Example

if TYPE_CHECKING:
    import numpy as np
    from scipy import sparse

GRAMS = (2, 3, 4)
FEATURE_BITS = 18
FEATURES = 1 << FEATURE_BITS
MOST_CHARACTERS = 4000
MOST_ROUNDS = 60  # of L-BFGS
STRENGTH = 1.0  # of a row against the penalty; scikit-learn's C


@dataclass(frozen=True, slots=True)
class PlainBaseline:
    """Fitted on an expert's training rows."""

    rows: tuple[Example, ...]
    _known: sparse.csr_array  # (rows, features), float32
    _rarity: np.ndarray  # (features,) float32: inverse document frequency
    _types: tuple[str, ...] = ()
    _weights: np.ndarray | None = None  # (features + 1, types) float64; the last row is the bias

    @classmethod
    def fitted(cls, rows: Sequence[Example]) -> Self:
        """Reads the rows. At least one is needed."""
        import numpy as np

        counts = _counts([_asked(row) for row in rows])
        seen = np.bincount(counts.indices, minlength=FEATURES)
        rarity = (np.log((1 + len(rows)) / (1 + seen)) + 1).astype(np.float32)
        known = _weighted(counts, rarity)
        kinds = [type_in(row.answer) for row in rows]
        labelled = [at for at, row in enumerate(rows) if row.scorer == "label" and kinds[at]]
        types = tuple(sorted({kinds[at] for at in labelled}))
        weights = None
        if len(types) > 1:
            wanted = np.array([types.index(kinds[at]) for at in labelled])
            weights = _regression(known[labelled], wanted, len(types))
        return cls(tuple(rows), known, rarity, types, weights)

    def answers(self, examples: Sequence[Example]) -> tuple[str, ...]:
        """What it says to each; a document's type by regression, the rest of its label copied."""
        asked = _weighted(_counts([_asked(example) for example in examples]), self._rarity)
        found = []
        for at, example in enumerate(examples):
            one = asked[[at]]
            near = self.rows[int((self._known @ one.T).toarray().ravel().argmax())].answer
            typed = self._weights is not None and example.scorer == "label"
            found.append(self._typed(one, near) if typed else near)
        return tuple(found)

    def _typed(self, asked: sparse.csr_array, near: str) -> str:
        assert self._weights is not None
        scores = asked @ self._weights[:-1] + self._weights[-1]
        kind, label = self._types[int(scores.argmax())], read_label(near)
        copied = DocumentLabel(kind) if label is None else replace(label, type=kind)
        return copied.text


def _asked(row: Example) -> str:
    return "\n".join(turn.content for turn in row.prompt)[:MOST_CHARACTERS]


def _grams(text: str) -> np.ndarray:
    """The features of every n-gram of the text's bytes."""
    import numpy as np

    data = np.frombuffer(text.encode("utf-8", "replace"), dtype=np.uint8).astype(np.uint64)
    found = []
    for size in GRAMS:
        if len(data) >= size:
            ends = len(data) - size + 1
            packed = np.full(ends, size, dtype=np.uint64)
            for at in range(size):
                packed = (packed << np.uint64(8)) | data[at : at + ends]
            mixed = packed * np.uint64(0x9E3779B97F4A7C15)  # Fibonacci hashing
            found.append((mixed >> np.uint64(64 - FEATURE_BITS)).astype(np.int32))
    return np.concatenate(found) if found else np.zeros(0, dtype=np.int32)


def _counts(texts: Sequence[str]) -> sparse.csr_array:
    """How often each n-gram of bytes occurs in each text, (texts, features)."""
    import numpy as np
    from scipy import sparse

    indices, data, ends = [], [], [0]
    for text in texts:
        found, times = np.unique(_grams(text), return_counts=True)
        indices.append(found)
        data.append(times.astype(np.float32))
        ends.append(ends[-1] + len(found))
    return sparse.csr_array(
        (np.concatenate(data), np.concatenate(indices), np.array(ends)),
        shape=(len(texts), FEATURES),
    )


def _weighted(counts: sparse.csr_array, rarity: np.ndarray) -> sparse.csr_array:
    """TF-IDF of each row, the row's Euclidean length 1."""
    import numpy as np
    from scipy import sparse

    values = (1 + np.log(counts.data)) * rarity[counts.indices]
    of_row = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))
    lengths = np.sqrt(np.bincount(of_row, weights=values**2, minlength=counts.shape[0]))
    values = (values / np.maximum(lengths, 1e-9)[of_row]).astype(np.float32)
    return sparse.csr_array((values, counts.indices, counts.indptr), shape=counts.shape)


def _regression(rows: sparse.csr_array, wanted: np.ndarray, types: int) -> np.ndarray:
    """Weights of a multinomial logistic regression, (features + 1, types); bias not penalised."""
    import numpy as np
    from scipy import optimize

    at = np.arange(len(wanted))
    used = np.unique(rows.indices)  # what no row has stays 0
    dense_columns = rows[:, used]
    shape = (len(used) + 1, types)

    def cost(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights = flat.reshape(shape)
        scores = dense_columns @ weights[:-1] + weights[-1]
        scores -= scores.max(1, keepdims=True)
        chances = np.exp(scores)
        chances /= chances.sum(1, keepdims=True)
        loss = -STRENGTH * np.log(np.maximum(chances[at, wanted], 1e-30)).sum()
        chances[at, wanted] -= 1
        gradient = np.empty(shape)
        gradient[:-1] = STRENGTH * (dense_columns.T @ chances) + weights[:-1]
        gradient[-1] = STRENGTH * chances.sum(0)
        return float(loss + 0.5 * (weights[:-1] ** 2).sum()), gradient.ravel()

    start = np.zeros(shape[0] * shape[1])
    found = optimize.minimize(
        cost, start, jac=True, method="L-BFGS-B", options={"maxiter": MOST_ROUNDS}
    )
    weights = np.zeros((FEATURES + 1, types))
    weights[used] = found.x.reshape(shape)[:-1]
    weights[-1] = found.x.reshape(shape)[-1]
    return weights
