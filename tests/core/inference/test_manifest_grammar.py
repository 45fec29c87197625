"""Whose grammar holds an answer, read from packages that are not to be trusted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from expert_studio.core.experts.library import InstalledExpert, Library
from expert_studio.core.inference.constraint import MOST_CHARACTERS
from expert_studio.core.inference.manifest_grammar import ANY_JSON, asked_grammar, manifest_grammar
from expert_studio.core.inference.stack import Stack, StackMember
from tests.expert_factory import installed_expert

GRAMMAR = 'root ::= "yes" | "no"\n'


@pytest.fixture
def expert(tmp_path: Path) -> InstalledExpert:
    return installed_expert(Library(tmp_path / "library"), "strict")


def _asking(
    expert: InstalledExpert, grammar: str | None = None, **stated: object
) -> InstalledExpert:
    if grammar is not None:
        (expert.folder / "grammar.gbnf").write_text(grammar)
    return _with_training(expert, {"decoding": {"use_grammar": True, **stated}})


def _with_training(expert: InstalledExpert, training: dict[str, object] | None) -> InstalledExpert:
    return replace(expert, manifest=expert.manifest.model_copy(update={"training": training}))


def _member(name: str, weight: float = 1.0, required_by: tuple[str, ...] = ()) -> StackMember:
    return StackMember(
        name, "1.0.0", "a" * 64, weight, 1, "format", Path(name), required_by=required_by
    )


def test_the_grammar_of_the_package(expert: InstalledExpert) -> None:
    found = manifest_grammar(_asking(expert, GRAMMAR))
    assert found is not None
    assert (found.kind, found.source) == ("gbnf", GRAMMAR)


@pytest.mark.parametrize("stated", [{"use_grammar": False}, {"use_grammar": "yes"}])
def test_an_expert_that_does_not_ask(expert: InstalledExpert, stated: dict[str, object]) -> None:
    assert manifest_grammar(_asking(expert, GRAMMAR, **stated)) is None


def test_json_without_a_file_is_any_json(expert: InstalledExpert) -> None:
    assert manifest_grammar(_asking(expert, grammar_type="json")) == ANY_JSON
    assert manifest_grammar(_asking(expert, grammar_type="cypher")) is None


@pytest.mark.parametrize("name", ["../../secret.gbnf", "/etc/passwd", "..", "a\0b", "x" * 999])
def test_a_path_out_of_the_package_leads_nowhere(
    expert: InstalledExpert, name: str, tmp_path: Path
) -> None:
    (tmp_path / "secret.gbnf").write_text("secret")
    (expert.folder.parent / "secret.gbnf").write_text("secret")
    assert manifest_grammar(_asking(expert, grammar_file=name)) is None


def test_a_link_a_large_and_a_broken_file_are_not_read(
    expert: InstalledExpert, tmp_path: Path
) -> None:
    (tmp_path / "outside").write_text(GRAMMAR)
    (expert.folder / "link.gbnf").symlink_to(tmp_path / "outside")
    (expert.folder / "large.gbnf").write_text("#" * (4 * MOST_CHARACTERS["gbnf"] + 1))
    (expert.folder / "broken.gbnf").write_bytes(b"\xff\xfe\x00")
    for name in ("link.gbnf", "large.gbnf", "broken.gbnf"):
        assert manifest_grammar(_asking(expert, grammar_file=name)) is None


def test_the_dominant_one_that_asks(tmp_path: Path) -> None:
    library = Library(tmp_path / "library")
    experts = {
        name: _asking(installed_expert(library, name), f'root ::= "{name}"')
        for name in ("aa", "bb", "cc")
    }

    def asker(*members: StackMember) -> str:
        found = asked_grammar(Stack(members), experts)
        return "" if found is None else found.expert

    assert asker() == ""
    assert asker(_member("aa")) == "aa"
    assert asker(_member("aa", 0.4), _member("bb", 1.0), _member("cc", 0.7)) == "bb"
    assert asker(_member("aa"), _member("bb")) == "bb", "of equals the last in load order"
    assert asker(_member("aa", 0.0)) == "", "what does not count does not ask"
    assert asker(_member("aa", -1.5), _member("bb", 1.0)) == "aa"
    # what builds on it decides
    assert asker(_member("aa", 1.0, ("bb",)), _member("bb", 0.3)) == "bb", (
        "what builds on it decides"
    )
    assert asker(_member("aa", 1.0, ("unknown",))) == "aa"
    free = {**experts, "bb": _with_training(experts["bb"], None)}
    assert asked_grammar(Stack((_member("aa", 1.0, ("bb",)), _member("bb"))), free) is None
