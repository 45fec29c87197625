"""What the person says of answers, kept as rows of a dataset. Lives on the main thread.

Every call on a dataset runs on the background pool. Knows nothing of widgets.

Signals:
    kept(Kept): a row stands in the dataset.
    undone(Kept): it does not any more.
    failed(ExpertError): it could not be kept, or not be taken back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import QObject, Signal, Slot

from expert_studio.core.datasets.corrections import (
    AnswerOrigin,
    CorrectedLabel,
    Correction,
    EditedAnswer,
    ThumbsDown,
    ThumbsUp,
    Vote,
    keep_correction,
)
from expert_studio.core.datasets.document_prompt import DocumentLabel, document_in
from expert_studio.core.datasets.examples import Turn as RowTurn
from expert_studio.core.datasets.row_document import ClassifiedDocument
from expert_studio.core.datasets.store import DatasetStore
from expert_studio.core.datasets.store_changes import DeleteRows
from expert_studio.core.datasets.store_folder import DatasetFolders
from expert_studio.core.errors import ExpertError
from expert_studio.core.inference.conversation import Answer, Message
from expert_studio.core.inference.stack import Stack
from expert_studio.core.inference.turns import Turn

if TYPE_CHECKING:
    from expert_studio.runtime.background import Background

Verdict = Literal["good", "bad", "correct", "vote"]


@dataclass(frozen=True, slots=True)
class Kept:
    """One row made of what a person said of an answer."""

    turn: str
    verdict: Verdict
    dataset: str
    row: int
    repeated: bool  # the very same row was there already
    reason: str  # why the row is not among those to learn from, or ""


class Feedback(QObject):
    kept = Signal(object)
    undone = Signal(object)
    failed = Signal(object)

    def __init__(
        self, folders: DatasetFolders, background: Background, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._folders = folders
        self._background = background

    def list_datasets(self, on_done: Callable[[list[str]], None]) -> None:
        """Gives the names of the datasets there are to a slot here."""
        self._background.run(self._folders.names, on_done=on_done, on_failed=self._on_failed)

    def keep(
        self,
        dataset: str,
        verdict: Verdict,
        correction: Correction,
        origin: AnswerOrigin,
        instead_of: Kept | None = None,
    ) -> None:
        """Puts one row into a dataset, which is made where there is none of that name.

        `instead_of` goes once the new row stands: one answer is not both good and bad.
        """
        self._background.run(
            _keep, self._folders, dataset, verdict, correction, origin, instead_of,
            on_done=self._on_kept, on_failed=self._on_failed,
        )  # fmt: skip

    def undo(self, kept: Kept) -> None:
        """Takes a row out again; a row that had been there before stays."""
        self._background.run(
            _undo, self._folders, kept, on_done=self._on_undone, on_failed=self._on_failed
        )

    @Slot(object)
    def _on_kept(self, kept: Kept) -> None:
        self.kept.emit(kept)

    @Slot(object)
    def _on_undone(self, kept: Kept) -> None:
        self.undone.emit(kept)

    @Slot(object)
    def _on_failed(self, error: ExpertError) -> None:
        self.failed.emit(error)


def correction_of(
    verdict: Verdict, asked: tuple[Message, ...], given: str, edited: str = "", pair: bool = False
) -> Correction:
    """What the person said, as `core.datasets.corrections` takes it."""
    prompt = tuple(RowTurn(message.role, message.content) for message in asked)
    if verdict == "good":
        return ThumbsUp(prompt, given)
    if verdict == "bad":
        return ThumbsDown(prompt, given)
    return EditedAnswer(prompt, given, edited, "preference" if pair else "answer")


def asked_document(asked: tuple[Message, ...]) -> tuple[str, str]:
    """Name and text of the document that the last message asks about; the name may be ""."""
    return document_in(asked[-1].content if asked else "")


def relabelled(
    asked: tuple[Message, ...], given: DocumentLabel, right: DocumentLabel
) -> Correction:
    """That the document the last message asks about has another label than the answer gave."""
    name, text = asked_document(asked)
    document = ClassifiedDocument(name, text, right.type, right.language, right.technologies)
    return CorrectedLabel(document, given)


def vote_of(asked: tuple[Message, ...], better: Answer, worse: Answer) -> Vote:
    """That one answer was preferred to another."""
    prompt = tuple(RowTurn(message.role, message.content) for message in asked)
    return Vote(prompt, better.text, worse.text)


def vote_origin(better: Answer, worse: Answer, base: str) -> AnswerOrigin:
    """Which stack said the better answer; the other's stands before it."""
    return AnswerOrigin(
        stack=_weights(better.stack),
        base=base,
        earlier_stacks=(_weights(worse.stack),),
        sampling=asdict(better.sampling),
    )


def origin_of(turn: Turn, conversation: str, base: str) -> AnswerOrigin:
    """Where an answer came from; base: the name of the one that is loaded."""
    stacks = [span.stack for span in turn.spans] or ([turn.stack] if turn.stack else [])
    told = [_weights(stack) for stack in stacks]
    return AnswerOrigin(
        conversation=conversation,
        turn=turn.id,
        stack=told[-1] if told else {},
        base=base,
        at=turn.at_s,
        earlier_stacks=tuple(told[:-1]),
        sampling={} if turn.sampling is None else asdict(turn.sampling),
    )


def _weights(stack: Stack) -> dict[str, float]:
    return {f"{member.name} {member.version}": member.weight for member in stack.members}


def _keep(
    folders: DatasetFolders,
    dataset: str,
    verdict: Verdict,
    correction: Correction,
    origin: AnswerOrigin,
    instead_of: Kept | None,
) -> Kept:
    with folders.open_or_create(dataset) as store:
        row = keep_correction(store, correction, origin)
        if row.repeated and _said_otherwise(store, row.hash, verdict):
            store.perform(DeleteRows((row.id,)))
            row = keep_correction(store, correction, origin)
    reason = row.reason if row.state == "rejected" and verdict != "bad" else ""
    kept = Kept(origin.turn, verdict, dataset, row.id, row.repeated, reason)
    if instead_of is not None and (instead_of.dataset, instead_of.row) != (dataset, row.id):
        _undo(folders, instead_of)
    return kept


def _said_otherwise(store: DatasetStore, row_hash: str, verdict: Verdict) -> bool:
    """Whether the same answer was called bad before and good now, or the other way."""
    origin = store.provenance(row_hash)
    before = None if origin is None else origin.more.get("correction")
    return (before, verdict) in (("thumbs_up", "bad"), ("thumbs_down", "good"))


def _undo(folders: DatasetFolders, kept: Kept) -> Kept:
    if not kept.repeated:
        with folders.open(kept.dataset) as store:
            if store.row(kept.row) is not None:  # else the person deleted it meanwhile
                store.perform(DeleteRows((kept.row,)))
    return kept
