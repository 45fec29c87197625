"""What a person says of an answer, as a row to learn from: edited, voted on, bad, relabelled.

Each becomes an ordinary row in a dataset of the person's choice, with conversation, stack and
time beside it. Knows nothing of windows or of how answers are made.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from expert_studio.core.datasets.document_prompt import DocumentLabel
from expert_studio.core.datasets.examples import Example, Turn
from expert_studio.core.datasets.preference import PreferencePair
from expert_studio.core.datasets.row_body import Item
from expert_studio.core.datasets.row_document import ClassifiedDocument
from expert_studio.core.datasets.row_provenance import Provenance
from expert_studio.core.datasets.store import DatasetStore
from expert_studio.core.datasets.store_intake import Appended
from expert_studio.core.errors import DatasetError

AsRow = Literal["answer", "preference"]
MARKED_BAD = "Marked as a bad answer; edit it to say what would have been right."


@dataclass(frozen=True, slots=True)
class AnswerOrigin:
    """Where the answer came from.

    Attributes:
        conversation, turn: their identifiers.
        stack: the experts it was given with, "name version" to weight.
        base: the base model's name.
        at: unix time, seconds; 0 for now.
        earlier_stacks: those that said earlier parts of the same answer, in order.
        sampling: how it was decoded, by name of the parameter.
    """

    conversation: str = ""
    turn: str = ""
    stack: Mapping[str, float] = field(default_factory=dict)
    base: str = ""
    at: float = 0.0
    earlier_stacks: tuple[Mapping[str, float], ...] = ()
    sampling: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EditedAnswer:
    """The person wrote what the answer should have been.

    Attributes:
        prompt: everything said before the answer, the person's message last.
        as_row: an answer to learn, or a pair that prefers the edited one to the given one.
    """

    prompt: tuple[Turn, ...]
    given: str
    edited: str
    as_row: AsRow = "answer"


@dataclass(frozen=True, slots=True)
class Vote:
    """Of two answers to one prompt, the person preferred one."""

    prompt: tuple[Turn, ...]
    better: str
    worse: str


@dataclass(frozen=True, slots=True)
class ThumbsDown:
    """The person marked an answer as bad and did not say what would be right.

    Nothing can be learned from that alone: the row is kept, rejected, until it is edited.
    """

    prompt: tuple[Turn, ...]
    given: str


@dataclass(frozen=True, slots=True)
class ThumbsUp:
    """The person marked an answer as good."""

    prompt: tuple[Turn, ...]
    given: str


@dataclass(frozen=True, slots=True)
class CorrectedLabel:
    """The person gave a document another label than the classifier did."""

    document: ClassifiedDocument  # with the right label
    given: DocumentLabel


Correction = EditedAnswer | Vote | ThumbsDown | ThumbsUp | CorrectedLabel


def keep_correction(
    store: DatasetStore, correction: Correction, origin: AnswerOrigin | None = None
) -> Appended:
    """Puts a correction into a dataset, accepted, but a bare thumbs-down.

    Raises:
        DatasetError: there is no prompt, or the correction says what was there before.
        StorageError: the dataset cannot be written.
    """
    kind, item = _row(correction)
    origin = origin or AnswerOrigin()
    more = {
        "correction": kind,
        "conversation": origin.conversation,
        "turn": origin.turn,
        "stack": dict(origin.stack),
        "base": origin.base,
        "earlier_stacks": [dict(stack) for stack in origin.earlier_stacks],
        "sampling": dict(origin.sampling),
    }
    if isinstance(correction, CorrectedLabel):
        more["given"] = correction.given.text
    elif not isinstance(correction, Vote):  # both answers of a vote are in its row
        more["given"] = correction.given
    experts = " + ".join(f"{name} × {weight:g}" for name, weight in origin.stack.items())
    told = Provenance(
        provider="person",
        model=f"{origin.base} {experts}".strip(),
        at=round(origin.at or time.time(), 3),
        more={name: value for name, value in more.items() if value},
    )
    if isinstance(correction, ThumbsDown):
        return store.append(item, told, state="rejected", reason=MARKED_BAD)
    return store.append(item, told, state="accepted")


def _row(correction: Correction) -> tuple[str, Item]:
    if isinstance(correction, CorrectedLabel):
        document = correction.document
        if not document.type.strip():
            raise _nothing_new("The type is empty.")
        if document.label == correction.given:
            raise _nothing_new("The label is the one that was given.")
        return "label", replace(document, source="person")
    if not correction.prompt or correction.prompt[-1].role != "user":
        raise _nothing_new("There is no message it answers.")
    if isinstance(correction, Vote):
        return "vote", _pair(correction.prompt, correction.better, correction.worse)
    if isinstance(correction, EditedAnswer):
        if correction.edited.strip() == correction.given.strip():
            raise _nothing_new("The answer was not changed.")
        if correction.as_row == "preference":
            return "edit", _pair(correction.prompt, correction.edited, correction.given)
        return "edit", _answered(correction.prompt, correction.edited)
    kind = "thumbs_down" if isinstance(correction, ThumbsDown) else "thumbs_up"
    return kind, _answered(correction.prompt, correction.given)


def _answered(prompt: tuple[Turn, ...], answer: str) -> Example:
    if not answer.strip():
        raise _nothing_new("The answer is empty.")
    return Example((*prompt, Turn("assistant", answer)), source="person", scorer="text")


def _pair(prompt: tuple[Turn, ...], chosen: str, rejected: str) -> PreferencePair:
    if chosen.strip() == rejected.strip():
        raise _nothing_new("Both answers are the same.")
    if not chosen.strip():
        raise _nothing_new("The better answer is empty.")
    return PreferencePair(prompt, chosen, rejected, source="person", scorer="text")


def _nothing_new(why: str) -> DatasetError:
    return DatasetError("There is nothing to learn from that.", why)
