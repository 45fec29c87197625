"""Writes a base and LoRA experts as GGUF files, for llama.cpp to be measured on the same numbers.

Runs in llama.cpp's interpreter: numpy and gguf are there, nothing of ours but the standard
library's part. Reads bf16 safetensors by their header. Knows nothing of running a model.
"""

from __future__ import annotations

import importlib
import json
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BLOCK_NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}
_OUTER_NAMES = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
}
_SKIPPED = "lm_head.weight"  # a copy of the token table, as bases with a tied head have it


def write_base(folder: Path, target: Path) -> None:
    """The base of a Hugging Face folder in bf16, without a vocabulary.

    Raises:
        ValueError: it is no Qwen3 with a tied head in bf16.
        OSError: a file cannot be read or written.
    """
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    if config["model_type"] != "qwen3" or not config["tie_word_embeddings"]:
        raise ValueError("only a Qwen3 with a tied head is written as GGUF")
    tensors: dict[str, NDArray[Any]] = {}
    for path in sorted(folder.glob("*.safetensors")):
        tensors |= {_base_name(n): bits for n, bits in _tensors(path) if n != _SKIPPED}
    writer = _writer(target)
    rope = config.get("rope_parameters") or config
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_rope_freq_base(rope["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_tokenizer_model("no_vocab")
    _write(writer, tensors, _bf16_type())


def write_expert(folder: Path, target: Path) -> None:
    """A LoRA of a PEFT folder, its matrices in f16.

    Raises:
        ValueError: its weights are not bf16.
        OSError: a file cannot be read or written.
    """
    config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
    writer = _writer(target)
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", float(config["lora_alpha"]))
    tensors = {}
    for name, bits in _tensors(folder / "adapter_model.safetensors"):
        stem, part = name.removeprefix("base_model.model.").rsplit(".lora_", 1)
        place = f"{_base_name(f'{stem}.weight')}.lora_{part[0].lower()}"
        tensors[place] = _floats(bits).astype(np.float16)
    _write(writer, tensors, None)


def _tensors(path: Path) -> Iterator[tuple[str, NDArray[Any]]]:
    """Names and bfloat16 bits, read when they are looked at."""
    with path.open("rb") as stream:
        (length,) = struct.unpack("<Q", stream.read(8))
        header = json.loads(stream.read(length))
    data = np.memmap(path, dtype=np.uint8, mode="r", offset=8 + length)
    for name, told in header.items():
        if name == "__metadata__":
            continue
        if told["dtype"] != "BF16":
            raise ValueError(f"{name} is {told['dtype']}, expected BF16")
        start, end = told["data_offsets"]
        yield name, data[start:end].view("<u2").reshape(told["shape"])


def _base_name(name: str) -> str:
    """llama.cpp's name of a base's tensor."""
    if name in _OUTER_NAMES:
        return _OUTER_NAMES[name]
    layer, _, rest = name.removeprefix("model.layers.").partition(".")
    return f"blk.{layer}.{_BLOCK_NAMES[rest.removesuffix('.weight')]}.weight"


def _floats(bits: NDArray[Any]) -> NDArray[np.float32]:
    return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)


def _writer(target: Path) -> Any:
    gguf = importlib.import_module("gguf")
    return gguf.GGUFWriter(target, "qwen3")


def _bf16_type() -> Any:
    return importlib.import_module("gguf").GGMLQuantizationType.BF16


def _write(writer: Any, tensors: Mapping[str, NDArray[Any]], bits_are: Any) -> None:
    """Header first, then tensor by tensor; vectors become float32, as llama.cpp wants them."""
    for name, values in tensors.items():
        if values.dtype != np.uint16:
            writer.add_tensor_info(name, values.shape, values.dtype, values.nbytes)
        elif values.ndim == 1:
            writer.add_tensor_info(name, values.shape, np.dtype(np.float32), 4 * values.size)
        else:
            writer.add_tensor_info(name, values.shape, values.dtype, values.nbytes, bits_are)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for values in tensors.values():
        vector = values.dtype == np.uint16 and values.ndim == 1
        writer.write_tensor_data(_floats(values) if vector else np.ascontiguousarray(values))
    writer.close()
