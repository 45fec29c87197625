"""What people say of answers becomes rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from expert_studio.core.datasets.corrections import (
    MARKED_BAD,
    AnswerOrigin,
    CorrectedLabel,
    Correction,
    EditedAnswer,
    ThumbsDown,
    ThumbsUp,
    Vote,
    keep_correction,
)
from expert_studio.core.datasets.document_prompt import (
    DocumentLabel,
    classification_prompt,
    document_in,
    read_label,
)
from expert_studio.core.datasets.examples import Example, Turn
from expert_studio.core.datasets.preference import PreferencePair
from expert_studio.core.datasets.row_document import ClassifiedDocument
from expert_studio.core.datasets.store import DatasetStore
from expert_studio.core.datasets.store_changes import EditRow
from expert_studio.core.errors import DatasetError

ASKED = (Turn("user", "Capital of France?"),)
ORIGIN = AnswerOrigin("c1", "t2", {"json-parser 2.0.0": 0.5}, "expert-base-12m", at=7.0)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DatasetStore]:
    with DatasetStore(tmp_path / "corrections") as opened:
        yield opened


@pytest.mark.parametrize(
    ("correction", "kind", "state", "answers"),
    [
        (EditedAnswer(ASKED, "Lyon.", "Paris."), "edit", "accepted", ("Paris.",)),
        (EditedAnswer(ASKED, "Lyon.", "Paris.", "preference"), "edit", "accepted",
         ("Paris.", "Lyon.")),
        (Vote(ASKED, "Paris.", "Lyon."), "vote", "accepted", ("Paris.", "Lyon.")),
        (ThumbsUp(ASKED, "Paris."), "thumbs_up", "accepted", ("Paris.",)),
        (ThumbsDown(ASKED, "Lyon."), "thumbs_down", "rejected", ("Lyon.",)),
    ],
)  # fmt: skip
def test_a_correction_is_a_row_with_its_origin(
    store: DatasetStore, correction: Correction, kind: str, state: str, answers: tuple[str, ...]
) -> None:
    kept = keep_correction(store, correction, ORIGIN)
    row = store.row(kept.id)
    assert row is not None
    assert row.state == state
    item = row.item
    assert isinstance(item, Example | PreferencePair)
    assert item.prompt == ASKED
    said = (item.answer,) if isinstance(item, Example) else (item.chosen, item.rejected)
    assert said == answers
    origin = store.provenance(row.hash)
    assert origin is not None
    assert (origin.provider, origin.at) == ("person", 7.0)
    assert origin.model == "expert-base-12m json-parser 2.0.0 × 0.5"
    assert origin.more["correction"] == kind
    assert origin.more["stack"] == {"json-parser 2.0.0": 0.5}
    assert (origin.more["conversation"], origin.more["turn"]) == ("c1", "t2")


def test_a_corrected_label(store: DatasetStore) -> None:
    document = ClassifiedDocument("a.log", "GET /", "log")
    kept = keep_correction(store, CorrectedLabel(document, DocumentLabel("code", "en")), ORIGIN)
    row = store.row(kept.id)
    assert row is not None
    assert (row.kind, row.label, row.state) == ("classification", "log", "accepted")
    origin = store.provenance(row.hash)
    assert origin is not None
    assert read_label(str(origin.more["given"])) == DocumentLabel("code", "en")


def test_a_bad_answer_waits_for_a_better_one(store: DatasetStore) -> None:
    kept = keep_correction(store, ThumbsDown(ASKED, "Lyon."), ORIGIN)
    assert kept.reason == MARKED_BAD
    store.perform(EditRow(kept.id, Example((*ASKED, Turn("assistant", "Paris.")))))
    row = store.row(kept.id)
    assert row is not None
    assert (row.state, row.reason) == ("pending", "")


@pytest.mark.parametrize(
    "correction",
    [
        EditedAnswer(ASKED, "Paris.", " Paris. "),
        EditedAnswer((), "Lyon.", "Paris."),
        EditedAnswer(ASKED, "Lyon.", " "),
        Vote(ASKED, "Paris.", "Paris."),
        Vote(ASKED, "", "Paris."),
        ThumbsUp(ASKED, ""),
        ThumbsDown((*ASKED, Turn("assistant", "?")), "Lyon."),
        CorrectedLabel(ClassifiedDocument("a", "b", "log"), DocumentLabel("log")),
        CorrectedLabel(ClassifiedDocument("a", "b", " "), DocumentLabel("log")),
    ],
)
def test_what_teaches_nothing_is_refused(store: DatasetStore, correction: Correction) -> None:
    with pytest.raises(DatasetError, match="nothing to learn"):
        keep_correction(store, correction)
    assert store.count() == 0


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        ('{"type": "log", "language": "", "technologies": ["nginx"]}',
         DocumentLabel("log", "", ("nginx",))),
        ('{"type": "log", "language": 3, "technologies": "nginx"}', DocumentLabel("log")),
        ('{"type": ""}', None),
        ('["log"]', None),
        ("It is a log.", None),
        ("[" * 100_000, None),
    ],
)  # fmt: skip
def test_the_label_of_an_answer(answer: str, label: DocumentLabel | None) -> None:
    assert read_label(answer) == label


@pytest.mark.parametrize(
    ("message", "document"),
    [
        (classification_prompt("a/b.log", "GET /\n\nPOST /"), ("a/b.log", "GET /\n\nPOST /")),
        (classification_prompt("", "GET /\n\nPOST /"), ("", "GET /\n\nPOST /")),
        # as it was asked before the name stood at both ends
        ("Classify.\n\nFile: a.log\n\nGET /\n\nFile: b.log", ("a.log", "GET /\n\nFile: b.log")),
        ("What is this?\n\nb.log:\n```\nGET /\n\nPOST /\n```", ("b.log", "GET /\n\nPOST /")),
        ("b.log:\n````\nGET /\n\n```\n````", ("b.log", "GET /\n\n```")),
        ("GET /", ("", "GET /")),
        ("", ("", "")),
    ],
)
def test_the_document_of_a_message(message: str, document: tuple[str, str]) -> None:
    assert document_in(message) == document
