"""Right sentences of a corpus, each with its source and licence.

Reads the right side of `sft/grammar.jsonl.xz`; about a fifth of its repositories, named
below, give held-out rows only.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from expert_studio.core.datasets.examples import read_examples

_FILE = Path("sft") / "grammar.jsonl.xz"
_SENTENCE = re.compile(r"(?![IVXLC]+ )[A-Z][a-z]*[ ,'][^()\[\]]{18,160}[.!?]")
HELD_OUT_REPOSITORIES = (
    "standardebooks/l-frank-baum_the-wonderful-wizard-of-oz",
    "standardebooks/e-nesbit_the-railway-children",
    "standardebooks/eleanor-h-porter_pollyanna",
    "standardebooks/e-nesbit_five-children-and-it",
)


class CleanText(NamedTuple):
    """A right sentence."""

    text: str
    source: str
    license: str


@lru_cache(maxsize=4)
def clean_text(corpus: Path, held_out: bool) -> tuple[CleanText, ...]:
    """The sentences of one side of the split, in file order, 20 to 180 characters long.

    Raises:
        DatasetError: the file is missing or damaged.
    """
    found = []
    for example in read_examples(corpus / _FILE):
        source = example.source.partition(" (")[0]
        if (source in HELD_OUT_REPOSITORIES) == held_out and _SENTENCE.fullmatch(example.answer):
            found.append(CleanText(example.answer, source, example.license))
    return tuple(dict.fromkeys(found))
