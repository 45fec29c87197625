"""Uninstalling: one version or all, refused while needed or with what needs it, and undone."""

from __future__ import annotations

from pathlib import Path

import pytest

from expert_studio.core.errors import DependencyError, LibraryError, UsageError
from expert_studio.core.experts.library import Library
from expert_studio.core.experts.removal import Removed, dependants, remove, undo
from tests.core.experts.hostile import tree
from tests.expert_factory import installed_expert


@pytest.fixture
def library(tmp_path: Path) -> Library:
    shelf = Library(tmp_path / "library")
    installed_expert(shelf, "json", version="1.0.0")
    installed_expert(shelf, "json", version="1.1.0", seed=1)
    installed_expert(shelf, "english", load_order=3)
    installed_expert(shelf, "cypher", requires=["english"], load_order=6)
    installed_expert(shelf, "classifier", requires=["json@>=1.1.0", "cypher"], load_order=9)
    return shelf


def _names(library: Library) -> list[str]:
    return sorted(
        f"{v.name} {v.version}" for e in library.experts() for v in library.versions(e.name)
    )


def test_what_is_needed_is_refused_or_goes_with_what_needs_it(library: Library) -> None:
    before = tree(library.experts_folder)
    assert [e.name for e in dependants("english", library)] == ["classifier", "cypher"]
    with pytest.raises(DependencyError, match="classifier and cypher cannot work without it"):
        remove("english", library)
    assert tree(library.experts_folder) == before
    removed = remove("expert-english", library, cascade=True)
    assert removed.experts == ("classifier 1.0.0", "cypher 1.0.0", "english 1.0.0")
    assert _names(library) == ["json 1.0.0", "json 1.1.0"]
    assert [e.name for e in undo(removed, library)] == ["english", "cypher", "classifier"]
    assert tree(library.experts_folder) == before


def test_one_version_goes_and_comes_back(library: Library) -> None:
    before = tree(library.experts_folder)
    removed = remove("json@1.0.0", library)
    assert removed.experts == ("json 1.0.0",)
    assert "json 1.0.0" not in _names(library)
    undo(removed, library)
    assert tree(library.experts_folder) == before
    with pytest.raises(DependencyError, match="classifier"):
        remove("json@1.1.0", library)  # what stays is too old for the classifier
    removed = remove("json@1.1.0", library, cascade=True)
    assert removed.experts == ("classifier 1.0.0", "json 1.1.0")
    assert library.find("json").version == "1.0.0"
    undo(removed, library)
    assert tree(library.experts_folder) == before


def test_the_last_version_takes_the_name_with_it(library: Library) -> None:
    removed = remove("classifier@1.0.0", library)
    assert not (library.experts_folder / "classifier").exists()
    assert undo(removed, library)[0].name == "classifier"


@pytest.mark.parametrize(
    ("wanted", "error", "said"),
    [
        ("nothing", LibraryError, "No expert named nothing"),
        ("json@3.0.0", LibraryError, r"There is 1\.0\.0, 1\.1\.0"),
        ("json@>=1.0.0", UsageError, "not one version"),
        ("json@../english", UsageError, "not one version"),
    ],
)
def test_what_is_not_there(
    library: Library, wanted: str, error: type[Exception], said: str
) -> None:
    before = tree(library.root)
    with pytest.raises(error, match=said):
        remove(wanted, library)
    assert tree(library.root) == before


def test_what_was_installed_again_is_not_overwritten(library: Library) -> None:
    removed = remove("json@1.0.0", library)
    installed_expert(library, "json", version="1.0.0", seed=5)
    with pytest.raises(LibraryError, match="installed again"):
        undo(removed, library)
    with pytest.raises(LibraryError, match="no longer"):
        undo(Removed((), (library.root / ".trash" / "json-000000000000",)), library)
