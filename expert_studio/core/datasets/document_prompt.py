"""How a document is shown to a model that shall say what it is, and how it answers.

The same wording serves training, scoring and whoever asks in the window, so that a classifier
meets what it learned on. Knows nothing of files, models or training.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

HEAD_CHARACTERS = 700  # with 1,100 and 500 no type more was right, in twice the time
TAIL_CHARACTERS = 200
GAP = "\n[...]\n"
INSTRUCTION = "Classify this document: type, language and technologies as JSON."
# A notice of who owns a file says nothing of what it is, and is often all of the head.
_NOTICE = re.compile(
    r"\A(?P<first>#![^\n]*\n)?\s*"
    r"(?P<notice>/\*.*?\*/|<!--.*?-->|(?:[ \t]*(?://|#|--|;|%)[^\n]*(?:\n|\Z)){2,})\s*",
    re.DOTALL,
)
_OWNED = re.compile(r"copyright|licen[cs]ed? |SPDX-License", re.IGNORECASE)
_NAMED = re.compile(
    r"File: (?P<name>[^\n]+)\n\n(?:(?P<text>.+)\n\nFile: (?P=name)|(?P<rest>.+))", re.DOTALL
)
# a file dropped on the conversation, as `core.inference.attached_text` writes it
_ATTACHED = re.compile(r"(?P<name>[^\n]+):\n(?P<fence>`{3,})\n(?P<text>.+)\n(?P=fence)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class DocumentLabel:
    """What a classifier says of a document."""

    type: str
    language: str = ""
    technologies: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """As it is answered."""
        return label_text(self.type, self.language, self.technologies)


def classification_prompt(path: str, text: str) -> str:
    """The message that asks for a document's class: its name, its head, its tail, its name again.

    `path` may be ""; of longer texts 700 characters of the head and 200 of the tail are shown,
    without a notice of copyright at their start. A small model loses hold of a name that stands
    300 tokens before its answer, and a text is read otherwise by who knows its name.
    """
    shown = text.strip()
    if len(shown) > HEAD_CHARACTERS + TAIL_CHARACTERS:
        shown = _without_notice(shown)
    if len(shown) > HEAD_CHARACTERS + TAIL_CHARACTERS:
        shown = shown[:HEAD_CHARACTERS].rstrip() + GAP + shown[-TAIL_CHARACTERS:].lstrip()
    named = f"File: {path}\n\n{shown}\n\nFile: {path}" if path else shown
    return f"{INSTRUCTION}\n\n{named}"


def asks_for_a_class(question: str) -> bool:
    """Whether a question is the one that classifiers learned, whole or its first words."""
    asked = question.strip().rstrip(".:").lower()
    return asked in (INSTRUCTION.rstrip(".").lower(), INSTRUCTION.partition(":")[0].lower())


def _without_notice(text: str) -> str:
    """The text after a leading comment that says who owns it, if there is text after it."""
    found = _NOTICE.match(text)
    if found is None or not _OWNED.search(found["notice"]):
        return text
    rest = f"{found['first'] or ''}{text[found.end() :]}"
    return rest if len(rest) > TAIL_CHARACTERS else text


def label_text(kind: str, language: str, technologies: Iterable[str]) -> str:
    """The answer to learn: one line of JSON, keys in the seeds' order."""
    label = {"type": kind, "language": language, "technologies": list(technologies)}
    return json.dumps(label, ensure_ascii=False)


def read_label(answer: str) -> DocumentLabel | None:
    """The label an answer gives; None where it gives none.

    A JSON object with a `type` that is a word, whatever stands beside it in the way of keys.
    """
    try:
        said = json.loads(answer)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict) or not isinstance(said.get("type"), str) or not said["type"]:
        return None
    language, technologies = said.get("language"), said.get("technologies")
    named = technologies if isinstance(technologies, list) else []
    return DocumentLabel(
        said["type"],
        language if isinstance(language, str) else "",
        tuple(name for name in named if isinstance(name, str)),
    )


def type_in(answer: str) -> str:
    """The type that an answer names, "" where it gives no label."""
    label = read_label(answer)
    return "" if label is None else label.type


def document_in(message: str) -> tuple[str, str]:
    """Name and text of the document that a message asks about; the name may be "".

    Reads what `classification_prompt` wrote, a file dropped on the conversation, and any
    question whose first paragraph asks and whose rest is the document.
    """
    _, parted, rest = message.strip().partition("\n\n")
    if parted and not _ATTACHED.fullmatch(message.strip()):
        message = rest
    return named_text(message.strip())


def named_text(shown: str) -> tuple[str, str]:
    """Name and text of a document as it is shown below the question; the name may be ""."""
    if found := _NAMED.fullmatch(shown):
        return found["name"], found["text"] or found["rest"]
    if found := _ATTACHED.fullmatch(shown):
        return found["name"], found["text"]
    return "", shown
