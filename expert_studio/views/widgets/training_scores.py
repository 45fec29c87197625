"""What an evaluation left of a run: figures, advice, a report to open; and what is installed."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication

from expert_studio.core.experts.library import Library
from expert_studio.core.training.coach import Advice
from expert_studio.core.training.evaluation import (
    BASE_ONLY,
    DEPENDENCIES_ONLY,
    PLAIN,
    WITH_DEPENDENCIES,
    WITHOUT_DEPENDENCIES,
    read_report,
)
from expert_studio.core.training.fallback import fallback_of
from expert_studio.core.training.metric_words import metric_name
from expert_studio.core.training.package import REPORT_FILE
from expert_studio.core.training.report import page_of
from expert_studio.core.training.report_table import shown
from expert_studio.core.training.run_folder import RunFolder
from expert_studio.views.widgets.expert_facts import Fact


@dataclass(frozen=True, slots=True)
class RunScores:
    """Empty before an evaluation."""

    facts: tuple[Fact, ...] = ()  # one of each stack that was measured
    metric: str = ""  # what they are, in words
    advice: tuple[Advice, ...] = ()  # to use another stack, where this one hurts
    has_report: bool = False
    installed: bool = False


def read_scores(run: RunFolder, library: Library) -> RunScores:
    """Reads files: not for the main thread. Raises TrainingError, LibraryError."""
    report = read_report(run.path / REPORT_FILE)
    facts = []
    for condition in report.conditions if report is not None else ():
        measured = report.main(condition.name) if report is not None else None
        if measured is not None:
            facts.append(Fact(_title(condition.name), "\n".join(shown(measured))))
    metric = metric_name(report.main_metric) if report is not None else ""
    fallback = fallback_of(report) if report is not None else None
    advice = () if fallback is None else (Advice("fallback", "warn", fallback.text, fallback.rule),)
    recipe = run.recipe
    installed = any(
        (expert.name, expert.version) == (recipe.name, recipe.version)
        for expert in library.experts()
    )
    return RunScores(tuple(facts), metric, advice, page_of(run).is_file(), installed)


def _title(condition: str) -> str:
    """What stack was asked, in a few words."""
    return {
        WITH_DEPENDENCIES: _tr("as trained"),
        WITHOUT_DEPENDENCIES: _tr("without what it needs"),
        DEPENDENCIES_ONLY: _tr("what it needs, alone"),
        BASE_ONLY: _tr("base alone"),
        PLAIN: _tr("without a model"),
    }.get(condition, condition)


def _tr(text: str) -> str:
    return QCoreApplication.translate("training", text)
