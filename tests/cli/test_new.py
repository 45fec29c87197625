"""new: what is begun is declarative, sound, and trains, packs and passes its tests as it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from expert_studio.cli import app
from expert_studio.commands import library as library_verbs
from expert_studio.core.experts.manifest import read_manifest
from expert_studio.core.experts.validation import validate
from expert_studio.core.training.evaluation_rows import read_test_cases
from expert_studio.core.training.recipe import read_recipe, recipe_in_manifest
from expert_studio.core.training.rows import gather_rows


@pytest.fixture(autouse=True)
def _nothing_ships(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(library_verbs, "bundled_experts_folder", lambda: tmp_path / "none")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_a_repository_is_begun(tmp_path: Path) -> None:
    place = tmp_path / "my-kinds"
    done = run("new", "my-kinds", "-o", place, "--author", "Ana", "--tier", "format", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["files"] == sorted(
        p.relative_to(place).as_posix() for p in place.rglob("*") if p.is_file()
    )
    assert not [p for p in place.rglob("*") if p.suffix in (".py", ".sh", ".js")]
    manifest, findings = validate(place)
    assert manifest is not None
    assert [f for f in findings if f.level == "error"] == []
    recipe = read_recipe(place / "recipe.json")
    assert recipe_in_manifest(manifest.training, manifest.name) == recipe
    assert (manifest.author, manifest.tier, recipe.card.load_order) == ("Ana", "format", 1)
    rows = gather_rows(recipe, place, None)
    assert len(rows.train) > 80
    assert rows.held_out
    asked = {example.prompt for example in rows.train}
    assert not asked & {case.prompt for case in read_test_cases(place / "tests/test_cases.json")}
    assert read_manifest((place / "manifest.json").read_bytes(), "x")[1] == ()
    assert run("validate", place).exit_code == 0


@pytest.mark.parametrize(
    "arguments", [("Bad Name",), ("x" * 80,), ("fine", "--tier", "wrong"), ("../out",)]
)
def test_what_cannot_be_begun(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    assert run("new", *arguments, "-o", tmp_path / "made").exit_code == 2
    assert not (tmp_path / "made").exists()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    assert run("new", "once", "-o", tmp_path / "x").exit_code == 0
    assert run("new", "once", "-o", tmp_path / "x").exit_code == 2


@pytest.mark.long
def test_it_trains_packs_and_passes_its_tests_with_no_other_step(tmp_path: Path) -> None:
    place = tmp_path / "my-kinds"
    run("new", "my-kinds", "-o", place)
    trained = run("train", "--recipe", place / "recipe.json", "--json")
    assert trained.exit_code == 0, trained.output
    (run_,) = json.loads(run("train", "--list", "--json").stdout)["runs"]
    packed = run("package", run_["run"], "--publish", place)
    assert packed.exit_code == 0, packed.output
    told = json.loads(run("validate", place, "--json").stdout)
    assert told["ok"], told
    assert told["tests"]["cases"] > 0
    assert told["tests"]["score"] > 0
