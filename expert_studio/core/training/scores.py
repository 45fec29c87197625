"""How good an answer is: honest scorers over texts, and how sure a mean of them is.

Each scorer gives numbers from 0 to 1 by name. Knows nothing of models or of files.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from expert_studio.core.datasets.examples import Scorer
from expert_studio.core.training.metric_words import KEYWORDS, TYPE_MACRO_F1
from expert_studio.core.training.scores_code import read_check, score_code, score_cypher
from expert_studio.core.training.scores_text import keyword_share, score_text

CONFIDENCE_Z = 1.959964  # 95 %
RESAMPLES = 1000
# What each scorer is chiefly about, in the words of the report.
MAIN_METRIC: Mapping[Scorer, str] = {
    "json": "field_accuracy",
    "label": "type_accuracy",
    "exact": "exact",
    "cypher": "exact",
    "python": "exact",
    "rust": "exact",
    "text": "word_f1",
}
# Where one of these was scored it says more of the row; the first that was counts.
_SAYING_MORE = ("tests_passed", "bug_kind", "completes")


@dataclass(frozen=True, slots=True)
class Measurement:
    """The mean of one metric over the n rows that have it, with its 95 % interval.

    All are 0 to 1, but for the log-loss.
    """

    metric: str
    score: float
    n: int
    interval: tuple[float, float]


def score(scorer: Scorer, expected: str, given: str, check: str = "") -> dict[str, float]:
    """The metrics of one answer, each 0 to 1; `check` is the row's (see `Example.check`)."""
    if not expected and "keywords" in (said := read_check(check)):
        return {KEYWORDS: keyword_share([str(word) for word in said["keywords"]], given)}
    if scorer == "json":
        return score_json(expected, given)
    if scorer == "label":
        return score_label(expected, given)
    if scorer == "text":
        return score_text(expected, given)
    if scorer == "cypher":
        return score_cypher(expected, given)
    if scorer in ("python", "rust"):
        return score_code(scorer, expected, given, check)
    return {"exact": float(expected.strip() == given.strip())}


def own_metric(scorer: Scorer, scored: Mapping[str, float]) -> str:
    """The metric a row is chiefly about, among those it was scored by."""
    if KEYWORDS in scored:
        return KEYWORDS
    return next((name for name in _SAYING_MORE if name in scored), MAIN_METRIC[scorer])


def score_json(expected: str, given: str) -> dict[str, float]:
    """valid: it parses as it stands; exact: the same value; field_accuracy: share of right fields.

    A field is right when its key is there with the same value and type; a field nobody asked
    for counts as one more wrong one. Of a list each element counts, or each field of it.
    """
    wanted, answered = parsed(expected), parsed(given)
    fields = 0.0
    if isinstance(wanted, dict | list) and type(wanted) is type(answered):
        asked, said = _fields(wanted), _fields(answered)
        right = sum(key in said and same(asked[key], said[key]) for key in asked)
        fields = right / max(1, len(asked.keys() | said.keys()))
        if not asked and not said:
            fields = 1.0
    return {
        "valid_json": float(answered is not None),
        "exact": float(answered is not None and same(wanted, answered)),
        "field_accuracy": fields,
    }


def score_label(expected: str, given: str) -> dict[str, float]:
    """A document's class: valid JSON, right type, right language, F1 over technologies."""
    wanted, answered = parsed(expected), parsed(given)
    if not isinstance(wanted, dict):
        wanted = {}
    found = answered if isinstance(answered, dict) else {}
    return {
        "valid_json": float(isinstance(answered, dict)),
        "type_accuracy": float("type" in wanted and same(wanted["type"], found.get("type"))),
        "language_accuracy": float(
            "language" in wanted and same(wanted["language"], found.get("language"))
        ),
        "technologies_f1": _set_f1(_names(wanted) or set(), _names(found)),
    }


