"""Datasets are made again from their recipe, and their splits never touch."""

from __future__ import annotations

import hashlib
import json
import lzma
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from expert_studio.core.datasets import offline_json
from expert_studio.core.datasets.dataset_recipe import (
    DatasetRecipe,
    build,
    build_pairs,
    read_dataset_recipe,
)
from expert_studio.core.datasets.document_prompt import document_in
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


def written(path: Path, rows: list[dict[str, Any]]) -> dict[str, str]:
    """Puts the rows there as JSON lines, packed where the name says so; how a part names them."""
    raw = "".join(json.dumps(row) + "\n" for row in rows).encode()
    data = lzma.compress(raw) if path.suffix == ".xz" else raw
    path.write_bytes(data)
    return {"file": path.name, "sha256": hashlib.sha256(data).hexdigest()}


@pytest.fixture
def corpus(tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    """A folder with one corpus file, and a part that uses it."""
    rows = [
        document(repository, number, "article" if number % 2 else "log")
        for repository in ("a/train", "b/train", "c/held", "d/watch", "e/out")
        for number in range(10)
    ]
    part = {
        "kind": "corpus",
        **written(tmp_path / "docs.jsonl.xz", rows),
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


def test_training_learns_no_repositorys_folders_where_paths_are_shortened(
    corpus: tuple[Path, dict[str, Any]],
) -> None:
    folder, part = corpus
    lines = [
        {**document(repository, number, "log"), "path": f"deep/down/{number}.md"}
        for repository in ("a/train", "c/held")
        for number in range(40)
    ]
    deep = {**part, **written(folder / "deep.jsonl", lines)}
    deep |= {"at_most": {"train": 40, "held_out": 40}, "excerpts": 0.0, "short_paths": 0.6}
    splits = build(recipe(deep), folder)
    shown = [document_in(row.prompt[0].content)[0].count("/") for row in splits.train]
    assert {*shown} == {0, 1, 2}  # nothing or the name, with its folder, the whole path
    assert any(not document_in(row.prompt[0].content)[0] for row in splits.train)
    assert all("File: deep/down/" in row.prompt[0].content for row in splits.held_out)
    assert build(recipe(deep), folder) == splits


def test_no_ending_is_learned_as_a_type_where_some_names_are_plain(
    corpus: tuple[Path, dict[str, Any]],
) -> None:
    folder, part = corpus
    named = ("text#Max Linder", "novels/Kim_1901.txt#3", "train.jsonl#a7", "LICENSE", "a/b.md#2")
    lines = [
        {**document(repository, number, kind), "path": named[number % 5], "language": language}
        for repository in ("a/train", "c/held")
        for kind, language in (("article", "en"), ("log", "log"))
        for number in range(40)
    ]
    plain = {**part, **written(folder / "plain.jsonl", lines)}
    plain |= {"at_most": {"train": 80, "held_out": 80}, "excerpts": 0.0, "plain_names": 0.5}
    splits = build(recipe(plain), folder)
    shown = {"article": set[str](), "log": set[str]()}
    for row in splits.train:
        shown[json.loads(row.answer)["type"]].add(document_in(row.prompt[0].content)[0])
    assert shown["log"] == set(named)  # what is no prose keeps its name
    stems = {"Max Linder.txt", "Kim_1901.txt", "train.txt", "LICENSE.txt"}  # Markdown stays
    assert {name.rpartition("/")[2] for name in shown["article"] - set(named)} == stems
    assert any(name.startswith("documents/") for name in shown["article"])
    assert {document_in(row.prompt[0].content)[0] for row in splits.held_out} == set(named)
    assert build(recipe(plain), folder) == splits


def test_a_rare_type_is_shown_by_other_excerpts_of_its_documents(
    corpus: tuple[Path, dict[str, Any]],
) -> None:
    folder, part = corpus
    rows = [document("a/train", number, "article") for number in range(30)]
    rows += [document("a/train", number, "log") for number in range(30, 34)]
    rare = {**part, **written(folder / "rare.jsonl", rows)}
    rare |= {"at_most": {"train": 60}, "excerpts": 0.0}
    types = [json.loads(row.answer)["type"] for row in build(recipe(rare), folder).train]
    assert (types.count("article"), types.count("log")) == (30, 4)
    evened = build(recipe({**rare, "evened": 10}), folder).train
    types = [json.loads(row.answer)["type"] for row in evened]
    assert (types.count("article"), types.count("log")) == (30, 10)
    most = build(recipe({**rare, "evened": 25}), folder).train
    logs = [row for row in most if json.loads(row.answer)["type"] == "log"]
    assert len(logs) == 12  # each of the four shown three times
    assert len({row.prompt[0].content for row in logs}) > 8


def test_pieces_of_text_train_by_what_shows_in_them_and_never_by_what_is_left_out(
    tmp_path: Path,
) -> None:
    body = "    return value  # of the one asked for\n" * 4
    texts = {
        "a/one": [f"def test_{number}():\n    assert {number}\n{body}" for number in range(5)],
        "b/two": [f"def of_{number}():\n{body}" for number in range(5)] + ["short"],
        "c/out": [f"def out_{number}():\n{body}" for number in range(5)],
    }
    lines = [{"text": text, "source": name} for name, some in texts.items() for text in some]
    of_file = {**written(tmp_path / "code.jsonl", lines), "at_most": 3}
    label = {"language": "python", "technologies": ["Python"]}
    tests = {**of_file, **label, "type": "test_code", "holding": r"^def test_"}
    code = {**of_file, **label, "type": "source_code", "holding": r"^def ", "lacking": "assert"}
    part = {"kind": "pieces", "leave_out": ["c/out"], "rules": [tests, code]}
    splits = build(recipe(part), tmp_path)
    assert splits.validation == splits.held_out == ()
    assert sorted((row.source, json.loads(row.answer)["type"]) for row in splits.train) == [
        *[("a/one", "test_code")] * 3,
        *[("b/two", "source_code")] * 3,
    ]
    assert all(document_in(row.prompt[0].content)[0] == "" for row in splits.train)
    only = {**part, "rules": [{**tests, "sources": ["b/two"]}]}
    assert build(recipe(only), tmp_path).train == ()
    with pytest.raises(DatasetError, match="not the one"):
        build(recipe({**part, "rules": [{**tests, "sha256": "0" * 64}]}), tmp_path)
    with pytest.raises(ValidationError, match="cannot be read as a pattern"):
        recipe({**part, "rules": [{**tests, "holding": "("}]})
    with pytest.raises(ValidationError, match="two different SHA-256"):
        recipe({**part, "rules": [tests, {**code, "sha256": "ab" * 32}]})


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
    part = {"kind": "rule", "generator": "classification", "rows": rows, "version": 5}
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
