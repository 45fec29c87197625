"""Adapter weights on disk: are they safe and sound, before anything loads them.

Reads the safetensors header itself (its length, duplicate keys, holes, overlaps) and
streams the numbers with numpy; never imports torch, never allocates what a header
claims. What the numbers do to a model is `inference.adapters`' business.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from expert_studio.core.errors import ArchiveError, CompatibilityError, LoadError
from expert_studio.core.experts.adapter_config import AdapterConfig
from expert_studio.core.experts.untrusted_json import UnreadableJsonError, read_json_object

MAX_HEADER_BYTES = 8 << 20
MAX_TENSORS = 20_000
_CHUNK_BYTES = 1 << 20
# dtype -> (bytes an item, unsigned type, exponent bits: all set means NaN or infinity)
_DTYPES: dict[str, tuple[int, str, int]] = {
    "BF16": (2, "<u2", 0x7F80),
    "F16": (2, "<u2", 0x7C00),
    "F32": (4, "<u4", 0x7F800000),
}
_PLACE = re.compile(
    r"base_model\.model\.(?:model\.)?layers\.(0|[1-9][0-9]{0,3})\.(self_attn|mlp)\.([a-z]+_proj)\."
    r"(lora_A|lora_B|lora_magnitude_vector|lora_magnitude|ia3_l|ia3_scale)(?:\.weight)?"
)
_PARTS = {"lora_magnitude": "lora_magnitude_vector", "ia3_scale": "ia3_l"}
SOFT_PROMPT_TENSOR = "prompt_embeddings"


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One tensor as the header describes it."""

    name: str
    dtype: str  # BF16, F16 or F32
    shape: tuple[int, ...]
    begin: int  # byte offsets from the start of the file
    end: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the base a tensor belongs."""

    layer: int
    block: str  # self_attn or mlp
    module: str  # q_proj, ..., down_proj
    part: str  # lora_A, lora_B, lora_magnitude_vector or ia3_l

    @property
    def path(self) -> str:
        """The layer's name in the base: `model.layers.0.self_attn.q_proj`."""
        return f"model.layers.{self.layer}.{self.block}.{self.module}"


@dataclass(frozen=True, slots=True)
class BaseShape:
    """The sizes of a base that an adapter must fit."""

    layers: int
    hidden: int
    shapes: dict[str, tuple[int, int]]  # module -> (out, in)


