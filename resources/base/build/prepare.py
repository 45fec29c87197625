"""Packs the corpus into rows of tokens for the base's pre-training.

Knows the corpus' layout (../shared/corpus) and the tokenizer; knows nothing of
models. Writes, into the work folder:

- `KIND.tokens`: uint16 little endian, documents shuffled (seeded) and joined by
  `<|endoftext|>`; the instruction sets become ChatML turns of kind `chat`;
- `KIND.held-out.tokens`: documents whose hash falls into one of 50 classes, at
  most 60,000 tokens a kind, never trained on;
- `tasks.tokens`: rows of the six experts' kinds of task as ChatML turns, made by the
  product's own generators from tasks.json (training families and words alone);
- `packed.json`: tokens by kind and part, the corpus files and their hashes.

Sources whose licence does not allow it are left out (`logpai/loghub`).

    python resources/base/build/prepare.py --corpus ../shared/corpus --work .pretraining
    python resources/base/build/prepare.py ... --only-tasks   # the rest lies there already
"""

from __future__ import annotations

import argparse
import hashlib
import json
import lzma
import random
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from expert_studio.core.datasets.dataset_recipe import build, read_dataset_recipe
from expert_studio.core.datasets.examples import Turn

LEFT_OUT_SOURCES = frozenset({"logpai/loghub"})
HELD_OUT_CLASSES = 50  # one document in so many is held out
HELD_OUT_TOKENS = 60_000
SEED = 20261120
BASE = Path(__file__).resolve().parents[1]


def documents(corpus: Path) -> Iterator[tuple[str, str]]:
    """Yields (kind, text) of every document and instruction row that may be used."""
    for file in sorted((corpus / "pretrain").glob("*.jsonl.xz")):
        with lzma.open(file, "rt", encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                if row["source"] not in LEFT_OUT_SOURCES:
                    yield row["kind"], row["text"]
    for file in sorted((corpus / "sft").glob("*.jsonl.xz")):
        with lzma.open(file, "rt", encoding="utf-8") as lines:
            for line in lines:
                yield "chat", as_chatml(json.loads(line))


def as_chatml(row: dict[str, str]) -> str:
    """One instruction row as the two ChatML turns the chat template makes of it."""
    asked = row["instruction"] + ("\n\n" + row["input"] if row.get("input") else "")
    return turns_as_chatml((Turn("user", asked), Turn("assistant", row["output"])))


def turns_as_chatml(turns: Iterable[Turn]) -> str:
    """A conversation as the chat template writes it."""
    return "".join(f"<|im_start|>{turn.role}\n{turn.content}<|im_end|>\n" for turn in turns)


def pack_tasks(corpus: Path, work: Path) -> dict[str, int]:
    """Writes tasks.tokens; returns its tokens. The recipe has no held-out rows to write."""
    tokenizer = Tokenizer.from_file(str(BASE / "tokenizer.json"))
    made = build(read_dataset_recipe(BASE / "build" / "tasks.json"), corpus).train
    texts = [turns_as_chatml(example.turns) for example in made]
    random.Random(SEED).shuffle(texts)
    ids = _encode(tokenizer, texts, tokenizer.token_to_id("<|endoftext|>"))
    ids.tofile(work / "tasks.tokens")
    return {"rows": len(texts), "tokens": int(ids.size)}


def is_held_out(text: str) -> bool:
    """Whether a document is for measuring only: by hash, so that every run agrees."""
    digest = hashlib.sha256(text.encode()).digest()
    return int.from_bytes(digest[:4], "big") % HELD_OUT_CLASSES == 0


def pack(corpus: Path, work: Path) -> dict[str, dict[str, int]]:
    """Writes the token files; returns tokens by kind and part."""
    tokenizer = Tokenizer.from_file(str(BASE / "tokenizer.json"))
    end = tokenizer.token_to_id("<|endoftext|>")
    by_kind: dict[str, list[str]] = {}
    for kind, text in documents(corpus):
        by_kind.setdefault(kind, []).append(text)
    counts: dict[str, dict[str, int]] = {}
    work.mkdir(parents=True, exist_ok=True)
    for kind, texts in sorted(by_kind.items()):
        random.Random(SEED).shuffle(texts)
        parts = {
            "tokens": [text for text in texts if not is_held_out(text)],
            "held-out.tokens": [text for text in texts if is_held_out(text)],
        }
        counts[kind] = {}
        for part, chosen in parts.items():
            ids = _encode(tokenizer, chosen, end)
            if part != "tokens":
                ids = ids[:HELD_OUT_TOKENS]
            ids.tofile(work / f"{kind}.{part}")
            counts[kind][part] = int(ids.size)
        print(kind, counts[kind], flush=True)
    return counts


def _encode(tokenizer: Tokenizer, texts: list[str], end: int) -> np.ndarray:
    pieces: list[np.ndarray] = []
    for start in range(0, len(texts), 512):
        encodings = tokenizer.encode_batch_fast(texts[start : start + 512])
        pieces += [np.asarray([*encoding.ids, end], dtype="<u2") for encoding in encodings]
    return np.concatenate(pieces) if pieces else np.empty(0, dtype="<u2")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--only-tasks", action="store_true", help="keep the other token files")
    given = parser.parse_args()
    written = given.work / "packed.json"
    if given.only_tasks:
        record = json.loads(written.read_text())
    else:
        counts = pack(given.corpus, given.work)
        hashes = {
            str(file.relative_to(given.corpus)): hashlib.sha256(file.read_bytes()).hexdigest()
            for file in sorted(given.corpus.rglob("*.jsonl.xz"))
        }
        record = {"seed": SEED, "tokens": counts, "corpus_sha256": hashes}
    record["tokens"]["tasks"] = pack_tasks(given.corpus, given.work)
    written.write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
