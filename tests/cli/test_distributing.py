"""migrate, validate, lock and package --model: words, JSON and exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from expert_studio.cli import app
from expert_studio.commands import library as library_verbs
from expert_studio.core import errors
from expert_studio.core.experts.library import Library
from expert_studio.core.settings import Folders
from tests.expert_factory import expert_file, expert_folder, installed_expert


@pytest.fixture(autouse=True)
def library(studio_home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Library:
    monkeypatch.setattr(library_verbs, "bundled_experts_folder", lambda: tmp_path / "none")
    return Library(Folders.default().library)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_a_manifest_goes_to_1_0_and_back(tmp_path: Path) -> None:
    path = expert_folder(tmp_path / "x") / "manifest.json"
    before = path.read_bytes()
    done = run("migrate", path, "--to", "1.0")
    assert done.exit_code == 0, done.output
    assert "base_model" in json.loads(path.read_text())
    assert json.loads(run("migrate", path.parent, "--json").stdout)["schema_version"] == "2.0"
    assert path.read_bytes() == before
    assert run("migrate", path, "--to", "3.0").exit_code == 2
    assert run("migrate", tmp_path / "gone.json").exit_code == 2
    path.write_text("{")
    assert run("migrate", path).exit_code == 11
    assert path.read_text() == "{"


def test_an_expert_is_looked_over(tmp_path: Path) -> None:
    folder = expert_folder(tmp_path / "x")
    assert run("validate", folder).exit_code == 0
    assert run("validate", folder, "--lint").exit_code == 11
    (folder / "setup.sh").write_text("echo")
    refused = run("validate", folder, "--json")
    assert refused.exit_code == 11
    told = json.loads(refused.stdout)
    assert (told["ok"], told["findings"][0]["where"]) == (False, "setup.sh")
    assert "data only" in run("validate", folder / "manifest.json").stdout
    assert run("validate", tmp_path / "gone").exit_code == 2


def test_a_stack_is_kept_and_had_again(tmp_path: Path, library: Library) -> None:
    installed_expert(library, "english", load_order=3)
    installed_expert(library, "review", load_order=9, requires=["english"])
    lock = tmp_path / "stack.lock"
    kept = run("lock", "review@>=1.0", "-f", lock, "--weight", "english=0.5", "--json")
    assert kept.exit_code == 0, kept.output
    assert json.loads(kept.stdout)["experts"] == ["english 1.0.0", "review 1.0.0"]
    assert run("lock", "--restore", "-f", lock).exit_code == 0
    for name in ("review", "english"):
        run("uninstall", name)
    refused = run("lock", "--restore", "-f", lock)
    assert refused.exit_code == 3
    assert "english 1.0.0, review 1.0.0" in refused.stderr
    packages = tmp_path / "packages"
    expert_file(packages, "english", load_order=3)
    expert_file(packages, "review", load_order=9, requires=["english"])
    again = ("lock", "--restore", "-f", lock, "--from", packages)
    assert run(*again).exit_code == 5
    assert run(*again, "--allow", "unsigned").exit_code == 0
    assert [e.name for e in library.experts()] == ["english", "review"]


def test_what_lock_cannot_keep_is_a_sentence(tmp_path: Path, library: Library) -> None:
    lock = tmp_path / "stack.lock"
    assert run("lock", "-f", lock).exit_code == 2
    assert run("lock", "gone", "-f", lock).exit_code == 3
    installed_expert(library, "english")
    assert run("lock", "english@>=1,<1", "-f", lock).exit_code == 3
    assert run("lock", "english", "-f", lock, "--weight", "english=9").exit_code == 2
    assert run("lock", "english", "-f", lock, "--weight", "other=1").exit_code == 2
    assert not lock.exists()
    assert run("lock", "--restore", "-f", lock).exit_code == 2


def test_one_archive_for_each_base(tmp_path: Path) -> None:
    folder = expert_folder(tmp_path / "x")
    path = folder / "manifest.json"
    said = json.loads(path.read_text())
    said["base_models"].append(said["base_models"][0] | {"name": "Qwen3-0.6B"})
    path.write_text(json.dumps(said))
    out = tmp_path / "out"
    assert run("package", "--manifest", path, "--output", out).exit_code == 12
    done = run("package", "--manifest", path, "--output", out, "--model", "all", "--json")
    assert done.exit_code == 0, done.output
    files = [Path(p["file"]).name for p in json.loads(done.stdout)["packages"]]
    assert files == [
        "json-parser-expert-base-12m.v1.0.0.expert",
        "json-parser-qwen3-0-6b.v1.0.0.expert",
    ]
    one = run("package", "--manifest", path, "--output", out, "--model", "Qwen3-0.6B", "--json")
    assert Path(json.loads(one.stdout)["file"]).name == files[1]
    several = ("--model", "all", "--output", tmp_path / "x.expert")
    assert run("package", "--manifest", path, *several).exit_code == 2


def test_the_exit_codes_are_the_documented_ones() -> None:
    assert {
        "usage": errors.UsageError.exit_code,
        "dependencies": errors.DependencyError.exit_code,
        "compatibility": errors.CompatibilityError.exit_code,
        "signature": errors.IntegrityError.exit_code,
        "consent": errors.ConsentError.exit_code,
        "key": errors.KeyFileError.exit_code,
        "train": errors.TrainingError.exit_code,
        "validate": errors.ManifestError.exit_code,
        "package": errors.ArchiveError.exit_code,
    } == {
        "usage": 2,
        "dependencies": 3,
        "compatibility": 4,
        "signature": 5,
        "consent": 5,
        "key": 5,
        "train": 10,
        "validate": 11,
        "package": 12,
    }
    shown = " ".join(run("--help").stdout.split())
    for words in ("2 usage", "3 dependencies", "4 compatibility", "5 signature", "10 train"):
        assert words in shown
    assert "11 validate" in shown
    assert "12 package" in shown