def weights_sha256(path: Path) -> str:
    """SHA-256 of the whole file, 64 hex digits.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def place_of(name: str) -> Place | None:
    """Reads PEFT's tensor name (and upstream's spellings); None if no adapter has such a tensor."""
    match = _PLACE.fullmatch(name)
    if match is None:
        return None
    return Place(int(match[1]), match[2], match[3], _PARTS.get(match[4], match[4]))


def base_shape(config_file: Path) -> BaseShape:
    """Reads the sizes out of a base's config.json.

    Raises:
        LoadError: the file cannot be read or lacks a size.
    """
    try:
        said = read_json_object(config_file.read_bytes(), 1 << 20)
        hidden, inner = int(said["hidden_size"]), int(said["intermediate_size"])
        heads, layers = int(said["num_attention_heads"]), int(said["num_hidden_layers"])
        head = int(said.get("head_dim") or hidden // heads)
        queries, keys = heads * head, int(said.get("num_key_value_heads") or heads) * head
    except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError) as cause:
        raise LoadError(
            f"{config_file} cannot be read as the config of a base model.", f"{cause}."
        ) from cause
    return BaseShape(
        layers,
        hidden,
        {
            "q_proj": (queries, hidden),
            "k_proj": (keys, hidden),
            "v_proj": (keys, hidden),
            "o_proj": (hidden, queries),
            "gate_proj": (inner, hidden),
            "up_proj": (inner, hidden),
            "down_proj": (hidden, inner),
        },
    )


def read_header(path: Path) -> tuple[TensorSpec, ...]:
    """The tensors a safetensors file holds, in the order they lie in it.

    Raises:
        ArchiveError: not a safetensors file, or one whose header does not describe it exactly:
            every byte belongs to one tensor, every tensor is BF16, F16 or F32 and not empty.
        OSError: the file cannot be read.
    """
    with path.open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        length = int.from_bytes(stream.read(8), "little")
        if size < 10 or not 2 <= length <= min(size - 8, MAX_HEADER_BYTES):
            _refuse("It is not a safetensors file, or it was cut short.")
        data = stream.read(length)
    if not data.startswith(b"{"):
        _refuse("It is not a safetensors file.")
    try:
        said = read_json_object(data, MAX_HEADER_BYTES)
    except UnreadableJsonError as cause:
        _refuse(f"Its header is damaged. {cause}")
    _check_metadata(said.pop("__metadata__", {}))
    if not 1 <= len(said) <= MAX_TENSORS:
        _refuse(f"It holds {len(said):,} tensors; 1 to {MAX_TENSORS:,} are allowed.")
    specs = sorted((_spec(n, e, 8 + length) for n, e in said.items()), key=lambda s: s.begin)
    expected = 8 + length
    for spec in specs:
        if spec.begin != expected:
            _refuse(f"Its tensors overlap or leave a hole at {_shown(spec.name)}.")
        expected = spec.end
    if expected != size:
        _refuse(f"Its header describes {expected:,} bytes, but the file has {size:,}.")
    return tuple(specs)


def check_weights(
    path: Path, config: AdapterConfig, base: BaseShape | None = None
) -> tuple[TensorSpec, ...]:
    """Checks header, names, shapes against the config (and the base, if given) and every number.

    Raises:
        ArchiveError: as `read_header`, or a tensor that no adapter has (embeddings, lm_head),
            a missing half, a shape or rank that contradicts the config, NaN or infinity.
        CompatibilityError: the tensors do not fit the base.
        OSError: the file cannot be read.
    """
    specs = read_header(path)
    if config.kind == "soft_prompt":
        _check_soft_prompt(specs, config, base)
    else:
        _check_layers(specs, config, base)
    with path.open("rb") as stream:
        for spec in specs:
            _check_finite(stream, spec)
    return specs


def _spec(name: str, entry: Any, start: int) -> TensorSpec:
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        _refuse(f"Its header is damaged at {_shown(name)}.")
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(dtype, str) or dtype not in _DTYPES:
        _refuse(f"{_shown(name)} is of the type {str(dtype)[:20]!r}; BF16, F16 or F32 is needed.")
    if not isinstance(shape, list) or not 1 <= len(shape) <= 2 or not all(map(_is_size, shape)):
        _refuse(f"{_shown(name)} has an impossible shape.")
    if (
        not isinstance(offsets, list)
        or len(offsets) != 2
        or not all(type(offset) is int and 0 <= offset < 1 << 62 for offset in offsets)
        or offsets[1] - offsets[0] != math.prod(shape) * _DTYPES[dtype][0]
    ):
        _refuse(f"{_shown(name)} has an impossible place in the file.")
    return TensorSpec(name, dtype, tuple(shape), start + offsets[0], start + offsets[1])


def _is_size(value: Any) -> bool:
    return type(value) is int and 1 <= value < 1 << 31


def _check_metadata(said: Any) -> None:
    if not isinstance(said, dict) or not all(isinstance(value, str) for value in said.values()):
        _refuse("Its header is damaged at __metadata__.")


def _check_layers(
    specs: tuple[TensorSpec, ...], config: AdapterConfig, base: BaseShape | None
) -> None:
    shapes: dict[str, dict[str, tuple[int, ...]]] = {}
    for spec in specs:
        place = place_of(spec.name)
        if place is None or not _allowed(place, config):
            _refuse(f"It holds {_shown(spec.name)}, which does not belong in this {config.kind}.")
        parts = shapes.setdefault(place.path, {})
        if place.part in parts:
            _refuse(f"It holds {_shown(spec.name)} under two names.")
        parts[place.part] = spec.shape
    for path, parts in shapes.items():
        outputs_inputs = _check_parts(path, parts, config)
        if base is not None:
            _check_fit(path, outputs_inputs, base)


def _allowed(place: Place, config: AdapterConfig) -> bool:
    module_known = any(place.module == _module(target) for target in config.target_modules)
    parts = {
        "lora": ("lora_A", "lora_B"),
        "dora": ("lora_A", "lora_B", "lora_magnitude_vector"),
        "ia3": ("ia3_l",),
    }
    block_right = (place.block == "mlp") == (place.module in ("gate_proj", "up_proj", "down_proj"))
    return module_known and block_right and place.part in parts[config.kind]


def _check_parts(
    path: str, parts: dict[str, tuple[int, ...]], config: AdapterConfig
) -> tuple[int | None, int | None]:
    """Returns (out, in) of the adapted layer as far as its tensors tell."""
    if config.kind == "ia3":
        length = max(parts["ia3_l"])
        if math.prod(parts["ia3_l"]) != length:
            _refuse(f"{path} has no vector but a matrix.")
        scales_input = _module(path) in {_module(m) for m in config.feedforward_modules}
        return (None, length) if scales_input else (length, None)
    a, b = parts.get("lora_A"), parts.get("lora_B")
    if a is None or b is None or len(a) != 2 or len(b) != 2:
        _refuse(f"{path} lacks one half of its adapter.")
    rank = config.rank_of(path)
    if a[0] != rank or b[1] != rank:
        _refuse(f"{path} has rank {a[0]} and {b[1]}, but the config says {rank}.")
    magnitude = parts.get("lora_magnitude_vector", (b[0],) if config.kind == "lora" else None)
    if magnitude is None or math.prod(magnitude) != b[0]:
        _refuse(f"{path} lacks a DoRA magnitude for each of its {b[0]} outputs.")
    return b[0], a[1]


def _check_fit(path: str, found: tuple[int | None, int | None], base: BaseShape) -> None:
    layer, module = int(path.split(".")[2]), _module(path)
    wanted = base.shapes[module]
    fits = all(f is None or f == w for f, w in zip(found, wanted, strict=True))
    if layer >= base.layers or not fits:
        _unfit(f"{path} of the expert is {found}, of the base {wanted} in {base.layers} layers.")


def _check_soft_prompt(
    specs: tuple[TensorSpec, ...], config: AdapterConfig, base: BaseShape | None
) -> None:
    if len(specs) != 1 or specs[0].name != SOFT_PROMPT_TENSOR or len(specs[0].shape) != 2:
        _refuse(f"A soft prompt holds one tensor, {SOFT_PROMPT_TENSOR}; this one does not.")
    tokens, width = specs[0].shape
    if tokens != config.soft_tokens:
        _refuse(f"It holds {tokens} virtual tokens, but the config says {config.soft_tokens}.")
    if base is not None and width != base.hidden:
        _unfit(f"Its virtual tokens have {width} numbers each, the base's have {base.hidden}.")


def _check_finite(stream: BinaryIO, spec: TensorSpec) -> None:
    import numpy as np

    _, kind, exponent = _DTYPES[spec.dtype]
    stream.seek(spec.begin)
    left = spec.end - spec.begin
    while left:
        data = stream.read(min(left, _CHUNK_BYTES))
        if not data:
            _refuse("It was cut short.")
        bits = np.frombuffer(data, dtype=kind)
        mask = bits.dtype.type(exponent)
        if bool(np.any((bits & mask) == mask)):
            _refuse(f"{_shown(spec.name)} holds NaN or infinity.")
        left -= len(data)


def _module(path: str) -> str:
    return path.rpartition(".")[2]


def _shown(name: str) -> str:
    return json.dumps(name if len(name) <= 100 else name[:97] + "...")


def _refuse(why: str) -> NoReturn:
    raise ArchiveError(
        "The expert's weights cannot be used.", why, "Ask its maker for a sound package."
    )


def _unfit(why: str) -> NoReturn:
    raise CompatibilityError(
        "The expert does not fit this base model.", why, "Pick the base it was made for."
    )
