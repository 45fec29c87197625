"""Adapter weights: refused before anything loads them (hostile list, items 25 to 35)."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from expert_studio.core.errors import ArchiveError, CompatibilityError, LoadError
from expert_studio.core.experts.adapter_config import AdapterConfig, parse_adapter_config
from expert_studio.core.experts.bf16 import bf16_bits, write_bf16
from expert_studio.core.experts.weights import (
    base_shape,
    check_weights,
    place_of,
    read_header,
    weights_sha256,
)
from expert_studio.core.settings import resources_folder
from tests.core.experts.hostile import safetensors_bytes
from tests.expert_factory import SHAPES, expert_folder, random_tensors

PLACE = "base_model.model.model.layers.0.self_attn.q_proj"
LORA = AdapterConfig(kind="lora", r=4, alpha=8.0, target_modules=("q_proj", "v_proj"))


def entry(dtype: Any = "BF16", shape: Any = (2, 2), offsets: Any = (0, 8)) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


def lora_tensors(**change: Any) -> dict[str, Any]:
    tensors = random_tensors("lora", 4, ["q_proj", "v_proj"], 0, 0.05, seed=1)
    return {name: bf16_bits(values) for name, values in (tensors | change).items()}


def written(path: Path, **change: Any) -> Path:
    write_bf16(path, lora_tensors(**change))
    return path


@pytest.mark.parametrize(
    ("kind", "modules"),
    [
        ("lora", tuple(SHAPES)),
        ("dora", ("q_proj", "down_proj")),
        ("ia3", ("k_proj", "v_proj", "down_proj")),
        ("soft_prompt", ()),
    ],
)
def test_sound_weights_of_each_kind_pass_and_fit_the_bundled_base(
    tmp_path: Path, kind: str, modules: tuple[str, ...]
) -> None:
    folder = expert_folder(tmp_path / "x", kind=kind, modules=modules)
    config = parse_adapter_config((folder / "adapter_config.json").read_bytes())
    base = base_shape(resources_folder() / "base" / "config.json")
    path = folder / "adapter_model.safetensors"
    specs = check_weights(path, config, base)
    assert {spec.dtype for spec in specs} == {"BF16"}
    assert specs[-1].end == path.stat().st_size


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 8,
        b"\0" * 100,
        safetensors_bytes({"a": entry()}, bytes(8), length=0),
        safetensors_bytes({"a": entry()}, bytes(8), length=1 << 63),
        safetensors_bytes({"a": entry()}, bytes(8), length=10_000),
        safetensors_bytes("not json {", bytes(8)),
        safetensors_bytes(" " + json.dumps({"a": entry()}), bytes(8)),
        safetensors_bytes("[]", bytes(8)),
        safetensors_bytes({}, b""),
        safetensors_bytes({"__metadata__": {"a": 1}, "a": entry()}, bytes(8)),
        safetensors_bytes('{"a": %s, "a": %s}' % ((json.dumps(entry()),) * 2), bytes(8)),
        pickle.dumps({"weights": [1.0] * 100}),
        b"PK\x03\x04" + bytes(100),
    ],
)
def test_what_is_no_safetensors_file_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(data)
    with pytest.raises(ArchiveError, match="weights cannot be used"):
        read_header(path)


@pytest.mark.parametrize(
    ("header", "buffer_bytes"),
    [
        ({"a": entry(), "b": entry(offsets=[4, 12])}, 12),  # overlap
        ({"a": entry(), "b": entry()}, 8),  # the same bytes twice
        ({"a": entry(), "b": entry(offsets=[10, 18])}, 18),  # hole
        ({"a": entry(offsets=[2, 10])}, 10),  # hole at the start
        ({"a": entry()}, 12),  # bytes after the last tensor
        ({"a": entry()}, 6),  # cut short
        ({"a": entry(offsets=[8, 0])}, 8),  # reversed
        ({"a": entry(offsets=[-8, 0])}, 8),
        ({"a": entry(offsets=["0", "8"])}, 8),
        ({"a": entry(offsets=[0, 8, 8])}, 8),
        ({"a": entry(shape=[1 << 40, 1 << 40])}, 8),  # product overflows 64 bits
        ({"a": entry(shape=[-2, -2])}, 8),
        ({"a": entry(shape=[True, 4])}, 8),
        ({"a": entry(shape=[4, 0], offsets=[0, 0])}, 0),
        ({"a": entry(shape=[2, 2, 1])}, 8),
        ({"a": entry(shape=4)}, 8),
        ({"a": entry(dtype="F8_E4M3", shape=[8])}, 8),
        ({"a": entry(dtype="I16")}, 8),
        ({"a": entry(dtype=["BF16"])}, 8),
        ({"a": {"dtype": "BF16", "shape": [2, 2]}}, 8),
        ({"a": entry() | {"extra": 1}}, 8),
        ({"a": [1]}, 8),
    ],
)
def test_a_header_that_lies_about_the_buffer_is_refused(
    tmp_path: Path, header: Any, buffer_bytes: int
) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(safetensors_bytes(header, bytes(buffer_bytes)))
    with pytest.raises(ArchiveError):
        read_header(path)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("lm_head.weight", "lm_head"),
        ("base_model.model.model.embed_tokens.weight", "embed_tokens"),
        ("base_model.model.model.layers.0.input_layernorm.weight", "layernorm"),
        ("base_model.model.model.layers.0.self_attn.k_proj.lora_A.weight", "k_proj"),
        ("base_model.model.model.layers.0.mlp.q_proj.lora_A.weight", "q_proj"),
        ("base_model.model.model.layers.00.self_attn.q_proj.lora_A.weight", "layers.00"),
        (f"{PLACE}.lora_magnitude_vector", "magnitude"),
        (f"{PLACE}.lora_A", "two names"),
        ("base_model.model.model.layers.9.self_attn.q_proj.lora_A.weight", "one half"),
    ],
)
def test_tensors_no_such_adapter_has_are_refused(tmp_path: Path, name: str, words: str) -> None:
    path = written(tmp_path / "w.safetensors", **{name: np.zeros((4, 320), np.float32)})
    with pytest.raises(ArchiveError) as caught:
        check_weights(path, LORA)
    assert words in caught.value.why


def test_a_rank_that_contradicts_the_config_is_refused(tmp_path: Path) -> None:
    config = AdapterConfig(kind="lora", r=8, alpha=8.0, target_modules=("q_proj", "v_proj"))
    with pytest.raises(ArchiveError, match="rank 4 and 4, but the config says 8"):
        check_weights(written(tmp_path / "w.safetensors"), config)


def test_a_prompt_posing_as_lora_is_refused(tmp_path: Path) -> None:
    folder = expert_folder(tmp_path / "x", kind="soft_prompt")
    with pytest.raises(ArchiveError, match="prompt_embeddings"):
        check_weights(folder / "adapter_model.safetensors", LORA)


def test_dora_without_its_magnitudes_is_refused(tmp_path: Path) -> None:
    config = AdapterConfig(kind="dora", r=4, alpha=8.0, target_modules=LORA.target_modules)
    with pytest.raises(ArchiveError, match="lacks a DoRA magnitude"):
        check_weights(written(tmp_path / "w.safetensors"), config)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["BF16", "F16", "F32"])
def test_nan_and_infinity_are_found_wherever_they_hide(
    tmp_path: Path, value: float, dtype: str
) -> None:
    header, buffer, offset = {}, b"", 0
    for name, bits in sorted(lora_tensors().items()):
        values = (bits.astype(np.uint32) << 16).view(np.float32).copy()
        if name.endswith("7.self_attn.v_proj.lora_B.weight"):
            values[-1, -1] = value
        data = {
            "BF16": bf16_bits(values),
            "F16": values.astype(np.float16),
            "F32": values,
        }[dtype].tobytes()
        header[name] = entry(dtype, list(values.shape), [offset, offset + len(data)])
        buffer, offset = buffer + data, offset + len(data)
    path = tmp_path / "w.safetensors"
    path.write_bytes(safetensors_bytes(header, buffer))
    with pytest.raises(ArchiveError, match=r"7\.self_attn\.v_proj\.lora_B.*NaN or infinity"):
        check_weights(path, LORA)


def test_weights_for_a_base_of_another_shape_do_not_fit(tmp_path: Path) -> None:
    said = json.loads((resources_folder() / "base" / "config.json").read_text())
    path = written(tmp_path / "w.safetensors")
    for change in ({"hidden_size": 1024}, {"num_hidden_layers": 4}, {"num_attention_heads": 8}):
        (tmp_path / "config.json").write_text(json.dumps(said | change))
        with pytest.raises(CompatibilityError, match="does not fit this base"):
            check_weights(path, LORA, base_shape(tmp_path / "config.json"))
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(LoadError):
        base_shape(tmp_path / "config.json")


def test_names_upstream_documents_are_understood() -> None:
    named = place_of("base_model.model.layers.3.mlp.down_proj.ia3_scale")
    assert named is not None
    assert (named.path, named.part) == ("model.layers.3.mlp.down_proj", "ia3_l")
    assert place_of(f"{PLACE}.lora_A") == place_of(f"{PLACE}.lora_A.weight")
    assert place_of("model.embed_tokens.weight") is None


def test_bf16_rounds_to_nearest_even_as_torch_does() -> None:
    torch = pytest.importorskip("torch")
    values = np.random.default_rng(0).standard_normal(10_000).astype(np.float32)
    values[:4] = [1.00390625, 1.01171875, -0.0, 3.3e38]  # two ties, a sign, near the top
    expected = torch.from_numpy(values).bfloat16().view(torch.uint16).numpy()
    assert np.array_equal(bf16_bits(values), expected)


def test_the_hash_is_of_the_whole_file(tmp_path: Path) -> None:
    (tmp_path / "w").write_bytes(b"abc")
    assert weights_sha256(tmp_path / "w").startswith("ba7816bf8f01cfea414140de5dae2223b00361a3")


def test_nothing_here_imports_torch() -> None:
    code = (
        "import sys, expert_studio.core.experts.install, expert_studio.core.experts.dependencies;"
        "sys.exit(any(m in sys.modules for m in ('torch', 'transformers', 'peft', 'PySide6')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_one_changed_byte_never_ends_in_anything_but_a_sentence(
    tmp_path: Path, data: st.DataObject
) -> None:
    path = written(tmp_path / "w.safetensors")
    changed = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, 4000))  # the header, mostly
    changed[at] = data.draw(st.integers(0, 255))
    path.write_bytes(changed)
    with suppress(ArchiveError):
        check_weights(path, LORA)
