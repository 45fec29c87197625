"""How a document is shown to a model that shall say what it is, and how it answers.

The same wording serves training, scoring and the classify page, so that a classifier
meets what it learned on. Knows nothing of files, models or training.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

HEAD_CHARACTERS = 1100
TAIL_CHARACTERS = 500
GAP = "\n[...]\n"
INSTRUCTION = "Classify this document: type, language and technologies as JSON."


def classification_prompt(path: str, text: str) -> str:
    """The message that asks for a document's class: its name, its head and its tail.

    `path` may be ""; of longer texts 1,100 characters of the head and 500 of the tail are shown.
    """
    shown = text.strip()
    if len(shown) > HEAD_CHARACTERS + TAIL_CHARACTERS:
        shown = shown[:HEAD_CHARACTERS].rstrip() + GAP + shown[-TAIL_CHARACTERS:].lstrip()
    name = f"File: {path}\n\n" if path else ""
    return f"{INSTRUCTION}\n\n{name}{shown}"


def label_text(kind: str, language: str, technologies: Iterable[str]) -> str:
    """The answer to learn: one line of JSON, keys in the seeds' order."""
    label = {"type": kind, "language": language, "technologies": list(technologies)}
    return json.dumps(label, ensure_ascii=False)
