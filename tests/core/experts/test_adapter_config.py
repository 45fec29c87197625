"""adapter_config.json: only names and numbers get through (hostile list, items 36 to 44)."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from expert_studio.core.errors import ArchiveError
from expert_studio.core.experts.adapter_config import (
    AdapterConfig,
    parse_adapter_config,
    write_adapter_config,
)

LORA: dict[str, Any] = {
    "peft_type": "LORA",
    "r": 8,
    "lora_alpha": 16,
    "target_modules": ["v_proj", "q_proj"],
}


def parse(**change: Any) -> AdapterConfig:
    return parse_adapter_config(json.dumps(LORA | change).encode())


def test_what_peft_writes_for_each_kind_is_read(tmp_path: Path) -> None:
    """Recorded from PEFT 0.21.2's LoraConfig.save_pretrained, all keys."""
    recorded = LORA | {
        "alora_invocation_tokens": None,
        "alpha_pattern": {},
        "arrow_config": None,
        "auto_mapping": None,
        "base_model_name_or_path": "/home/someone/base",
        "bias": "none",
        "corda_config": None,
        "ensure_weight_tying": False,
        "eva_config": None,
        "exclude_modules": None,
        "fan_in_fan_out": False,
        "inference_mode": True,
        "init_lora_weights": True,
        "kasa_config": None,
        "layer_replication": None,
        "layers_pattern": None,
        "layers_to_transform": None,
        "loftq_config": {},
        "lora_bias": False,
        "lora_dropout": 0.05,
        "lora_ga_config": None,
        "megatron_config": None,
        "megatron_core": "megatron.core",
        "modules_to_save": None,
        "monteclora_config": None,
        "peft_version": "0.21.2",
        "qalora_group_size": 16,
        "rank_pattern": {},
        "revision": None,
        "target_parameters": None,
        "task_type": "CAUSAL_LM",
        "trainable_token_indices": None,
        "use_bdlora": None,
        "use_dora": False,
        "use_qalora": False,
        "use_rslora": False,
        "velora_config": None,
    }
    config = parse_adapter_config(json.dumps(recorded).encode())
    assert config == AdapterConfig(
        kind="lora", r=8, alpha=16.0, target_modules=("q_proj", "v_proj")
    )
    assert parse(use_dora=True).kind == "dora"
    ia3 = parse_adapter_config(
        b'{"peft_type": "IA3", "target_modules": ["k_proj", "down_proj"],'
        b' "feedforward_modules": ["down_proj"], "fan_in_fan_out": false,'
        b' "init_ia3_weights": true, "task_type": "CAUSAL_LM"}'
    )
    assert (ia3.kind, ia3.feedforward_modules) == ("ia3", ("down_proj",))
    prompt = parse_adapter_config(
        b'{"peft_type": "PROMPT_TUNING", "num_virtual_tokens": 8, "token_dim": 320,'
        b' "num_layers": 8, "prompt_tuning_init": "RANDOM", "tokenizer_kwargs": null}'
    )
    assert (prompt.kind, prompt.soft_tokens) == ("soft_prompt", 8)
    for written in (config, ia3, prompt):
        assert parse_adapter_config(write_adapter_config(written)) == written


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"auto_mapping": {"parent_library": "os", "base_model_class": "x"}}, "auto_mapping"),
        ({"megatron_core": "os"}, "megatron_core"),
        ({"megatron_config": {"a": 1}}, "megatron_config"),
        ({"tokenizer_kwargs": {"trust_remote_code": True}}, "tokenizer_kwargs"),
        ({"base_model_name_or_path": "https://evil.example/x"}, "base_model_name_or_path"),
        ({"base_model_name_or_path": "\\\\host\\share"}, "base_model_name_or_path"),
        ({"target_modules": "(a+)+$"}, "pattern"),
        ({"target_modules": "all-linear"}, "pattern"),
        ({"target_modules": ["lm_head"]}, "lm_head"),
        ({"target_modules": ["(a+)+$.q_proj("]}, "not a layer"),
        ({"target_modules": []}, "list"),
        ({"target_modules": None}, "list"),
        ({"target_modules": [["q_proj"]]}, "not a layer"),
        ({"modules_to_save": ["embed_tokens", "lm_head"]}, "modules_to_save"),
        ({"trainable_token_indices": [1]}, "trainable_token_indices"),
        ({"layer_replication": [[0, 4]]}, "layer_replication"),
        ({"peft_type": "LOKR"}, "LOKR"),
        ({"peft_type": ["LORA"]}, "peft_type"),
        ({"peft_type": "PROMPT_TUNING"}, "num_virtual_tokens"),
        ({"peft_type": "PROMPT_TUNING", "num_virtual_tokens": 10**9}, "num_virtual_tokens"),
        ({"peft_type": "IA3", "feedforward_modules": ["up_proj"]}, "feedforward_modules"),
        ({"task_type": "SEQ_CLS"}, "task_type"),
        ({"bias": "all"}, "bias"),
        ({"lora_bias": True}, "lora_bias"),
        ({"fan_in_fan_out": True}, "fan_in_fan_out"),
        ({"init_lora_weights": "pissa"}, "init_lora_weights"),
        ({"loftq_config": {"bits": 4}}, "loftq_config"),
        ({"a_key_of_tomorrow": 1}, "a_key_of_tomorrow"),
        ({"r": "8"}, "r should be"),
        ({"r": True}, "r should be"),
        ({"r": [8]}, "r should be"),
        ({"r": 8.0}, "r should be"),
        ({"r": 0}, "r should be"),
        ({"r": 100_000}, "r should be"),
        ({"lora_alpha": "16"}, "lora_alpha"),
        ({"lora_alpha": True}, "lora_alpha"),
        ({"lora_alpha": 0}, "lora_alpha"),
        ({"lora_alpha": 1e30}, "lora_alpha"),
        ({"use_dora": 1}, "use_dora"),
        ({"use_rslora": "yes"}, "use_rslora"),
        ({"rank_pattern": {"(a+)+$": 4}}, "rank_pattern"),
        ({"rank_pattern": {"q_proj": "4"}}, "rank_pattern.q_proj"),
        ({"rank_pattern": [4]}, "rank_pattern"),
        ({"alpha_pattern": {"q_proj": -1}}, "alpha_pattern.q_proj"),
    ],
)
def test_what_could_run_or_change_the_base_is_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ArchiveError) as caught:
        parse(**change)
    assert words in caught.value.why


@pytest.mark.parametrize("data", [b"", b"[]", b"\x80\x04pickle", b'{"r": NaN}', b'{"r":1,"r":2}'])
def test_bytes_that_are_no_config_give_a_sentence(data: bytes) -> None:
    with pytest.raises(ArchiveError, match=r"adapter_config\.json cannot be used"):
        parse_adapter_config(data)


def test_rank_and_scale_follow_the_patterns() -> None:
    config = parse(rank_pattern={"q_proj": 4, "1.self_attn.v_proj": 2}, alpha_pattern={"v_proj": 6})
    assert config.rank_of("model.layers.0.self_attn.q_proj") == 4
    assert config.rank_of("model.layers.1.self_attn.v_proj") == 2
    assert config.rank_of("model.layers.11.self_attn.v_proj") == 8  # 11 does not end in ".1"
    assert config.scale_of("model.layers.0.self_attn.q_proj") == 16 / 4
    assert config.scale_of("model.layers.1.self_attn.v_proj") == 6 / 2
    assert parse(use_rslora=True).scale_of("model.layers.0.self_attn.q_proj") == 16 / math.sqrt(8)
