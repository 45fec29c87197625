"""A marketplace of 150 experts in a real repository: read, searched, updated, used offline."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from expert_studio.core.errors import FetchError, UsageError
from expert_studio.core.experts.marketplaces import Marketplaces
from expert_studio.core.settings import Folders
from tests.git_repositories import GitFolder, marketplace_repository, write_marketplace

pytestmark = pytest.mark.skipif(os.name == "nt", reason="git+file paths are spelt otherwise there")
KEY = "ed25519:" + "ab" * 32
OTHER = "ed25519:" + "cd" * 32
SHELVES = ("format", "language", "technology", "domain", "task")


def entry(number: int, **more: Any) -> dict[str, Any]:
    name = f"expert-sample-{number:03d}"
    return {
        "name": name,
        "repository": f"git+https://example.invalid/{name}.git",
        "description": f"Sample number {number}.",
        "author": "tests",
        "publisher": "Studio Nord",
        "public_key": KEY if number % 3 == 0 else OTHER,
        "latest_version": "1.1.0",
        "license": "MIT",
        "tags": ["even" if number % 2 == 0 else "odd"],
        "categories": [SHELVES[number % 5]],
        "versions": [
            {"version": "1.0.0", "ref": "v1.0.0"},
            {"version": "1.1.0", "ref": "v1.1.0", "requires": ["json-parser@>=1.0.0"]},
        ],
    } | more


def of_150(folder: Path) -> GitFolder:
    return marketplace_repository(
        folder,
        [entry(n) for n in range(150)],
        publishers={"publishers": [{"name": "Studio Nord", "public_key": KEY}]},
        categories__format={"name": "format", "title": "Formats", "description": "JSON and such."},
    )


def test_150_entries_are_listed_searched_and_kept_offline(tmp_path: Path) -> None:
    repository = of_150(tmp_path / "market")
    markets = Marketplaces(Folders.default())
    added = markets.add("main", repository.source)
    assert added.commit == repository.git("rev-parse", "HEAD")
    shutil.rmtree(repository.folder)  # from here on there is nothing to reach
    markets = Marketplaces(Folders.default())
    assert len(markets.entries()) == 150
    assert markets.problems() == ()
    assert [e.name for e in markets.search("sample 007")] == ["expert-sample-007"]
    assert len(markets.search("even", category="format")) == 15
    verified = markets.search(verified_only=True)
    assert len(verified) == 50
    assert all(e.public_key == KEY for e in verified)
    shelves = {c.name: (c.title, c.experts) for c in markets.categories()}
    assert shelves["format"] == ("Formats", 30)
    assert shelves["domain"] == ("Domain", 30)
    one = markets.entry("sample-003")
    assert (one.latest_version, [v.version for v in one.versions]) == ("1.1.0", ["1.1.0", "1.0.0"])
    assert one.source("1.0.0").text == "git+https://example.invalid/expert-sample-003.git#v1.0.0"
    assert one.source().ref == "v1.1.0"
    assert markets.versions("sample-003")[0].needs == ("json-parser@>=1.0.0",)
    with pytest.raises(UsageError, match=r"No marketplace lists nothing-here\."):
        markets.entry("nothing-here")
    with pytest.raises(FetchError):
        markets.update("main")
    assert "no repository at that place" in markets.all()[0].problem
    assert len(markets.entries()) == 150


def test_an_update_brings_what_is_new_and_drops_what_is_gone(tmp_path: Path) -> None:
    repository = of_150(tmp_path / "market")
    markets = Marketplaces(Folders.default())
    markets.add("main", repository.source)
    write_marketplace(repository, [entry(n, description="Anew.") for n in range(10, 20)])
    assert len(markets.entries()) == 150
    markets.update()
    assert len(markets.entries()) == 10
    assert {e.description for e in markets.entries()} == {"Anew."}
    assert len([p for p in (markets.folder / "main").iterdir() if p.is_dir()]) == 1


def test_of_two_the_first_added_counts(tmp_path: Path) -> None:
    first = marketplace_repository(tmp_path / "first", [entry(1, description="The first.")])
    second = marketplace_repository(
        tmp_path / "second", [entry(1, description="The second."), entry(2)]
    )
    markets = Marketplaces(Folders.default())
    markets.add("first", first.source)
    markets.add("second", second.source)
    assert markets.entry("sample-001").description == "The first."
    assert markets.entry("sample-001", "second").description == "The second."
    assert [e.market for e in markets.search("sample 001")] == ["first", "second"]
    with pytest.raises(UsageError, match="already"):
        markets.add("first", second.source)
    markets.remove("first")
    assert markets.entry("sample-001").description == "The second."
    assert not (markets.folder / "first").exists()


def test_what_an_index_cannot_know_or_gets_wrong_is_told(tmp_path: Path) -> None:
    entries = [
        entry(1, downloads=10**6, rating=4.9, verified=True),
        entry(2, repository="git+ext::sh -c x"),
        entry(3, versions=[{"version": "1.0.0-", "ref": "v1"}]),
        entry(4, repository="git+ssh://git@host/x.git"),
        entry(5, versions=[{"version": "1.0.0", "requires": ["a b c"]}]),
        {"name": "upstream-form", "repository": "https://host/x.git", "latest_version": "0.3.0"},
    ]
    repository = marketplace_repository(tmp_path / "market", entries)
    repository.commit({"experts/expert-sample-005.json": '{"name": "expert-sample-004"}'})
    markets = Marketplaces(Folders.default())
    markets.add("main", repository.source)
    assert [e.name for e in markets.entries()] == ["expert-sample-001", "upstream-form"]
    first, upstream = markets.entries()
    assert not first.verified
    assert first.notes == (
        "downloads is passed over: an index cannot know it.",
        "rating is passed over: an index cannot know it.",
        "verified is passed over: an index cannot know it.",
    )
    assert (upstream.repository, upstream.versions[0].ref) == ("git+https://host/x.git", "v0.3.0")
    told = "\n".join(markets.problems())
    for number in (2, 3, 4, 5):
        assert f"sample-00{number}" in told


def test_what_is_no_marketplace_is_not_added(tmp_path: Path) -> None:
    repository = GitFolder(tmp_path / "other")
    repository.commit({"README.md": "no index"})
    markets = Marketplaces(Folders.default())
    with pytest.raises(FetchError, match=r"no index\.json"):
        markets.add("main", repository.source)
    with pytest.raises(UsageError, match="no repository"):
        markets.add("main", str(tmp_path))
    repository.commit({"index.json": "[1, 2"})
    with pytest.raises(FetchError, match="no marketplace"):
        markets.add("main", repository.source)
    assert markets.all() == ()
    assert not [p for p in markets.folder.rglob("*") if p.is_file()]
