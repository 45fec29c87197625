"""A plain float32 transformer, written apart from the engine, to compare it with.

No cache, no fused products, no stacking: every adapted weight is the base's dequantized
matrix plus the experts' raw deltas, added up one by one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from expert_studio.core.inference.decoder import Decoder

Matrices = dict[tuple[int, str], Tensor]  # (layer, projection): (out, in) float32


def base_matrices(decoder: Decoder) -> Matrices:
    """What every weight of a loaded base stands for."""
    shape = decoder.shape
    q, k = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    matrices: Matrices = {}
    for index, layer in enumerate(decoder.layers):
        fused = layer.qkv.dequantized()
        matrices[index, "q_proj"], matrices[index, "k_proj"] = fused[:q], fused[q : q + k]
        matrices[index, "v_proj"] = fused[q + k :]
        matrices[index, "o_proj"] = layer.o.dequantized()
        gate_up = layer.gate_up.dequantized()
        matrices[index, "gate_proj"], matrices[index, "up_proj"] = gate_up.chunk(2)
        matrices[index, "down_proj"] = layer.down.dequantized()
    return matrices


def raw_delta(folder: Path, layer: int, projection: str, scale: float) -> Tensor | None:
    """scale * B A of one expert, read straight from its file."""
    tensors = load_file(folder / "adapter_model.safetensors")
    block = "self_attn" if projection[0] in "qkvo" else "mlp"
    place = f"base_model.model.model.layers.{layer}.{block}.{projection}"
    if f"{place}.lora_A.weight" not in tensors:
        return None
    a, b = tensors[f"{place}.lora_A.weight"].float(), tensors[f"{place}.lora_B.weight"].float()
    return scale * (b @ a)


def with_experts(
    matrices: Matrices, experts: Sequence[tuple[Path, float, float]]
) -> tuple[Matrices, float]:
    """Adds (folder, alpha / rank, weight) experts; also says how large the sum is, relatively."""
    adapted = dict(matrices)
    for folder, scale, weight in experts:
        for (layer, projection), matrix in adapted.items():
            delta = raw_delta(folder, layer, projection, scale)
            if delta is not None:
                adapted[layer, projection] = matrix + weight * delta
    moved = sum(float((adapted[place] - matrices[place]).norm()) for place in matrices)
    return adapted, moved / sum(float(matrix.norm()) for matrix in matrices.values())


def composed(
    matrices: Matrices, experts: Sequence[tuple[Path, float]]
) -> tuple[Matrices, Tensor | None]:
    """What the base's matrices become under (folder, weight) experts of any kind.

    Also the virtual tokens of those that are soft prompts, (tokens, hidden), in the order given.
    """
    files = [(_file(folder), weight) for folder, weight in experts]
    virtual = [
        tensors["prompt_embeddings"]
        for (config, tensors), weight in files
        if config["peft_type"] == "PROMPT_TUNING" and weight > 0
    ]
    effective = {}
    for (layer, projection), matrix in matrices.items():
        block = "self_attn" if projection[0] in "qkvo" else "mlp"
        place = f"base_model.model.model.layers.{layer}.{block}.{projection}"
        inner, added = matrix, torch.zeros_like(matrix)
        for (config, tensors), weight in files:
            if f"{place}.ia3_l" in tensors:
                vector = 1 + weight * (tensors[f"{place}.ia3_l"].flatten() - 1)
                of_input = projection in config["feedforward_modules"]
                inner = inner * (vector[None, :] if of_input else vector[:, None])
            elif f"{place}.lora_A.weight" in tensors:
                rank = config["r"]
                scale = config["lora_alpha"] / (rank**0.5 if config["use_rslora"] else rank)
                a, b = tensors[f"{place}.lora_A.weight"], tensors[f"{place}.lora_B.weight"]
                change = scale * (b @ a)
                if f"{place}.lora_magnitude_vector" in tensors:
                    adapted = matrix + change
                    magnitude = tensors[f"{place}.lora_magnitude_vector"]
                    change = adapted * (magnitude / adapted.norm(dim=1))[:, None] - matrix
                added = added + weight * change
        effective[layer, projection] = inner + added
    return effective, torch.cat(virtual) if virtual else None


def _file(folder: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    tensors = load_file(folder / "adapter_model.safetensors")
    config = json.loads((folder / "adapter_config.json").read_bytes())
    return config, {name: tensor.float() for name, tensor in tensors.items()}


def logits(
    decoder: Decoder,
    matrices: Mapping[tuple[int, str], Tensor],
    ids: list[int],
    virtual: Tensor | None = None,
) -> Tensor:
    """(positions, vocabulary) float32 of a Qwen3 base, after (tokens, hidden) virtual tokens."""
    shape = decoder.shape
    table = decoder.tokens.dequantized()
    x = table[torch.tensor(ids)]
    if virtual is not None:
        x = torch.cat((virtual, x))
    asked, positions = len(ids), len(x)
    angle = torch.outer(
        torch.arange(positions).float(),
        shape.rope_theta ** (-torch.arange(0, shape.head_dim, 2).float() / shape.head_dim),
    )
    turn = torch.polar(torch.ones_like(angle), angle)  # (positions, head_dim / 2) complex
    future = torch.ones(positions, positions).triu(1).bool()
    group = shape.heads // shape.kv_heads
    for index, layer in enumerate(decoder.layers):
        norms = layer.head_norms
        assert norms is not None
        y = _normed(x, layer.input_norm.float(), shape.norm_epsilon)
        heads = []
        for head in range(shape.heads):
            q = _head(y, matrices[index, "q_proj"], head, shape.head_dim)
            k = _head(y, matrices[index, "k_proj"], head // group, shape.head_dim)
            v = _head(y, matrices[index, "v_proj"], head // group, shape.head_dim)
            q = _turned(_normed(q, norms[head].float(), shape.norm_epsilon), turn)
            k = _turned(_normed(k, norms[shape.heads].float(), shape.norm_epsilon), turn)
            scores = (q @ k.T / shape.head_dim**0.5).masked_fill(future, -torch.inf)
            heads.append(scores.softmax(-1) @ v)
        x = x + torch.cat(heads, dim=-1) @ matrices[index, "o_proj"].T
        y = _normed(x, layer.mlp_norm.float(), shape.norm_epsilon)
        gate, up = y @ matrices[index, "gate_proj"].T, y @ matrices[index, "up_proj"].T
        x = x + (gate * gate.sigmoid() * up) @ matrices[index, "down_proj"].T
    last = _normed(x[-asked:], decoder.norm.float(), shape.norm_epsilon)
    return last @ decoder.head.dequantized().T


def relative_l2(ours: Tensor, theirs: Tensor) -> float:
    return float((ours - theirs).norm() / theirs.norm())


def _normed(x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
    return x / (x.square().mean(-1, keepdim=True) + epsilon).sqrt() * weight


def _head(x: Tensor, matrix: Tensor, head: int, width: int) -> Tensor:
    return x @ matrix[head * width : (head + 1) * width].T


def _turned(x: Tensor, turn: Tensor) -> Tensor:
    half = x.shape[-1] // 2
    rotated = torch.complex(x[:, :half].contiguous(), x[:, half:].contiguous()) * turn
    return torch.cat((rotated.real, rotated.imag), dim=-1)
