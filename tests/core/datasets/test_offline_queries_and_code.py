"""Cypher, Python and Rust rows made by rule: they parse, hold, differ, and keep their sides."""

from __future__ import annotations

import json
import lzma
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from expert_studio.core.datasets import offline
from expert_studio.core.datasets.cypher_text import normalise_cypher
from expert_studio.core.datasets.examples import Example, as_row
from expert_studio.core.datasets.offline_code_chains import CHAINS, STEPS
from expert_studio.core.datasets.offline_code_corpus import corpus_functions
from expert_studio.core.datasets.offline_code_patterns import Function, draw_function, patterns
from expert_studio.core.datasets.offline_code_tasks import code_of
from expert_studio.core.datasets.offline_code_words import draw_words
from expert_studio.core.datasets.offline_cypher_corpus import text2cypher_rows
from expert_studio.core.datasets.offline_python_bugs import KINDS as PYTHON_KINDS
from expert_studio.core.datasets.offline_python_bugs import spoil
from expert_studio.core.datasets.offline_request import OfflineRequest
from expert_studio.core.datasets.offline_rust_bugs import KINDS as RUST_KINDS
from expert_studio.core.datasets.parse_checks import completes, parses
from expert_studio.core.datasets.quality_checks import examine
from expert_studio.core.datasets.quality_duplicates import NearIndex
from expert_studio.core.errors import DatasetError
from expert_studio.core.training.evaluation_rows import read_rows

ROOT = Path(__file__).resolve().parents[3]
DOMAINS = ("cypher", "python", "rust")
# Runs one program a line of a JSON list: {"code", "test"}; says of each whether its test holds.
_RUNNER = """
import json, signal, sys
def stop(*_): raise TimeoutError
def holds(part):
    names = {}
    try:
        exec(compile(part["code"], "code", "exec"), names)
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        exec(part["test"], names)
        return "holds"
    except SyntaxError:
        return "no Python"
    except BaseException:
        return "fails"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
signal.signal(signal.SIGALRM, stop)
print(json.dumps([holds(part) for part in json.load(sys.stdin)]))
"""


def rows_of(name: str, count: int, seed: int = 1, held_out: bool = False) -> list[Example]:
    return list(offline.domain(name).sft_rows(OfflineRequest(count, seed, held_out)))


def faults(name: str, rows: Sequence[Example]) -> list[str]:
    """The rows whose own check fails, by identifier and reason."""
    found = []
    for row in rows:
        fault: str | None = None
        if name == "cypher":
            fault = parses("cypher", row.answer)
        elif row.task == "complete":
            fault = completes(name, row.answer, json.loads(row.check)["signature"])
        elif row.task == "bug":
            kind, _, line = row.answer.partition("\n")
            right = json.loads(row.check) == {"bug": kind, "line": line} and line
            fault = None if right else "bug and check differ"
        if fault is not None or not row.answer.strip():
            found.append(f"{row.identifier}: {fault}")
    return found


@pytest.mark.parametrize("name", DOMAINS)
def test_the_quality_report_has_nothing_to_say_of_the_rows(name: str) -> None:
    request = OfflineRequest(150, 9)
    items = [
        *offline.domain(name).sft_rows(request),
        *offline.domain(name).preference_pairs(request),
    ]
    found = [finding for row, item in enumerate(items) for finding in examine(row, item)]
    assert found == []


def near_duplicates(rows: Sequence[Example]) -> Counter[str]:
    index, found = NearIndex(), Counter[str]()
    for row in rows:
        if index.add(f"{row.prompt[0].content}\n{row.answer}") is not None:
            found[row.task] += 1
    return found


@pytest.mark.parametrize("name", DOMAINS)
@pytest.mark.parametrize("held_out", [False, True])
def test_rows_pass_their_own_checks(name: str, held_out: bool) -> None:
    rows = rows_of(name, 400, held_out=held_out)
    assert faults(name, rows) == []
    assert {row.task for row in rows} == set(offline.domain(name).TASKS)
    assert {row.difficulty for row in rows} == {"easy", "medium", "hard"}
    assert all(row.license == "CC0-1.0" and row.source for row in rows)


