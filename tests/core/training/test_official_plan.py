"""Which official experts are built in which order, and what makes one be built again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from expert_studio.core.datasets.dataset_recipe import (
    CorpusPart,
    Counts,
    DatasetRecipe,
    RulePart,
    build,
    build_pairs,
    read_dataset_recipe,
)
from expert_studio.core.datasets.offline import novelty
from expert_studio.core.errors import DependencyError, UsageError
from expert_studio.core.settings import BUNDLED_BASE_NAME, bundled_experts_folder
from expert_studio.core.training.official_plan import (
    Built,
    key_of,
    read_built,
    sources,
    wanted,
    write_built,
)

OTHER = "/somewhere/Qwen3-0.6B"
BASE_SHA256 = "ab" * 32
FEW = 24


def source(folder: Path, name: str, needs: tuple[str, ...] = (), **more: Any) -> Path:
    place = folder / name
    place.mkdir()
    recipe: dict[str, Any] = {
        "name": name,
        "datasets": [{"path": "dataset.json"}],
        "dependencies": [{"name": need} for need in needs],
        **more,
    }
    (place / "recipe.json").write_text(json.dumps(recipe))
    (place / "dataset.json").write_text(json.dumps({"name": name, "seed": 1, "parts": []}))
    return place


def keys(folder: Path, base_sha256: str = BASE_SHA256) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in sources(folder, BUNDLED_BASE_NAME):
        found[each.name] = key_of(each, base_sha256, found)
    return found


def test_what_others_need_comes_first_whatever_its_load_order(tmp_path: Path) -> None:
    source(tmp_path, "ab-last", ("middle",), card={"load_order": 1})
    source(tmp_path, "middle", ("zz-first",), card={"load_order": 5})
    source(tmp_path, "zz-first", card={"load_order": 9})
    every = sources(tmp_path, BUNDLED_BASE_NAME)
    assert [each.name for each in every] == ["zz-first", "middle", "ab-last"]
    assert [each.name for each in wanted(every, ["middle"])] == ["zz-first", "middle"]
    with pytest.raises(UsageError, match="no official expert 'other'"):
        wanted(every, ["other"])


def test_a_circle_and_a_stranger_are_refused(tmp_path: Path) -> None:
    source(tmp_path, "one", ("two",))
    source(tmp_path, "two", ("one",))
    with pytest.raises(DependencyError, match="one cannot be built"):
        sources(tmp_path, BUNDLED_BASE_NAME)
    with pytest.raises(UsageError, match="no experts to build"):
        sources(tmp_path / "one", BUNDLED_BASE_NAME)


def test_a_change_of_data_recipe_or_base_builds_it_and_its_dependants_again(
    tmp_path: Path,
) -> None:
    source(tmp_path, "needed")
    place = source(tmp_path, "other")
    source(tmp_path, "dependant", ("needed",))
    before = keys(tmp_path)
    assert keys(tmp_path) == before
    assert not set(before.values()) & set(keys(tmp_path, "cd" * 32).values())
    (tmp_path / "needed" / "dataset.json").write_text('{"name": "needed", "seed": 2, "parts": []}')
    after = keys(tmp_path)
    assert {name for name in before if before[name] != after[name]} == {"needed", "dependant"}
    said = json.loads((place / "recipe.json").read_text())
    (place / "recipe.json").write_text(json.dumps(said | {"card": {"description": "New words."}}))
    assert keys(tmp_path) == after
    (place / "recipe.json").write_text(json.dumps(said | {"seed": 5}))
    assert keys(tmp_path)["other"] != after["other"]


def test_another_base_has_its_own_recipe_or_a_slower_one(tmp_path: Path) -> None:
    source(tmp_path, "plain", schedule={"learning_rate": 0.002})
    place = source(tmp_path, "with-own")
    own = {"name": "with-own", "datasets": [{"path": "dataset.json"}], "seed": 77}
    (place / "recipe-qwen3-0.6b.json").write_text(json.dumps(own))
    plain, with_own = sources(tmp_path, OTHER)
    assert plain.recipe.schedule.learning_rate == pytest.approx(0.0002)
    assert with_own.recipe.seed == 77
    assert {plain.recipe.base.name, with_own.recipe.base.name} == {OTHER}


def test_what_was_built_is_noted_and_a_damaged_note_is_none(tmp_path: Path) -> None:
    built = Built("key", ("/runs/first", "/runs/second"), "/packages/one.expert")
    write_built(tmp_path / "records", "one", built)
    assert read_built(tmp_path / "records", "one") == built
    (tmp_path / "records" / "one.json").write_text('{"key": 1')
    assert read_built(tmp_path / "records", "one") is None
    assert read_built(tmp_path / "records", "two") is None


def test_the_six_stand_as_the_specification_orders_them() -> None:
    for base in (BUNDLED_BASE_NAME, OTHER):
        every = {each.name: each.recipe for each in sources(bundled_experts_folder(), base)}
        orders = {name: recipe.card.load_order for name, recipe in every.items()}
        assert orders == {
            "json-parser": 1,
            "english-basic": 3,
            "neo4j-cypher": 6,
            "python-code": 6,
            "rust-code": 6,
            "document-classifier": 9,
        }
        for name in ("neo4j-cypher", "python-code", "rust-code"):
            assert [need.name for need in every[name].dependencies] == ["english-basic"]


def test_the_classifier_never_learns_from_what_it_is_scored_on() -> None:
    folder = bundled_experts_folder() / "document-classifier"
    dataset = read_dataset_recipe(folder / "dataset.json")
    (kept,) = (part for part in dataset.parts if isinstance(part, CorpusPart))
    (pairs,) = read_dataset_recipe(folder / "pairs.json").parts
    assert isinstance(pairs, RulePart)
    assert {*kept.held_out, *kept.validation, *kept.leave_out} <= {*pairs.leave_out}
    for base in (BUNDLED_BASE_NAME, OTHER):
        (source,) = (s for s in sources(folder.parent, base) if s.name == "document-classifier")
        assert [part.held_out for part in source.recipe.datasets] == ["dataset.json"]


def with_few_rows(whole: DatasetRecipe) -> DatasetRecipe:
    """The first rows of each split are the same, however many follow."""
    parts = []
    for part in whole.parts:
        assert isinstance(part, RulePart)
        few = {split: min(FEW, number) for split, number in part.rows.model_dump().items()}
        parts.append(part.model_copy(update={"rows": Counts(**few)}))
    return whole.model_copy(update={"parts": tuple(parts)})


@pytest.mark.parametrize("name", ["english-basic", "neo4j-cypher", "python-code", "rust-code"])
def test_half_of_what_is_scored_is_of_families_that_training_never_draws(name: str) -> None:
    whole = read_dataset_recipe(bundled_experts_folder() / name / "dataset.json")
    learned, scored = (part.rows.train for part in whole.parts if isinstance(part, RulePart))
    assert learned >= 2000
    assert scored == 0
    made = build(with_few_rows(whole), None)
    told = [novelty(example) for example in made.held_out]
    assert told == ["unseen family"] * FEW + ["seen family"] * FEW
    assert {novelty(example) for example in made.train} == {"seen family"}
    asked = {example.turns[0].content for example in made.train}
    assert not any(example.turns[0].content in asked for example in made.held_out)


DATASETS = sorted(
    path
    for path in bundled_experts_folder().glob("*/*.json")
    if path.name.startswith(("dataset", "by-rule-dataset", "by-rule-pairs"))
)


@pytest.mark.parametrize("path", DATASETS, ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_the_generators_are_those_the_officials_rows_name(path: Path) -> None:
    """A row or two of every part that is made by rule without the corpus."""
    recipe = read_dataset_recipe(path)
    few = Counts(train=2, validation=1, held_out=1)
    parts = tuple(
        part.model_copy(update={"rows": few})
        for part in recipe.parts
        if isinstance(part, RulePart) and not part.uses_corpus
    )
    assert parts
    make = build_pairs if "pairs" in path.name else build
    made = make(recipe.model_copy(update={"parts": parts}), None)
    assert len(made.train) == 2 * len(parts)


def test_without_a_corpus_every_row_is_made_by_rule() -> None:
    for base in ("Qwen/Qwen3-0.6B", "expert-base-12m"):
        for source in sources(bundled_experts_folder(), base, has_corpus=False):
            for stage in source.stages:
                for part in stage.datasets:
                    recipe = read_dataset_recipe(source.folder / part.path)
                    assert all(isinstance(p, RulePart) and not p.uses_corpus for p in recipe.parts)
