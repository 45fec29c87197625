"""Scorers give what a person would, and intervals what a statistician would."""

from __future__ import annotations

import pytest

from expert_studio.core.training.scores import measure, measure_types, parsed, score, wilson


@pytest.mark.parametrize(
    ("given", "valid", "exact", "fields"),
    [
        ('{"a": 1, "b": "x"}', 1, 1, 1.0),
        (' {"b": "x", "a": 1}\n', 1, 1, 1.0),
        ('{"a": 1.0, "b": "X"}', 1, 0, 0.5),
        ('{"a": true, "b": "x"}', 1, 0, 0.5),
        ('{"a": 1, "b": "x", "c": 2}', 1, 0, 2 / 3),
        ('Sure! {"a": 1, "b": "x"}', 0, 0, 0.0),
        ("[1]", 1, 0, 0.0),
        ("", 0, 0, 0.0),
    ],
)
def test_json(given: str, valid: float, exact: float, fields: float) -> None:
    scored = score("json", '{"a": 1, "b": "x"}', given)
    assert scored == {"valid_json": valid, "exact": exact, "field_accuracy": pytest.approx(fields)}


def test_labels() -> None:
    wanted = '{"type": "log", "language": "log", "technologies": ["Rust", "Docker"]}'
    scored = score("label", wanted, '{"type": "log", "language": "en", "technologies": ["rust"]}')
    assert scored["type_accuracy"] == 1.0
    assert scored["language_accuracy"] == 0.0
    assert scored["technologies_f1"] == pytest.approx(2 / 3)
    assert set(score("label", wanted, "log").values()) == {0.0}
    nothing = '{"type": "fiction", "language": "en", "technologies": []}'
    assert score("label", nothing, nothing)["technologies_f1"] == 1.0
    assert score("label", nothing, "nothing of that")["technologies_f1"] == 0.0


def test_an_odd_technologies_value_is_wrong_not_fatal() -> None:
    wanted = '{"type": "log", "language": "log", "technologies": ["Rust"]}'
    assert score("label", wanted, '{"type": "log", "technologies": 3}')["technologies_f1"] == 0.0


def test_of_types_the_rare_ones_count_alike() -> None:
    # a: 9 of 10 right, none said of another: F1 18/19; b: asked twice, one right, one a too: 2/4
    pairs = [("a", "a")] * 9 + [("a", "b"), ("b", "b"), ("b", "")]
    found = measure_types(pairs)
    assert found.score == pytest.approx((18 / 19 + 2 / 4) / 2, abs=1e-4)
    assert found.n == 12
    assert found.interval[0] < found.score < found.interval[1]
    assert measure_types([("a", "x")]).score == 0.0


def test_exact() -> None:
    assert score("exact", "8", " 8\n") == {"exact": 1.0}


def test_intervals_hold_the_mean_and_narrow_with_n() -> None:
    low, high = wilson(0.85, 30)
    assert low < 0.75
    assert high > 0.9
    assert wilson(0.0, 10)[0] == 0.0
    assert wilson(1.0, 10)[1] == 1.0
    assert wilson(0.5, 1000)[1] - wilson(0.5, 1000)[0] < 0.07
    (measured,) = measure([{"f": value} for value in (0.25, 0.5, 0.75, 1.0) * 20])
    assert measured.interval[0] < measured.score == 0.625 < measured.interval[1]
    assert measured.n == 80
    assert measure([]) == ()


def test_an_answer_nested_without_end_is_no_json() -> None:
    assert parsed("[" * 100_000) is None
