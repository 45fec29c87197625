"""Real functions of a corpus with the first sentence of their own documentation.

Repositories, not functions, are held out: one in five, by its name's hash. Knows nothing of
tasks or rows.
"""

from __future__ import annotations

import ast
import hashlib
import json
import lzma
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from expert_studio.core.datasets.parse_checks import completes, parses
from expert_studio.core.errors import DatasetError

MOST_CODE = 480  # characters: more would not leave room in a short context
_ASKED = re.compile(r"does this: |for this: |`\. ")
_SENTENCE = re.compile(r"[A-Z][A-Za-z0-9 ,'`_()/-]{18,110}[a-z0-9`)]\.")


@dataclass(frozen=True, slots=True)
class CorpusFunction:
    """One function; `doc` is one sentence, `signature` its head without an opening brace."""

    code: str
    signature: str
    doc: str
    repository: str
    source: str
    license: str

    @property
    def is_method(self) -> bool:
        return re.search(r"\((&?\s*(mut )?self|cls)\b", self.signature) is not None


@lru_cache(maxsize=4)
def corpus_functions(corpus: Path, language: str, held_out: bool) -> tuple[CorpusFunction, ...]:
    """The functions of `corpus/sft/LANGUAGE.jsonl.xz` that are short, whole and documented.

    Raises:
        DatasetError: the file is missing or damaged.
    """
    found: dict[str, CorpusFunction] = {}
    for function in _read(corpus / "sft" / f"{language}.jsonl.xz", language):
        if _is_held_out(function.repository) is held_out:
            found.setdefault(function.code, function)
    return tuple(found.values())


def _is_held_out(repository: str) -> bool:
    return hashlib.sha256(repository.encode()).digest()[0] % 5 == 0


def _read(path: Path, language: str) -> Iterator[CorpusFunction]:
    try:
        with lzma.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                function = _function(json.loads(line), language)
                if function is not None:
                    yield function
    except (OSError, EOFError, lzma.LZMAError, ValueError) as cause:
        raise DatasetError(
            f"The corpus file {path.name} cannot be read.",
            f"{getattr(cause, 'strerror', None) or cause}.",
            "Name the corpus folder with --corpus FOLDER.",
        ) from cause


def _function(row: Any, language: str) -> CorpusFunction | None:
    """The row as a function, or None where it is none that can be used."""
    code, said = str(row["output"]), _ASKED.split(str(row["instruction"]), maxsplit=1)
    if len(said) < 2:
        code, said = str(row["input"]), ["", str(row["output"])]
    doc = _SENTENCE.match(" ".join(said[1].split()))
    code = textwrap.dedent(code).strip()
    if doc is None or len(code) > MOST_CODE or not code.isascii():
        return None
    signature = _signature(code, language)
    if signature is None or parses(language, code) or completes(language, code, signature):
        return None
    source = str(row["source"])
    return CorpusFunction(
        code, signature, doc[0], source.partition(" ")[0], source, str(row["license"])
    )


def _signature(code: str, language: str) -> str | None:
    if language == "rust":
        head = re.match(r"(?:pub(?:\([a-z]+\))? )?fn [^{]*?(?= ?\{)", code)
        return head[0].rstrip() if head else None
    try:
        node = ast.parse(code).body[0]
    except (SyntaxError, ValueError, IndexError, RecursionError):
        return None
    if not isinstance(node, ast.FunctionDef) or node.decorator_list:
        return None
    first = node.body[0].lineno
    return "\n".join(code.splitlines()[: first - 1]) or None
