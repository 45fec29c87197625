"""A row as a dataset keeps it: one canonical line of JSON, and the hashes that name it.

Three kinds: a conversation, a preference pair, a classified document. Equal rows have
equal bodies, byte for byte, on every machine. Knows nothing of databases or files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from expert_studio.core.datasets.examples import Example, Turn, parse_row
from expert_studio.core.datasets.preference import PreferencePair, is_preference, parse_preference
from expert_studio.core.datasets.row_document import ClassifiedDocument
from expert_studio.core.errors import DatasetError

Kind = Literal["chat", "preference", "classification"]
KINDS: tuple[Kind, ...] = ("chat", "preference", "classification")
Item = Example | PreferencePair | ClassifiedDocument

_ORIGIN = ("family", "source", "license", "task", "difficulty")
_END = "\x1f"  # between texts where they are hashed together
_encode = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), check_circular=False
).encode


@dataclass(frozen=True, slots=True)
class Body:
    """One row as kept.

    Attributes:
        kind: which of the three shapes.
        text: the canonical JSON: sorted keys, no blanks, characters as they are.
        hash: SHA-256 of `text`, hex; names the row in sidecars and versions.
        content: 64 bits of the SHA-256 of what is said, signed: equal for rows that differ
            in family or identifier only.
    """

    kind: Kind
    text: str
    hash: str
    content: int
    family: str
    task: str
    difficulty: str
    label: str
    chars: int

    @property
    def item(self) -> Item:
        return item_of(self.kind, self.text)


def body_of(item: Item) -> Body:
    """The canonical form of a row.

    Raises:
        DatasetError: its text holds half a surrogate pair, which no file can hold.
    """
    kind, row = row_of(item)
    try:
        text = canonical(row)
        said = _END.join((kind, *_spoken(item)))
        row_hash = hashlib.sha256(text.encode()).hexdigest()
        content = hashlib.sha256(said.encode()).digest()[:8]
    except (UnicodeEncodeError, RecursionError) as cause:
        raise DatasetError(
            "A row cannot be kept.",
            "Its text holds half a character (a lone surrogate).",
            "Correct that text or leave the row out.",
        ) from cause
    return Body(
        kind=kind,
        text=text,
        hash=row_hash,
        content=int.from_bytes(content, "big", signed=True),
        family=item.family,
        task=item.task,
        difficulty=item.difficulty,
        label=label_of(item),
        chars=sum(len(text) for text in texts_of(item)),
    )


def canonical(value: object) -> str:
    """JSON that depends on the value alone."""
    return _encode(value)


def row_of(item: Item) -> tuple[Kind, dict[str, Any]]:
    """The kind of a row and its fields, empty ones left out."""
    if isinstance(item, Example):
        row: dict[str, Any] = {"messages": _messages(item.turns), "reasoning": item.reasoning}
        return "chat", _with_origin(row, item, item.scorer, item.check)
    if isinstance(item, PreferencePair):
        row = {
            "prompt": _messages(item.prompt),
            "chosen": item.chosen,
            "rejected": item.rejected,
            "flaw": item.flaw,
        }
        kept = _with_origin(row, item, item.scorer, item.check)
        return "preference", {"chosen": item.chosen, "rejected": item.rejected} | kept
    row = {
        "content": item.content,
        "label": {
            "type": item.type,
            "language": item.language,
            "technologies": list(item.technologies),
        },
    }
    kept = _with_origin(row, item, "exact", "")
    return "classification", {"path": item.path, "content": item.content} | kept


def item_of(kind: str, text: str) -> Item:
    """The row a body was made from."""
    row = json.loads(text)
    if kind == "preference":
        return parse_preference(row)
    if kind == "classification":
        return parse_document(row)
    return parse_row(row)


def parse_item(row: object) -> Item:
    """Turns one row, of any known shape, into the kind it is.

    Raises:
        DatasetError: it has none of the known shapes; `why` names what is missing.
    """
    if isinstance(row, Mapping):
        if is_preference(row):
            return parse_preference(row)
        if _is_document(row):
            return parse_document(row)
    return parse_row(row)


def parse_document(row: Mapping[str, Any]) -> ClassifiedDocument:
    """Turns `{"path", "content", "label": {...}}`, or the same laid flat, into a document.

    Raises:
        DatasetError: the label has no type, or there is no text.
    """
    label = row.get("label", row)
    content = row.get("content", row.get("text"))
    if isinstance(label, str):
        label = {"type": label}
    if not isinstance(label, Mapping) or not isinstance(label.get("type"), str):
        raise _unusable("Its label has no type.")
    if not isinstance(content, str):
        raise _unusable("It has no document text.")
    named = label.get("technologies") or ()
    if not isinstance(named, list | tuple) or not all(isinstance(one, str) for one in named):
        raise _unusable("The technologies of its label are not a list of names.")
    repository = row.get("source_repo", "")
    return ClassifiedDocument(
        path=_text(row, "path"),
        content=content,
        type=label["type"],
        language=_text(label, "language"),
        technologies=tuple(named),
        identifier=str(row.get("id", "")),
        family=str(row.get("family", repository)),
        source=str(row.get("source", repository)),
        license=_text(row, "license"),
        task=_text(row, "task"),
        difficulty=_text(row, "difficulty"),
    )


def texts_of(item: Item) -> tuple[str, ...]:
    """Everything said in a row, in order."""
    if isinstance(item, Example):
        spoken = tuple(turn.content for turn in item.turns)
        return (*spoken, item.reasoning) if item.reasoning else spoken
    if isinstance(item, PreferencePair):
        return (*(turn.content for turn in item.prompt), item.chosen, item.rejected)
    return (item.path, item.content, item.type, item.language, *item.technologies)


def with_texts(item: Item, change: Callable[[str], str]) -> Item:
    """The row with everything said in it changed; roles, labels' names and origin stay."""
    if isinstance(item, Example):
        turns = tuple(replace(turn, content=change(turn.content)) for turn in item.turns)
        return replace(item, turns=turns, reasoning=change(item.reasoning))
    if isinstance(item, PreferencePair):
        return replace(
            item,
            prompt=tuple(replace(turn, content=change(turn.content)) for turn in item.prompt),
            chosen=change(item.chosen),
            rejected=change(item.rejected),
        )
    return replace(item, content=change(item.content))


