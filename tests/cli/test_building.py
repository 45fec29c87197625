"""build-experts: from recipes to packages that stand on one another, and not twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from expert_studio.cli import app
from expert_studio.core.experts.archive import inspect
from expert_studio.core.experts.dependencies import with_requirements
from expert_studio.core.experts.library import Library
from expert_studio.core.experts.weights import weights_sha256
from expert_studio.core.settings import Folders
from expert_studio.core.training.evaluation import read_report
from expert_studio.core.training.official_build import place_of, read_build
from tests.core.inference.random_bases import SMALL as SMALL_BASE
from tests.core.inference.random_bases import write_base
from tests.expert_factory import installed_expert

SMALL: dict[str, Any] = {
    "adapter": {"r": 2, "alpha": 4.0, "target_modules": ["q_proj", "v_proj"]},
    "datasets": [{"path": "dataset.json"}],
    "schedule": {"max_steps": 1, "warmup_steps": 0},
    "batches": {"batch_size": 2, "max_length": 256},
    "watching": {"eval_rows": 2, "eval_every": 1, "save_every": 1},
    "device": "cpu",
}


def place(folder: Path, name: str, first: dict[str, Any] | None = None, **more: Any) -> None:
    here = folder / name
    here.mkdir(parents=True)
    rows = {"train": 4, "validation": 2, "held_out": 2}
    part = {"kind": "rule", "generator": "english", "rows": rows, "share": {"answer": 1.0}}
    card = {"description": f"Is {name}.", "capabilities": ["task:x"]}
    said = SMALL | {"name": name, "version": "1.0.0", "card": card} | more
    (here / "recipe.json").write_text(json.dumps(said))
    (here / "dataset.json").write_text(json.dumps({"name": name, "seed": 3, "parts": [part]}))
    if first is not None:
        (here / "first.json").write_text(
            json.dumps(said | {"dependencies": [], "start": None} | first)
        )


def place_two(folder: Path) -> None:
    """ "upper" is learned in two stages on top of "ground"."""
    place(folder, "ground")
    place(
        folder,
        "upper",
        first={"version": "0.9.0"},
        dependencies=[{"name": "ground"}],
        start={"name": "upper", "version": "0.9.0"},
    )


def built(folder: Path, *more: str, base: str = "bundled") -> list[dict[str, Any]]:
    asked = ["build-experts", "--base", base, "--experts", str(folder), "--rows", "1"]
    result = CliRunner().invoke(app, [*asked, "--json", *more])
    assert result.exit_code == 0, result.output
    return list(json.loads(result.stdout)["experts"])


@pytest.mark.long
def test_for_another_base_they_stand_beside_those_that_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXPERT_STUDIO_HOME", str(tmp_path / "home"))
    folders, experts = Folders.default(), tmp_path / "experts"
    library = Library(folders.library)
    installed_expert(library, "ground", version="1.0.0")
    place_two(experts)
    base = write_base(folders.bases / "Small-64", SMALL_BASE | {"max_position_embeddings": 2048})
    ground, upper = built(experts, "--here", base=str(base))
    assert Path(upper["run"]).parent == folders.runs
    (needed,) = inspect(Path(upper["package"])).manifest.trained_with
    assert (needed.name, needed.version) == ("ground", ground["version"])
    assert ground["version"] == "1.0.0+small-64"
    state = read_build(place_of(base, folders), ("ground", "upper"))
    assert (state.stage, state.made) == ("finished", ("ground", "upper"))
    assert library.find("ground").version == "1.0.0"
    library.favour("Small-64", weights_sha256(base / "model.safetensors"))
    found = {expert.name: expert.version for expert in with_requirements(("upper",), library)}
    assert found == {"ground": "1.0.0+small-64", "upper": "1.0.0+small-64"}


@pytest.mark.long
def test_two_that_stand_on_one_another_are_built_once(tmp_path: Path) -> None:
    experts = tmp_path / "experts"
    place_two(experts)
    (only,) = built(experts, "--only", "ground")
    assert only["built_now"]
    assert only["n"] == 1
    ground, upper = built(experts, "--publish")
    assert (ground["built_now"], upper["built_now"]) == (False, True)
    manifest = inspect(Path(upper["package"])).manifest
    assert [need.name for need in manifest.trained_with] == ["ground"]
    assert manifest.version == "1.0.0"
    assert (experts / "upper" / "upper.expert").is_file()
    assert not any(told["built_now"] for told in built(experts, "--beside"))
    (run,) = Path(upper["run"]).parent.glob("ground-*")
    report = read_report(run / "evaluation.json")
    assert report is not None
    assert [one.name for one in report.company] == [
        "with nobody",
        "with upper",
        "with all of them",
        "upper alone",
    ]
    assert all(one.measurements for one in report.company)


@pytest.mark.long
def test_what_lies_beside_its_recipe_is_taken_and_given_its_new_figures(tmp_path: Path) -> None:
    experts, first, second = (tmp_path / name for name in ("experts", "first", "second"))
    place_two(experts)
    shipping = ("--publish", "--beside", "--work")
    ground, _ = built(experts, *shipping, str(first))
    made = inspect(Path(ground["package"])).manifest
    recipe = experts / "upper" / "recipe.json"
    recipe.write_text(json.dumps(json.loads(recipe.read_text()) | {"seed": 5}))
    ground, upper = built(experts, "--only", "upper", "--shipped", *shipping, str(second))
    assert (ground["built_now"], ground["run"], ground["n"]) == (False, "", 1)
    assert upper["built_now"]
    assert not list((second / "runs").glob("ground-*"))
    shipped = inspect(experts / "ground" / "ground.expert").manifest
    assert shipped.base_models == made.base_models
    weights = inspect(Path(upper["package"])).manifest.base_models[0].adapters[0].sha256
    report = read_report(experts / "ground" / "evaluation.json")
    assert report is not None
    assert report.made_with["company"] == f"upper {weights[:12]}"
    assert not any(
        told["built_now"]
        for told in built(experts, "--only", "upper", "--shipped", *shipping, str(second))
    )
