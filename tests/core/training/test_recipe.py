"""A recipe repeats a run to the letter, and a wrong one is told apart by its field."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from expert_studio.core.errors import TrainingError
from expert_studio.core.settings import bundled_experts_folder
from expert_studio.core.training.batch_plan import row_order, total_steps
from expert_studio.core.training.recipe import (
    parse_recipe,
    read_recipe,
    recipe_in_manifest,
    write_recipe,
)
from tests.core.training.runs import tiny_recipe


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    recipe = tiny_recipe(dependencies=[{"name": "json-parser", "weight": 0.25}])
    write_recipe(recipe, tmp_path / "recipe.json")
    assert read_recipe(tmp_path / "recipe.json") == recipe


@pytest.mark.parametrize("name", ["json-parser", "document-classifier"])
def test_the_bundled_experts_recipes_can_be_used(name: str) -> None:
    recipe = read_recipe(bundled_experts_folder() / name / "recipe.json")
    assert recipe.name == name


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"learning_rate": 1}, "learning_rate"),
        ({"name": "Bad Name"}, "name"),
        ({"adapter": {"r": 0}}, "adapter.r"),
        ({"adapter": {"target_modules": ["lm_head"]}}, "adapter.target_modules.0"),
        ({"dependencies": [{"name": "tiny-json"}]}, "on top of itself"),
        ({"datasets": []}, "datasets"),
        ({"schedule": {"learning_rate": 3}}, "schedule.learning_rate"),
    ],
)
def test_a_wrong_field_is_named(changes: dict[str, object], field: str) -> None:
    said = json.loads(tiny_recipe().model_dump_json()) | changes
    with pytest.raises(TrainingError) as caught:
        parse_recipe(said, "recipe.json")
    assert field in str(caught.value)


def test_no_recipe_there(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"gone\.json"):
        read_recipe(tmp_path / "gone.json")
    (tmp_path / "half.json").write_text('{"name": ')
    with pytest.raises(TrainingError, match=r"half\.json"):
        read_recipe(tmp_path / "half.json")
    with pytest.raises(TrainingError, match="how to train"):
        recipe_in_manifest({"method": "sft"}, "old-expert")


def test_every_epoch_reads_every_row_once_in_another_order() -> None:
    lengths = [(i * 37) % 91 for i in range(203)]
    steps = total_steps(len(lengths), 2.0, 8, None)
    order = row_order(lengths, steps, 8, seed=5, group_by_length=True)
    assert steps == 51
    assert len(order) == 408
    first, second = order[:203], order[203:406]
    assert sorted(first) == sorted(second) == list(range(203))
    assert first != second
    assert order == row_order(lengths, steps, 8, seed=5, group_by_length=True)
    assert order != row_order(lengths, steps, 8, seed=6, group_by_length=True)


def test_grouping_by_length_saves_padding() -> None:
    lengths = [10 + (i * 7919) % 300 for i in range(512)]

    def padded(group: bool) -> int:
        order = row_order(lengths, 64, 8, seed=1, group_by_length=group)
        steps = [order[i : i + 8] for i in range(0, len(order), 8)]
        return sum(8 * max(lengths[row] for row in step) for step in steps)

    assert padded(True) < 0.7 * padded(False)


def test_max_steps_wins_over_epochs() -> None:
    assert total_steps(100, 3.0, 10, None) == 30
    assert total_steps(100, 3.0, 10, 7) == 7
    assert len(row_order([5] * 10, 7, 4, seed=0, group_by_length=False)) == 28


def test_a_recipe_nested_without_end_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "recipe.json").write_text("[" * 100_000)
    with pytest.raises(TrainingError, match=r"recipe\.json cannot be read"):
        read_recipe(tmp_path / "recipe.json")
