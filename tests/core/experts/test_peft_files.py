"""What PEFT itself writes is what we read: names, shapes, ranks and scales agree."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from expert_studio.core.experts.adapter_config import parse_adapter_config
from expert_studio.core.experts.weights import base_shape, check_weights, place_of

torch = pytest.importorskip("torch")
peft = pytest.importorskip("peft")

MODULES = ["q_proj", "v_proj", "down_proj"]
CONFIGS: dict[str, dict[str, Any]] = {
    "lora": {"r": 4, "target_modules": MODULES},
    "everywhere": {"r": 4, "target_modules": "all-linear"},
    "rslora": {
        "r": 4,
        "target_modules": MODULES,
        "use_rslora": True,
        "rank_pattern": {"q_proj": 2, "layers.1.self_attn.v_proj": 8},
        "alpha_pattern": {"v_proj": 3},
    },
    "dora": {"r": 4, "target_modules": MODULES, "use_dora": True},
}


def tiny_qwen3() -> Any:
    from transformers import Qwen3Config, Qwen3ForCausalLM

    return Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=64,
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=8,
        )
    )


def saved(folder: Path, config: Any) -> Any:
    model = peft.get_peft_model(tiny_qwen3(), config)
    model.save_pretrained(folder)
    model.base_model.config.save_pretrained(folder)
    return model


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.parametrize("label", CONFIGS)
def test_lora_and_dora(tmp_path: Path, label: str) -> None:
    config = peft.LoraConfig(task_type="CAUSAL_LM", **CONFIGS[label])
    model = saved(tmp_path, config)
    read = parse_adapter_config((tmp_path / "adapter_config.json").read_bytes())
    assert read.kind == ("dora" if label == "dora" else "lora")
    specs = check_weights(
        tmp_path / "adapter_model.safetensors", read, base_shape(tmp_path / "config.json")
    )
    layers = {
        name.removeprefix("base_model.model."): layer
        for name, layer in model.named_modules()
        if "default" in getattr(layer, "lora_A", {})
    }
    places = [place_of(spec.name) for spec in specs]
    assert {place.path for place in places if place} == set(layers)
    for path, layer in layers.items():
        assert read.rank_of(path) == layer.r["default"]
        assert read.scale_of(path) == pytest.approx(layer.scaling["default"])


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::UserWarning")
@pytest.mark.parametrize("kind", ["ia3", "soft_prompt"])
def test_ia3_and_prompt_tuning(tmp_path: Path, kind: str) -> None:
    config = (
        peft.IA3Config(task_type="CAUSAL_LM")
        if kind == "ia3"
        else peft.PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=6)
    )
    saved(tmp_path, config)
    read = parse_adapter_config((tmp_path / "adapter_config.json").read_bytes())
    assert read.kind == kind
    assert json.loads((tmp_path / "adapter_config.json").read_text())["peft_type"] in (
        "IA3",
        "PROMPT_TUNING",
    )
    assert check_weights(
        tmp_path / "adapter_model.safetensors", read, base_shape(tmp_path / "config.json")
    )
