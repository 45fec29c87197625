"""Bases of real shapes with random weights, written as Hugging Face folders.

Real speed and real exactness need real shapes, not real weights. Layers are fewer than
the real ones have, for memory and time.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from expert_studio.core.settings import resources_folder

BUNDLED = resources_folder() / "base"
QWEN3_06B: dict[str, Any] = {
    "architectures": ["Qwen3ForCausalLM"],
    "model_type": "qwen3",
    "hidden_size": 1024,
    "intermediate_size": 3072,
    "num_attention_heads": 16,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "vocab_size": 151936,
    "tie_word_embeddings": True,
    "rope_theta": 1000000,
    "rms_norm_eps": 1e-6,
    "max_position_embeddings": 40960,
    "hidden_act": "silu",
    "attention_bias": False,
    "eos_token_id": 2,
}
QWEN25_05B: dict[str, Any] = {
    "architectures": ["Qwen2ForCausalLM"],
    "model_type": "qwen2",
    "hidden_size": 896,
    "intermediate_size": 4864,
    "num_attention_heads": 14,
    "num_key_value_heads": 2,
    "vocab_size": 151936,
    "tie_word_embeddings": True,
    "rope_parameters": {"rope_theta": 1000000.0, "rope_type": "default"},
    "rms_norm_eps": 1e-6,
    "max_position_embeddings": 32768,
    "hidden_act": "silu",
    "use_sliding_window": False,
    "sliding_window": 32768,
    "eos_token_id": 2,
}
SMALL: dict[str, Any] = QWEN3_06B | {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 32,
    "vocab_size": 8192,
    "max_position_embeddings": 128,
}


def write_base(
    folder: Path, config: dict[str, Any], layers: int = 2, seed: int = 0, shards: int = 1
) -> Path:
    """A folder with config, bf16 weights and the bundled tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    config = config | {"num_hidden_layers": layers, "dtype": "bfloat16"}
    (folder / "config.json").write_text(json.dumps(config))
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(BUNDLED / name, folder / name)
    tensors = random_weights(config, seed)
    if shards == 1:
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        return folder
    names = sorted(tensors)
    weight_map = {}
    for shard in range(shards):
        file = f"model-{shard + 1:05d}-of-{shards:05d}.safetensors"
        held = names[shard::shards]
        save_file({name: tensors[name] for name in held}, folder / file, metadata={"format": "pt"})
        weight_map |= dict.fromkeys(held, file)
    index = {"metadata": {}, "weight_map": weight_map}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder


def random_weights(config: dict[str, Any], seed: int) -> dict[str, torch.Tensor]:
    """bf16 tensors under Hugging Face names; norms near one, as trained ones are."""
    random = torch.Generator().manual_seed(seed)

    def normal(*size: int, around: float = 0.0, spread: float = 0.05) -> torch.Tensor:
        values = torch.empty(size).normal_(around, spread, generator=random)
        return values.to(torch.bfloat16)

    hidden, mlp = config["hidden_size"], config["intermediate_size"]
    heads, kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
    head_dim = config.get("head_dim", hidden // heads)
    tensors = {
        "model.embed_tokens.weight": normal(config["vocab_size"], hidden),
        "model.norm.weight": normal(hidden, around=1.0),
    }
    if not config["tie_word_embeddings"]:
        tensors["lm_head.weight"] = normal(config["vocab_size"], hidden)
    for layer in range(config["num_hidden_layers"]):
        place = f"model.layers.{layer}."
        attention, feed = f"{place}self_attn.", f"{place}mlp."
        widths = {"q": heads * head_dim, "k": kv_heads * head_dim, "v": kv_heads * head_dim}
        for name, width in widths.items():
            tensors[f"{attention}{name}_proj.weight"] = normal(width, hidden)
            if config["model_type"] == "qwen2":
                tensors[f"{attention}{name}_proj.bias"] = normal(width, spread=0.5)
        tensors[f"{attention}o_proj.weight"] = normal(hidden, heads * head_dim)
        if config["model_type"] == "qwen3":
            tensors[f"{attention}q_norm.weight"] = normal(head_dim, around=1.0)
            tensors[f"{attention}k_norm.weight"] = normal(head_dim, around=1.0)
        tensors[f"{feed}gate_proj.weight"] = normal(mlp, hidden)
        tensors[f"{feed}up_proj.weight"] = normal(mlp, hidden)
        tensors[f"{feed}down_proj.weight"] = normal(hidden, mlp)
        tensors[f"{place}input_layernorm.weight"] = normal(hidden, around=1.0)
        tensors[f"{place}post_attention_layernorm.weight"] = normal(hidden, around=1.0)
    return tensors
