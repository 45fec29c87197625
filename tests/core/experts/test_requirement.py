"""Versions and requirements: SemVer 2 precedence and the `name@spec` grammar."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expert_studio.core.errors import DependencyError
from expert_studio.core.experts.requirement import (
    is_name,
    name_key,
    parse_requirement,
    parse_version,
    precedence,
)


def test_the_specification_s_own_precedence_list_holds() -> None:
    ordered = [
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-beta",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0-rc.1",
        "1.0.0",
        "2.0.0",
        "2.1.0",
        "2.1.1",
    ]
    for lower, higher in pairwise(ordered):
        assert parse_version(lower) < parse_version(higher)
        assert precedence(lower) < precedence(higher)
        assert parse_requirement(f"xx@>{lower}").accepts(higher)
        assert not parse_requirement(f"xx@>={higher}").accepts(lower)


@pytest.mark.parametrize(
    ("text", "accepted", "refused"),
    [
        ("json-parser", ["0.0.1", "9.9.9", "1.0.0-rc.1"], []),
        ("json-parser@*", ["0.0.1"], []),
        ("json-parser@", ["0.0.1"], []),
        ("json-parser@1.2.0", ["1.2.0", "1.2.0+build"], ["1.2.1", "1.2.0-rc.1"]),
        ("json-parser@=1.2", ["1.2.0"], ["1.2.1"]),
        ("json-parser@==1.2.0", ["1.2.0"], ["1.2.1"]),
        ("json-parser@>=1.0.0,<2.0.0", ["1.0.0", "1.9.9"], ["0.9.9", "2.0.0"]),
        ("json-parser @ >= 1.0.0 , < 2.0.0", ["1.0.0"], ["2.0.0"]),
        ("json-parser<=1.0", ["1.0.0"], ["1.0.1"]),
        ("json-parser@>1", ["1.0.1"], ["1.0.0"]),
        ("json-parser@>=1.0.0,<=1.0.0", ["1.0.0"], ["1.0.1"]),
    ],
)
def test_the_grammar(text: str, accepted: list[str], refused: list[str]) -> None:
    requirement = parse_requirement(text)
    assert requirement.name == "json-parser"
    assert all(requirement.accepts(version) for version in accepted)
    assert not any(requirement.accepts(version) for version in refused)
    assert parse_requirement(str(requirement)) == requirement


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@1.0.0",
        "A@1.0.0",
        "x",
        "../x",
        "xx@^1.0",
        "xx@~1.0",
        "xx@>=1.0.0-",
        "xx@01.0.0",
        "xx@1.0.0.0",
        "xx@>=",
        "xx@,",
        "xx@1.0 2.0",
        "xx@>=1.0,<1.0",
        "xx@>2,<1",
        "xx@>1.0,<=1.0",
        "xx@1.0,2.0",
        "xx@=1.0,>2.0",
        "xx@" + "9" * 30,
        "xx@>=1.0," * 100,
    ],
)
def test_what_cannot_be_read_or_satisfied_gives_a_sentence(text: str) -> None:
    with pytest.raises(DependencyError, match="cannot be read"):
        parse_requirement(text)


@pytest.mark.parametrize(
    "text", ["1.0", "01.0.0", "1.0.0-", "1.0.0-01", "v1.0.0", "1.0.0+", "١.0.0"]
)
def test_what_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a version"):
        parse_version(text)


def test_both_spellings_are_one_name() -> None:
    assert name_key("expert-json") == name_key("json") == "json"
    assert parse_requirement("json@1.0.0").names("expert-json")
    assert is_name("a1-b")
    assert not any(map(is_name, ["a", "-ab", "A1", "a_b", "a.b", "a" * 65, "ab\n"]))


@given(st.text(alphabet="ab-@<>=*,. 0123456789rc+", max_size=40))
def test_any_text_is_a_requirement_or_a_sentence(text: str) -> None:
    try:
        requirement = parse_requirement(text)
    except DependencyError:
        return
    assert parse_requirement(str(requirement)) == requirement
    requirement.accepts("1.0.0")


_PART = st.sampled_from(["0", "1", "2", "10", "a", "b", "-", "a-1", "rc", "Z"])
_VERSION = st.builds(
    lambda numbers, parts, build: (
        ".".join(map(str, numbers))
        + ("-" + ".".join(parts) if parts else "")
        + ("+build" if build else "")
    ),
    st.tuples(*[st.sampled_from([0, 1, 2, 10])] * 3),
    st.lists(_PART, max_size=3),
    st.booleans(),
)


@given(_VERSION, _VERSION)
def test_the_rank_to_sort_by_is_the_library_s_own_order(one: str, other: str) -> None:
    order = parse_version(one).compare(parse_version(other))
    ranks = precedence(one), precedence(other)
    assert order == (ranks[0] > ranks[1]) - (ranks[0] < ranks[1])
