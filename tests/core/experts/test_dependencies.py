"""Who needs whom: closures, order, conflicts, circles, and the drawing of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from expert_studio.core.errors import DependencyError, LibraryError
from expert_studio.core.experts import dependencies
from expert_studio.core.experts.library import Library
from expert_studio.core.inference.stack import compose
from tests.expert_factory import installed_expert


@pytest.fixture
def shelf(tmp_path: Path) -> Library:
    return Library(tmp_path / "library")


def put_in_place(shelf: Library, name: str, requires: list[str], **keywords: Any) -> None:
    """Copied into the library by hand: an install refuses a circle."""
    path = installed_expert(shelf, name, **keywords).folder / "manifest.json"
    said = json.loads(path.read_text())
    said["constraints"]["requires"] = requires
    path.write_text(json.dumps(said))


def names(shelf: Library, *chosen: str) -> list[str]:
    return [expert.name for expert in dependencies.with_requirements(chosen, shelf)]


def test_a_diamond_comes_once_each_dependencies_first(shelf: Library) -> None:
    installed_expert(shelf, "json", load_order=1)
    installed_expert(shelf, "english", load_order=3, requires=["json"])
    installed_expert(shelf, "python", load_order=5, requires=["expert-json@>=1.0"])
    installed_expert(shelf, "review", load_order=9, requires=["english@1.0.0", "python"])
    installed_expert(shelf, "alone", load_order=9)
    assert names(shelf, "review") == ["json", "english", "python", "review"]
    assert names(shelf, "expert-review", "alone", "json") == [
        "json",
        "english",
        "python",
        "alone",
        "review",
    ]
    assert names(shelf) == []


def test_a_dependency_comes_first_even_against_its_load_order(shelf: Library) -> None:
    installed_expert(shelf, "late", load_order=9)
    installed_expert(shelf, "early", load_order=1, requires=["late"])
    assert names(shelf, "early") == ["late", "early"]


def test_what_it_was_trained_on_is_needed_too(shelf: Library) -> None:
    first = installed_expert(shelf, "json")
    installed_expert(shelf, "classifier", load_order=9, trained_with=[(first, 0.5)])
    closure = dependencies.with_requirements(["classifier"], shelf)
    assert [e.name for e in closure] == ["json", "classifier"]
    stack = compose({"classifier": 1.0}, closure, "0" * 64, "bf16")
    assert [(m.name, m.weight, m.required_by) for m in stack.members] == [
        ("json", 0.5, ("classifier",)),
        ("classifier", 1.0, ()),
    ]
    assert dependencies.departures_from_training(closure) == ()
    installed_expert(shelf, "json", version="1.1.0", seed=3)
    closure = dependencies.with_requirements(["classifier"], shelf)
    assert dependencies.departures_from_training(closure) == (
        "classifier was trained with json 1.0.0, but json 1.1.0 with other weights is installed.",
    )


def test_where_dependants_differ_the_chosen_one_says_the_weight(shelf: Library) -> None:
    first = installed_expert(shelf, "english")
    second = installed_expert(shelf, "cypher", load_order=6, trained_with=[(first, 1.0)])
    parts = [(first, 0.25), (second, 0.5)]
    installed_expert(shelf, "classifier", load_order=9, trained_with=parts)
    installed_expert(shelf, "python", load_order=6, trained_with=[(first, 0.75)])

    def weights(*chosen: str) -> dict[str, float]:
        closure = dependencies.with_requirements(chosen, shelf)
        stack = compose(dict.fromkeys(chosen, 1.0), closure, "0" * 64, "bf16")
        return {member.name: member.weight for member in stack.members}

    assert weights("classifier") == {"english": 0.25, "cypher": 0.5, "classifier": 1.0}
    assert weights("cypher") == {"english": 1.0, "cypher": 1.0}
    assert weights("cypher", "python")["english"] == 0.75  # both chosen: the last in order
    assert weights("cypher", "classifier")["english"] == 0.25
    assert weights("english", "classifier")["english"] == 1.0


def test_everything_missing_is_named_with_who_needs_it(shelf: Library) -> None:
    installed_expert(shelf, "json", version="1.0.0")
    installed_expert(shelf, "english", requires=["json@>=2.0", "grammar"])
    installed_expert(shelf, "review", requires=["english", "python@<3"])
    with pytest.raises(DependencyError) as caught:
        names(shelf, "review")
    assert caught.value.why == (
        "english needs grammar, which is not installed. "
        "english needs json@>=2.0.0, but json 1.0.0 is installed. "
        "review needs python@<3.0.0, which is not installed."
    )
    with pytest.raises(LibraryError, match="No expert named nobody"):
        names(shelf, "nobody")


def test_a_circle_is_named(shelf: Library) -> None:
    installed_expert(shelf, "aa", requires=["bb"])
    installed_expert(shelf, "bb", requires=["cc"])
    put_in_place(shelf, "cc", ["expert-aa"])
    installed_expert(shelf, "outside", requires=["aa"])
    with pytest.raises(DependencyError, match="aa needs bb, bb needs cc, cc needs aa"):
        names(shelf, "outside")
    put_in_place(shelf, "self", ["self"])
    with pytest.raises(DependencyError, match="self needs self"):
        names(shelf, "self")


def test_experts_that_refuse_each_other_are_named(shelf: Library) -> None:
    installed_expert(shelf, "old", version="0.8.0")
    installed_expert(shelf, "new", incompatible_with=["old@<0.9.0"])
    with pytest.raises(DependencyError, match=r"new and old 0\.8\.0 do not work together"):
        names(shelf, "old", "new")
    installed_expert(shelf, "old", version="0.9.0")
    assert names(shelf, "old", "new") == ["new", "old"]


def test_a_chain_of_three_hundred_is_no_trouble(shelf: Library) -> None:
    first = installed_expert(shelf, "n0000", modules=["k_proj"], rank=1)
    text = (first.folder / "manifest.json").read_text()
    for i in range(1, 300):
        folder = shelf.experts_folder / f"n{i:04}" / "1.0.0"
        folder.mkdir(parents=True)
        (folder / "adapter_model.safetensors").write_bytes(b"")
        said = text.replace('"n0000"', f'"n{i:04}"')
        said = said.replace('"requires": []', f'"requires": ["n{i - 1:04}"]')
        (folder / "manifest.json").write_text(said)
    assert names(shelf, "n0299") == [f"n{i:04}" for i in range(300)]
    drawn = dependencies.graph(shelf.experts())
    assert (len(drawn.nodes), len(drawn.edges), drawn.missing) == (300, 299, ())


def test_the_drawing_marks_what_is_missing_wrong_or_in_conflict(shelf: Library) -> None:
    installed_expert(shelf, "json", load_order=1)
    installed_expert(shelf, "english", load_order=3, requires=["expert-json@>=1.0"])
    installed_expert(shelf, "python", load_order=5, requires=["json@>=2.0"])
    installed_expert(
        shelf, "review", load_order=9, requires=["english", "law"], incompatible_with=["python"]
    )
    installed_expert(shelf, "ring-a", load_order=7, requires=["ring-b"])
    put_in_place(shelf, "ring-b", ["ring-a"], load_order=8)
    drawn = dependencies.graph(shelf.experts())
    assert [(n.name, n.layer, n.state) for n in drawn.nodes] == [
        ("json", 0, "conflicting"),
        ("english", 1, "installed"),
        ("python", 2, "conflicting"),
        ("ring-a", 3, "conflicting"),
        ("ring-b", 3, "conflicting"),
        ("law", 3, "missing"),
        ("review", 4, "conflicting"),
    ]
    assert [(e.source, e.target, e.kind, e.state) for e in drawn.edges] == [
        ("english", "json", "requires", "satisfied"),
        ("python", "json", "requires", "wrong-version"),
        ("review", "english", "requires", "satisfied"),
        ("review", "law", "requires", "missing"),
        ("review", "python", "incompatible", "conflicting"),
        ("ring-a", "ring-b", "requires", "cycle"),
        ("ring-b", "ring-a", "requires", "cycle"),
    ]
    assert drawn.missing == ("law",)
    assert drawn == dependencies.graph(shelf.experts()[::-1])


def test_an_empty_library_draws_nothing(shelf: Library) -> None:
    assert dependencies.graph(shelf.experts()).nodes == ()
    assert shelf.problems() == ()
