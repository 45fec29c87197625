"""An expert scored on rows it never saw, beside the base alone and parts of its stack.

Whoever has an engine hands in functions that answer; this asks, scores and reports. Knows
nothing of engines, stacks or packages.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from expert_studio.core.datasets.examples import Example, Turn, as_row
from expert_studio.core.errors import StorageError, TrainingError
from expert_studio.core.training.scores import MAIN_METRIC, Measurement, measure, score

Answer = Callable[[Sequence[Turn]], str]  # greedy text for a prompt
WITH_DEPENDENCIES = "as_trained"  # the expert with its dependencies at their recorded weights
WITHOUT_DEPENDENCIES = "without_dependencies"
DEPENDENCIES_ONLY = "dependencies_only"
BASE_ONLY = "base"


@dataclass(frozen=True, slots=True)
class Answered:
    """One held-out row with what was said to it."""

    example: Example
    answer: str
    scores: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Condition:
    """One stack's scores over all rows."""

    name: str  # as_trained, without_dependencies, dependencies_only, base
    measurements: tuple[Measurement, ...]

    def of(self, metric: str) -> Measurement | None:
        return next((m for m in self.measurements if m.metric == metric), None)


@dataclass(frozen=True, slots=True)
class Report:
    """What was measured, so that it can be measured again."""

    expert: str
    version: str
    rows: int
    rows_sha256: str  # of the held-out rows as JSON lines
    main_metric: str
    device: str
    quantization: str
    conditions: tuple[Condition, ...]
    families: tuple[Condition, ...] = ()  # as_trained, split by kind of row

    def condition(self, name: str) -> Condition | None:
        return next((c for c in self.conditions if c.name == name), None)

    def main(self, name: str = WITH_DEPENDENCIES) -> Measurement | None:
        """The main metric of a condition, or None where it was not measured."""
        condition = self.condition(name)
        return condition.of(self.main_metric) if condition else None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Self:
        """Raises KeyError or TypeError where a field is missing or unknown."""
        grouped = {
            key: tuple(_condition(part) for part in said[key]) for key in ("conditions", "families")
        }
        return cls(**{**said, **grouped})


def ask(
    examples: Sequence[Example], answer: Answer, on_done: Callable[[int], None] | None = None
) -> tuple[Answered, ...]:
    """Puts every row's prompt and scores the answers; `on_done` gets how many are done."""
    answered = []
    for example in examples:
        said = answer(example.prompt)
        answered.append(Answered(example, said, score(example.scorer, example.answer, said)))
        if on_done is not None:
            on_done(len(answered))
    return tuple(answered)


def condition(name: str, answered: Sequence[Answered]) -> Condition:
    """The means over all rows."""
    return Condition(name, measure([row.scores for row in answered]))


def by_family(
    answered: Sequence[Answered], family_of: Callable[[Example], str]
) -> tuple[Condition, ...]:
    """The means of each group of rows, groups in alphabetical order."""
    groups: dict[str, list[Answered]] = {}
    for row in answered:
        groups.setdefault(family_of(row.example), []).append(row)
    return tuple(condition(name, rows) for name, rows in sorted(groups.items()))


def task_and_novelty(example: Example) -> str:
    """Groups rule-made rows by task and whether their schema was seen; others by answer type."""
    if example.scorer == "label":
        return str(json.loads(example.answer)["type"])
    parts = example.family.split("/")
    return f"{parts[0]}, {parts[-1]} schema" if len(parts) > 2 else example.family


def rows_sha256(examples: Sequence[Example]) -> str:
    """SHA-256 over the rows as JSON lines: which data a score is about."""
    digest = hashlib.sha256()
    for example in examples:
        digest.update((json.dumps(as_row(example), ensure_ascii=False) + "\n").encode())
    return digest.hexdigest()


def main_metric(examples: Sequence[Example]) -> str:
    """The metric the rows are chiefly about."""
    return MAIN_METRIC[examples[0].scorer]


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


def _condition(said: Mapping[str, Any]) -> Condition:
    measured = tuple(
        Measurement(m["metric"], m["score"], m["n"], (m["interval"][0], m["interval"][1]))
        for m in said["measurements"]
    )
    return Condition(said["name"], measured)
