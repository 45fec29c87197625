"""The figures of an evaluation as words and cells, alike on a card, in a report, in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from expert_studio.core.training.evaluation import (
    BASE_ONLY,
    DEPENDENCIES_ONLY,
    PLAIN,
    WITH_DEPENDENCIES,
    WITHOUT_DEPENDENCIES,
    Condition,
    Report,
)
from expert_studio.core.training.metric_words import LOG_LOSS, in_reading_order
from expert_studio.core.training.scores import Measurement

TITLES: Mapping[str, str] = {
    WITH_DEPENDENCIES: "as trained",
    WITHOUT_DEPENDENCIES: "without its dependencies",
    DEPENDENCIES_ONLY: "its dependencies alone",
    BASE_ONLY: "base alone",
    PLAIN: "plain baseline",
}


def per_cent(share: float) -> str:
    return f"{share * 100:.1f} %"


def shown(measured: Measurement) -> tuple[str, str]:
    """Score and interval: ("61.6 %", "56.1 % to 66.7 %"); a log-loss in nats."""
    low, high = measured.interval
    if measured.metric == LOG_LOSS:
        return f"{measured.score:.3f} nats", f"{low:.3f} to {high:.3f}"
    return per_cent(measured.score), f"{per_cent(low)} to {per_cent(high)}"


def titled(condition: Condition) -> str:
    """A condition with the most rows any of its metrics was measured on."""
    rows = max((measured.n for measured in condition.measurements), default=0)
    return f"{TITLES.get(condition.name, condition.name)} (n {rows})"


def metrics_of(report: Report) -> tuple[str, ...]:
    """Every metric of any condition, the main one first, the rest in their reading order."""
    named = in_reading_order(m.metric for c in report.conditions for m in c.measurements)
    return (report.main_metric, *(name for name in named if name != report.main_metric))


def cell(condition: Condition, metric: str) -> str:
    """ "61.6 % (56.1 % to 66.7 %)", with n where not all rows have that metric; "" for none."""
    measured = condition.of(metric)
    if measured is None:
        return ""
    score, interval = shown(measured)
    rows = max(each.n for each in condition.measurements)
    fewer = f", n {measured.n}" if measured.n != rows else ""
    return f"{score} ({interval}{fewer})"


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; signs that would end a cell are escaped."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(_escaped(part) for part in line) + " |" for line in lines)


def _escaped(part: str) -> str:
    return " ".join(part.replace("|", "\\|").split())
