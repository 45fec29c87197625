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
from expert_studio.core.training.scores import LOG_LOSS, TYPE_MACRO_F1, Measurement

TITLES: Mapping[str, str] = {
    WITH_DEPENDENCIES: "as trained",
    WITHOUT_DEPENDENCIES: "without its dependencies",
    DEPENDENCIES_ONLY: "its dependencies alone",
    BASE_ONLY: "base alone",
    PLAIN: "plain baseline",
}
# What each metric is, for whoever reads a report.
MEANINGS: Mapping[str, str] = {
    "valid_json": "the answer parses as JSON as it stands",
    "exact": "the answer is the right one, but for layout",
    "field_accuracy": "share of fields that are right; one too many counts as wrong",
    "type_accuracy": "the document's type is right",
    TYPE_MACRO_F1: "F1 of each type, and the mean over the types: rare ones count alike",
    "language_accuracy": "the document's language is right",
    "technologies_f1": "F1 over the set of technologies",
    "word_f1": "F1 over the words of the answer",
    "character_accuracy": "1 less the character error rate",
    "parses": "the answer parses in its language",
    "completes": "the asked signature, with a body that is neither empty nor a constant",
    "tests_passed": "the function passes its unit test",
    "bug_kind": "the kind of bug is right",
    "bug_line": "the corrected line is right",
    "task_score": "the mean of each row's own main metric, for rows of several kinds",
    "keyword_share": "share of expected keywords in the answer; a weak measure",
    LOG_LOSS: "nats per token of the right answer; less is better",
}


def metric_name(metric: str) -> str:
    """As running text has it: "field accuracy"."""
    if metric == LOG_LOSS:
        return "log-loss"
    return metric.replace("_", " ").replace("json", "JSON").replace("f1", "F1")


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
    """Every metric of any condition, the main one first."""
    named = dict.fromkeys(m.metric for c in report.conditions for m in c.measurements)
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
