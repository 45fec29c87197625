"""Manifests: schema 2.0 written strictly, both schemas read leniently, nothing lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from expert_studio.core.errors import ManifestError
from expert_studio.core.experts.manifest import Manifest, read_manifest, write_manifest
from tests.expert_factory import expert_folder

FULL_2: dict[str, Any] = {
    "name": "expert-doc-class",
    "version": "1.0.0-rc.1+build.5",
    "schema_version": "2.0",
    "description": "Labels documents",
    "author": "studio",
    "homepage": "https://example.org",
    "repository": {"type": "git", "url": "https://example.org/x.git"},
    "base_models": [
        {
            "name": "Qwen3-0.6B",
            "sha256": "ab" * 32,
            "quantization": "int4",
            "rope_scaling": {"type": "yarn", "factor": 4},
            "prompt_template": "chatml",
            "adapters": [
                {
                    "type": "lora",
                    "target_modules": ["q_proj", "v_proj"],
                    "feedforward_modules": [],
                    "r": 16,
                    "alpha": 16,
                    "scaling": "standard",
                    "dropout": 0.05,
                    "use_dora": True,
                    "checkpoint_step": 1250,
                    "size_bytes": 7340032,
                    "sha256": "",
                }
            ],
        }
    ],
    "soft_prompts": [
        {
            "name": "label_only",
            "path": "soft_prompts/label.safetensors",
            "tokens": 32,
            "init_method": "text",
            "init_text": "Answer with one JSON object.",
            "purpose": "labels",
        }
    ],
    "capabilities": ["task:classification"],
    "routing": {
        "keywords": ["classify"],
        "exclude_keywords": [],
        "router_hint": "h",
        "priority": 0.8,
    },
    "constraints": {
        "max_chain": 10,
        "load_order": 9,
        "requires": ["expert-english@>=1.0.0,<2.0.0"],
        "incompatible_with": ["expert-doc-old@<0.9.0"],
    },
    "perf": {"latency_ms_overhead": 2.0, "vram_mb_overhead": 15, "supported_batch_sizes": [1, 4]},
    "runtime": {"candle_compatible": True},
    "training": {"dataset": {"path": "d.jsonl"}, "config": {"method": "dpo", "x": None}},
    "evaluation": {"test_cases": 3},
    "quality_metrics": {"improvement_percent": -3.5},
    "limitations": ["short texts", {"pattern": "tables", "description": "no"}],
    "license": "MIT",
    "tags": ["doc"],
    "integrity": {"publisher": "studio", "files": {"README.md": "cd" * 32}},
}
V1: dict[str, Any] = {
    "name": "expert-csv-fix",
    "version": "0.1.0",
    "schema_version": "1.0",
    "description": "Repairs broken CSV rows",
    "base_model": {"name": "Qwen3-0.6B", "quantization": None, "rope_scaling": "none"},
    "adapters": [{"type": "ia3", "path": "weights/x", "target_modules": ["k_proj"], "r": None}],
    "capabilities": ["format:csv"],
    "constraints": {"load_order": 1, "incompatible_with": [], "requires": []},
    "license": "MIT",
    "author": "studio",
    "_note": "a comment",
}


def read(said: Any) -> tuple[Manifest, list[str]]:
    manifest, deviations = read_manifest(json.dumps(said).encode(), "a test")
    return manifest, [deviation.field for deviation in deviations]


def test_every_field_of_schema_2_survives_a_round_trip() -> None:
    manifest, deviations = read(FULL_2)
    assert deviations == []
    assert json.loads(write_manifest(manifest)) == FULL_2


def test_unknown_keys_survive_wherever_they_stand() -> None:
    said = json.loads(json.dumps(FULL_2))
    said["x_new"] = {"deep": [1, None]}
    said["base_models"][0]["x_base"] = None
    said["base_models"][0]["adapters"][0]["x_adapter"] = "kept"
    said["constraints"]["x_constraint"] = 1.5
    assert json.loads(write_manifest(read(said)[0])) == said


def test_schema_1_is_read_with_a_word_on_each_deviation_and_written_as_2() -> None:
    manifest, deviations = read(V1)
    assert manifest.schema_version == "1.0"
    assert manifest.kind == "ia3"
    assert manifest.base_models[0].name == "Qwen3-0.6B"
    assert deviations == ["base_models[0].adapters[0].path"]
    written = json.loads(write_manifest(manifest))
    assert written["schema_version"] == "2.0"
    assert written["_note"] == "a comment"
    assert written["base_models"][0]["adapters"][0]["path"] == "weights/x"


def test_made_up_hashes_and_paths_as_names_are_kept_but_not_used() -> None:
    """As in upstream's fixtures and shipped manifests."""
    said = json.loads(json.dumps(V1))
    said["base_model"] |= {"name": "F:/Node/models/Qwen3-0.6B", "sha256": "test_hash_v1"}
    said["adapters"][0] |= {"sha256": "adapter_hash"}
    manifest, deviations = read(said)
    assert deviations == [
        "base_models[0].sha256",
        "base_models[0].adapters[0].sha256",
        "base_models[0].name",
        "base_models[0].adapters[0].path",
    ]
    base = manifest.base_for("Qwen/Qwen3-0.6B", None)
    assert base is not None
    assert base.sha256 == base.adapters[0].sha256 == ""
    assert base.model_extra == {"_sha256": "test_hash_v1"}


