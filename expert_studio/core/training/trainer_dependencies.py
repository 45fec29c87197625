"""Dependencies attached and frozen under an adapter that is being trained.

Each adapted linear layer answers base + dependencies + new adapter. The dependencies are
stacked along the rank into one pair of matrices per layer, held as buffers: no optimiser
sees them, no checkpoint holds them, and the new adapter may be of any kind. Knows nothing
of run folders or of datasets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import linear

from expert_studio.core.errors import TrainingError
from expert_studio.core.experts.adapter_config import parse_adapter_config

_PEFT_PREFIX = "base_model.model."
_DOWN = ".lora_A.weight"
_UP = ".lora_B.weight"


@dataclass(frozen=True, slots=True)
class FrozenDependency:
    """One expert to stand on: the folder of its adapter, and how strongly it is attached."""

    name: str
    folder: Path
    weight: float


def attach_dependencies(model: nn.Module, dependencies: Sequence[FrozenDependency]) -> None:
    """Adds weight x delta of every dependency to the layers it adapts, for good.

    `model` is the PEFT model whose module names are those of the adapters' tensors.

    Raises:
        TrainingError: a dependency is no LoRA, or does not fit this base.
    """
    downs: dict[str, list[Tensor]] = {}
    ups: dict[str, list[Tensor]] = {}
    for dependency in dependencies:
        for layer, down, up in _deltas(dependency):
            downs.setdefault(layer, []).append(down)
            ups.setdefault(layer, []).append(up)
    for layer, parts in downs.items():
        _attach(model, layer, torch.cat(parts, dim=0), torch.cat(ups[layer], dim=1))


def _deltas(dependency: FrozenDependency) -> list[tuple[str, Tensor, Tensor]]:
    """(layer, A of shape (r, in), B of shape (out, r) with weight and scaling folded in)."""
    config = parse_adapter_config((dependency.folder / "adapter_config.json").read_bytes())
    if config.kind != "lora":
        raise TrainingError(
            f"{dependency.name} cannot be attached while another expert is trained.",
            f"It is of kind {config.kind}; dependencies must be LoRA adapters.",
            "Leave it out of the recipe.",
        )
    tensors = load_file(dependency.folder / "adapter_model.safetensors")
    deltas = []
    for name, down in tensors.items():
        if not name.endswith(_DOWN):
            continue
        layer = name.removesuffix(_DOWN)
        up = tensors[layer + _UP].float()
        scale = dependency.weight * config.scale_of(layer.removeprefix(_PEFT_PREFIX))
        deltas.append((layer, down.float(), up * scale))
    return deltas


def _attach(model: nn.Module, layer: str, down: Tensor, up: Tensor) -> None:
    try:
        module = model.get_submodule(layer)
    except AttributeError as cause:
        raise TrainingError(
            "A dependency does not fit this base.", f"The base has no layer {layer}."
        ) from cause
    base: Any = getattr(module, "base_layer", module)
    if (base.out_features, base.in_features) != (up.shape[0], down.shape[1]):
        raise TrainingError(
            "A dependency does not fit this base.",
            f"Its matrices for {layer} are {up.shape[0]} x {down.shape[1]}, "
            f"the layer is {base.out_features} x {base.in_features}.",
        )
    dtype = base.weight.dtype if base.weight.is_floating_point() else torch.bfloat16
    device = base.weight.device
    module.register_buffer("dependency_down", down.to(device, dtype), persistent=False)
    module.register_buffer("dependency_up", up.to(device, dtype), persistent=False)
    module.register_forward_hook(_add_delta)


def _add_delta(module: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> Tensor:
    x: Tensor = inputs[0]  # (batch, tokens, in)
    down: Tensor = module.get_buffer("dependency_down")
    up: Tensor = module.get_buffer("dependency_up")
    delta = linear(linear(x.to(down.dtype), down), up)  # (batch, tokens, out)
    return output + delta.to(output.dtype)
