"""The verb evaluate: how good an expert is, installed or straight from a run.

Knows nothing of scoring (`measuring`, `core.training.evaluation`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from expert_studio.commands.bases import Base
from expert_studio.commands.library import opened_library
from expert_studio.commands.measuring import evaluate_expert, evaluate_run
from expert_studio.commands.report import AsJson, say, say_aside, say_json, say_table
from expert_studio.commands.training import find_run
from expert_studio.core.errors import LibraryError, TrainingError, UsageError
from expert_studio.core.experts.library import InstalledExpert
from expert_studio.core.settings import Folders
from expert_studio.core.training.evaluation import Report
from expert_studio.core.training.fallback import fallback_of
from expert_studio.core.training.metric_words import metric_name
from expert_studio.core.training.report import metric_rows, write_reports
from expert_studio.core.training.report_table import metrics_of, shown
from expert_studio.core.training.run_folder import RunFolder

LINE_EVERY_ROWS = 25


def evaluate(
    name: Annotated[
        str, typer.Argument(metavar="NAME|RUN", help="An installed expert, or a finished run.")
    ],
    data: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Score rows of this .jsonl file or of test cases."),
    ] = None,
    report_folder: Annotated[
        Path | None,
        typer.Option("--report", metavar="FOLDER", help="Write report.html, .md and .json there."),
    ] = None,
    rows: Annotated[
        int | None, typer.Option(min=1, help="Only the first so many rows; all without it.")
    ] = None,
    beside: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Score it with this expert added; may be repeated."),
    ] = None,
    base: Base = None,
    as_json: AsJson = False,
) -> None:
    """Score an expert on rows it never saw: as trained, taken apart, the base alone."""
    tell = _quiet if as_json else _tell
    run, expert = _subject(name)
    if run is not None:
        if base is not None or beside:
            raise UsageError(
                "--base and --beside go with an installed expert.", "A run has its own stack."
            )
        report = evaluate_run(run, Folders.default(), tell, rows, data)
    else:
        assert expert is not None
        report = evaluate_expert(expert, tell, rows, data, base, beside or ())
    events = run.events() if run is not None else ()
    if report_folder is not None:
        write_reports(report, events, report_folder)
    if as_json:
        more: dict[str, Any] = report.as_json()
        say_json({"expert": report.expert, "metrics": metric_rows(report)} | more)
        return
    _say(report)
    if report_folder is not None:
        say(f"The report is in {report_folder / 'report.html'}.")


def _subject(name: str) -> tuple[RunFolder | None, InstalledExpert | None]:
    """The run or the installed expert of a name; an expert's whole name comes before a run's part.

    Raises:
        TrainingError, LibraryError: there is neither, or several runs begin so.
    """
    folders = Folders.default()
    if Path(name).is_dir() or (folders.runs / name / "run.json").is_file():
        return find_run(name, folders), None
    try:
        return None, opened_library().find(name)
    except LibraryError as no_expert:
        try:
            return find_run(name, folders), None
        except TrainingError as no_run:
            if no_run.why:  # several
                raise
            raise LibraryError(
                f"There is neither an expert nor a run {name!r}.",
                "",
                "See: expert-cli list; expert-cli train --list",
            ) from no_expert


def _say(report: Report) -> None:
    say(
        f"{report.expert} {report.version} on {report.rows} rows ({report.data}), "
        f"{report.quantization}, {report.device}:"
    )
    if report.candidates:
        say(
            f"Adapter: {report.checkpoint}, the best of {len(report.candidates)} on "
            f"{report.candidate_rows} validation rows."
        )
    say_table(("stack", "metric", "score", "95 % interval", "n"), _rows(report))
    advice = fallback_of(report)
    for sentence in (*report.notes, *((advice.text,) if advice else ())):
        say(sentence)


def _rows(report: Report) -> list[tuple[str, ...]]:
    metrics = metrics_of(report)
    return [
        (
            condition.name.replace("_", " "),
            metric_name(measured.metric),
            *shown(measured),
            str(measured.n),
        )
        for condition in report.conditions
        for metric in metrics
        if (measured := condition.of(metric)) is not None
    ]


def _tell(condition: str, done: int, rows: int) -> None:
    if done % LINE_EVERY_ROWS == 0 or done == rows:
        say_aside(f"{condition.replace('_', ' ')}: {done}/{rows} rows")


def _quiet(_condition: str, _done: int, _rows: int) -> None:
    """With --json nothing but the answer is said."""