def test_a_seed_manifest_with_little_in_it_is_read_with_warnings() -> None:
    said = {"name": "english-basic", "version": "1.0.0", "capabilities": ["language:en"]}
    manifest, deviations = read(said | {"constraints": {"requires": ["json@>=2.0"]}})
    assert manifest.tier == "language"
    assert set(deviations) == {
        "schema_version",
        "description",
        "author",
        "license",
        "base_models",
        "constraints.load_order",
        "constraints.incompatible_with",
    }


@pytest.mark.parametrize(
    ("section", "value"), [("perf", "fast"), ("routing", 3), ("evaluation", []), ("tags", "a")]
)
def test_an_optional_section_of_the_wrong_shape_is_set_aside(section: str, value: Any) -> None:
    manifest, deviations = read(FULL_2 | {section: value})
    assert deviations == [section]
    assert json.loads(write_manifest(manifest))[f"_{section}"] == value


def test_upstream_spellings_of_integrity_and_soft_prompts_are_understood() -> None:
    said = FULL_2 | {
        "integrity": {"timestamp": "t", "public_key": "k", "signature": "s"},
        "soft_prompts": [{"name": "a", "path": "b.safetensors", "length": 8}],
    }
    manifest, deviations = read(said)
    assert manifest.integrity is not None
    assert (manifest.integrity.created_at, manifest.integrity.pubkey) == ("t", "k")
    assert manifest.soft_prompts[0].tokens == 8
    assert deviations == [
        "integrity.timestamp",
        "integrity.public_key",
        "soft_prompts[0].length",
    ]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "Evil/../x"}, "name"),
        ({"name": "jsоn-parser"}, "name"),  # a Cyrillic o
        ({"name": "a" * 65}, "name"),
        ({"name": None}, "name"),
        ({"version": "1.0.0-"}, "version"),
        ({"version": "01.0.0"}, "version"),
        ({"version": "1" + "0" * 30 + ".0.0"}, "version"),
        ({"version": 1}, "version"),
        ({"constraints": {"load_order": "1", "requires": [], "incompatible_with": []}}, "load_o"),
        ({"constraints": {"load_order": True, "requires": [], "incompatible_with": []}}, "load_o"),
        ({"constraints": {"load_order": 1, "requires": ["a b"]}}, "a b"),
        ({"constraints": {"load_order": 1, "requires": ["xx@>=1.0,<1.0"]}}, "No version"),
        ({"base_models": [{"name": "b", "adapters": [{"r": 0}]}]}, "base_models[0].adapters[0].r"),
        ({"base_models": [{"name": "b", "adapters": [{"r": 100000}]}]}, "adapters[0].r"),
        ({"base_models": [{"name": "b", "adapters": [{"r": 4, "alpha": 0}]}]}, "alpha"),
        ({"base_models": 5}, "base_models"),
        ({"base_models": [5]}, "base_models"),
        ({"soft_prompts": ["x"]}, "soft_prompts"),
        ({"training": {"dependencies": [{"name": "a"}]}}, "training.dependencies"),
        ({"training": {"dependencies": 7}}, "training.dependencies"),
    ],
)
def test_an_impossible_field_is_named(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ManifestError, match="a test") as caught:
        read(FULL_2 | change)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not json",
        b"[1]",
        b'{"name": "a", "name": "b"}',
        b'{"a": NaN}',
        b'{"a": 1e999}',
        b'{"a": "\\ud800"}',
        b"\xff\xfe{",
        b'{"a": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
        b'{"a": ' + b"[" * 100_000,
        b'{"a": ' + b"9" * 10_000 + b"}",
        b'{"a": "' + b"x" * (1 << 20) + b'"}',
    ],
)
def test_bytes_that_are_no_manifest_give_a_sentence(data: bytes) -> None:
    with pytest.raises(ManifestError) as caught:
        read_manifest(data, "a test")
    assert "cannot be read" in caught.value.what
    assert caught.value.why.endswith(".")


