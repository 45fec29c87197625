"""1.0 to 2.0 and back with nothing lost; upstream's ways of writing, as equivalents of our own."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expert_studio.core.errors import ManifestError
from expert_studio.core.experts import archive
from expert_studio.core.experts.manifest import read_manifest
from expert_studio.core.experts.migration import migrated
from expert_studio.core.experts.validation import validate
from tests.core.experts.hostile import files_of
from tests.core.experts.test_manifest import FULL_2, V1
from tests.expert_factory import expert_file, expert_folder

_RENAMED = {
    "timestamp": "created_at",
    "public_key": "pubkey",
    "length": "tokens",
    "_sha256": "sha256",
    "_perf": "perf",
    "_evaluation": "evaluation",
}


def leaves(said: Any, key: str = "") -> Counter[tuple[str, str]]:
    """Every value with the key it stands under; where it stands may change, and its spelling."""
    found: Counter[tuple[str, str]] = Counter()
    if isinstance(said, dict):
        for name, value in said.items():
            found += leaves(value, _RENAMED.get(name, name))
    elif isinstance(said, list):
        for value in said:
            found += leaves(value, key)
    elif said is not None:
        found[key, json.dumps(said)] += 1
    return found


def there(said: dict[str, Any], to: str = "2.0", base: str | None = None) -> dict[str, Any]:
    written, _ = migrated(json.dumps(said).encode(), "a test", to, base)
    return dict(json.loads(written))


def _lora(**more: Any) -> dict[str, Any]:
    return {"type": "lora", "target_modules": ["q_proj", "v_proj"], "r": 16, "alpha": 32} | more


def _base(name: str = "F:/Node/models/Qwen3-0.6B", **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "sha256": "",
        "quantization": "int4",
        "rope_scaling": {"type": "ntk-by-parts", "factor": 8.0, "fine_grained": True},
        "prompt_template": "chatml",
        "adapters": [_lora(sha256="", size_bytes=0)],
    } | more


def _upstream(name: str, **more: Any) -> dict[str, Any]:
    """What all of upstream's six have in common, in our own words."""
    return {
        "name": name,
        "version": "0.3.0",
        "schema_version": "2.0",
        "description": "Writes queries.",
        "author": "somebody",
        "homepage": "https://example.org/x",
        "repository": {"type": "git", "url": "https://example.org/x.git"},
        "base_models": [_base()],
        "soft_prompts": [],
        "capabilities": ["database:graph", "query:read", "feature:schema", "usecase:chat"],
        "routing": {"keywords": ["match"], "router_hint": "graph", "priority": 0.8},
        "constraints": {"max_chain": 10, "load_order": 6, "incompatible_with": [], "requires": []},
        "perf": {"latency_ms_overhead": 2.5, "vram_mb_overhead": 18, "supported_batch_sizes": [1]},
        "runtime": {"candle_compatible": True, "attention_kernel": "flash-v2"},
        "training": {
            "dataset": {"path": "datasets/train.jsonl", "format": "jsonl"},
            "config": {"method": "sft", "rank": 16, "warmup_ratio": 0.1, "use_unsloth": True},
            "decoding": {"use_grammar": True, "grammar_file": "grammar.gbnf", "min_p": 0.0},
            "packaging_checkpoint": "checkpoint-1250",
            "alternative_checkpoints": {"best": "checkpoint-640", "note": "longer answers"},
            "quality_score": 0.33,
        },
        "quality_metrics": {"benchmark_score": 3.1, "improvement_percent": -12.5},
        "limitations": [{"pattern": "UNION", "description": "not learned", "workaround": "two"}],
        "license": "Apache-2.0",
        "tags": ["query"],
        "_comment": "kept",
        "integrity": None,
    } | more


