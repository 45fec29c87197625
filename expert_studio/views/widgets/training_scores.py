"""What an evaluation left of a run: figures, advice, a report to open; and what is installed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from expert_studio.core.experts.library import Library
from expert_studio.core.training.coach import Advice
from expert_studio.core.training.evaluation import read_report
from expert_studio.core.training.fallback import fallback_of
from expert_studio.core.training.package import REPORT_FILE
from expert_studio.core.training.report import page_of
from expert_studio.core.training.run_folder import RunFolder
from expert_studio.views.widgets.expert_facts import Fact

_NAMES: Mapping[str, str] = {
    "as_trained": "as trained",
    "without_dependencies": "without what it stands on",
    "dependencies_only": "what it stands on, alone",
    "base": "base alone",
}


@dataclass(frozen=True, slots=True)
class RunScores:
    """Empty before an evaluation."""

    facts: tuple[Fact, ...] = ()
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
            low, high = measured.interval
            text = f"{measured.metric} {measured.score:.2f} ({low:.2f} to {high:.2f})"
            facts.append(Fact(_NAMES.get(condition.name, condition.name), text))
    fallback = fallback_of(report) if report is not None else None
    advice = () if fallback is None else (Advice("fallback", "warn", fallback.text, fallback.rule),)
    recipe = run.recipe
    installed = any(
        (expert.name, expert.version) == (recipe.name, recipe.version)
        for expert in library.experts()
    )
    return RunScores(tuple(facts), advice, page_of(run).is_file(), installed)
