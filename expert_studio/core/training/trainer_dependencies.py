"""Dependencies attached and frozen under an adapter that is being trained.

Each adapted linear layer answers `(W (x * f)) * o + c W x + B A x + new adapter`, as the engine
composes (`core.inference.adapters_scaled`): f and o are the products of IA3's factors, c the sum
of DoRA's `ratio - 1`, A and B the low ranks stacked. All are buffers: no optimiser sees them, no
checkpoint holds them, and the new adapter may be of any kind. Knows nothing of run folders or of
datasets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel, PeftType
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn.functional import linear

from expert_studio.core.errors import TrainingError
from expert_studio.core.experts.adapter_config import AdapterConfig, parse_adapter_config

_PEFT_PREFIX = "base_model.model."
_DOWN = ".lora_A.weight"
_UP = ".lora_B.weight"
_MAGNITUDE = ".lora_magnitude_vector"
_FACTORS = ".ia3_l"


@dataclass(frozen=True, slots=True)
class FrozenDependency:
    """One expert to stand on: the folder of its adapter, and how strongly it is attached."""

    name: str
    folder: Path
    weight: float


@dataclass(slots=True)
class _AtLayer:
    """What all dependencies do at one linear layer. Tensors in float32, weights folded in."""

    downs: list[Tensor] = field(default_factory=list)  # (r, in)
    ups: list[Tensor] = field(default_factory=list)  # (out, r)
    inputs: Tensor | None = None  # f, (in,)
    outputs: Tensor | None = None  # o, (out,)
    ratios: Tensor | None = None  # c, (out,)


def attach_dependencies(model: PeftModel, dependencies: Sequence[FrozenDependency]) -> None:
    """Adds what every dependency does, at its weight, to the layers it adapts, for good.

    Where the base lies in fp32 and the new adapter only adds to its products, the weights take
    the low ranks in: the same sums, without three small products for each large one.

    Raises:
        TrainingError: a dependency does not fit this base, or the adapter that learns cannot
            stand on one of its kind.
    """
    base = model.get_base_model()
    layers: dict[str, _AtLayer] = {}
    for dependency in dependencies:
        config = parse_adapter_config((dependency.folder / "adapter_config.json").read_bytes())
        _check_kinds(model, dependency, config)
        tensors = load_file(dependency.folder / "adapter_model.safetensors")
        for name, tensor in tensors.items():
            layer, part = _place(name)
            at = layers.setdefault(layer, _AtLayer())
            if part == _DOWN:
                _add_low_rank(at, base, layer, tensors, name, config, dependency.weight)
            elif part == _FACTORS:
                _multiply_factors(at, layer, tensor.float().flatten(), config, dependency.weight)
    adds_only = _adds_only(model)
    for layer, at in layers.items():
        module, inner = _linear(base, layer)
        if adds_only and _folds(inner, at):
            _fold(inner, at)
        else:
            _attach(module, at)


def _adds_only(model: PeftModel) -> bool:
    """Whether the adapter that learns adds to a product without looking at what it is made of."""
    learning = model.active_peft_config
    return learning.peft_type == PeftType.LORA and not getattr(learning, "use_dora", False)


def _folds(inner: Any, at: _AtLayer) -> bool:
    """Whether the weight can take it in: in fp32, where no digit is lost, and low ranks alone."""
    scales = (at.inputs, at.outputs, at.ratios)
    return inner.weight.dtype == torch.float32 and all(part is None for part in scales)


def _fold(inner: Any, at: _AtLayer) -> None:
    """W + B A in place of W: for the copy of the base that a run trains on, which is its own."""
    change = torch.cat(at.ups, dim=1) @ torch.cat(at.downs, dim=0)  # (out, in)
    with torch.no_grad():
        inner.weight.add_(change.to(inner.weight.device))


def _check_kinds(model: PeftModel, dependency: FrozenDependency, config: AdapterConfig) -> None:
    learning = model.active_peft_config
    why = ""
    if config.kind == "soft_prompt":
        why = "It is a soft prompt, and only layers can be frozen beneath another expert."
    elif config.kind == "ia3" and getattr(learning, "use_dora", False):
        why = "It scales the base's products, which DoRA's magnitudes are learned against."
    if why:
        raise TrainingError(
            f"{dependency.name} cannot be attached while this expert is trained.",
            why,
            "Leave it out of the recipe, or train an adapter of another kind.",
        )


def _place(name: str) -> tuple[str, str]:
    """The layer's name in the base, and which of its tensors this is."""
    for part in (_DOWN, _UP, _MAGNITUDE, _FACTORS):
        if name.removesuffix(".weight").endswith(part.removesuffix(".weight")):
            layer = name.removesuffix(".weight").removesuffix(part.removesuffix(".weight"))
            return layer.removeprefix(_PEFT_PREFIX), part
    raise TrainingError("A dependency does not fit this base.", f"{name} is no tensor of a layer.")