UPSTREAM: dict[str, tuple[dict[str, Any], set[str]]] = {
    "json": (
        _upstream("expert-json", evaluation={"pass_rate": 0.33, "tests": [1, 2]}),
        {"base_models[0].name"},
    ),
    "neo4j": (
        _upstream("expert-neo4j", base_models=[_base(prompt_template="qwen3")]),
        {"base_models[0].name", "base_models[0].prompt_template"},
    ),
    "sql": (
        _upstream(
            "expert-sql",
            base_models=[
                _base(
                    "Qwen3-0.6B",
                    prompt_template="qwen3",
                    adapters=[_lora(path="weights/final", checkpoint_step=1250, sha256="x")],
                )
            ],
        ),
        {
            "base_models[0].prompt_template",
            "base_models[0].adapters[0].path",
            "base_models[0].adapters[0].sha256",
        },
    ),
    "elastic": (
        _upstream("expert-elastic", integrity={"timestamp": "2025-11-02", "public_key": "x"}),
        {"base_models[0].name", "integrity.timestamp", "integrity.public_key"},
    ),
    "typescript": (
        _upstream("expert-typescript", soft_prompts=[{"name": "s", "path": "s.pt", "length": 32}]),
        {"base_models[0].name", "soft_prompts[0].length"},
    ),
    "tools": (
        _upstream(
            "expert-tools",
            constraints={"load_order": 9, "requires": ["expert-json"]},
            base_models=[_base("Qwen3-0.6B"), _base("Qwen3-1.7B")],
        ),
        {"constraints.incompatible_with"},
    ),
    "fixture of schema 1.0": (
        {
            "name": "english-basic",
            "version": "1.0.0",
            "base_model": {"name": "Qwen3-0.6B", "quantization": "int4"},
            "adapters": [_lora(path="weights/adapter.safetensors", sha256="abc123")],
            "capabilities": ["language:en"],
            "constraints": {"load_order": 3},
            "perf": {"vram_mb_overhead": "15"},
        },
        {
            "schema_version",
            "base_models[0].adapters[0].path",
            "base_models[0].adapters[0].sha256",
            "constraints.requires",
            "constraints.incompatible_with",
            "description",
            "author",
            "license",
            "perf",
        },
    ),
    "complete example": (
        FULL_2 | {"schema_version": "2.0.0", "decoding": {"temperature": 0.2}, "x": [{"y": None}]},
        {"schema_version"},
    ),
}


@pytest.mark.parametrize("which", UPSTREAM)
def test_each_of_upstream_s_ways_is_read_with_a_word_each_and_nothing_lost(which: str) -> None:
    said, deviating = UPSTREAM[which]
    manifest, deviations = read_manifest(json.dumps(said).encode(), which)
    assert {d.field for d in deviations} == deviating
    before = leaves({k: v for k, v in said.items() if k != "schema_version"})
    assert before <= leaves(there(said))
    first = manifest.base_models[0].name
    assert before - leaves(there(said, "1.0", first)) <= leaves(said.get("base_models", [])[1:])


@pytest.mark.parametrize("said", [V1, UPSTREAM["fixture of schema 1.0"][0]])
def test_there_and_back_is_where_one_started(said: dict[str, Any]) -> None:
    two = there(said)
    assert two["schema_version"] == "2.0"
    assert "base_model" not in two
    one = there(two, "1.0")
    assert (one["schema_version"], "base_models" in one) == ("1.0", False)
    assert there(one) == two
    assert there(there(one), "1.0") == one
    assert leaves({k: v for k, v in said.items() if k != "schema_version"}) <= leaves(one)


def test_what_only_schema_2_knows_survives_schema_1() -> None:
    one = there(FULL_2, "1.0")
    assert one["base_model"]["prompt_template"] == "chatml"
    assert there(one) == FULL_2


def test_several_bases_have_no_room_in_schema_1() -> None:
    said = UPSTREAM["tools"][0]
    with pytest.raises(ManifestError, match=r"Qwen3-0\.6B, Qwen3-1\.7B"):
        there(said, "1.0")
    assert there(said, "1.0", "Qwen3-1.7B")["base_model"]["name"] == "Qwen3-1.7B"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(min_size=1, max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)
UNKNOWN = st.dictionaries(st.text("xyz_", min_size=3, max_size=6), JSON, max_size=3)


