"""Bases and experts of true shapes with random weights: speed does not depend on values.

Written as Hugging Face and PEFT folders, tensor by tensor, so that a base takes no memory
to make. Knows nothing of who reads them. Imports no torch.
"""

from __future__ import annotations

import json
import math
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from expert_studio.core.experts.bf16 import bf16_bits, write_bf16
from expert_studio.core.experts.library import CONFIG_FILE, WEIGHTS_FILE
from expert_studio.core.inference.decoder_shape import PROJECTIONS, DecoderShape
from expert_studio.core.settings import resources_folder

BYTES_A_VALUE = 2  # bfloat16
SPREAD = 0.02  # standard deviation of a base's weights, as trained ones start
EXPERT_SPREAD = 0.01
RANDOM_VALUES = 1 << 22  # drawn at a time
QWEN3_06B: dict[str, Any] = {
    "architectures": ["Qwen3ForCausalLM"],
    "attention_bias": False,
    "dtype": "bfloat16",
    "eos_token_id": 2,
    "head_dim": 128,
    "hidden_act": "silu",
    "hidden_size": 1024,
    "intermediate_size": 3072,
    "max_position_embeddings": 40960,
    "model_type": "qwen3",
    "num_attention_heads": 16,
    "num_hidden_layers": 28,
    "num_key_value_heads": 8,
    "rms_norm_eps": 1e-06,
    "rope_theta": 1000000,
    "tie_word_embeddings": True,
    "vocab_size": 151936,
}


def write_random_base(folder: Path, config: dict[str, Any]) -> Path:
    """A Hugging Face folder of this config in bf16, with the bundled base's tokenizer.

    Raises:
        OSError: the disk refuses.
    """
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(resources_folder() / "base" / name, folder / name)
    sizes = dict(_base_tensors(config))
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    offset = 0
    for name, size in sizes.items():
        end = offset + math.prod(size) * BYTES_A_VALUE
        header[name] = {"dtype": "BF16", "shape": list(size), "data_offsets": [offset, end]}
        offset = end
    told = json.dumps(header).encode()
    told += b" " * (-len(told) % 8)
    random = np.random.default_rng(0)
    with (folder / "model.safetensors").open("wb") as stream:
        stream.write(struct.pack("<Q", len(told)) + told)
        for name, size in sizes.items():
            for bits in _random_bits(random, math.prod(size), "norm" in name):
                stream.write(bits.tobytes())
    return folder


def base_bytes(config: dict[str, Any]) -> int:
    """What `write_random_base` takes on disk, but for the tokenizer."""
    return sum(math.prod(size) for _, size in _base_tensors(config)) * BYTES_A_VALUE


def adapter_values(shape: DecoderShape, rank: int) -> int:
    """Numbers in a LoRA of this rank on all seven projections."""
    sizes = [shape.projection(name) for name in PROJECTIONS]
    return shape.layers * rank * sum(outputs + inputs for outputs, inputs in sizes)


def write_random_expert(folder: Path, shape: DecoderShape, rank: int, seed: int) -> Path:
    """A LoRA on all seven projections in bf16, as PEFT writes it.

    Raises:
        OSError: the disk refuses.
    """
    folder.mkdir(parents=True)
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "inference_mode": True,
        "r": rank,
        "lora_alpha": rank,
        "lora_dropout": 0.0,
        "target_modules": list(PROJECTIONS),
    }
    (folder / CONFIG_FILE).write_text(json.dumps(config, indent=2), encoding="utf-8")
    random = np.random.default_rng(seed)

    def drawn(*size: int) -> NDArray[np.uint16]:
        values = random.standard_normal(size, dtype=np.float32)
        return bf16_bits(values * np.float32(EXPERT_SPREAD))

    tensors = {}
    for layer in range(shape.layers):
        for name in PROJECTIONS:
            block = "mlp" if name in PROJECTIONS[4:] else "self_attn"
            place = f"base_model.model.model.layers.{layer}.{block}.{name}"
            outputs, inputs = shape.projection(name)
            tensors[f"{place}.lora_A.weight"] = drawn(rank, inputs)
            tensors[f"{place}.lora_B.weight"] = drawn(outputs, rank)
    write_bf16(folder / WEIGHTS_FILE, tensors)
    return folder


def _random_bits(
    random: np.random.Generator, values: int, ones: bool
) -> Iterator[NDArray[np.uint16]]:
    """bfloat16 bits of `values` numbers, some at a time; norms are ones."""
    for start in range(0, values, RANDOM_VALUES):
        some = min(RANDOM_VALUES, values - start)
        if ones:
            yield bf16_bits(np.ones(some, dtype=np.float32))
        else:
            drawn = random.standard_normal(some, dtype=np.float32)
            yield bf16_bits(drawn * np.float32(SPREAD))


def _base_tensors(config: dict[str, Any]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Names and shapes of a Qwen3 with a tied head, in file order."""
    hidden, mlp, head = config["hidden_size"], config["intermediate_size"], config["head_dim"]
    queries = config["num_attention_heads"] * head
    keys = config["num_key_value_heads"] * head
    matrices = {
        "self_attn.q_proj": (queries, hidden),
        "self_attn.k_proj": (keys, hidden),
        "self_attn.v_proj": (keys, hidden),
        "self_attn.o_proj": (hidden, queries),
        "mlp.gate_proj": (mlp, hidden),
        "mlp.up_proj": (mlp, hidden),
        "mlp.down_proj": (hidden, mlp),
    }
    vectors = {
        "self_attn.q_norm": head,
        "self_attn.k_norm": head,
        "input_layernorm": hidden,
        "post_attention_layernorm": hidden,
    }
    yield "model.embed_tokens.weight", (config["vocab_size"], hidden)
    for layer in range(config["num_hidden_layers"]):
        place = f"model.layers.{layer}."
        for name, size in matrices.items():
            yield f"{place}{name}.weight", size
        for name, width in vectors.items():
            yield f"{place}{name}.weight", (width,)
    yield "model.norm.weight", (hidden,)
