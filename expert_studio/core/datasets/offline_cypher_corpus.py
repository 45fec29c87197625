"""Real questions of the text2cypher corpus in the shape of the rows made by rule.

For scoring alone: no generator draws from them. The corpus's long schemas are cut to the labels
of the query and their neighbours, in the two lines that `offline_cypher_schemas` writes.
"""

from __future__ import annotations

import json
import lzma
import re
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from expert_studio.core.datasets.examples import Example, Turn
from expert_studio.core.datasets.offline_cypher_schemas import schema_text
from expert_studio.core.datasets.parse_checks import parses
from expert_studio.core.errors import DatasetError

FILE = "text2cypher.jsonl.xz"
FAMILY = "neo4j-labs/text2cypher"
MOST_PROPERTIES = 6  # of a label, those of the query first
MOST_LABELS = 5
_LABEL = re.compile(r"^- \*\*(\w+)\*\*$", re.MULTILINE)
_PROPERTY = re.compile(r"^  - `(\w+)`", re.MULTILINE)
_HOP = re.compile(r"\(:(\w+)\)-\[:(\w+)\]->\(:(\w+)\)")


def text2cypher_rows(path: Path, count: int, seed: int) -> Iterator[Example]:
    """Yields at most `count` rows, drawn by `seed`, that have a schema and whose queries parse.

    `path` is the corpus's `sft/text2cypher.jsonl.xz`.

    Raises:
        DatasetError: the corpus file is missing or damaged.
    """
    rows = _rows(path)
    Random(f"text2cypher-{seed}").shuffle(rows)
    made = 0
    for number, row in enumerate(rows):
        if made == count:
            return
        prompt = _prompt(str(row["input"]), str(row["output"]))
        if prompt is not None and parses("cypher", str(row["output"])) is None:
            made += 1
            yield Example(
                turns=(Turn("user", prompt), Turn("assistant", str(row["output"]))),
                identifier=f"text2cypher-{seed}-{number}",
                family=FAMILY,
                source=str(row["source"]),
                license=str(row["license"]),
                scorer="cypher",
                task="text2cypher",
            )


def _rows(path: Path) -> list[dict[str, Any]]:
    try:
        with lzma.open(path, "rt", encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]
    except (OSError, EOFError, lzma.LZMAError, ValueError) as cause:
        raise DatasetError(
            f"The corpus file {path.name} cannot be read.",
            f"{getattr(cause, 'strerror', None) or cause}.",
            "Give the corpus's own file, sft/text2cypher.jsonl.xz.",
        ) from cause


def _prompt(given: str, query: str) -> str | None:
    """The question under a short schema; None where the row has another shape."""
    schema, found, question = given.partition("\n\nQuestion: ")
    blocks = _LABEL.split(schema.partition("Relationship properties:")[0])[1:]
    labels = {name: _PROPERTY.findall(text) for name, text in zip(*[iter(blocks)] * 2, strict=True)}
    hops = list(dict.fromkeys(_HOP.findall(schema)))
    used = {name for name in labels if re.search(rf":{name}\b", query)}
    if not (found and used):
        return None
    kept = sorted(used, key=list(labels).index)
    for start, _, end in hops:
        near = {start, end} - set(kept)
        if len(near) == 1 and near <= labels.keys() and len(kept) < MOST_LABELS:
            kept += near
    shown = schema_text(
        [(name, _shown(labels[name], query)) for name in kept],
        [(a, kind, b) for a, kind, b in hops if a in kept and b in kept],
    )
    return f"Write a Cypher query for this question.\n{shown}\n\n{question.strip()}"


def _shown(properties: list[str], query: str) -> list[str]:
    """The first properties, and all that the query names, in their order."""
    named = [each for each in properties if re.search(rf"\b{each}\b", query)]
    others = [each for each in properties if each not in named]
    chosen = {*named, *others[: max(0, MOST_PROPERTIES - len(named))]}
    return [each for each in properties if each in chosen]
