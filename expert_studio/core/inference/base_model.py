"""Loads a Hugging Face folder into a decoder, quantizing layer by layer.

Knows nothing of experts, tokens' text or answers. One layer at a time is in
memory unquantized, so a base needs little more than its final size.
"""

from __future__ import annotations

import platform
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import psutil
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from expert_studio.core.errors import LoadError
from expert_studio.core.inference.base_model_files import base_name, base_sha256, weight_files
from expert_studio.core.inference.conversation import BaseDescription, BaseRequest
from expert_studio.core.inference.decoder import Decoder, DecoderLayer
from expert_studio.core.inference.decoder_quantization import (
    check_quantization,
    compute_dtype,
    quantize,
    quantize_table,
)
from expert_studio.core.inference.decoder_shape import (
    PROJECTIONS,
    DecoderShape,
    read_shape,
    stretched,
)

HASHING_SHARE = 0.3  # of the progress shown; the rest is reading and quantizing
TENSOR_PREFIX = "model."


def choose_device(wanted: str) -> torch.device:
    """`auto` takes CUDA, then MPS, then the CPU.

    Raises:
        LoadError: the device named is not on this machine.
    """
    if wanted == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda", torch.cuda.current_device())
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(wanted)
    except RuntimeError as cause:
        raise LoadError(f"{wanted!r} is no device.", "", "Use auto, cpu, cuda or mps.") from cause
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if not there.get(device.type, False):
        raise LoadError(
            f"The base cannot be loaded on {wanted}.",
            "This machine has no such device, or its driver is missing.",
            "Choose the device auto.",
        )
    return torch.device("cuda", device.index or 0) if device.type == "cuda" else device


def device_name(device: torch.device) -> str:
    """In plain words: "NVIDIA GeForce RTX 3060", "CPU, 8 cores"."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "mps":
        return f"Apple GPU ({platform.machine()})"
    cores = psutil.cpu_count(logical=False) or psutil.cpu_count() or 1
    return f"CPU, {cores} core{'s' if cores != 1 else ''}"


def load_base(
    request: BaseRequest, on_progress: Callable[[float], None]
) -> tuple[Decoder, BaseDescription]:
    """Reads, checks and hashes the base's files, and puts its weights on the device.

    Raises:
        LoadError: the folder, its architecture, its weights or the device will not do.
    """
    shape = stretched(read_shape(request.folder), request.context, request.folder)
    files = weight_files(request.folder)
    device = choose_device(request.device)
    check_quantization(request.quantization, device)
    on_progress(0.0)
    with ExitStack() as opened:
        try:
            tensors = _Tensors(files, opened)
            sha256 = base_sha256(files, lambda done: on_progress(done * HASHING_SHARE))
            reading = _reading_progress(on_progress, shape.layers)
            decoder = _decoder(shape, tensors, request, device, reading)
        except (SafetensorError, OSError) as cause:
            raise LoadError(
                f"The weights in {request.folder} are damaged.",
                f"{cause}.",
                "Download the base again.",
            ) from cause
    on_progress(1.0)
    description = BaseDescription(
        name=base_name(request.folder),
        folder=request.folder,
        sha256=sha256,
        architecture=shape.architecture,
        quantization=request.quantization,
        device=str(device),
        device_name=device_name(device),
        parameters=tensors.parameters,
        resident_bytes=sum(t.numel() * t.element_size() for t in decoder.resident()),
        context_length=shape.context_length,
        kv=request.kv,
    )
    return decoder, description


def _reading_progress(on_progress: Callable[[float], None], layers: int) -> Callable[[int], None]:
    share = 1.0 - HASHING_SHARE
    return lambda layer: on_progress(HASHING_SHARE + share * (layer / (layers + 1)))


class _Tensors:
    """The named tensors of one or several open safetensors files."""

    def __init__(self, files: tuple[Path, ...], opened: ExitStack) -> None:
        self._file_of = {}
        for path in files:
            handle = opened.enter_context(safe_open(path, framework="pt"))
            for name in handle.keys():  # noqa: SIM118 - a safetensors handle, not a dict
                self._file_of[name] = handle
        self._folder = files[0].parent
        self.parameters = 0

    def __contains__(self, name: str) -> bool:
        return name in self._file_of

    def __call__(self, name: str, size: tuple[int, ...]) -> Tensor:
        """Raises LoadError: the tensor is missing, has another shape or is not floating point."""
        if name not in self._file_of:
            raise LoadError(
                f"The weights in {self._folder} are not complete.",
                f"{name} is missing.",
                "Download the base again.",
            )
        tensor: Tensor = self._file_of[name].get_tensor(name)
        if tuple(tensor.shape) != size or not tensor.is_floating_point():
            raise LoadError(
                f"The weights in {self._folder} do not fit its config.json.",
                f"{name} is {tensor.dtype} {tuple(tensor.shape)}, expected {size}.",
                "Download the base again.",
            )
        self.parameters += tensor.numel()
        return tensor


def _decoder(
    shape: DecoderShape,
    tensors: _Tensors,
    request: BaseRequest,
    device: torch.device,
    on_layer: Callable[[int], None],
) -> Decoder:
    dtype = compute_dtype(request.quantization)
    table = (shape.vocabulary, shape.hidden)
    tokens = quantize_table(
        tensors(f"{TENSOR_PREFIX}embed_tokens.weight", table), request.quantization, device
    )
    head = tokens
    if not shape.tied_head:
        head = quantize_table(tensors("lm_head.weight", table), request.quantization, device)
    norm = tensors(f"{TENSOR_PREFIX}norm.weight", (shape.hidden,)).to(device, dtype, copy=True)
    layers = []
    for index in range(shape.layers):
        on_layer(index)
        layers.append(_layer(shape, tensors, index, request, device))
    on_layer(shape.layers)
    return Decoder(shape, layers, tokens, norm, head)


def _layer(
    shape: DecoderShape, tensors: _Tensors, index: int, request: BaseRequest, device: torch.device
) -> DecoderLayer:
    prefix = f"{TENSOR_PREFIX}layers.{index}."
    dtype = compute_dtype(request.quantization)

    def vector(name: str, width: int) -> Tensor:
        return tensors(prefix + name, (width,)).to(device, dtype, copy=True)

    def fused(*names: str) -> tuple[Tensor, Tensor | None]:
        sites = [(f"{prefix}{_block(name)}.{name}", shape.projection(name)) for name in names]
        matrix = torch.cat([tensors(f"{site}.weight", size) for site, size in sites])
        if f"{sites[0][0]}.bias" not in tensors:
            return matrix, None
        return matrix, torch.cat([tensors(f"{site}.bias", size[:1]) for site, size in sites])

    head_norms = None
    if shape.head_norms:
        q_norm = vector("self_attn.q_norm.weight", shape.head_dim)
        k_norm = vector("self_attn.k_norm.weight", shape.head_dim)
        rows = [q_norm] * shape.heads + [k_norm] * shape.kv_heads
        head_norms = torch.stack(rows)
    return DecoderLayer(
        input_norm=vector("input_layernorm.weight", shape.hidden),
        qkv=quantize(*fused(*PROJECTIONS[:3]), request.quantization, device),
        head_norms=head_norms,
        o=quantize(*fused("o_proj"), request.quantization, device),
        mlp_norm=vector("post_attention_layernorm.weight", shape.hidden),
        gate_up=quantize(*fused("gate_proj", "up_proj"), request.quantization, device),
        down=quantize(*fused("down_proj"), request.quantization, device),
    )


def _block(projection: str) -> str:
    return "mlp" if projection in PROJECTIONS[4:] else "self_attn"
