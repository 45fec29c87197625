"""An evaluation as one HTML page that needs nothing else: no script, no font, no other file.

Every text from a recipe, a row or a package is escaped.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from expert_studio.core.training.company import company_table
from expert_studio.core.training.curves import Curve, curves
from expert_studio.core.training.evaluation import WITH_DEPENDENCIES, Report
from expert_studio.core.training.events import Event
from expert_studio.core.training.metric_words import LOG_LOSS, metric_name
from expert_studio.core.training.report_chart import interval_chart, line_chart
from expert_studio.core.training.report_table import TITLES, shown
from expert_studio.core.training.report_text import (
    Table,
    about,
    candidate_table,
    choice,
    family_table,
    meaning_table,
    origin_table,
    score_table,
    training,
    warnings,
)

_STYLE = """
body { margin: 0; background: #f4f6f8; color: #26323d;
  font: 15px/1.55 Inter, "Segoe UI", Helvetica, Arial, sans-serif; }
main { max-width: 860px; margin: 0 auto; padding: 40px 24px 64px; }
section { background: #fff; border: 1px solid #e3e8ec; border-radius: 10px;
  padding: 20px 24px; margin: 18px 0; overflow-x: auto; }
h1 { font-size: 27px; line-height: 1.2; margin: 0 0 6px; }
h2 { font-size: 17px; margin: 0 0 12px; }
p { margin: 0 0 10px; max-width: 70ch; }
.quiet, .interval { color: #5d6b78; }
.interval { font-size: 12px; white-space: nowrap; }
.score { font-size: 40px; font-weight: 650; line-height: 1.1; margin: 0; }
.warning { border-left: 4px solid #b8531a; background: #fdf5ef; padding: 10px 14px; }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; }
th, td { text-align: left; padding: 7px 14px 7px 0; border-bottom: 1px solid #e3e8ec;
  vertical-align: top; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
th { color: #5d6b78; font-weight: 500; }
td:first-child { min-width: 9em; }
svg { display: block; width: 100%; height: auto; margin: 0 0 18px; }
@media print { body { background: #fff; } section { break-inside: avoid; } }
"""
# Curves that belong into one picture, with its title and unit.
_PICTURES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("Loss", "nats per answer token", ("loss", "eval_loss")),
    ("Score on rows set aside", "0 to 1", ("score",)),
    ("Reward margin", "", ("reward_margin", "eval_reward_margin")),
    ("Preference accuracy", "0 to 1", ("reward_accuracy", "eval_reward_accuracy")),
    ("Learning rate", "", ("learning_rate",)),
    ("Gradient norm", "", ("grad_norm",)),
    ("Throughput", "tokens a second", ("tokens_per_s",)),
    ("Memory", "GiB", ("memory_bytes",)),
)


def page(report: Report, events: tuple[Event, ...] = ()) -> str:
    """The whole report as HTML text."""
    title = f"{report.expert} {report.version}: evaluation"
    sections = [
        _section("Scores", _picture(report), _table(score_table(report))),
    ]
    if report.candidates:
        text = _paragraph(choice(report))
        sections.append(_section("Which adapter", text, _table(candidate_table(report))))
    if len(report.families) > 1:
        sections.append(_section("By kind of row", _table(family_table(report))))
    drawn = _curves(events)
    if drawn:
        sections.append(_section("Training", *map(_paragraph, training(events)), drawn))
    table = company_table(report)
    if table[1]:
        sections.append(_section("Beside other experts", _table(table)))
    sections.append(_section("What the metrics mean", _table(meaning_table(report))))
    sections.append(_section("Measured with", _table(origin_table(report))))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n<body><main>\n"
        f"<header><h1>{escape(title)}</h1>{_headline(report)}</header>\n"
        + "\n".join(sections)
        + "\n</main></body></html>\n"
    )


def _headline(report: Report) -> str:
    main = report.main()
    parts = []
    if main is not None:
        score, interval = shown(main)
        parts.append(_paragraph(score, "score"))
        parts.append(
            _paragraph(f"{metric_name(main.metric)}, {interval} with 95 % confidence", "quiet")
        )
    parts += [_paragraph(sentence, "quiet") for sentence in about(report)]
    parts += [_paragraph(sentence, "warning") for sentence in warnings(report)]
    return "".join(parts)


def _picture(report: Report) -> str:
    """The main metric of every stack that was measured, the expert as trained first."""
    if report.main_metric == LOG_LOSS:
        return ""
    found = [(each.name, report.main(each.name)) for each in report.conditions]
    rows = [(TITLES.get(name, name), measured) for name, measured in found if measured is not None]
    rows.sort(key=lambda row: row[0] != TITLES[WITH_DEPENDENCIES])
    return interval_chart(metric_name(report.main_metric).capitalize(), rows)


def _curves(events: tuple[Event, ...]) -> str:
    known = {curve.name: _in_gib(curve) for curve in curves(events)}
    pictures = [
        line_chart(title, [known[name] for name in names if name in known], unit)
        for title, unit, names in _PICTURES
    ]
    return "".join(pictures)


def _in_gib(curve: Curve) -> Curve:
    if curve.name != "memory_bytes":
        return curve
    return Curve("memory", curve.steps, tuple(value / (1 << 30) for value in curve.values))


def _section(title: str, *parts: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{''.join(parts)}</section>"


def _paragraph(text: str, kind: str = "") -> str:
    said = escape(text).replace(" %", "\u00a0%")
    return f'<p class="{kind}">{said}</p>' if kind else f"<p>{said}</p>"


def _table(table: Table) -> str:
    header, rows = table
    head = _cells(header, "th") if any(header) else ""
    body = "".join(f"<tr>{_cells(row, 'td')}</tr>" for row in rows)
    return (
        f"<table>{f'<thead><tr>{head}</tr></thead>' if head else ''}<tbody>{body}</tbody></table>"
    )


def _cells(parts: Sequence[str], tag: str) -> str:
    return "".join(f"<{tag}>{_cell(part)}</{tag}>" for part in parts)


def _cell(part: str) -> str:
    """A score's interval stands on a line of its own, unbroken."""
    score, bracket, interval = escape(part).partition(" (")
    if not (bracket and score[:1].isdigit() and interval.endswith(")")):
        return escape(part).replace("(n ", "(n\u00a0")
    return f'{score}<br><span class="interval">({interval}</span>'
