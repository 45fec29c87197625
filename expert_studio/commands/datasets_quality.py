"""The dataset verbs that look at rows: validate, stats, dedupe, split.

Knows nothing of how a check works (`core.datasets.quality`). numpy and tokenizers are loaded
by the checks that need them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from expert_studio.commands.bases import Base
from expert_studio.commands.datasets import (
    DatasetName,
    States,
    checked_choice,
    chosen_states,
    opened_dataset,
)
from expert_studio.commands.report import AsJson, say, say_aside, say_json, say_table
from expert_studio.core.datasets import quality
from expert_studio.core.datasets.exporting import export_dataset
from expert_studio.core.datasets.quality_checks import Limits
from expert_studio.core.datasets.quality_findings import CHECKS, FAULTS
from expert_studio.core.datasets.quality_repairs import REPAIRS
from expert_studio.core.datasets.quality_tokens import TokenCounter
from expert_studio.core.datasets.split import SIDES, Shares
from expert_studio.core.datasets.store_changes import DeleteRows
from expert_studio.core.datasets.store_rows import RowFilter
from expert_studio.core.errors import UsageError
from expert_studio.core.inference.base_choice import base_folder
from expert_studio.core.settings import Folders

_TOLD_FINDINGS = 10  # of each check
_BINS = 10
FOUND_FAULTS_EXIT_CODE = 1
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write the rows left here.")
]


def validate(  # noqa: PLR0913, PLR0917 - a verb's options are its arguments
    dataset: DatasetName,
    checks: Annotated[
        list[str] | None, typer.Option("--check", help="Only this check; may be repeated.")
    ] = None,
    max_tokens: Annotated[
        int, typer.Option(min=0, help="Most tokens of a row; what the base reads otherwise.")
    ] = 0,
    base: Base = None,
    near: Annotated[
        float, typer.Option(min=0.5, max=1.0, help="From which likeness rows are near duplicates.")
    ] = 0.85,
    repairs: Annotated[
        list[str] | None,
        typer.Option("--repair", help="Apply this repair to all rows it helps; may be repeated."),
    ] = None,
    reject: Annotated[
        bool, typer.Option("--reject", help="Reject rows with faults, with their reasons.")
    ] = False,
    accept: Annotated[
        bool, typer.Option("--accept", help="Accept pending rows in which no fault was found.")
    ] = False,
    states: States = None,
    as_json: AsJson = False,
) -> None:
    """Check rows: shape, order, parse, duplicates, leaks, secrets, tokens, labels.

    Exits with 1 where faults were found and nothing was asked to be done with them.
    """
    for check in checks or ():
        checked_choice("check", check, tuple(CHECKS))
    for repair in repairs or ():
        checked_choice("repair", repair, tuple(REPAIRS))
    chosen = frozenset(checks) if checks else quality.ALL_CHECKS
    wanted = RowFilter(states=chosen_states(states)) if states else quality.LIVE
    with opened_dataset(dataset) as store:
        repaired = {
            repair: quality.repair_rows(store, store.ids(wanted), repair).rows
            for repair in repairs or ()
        }
        asked = quality.Examination(
            checks=chosen,  # type: ignore[arg-type]
            limits=Limits(max_tokens=max_tokens),
            counter=TokenCounter(base_folder(base, Folders.default()))
            if "tokens" in chosen
            else None,
            near=near,
        )
        report = quality.examine_dataset(store, asked, wanted, progress=_say_progress)
        rejected = quality.reject_faults(store, report).rows if reject else 0
        accepted = quality.accept_clean(store, report, wanted).rows if accept else 0
    done = {"repaired": repaired, "rejected": rejected, "accepted": accepted}
    if as_json:
        say_json(_report_as_json(report) | done)
    else:
        _say_report(report)
        for repair, rows in repaired.items():
            say(f"{REPAIRS[repair].title}: {rows:,} rows")
        if reject or accept:
            say(f"{rejected:,} rows rejected, {accepted:,} accepted.")
    if report.faults() and not reject:
        raise typer.Exit(FOUND_FAULTS_EXIT_CODE)


def stats(dataset: DatasetName, states: States = None, as_json: AsJson = False) -> None:
    """Count rows by state, split, kind, task, difficulty, label and family; show lengths."""
    wanted = RowFilter(states=chosen_states(states))
    with opened_dataset(dataset) as store:
        counts = {
            name: store.facets(name, wanted)
            for name in ("state", "split", "kind", "task", "difficulty", "label", "reason")
        }
        families = store.facets("family", wanted)
        lengths = {name: _lengths(store.lengths(name, wanted)) for name in ("chars", "tokens")}
        told = {
            "rows": store.count(wanted),
            "hash": store.content_hash(),
            "counts": counts,
            "families": len([family for family in families if family]),
            "lengths": lengths,
        }
    if as_json:
        say_json(told)
        return
    rows = [("rows", "", f"{told['rows']:,}"), ("families", "", f"{told['families']:,}")]
    for name, values in counts.items():
        shown = [(value, count) for value, count in values.items() if value]
        rows += [(name, value[:60], f"{count:,}") for value, count in shown[:12]]
    for name, measured in lengths.items():
        rows += [(name, str(figure), f"{value:,}") for figure, value in measured.items()
                 if figure != "histogram"]  # fmt: skip
    say_table(("", "", ""), rows)


def dedupe(
    dataset: DatasetName,
    near: Annotated[
        float, typer.Option(min=0.5, max=1.0, help="From which likeness rows are near duplicates.")
    ] = 0.85,
    delete: Annotated[
        bool, typer.Option("--delete", help="Delete them; otherwise they are rejected.")
    ] = False,
    output: Output = None,
    as_json: AsJson = False,
) -> None:
    """Reject rows that are the same, or nearly the same, as an earlier one."""
    asked = quality.Examination(
        checks=frozenset({"duplicate", "near_duplicate", "leak"}), near=near
    )
    with opened_dataset(dataset, accept=True) as store:
        report = quality.examine_dataset(store, asked, progress=_say_progress)
        rows = report.faults()
        if delete:
            store.perform(DeleteRows(tuple(rows)))
        else:
            quality.reject_faults(store, report)
        if output is not None:
            export_dataset(store, output, wanted=quality.LIVE)
    if as_json:
        say_json(_report_as_json(report) | {"deleted" if delete else "rejected": len(rows)})
        return
    _say_report(report)
    say(f"{len(rows):,} rows are {'deleted' if delete else 'rejected'}.")


def split(
    dataset: DatasetName,
    shares: Annotated[
        str, typer.Option(help="Shares of train, validation and held-out.")
    ] = "0.9,0.05,0.05",
    seed: Annotated[int, typer.Option(help="Equal rows and seed give an equal split.")] = 0,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write FILE-train and so on."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Split accepted rows, whole families and repositories together, in like shares."""
    parts = _parse_shares(shares)
    with opened_dataset(dataset, accept=True) as store:
        result = quality.split_dataset(store, parts, seed)
        files = [] if output is None else export_dataset(store, output, by_split=True)
        leaks = quality.examine_dataset(
            store,
            quality.Examination(checks=frozenset({"leak", "family_leak"})),
            RowFilter(states=("accepted",)),
        )
    if as_json:
        said: dict[str, Any] = {"sizes": dict(result.sizes), "notes": list(result.notes)}
        written = [{"path": str(one.path), "rows": one.rows} for one in files]
        say_json(said | {"files": written, "leaks": dict(leaks.counts)})
        return
    say_table(("split", "rows"), [(side, f"{result.sizes[side]:,}") for side in SIDES])
    for note in result.notes:
        say_aside(f"Note: {note}")
    if leaks.findings:
        say_aside(
            f"Note: {len(leaks.findings):,} rows are nearly the same as one of another split; "
            "see: expert-cli dataset validate --check leak"
        )
    for one in files:
        say(f"{one.path}: {one.rows:,} rows")


