"""An expert scored on rows it never saw, beside the base alone and parts of its stack.

Whoever has an engine hands in functions that answer; this asks, scores and reports. Knows
nothing of engines, stacks or packages.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from expert_studio.core.datasets.document_prompt import type_in
from expert_studio.core.datasets.examples import Example, as_row
from expert_studio.core.datasets.offline import novelty
from expert_studio.core.errors import StorageError, TrainingError
from expert_studio.core.training.metric_words import LOG_LOSS, TASK_SCORE
from expert_studio.core.training.run_folder import RunFolder
from expert_studio.core.training.scores import (
    Measurement,
    measure,
    measure_types,
    own_metric,
    score,
)

Answer = Callable[[Example], str]  # greedy text for a row's prompt
More = Callable[[Example, str], Mapping[str, float]]  # what else is measured of an answer
FINAL = "final"  # the adapter as the run ended with it
WITH_DEPENDENCIES = "as_trained"  # the expert with its dependencies at their recorded weights
WITHOUT_DEPENDENCIES = "without_dependencies"
DEPENDENCIES_ONLY = "dependencies_only"
BASE_ONLY = "base"
PLAIN = "plain_baseline"  # no model: the most similar training row, or TF-IDF
_KEPT = re.compile(r"step-\d{1,12}")


@dataclass(frozen=True, slots=True)
class Answered:
    """One held-out row with what was said to it."""

    example: Example
    answer: str
    scores: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Condition:
    """One stack's scores over all rows."""

    name: str  # as_trained, without_dependencies, dependencies_only, base, plain_baseline
    measurements: tuple[Measurement, ...]

    def of(self, metric: str) -> Measurement | None:
        return next((m for m in self.measurements if m.metric == metric), None)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One of a run's adapters, on the rows that choose between them (never the held-out ones)."""

    name: str  # "final", or the folder below the run's best/
    step: int
    main: Measurement
    log_loss: float | None  # nats per token of the right answers; None where none was measured
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """What was measured, so that it can be measured again.

    Attributes:
        checkpoint: which of the run's adapters this is about.
        candidates: the adapters it was chosen from, on `candidate_rows` validation rows.
        data: what the rows were: "held-out rows", or the name of a file.
        notes: sentences on what was left out or not measured.
        made_with: hardware, library versions, seeds and hashes by name, for the reader.
        company: beside other experts, and those alone, on some of the rows (see `company`).
    """

    expert: str
    version: str
    rows: int
    rows_sha256: str  # of the held-out rows as JSON lines
    main_metric: str
    device: str
    quantization: str
    conditions: tuple[Condition, ...]
    families: tuple[Condition, ...] = ()  # as_trained, split by kind of row
    checkpoint: str = FINAL
    candidates: tuple[Candidate, ...] = ()
    candidate_rows: int = 0
    data: str = "held-out rows"
    notes: tuple[str, ...] = ()
    made_with: Mapping[str, str] = field(default_factory=dict)
    company: tuple[Condition, ...] = ()

    def condition(self, name: str) -> Condition | None:
        return next((c for c in self.conditions if c.name == name), None)

    def baseline(self) -> Condition | None:
        """What the expert has to beat: what needs no model, or its dependencies alone."""
        return self.condition(PLAIN) or self.condition(DEPENDENCIES_ONLY)

    def main(self, name: str = WITH_DEPENDENCIES) -> Measurement | None:
        """The main metric of a condition, or None where it was not measured."""
        condition = self.condition(name)
        return condition.of(self.main_metric) if condition else None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Self:
        """Raises KeyError or TypeError where a field is missing or unknown."""
        grouped: dict[str, Any] = {
            key: tuple(_condition(part) for part in said[key]) for key in ("conditions", "families")
        }
        grouped["candidates"] = tuple(_candidate(part) for part in said.get("candidates", ()))
        grouped["company"] = tuple(_condition(part) for part in said.get("company", ()))
        grouped["notes"] = tuple(said.get("notes", ()))
        return cls(**{**said, **grouped})


def ask(
    examples: Sequence[Example],
    answer: Answer,
    on_done: Callable[[int], None] | None = None,
    more: More | None = None,
) -> tuple[Answered, ...]:
    """Puts every row's prompt and scores the answers; `on_done` gets how many are done.

    Where rows of several kinds are asked, each also gets its own main metric as `task_score`.
    """
    answered = []
    for example in examples:
        said = answer(example)
        scores = score(example.scorer, example.answer, said, example.check)
        if more is not None:
            scores |= more(example, said)
        answered.append(Answered(example, said, scores))
        if on_done is not None:
            on_done(len(answered))
    if main_metric(answered) != TASK_SCORE:
        return tuple(answered)
    return tuple(
        Answered(row.example, row.answer, {TASK_SCORE: row.scores[_own(row)], **row.scores})
        for row in answered
    )


