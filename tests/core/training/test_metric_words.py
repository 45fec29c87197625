"""What each metric is called, and the order in which they are read."""

from __future__ import annotations

import pytest

from expert_studio.core.training.metric_words import (
    LOG_LOSS,
    MEANINGS,
    TYPE_MACRO_F1,
    in_reading_order,
    metric_name,
)
from expert_studio.core.training.scores import score, score_label
from expert_studio.core.training.scores_code import score_code
from expert_studio.core.training.scores_text import score_text


def test_those_that_belong_together_stand_together() -> None:
    """Macro-F1 is reckoned last of all; it is read beside the accuracy of the same type."""
    scored = [*score_label('{"type": "log"}', "{}"), LOG_LOSS, TYPE_MACRO_F1, LOG_LOSS, "of_later"]
    assert in_reading_order(scored) == (
        "valid_json",
        "type_accuracy",
        "type_macro_f1",
        "language_accuracy",
        "technologies_f1",
        "log_loss",
        "of_later",
    )


@pytest.mark.parametrize(
    "scored",
    [
        score("json", '{"a": 1}', "{}"),
        score("cypher", "RETURN 1", "RETURN 2"),
        score("exact", "a", "a"),
        score("exact", "", "a", '{"keywords": ["a"]}'),
        score_text("one", "two"),
        score_code("python", "def f(x):\n    return x", "def f(x):\n    return x", ""),
    ],
)
def test_a_report_can_say_what_every_score_means(scored: dict[str, float]) -> None:
    assert scored.keys() <= MEANINGS.keys()


def test_names_read_as_words() -> None:
    names = [metric_name(name) for name in ("valid_json", "type_macro_f1", "log_loss")]
    assert names == ["valid JSON", "type macro F1", "log-loss"]
