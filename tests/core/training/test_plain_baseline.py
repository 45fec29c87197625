"""The baseline without a model: similar rows answer alike, types come from their n-grams."""

from __future__ import annotations

import json
from random import Random

from expert_studio.core.datasets.examples import Example, Turn
from expert_studio.core.training.evaluation import (
    BASE_ONLY,
    PLAIN,
    WITH_DEPENDENCIES,
    Report,
    ask,
    condition,
)
from expert_studio.core.training.plain_baseline import PlainBaseline
from expert_studio.core.training.report import metric_rows

WORDS = {
    "log": ("GET", "POST", "200", "404", "nginx", "127.0.0.1"),
    "fiction": ("she", "walked", "slowly", "towards", "evening", "river"),
    "source_code": ("def", "return", "self", "import", "None:", "(x)"),
}


def _row(prompt: str, answer: str, scorer: str = "text") -> Example:
    turns = (Turn("user", prompt), Turn("assistant", answer))
    return Example(turns, scorer=scorer)  # type: ignore[arg-type]


def _document(kind: str, chance: Random) -> Example:
    text = " ".join(chance.choices(WORDS[kind], k=12))
    label = {"type": kind, "language": "en", "technologies": []}
    return _row(f"Classify this document.\n\n{text}", json.dumps(label), "label")


def test_the_most_similar_row_answers() -> None:
    rows = [
        _row("Who wrote Emma?", "Jane Austen"),
        _row("Delete all persons.", "MATCH (p:Person) DETACH DELETE p"),
        _row("", "nothing was asked"),
    ]
    baseline = PlainBaseline.fitted(rows)
    asked = [_row("Delete all the persons!", "?"), _row("Who wrote “Emma”?", "?"), _row("", "?")]
    found = baseline.answers(asked)
    assert found[:2] == (rows[1].answer, rows[0].answer)
    assert found[2] in {row.answer for row in rows}


def test_types_of_documents_are_learned_and_scored() -> None:
    chance = Random(5)
    rows = [_document(kind, chance) for kind in WORDS for _ in range(20)]
    held_out = [_document(kind, chance) for kind in WORDS for _ in range(10)]
    said = dict(zip(held_out, PlainBaseline.fitted(rows).answers(held_out), strict=True))
    found = condition(PLAIN, ask(held_out, said.__getitem__))
    accuracy = found.of("type_accuracy")
    assert accuracy is not None
    assert (accuracy.score, accuracy.n) == (1.0, len(said))


def test_the_report_sets_it_beside_the_expert() -> None:
    row = _row("Who?", "I")
    conditions = tuple(
        condition(name, ask([row], lambda _row, says=says: says))  # type: ignore[misc]
        for name, says in ((WITH_DEPENDENCIES, "I"), (BASE_ONLY, "it"), (PLAIN, "you"))
    )
    report = Report("e", "1.0.0", 1, "0" * 64, "exact", "CPU", "bf16", conditions)
    exact = next(row for row in metric_rows(report) if row["metric"] == "exact")
    assert (exact["score"], exact["base_score"], exact["baseline_score"]) == (1.0, 0.0, 0.0)
    assert exact["baseline_n"] == 1
