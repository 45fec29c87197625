"""Measures the official experts beside one another: the matrix that composing is advised by.

What was measured of the same weights is not measured again. Torch is imported when a
measurement starts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

from expert_studio.commands.answering import compose_stack
from expert_studio.commands.measuring import REFERENCE_ROWS, Progress, measured_condition
from expert_studio.commands.measuring_engine import fitting
from expert_studio.core.datasets.examples import Example
from expert_studio.core.errors import TrainingError
from expert_studio.core.experts.dependencies import with_requirements
from expert_studio.core.experts.library import InstalledExpert, Library
from expert_studio.core.inference.conversation import BaseRequest
from expert_studio.core.training.company import NOBODY, beside, instead
from expert_studio.core.training.evaluation import Report, read_report, write_report
from expert_studio.core.training.package import REPORT_FILE
from expert_studio.core.training.rows import answers_to_score
from expert_studio.core.training.run_folder import RunFolder

ALL = "all of them"


def measure_company(
    run: RunFolder,
    expert: InstalledExpert,
    others: Sequence[InstalledExpert],
    library: Library,
    base: Path,
    on_progress: Progress,
    rows: int | None = None,
) -> Report:
    """Adds to a run's report how its expert does beside each other one, and each of those alone.

    On 40 held-out rows drawn at random (or on so many `rows`), greedy. Where the
    expert needs the other anyway, only the other alone is measured.

    Raises:
        TrainingError: the run was never evaluated, or all its rows are too long.
        LoadError, InferenceError: the base or an adapter cannot be used.
    """
    report = read_report(run.path / REPORT_FILE)
    if report is None:
        raise TrainingError(
            f"{expert.name} cannot be measured beside others.", "It was never evaluated."
        )
    stacks = _stacks(expert, others, library)
    weights = {one.name: one.weights_sha256 for one in others}
    key = ", ".join(f"{name} {sha256[:12]}" for name, sha256 in sorted(weights.items()))
    kept = list(report.company) if report.made_with.get("company") == key else []
    there = {one.name for one in kept}
    wanted = {name: chosen for name, chosen in stacks.items() if name not in there}
    if not wanted:
        return report
    report = replace(report, made_with={**report.made_with, "company": key})
    from expert_studio.core.inference.engine import load_engine

    engine = load_engine(BaseRequest(base), lambda _share: None)
    try:
        held_out = tuple(answers_to_score(run.held_out_path, run.recipe.method))
        examples = _drawn(fitting(engine, held_out), rows or REFERENCE_ROWS)
        for name, chosen in wanted.items():
            stack = compose_stack(dict.fromkeys(chosen, 1.0), engine, library=library)
            kept.append(measured_condition(engine, stack, examples, name, on_progress))
            report = replace(report, company=tuple(kept))
            write_report(report, run.path / REPORT_FILE)
    finally:
        engine.close()
    return report


def _drawn(examples: Sequence[Example], most: int) -> Sequence[Example]:
    """At most so many, drawn at random, the same each time: kinds of row stand in a rhythm."""
    return Random("company").sample(examples, min(most, len(examples)))


def _stacks(
    expert: InstalledExpert, others: Sequence[InstalledExpert], library: Library
) -> Mapping[str, tuple[str, ...]]:
    """The experts chosen, by condition."""
    needed = {one.name for one in with_requirements((expert.name,), library)}
    stacks: dict[str, tuple[str, ...]] = {NOBODY: (expert.name,)}
    for other in others:
        if other.name not in needed:
            stacks[beside(other.name)] = (expert.name, other.name)
    stacks[beside(ALL)] = (expert.name, *(other.name for other in others))
    for other in others:
        stacks[instead(other.name)] = (other.name,)
    return stacks
