"""install from everywhere, update, search, marketplace, uninstall, pin: words, JSON, exit codes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from expert_studio.cli import app
from expert_studio.commands import library as library_verbs
from expert_studio.core.experts import keys, signing
from expert_studio.core.experts.library import Library
from expert_studio.core.experts.marketplaces import Marketplaces
from expert_studio.core.settings import Folders
from tests.expert_factory import expert_file, expert_folder, installed_expert
from tests.git_repositories import expert_repository, marketplace_repository

pytestmark = pytest.mark.skipif(os.name == "nt", reason="git+file paths are spelt otherwise there")


@pytest.fixture(autouse=True)
def library(studio_home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Library:
    monkeypatch.setattr(library_verbs, "bundled_experts_folder", lambda: tmp_path / "none")
    return Library(Folders.default().library)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def answer(*arguments: object) -> Any:
    done = run(*arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_found_installed_with_what_it_needs_and_updated(tmp_path: Path, library: Library) -> None:
    english = expert_repository(tmp_path / "english", "english-basic", load_order=3)
    cypher = expert_repository(
        *(tmp_path / "cypher", "neo4j-cypher"), requires=["english-basic"], load_order=6
    )
    entries = [
        {
            "name": name,
            "repository": repository.source,
            "description": f"What {name} does.",
            "categories": ["technology"],
            "versions": [{"version": "1.0.0", "ref": "v1.0.0"}],
        }
        for name, repository in (("english-basic", english), ("neo4j-cypher", cypher))
    ]
    market = marketplace_repository(tmp_path / "market", entries)
    assert run("search", "cypher").stdout.startswith("There is no marketplace yet")
    assert answer("marketplace", "add", "main", market.source)["experts"] == 2
    assert answer("marketplace", "list")["marketplaces"][0]["name"] == "main"
    assert [e["name"] for e in answer("search", "cypher")["experts"]] == ["neo4j-cypher"]
    assert "What neo4j-cypher does." in run("search", "--category", "technology").stdout
    assert answer("marketplace", "browse")["categories"][0]["experts"] == 2
    assert "neo4j-cypher" in run("marketplace", "browse", "technology").stdout
    assert answer("marketplace", "show", "neo4j-cypher")["name"]
    refused = run("install", "neo4j-cypher", "--any-base")
    assert (refused.exit_code, library.experts()) == (5, ())
    done = answer("install", "neo4j-cypher", "--any-base", "--allow-unsigned")
    assert done["expert"]["name"] == "neo4j-cypher"
    assert [e["name"] for e in done["also"]] == ["english-basic"]
    assert answer("update", "--any-base")["experts"] == []
    entries[1]["versions"].append({"version": "1.1.0", "ref": "v1.1.0"})  # type: ignore[attr-defined]
    expert_folder(cypher.folder, "neo4j-cypher", "1.1.0", requires=["english-basic"], load_order=6)
    cypher.record("v1.1.0")
    market.commit({"experts/neo4j-cypher.json": json.dumps(entries[1])})
    assert run("marketplace", "update").exit_code == 0
    looked = answer("update", "--check", "--any-base", "--allow-unsigned")["experts"]
    assert [(e["name"], e["installed"], e["version"]) for e in looked] == [
        ("neo4j-cypher", "1.0.0", "1.1.0")
    ]
    assert library.find("neo4j-cypher").version == "1.0.0"
    done_update = run("update", "neo4j-cypher", "--any-base", "--allow-unsigned")
    assert "1.0.0 to 1.1.0" in done_update.stdout
    assert library.find("neo4j-cypher").version == "1.1.0"
    assert run("marketplace", "remove", "main").exit_code == 0
    assert run("marketplace", "remove", "main").exit_code == 2


def test_from_a_repository_by_tag(tmp_path: Path, library: Library) -> None:
    repository = expert_repository(tmp_path / "repo", versions=("1.0.0", "2.0.0"))
    installed = run("install", f"{repository.source}#v1.0.0", "--any-base", "--allow-unsigned")
    assert installed.exit_code == 0, installed.output
    assert "json-parser 1.0.0 is installed." in installed.stdout
    assert run("pin", "json-parser").stdout == "json-parser 1.0.0 is active, and pinned.\n"
    assert "You pinned it" in run("update", "json-parser", "--any-base").stderr
    assert run("pin", "json-parser", "--remove").exit_code == 0
    assert run("update", "--any-base", "--allow-unsigned").exit_code == 0
    assert library.find("json-parser").version == "2.0.0"
    assert run("update", "json-parser", "--any-base").stdout == (
        "json-parser 2.0.0 is the newest.\n"
    )
    assert run("activate", "json-parser@1.0.0").exit_code == 0
    assert library.find("json-parser").version == "1.0.0"
    assert run("activate", "json-parser").exit_code == 2


def test_uninstalled_alone_or_with_what_needs_it(library: Library) -> None:
    installed_expert(library, "english", load_order=3)
    installed_expert(library, "cypher", requires=["english"], load_order=6)
    refused = run("uninstall", "english")
    assert (refused.exit_code, "cypher cannot work without it" in refused.stderr) == (3, True)
    assert answer("uninstall", "english", "--cascade")["experts"] == [
        "cypher 1.0.0",
        "english 1.0.0",
    ]
    assert run("uninstall", "english").exit_code == 1


def test_a_folder_linked_in_place(tmp_path: Path, library: Library) -> None:
    folder = expert_folder(tmp_path / "mine", "my-expert")
    assert run("install", folder, "--dev", "--any-base").exit_code == 0
    expert = library.find("my-expert")
    assert expert.folder.is_symlink()
    expert_folder(folder, "my-expert", seed=8)
    assert library.find("my-expert").weights_sha256 != expert.weights_sha256
    assert run("install", folder, "--dev", "--any-base").exit_code == 1
    assert run("install", expert_file(tmp_path), "--dev", "--any-base").exit_code == 2
    assert run("uninstall", "my-expert@1.0.0").exit_code == 0
    assert (folder / "adapter_model.safetensors").is_file()
    assert library.experts() == ()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("install", "missing.expert"), 2),
        (("install", "git+http://host/x"), 2),
        (("install", "nothing-of-that-name"), 2),
        (("install", "git+file:///nothing/there"), 1),
        (("marketplace", "add", "A B", "git+https://host/x"), 2),
        (("marketplace", "update", "nobody"), 2),
    ],
)
def test_what_cannot_be_had(arguments: tuple[str, ...], code: int) -> None:
    done = run(*arguments, *(("--any-base",) if arguments[0] == "install" else ()))
    assert done.exit_code == code, done.output
    assert done.stderr


def test_an_entry_is_prepared_as_a_branch(tmp_path: Path, library: Library) -> None:
    market = marketplace_repository(
        tmp_path / "market",
        [{"name": "other", "repository": "https://host/other.git", "latest_version": "1.0.0"}],
    )
    market.commit({"README.md": "Be kind."})
    expert = expert_folder(tmp_path / "mine", "my-expert", requires=["other"], load_order=6)
    key = keys.generate(tmp_path / "key.pem", "Studio Nord")
    signing.sign(expert_file(tmp_path / "packed", "my-expert", load_order=6), key)
    shutil.copy(tmp_path / "packed" / "my-expert.expert", expert / "my-expert.expert")
    run("marketplace", "add", "main", market.source)
    place = tmp_path / "change"
    arguments = ("marketplace", "submit", expert, "--to", "main", "-o", place)
    done = answer(*arguments, "--repository", "git+https://host/my-expert.git")
    assert (done["branch"], done["files"]) == (
        "add-my-expert-1.0.0",
        ["experts/my-expert.json", "index.json"],
    )
    said = json.loads((place / "experts" / "my-expert.json").read_text())
    assert said["versions"][0] == {
        "version": "1.0.0",
        "ref": "v1.0.0",
        "requires": ["other"],
        "incompatible_with": [],
        "load_order": 6,
    }
    assert (said["publisher"], said["public_key"]) == ("Studio Nord", key.public)
    assert not {"downloads", "rating", "verified"} & set(said)
    assert (place / "README.md").read_text() == "Be kind."
    status = ["git", "-C", str(place), "status", "--short", "--branch"]
    told = subprocess.run(status, capture_output=True, text=True, check=True).stdout
    assert told.strip() == f"## {done['branch']}"
    # a person pushes it, the marketplace takes it, and everybody finds it
    pushed = ["git", "-C", str(place), "push", "-q", str(market.folder), done["branch"]]
    subprocess.run(pushed, check=True, capture_output=True)
    market.git("merge", "--quiet", "--ff-only", done["branch"])
    run("marketplace", "update", "main")
    entry = Marketplaces(Folders.default()).entry("my-expert")
    assert (entry.latest_version, entry.public_key) == ("1.0.0", key.public)
    again = run(*arguments[:-1], tmp_path / "again", "--repository", "git+https://host/x.git")
    assert (again.exit_code, "listed there already" in again.stderr) == (2, True)