def _parse_shares(stated: str) -> Shares:
    try:
        train, validation, held_out = (float(part) for part in stated.split(","))
    except ValueError as cause:
        raise UsageError(
            f"The shares {stated!r} cannot be read.", "", "Write them as 0.9,0.05,0.05."
        ) from cause
    return Shares(train, validation, held_out)


def _lengths(lengths: Sequence[int]) -> dict[str, Any]:
    """Figures and a histogram: upper bounds of ten bins of equal width, and their rows."""
    if not lengths:
        return {}
    ordered = sorted(lengths)
    low, high = ordered[0], ordered[-1]
    width = max(1, -(-(high - low + 1) // _BINS))
    bins = [0] * _BINS
    for length in ordered:
        bins[(length - low) // width] += 1
    return {
        "shortest": low,
        "median": ordered[len(ordered) // 2],
        "p95": ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))],
        "longest": high,
        "mean": round(sum(ordered) / len(ordered), 1),
        "histogram": [
            {"up_to": low + width * (at + 1) - 1, "rows": rows} for at, rows in enumerate(bins)
        ],
    }


def _report_as_json(report: quality.Report) -> dict[str, Any]:
    return {
        "rows": report.rows,
        "counts": dict(report.counts),
        "faults": len(report.faults()),
        "findings": [
            {
                "row": finding.row,
                "check": finding.check,
                "severity": finding.severity,
                "reason": finding.reason,
                "repair": finding.repair,
                "other": finding.other,
                "score": round(finding.score, 4),
            }
            for finding in report.findings
        ],
    }


def _say_report(report: quality.Report) -> None:
    for check, count in report.counts.items():
        mark = "fault" if check in FAULTS else "note"
        say(f"{CHECKS[check]} ({mark}): {count:,} rows")
        shown = [finding for finding in report.findings if finding.check == check]
        for finding in shown[:_TOLD_FINDINGS]:
            say(f"  row {finding.row}: {finding.reason}")
        if count > _TOLD_FINDINGS:
            say("  …")
        repair = next((finding.repair for finding in shown if finding.repair), "")
        if repair:
            say(f"  {REPAIRS[repair].title}: --repair {repair}")
    faulty = len(report.faults())
    say(f"{report.rows:,} rows checked, {faulty:,} with faults.")


def _say_progress(what: str, done: int, total: int) -> None:
    if done and done % 25_600 == 0:
        say_aside(f"{what}: {done:,} of {total:,}.")
