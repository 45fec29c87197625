"""Random rows of packed tokens, by kind of text, seeded by the step.

Knows the token files that prepare.py writes; knows nothing of models.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

# How often each kind is drawn. Half is tasks as ChatML turns, half text; among the text, what
# the experts work on counts more than its share of the corpus.
KIND_SHARE = {
    "tasks": 0.36, "chat": 0.14, "english": 0.10, "python": 0.07, "rust": 0.07, "json": 0.06,
    "markdown": 0.05, "code": 0.03, "cypher": 0.03, "config": 0.02, "csv": 0.01, "html": 0.01,
    "sql": 0.01, "shell": 0.01, "dialogue": 0.01, "instruction": 0.01,
}  # fmt: skip
OTHER_SHARE = 0.004


class Rows:
    """Random rows of one length from the token files.

    Attributes:
        held_out: token ids of each kind that are never trained on.
    """

    def __init__(self, work: Path, length: int) -> None:
        files = sorted(work.glob("*.tokens"))
        apart = ".held-out.tokens"
        train = {
            f.stem: np.memmap(f, dtype="<u2", mode="r") for f in files if not f.name.endswith(apart)
        }
        self.held_out = {
            f.name.removesuffix(apart): np.fromfile(f, dtype="<u2")
            for f in files
            if f.name.endswith(apart)
        }
        self._train = {kind: ids for kind, ids in train.items() if ids.size > length + 1}
        self._length = length
        self._kinds = list(self._train)
        share = np.array([KIND_SHARE.get(kind, OTHER_SHARE) for kind in self._kinds])
        self._share = share / share.sum()

    def batch(self, step: int, rows: int) -> torch.Tensor:
        """(rows, length + 1) int64; the same step always gives the same rows."""
        draw = np.random.default_rng([20261120, self._length, step])
        chosen = draw.choice(len(self._kinds), size=rows, p=self._share)
        out = np.empty((rows, self._length + 1), dtype=np.int64)
        for row, kind in enumerate(chosen):
            ids = self._train[self._kinds[kind]]
            at = int(draw.integers(0, ids.size - self._length - 1))
            out[row] = ids[at : at + self._length + 1]
        return torch.from_numpy(out)

    def measured(self, at_most: int = 12) -> dict[str, torch.Tensor]:
        """Held-out rows of each kind, at most so many, none where a kind has too little."""
        found: dict[str, torch.Tensor] = {}
        for kind, ids in self.held_out.items():
            count = min(at_most, ids.size // (self._length + 1))
            if count:
                part = ids[: count * (self._length + 1)].astype(np.int64)
                found[kind] = torch.from_numpy(part.reshape(count, self._length + 1))
        return found