@pytest.mark.parametrize("name", DOMAINS)
def test_near_duplicates_are_few(name: str) -> None:
    rows = rows_of(name, 500)
    assert near_duplicates(rows).total() <= 0.05 * len(rows)


@pytest.mark.parametrize("name", DOMAINS)
def test_equal_seeds_make_equal_bytes(name: str) -> None:
    def written(seed: int) -> str:
        return json.dumps([as_row(row) for row in rows_of(name, 60, seed)])

    assert written(7) == written(7)
    assert written(7) != written(8)
    assert rows_of(name, 20, 7) == rows_of(name, 60, 7)[:20]


def test_rows_do_not_hang_on_the_order_of_hashes() -> None:
    program = (
        "import hashlib, json\n"
        "from expert_studio.core.datasets import offline\n"
        "from expert_studio.core.datasets.examples import as_row\n"
        "from expert_studio.core.datasets.offline_request import OfflineRequest\n"
        "for name in ('cypher', 'python', 'rust'):\n"
        "    rows = offline.domain(name).sft_rows(OfflineRequest(150, 4))\n"
        "    text = json.dumps([as_row(row) for row in rows])\n"
        "    print(hashlib.sha256(text.encode()).hexdigest())\n"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert said[0] == said[1]
    assert len(set(said[0].split())) == 3


@pytest.mark.parametrize("name", DOMAINS)
def test_held_out_rows_share_no_family_and_no_prompt(name: str) -> None:
    families = offline.domain(name).families()
    sides = {side: {f.name for f in families if f.held_out is side} for side in (False, True)}
    assert not sides[False] & sides[True]
    assert len(sides[True]) >= 0.1 * len(families)
    for task in offline.domain(name).TASKS:
        assert {f.held_out for f in families if f.task == task} == {False, True}
    train, held_out = rows_of(name, 400), rows_of(name, 400, held_out=True)
    assert {row.family for row in train} <= sides[False]
    assert {row.family for row in held_out} <= sides[True]
    assert not {row.prompt for row in train} & {row.prompt for row in held_out}


def test_the_three_domains_have_hundreds_of_families() -> None:
    names = {name: {f.name for f in offline.domain(name).families()} for name in DOMAINS}
    assert {name: len(found) > 100 for name, found in names.items()} == dict.fromkeys(DOMAINS, True)


@pytest.mark.parametrize("name", DOMAINS)
def test_known_families_take_unseen_words(name: str) -> None:
    request = OfflineRequest(120, 3, held_out=True, known_families=1.0)
    rows = list(offline.domain(name).sft_rows(request))
    families = {f.name for f in offline.domain(name).families() if not f.held_out}
    assert {row.family for row in rows} <= families
    assert not {row.prompt for row in rows} & {row.prompt for row in rows_of(name, 400)}


@pytest.mark.parametrize("name", DOMAINS)
def test_a_rejected_answer_has_a_named_flaw(name: str) -> None:
    pairs = list(offline.domain(name).preference_pairs(OfflineRequest(300, 2)))
    assert len(pairs) == 300
    same: Callable[[str], str] = normalise_cypher if name == "cypher" else str.strip
    assert [p.identifier for p in pairs if same(p.chosen) == same(p.rejected)] == []
    assert len({pair.flaw for pair in pairs}) >= 8
    assert all(pair.flaw and pair.rejected.strip() for pair in pairs)


@pytest.mark.parametrize("name", DOMAINS)
def test_impossible_requests_are_refused(name: str) -> None:
    with pytest.raises(DatasetError):
        next(iter(offline.domain(name).sft_rows(OfflineRequest(-1, 1))))
    with pytest.raises(DatasetError, match="no task"):
        next(iter(offline.domain(name).sft_rows(OfflineRequest(1, 1, tasks={"magic": 1.0}))))


def test_what_a_cypher_question_says_stands_in_its_query() -> None:
    for row in rows_of("cypher", 200):
        schema, _, question = row.prompt[0].content.partition("\n\n")
        quoted = [part for part in row.answer.split("'")[1::2] if part not in ("high", "low")]
        spoken = ("yes", "no", "none")
        assert [part for part in quoted if part not in (*spoken,) and part not in question] == []
        labels = row.answer.split(":")[1:]
        assert labels or "--" in row.answer or row.answer.startswith("UNWIND"), schema


def test_easy_cypher_questions_speak_in_the_schema_s_own_words() -> None:
    request = OfflineRequest(150, 6, difficulty={"easy": 1.0}, families=("match/*", "order/top"))
    for row in offline.domain("cypher").sft_rows(request):
        schema, _, question = row.prompt[0].content.partition("\n\n")
        (label,) = re.findall(r"\((\w+:\w+)[) ]", row.answer)[:1]
        assert f"({label})" in schema  # the variable too
        assert label.partition(":")[2] in question


@pytest.mark.parametrize("name", DOMAINS)
def test_a_request_chooses_families_by_name_and_by_pattern(name: str) -> None:
    known = offline.domain(name).families()
    chosen = [f.name for f in known if not f.held_out][3:6]
    some = OfflineRequest(60, 4, families=tuple(chosen))
    assert {row.family for row in offline.domain(name).sft_rows(some)} == set(chosen)
    task = known[0].task
    every = replace(some, families=(f"{task}/*",))
    assert {row.task for row in offline.domain(name).sft_rows(every)} == {task}
    new = replace(some, held_out=True)  # none of the named ones is held out: any that is
    held_out = {f.name for f in known if f.held_out}
    assert {row.family for row in offline.domain(name).sft_rows(new)} <= held_out
    with pytest.raises(DatasetError, match="no family 'nothing/like'"):
        next(iter(offline.domain(name).sft_rows(replace(some, families=("nothing/like",)))))


@pytest.mark.parametrize("name", ["python", "rust"])
def test_a_request_chooses_the_kinds_of_bug(name: str) -> None:
    wanted = ("unclosed bracket", "misspelt name")
    request = OfflineRequest(60, 4, tasks={"bug": 1.0}, kinds=wanted)
    rows = list(offline.domain(name).sft_rows(request))
    assert {row.answer.partition("\n")[0] for row in rows} == set(wanted)
    assert faults(name, rows) == []
    with pytest.raises(DatasetError, match="no kind of bug 'typo'"):
        next(iter(offline.domain(name).sft_rows(replace(request, kinds=("typo",)))))


# --- functions: our own code, run in a process of its own ------------------------------


def drawn(language: str, seeds: int, held_out: bool = False) -> list[Function]:
    """Functions of every pattern, `seeds` of each."""
    return [
        draw_function(Random(f"{p.name}-{seed}"), language, p, held_out)  # type: ignore[arg-type]
        for p in patterns(language)  # type: ignore[arg-type]
        for seed in range(seeds)
    ]


def run_python(parts: Sequence[tuple[str, str]]) -> list[str]:
    asked = json.dumps([{"code": code, "test": test} for code, test in parts])
    answer = subprocess.run(
        [sys.executable, "-I", "-W", "ignore", "-c", _RUNNER],
        input=asked,
        capture_output=True,
        text=True,
        check=True,
    )
    return list(json.loads(answer.stdout))


def test_every_step_of_a_held_out_chain_is_known_from_others() -> None:
    held_out = [chain for chain in CHAINS if chain.held_out]
    known = {step for chain in CHAINS if not chain.held_out for step in chain.steps}
    assert len(held_out) > 0.08 * len(CHAINS)
    assert known == set(STEPS)


def test_names_of_training_hardly_come_twice_and_are_no_words_of_a_language() -> None:
    drawn_words = [draw_words(Random(number), "number", False) for number in range(2000)]
    nouns = Counter(words.one.rpartition("_")[2] for words in drawn_words)
    assert len(nouns) > 600
    assert not {"crate", "type", "match", "list", "sum", "in"} & nouns.keys()
    held_out = {draw_words(Random(number), "number", True).one for number in range(2000)}
    assert not held_out & {words.one for words in drawn_words}


@pytest.mark.skipif(sys.platform == "win32", reason="the runner stops endless loops by SIGALRM")
def test_python_functions_pass_their_tests_and_their_bugs_do_not() -> None:
    functions = drawn("python", 1)[::2] + drawn("python", 1, held_out=True)[1::2]
    right = [(code_of("python", f), f.test) for f in functions]
    said = run_python(right)
    assert [code for (code, _), how in zip(right, said, strict=True) if how != "holds"] == []
    bugs = [
        (kind, bug.code, f.test)
        for f in functions
        for kind, fault in PYTHON_KINDS.items()
        if (bug := spoil(Random(f.name), code_of("python", f), f.words, {kind: fault}))
    ]
    said = run_python([(code, test) for _, code, test in bugs])
    harmless = [bug[:2] for bug, how in zip(bugs, said, strict=True) if how == "holds"]
    broken = {bug[0] for bug, how in zip(bugs, said, strict=True) if how == "no Python"}
    slips = {"missing colon", "unclosed bracket", "unclosed text", "single equals sign"}
    assert broken == slips
    assert len(harmless) <= 0.005 * len(bugs), harmless
    assert {kind for kind, _, _ in bugs} == set(PYTHON_KINDS)


def test_python_bugs_are_mended_by_the_line_in_the_answer() -> None:
    for language, kinds in (("python", PYTHON_KINDS), ("rust", RUST_KINDS)):
        for function in drawn(language, 1):
            code = code_of(language, function)  # type: ignore[arg-type]
            bug = spoil(Random(1), code, function.words, kinds)
            assert bug is None or bug.code != code
            assert bug is None or bug.line in [line.strip() for line in code.splitlines()]


def test_rust_functions_have_their_signature() -> None:
    for function in drawn("rust", 1):
        assert completes("rust", code_of("rust", function), function.signature) is None


@pytest.mark.long
@pytest.mark.skipif(shutil.which("rustc") is None, reason="there is no rustc on this machine")
def test_rust_functions_compile_and_pass_their_tests(tmp_path: Path) -> None:
    functions = drawn("rust", 1) + drawn("rust", 1, held_out=True)
    modules = "\n".join(
        f"mod m{place} {{\n{code_of('rust', f)}\n#[test]\nfn holds() {{\n{f.test}\n}}\n}}"
        for place, f in enumerate(functions)
    )
    assert _rustc(tmp_path, modules) == "passes"


@pytest.mark.long
@pytest.mark.skipif(shutil.which("rustc") is None, reason="there is no rustc on this machine")
def test_rust_bugs_do_not_pass(tmp_path: Path) -> None:
    functions = drawn("rust", 1)
    Random(3).shuffle(functions)
    passing = []
    for kind, fault in RUST_KINDS.items():
        spoilt = [
            (bug, f)
            for f in functions
            if (bug := spoil(Random(f.name), code_of("rust", f), f.words, {kind: fault}))
        ]
        for bug, function in spoilt[:4]:
            test = f"#[test]\nfn holds() {{\n{function.test}\n}}"
            if _rustc(tmp_path, f"{bug.code}\n{test}") == "passes":
                passing.append((kind, bug.code))
    assert passing == []


def _rustc(folder: Path, source: str) -> str:
    (folder / "a.rs").write_text(f"#![allow(warnings)]\n{source}\n", encoding="utf-8")
    binary = folder / "a"
    built = subprocess.run(
        ["rustc", "--edition", "2021", "--test", "-o", str(binary), str(folder / "a.rs")],
        capture_output=True,
        check=False,
    )
    if built.returncode:
        return "does not compile"
    try:
        run = subprocess.run([str(binary), "-q"], capture_output=True, timeout=20, check=False)
    except subprocess.TimeoutExpired:
        return "hangs"
    return "passes" if run.returncode == 0 else "fails"


# --- real functions of a corpus ---------------------------------------------------------


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A corpus folder with Python functions of twelve repositories."""

    def row(repository: int, number: int) -> dict[str, str]:
        return {
            "instruction": "Write a Python function that does this: "
            f"Return the width of the frame number {number} of the window.",
            "input": "",
            "output": f"def width_{repository}_{number}(frames):\n    return frames[{number}]",
            "source": f"owner/project{repository} src/frame.py",
            "license": "MIT",
        }

    rows = [row(repository, number) for repository in range(12) for number in range(4)]
    rows.append({**rows[0], "output": "def empty(self):\n    pass"})
    rows.append({**rows[0], "output": "def broken(self:\n    pass"})
    (tmp_path / "sft").mkdir()
    packed = lzma.compress("".join(json.dumps(each) + "\n" for each in rows).encode())
    (tmp_path / "sft" / "python.jsonl.xz").write_bytes(packed)
    return tmp_path


def test_corpus_rows_carry_their_licence_and_are_split_by_repository(corpus: Path) -> None:
    request = OfflineRequest(300, 1, corpus=corpus)
    domain = offline.domain("python")
    seen: dict[bool, set[str]] = {}
    for held_out in (False, True):
        made = domain.sft_rows(replace(request, held_out=held_out))
        real = [row for row in made if row.license == "MIT"]
        assert {row.task for row in real} == {"explain", "complete"}
        said = [row.answer for row in real if row.task == "explain"]
        assert all(answer.startswith("Returns the width of the frame") for answer in said)
        assert all(row.source.startswith(row.family + " ") for row in real)
        assert faults("python", [row for row in real if row.task == "complete"]) == []
        seen[held_out] = {row.family for row in real}
    assert seen[True]
    assert seen[False]
    assert not seen[True] & seen[False]
    assert {f.code for f in corpus_functions(corpus, "python", False)}.isdisjoint(
        {"def empty(self):\n    pass"}
    )


def test_a_missing_corpus_is_an_error(tmp_path: Path) -> None:
    request = OfflineRequest(50, 1, tasks={"explain": 1.0}, corpus=tmp_path)
    with pytest.raises(DatasetError, match=r"python\.jsonl\.xz"):
        list(offline.domain("python").sft_rows(request))


def test_real_questions_are_shown_under_a_short_schema(tmp_path: Path) -> None:
    schema = (
        'Schema:\nNode properties:\n- **Film**\n  - `title`: STRING Example: "A"\n'
        "- **Actor**\n  - `name`: STRING\n- **Far**\n  - `name`: STRING\n"
        "Relationship properties:\n\nThe relationships:\n(:Actor)-[:ACTED_IN]->(:Film)\n"
    )
    row = {
        "instruction": "Write a Cypher query for this question.",
        "input": f"{schema}\nQuestion: Which films are there?",
        "output": "MATCH (f:Film) RETURN f.title",
        "source": "neo4j-labs/text2cypher",
        "license": "CC0-1.0",
    }
    rows = [row, {**row, "output": "MATCH (f:Film RETURN"}, {**row, "input": "Question: Which?"}]
    (tmp_path / "sft").mkdir()
    packed = lzma.compress("".join(json.dumps(each) + "\n" for each in rows).encode())
    (tmp_path / "sft" / "text2cypher.jsonl.xz").write_bytes(packed)
    (made,) = text2cypher_rows(tmp_path / "sft" / "text2cypher.jsonl.xz", 10, 1)
    assert made.prompt[0].content == (
        "Write a Cypher query for this question.\nNodes: (f:Film) f.title; (a:Actor) a.name\n"
        "Relationships: (a)-[:ACTED_IN]->(f)\n\nWhich films are there?"
    )
    assert (made.answer, made.license) == (row["output"], "CC0-1.0")
    (asked,) = read_rows(tmp_path / "sft" / "text2cypher.jsonl.xz")
    assert (asked.prompt, asked.scorer) == (made.prompt, "cypher")
    with pytest.raises(DatasetError, match="text2cypher"):
        next(text2cypher_rows(tmp_path / "gone" / "text2cypher.jsonl.xz", 1, 1))


# --- the figures of the issue -----------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize("name", DOMAINS)
def test_ten_thousand_rows(name: str) -> None:
    """Prints seconds and near duplicates: run with `-m long -s`."""
    import time

    started = time.perf_counter()
    rows = rows_of(name, 10_000)
    made_s = time.perf_counter() - started
    assert faults(name, rows) == []
    checked_s = time.perf_counter() - started - made_s
    found, total = near_duplicates(rows), Counter(row.task for row in rows)
    by_task = {task: f"{100 * found[task] / total[task]:.1f} %" for task in total}
    print(f"\n{name}: {made_s:.1f} s made, {checked_s:.1f} s checked, near duplicates {by_task}")
    assert found.total() <= 0.05 * len(rows)
