"""How well the base foretells text it never saw, by kind, beside a 5-gram model and xz.

Knows the token files of prepare.py and a base's folder; knows nothing of training. Bits per
byte of the held-out text: of the base in rows of 512 tokens, of an interpolated 5-gram model
(Witten and Bell 1991) over the same tokens that read the first tokens of that kind's training
part, and of xz -9e, which reads nothing but the text itself. And the base's loss by position,
in rows of 4,096 tokens.

    python resources/base/build/evaluate.py --work .pretraining \
        --out resources/base/build/evaluation.json --most 8192 --read 200000
"""

from __future__ import annotations

import argparse
import hashlib
import json
import lzma
import math
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from arithmetic import Body
from pretrain import read_shape
from safetensors.torch import load_file
from tokenizers import Tokenizer

BASE = Path(__file__).resolve().parents[1]
ROW = 512
LONG_ROW = 4096
BANDS = (0, 128, 512, 1024, 2048, 4096)
ORDER = 5


class NGrams:
    """An interpolated n-gram model: how often what followed which tokens before."""

    def __init__(self, ids: list[int], vocabulary: int) -> None:
        self._vocabulary = vocabulary
        # By context: all that followed it, and what followed how often.
        self._seen: list[dict[tuple[int, ...], dict[int, int]]] = []
        for size in range(ORDER):
            counts: dict[tuple[int, ...], dict[int, int]] = defaultdict(dict)
            for at in range(size, len(ids)):
                followers = counts[tuple(ids[at - size : at])]
                followers[ids[at]] = followers.get(ids[at], 0) + 1
            self._seen.append(dict(counts))
        self._total = [
            {context: sum(found.values()) for context, found in seen.items()} for seen in self._seen
        ]

    def bits(self, ids: list[int]) -> float:
        """Of all tokens of a text, one after the other."""
        return sum(-math.log2(self._chance(ids, at)) for at in range(len(ids)))

    def _chance(self, ids: list[int], at: int) -> float:
        chance = 1 / self._vocabulary
        for size in range(min(ORDER - 1, at) + 1):
            context = tuple(ids[at - size : at])
            followers = self._seen[size].get(context)
            if followers is None:
                break
            total, kinds = self._total[size][context], len(followers)
            chance = (followers.get(ids[at], 0) + kinds * chance) / (total + kinds)
        return chance


def measure(base: Path, work: Path, most: int, read: int) -> dict[str, object]:
    """The tables, over at most so many held-out tokens a kind; n-grams read `read` tokens."""
    weights = {n: w.float() for n, w in load_file(base / "model.safetensors").items()}
    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    short = Body(weights, read_shape(), ROW, fuse=False)
    kinds: dict[str, dict[str, float]] = {}
    for path in sorted(work.glob("*.held-out.tokens")):
        kind = path.name.removesuffix(".held-out.tokens")
        ids = np.fromfile(path, dtype="<u2", count=most + 1).astype(np.int64)
        rows = (ids.size - 1) // ROW
        ids = ids[: rows * ROW + 1]
        nats = sum(
            float(short.losses(torch.from_numpy(ids[None, at * ROW : (at + 1) * ROW + 1])).sum())
            for at in range(rows)
        )
        told = ids[1:].tolist()
        text = tokenizer.decode(told, skip_special_tokens=False).encode()
        train = np.fromfile(work / f"{kind}.tokens", dtype="<u2", count=read).tolist()
        kinds[kind] = {
            "tokens": len(told),
            "bytes": len(text),
            "nats_per_token": round(nats / len(told), 4),
            "base": round(nats / math.log(2) / len(text), 4),
            "5-gram": round(NGrams(train, tokenizer.get_vocab_size()).bits(told) / len(text), 4),
            "xz": round(
                8 * len(lzma.compress(text, preset=9 | lzma.PRESET_EXTREME)) / len(text), 4
            ),
        }
        print(kind, kinds[kind], flush=True)
    return {
        "weights_sha256": hashlib.sha256((base / "model.safetensors").read_bytes()).hexdigest(),
        "row_tokens": ROW,
        "ngrams_read_tokens": read,
        "bits_per_byte": kinds,
        "nats_by_position": by_position(weights, work),
    }


@torch.no_grad()
def by_position(weights: dict[str, torch.Tensor], work: Path) -> dict[str, float]:
    """Mean loss in bands of positions, over one row of every kind that has enough tokens."""
    body = Body(weights, read_shape(), LONG_ROW, fuse=False)
    lines = []
    for path in sorted(work.glob("*.held-out.tokens")):
        ids = np.fromfile(path, dtype="<u2", count=LONG_ROW + 1).astype(np.int64)
        if ids.size == LONG_ROW + 1:
            lines.append(body.losses(torch.from_numpy(ids[None]))[0])
    mean = torch.stack(lines).mean(0)
    return {
        f"{start}-{end}": round(float(mean[start:end].mean()), 4) for start, end in pairwise(BANDS)
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--base", type=Path, default=BASE)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--most", type=int, default=16_384, help="held-out tokens a kind")
    parser.add_argument("--read", type=int, default=500_000, help="tokens the n-grams read a kind")
    given = parser.parse_args()
    found = measure(given.base, given.work, given.most, given.read)
    given.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
