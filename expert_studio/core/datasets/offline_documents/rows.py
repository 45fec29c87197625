"""Documents with a class, by rule and from a corpus: type, language, technologies.

With a corpus, half of the rows are its documents (`classify/train.jsonl.xz`); a fifth of
its repositories, chosen by name, gives held-out rows only. Rows whose licence is not open
are left out.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from expert_studio.core.datasets.document_prompt import (
    classification_prompt,
    label_text,
    named_text,
)
from expert_studio.core.datasets.examples import Example, read_examples
from expert_studio.core.datasets.offline_documents import (
    agreements,
    code,
    data_files,
    guides,
    interfaces,
    notes,
    press,
    prose,
)
from expert_studio.core.datasets.offline_documents.documents import Family, Pen
from expert_studio.core.datasets.offline_documents.labels import TYPES, technologies
from expert_studio.core.datasets.offline_request import (
    FamilyName,
    OfflineRequest,
    RowDraw,
    row_draws,
)
from expert_studio.core.datasets.offline_rows import MadeRow, Maker, made_examples, made_pairs
from expert_studio.core.datasets.preference import PreferencePair

__all__ = ["TASKS", "TYPES", "VERSION", "families", "preference_pairs", "sft_rows"]

VERSION = 5
_MIX = {"classify": 0.7, "classify_excerpt": 0.3}
TASKS: tuple[str, ...] = tuple(_MIX)
CORPUS_SHARE = 0.5
LEFT_OUT = ("logpai/loghub",)  # for research only, says its licence
_SOURCE = "made by rule (expert_studio.core.datasets.offline_documents)"
_FILE = Path("classify") / "train.jsonl.xz"
_LIMITS = {"easy": 1200, "medium": 700, "hard": 320}  # characters: less to go by is harder
_CONFUSED: Mapping[str, str] = {
    "api_spec": "configuration", "article": "fiction", "changelog": "documentation",
    "configuration": "api_spec", "dataset": "log", "dialogue": "fiction",
    "documentation": "tutorial", "fiction": "article", "legal": "license",
    "letter_minutes": "article", "license": "legal", "log": "dataset", "query": "source_code",
    "scientific_paper": "article", "shell_build": "configuration", "source_code": "test_code",
    "test_code": "source_code", "tutorial": "documentation", "web_page": "article",
}  # fmt: skip


class _Labelled(NamedTuple):
    """One document as it is shown, with its class."""

    path: str
    content: str
    type: str
    language: str
    technologies: list[str]
    family: str
    source: str = ""
    license: str = ""


def families() -> tuple[FamilyName, ...]:
    """All families; documents of a corpus have their repository for a family beside them."""
    return tuple(
        FamilyName(f"{task}/{family.type}/{family.name}", task, family.held_out)
        for task in TASKS
        for family in _families()
    )


def sft_rows(request: OfflineRequest) -> Iterator[Example]:
    """Yields the rows of a request, asked as `document_prompt` asks.

    Raises:
        DatasetError: the request is impossible, or the corpus cannot be read.
    """
    draws = row_draws(request, "classification", VERSION, _MIX, families)
    return made_examples(draws, _maker(request), _SOURCE)


def preference_pairs(request: OfflineRequest) -> Iterator[PreferencePair]:
    """Yields pairs whose rejected label has one flaw; raises as `sft_rows` does."""
    draws = row_draws(request, "classification", VERSION, _MIX, families)
    return made_pairs(draws, _maker(request), _SOURCE)


def as_document_row(example: Example) -> dict[str, Any]:
    """The row shape of classified documents: path, content, label, and where it comes from."""
    path, shown = named_text(example.prompt[-1].content.partition("\n\n")[2])
    origin = {"id": example.identifier, "family": example.family, "source": example.source}
    more = {"license": example.license, "task": example.task, "difficulty": example.difficulty}
    return {"path": path, "content": shown, "label": json.loads(example.answer), **origin, **more}


def _families() -> tuple[Family, ...]:
    modules = (prose, press, agreements, notes, guides, data_files, interfaces, code)
    return tuple(family for module in modules for family in module.FAMILIES)


@lru_cache(maxsize=2)
def _by_type(held_out: bool) -> Mapping[str, tuple[Family, ...]]:
    return {
        kind: tuple(one for one in _families() if one.type == kind and one.held_out == held_out)
        for kind in TYPES
    }


def _maker(request: OfflineRequest) -> Maker:
    corpus = _corpus(request.corpus, request.held_out) if request.corpus else {}

    def make(row: RowDraw) -> MadeRow:
        kind = row.chance.choice(TYPES)
        if corpus.get(kind) and row.chance.random() < CORPUS_SHARE:
            return _row(row, _of_corpus(row, corpus[kind]))
        return _row(row, _by_rule(row, kind))

    return make


def _by_rule(row: RowDraw, kind: str) -> _Labelled:
    chance = row.chance
    family = chance.choice(_by_type(row.held_out_family)[kind])
    made = family.maker(Pen(chance, row.held_out_words, row.held_out_family))
    content = _shortened(made.content, row)
    path = "" if row.task == "classify_excerpt" else made.path
    known = technologies(kind, made.language, path, content)
    return _Labelled(path, content, kind, made.language, known, f"{kind}/{family.name}")


def _of_corpus(row: RowDraw, documents: tuple[_Labelled, ...]) -> _Labelled:
    document = row.chance.choice(documents)
    if row.task != "classify_excerpt":
        return document
    length = row.chance.randint(300, 900)
    text = document.content
    start = text.find("\n", row.chance.randint(0, max(0, len(text) - length))) + 1
    shown = text[start : start + length]
    known = technologies(document.type, document.language, "", shown)  # of what is shown only
    return document._replace(path="", content=shown, technologies=known)


def _shortened(content: str, row: RowDraw) -> str:
    """The head of a document, cut at a line or a word."""
    limit = _LIMITS[row.difficulty]
    if len(content) <= limit:
        return content
    head = content[:limit]
    cut = max(head.rfind("\n"), head.rfind(". ") + 1)
    return head[:cut] if cut > limit // 2 else head.rpartition(" ")[0]


def _row(row: RowDraw, made: _Labelled) -> MadeRow:
    answer = label_text(made.type, made.language, made.technologies)
    return MadeRow(
        prompt=classification_prompt(made.path, made.content),
        answer=answer,
        family=made.family,
        scorer="label",
        wrong=_wrong(made, answer, row.chance),
        source=made.source,
        license=made.license,
    )


def _wrong(made: _Labelled, answer: str, chance: Random) -> list[tuple[str, str]]:
    kind, language, known = made.type, made.language, made.technologies
    other = chance.choice(("Python", "React", "Docker", "Redis", "Java", "Kubernetes"))
    wrong = [
        ("wrong type", label_text(_CONFUSED[kind], language, known)),
        ("wrong language", label_text(kind, "text" if language != "text" else "en", known)),
        ("text around it", f"This is a document of type {kind}: {answer}"),
        ("wrong key", answer.replace('"type"', '"kind"')),
        ("not valid JSON", answer[:-1]),
    ]
    if other not in known:
        wrong.append(("invented technology", label_text(kind, language, [*known, other])))
    if known:
        wrong.append(("missing technology", label_text(kind, language, known[:-1])))
    return wrong


@lru_cache(maxsize=2)
def _corpus(corpus: Path, held_out: bool) -> Mapping[str, tuple[_Labelled, ...]]:
    """The documents of one side of the split by repository, by type."""
    found: dict[str, list[_Labelled]] = {kind: [] for kind in TYPES}
    for example in read_examples(corpus / _FILE):
        repository = example.source
        side = zlib.crc32(repository.encode()) % 5 == 0
        label = json.loads(example.answer)
        if repository in LEFT_OUT or side != held_out or label["type"] not in found:
            continue
        row = as_document_row(example)
        found[label["type"]].append(
            _Labelled(
                path=row["path"],
                content=row["content"],
                type=label["type"],
                language=label["language"],
                technologies=label["technologies"],
                family=f"corpus/{repository}",
                source=repository,
                license=example.license,
            )
        )
    return {kind: tuple(rows) for kind, rows in found.items()}
