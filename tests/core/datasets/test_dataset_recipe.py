"""Datasets are made again from their recipe, and their splits never touch."""

from __future__ import annotations

import hashlib
import json
import lzma
from pathlib import Path
from typing import Any

import pytest

from expert_studio.core.datasets import offline_json
from expert_studio.core.datasets.dataset_recipe import (
    DatasetRecipe,
    build,
    build_pairs,
    read_dataset_recipe,
)
from expert_studio.core.errors import DatasetError
from expert_studio.core.settings import bundled_experts_folder
from expert_studio.core.training.scores import score

SHARE = {"extract": 0.5, "repair": 0.3, "convert": 0.2}


def document(repository: str, number: int, kind: str) -> dict[str, Any]:
    return {
        "path": f"{number}.md",
        "text": f"Line one of {repository} {number}\n" * 30,
        "type": kind,
        "language": "en",
        "technologies": [],
        "source_repo": repository,
        "license": "MIT",
    }


@pytest.fixture
def corpus(tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    """A folder with one corpus file, and a part that uses it."""
    rows = [
        document(repository, number, "article" if number % 2 else "log")
        for repository in ("a/train", "b/train", "c/held", "d/watch", "e/out")
        for number in range(10)
    ]
    packed = lzma.compress("".join(json.dumps(row) + "\n" for row in rows).encode())
    (tmp_path / "docs.jsonl.xz").write_bytes(packed)
    part = {
        "kind": "corpus",
        "file": "docs.jsonl.xz",
        "sha256": hashlib.sha256(packed).hexdigest(),
        "leave_out": ["e/out"],
        "held_out": ["c/held"],
        "validation": ["d/watch"],
        "at_most": {"train": 12, "validation": 4, "held_out": 8},
        "excerpts": 0.5,
    }
    return tmp_path, part


def recipe(*parts: dict[str, Any]) -> DatasetRecipe:
    return DatasetRecipe.model_validate({"name": "test", "seed": 4, "parts": parts})


def test_a_corpus_is_split_by_repository(corpus: tuple[Path, dict[str, Any]]) -> None:
    folder, part = corpus
    splits = build(recipe(part), folder)
    assert {e.family for e in splits.train} == {"a/train", "b/train"}
    assert {e.family for e in splits.held_out} == {"c/held"}
    assert {e.family for e in splits.validation} == {"d/watch"}
    assert [len(splits.train), len(splits.validation), len(splits.held_out)] == [12, 4, 8]
    types = [json.loads(e.answer)["type"] for e in splits.held_out]
    assert types.count("log") == types.count("article") == 4
    named = ["File: " in e.prompt[0].content for e in splits.train]
    assert 0 < sum(named) < len(named)
    assert all("File: " in e.prompt[0].content for e in splits.held_out)
    assert build(recipe(part), folder) == splits


def test_another_corpus_is_refused(corpus: tuple[Path, dict[str, Any]]) -> None:
    folder, part = corpus
    with pytest.raises(DatasetError, match="No corpus folder"):
        build(recipe(part), None)
    with pytest.raises(DatasetError, match="not the one"):
        build(recipe({**part, "sha256": "0" * 64}), folder)
    with pytest.raises(DatasetError, match="cannot be read"):
        build(recipe({**part, "file": "gone.xz"}), folder)


def test_a_generators_part_is_as_good_for_pairs_and_the_first_ones_are_refused() -> None:
    rows = {"train": 6, "validation": 2, "held_out": 3}
    part = {"kind": "rule", "generator": "classification", "rows": rows, "version": 3}
    pairs, answers = build_pairs(recipe(part), None), build(recipe(part), None)
    sides = (pairs.train, pairs.validation, pairs.held_out)
    assert [len(side) for side in sides] == [6, 2, 3]
    for pair in (*pairs.train, *pairs.held_out):
        assert pair.chosen != pair.rejected
        assert pair.flaw
    assert {p.family for p in pairs.held_out}.isdisjoint(e.family for e in answers.train)
    with pytest.raises(DatasetError, match="DPO cannot learn from"):
        build_pairs(recipe(part, {**part, "generator": "logs", "version": None}), None)


def test_rule_made_rows_are_right_by_their_own_scorer() -> None:
    for held_out in (False, True):
        for example in offline_json.rows(200, 1, held_out, SHARE):
            assert set(score("json", example.answer, example.answer).values()) == {1.0}


def test_held_out_rows_use_schemas_and_names_training_never_saw() -> None:
    train = list(offline_json.rows(3000, 1, False, SHARE))
    held_out = list(offline_json.rows(400, 2, True, SHARE))
    seen = {e.family.rpartition("/")[0] for e in train}
    unseen = [e for e in held_out if e.family.endswith("/unseen")]
    assert len(unseen) == 200
    assert not {e.family.rpartition("/")[0] for e in unseen} & seen
    prompts = {e.prompt[0].content for e in train}
    assert not prompts & {e.prompt[0].content for e in held_out}


def test_repair_rows_are_broken() -> None:
    for example in offline_json.rows(200, 1, False, {"repair": 1.0}):
        broken = example.prompt[0].content.partition("\n\n")[2]
        assert score("json", example.answer, broken)["valid_json"] == 0.0, broken


def test_log_programs_of_the_splits_differ() -> None:
    part = {
        "kind": "rule",
        "generator": "logs",
        "rows": {"train": 40, "validation": 4, "held_out": 20},
    }
    splits = build(recipe(part), None)
    assert len(splits.train) == 40
    assert not {e.family for e in splits.train} & {e.family for e in splits.held_out}
    assert {json.loads(e.answer)["type"] for e in splits.held_out} == {"log"}


@pytest.mark.parametrize("name", ["json-parser", "document-classifier"])
def test_the_bundled_experts_datasets_can_be_read(name: str) -> None:
    assert read_dataset_recipe(bundled_experts_folder() / name / "dataset.json").name == name


def test_a_wrong_recipe_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dataset.json").write_text('{"name": "x", "seed": 1, "parts": [{"kind": "magic"}]}')
    with pytest.raises(DatasetError, match=r"dataset\.json cannot be used"):
        read_dataset_recipe(tmp_path / "dataset.json")