def _linear(base: nn.Module, layer: str) -> tuple[Any, Any]:
    """The module that answers for a layer, and the base's own linear layer within it."""
    try:
        module: Any = base.get_submodule(layer)
    except AttributeError as cause:
        raise TrainingError(
            "A dependency does not fit this base.", f"The base has no layer {layer}."
        ) from cause
    return module, getattr(module, "base_layer", module)


def _add_low_rank(
    at: _AtLayer,
    base: nn.Module,
    layer: str,
    tensors: dict[str, Tensor],
    name: str,
    config: AdapterConfig,
    weight: float,
) -> None:
    down = tensors[name].float()
    stem = name.removesuffix(_DOWN)
    up = tensors[stem + _UP].float() * config.scale_of(layer)  # (out, r)
    inner = _linear(base, layer)[1]
    if (inner.out_features, inner.in_features) != (up.shape[0], down.shape[1]):
        raise TrainingError(
            "A dependency does not fit this base.",
            f"Its matrices for {layer} are {up.shape[0]} x {down.shape[1]}, "
            f"the layer is {inner.out_features} x {inner.in_features}.",
        )
    if config.kind == "dora":
        magnitude = next(
            tensor.float().flatten()
            for key, tensor in tensors.items()
            if key.removesuffix(".weight") == stem + _MAGNITUDE
        )
        dense = _dense(inner).cpu()
        ratio = magnitude / torch.linalg.norm(dense + up @ down, dim=1)  # (out,)
        up = up * ratio[:, None]
        change = weight * (ratio - 1)
        at.ratios = change if at.ratios is None else at.ratios + change
    at.downs.append(down)
    at.ups.append(up * weight)


def _dense(inner: Any) -> Tensor:
    """The base's weight in float32, (out, in), whatever it is held in."""
    from peft.utils.integrations import dequantize_module_weight

    return dequantize_module_weight(inner).detach().float()


def _multiply_factors(
    at: _AtLayer, layer: str, factors: Tensor, config: AdapterConfig, weight: float
) -> None:
    change = 1 + weight * (factors - 1)
    if any(f".{layer}".endswith(f".{module}") for module in config.feedforward_modules):
        at.inputs = change if at.inputs is None else at.inputs * change
    else:
        at.outputs = change if at.outputs is None else at.outputs * change


def _attach(module: Any, at: _AtLayer) -> None:
    inner = getattr(module, "base_layer", module)
    weight = inner.weight
    dtype = weight.dtype if weight.is_floating_point() else torch.bfloat16

    def keep(name: str, tensor: Tensor | None) -> None:
        if tensor is not None:
            inner.register_buffer(name, tensor.to(weight.device, dtype), persistent=False)

    keep("dependency_down", torch.cat(at.downs, dim=0) if at.downs else None)
    keep("dependency_up", torch.cat(at.ups, dim=1) if at.ups else None)
    keep("dependency_inputs", at.inputs)
    keep("dependency_outputs", at.outputs)
    keep("dependency_ratios", at.ratios)
    if at.inputs is not None or at.outputs is not None:
        inner.register_forward_hook(_scaled)
    if at.downs:
        module.register_forward_hook(_beside)


def _scaled(inner: Any, inputs: tuple[Any, ...], output: Tensor) -> Tensor:
    """(W (x * f)) * o in place of W x."""
    factors = getattr(inner, "dependency_inputs", None)
    if factors is not None:
        # forward and not a call: a call would come here again
        output = inner.forward(inputs[0] * factors.to(inputs[0].dtype))
    factors = getattr(inner, "dependency_outputs", None)
    return output if factors is None else output * factors.to(output.dtype)


def _beside(module: Any, inputs: tuple[Any, ...], output: Tensor) -> Tensor:
    """What is added: c W x + B A x, of the x that no factor scaled."""
    inner = getattr(module, "base_layer", module)
    x: Tensor = inputs[0]  # (batch, tokens, in)
    down, up = inner.dependency_down, inner.dependency_up
    delta = linear(linear(x.to(down.dtype), down), up)  # (batch, tokens, out)
    ratios = getattr(inner, "dependency_ratios", None)
    if ratios is not None:
        plain = inner.forward(x)
        if inner.bias is not None:
            plain = plain - inner.bias
        delta = delta + plain * ratios.to(plain.dtype)
    return output + delta.to(output.dtype)