@pytest.mark.parametrize(
    "change",
    [
        {"base_models": []},
        {"capabilities": []},
        {"license": ""},
        {"description": ""},
        {"base_models": [FULL_2["base_models"][0] | {"prompt_template": "qwen3"}]},
        {"base_models": [FULL_2["base_models"][0] | {"quantization": "q4_k_m"}]},
    ],
)
def test_the_writer_is_strict_where_the_reader_warns(change: dict[str, Any]) -> None:
    manifest, deviations = read(FULL_2 | change)
    assert deviations
    with pytest.raises(ManifestError, match="cannot be written"):
        write_manifest(manifest)


def test_tier_follows_the_load_order() -> None:
    def tier(order: int) -> str:
        return read(FULL_2 | {"constraints": {"load_order": order}})[0].tier

    assert [tier(order) for order in range(12)] == [
        "format",
        *["format"] * 2,
        *["language"] * 2,
        *["technology"] * 2,
        *["domain"] * 2,
        *["task"] * 3,
    ]


def test_kinds_that_cannot_be_run_say_so() -> None:
    adapter = FULL_2["base_models"][0]["adapters"][0] | {"use_dora": False}

    def kind(**change: Any) -> str:
        base = FULL_2["base_models"][0] | {"adapters": [adapter | change]}
        return read(FULL_2 | {"base_models": [base]})[0].kind

    assert kind() == "lora"
    assert kind(scaling="dora") == "dora"
    assert kind(use_dora=True) == "dora"
    assert kind(type="ia3") == "ia3"
    with pytest.raises(ManifestError, match="lokr"):
        kind(type="lokr")


def test_the_base_is_found_by_hash_first_then_by_name() -> None:
    other = FULL_2["base_models"][0] | {"name": "F:\\models\\Other-1B", "sha256": ""}
    manifest, deviations = read(FULL_2 | {"base_models": [FULL_2["base_models"][0], other]})
    assert deviations == ["base_models[1].name"]
    found = [
        manifest.base_for(name, digest)
        for name, digest in [("other-1b", "ab" * 32), ("Qwen/Other-1B", "ee" * 32), ("x", None)]
    ]
    assert [base and base.name for base in found] == ["Qwen3-0.6B", "F:\\models\\Other-1B", None]


def test_trained_with_is_read_from_training(tmp_path: Path) -> None:
    needed = {"name": "json-parser", "version": "1.0.0", "weights_sha256": "0" * 64, "weight": 0.5}
    manifest, _ = read(FULL_2 | {"training": {"dependencies": [needed]}})
    assert [(t.name, t.weight) for t in manifest.trained_with] == [("json-parser", 0.5)]
    assert manifest.needs == ("expert-english@>=1.0.0,<2.0.0", "json-parser")


def test_the_factory_writes_what_the_reader_finds_nothing_wrong_with(tmp_path: Path) -> None:
    data = (expert_folder(tmp_path / "x") / "manifest.json").read_bytes()
    manifest, deviations = read_manifest(data, "the factory")
    assert deviations == ()
    assert write_manifest(manifest) == data


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted({*FULL_2, "base_model", "adapters"})), JSON_VALUES))
def test_any_json_is_a_manifest_or_a_manifest_error(change: dict[str, Any]) -> None:
    said = json.loads(json.dumps(FULL_2))
    try:
        manifest, _ = read_manifest(json.dumps(said | change).encode(), "a test")
        write_manifest(manifest)
    except ManifestError:
        pass  # one of the two is what is asked for


@given(st.binary(max_size=200))
def test_any_bytes_are_a_manifest_error(data: bytes) -> None:
    with pytest.raises(ManifestError):
        read_manifest(data, "a test")


def test_a_sentence_about_a_field_ends_once() -> None:
    said = json.dumps({**FULL_2, "version": "latest"}).encode()
    with pytest.raises(ManifestError) as raised:
        read_manifest(said, "here")
    assert raised.value.why.endswith("like 1.2.0.")
    assert not raised.value.why.endswith("..")
