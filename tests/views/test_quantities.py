"""Sizes, speeds, durations and scores in words."""

from __future__ import annotations

from typing import Any

import pytest

from expert_studio.views.widgets.expert_facts import requirement_text, score_text
from expert_studio.views.widgets.quantities import size_text, speed_text, time_left_text


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (0, "0 B"),
        (831, "831 B"),
        (999, "999 B"),
        (1_000, "1.0 kB"),
        (1_100_000, "1.1 MB"),
        (94_400_000, "94 MB"),
        (999_600_000, "1.00 GB"),
        (1_503_300_328, "1.50 GB"),
        (79_000_000_000, "79 GB"),
    ],
)
def test_sizes(size_bytes: int, text: str) -> None:
    assert size_text(size_bytes) == text


def test_speed() -> None:
    assert speed_text(5_240_000) == "5.2 MB/s"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, ""),
        (0.2, "1 s left"),
        (59, "59 s left"),
        (229, "4 min left"),
        (3599, "1 h 0 min left"),
        (7500, "2 h 5 min left"),
    ],
)
def test_time_left(seconds: float | None, text: str) -> None:
    assert time_left_text(seconds) == text


@pytest.mark.parametrize(
    ("score", "interval", "text"),
    [
        (0.74, [0.713, 0.767], "74.0 % ± 2.7"),
        (1, None, "100.0 %"),
        (9.13, None, "9.13"),
        (0.5, "wide", "50.0 %"),
        ("high", None, ""),
        (True, None, ""),
    ],
)
def test_scores(score: Any, interval: Any, text: str) -> None:
    assert score_text(score, interval) == text


def test_a_log_loss_is_no_share() -> None:
    assert score_text(0.121, (0.089, 0.156), "log_loss") == "0.121 nats ± 0.034"


@pytest.mark.parametrize(
    ("requirement", "text"),
    [
        ("english-basic@>=1.0.0,<2.0.0", "english-basic ≥ 1.0.0, <2.0.0"),
        ("english-basic", "english-basic"),
        ("english-basic@*", "english-basic"),
    ],
)
def test_requirements(requirement: str, text: str) -> None:
    assert requirement_text(requirement) == text
