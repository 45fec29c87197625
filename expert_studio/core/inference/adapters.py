"""Reads an installed expert's LoRA into tensors, checked against the base it shall sit on.

Knows nothing of weights given by a person or of several experts together: see
`adapters_stack`. Nothing from a package is executed: the configuration goes through
our own schema, the weights are safetensors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from expert_studio.core.errors import CompatibilityError, IntegrityError, LoadError
from expert_studio.core.experts.adapter_config import AdapterConfig, parse_adapter_config
from expert_studio.core.experts.library import CONFIG_FILE, WEIGHTS_FILE
from expert_studio.core.experts.weights import weights_sha256
from expert_studio.core.inference.decoder_shape import DecoderShape
from expert_studio.core.inference.stack import StackMember

Place = tuple[int, str]  # (layer, one of PROJECTIONS)
_TENSOR = re.compile(
    r"(?:.*\.)?layers\.(\d{1,4})\.((?:self_attn|mlp)\.([a-z]+_proj))\.lora_([AB])(?:\.default)?\.weight"
)


@dataclass(frozen=True, slots=True)
class LowRank:
    """One expert's delta at one linear layer: scale * B A."""

    a: Tensor  # (rank, in)
    b: Tensor  # (out, rank)
    scale: float  # alpha / rank, or alpha / sqrt(rank)

    @property
    def resident_bytes(self) -> int:
        return (self.a.numel() + self.b.numel()) * self.a.element_size()


@dataclass(frozen=True, slots=True)
class LoadedExpert:
    """An expert's deltas on the device, as its file holds them: no weight folded in."""

    name: str
    load_order: int
    low_ranks: Mapping[Place, LowRank]

    @property
    def resident_bytes(self) -> int:
        return sum(low_rank.resident_bytes for low_rank in self.low_ranks.values())


def load_expert(
    member: StackMember, shape: DecoderShape, dtype: torch.dtype, device: torch.device
) -> LoadedExpert:
    """Reads one expert from its folder.

    Raises:
        LoadError: its files are missing, damaged, or of a kind this engine does not compose.
        IntegrityError: its weights are not those the stack names.
        CompatibilityError: its shapes do not fit the base.
    """
    config = _config(member)
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
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as cause:
        raise LoadError(
            f"{member.name} could not be loaded.", f"{cause}.", "Install it again."
        ) from cause
    pairs = _pairs(member, config, tensors, shape)
    low_ranks = {
        place: LowRank(
            a.to(device, dtype, copy=True),
            b.to(device, dtype, copy=True),
            config.scale_of(module),
        )
        for place, (module, a, b) in pairs.items()
    }
    return LoadedExpert(member.name, member.load_order, low_ranks)


def _config(member: StackMember) -> AdapterConfig:
    try:
        config = parse_adapter_config((member.folder / CONFIG_FILE).read_bytes())
    except OSError as cause:
        raise LoadError(
            f"{member.name} could not be loaded.",
            f"Its {CONFIG_FILE} could not be read: {cause.strerror or cause}.",
            "Install it again.",
        ) from cause
    if config.kind != "lora":
        raise LoadError(
            f"{member.name} could not be loaded.",
            f"It is of the kind {config.kind}; this version composes LoRA experts.",
            "Take it out of the stack.",
        )
    return config


def _pairs(
    member: StackMember, config: AdapterConfig, tensors: Mapping[str, Tensor], shape: DecoderShape
) -> dict[Place, tuple[str, Tensor, Tensor]]:
    """The module's name, A and B at every place."""
    halves: dict[tuple[Place, str], dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        match = _TENSOR.fullmatch(name)
        if match is None:
            raise _does_not_fit(member, f"{name} is not a LoRA tensor of an attention or MLP layer")
        layer, module, projection, half = match.groups()
        halves.setdefault(((int(layer), projection), module), {})[half] = tensor
    if not halves:
        raise _does_not_fit(member, "its file holds no tensor")
    pairs = {}
    for (place, module), pair in halves.items():
        if set(pair) != {"A", "B"}:
            raise _does_not_fit(member, f"layer {place[0]} {place[1]} has only one LoRA half")
        _check(member, place, pair["A"], pair["B"], shape)
        path = f"model.layers.{place[0]}.{module}"
        if pair["A"].shape[0] != config.rank_of(path):
            raise _does_not_fit(member, f"{path} has not the rank its {CONFIG_FILE} says")
        pairs[place] = (path, pair["A"], pair["B"])
    return pairs


def _check(member: StackMember, place: Place, a: Tensor, b: Tensor, shape: DecoderShape) -> None:
    layer, projection = place
    where = f"layer {layer} {projection}"
    if layer >= shape.layers:
        raise _does_not_fit(member, f"it adapts {where}, and the base has {shape.layers} layers")
    try:
        outputs, inputs = shape.projection(projection)
    except KeyError:
        raise _does_not_fit(member, f"the base has no {where}") from None
    rank = a.shape[0]
    if rank < 1 or tuple(a.shape) != (rank, inputs) or tuple(b.shape) != (outputs, rank):
        raise _does_not_fit(
            member,
            f"its {where} is {tuple(b.shape)} x {tuple(a.shape)}, "
            f"and the base's is ({outputs}, {inputs})",
        )
    if not (torch.isfinite(a).all() and torch.isfinite(b).all()):
        raise _does_not_fit(member, f"its {where} holds values that are no numbers")


def _does_not_fit(member: StackMember, why: str) -> CompatibilityError:
    return CompatibilityError(
        f"{member.name} does not fit the base.",
        f"{why[0].upper()}{why[1:]}.",
        "Use an expert that was trained on this base.",
    )
