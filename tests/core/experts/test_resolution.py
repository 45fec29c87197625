"""Versions chosen: the newest that fit; conflicts with their chain, circles by name."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expert_studio.core.errors import DependencyError, UsageError
from expert_studio.core.experts import stack_lock
from expert_studio.core.experts.install import install
from expert_studio.core.experts.library import Library
from expert_studio.core.experts.requirement import name_key, parse_requirement
from expert_studio.core.experts.resolution import Candidate, Installed, Shelf, resolve
from tests.expert_factory import expert_file, installed_expert


def expert(name_version: str, *needs: str, refuses: tuple[str, ...] = ()) -> Candidate:
    name, version = name_version.split("@")
    return Candidate(name, version, needs, refuses)


def found(wanted: str, *candidates: Candidate) -> list[str]:
    return [f"{c.name}@{c.version}" for c in resolve(wanted.split(), Shelf(candidates))]


def refused(wanted: str, *candidates: Candidate) -> str:
    with pytest.raises(DependencyError) as caught:
        resolve(wanted.split(), Shelf(candidates))
    return str(caught.value)


def test_the_newest_that_fit_come_dependencies_first() -> None:
    shelf = [
        expert("json@1.0.0"),
        expert("json@2.0.0"),
        expert("json@3.0.0-rc.1"),
        expert("english@1.0.0", "json"),
        expert("expert-python@1.0.0", "expert-json@<3.0.0-a"),
        expert("review@1.0.0", "english", "python"),
    ]
    # a diamond, a transitive need, both spellings of a name
    assert found("review", *shelf) == [
        "json@2.0.0",
        "english@1.0.0",
        "expert-python@1.0.0",
        "review@1.0.0",
    ]
    assert found("json", *shelf) == ["json@3.0.0-rc.1"]
    assert found("", *shelf) == []


def test_an_older_version_is_taken_where_the_newest_does_not_fit() -> None:
    shelf = [
        expert("aa@1.0.0", "shared@<2.0.0"),
        expert("bb@2.0.0", "shared@>=2.0.0"),
        expert("bb@1.0.0", "shared@>=1.0.0"),
        expert("shared@1.5.0"),
        expert("shared@2.5.0"),
    ]
    assert sorted(found("aa bb", *shelf)) == ["aa@1.0.0", "bb@1.0.0", "shared@1.5.0"]


def test_a_conflict_is_told_with_the_chain_that_leads_to_it() -> None:
    said = refused(
        "review",
        expert("review@1.0.0", "english", "sql"),
        expert("english@1.0.0", "json@>=2.0.0"),
        expert("sql@1.0.0", "json@<2.0.0"),
        expert("json@1.0.0"),
        expert("json@2.1.0"),
    )
    assert "review was asked for, and review 1.0.0 needs english" in said
    assert "english 1.0.0 needs json@>=2.0.0" in said
    assert "sql 1.0.0 needs json@<2.0.0" in said
    assert "Of json there is 2.1.0, 1.0.0." in said


def test_what_is_missing_is_told_with_who_needs_it() -> None:
    said = refused("aa", expert("aa@1.0.0", "bb"), expert("bb@1.0.0", "gone@>=1.0"))
    assert "bb 1.0.0 needs gone@>=1.0.0" in said
    assert "Of gone there is nothing." in said


def test_experts_that_rule_one_another_out() -> None:
    refusing = expert("aa@1.0.0", refuses=("bb<=1.0",))
    assert found("aa bb", refusing, expert("bb@1.0.0"), expert("bb@1.1.0")) == [
        "aa@1.0.0",
        "bb@1.1.0",
    ]
    assert found("aa", refusing) == ["aa@1.0.0"]  # what is not there harms nobody
    said = refused("aa bb", refusing, expert("bb@1.0.0"))
    assert "aa 1.0.0 rules out bb@<=1.0.0" in said
    # the newest of a refuses b, which something else brings in: an older a is taken
    shelf = [
        refusing,
        expert("aa@0.9.0"),
        expert("bb@1.0.0"),
        expert("cc@1.0.0", "bb"),
    ]
    assert sorted(found("aa cc", *shelf)) == ["aa@0.9.0", "bb@1.0.0", "cc@1.0.0"]
    assert found("ss", expert("ss@1.0.0", refuses=("ss<1.0",))) == ["ss@1.0.0"]


def test_a_circle_is_named_and_so_is_an_expert_that_needs_itself() -> None:
    said = refused(
        "aa", expert("aa@1.0.0", "bb"), expert("bb@1.0.0", "cc"), expert("cc@1.0.0", "bb")
    )
    assert "bb needs cc, cc needs bb." in said
    assert "me needs me." in refused("me", expert("me@1.0.0", "expert-me"))


def test_ten_experts_at_most_counting_what_they_need() -> None:
    chain = [expert(f"n{i}@1.0.0", f"n{i + 1}") for i in range(10)] + [expert("n10@1.0.0")]
    assert len(found("n1", *chain)) == 10
    assert "a stack of 11 experts; 10 are allowed" in refused("n0", *chain)


VERSIONS = ("1.0.0", "1.1.0", "2.0.0")
NAMES = ("aa", "bb", "cc", "dd")
SPECS = st.sampled_from(["", "@>=1.1", "@<2.0", "@1.0.0", "@>=2.0", "@<=1.1.0"])


def _wishes(after: int) -> st.SearchStrategy[tuple[str, ...]]:
    if after >= len(NAMES):
        return st.just(())
    names = st.sampled_from(NAMES[after:])
    return st.lists(st.builds(str.__add__, names, SPECS), max_size=2).map(tuple)


CANDIDATES = st.tuples(
    *(
        st.builds(Candidate, st.just(name), st.just(version), _wishes(i + 1), _wishes(i + 1))
        for i, name in enumerate(NAMES)
        for version in VERSIONS
    )
)


def _sound(chosen: list[Candidate], wanted: list[str]) -> bool:
    by_key = {name_key(c.name): c for c in chosen}

    def met(text: str) -> bool:
        need = parse_requirement(text)
        other = by_key.get(name_key(need.name))
        return other is not None and need.accepts(other.version)

    needs_met = all(met(text) for c in chosen for text in c.needs) and all(map(met, wanted))
    return needs_met and not any(met(text) for c in chosen for text in c.incompatible_with)


def _agrees_with_trying_everything(candidates: tuple[Candidate, ...], wanted: list[str]) -> None:
    try:
        chosen = list(resolve(wanted, Shelf(candidates)))
    except DependencyError:
        by_name = [[None, *(c for c in candidates if c.name == name)] for name in NAMES]
        sets = ([c for c in combination if c is not None] for combination in product(*by_name))
        assert not any(_sound(combination, wanted) for combination in sets)
        return
    assert _sound(chosen, wanted)


WANTED = st.lists(st.builds(str.__add__, st.sampled_from(NAMES), SPECS), min_size=1, max_size=3)


@settings(max_examples=60, deadline=None)
@given(CANDIDATES, WANTED)
def test_a_set_is_found_whenever_there_is_one(
    candidates: tuple[Candidate, ...], wanted: list[str]
) -> None:
    _agrees_with_trying_everything(candidates, wanted)


@pytest.mark.long
@settings(max_examples=10_000, deadline=None)
@given(CANDIDATES, WANTED)
def test_a_set_is_found_whenever_there_is_one_10_000_times(
    candidates: tuple[Candidate, ...], wanted: list[str]
) -> None:
    _agrees_with_trying_everything(candidates, wanted)


# --- stack.lock ----------------------------------------------------------------------------


def test_a_lock_brings_the_very_same_stack_to_another_library(tmp_path: Path) -> None:
    here, there = Library(tmp_path / "here"), Library(tmp_path / "there")
    files = [
        expert_file(tmp_path / "1", "json", version="1.0.0"),
        expert_file(tmp_path / "2", "json", version="2.0.0", seed=2),
        expert_file(tmp_path / "3", "review", requires=["json@<2.0.0"], load_order=9),
    ]
    for file in files:
        install(file, here)
    stack = stack_lock.lock(["review"], here, ("base", "ab" * 32), {"expert-json": 0.5})
    assert [(e.name, e.version, e.weight) for e in stack.experts] == [
        ("json", "1.0.0", 0.5),
        ("review", "1.0.0", None),
    ]
    path = tmp_path / "stack.lock"
    stack_lock.write_lock(stack, path)
    assert stack_lock.read_lock(path) == stack
    install(files[1], there)
    with pytest.raises(DependencyError, match=r"json 1\.0\.0, review 1\.0\.0"):
        stack_lock.restore(stack, there)
    assert [e.version for e in there.experts()] == ["2.0.0"]
    done = stack_lock.restore(stack, there, [tmp_path], lambda file: install(file, there))
    assert done.installed == ("json", "review")
    assert there.find("json").version == "1.0.0"
    assert {e.weights_sha256 for e in done.experts} == {e.weights_sha256 for e in stack.experts}
    assert stack_lock.restore(stack, there).installed == ()


def test_other_weights_under_the_same_version_are_not_the_stack(tmp_path: Path) -> None:
    here, there = Library(tmp_path / "here"), Library(tmp_path / "there")
    installed_expert(here, "json")
    installed_expert(there, "json", seed=7)
    with pytest.raises(DependencyError, match="with the weights the lock names"):
        stack_lock.restore(stack_lock.lock(["json"], here), there)


@pytest.mark.parametrize("text", ["", "[]", '{"wanted": []}', '{"wanted": [], "experts": [1]}'])
def test_what_is_no_lock_is_a_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "stack.lock").write_text(text)
    with pytest.raises(UsageError, match=r"is no stack\.lock"):
        stack_lock.read_lock(tmp_path / "stack.lock")


def test_installed_versions_are_a_catalogue(tmp_path: Path) -> None:
    library = Library(tmp_path / "library")
    installed_expert(library, "json", version="1.0.0")
    installed_expert(library, "json", version="1.2.0", seed=1)
    assert [c.version for c in resolve(["expert-json@<1.2"], Installed(library))] == ["1.0.0"]
