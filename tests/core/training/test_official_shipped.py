"""Packages beside their recipes: whether a recipe would make them, and new figures for one."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from expert_studio.core.errors import TrainingError
from expert_studio.core.experts.archive import inspect, unpack
from expert_studio.core.experts.weights import weights_sha256
from expert_studio.core.settings import BUNDLED_BASE_NAME, Folders, bundled_experts_folder
from expert_studio.core.training.evaluation import Report
from expert_studio.core.training.official_plan import Source, sources
from expert_studio.core.training.official_shipped import restate, shipped_package, shipped_report

BASE = weights_sha256(Folders.default().bundled_base / "model.safetensors")


def source_of(name: str, experts: Path | None = None) -> Source:
    every = sources(experts or bundled_experts_folder(), BUNDLED_BASE_NAME)
    return next(one for one in every if one.name == name)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """One official expert's folder, to be changed."""
    shutil.copytree(bundled_experts_folder() / "english-basic", tmp_path / "english-basic")
    return tmp_path


def test_what_ships_is_what_its_recipes_make() -> None:
    every = sources(bundled_experts_folder(), BUNDLED_BASE_NAME)
    weights = {
        one.name: base.adapters[0].sha256
        for one in every
        for base in inspect(one.folder / f"{one.name}.expert").manifest.base_models
    }
    there = {one.name: shipped_package(one, BASE, weights) for one in every}
    assert there == {one.name: one.folder / f"{one.name}.expert" for one in every}
    assert len(there) == 6


def test_another_base_or_other_data_would_make_another(copied: Path) -> None:
    one = source_of("english-basic", copied)
    assert shipped_package(one, BASE) is not None
    assert shipped_package(one, "ab" * 32) is None
    slower = one.recipe.schedule.model_copy(update={"learning_rate": 1e-5})
    recipe = one.recipe.model_copy(update={"schedule": slower})
    assert shipped_package(replace(one, stages=(recipe,)), BASE) is None
    dataset = one.folder / "dataset.json"
    dataset.write_text(dataset.read_text().replace('"seed": ', '"seed": 1'))
    assert shipped_package(one, BASE) is None


def test_what_stands_on_other_weights_would_be_another() -> None:
    one = source_of("python-code")
    assert shipped_package(one, BASE, {"english-basic": "ab" * 32}) is None


def test_a_missing_or_damaged_package_is_none(copied: Path) -> None:
    one = source_of("english-basic", copied)
    package = one.folder / "english-basic.expert"
    package.write_bytes(package.read_bytes()[:2000])
    assert shipped_package(one, BASE) is None
    package.unlink()
    assert shipped_package(one, BASE) is None


def _worse_beside(report: Report, name: str) -> Report:
    """The report with a worse figure beside that one."""
    (measured,) = (
        one.of(report.main_metric) for one in report.company if one.name == f"with {name}"
    )
    assert measured is not None
    worse = replace(measured, score=0.0125, interval=(0.0, 0.1))
    changed = tuple(
        replace(one, measurements=(worse,)) if one.name == f"with {name}" else one
        for one in report.company
    )
    return replace(report, company=changed)


def test_new_figures_change_card_and_manifest_alone(tmp_path: Path) -> None:
    one = source_of("json-parser")
    package = one.folder / "json-parser.expert"
    before = shipped_report(one)
    assert before is not None
    report = _worse_beside(before, "rust-code")
    assert report != before
    packed = restate(package, before, report, tmp_path / "place")
    old, new = inspect(package).manifest, inspect(packed.archive).manifest
    said = "beside rust-code: field accuracy 1.2 %"
    assert said in (packed.folder / "README.md").read_text()
    assert any(said in str(limit) for limit in new.limitations)
    stated = {
        part["score"]
        for part in new.quality_metrics["metrics"]
        if part["condition"] == "with rust-code"
    }
    assert stated == {0.0125}
    assert new.base_models == old.base_models
    assert new.training == old.training
    former = unpack(package, tmp_path / "former")
    weights = {file.path: file.sha256 for file in former.files}["adapter_model.safetensors"]
    now = {file.path: file.sha256 for file in inspect(packed.archive).files}
    assert now["adapter_model.safetensors"] == weights

    again = restate(packed.archive, report, before, tmp_path / "again")
    assert (again.folder / "README.md").read_bytes() == (
        tmp_path / "former" / "README.md"
    ).read_bytes()


def test_a_card_that_says_something_else_is_not_overwritten(tmp_path: Path) -> None:
    one = source_of("json-parser")
    before = shipped_report(one)
    assert before is not None
    with pytest.raises(TrainingError, match="cannot be given its new figures"):
        restate(
            one.folder / "json-parser.expert",
            _worse_beside(before, "rust-code"),
            before,
            tmp_path / "place",
        )