def main_metric(answered: Sequence[Answered]) -> str:
    """The metric the rows are chiefly about; "task_score" where that differs between them."""
    own = {_own(row) for row in answered}
    return own.pop() if len(own) == 1 else TASK_SCORE


def condition(name: str, answered: Sequence[Answered]) -> Condition:
    """The means over all rows; of labels of several types also the macro-F1 of the types."""
    pairs = [
        (type_in(row.example.answer), type_in(row.answer))
        for row in answered
        if row.example.scorer == "label"
    ]
    several = len({wanted for wanted, _ in pairs}) > 1
    more = (measure_types(pairs),) if several else ()
    return Condition(name, (*measure([row.scores for row in answered]), *more))


def by_family(
    answered: Sequence[Answered], family_of: Callable[[Example], str]
) -> tuple[Condition, ...]:
    """The means of each group of rows, groups in alphabetical order."""
    groups: dict[str, list[Answered]] = {}
    for row in answered:
        groups.setdefault(family_of(row.example), []).append(row)
    return tuple(condition(name, rows) for name, rows in sorted(groups.items()))


def by_novelty(answered: Sequence[Answered]) -> tuple[Condition, ...]:
    """All rows of families that training draws, and all of others; () where nobody can tell."""
    groups: dict[str, list[Answered]] = {}
    for row in answered:
        known = novelty(row.example)
        if known:
            groups.setdefault(f"all, {known}", []).append(row)
    return tuple(condition(name, rows) for name, rows in sorted(groups.items()))


def task_and_novelty(example: Example) -> str:
    """Groups labels by type, rule-made rows by task and whether their family was seen."""
    if example.scorer == "label":
        return type_in(example.answer) or "other"
    parts = example.family.split("/")
    if len(parts) > 2 and parts[-1] in ("seen", "unseen"):
        return f"{parts[0]}, {parts[-1]} schema"
    task = example.task or example.family
    known = novelty(example)
    return f"{task}, {known}" if known else task


def candidate(name: str, step: int, answered: Sequence[Answered], metric: str) -> Candidate:
    """How one of a run's adapters stands by the main metric on the validation rows."""
    found = condition(name, answered)
    main, loss = found.of(metric), found.of(LOG_LOSS)
    assert main is not None
    return Candidate(name, step, main, loss.score if loss else None)


def choose(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Marks the one with the best main score; of equals that of least log-loss, then the first."""
    best = max(candidates, key=lambda c: (c.main.score, -(c.log_loss or 0.0)))
    return tuple(replace(each, chosen=each is best) for each in candidates)


def adapter_folder(run: RunFolder, checkpoint: str) -> Path:
    """Where one of a run's adapters lies: the finished one, or one of the best on the way.

    Raises:
        TrainingError: `checkpoint` is no name of one.
    """
    if checkpoint == FINAL:
        return run.adapter_folder
    if not _KEPT.fullmatch(checkpoint):
        raise TrainingError(f"{checkpoint!r} is no adapter of a run.", "", "Evaluate again.")
    return run.best_folder / checkpoint


def rows_sha256(examples: Sequence[Example]) -> str:
    """SHA-256 over the rows as JSON lines: which data a score is about."""
    digest = hashlib.sha256()
    for example in examples:
        digest.update((json.dumps(as_row(example), ensure_ascii=False) + "\n").encode())
    return digest.hexdigest()


def write_report(report: Report, path: Path) -> None:
    """Writes the report as two-space JSON by one rename. Raises StorageError."""
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_text(json.dumps(report.as_json(), indent=2) + "\n", encoding="utf-8")
        partial.replace(path)
    except OSError as cause:
        partial.unlink(missing_ok=True)
        raise StorageError(
            f"The evaluation could not be written to {path}.", f"{cause.strerror or cause}."
        ) from cause


def read_report(path: Path) -> Report | None:
    """The report in a file, or None where there is no file.

    Raises:
        TrainingError: the file is no report.
    """
    if not path.is_file():
        return None
    try:
        return Report.from_json(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as cause:
        raise TrainingError(
            f"The evaluation in {path} cannot be read.", f"{cause}.", "Evaluate again."
        ) from cause


def _own(row: Answered) -> str:
    return own_metric(row.example.scorer, row.scores)


def _candidate(said: Mapping[str, Any]) -> Candidate:
    return Candidate(**{**said, "main": _measurement(said["main"])})


def _condition(said: Mapping[str, Any]) -> Condition:
    return Condition(said["name"], tuple(map(_measurement, said["measurements"])))


def _measurement(said: Mapping[str, Any]) -> Measurement:
    low, high = said["interval"]
    return Measurement(said["metric"], said["score"], said["n"], (low, high))