def measure_types(pairs: Sequence[tuple[str, str]]) -> Measurement:
    """F1 of each right type, and the mean of them: every type counts alike, however rare it is.

    Args:
        pairs: the right type of each row and the one answered, "" for none.

    The interval is a bootstrap over rows; F1 as van Rijsbergen, Information Retrieval (1979).
    """
    chance = Random("interval")
    found = sorted(_macro_f1(chance.choices(pairs, k=len(pairs))) for _ in range(RESAMPLES))
    return Measurement(TYPE_MACRO_F1, round(_macro_f1(pairs), 4), len(pairs), _middle(found))


def parsed(text: str) -> Any:
    """The JSON value a text is, or None where it is none; white space around it is allowed."""
    try:
        return json.loads(text.strip())
    except (ValueError, RecursionError):
        return None


def same(wanted: Any, answered: Any) -> bool:
    """Equal in value and kind; 1 and 1.0 are equal, 1 and true are not."""
    if isinstance(wanted, bool) or isinstance(answered, bool):
        return wanted is answered
    if isinstance(wanted, dict) and isinstance(answered, dict):
        return wanted.keys() == answered.keys() and all(
            same(value, answered[key]) for key, value in wanted.items()
        )
    if isinstance(wanted, list) and isinstance(answered, list):
        return len(wanted) == len(answered) and all(map(same, wanted, answered))
    return bool(wanted == answered)


def measure(scored: Sequence[Mapping[str, float]]) -> tuple[Measurement, ...]:
    """The mean of every metric over the rows that have it; metrics in the order they come up."""
    metrics = dict.fromkeys(metric for row in scored for metric in row)
    return tuple(
        _measured(metric, [row[metric] for row in scored if metric in row]) for metric in metrics
    )


def _measured(metric: str, values: Sequence[float]) -> Measurement:
    mean = sum(values) / len(values)
    yes_or_no = all(value in (0.0, 1.0) for value in values)
    interval = wilson(mean, len(values)) if yes_or_no else _bootstrap(values)
    return Measurement(metric, round(mean, 4), len(values), interval)


def wilson(share: float, n: int) -> tuple[float, float]:
    """The 95 % interval of a share of n yes-or-no rows (Wilson's score interval)."""
    z2 = CONFIDENCE_Z**2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    reach = CONFIDENCE_Z * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return round(max(0.0, middle - reach), 4), round(min(1.0, middle + reach), 4)


def _bootstrap(values: Sequence[float]) -> tuple[float, float]:
    chance = Random("interval")
    means = sorted(
        sum(chance.choices(values, k=len(values))) / len(values) for _ in range(RESAMPLES)
    )
    return _middle(means)


def _middle(resampled: Sequence[float]) -> tuple[float, float]:
    """Where 95 % of the sorted values lie."""
    edge = round(len(resampled) * 0.025)
    return round(resampled[edge], 4), round(resampled[-edge - 1], 4)


def _macro_f1(pairs: Sequence[tuple[str, str]]) -> float:
    right = Counter(wanted for wanted, said in pairs if wanted == said)
    asked = Counter(wanted for wanted, _ in pairs)
    answered = Counter(said for _, said in pairs)
    return sum(2 * right[kind] / (asked[kind] + answered[kind]) for kind in asked) / len(asked)


def _names(label: Mapping[str, Any]) -> set[str] | None:
    said = label.get("technologies")
    return {str(name).lower() for name in said} if isinstance(said, list) else None


def _fields(value: dict[str, Any] | list[Any]) -> dict[Any, Any]:
    """The fields of an object; of a list its elements, those that are objects by field."""
    if isinstance(value, dict):
        return value
    found: dict[Any, Any] = {}
    for place, element in enumerate(value):
        if isinstance(element, dict) and element:
            found |= {(place, key): part for key, part in element.items()}
        else:
            found[place,] = element
    return found


def _set_f1(wanted: set[str], answered: set[str] | None) -> float:
    """0 where nothing was said: an answer that is no list is not an empty list."""
    if answered is None:
        return 0.0
    if not wanted and not answered:
        return 1.0
    return 2 * len(wanted & answered) / (len(wanted) + len(answered))
