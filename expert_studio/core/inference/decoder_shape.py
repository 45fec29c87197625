"""The numbers that make one Qwen2 or Qwen3 decoder: layers, widths, heads, rope.

Read from a Hugging Face `config.json`. Knows nothing of weights or tensors.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from expert_studio.core.errors import LoadError
from expert_studio.core.inference.rope_scaling import (
    RopeScaling,
    scaling_of_config,
    trained_context,
    yarn_to,
)

ARCHITECTURES = ("qwen2", "qwen3")
PROJECTIONS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
# Projections that share an input are one product.
PRODUCTS = {
    "qkv": ("q_proj", "k_proj", "v_proj"),
    "o": ("o_proj",),
    "gate_up": ("gate_proj", "up_proj"),
    "down": ("down_proj",),
}


@dataclass(frozen=True, slots=True)
class DecoderShape:
    """One decoder-only transformer with grouped-query attention and SwiGLU."""

    architecture: str  # one of ARCHITECTURES
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    mlp: int
    vocabulary: int
    rope_theta: float
    norm_epsilon: float
    tied_head: bool
    context_length: int  # tokens
    end_tokens: tuple[int, ...]
    rope_scaling: RopeScaling | None = None

    @property
    def trained_context(self) -> int:
        """Tokens it read in training, before any stretching."""
        if self.rope_scaling is not None:
            return self.rope_scaling.original_context
        return trained_context(self.architecture, self.context_length)

    @property
    def head_norms(self) -> bool:
        """Whether queries and keys are normalised per head (Qwen3)."""
        return self.architecture == "qwen3"

    @property
    def query_width(self) -> int:
        return self.heads * self.head_dim

    @property
    def key_width(self) -> int:
        return self.kv_heads * self.head_dim

    def projection(self, name: str) -> tuple[int, int]:
        """(out_features, in_features) of one of PROJECTIONS."""
        return {
            "q_proj": (self.query_width, self.hidden),
            "k_proj": (self.key_width, self.hidden),
            "v_proj": (self.key_width, self.hidden),
            "o_proj": (self.hidden, self.query_width),
            "gate_proj": (self.mlp, self.hidden),
            "up_proj": (self.mlp, self.hidden),
            "down_proj": (self.hidden, self.mlp),
        }[name]

    def rows(self, product: str) -> dict[str, slice]:
        """Which outputs of one of PRODUCTS each of its projections has."""
        rows, start = {}, 0
        for projection in PRODUCTS[product]:
            rows[projection] = slice(start, start + self.projection(projection)[0])
            start = rows[projection].stop
        return rows


def read_shape(folder: Path) -> DecoderShape:
    """Reads `config.json` (and the end tokens of `generation_config.json`).

    Raises:
        LoadError: no folder, no readable config, another architecture, or a feature
            this decoder does not compute.
    """
    if not folder.is_dir():
        raise LoadError(
            f"There is no base model in {folder}.",
            "The folder does not exist.",
            "Choose another base, or download it again.",
        )
    config = _read_json(folder / "config.json")
    architecture = config.get("model_type")
    if architecture not in ARCHITECTURES:
        raise LoadError(
            f"The base in {folder} cannot be used.",
            f"Its architecture is {architecture!r}; Expert Studio runs Qwen2 and Qwen3.",
            "Choose Qwen3-0.6B, Qwen2.5-0.5B or another base of these families.",
        )
    _refuse_unknown_features(config, folder)
    generation = folder / "generation_config.json"
    ends = _end_tokens(config) + (
        _end_tokens(_read_json(generation)) if generation.exists() else ()
    )
    try:
        return _shape(config, str(architecture), tuple(dict.fromkeys(ends)))
    except (KeyError, TypeError, ValueError, ArithmeticError) as cause:
        raise LoadError(
            f"The base in {folder} cannot be used.",
            f"Its config.json lacks or misstates {cause}.",
            "Download the base again.",
        ) from cause


def stretched(shape: DecoderShape, context: int, folder: Path) -> DecoderShape:
    """The same base with a context of so many tokens: shorter by a limit, longer by YaRN.

    Raises:
        LoadError: YaRN cannot reach that far.
    """
    if context <= 0:
        return shape
    if context <= shape.context_length:
        return replace(shape, context_length=context)
    try:
        scaling = yarn_to(context, shape.trained_context)
    except ValueError as cause:
        raise LoadError(
            f"The base in {folder} cannot read {context:,} tokens.",
            f"It was trained on {shape.trained_context:,}, and {cause}.",
            "Choose a smaller context in the settings.",
        ) from cause
    return replace(shape, context_length=context, rope_scaling=scaling)


def _shape(config: dict[str, Any], architecture: str, ends: tuple[int, ...]) -> DecoderShape:
    heads, hidden = int(config["num_attention_heads"]), int(config["hidden_size"])
    stated = int(config.get("max_position_embeddings", 32_768))
    scaling = scaling_of_config(_rope(config), stated) if stated > 0 else None
    shape = DecoderShape(
        architecture=architecture,
        layers=int(config["num_hidden_layers"]),
        hidden=hidden,
        heads=heads,
        kv_heads=int(config.get("num_key_value_heads") or heads),
        head_dim=int(config.get("head_dim") or hidden // heads),
        mlp=int(config["intermediate_size"]),
        vocabulary=int(config["vocab_size"]),
        rope_theta=float(_rope(config).get("rope_theta") or config.get("rope_theta") or 10_000.0),
        norm_epsilon=float(config.get("rms_norm_eps", 1e-6)),
        tied_head=bool(config.get("tie_word_embeddings", False)),
        context_length=max(stated, scaling.context_length if scaling else 0),
        end_tokens=ends,
        rope_scaling=scaling,
    )
    sizes = (shape.layers, hidden, heads, shape.kv_heads, shape.head_dim, shape.mlp)
    if min(shape.vocabulary, shape.context_length) < 1:
        raise ValueError("its vocabulary or the length of its context")
    if not all(0 < number < math.inf for number in (shape.rope_theta, shape.norm_epsilon)):
        raise ValueError("rope_theta or rms_norm_eps, which must be above zero")
    if min(sizes) < 1 or heads % shape.kv_heads or shape.head_dim % 2:
        raise ValueError("its layer sizes (one is zero, or heads do not divide evenly)")
    return shape


def _rope(config: dict[str, Any]) -> dict[str, Any]:
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    return rope if isinstance(rope, dict) else {}


def _refuse_unknown_features(config: dict[str, Any], folder: Path) -> None:
    rope = _rope(config)
    problem = ""
    try:
        scaling_of_config(rope, int(config.get("max_position_embeddings") or 32_768))
    except (ValueError, TypeError) as cause:
        problem = f"It asks for rope scaling where {cause}"
    if not problem and config.get("use_sliding_window"):
        problem = "It asks for sliding-window attention"
    elif not problem and config.get("hidden_act", "silu") != "silu":
        problem = f"It asks for the activation {config['hidden_act']!r}"
    elif not problem and config.get("quantization_config"):
        problem = "Its weights are already quantized"
    if problem:
        raise LoadError(
            f"The base in {folder} cannot be used.",
            f"{problem}, which this decoder does not compute.",
            "Choose the plain bf16 release of the base.",
        )


def _end_tokens(config: dict[str, Any]) -> tuple[int, ...]:
    ends = config.get("eos_token_id")
    if isinstance(ends, int):
        return (ends,)
    return tuple(e for e in ends if isinstance(e, int)) if isinstance(ends, list) else ()


def _read_json(path: Path) -> dict[str, Any]:
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(stored, dict):
            raise ValueError("not a JSON object")
        return stored
    except (OSError, ValueError, RecursionError) as cause:
        said = (cause.strerror if isinstance(cause, OSError) else "") or str(cause)
        raise LoadError(
            f"The base in {path.parent} cannot be used.",
            f"{path.name} could not be read: {said}.",
            "Download the base again.",
        ) from cause
