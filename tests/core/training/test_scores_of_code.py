"""Code is scored by its syntax, and by unit tests of ours in a child that is held to limits."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from expert_studio.core.datasets.examples import Example
from expert_studio.core.datasets.offline import generate
from expert_studio.core.datasets.offline_proof import proven_test
from expert_studio.core.datasets.offline_request import OfflineRequest
from expert_studio.core.training.scores import own_metric, score
from expert_studio.core.training.scores_unit_tests import (
    can_run,
    fault,
    has_foreign_test,
    passes,
    runnable_test,
)

TEST = "assert twice(2) == 4"
needs_limits = pytest.mark.skipif(not can_run(), reason="no limits on processes here")


def made(domain: str, count: int, held_out: bool = True, **tasks: float) -> list[Example]:
    request = OfflineRequest(count, 11, held_out, tasks, known_families=0.5 if held_out else 0.0)
    return [row for row in generate(domain, "sft", request) if isinstance(row, Example)]


@pytest.mark.parametrize(
    "domain", ["english", "json", "cypher", "python", "rust", "classification"]
)
def test_the_right_answer_of_every_row_gets_every_point(domain: str) -> None:
    for row in made(domain, 60):
        scores = score(row.scorer, row.answer, row.answer, row.check)
        assert set(scores.values()) == {1.0}, (row.identifier, scores)
        assert own_metric(row.scorer, scores) in scores
        assert score(row.scorer, row.answer, "", row.check)[own_metric(row.scorer, scores)] == 0.0


def test_cypher_is_compared_without_its_manner() -> None:
    wanted = "MATCH (a:Person) WHERE a.age > 3 AND a.name = 'x' RETURN a.name"
    same = 'match (p:Person)\nwhere p.name = "x" and p.age > 3\nreturn p.name;'
    assert score("cypher", wanted, same) == {"parses": 1.0, "exact": 1.0}
    assert score("cypher", wanted, "MATCH (p:Person) RETURN p") == {"parses": 1.0, "exact": 0.0}
    assert score("cypher", wanted, "the person x") == {"parses": 0.0, "exact": 0.0}


def test_code_is_asked_for_its_signature_and_a_body() -> None:
    check = json.dumps({"signature": "def twice(n):"})
    right = "def twice(n):\n    return 2 * n"
    other = "```python\ndef twice(n):\n    return n+n\n```"
    assert score("python", right, other, check) == {"parses": 1.0, "exact": 0.0, "completes": 1.0}
    assert score("python", right, "def twice(n):\n    return 4", check)["completes"] == 0.0
    assert score("python", right, "def double(n):\n    return 2 * n", check)["completes"] == 0.0
    rust = json.dumps({"signature": "fn twice(n: i64) -> i64"})
    body = "fn twice(n: i64) -> i64 {\n    2 * n\n}"
    assert set(score("rust", body, body, rust).values()) == {1.0}
    assert score("rust", body, "fn twice(n: i64) -> i64 { 4 }", rust)["completes"] == 0.0


def test_a_diagnosis_is_a_kind_and_a_line() -> None:
    check = json.dumps({"bug": "wrong comparison", "line": "if a < b:"})
    assert set(score("rust", "", "Wrong comparison.\nif a  < b:", check).values()) == {1.0}
    said = score("python", "", "wrong comparison\nif a > b:", check)
    assert said == {"bug_kind": 1.0, "bug_line": 0.0, "exact": 0.0}


@pytest.mark.parametrize("held_out", [True, False])
def test_a_test_is_ours_where_the_generator_makes_the_row_again(held_out: bool) -> None:
    rows = made("python", 40, held_out, complete=1.0)
    for row in rows:
        assert proven_test(row) == json.loads(row.check)["test"]


def test_a_test_of_anybody_else_is_not_run() -> None:
    row = made("python", 1, complete=1.0)[0]
    said = json.loads(row.check)
    foreign = [
        replace(row, check=json.dumps({**said, "test": said["test"] + "\nimport os"})),
        replace(row, identifier="python-complete-held-out-11-7"),
        replace(row, identifier="mine"),
        replace(row, turns=(replace(row.turns[0], content="Write it."), row.turns[1])),
    ]
    for each in foreign:
        assert runnable_test(each) == ""
        assert has_foreign_test(each)
    assert has_foreign_test(row) is not can_run()


@needs_limits
@pytest.mark.parametrize(
    "answer",
    [
        "def twice(n):\n    return n + n",
        "```python\ndef twice(n):\n    print(n)\n    return 2 * n\n```",
        "from math import floor\n\ndef twice(n):\n    return floor(n) * 2",
        "class A:\n    def __init__(self, n):\n        self.n = n\n\ndef twice(n): return A(n+n).n",
    ],
)
def test_a_right_function_passes(answer: str) -> None:
    assert passes(answer, TEST)


@needs_limits
@pytest.mark.parametrize(
    "answer",
    [
        "def twice(n):\n    return n",
        "def twice(n):\n    while True:\n        pass",
        "def twice(n):\n    return len('a' * 10**11)",
        "def twice(n):\n    return twice(n)",
        "def twice(n):\n    raise KeyError(n)",
        "def other(n):\n    return 2 * n",
        "it is twice n",
        "",
    ],
)
def test_a_wrong_endless_or_greedy_one_fails(answer: str) -> None:
    assert not passes(answer, TEST)


@pytest.mark.parametrize(
    "answer",
    [
        "import os\n\ndef twice(n):\n    return 4",
        "from os import system\n\ndef twice(n):\n    return 4",
        "def twice(n):\n    return ().__class__.__base__",
        "def twice(n):\n    return open('x')",
        "def twice(n):\n    return (lambda: 0).f_globals",
        "def __build_class__(n):\n    return n",
        "x = 4\n\ndef twice(n):\n    return x",
    ],
)
def test_what_reaches_for_more_than_a_function_is_not_run(answer: str) -> None:
    assert fault(answer) is not None
    assert not passes(answer, TEST)


@needs_limits
def test_the_child_reaches_neither_files_nor_modules_even_past_the_guard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from expert_studio.core.training import scores_unit_tests

    monkeypatch.setattr(scores_unit_tests, "fault", lambda _answer: None)
    way_out = (
        "def twice(n):\n"
        "    for each in ().__class__.__base__.__subclasses__():\n"
        "        if each.__name__ == 'BuiltinImporter':\n"
        f"            each.load_module('posix').open({str(tmp_path / 'x')!r}, 66)\n"
        "    return 2 * n\n"
    )
    assert not passes(way_out, TEST)
    assert not (tmp_path / "x").exists()
    assert not passes("import socket\ndef twice(n):\n    return 2 * n", TEST)
    # an answer cannot give the test's own words another meaning
    assert not passes("def abs(n):\n    return 0\n\ndef twice(n):\n    return 9", f"{TEST}\nabs(1)")
