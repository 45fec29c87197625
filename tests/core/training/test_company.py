"""What an expert loses beside another is said, of those in the stack, and stands in its report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from expert_studio.core.experts.library import Library
from expert_studio.core.inference.stack import Stack, compose
from expert_studio.core.training.company import NOBODY, beside, company_table, costs_of, instead
from expert_studio.core.training.evaluation import Condition, Report, read_report, write_report
from expert_studio.core.training.report import write_reports
from expert_studio.core.training.scores import Measurement
from expert_studio.views.widgets.stack_verdicts import verdicts
from tests.expert_factory import installed_expert


def measured(score: float) -> Measurement:
    return Measurement("exact", score, 40, (max(0.0, score - 0.1), min(1.0, score + 0.1)))


def company(scores: dict[str, float]) -> tuple[Condition, ...]:
    return tuple(Condition(name, (measured(score),)) for name, score in scores.items())


@pytest.fixture
def report() -> Report:
    alone = Condition("as_trained", (measured(0.8),))
    beside_others = company(
        {NOBODY: 0.8, beside("rust-code"): 0.5, instead("rust-code"): 0.1, beside("poet"): 0.78}
    )
    return replace(
        Report("a-b", "1.0.0", 400, "0" * 64, "exact", "CPU", "bf16", (alone,)),
        company=beside_others,
    )


def test_only_what_costs_more_than_three_points_is_said(report: Report) -> None:
    assert costs_of(report) == (
        "a-b does worse beside rust-code: exact 50.0 % in place of 80.0 % on the same 40 rows.",
    )
    unsure = replace(report, company=company({NOBODY: 0.8, beside("rust-code"): 0.7}))
    assert "may do worse" in costs_of(unsure)[0]
    assert costs_of(replace(report, company=())) == ()


def test_it_stands_in_the_report_and_comes_back(report: Report, tmp_path: Path) -> None:
    write_report(report, tmp_path / "evaluation.json")
    assert read_report(tmp_path / "evaluation.json") == report
    header, rows = company_table(report)
    assert header == ("beside", "exact (n 40)", "exact of that one alone")
    assert [row[0] for row in rows] == ["nobody", "rust-code", "poet"]
    write_reports(report, (), tmp_path)
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "| rust-code | 50.0 % (40.0 % to 60.0 %) | 10.0 % (0.0 % to 20.0 %) |" in text
    assert "does worse beside rust-code" in text
    assert "Beside other experts" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_the_composer_says_it_of_experts_that_stand_together(tmp_path: Path) -> None:
    library = Library(tmp_path)
    metrics = [
        {"condition": name, "metric": "exact", "score": score, "n": 40, "interval": [low, high]}
        for name, score, low, high in (
            ("as_trained", 0.8, 0.7, 0.9),
            (NOBODY, 0.8, 0.7, 0.9),
            (beside("rust-code"), 0.5, 0.4, 0.6),
        )
    ]
    quality = {"main_metric": "exact", "metrics": metrics}
    installed_expert(library, "a-b", quality_metrics=quality)
    installed_expert(library, "rust-code")
    installed_expert(library, "poet")
    by_name = {expert.name: expert for expert in library.experts()}

    def stack(weights: dict[str, float]) -> Stack:
        return compose(weights, [by_name[name] for name in weights], "0" * 64, "bf16")

    (said,) = verdicts(stack({"a-b": 1.0, "rust-code": 1.0}), by_name)
    assert "a-b does worse beside rust-code" in said
    assert verdicts(stack({"a-b": 1.0, "poet": 1.0}), by_name) == ()
    served = stack({"a-b": 1.0, "rust-code": 1.0})
    members = tuple(replace(one, required_by=("rust-code",)) for one in served.members)
    assert verdicts(replace(served, members=members), by_name) == (), "it came along"
    assert verdicts(stack({"a-b": 1.0, "rust-code": 0.0}), by_name) == (), "0 is not there"
