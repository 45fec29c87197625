"""Which elements of a list a small function takes: in words, in Python, in Rust, and in meaning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from expert_studio.core.datasets.offline_code_words import Kind, Words


@dataclass(frozen=True, slots=True)
class Condition:
    """Which elements count.

    Attributes:
        phrase: after the noun ("greater than {low}").
        python, rust: the expression over `{item}`; in Rust a number is a value, a text a &str.
        holds: what it means.
    """

    name: str
    kind: Kind
    phrase: str
    python: str
    rust: str
    holds: Callable[[Any, Words], bool]


CONDITIONS: tuple[Condition, ...] = (
    Condition(
        "above",
        "number",
        "greater than {low}",
        "{item} > {low}",
        "{item} > {low}",
        lambda x, w: x > w.low,
    ),
    Condition(
        "below",
        "number",
        "less than {low}",
        "{item} < {low}",
        "{item} < {low}",
        lambda x, w: x < w.low,
    ),
    Condition(
        "at-least",
        "number",
        "of at least {low}",
        "{item} >= {low}",
        "{item} >= {low}",
        lambda x, w: x >= w.low,
    ),
    Condition(
        "at-most",
        "number",
        "of at most {low}",
        "{item} <= {low}",
        "{item} <= {low}",
        lambda x, w: x <= w.low,
    ),
    Condition(
        "other-than",
        "number",
        "other than {low}",
        "{item} != {low}",
        "{item} != {low}",
        lambda x, w: x != w.low,
    ),
    Condition(
        "even",
        "number",
        "that are even",
        "{item} % 2 == 0",
        "{item} % 2 == 0",
        lambda x, _: x % 2 == 0,
    ),
    Condition(
        "odd",
        "number",
        "that are odd",
        "{item} % 2 != 0",
        "{item} % 2 != 0",
        lambda x, _: x % 2 != 0,
    ),
    Condition(
        "multiple",
        "number",
        "divisible by {small}",
        "{item} % {small} == 0",
        "{item} % {small} == 0",
        lambda x, w: x % w.small == 0,
    ),
    Condition(
        "between",
        "number",
        "from {low} to {high}",
        "{low} <= {item} <= {high}",
        "({low}..={high}).contains(&{item})",
        lambda x, w: w.low <= x <= w.high,
    ),
    Condition(
        "positive", "number", "greater than zero", "{item} > 0", "{item} > 0", lambda x, _: x > 0
    ),
    Condition(
        "outside",
        "number",
        "below {low} or above {high}",
        "{item} < {low} or {item} > {high}",
        "{item} < {low} || {item} > {high}",
        lambda x, w: x < w.low or x > w.high,
    ),
    Condition(
        "starting",
        "text",
        "that start with '{prefix}'",
        '{item}.startswith("{prefix}")',
        '{item}.starts_with("{prefix}")',
        lambda x, w: x.startswith(w.prefix),
    ),
    Condition(
        "ending",
        "text",
        "that end with '{prefix}'",
        '{item}.endswith("{prefix}")',
        '{item}.ends_with("{prefix}")',
        lambda x, w: x.endswith(w.prefix),
    ),
    Condition(
        "containing",
        "text",
        "that contain '{prefix}'",
        '"{prefix}" in {item}',
        '{item}.contains("{prefix}")',
        lambda x, w: w.prefix in x,
    ),
    Condition(
        "longer",
        "text",
        "longer than {small} characters",
        "len({item}) > {small}",
        "{item}.len() > {small}",
        lambda x, w: len(x) > w.small,
    ),
    Condition(
        "shorter",
        "text",
        "shorter than {small} characters",
        "len({item}) < {small}",
        "{item}.len() < {small}",
        lambda x, w: len(x) < w.small,
    ),
    Condition(
        "of-length",
        "text",
        "of exactly {small} characters",
        "len({item}) == {small}",
        "{item}.len() == {small}",
        lambda x, w: len(x) == w.small,
    ),
    Condition(
        "not-starting",
        "text",
        "that do not start with '{prefix}'",
        'not {item}.startswith("{prefix}")',
        '!{item}.starts_with("{prefix}")',
        lambda x, w: not x.startswith(w.prefix),
    ),
)
