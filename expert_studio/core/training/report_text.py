"""An evaluation as Markdown, and the sentences the page shares with it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from expert_studio.core.training.company import company_table, costs_of
from expert_studio.core.training.curves import curves
from expert_studio.core.training.evaluation import Report
from expert_studio.core.training.events import Ended, Event, Started, Step, effective
from expert_studio.core.training.fallback import fallback_of
from expert_studio.core.training.metric_words import MEANINGS, metric_name
from expert_studio.core.training.report_table import (
    cell,
    markdown_table,
    metrics_of,
    shown,
    titled,
)

Table = tuple[Sequence[str], Sequence[Sequence[str]]]  # header, rows


def markdown(report: Report, events: tuple[Event, ...] = ()) -> str:
    """The whole report as Markdown text, curves as their ends."""
    parts = [
        f"# {report.expert} {report.version}: evaluation",
        *about(report),
        "## Scores",
        markdown_table(*score_table(report)),
        *(f"> {sentence}" for sentence in warnings(report)),
    ]
    if report.candidates:
        parts += ["## Which adapter", choice(report), markdown_table(*candidate_table(report))]
    header, company = company_table(report)
    if company:
        parts += ["## Beside other experts", markdown_table(header, company)]
    if len(report.families) > 1:
        parts += ["## By kind of row", markdown_table(*family_table(report))]
    made = curve_table(events)
    if made[1]:
        parts += ["## Training", *training(events), markdown_table(*made)]
    parts += ["## What the metrics mean", markdown_table(*meaning_table(report))]
    parts += ["## Measured with", markdown_table(*origin_table(report))]
    return "\n\n".join(parts) + "\n"


def about(report: Report) -> list[str]:
    """What was measured on what, in sentences."""
    rows = {max((m.n for m in c.measurements), default=0) for c in report.conditions}
    asked = (
        f"{report.rows} rows ({report.data}; SHA-256 {report.rows_sha256[:12]}), greedy decoding, "
        f"{report.quantization} on {report.device}. In brackets the 95 % interval: Wilson's for "
        "yes-or-no metrics, otherwise a bootstrap over rows."
    )
    if len(rows) == 1:
        return [asked]
    return [asked, "The base alone and dependencies alone were asked the first rows only (see n)."]


def warnings(report: Report) -> list[str]:
    """What a reader must not miss: a part that does better, rows left out."""
    advice = fallback_of(report)
    return [*([advice.text] if advice else []), *costs_of(report), *report.notes]


def score_table(report: Report) -> Table:
    header = ("metric", *(titled(condition) for condition in report.conditions))
    rows = [
        (metric_name(metric), *(cell(condition, metric) for condition in report.conditions))
        for metric in metrics_of(report)
    ]
    return header, rows


def choice(report: Report) -> str:
    """Which adapter the scores are of, and why."""
    return (
        f"The scores are of the adapter “{report.checkpoint}”: it did best on "
        f"{report.candidate_rows} validation rows, which are none of the rows above."
    )


def candidate_table(report: Report) -> Table:
    rows = []
    for each in report.candidates:
        score, interval = shown(each.main)
        loss = "" if each.log_loss is None else f"{each.log_loss:.3f}"
        chosen = "chosen" if each.chosen else ""
        rows.append((each.name, str(each.step), f"{score} ({interval})", loss, chosen))
    main = metric_name(report.candidates[0].main.metric) if report.candidates else ""
    return ("adapter", "step", main, "log-loss", ""), rows


def family_table(report: Report) -> Table:
    rows = []
    for family in report.families:
        measured = family.of(report.main_metric)
        if measured is not None:
            score, interval = shown(measured)
            rows.append((family.name, str(measured.n), f"{score} ({interval})"))
    return ("rows", "n", f"{metric_name(report.main_metric)}, as trained"), rows


def training(events: tuple[Event, ...]) -> list[str]:
    """How it was trained, from what the run reported."""
    counted = effective(events)
    steps = [event for event in counted if isinstance(event, Step)]
    started = [event for event in counted if isinstance(event, Started)]
    if not steps or not started:
        return []
    seconds = sum(event.session_s for event in events if isinstance(event, Ended))
    told = (
        f"{steps[-1].step:,} steps over {started[-1].train_rows:,} rows, "
        f"{started[-1].trainable_parameters:,} parameters learned, {seconds / 60:.0f} minutes on "
        f"{started[-1].device_name} in {started[-1].precision}."
    )
    return [told]


def curve_table(events: tuple[Event, ...]) -> Table:
    rows = []
    for curve in curves(events):
        known = [value for value in curve.values if math.isfinite(value)]
        ends = (known[0], min(known), max(known), known[-1])
        rows.append((curve.name.replace("_", " "), *(f"{value:.4g}" for value in ends)))
    return ("curve", "first", "least", "most", "last"), rows


def meaning_table(report: Report) -> Table:
    rows = [(metric_name(name), MEANINGS[name]) for name in metrics_of(report) if name in MEANINGS]
    return ("metric", "what it is"), rows


def origin_table(report: Report) -> Table:
    """Hardware, libraries, seeds, hashes."""
    rows = [("device", report.device), ("quantization", report.quantization)]
    rows += [("rows", report.rows_sha256), *report.made_with.items()]
    return ("", ""), rows
