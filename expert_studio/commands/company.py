"""Measures the official experts beside one another: the matrix that composing is advised by.

A stack that was measured with the same weights, all of them, is not measured again. Torch is
imported when a measurement starts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
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
from expert_studio.core.training.evaluation import Condition, Report, rows_sha256

ALL = "all of them"


@dataclass(frozen=True, slots=True)
class Company:
    """Experts that are measured beside one another.

    Attributes:
        experts: by name, installed in `library`; base: the folder of the one they are for.
        tell: told of each measurement how far it is; rows: held-out rows that are asked.
    """

    experts: Mapping[str, InstalledExpert]
    library: Library
    base: Path
    tell: Progress
    rows: int = REFERENCE_ROWS

    def measured(
        self, report: Report, held_out: Sequence[Example], keep: Callable[[Report], None]
    ) -> Report:
        """Adds to a report how its expert does beside each other one, and each of those alone.

        On rows of its `held_out` ones drawn at random, greedy. Where the expert needs the other
        anyway, only the other alone is measured. `keep` gets the report after each measurement.

        Raises:
            TrainingError: the rows are not those of the report, or all are too long.
            LoadError, InferenceError: the base or an adapter cannot be used.
        """
        stacks = self._stacks(report.expert)
        kept = [one for one in report.company if one.name in self._unchanged(report, stacks)]
        there = {one.name for one in kept}
        others = sorted(name for name in self.experts if name != report.expert)
        key = ", ".join(f"{name} {self.experts[name].weights_sha256[:12]}" for name in others)
        made_with = {**report.made_with, "company": key}
        report = replace(report, made_with=made_with, company=_in_order(kept, stacks))
        if there == set(stacks):
            return report
        from expert_studio.core.inference.engine import load_engine

        engine = load_engine(BaseRequest(self.base), lambda _share: None)
        try:
            asked = fitting(engine, held_out)
            _check_same(asked, report)
            examples = _drawn(asked, self.rows)
            for name, chosen in stacks.items():
                if name in there:
                    continue
                stack = compose_stack(dict.fromkeys(chosen, 1.0), engine, library=self.library)
                kept.append(measured_condition(engine, stack, examples, name, self.tell))
                report = replace(report, company=_in_order(kept, stacks))
                keep(report)
        finally:
            engine.close()
        return report

    def _stacks(self, expert: str) -> Mapping[str, tuple[str, ...]]:
        """The experts chosen, by condition."""
        needed = {one.name for one in with_requirements((expert,), self.library)}
        others = [name for name in self.experts if name != expert]
        return {
            NOBODY: (expert,),
            **{beside(name): (expert, name) for name in others if name not in needed},
            beside(ALL): (expert, *others),
            **{instead(name): (name,) for name in others},
        }

    def _unchanged(self, report: Report, stacks: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
        """The conditions whose every member is the one that was measured."""
        said = report.made_with.get("company", "")
        known = dict(one.rsplit(" ", 1) for one in said.split(", ") if " " in one)

        def same(chosen: tuple[str, ...]) -> bool:
            members = with_requirements(chosen, self.library)
            return all(
                known.get(one.name) == one.weights_sha256[:12]
                for one in members
                if one.name != report.expert
            )

        return frozenset(name for name, chosen in stacks.items() if same(chosen))


def _check_same(held_out: Sequence[Example], report: Report) -> None:
    if rows_sha256(held_out[: report.rows]) != report.rows_sha256:
        raise TrainingError(
            f"{report.expert} cannot be measured beside others.",
            "Its held-out rows are not those that its report is about.",
            "Build it anew.",
        )


def _in_order(
    kept: Sequence[Condition], stacks: Mapping[str, tuple[str, ...]]
) -> tuple[Condition, ...]:
    """Each other beside it first, then all of them, then each alone: as they are planned."""
    planned = list(stacks)
    return tuple(sorted(kept, key=lambda one: planned.index(one.name)))


def _drawn(examples: Sequence[Example], most: int) -> Sequence[Example]:
    """At most so many, drawn at random, the same each time: kinds of row stand in a rhythm."""
    return Random("company").sample(examples, min(most, len(examples)))
