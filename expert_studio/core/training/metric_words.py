"""What each metric is called and means, and in which order a reader meets them.

Loads nothing, so that the window can name a package's figures without what measures them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

LOG_LOSS = "log_loss"  # nats per token of the right answer: the one where less is better
TYPE_MACRO_F1 = "type_macro_f1"  # of labels: over all rows at once, no mean of rows
TASK_SCORE = "task_score"  # of rows of several kinds: the mean of each row's own main metric
KEYWORDS = "keyword_share"
# What each is, for whoever reads a report; those that belong together stand together.
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
    TASK_SCORE: "the mean of each row's own main metric, for rows of several kinds",
    KEYWORDS: "share of expected keywords in the answer; a weak measure",
    LOG_LOSS: "nats per token of the right answer; less is better",
}
_PLACE = {metric: place for place, metric in enumerate(MEANINGS)}


def metric_name(metric: str) -> str:
    """As running text has it: "field accuracy"."""
    if metric == LOG_LOSS:
        return "log-loss"
    return metric.replace("_", " ").replace("json", "JSON").replace("f1", "F1")


def in_reading_order(metrics: Iterable[str]) -> tuple[str, ...]:
    """Each once, as `MEANINGS` lists them; those it does not know last, as they came."""
    return tuple(sorted(dict.fromkeys(metrics), key=lambda name: _PLACE.get(name, len(_PLACE))))