def _spoken(item: Item) -> tuple[str, ...]:
    """What makes two rows say the same: the texts, and who says them."""
    if isinstance(item, ClassifiedDocument):
        return texts_of(item)
    turns = item.turns if isinstance(item, Example) else item.prompt
    return (*(turn.role for turn in turns), *texts_of(item))


def prompt_and_answer(item: Item) -> tuple[str, str]:
    """What is asked and what is answered, as two texts; of a pair the chosen answer."""
    if isinstance(item, ClassifiedDocument):
        return f"{item.path}\n{item.content}".strip(), item.type
    turns = item.prompt
    asked = "\n\n".join(turn.content for turn in turns)
    return asked, item.chosen if isinstance(item, PreferencePair) else item.answer


def label_of(item: Item) -> str:
    """The class a row counts under: a document's type, a pair's flaw, else ""."""
    if isinstance(item, ClassifiedDocument):
        return item.type
    if isinstance(item, PreferencePair):
        return item.flaw
    if item.scorer == "label":
        try:
            label = json.loads(item.answer)
        except (ValueError, RecursionError):
            return item.answer[:80]
        return str(label.get("type", "")) if isinstance(label, dict) else str(label)[:80]
    return ""


def _messages(turns: Iterable[Turn]) -> list[dict[str, str]]:
    return [{"role": turn.role, "content": turn.content} for turn in turns]


def _with_origin(row: dict[str, Any], item: Item, scorer: str, check: str) -> dict[str, Any]:
    row["id"] = item.identifier
    row["scorer"] = "" if scorer == "exact" else scorer
    row["check"] = check
    for name in _ORIGIN:
        row[name] = getattr(item, name)
    return {name: value for name, value in row.items() if value}


def _is_document(row: Mapping[str, Any]) -> bool:
    if isinstance(row.get("messages"), list):
        return False
    if "label" in row:
        return "content" in row or "text" in row
    return {"type", "language", "text"} <= row.keys()


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return value if isinstance(value, str) else ""


def _unusable(why: str) -> DatasetError:
    return DatasetError(
        "A row cannot be used for training.", why, "Map its fields or leave it out."
    )