def _check_unknown_keys(top: dict[str, Any], base: dict[str, Any], adapter: dict[str, Any]) -> None:
    said = json.loads(json.dumps(FULL_2)) | top
    said["base_models"][0] |= base
    said["base_models"][0]["adapters"][0] |= adapter
    assert there(there(said, "1.0")) == there(said) == said


@settings(max_examples=60, deadline=None)
@given(UNKNOWN, UNKNOWN, UNKNOWN)
def test_unknown_keys_survive_both_ways(top: Any, base: Any, adapter: Any) -> None:
    _check_unknown_keys(top, base, adapter)


@pytest.mark.long
@settings(max_examples=15_000, deadline=None)
@given(UNKNOWN, UNKNOWN, UNKNOWN)
def test_unknown_keys_survive_both_ways_15_000_times(top: Any, base: Any, adapter: Any) -> None:
    _check_unknown_keys(top, base, adapter)


def test_two_bases_give_two_archives_each_with_its_own_weights(tmp_path: Path) -> None:
    folder = expert_folder(tmp_path / "x")
    other = expert_folder(tmp_path / "y", seed=5, rank=8, base_name="Qwen3-0.6B")
    said = json.loads((folder / "manifest.json").read_text())
    more = json.loads((other / "manifest.json").read_text())["base_models"]
    said["base_models"] += more
    said["quality_metrics"] = {"improvement_percent": -4.0}
    said["training"]["alternative_checkpoints"] = {"best": "checkpoint-640"}
    said["limitations"] = ["short texts"]
    (folder / "manifest.json").write_text(json.dumps(said))
    place = folder / "weights" / "qwen3-06b"
    place.mkdir(parents=True)
    for name in ("adapter_model.safetensors", "adapter_config.json"):
        (other / name).rename(place / name)
    found = {}
    for base in said["base_models"]:
        built = archive.build(folder, tmp_path / "out", base["name"])
        package = archive.inspect(built)
        assert [b.name for b in package.manifest.base_models] == [base["name"]]
        assert package.manifest.quality_metrics == {"improvement_percent": -4.0}
        assert package.manifest.limitations == ("short texts",)
        assert package.manifest.training is not None
        assert package.manifest.training["alternative_checkpoints"] == {"best": "checkpoint-640"}
        found[base["name"]] = (package.manifest.rank, files_of(built)["README.md"])
    assert [rank for rank, _ in found.values()] == [4, 8]
    assert len({readme for _, readme in found.values()}) == 1  # what is shared is in each


# --- validate -------------------------------------------------------------------------------


def test_a_sound_expert_has_nothing_to_mend(tmp_path: Path) -> None:
    for path in (expert_folder(tmp_path / "x"), expert_file(tmp_path)):
        manifest, findings = validate(path)
        assert manifest is not None
        assert [f for f in findings if f.level == "error"] == []
        assert "limitations" in {f.where for f in findings}


def test_every_trouble_is_named_at_once(tmp_path: Path) -> None:
    folder = expert_folder(tmp_path / "x")
    (folder / "scripts").mkdir()
    (folder / "scripts" / "train.py").write_text("print()")
    (folder / "tests" / "more.json").write_text("{")
    said = json.loads((folder / "manifest.json").read_text())
    said["training"]["decoding"] = {"validation_cmd": "rm -rf /"}
    said["base_models"][0]["prompt_template"] = "qwen3"
    said["constraints"]["requires"] = ["expert-json-parser"]
    said["license"] = ""
    (folder / "manifest.json").write_text(json.dumps(said))
    (folder / "adapter_model.safetensors").write_bytes(b"\x80\x04.")
    _, findings = validate(folder)
    assert {f.where for f in findings if f.level == "error"} == {
        "scripts/train.py",
        "tests/more.json",
        "training.decoding.validation_cmd",
        "base_models[0].prompt_template",
        "constraints.requires",
        "license",
        "adapter_model.safetensors",
    }


def test_what_cannot_be_read_is_one_trouble(tmp_path: Path) -> None:
    (tmp_path / "x.expert").write_bytes(b"no")
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "x.expert", tmp_path / "empty"):
        manifest, findings = validate(path)
        assert manifest is None
        assert [f.level for f in findings] == ["error"]
