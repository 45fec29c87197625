"""Reads an expert's adapter file into named float tensors, checked against the base.

Knows the names, the kinds (LoRA, DoRA, IA³, soft prompt) and the shapes each must have;
not what is computed with them. Nothing from a package is executed: the configuration
goes through our own schema, the weights are safetensors.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from expert_studio.core.errors import CompatibilityError, IntegrityError, LoadError
from expert_studio.core.experts.adapter_config import AdapterConfig, parse_adapter_config
from expert_studio.core.experts.library import CONFIG_FILE, WEIGHTS_FILE
from expert_studio.core.experts.weights import SOFT_PROMPT_TENSOR, place_of, weights_sha256
from expert_studio.core.inference.decoder_shape import DecoderShape
from expert_studio.core.inference.stack import StackMember

Place = tuple[int, str]  # (layer, one of PROJECTIONS)
_PARTS = {
    "lora": {"lora_A", "lora_B"},
    "dora": {"lora_A", "lora_B", "lora_magnitude_vector"},
    "ia3": {"ia3_l"},
}


@dataclass(frozen=True, slots=True)
class AdapterFile:
    """What one expert's files hold, in the file's own dtypes, on the CPU."""

    config: AdapterConfig
    # by place: lora_A (rank, in), lora_B (out, rank), lora_magnitude_vector and ia3_l flat
    parts: Mapping[Place, Mapping[str, Tensor]] = field(default_factory=dict)
    virtual_tokens: Tensor | None = None  # (tokens, hidden)

    def path_of(self, place: Place) -> str:
        """The module's name in the base, as patterns in the configuration name it."""
        return _path(place)

    def scales_input(self, place: Place) -> bool:
        """Whether an IA³ vector at this place multiplies the layer's input."""
        return _scales_input(self.config, place)


def read_adapter_file(member: StackMember, shape: DecoderShape) -> AdapterFile:
    """Reads and checks one expert's configuration and weights.

    Raises:
        LoadError: its files are missing or damaged.
        IntegrityError: its weights are not those the stack names.
        CompatibilityError: its tensors do not fit the base or its configuration.
    """
    config = _config(member)
    tensors = _tensors(member)
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise does_not_fit(member, f"its {name} holds values that are no numbers")
    if config.kind == "soft_prompt":
        return AdapterFile(config, virtual_tokens=_virtual_tokens(member, config, tensors, shape))
    parts: dict[Place, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        found = place_of(name)
        if found is None or found.part not in _PARTS[config.kind]:
            raise does_not_fit(member, f"{name} is no {config.kind} tensor of a layer")
        parts.setdefault((found.layer, found.module), {})[found.part] = tensor
    if not parts:
        raise does_not_fit(member, "its file holds no tensor")
    for place, held in parts.items():
        _check_place(member, place, shape)
        if config.kind == "ia3":
            held["ia3_l"] = _vector(member, config, place, held["ia3_l"], shape)
        else:
            _check_low_rank(member, config, place, held, shape)
    return AdapterFile(config, parts)


def does_not_fit(member: StackMember, why: str) -> CompatibilityError:
    """The error for an expert of another base; `why` is a clause without its full stop."""
    return CompatibilityError(
        f"{member.name} does not fit the base.",
        f"{why[0].upper()}{why[1:]}.",
        "Use an expert that was trained on this base.",
    )


def _config(member: StackMember) -> AdapterConfig:
    try:
        return parse_adapter_config((member.folder / CONFIG_FILE).read_bytes())
    except OSError as cause:
        raise LoadError(
            f"{member.name} could not be loaded.",
            f"Its {CONFIG_FILE} could not be read: {cause.strerror or cause}.",
            "Install it again.",
        ) from cause


def _tensors(member: StackMember) -> dict[str, Tensor]:
    path = member.folder / WEIGHTS_FILE
    try:
        if weights_sha256(path) != member.weights_sha256:
            raise IntegrityError(
                f"{member.name} was changed on disk.",
                "Its weights are not those that were installed.",
                "Install it again.",
            )
        with safe_open(path, framework="pt") as stored:
            # keys() belongs to the safetensors handle, which is no mapping
            return {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as cause:
        raise LoadError(
            f"{member.name} could not be loaded.", f"{cause}.", "Install it again."
        ) from cause


def _virtual_tokens(
    member: StackMember, config: AdapterConfig, tensors: Mapping[str, Tensor], shape: DecoderShape
) -> Tensor:
    tokens = tensors.get(SOFT_PROMPT_TENSOR)
    wanted = (config.soft_tokens or 0, shape.hidden)
    if tokens is None or len(tensors) != 1 or tuple(tokens.shape) != wanted:
        raise does_not_fit(
            member,
            f"a soft prompt for it is one tensor {SOFT_PROMPT_TENSOR} of {wanted[0]} x {wanted[1]}",
        )
    return tokens


def _check_place(member: StackMember, place: Place, shape: DecoderShape) -> None:
    layer, projection = place
    if layer >= shape.layers:
        raise does_not_fit(
            member,
            f"it adapts layer {layer} {projection}, and the base has {shape.layers} layers",
        )
    try:
        shape.projection(projection)
    except KeyError:
        raise does_not_fit(member, f"the base has no layer {layer} {projection}") from None


def _check_low_rank(
    member: StackMember,
    config: AdapterConfig,
    place: Place,
    held: dict[str, Tensor],
    shape: DecoderShape,
) -> None:
    where = f"layer {place[0]} {place[1]}"
    if not {"lora_A", "lora_B"} <= set(held):
        raise does_not_fit(member, f"{where} has only one LoRA half")
    outputs, inputs = shape.projection(place[1])
    a, b = held["lora_A"], held["lora_B"]
    rank = a.shape[0]
    if rank < 1 or tuple(a.shape) != (rank, inputs) or tuple(b.shape) != (outputs, rank):
        raise does_not_fit(
            member,
            f"its {where} is {tuple(b.shape)} x {tuple(a.shape)}, "
            f"and the base's is ({outputs}, {inputs})",
        )
    if rank != config.rank_of(_path(place)):
        raise does_not_fit(member, f"{where} has not the rank its {CONFIG_FILE} says")
    if config.kind == "dora":
        magnitude = held.get("lora_magnitude_vector")
        if magnitude is None or magnitude.numel() != outputs:
            raise does_not_fit(member, f"{where} lacks a magnitude for each of {outputs} outputs")
        held["lora_magnitude_vector"] = magnitude.reshape(-1)


def _vector(
    member: StackMember, config: AdapterConfig, place: Place, vector: Tensor, shape: DecoderShape
) -> Tensor:
    outputs, inputs = shape.projection(place[1])
    wanted = inputs if _scales_input(config, place) else outputs
    if vector.numel() != wanted or math.prod(vector.shape) != max(vector.shape):
        raise does_not_fit(
            member,
            f"its layer {place[0]} {place[1]} is {tuple(vector.shape)}, "
            f"and {wanted} factors are needed",
        )
    return vector.reshape(-1)


def _scales_input(config: AdapterConfig, place: Place) -> bool:
    path = f".{_path(place)}"
    return any(path.endswith(f".{module}") for module in config.feedforward_modules)


def _path(place: Place) -> str:
    layer, projection = place
    block = "self_attn" if projection in ("q_proj", "k_proj", "v_proj", "o_proj") else "mlp"
    return f"model.layers.{layer}.{block}.{projection}"
