"""What an expert's weights change, layer by layer, and how two experts meet there.

    profile(expert)          norm of the change in each layer, rank given and rank really used
    meeting(left, right)     overlap and sign conflict of two experts, layer by layer

Low ranks are never multiplied out for norms and overlap; for sign conflict they are, a
block of rows at a time. Numpy alone; blocking. Knows nothing of a base: of a DoRA expert
the low-rank part is measured, not its magnitudes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from expert_studio.core.errors import CompatibilityError
from expert_studio.core.experts.adapter_config import (
    MAX_CONFIG_BYTES,
    AdapterConfig,
    parse_adapter_config,
)
from expert_studio.core.experts.library import CONFIG_FILE, InstalledExpert
from expert_studio.core.experts.weight_report import (
    LayerMeeting,
    LayerNorm,
    Meeting,
    WeightProfile,
)
from expert_studio.core.experts.weights import TensorSpec, place_of, read_header

USED_ENERGY = 0.99  # the share of the squared singular values that the rank used must hold
_BLOCK_NUMBERS = 1 << 20  # of a product that is multiplied out at once
Matrix = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Change:
    """What one module adds: b @ a, or a vector where `a` is None."""

    b: Matrix  # (out, rank), scale folded in; or any shape
    a: Matrix | None  # (rank, in)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.b.shape if self.a is None else (self.b.shape[0], self.a.shape[1])


def profile(expert: InstalledExpert) -> WeightProfile:
    """Measures one expert. Blocking.

    Raises:
        ArchiveError: its files are damaged.
        OSError: they cannot be read.
    """
    config, changes = _read(expert)
    return _profile(expert, config, changes)


def meeting(left: InstalledExpert, right: InstalledExpert) -> Meeting:
    """Measures two experts and how they meet. Blocking.

    Raises:
        CompatibilityError: they were made for bases of different shapes.
        ArchiveError, OSError: as `profile`.
    """
    (config, ours), (other_config, theirs) = _read(left), _read(right)
    pairs: dict[int, list[tuple[_Change, _Change]]] = defaultdict(list)
    for path, change in ours.items():
        other = theirs.get(path)
        if other is None or (change.a is None) != (other.a is None):
            continue
        if change.shape != other.shape:
            raise CompatibilityError(
                f"{left.name} and {right.name} cannot be compared.",
                f"{path} is {change.shape} in one and {other.shape} in the other.",
                "Choose experts that were made for the same base.",
            )
        pairs[_layer_of(path)].append((change, other))
    every = [pair for found in pairs.values() for pair in found]
    return Meeting(
        _profile(left, config, ours),
        _profile(right, other_config, theirs),
        tuple(LayerMeeting(n, _overlap(pairs[n]), _conflict(pairs[n])) for n in sorted(pairs)),
        _overlap(every),
        _conflict(every),
        len(every),
    )


def _profile(
    expert: InstalledExpert, config: AdapterConfig, changes: dict[str, _Change]
) -> WeightProfile:
    squares: dict[int, float] = defaultdict(float)
    ranks: dict[int, list[int]] = defaultdict(list)
    for path, change in changes.items():
        squares[_layer_of(path)] += _inner(change, change)
        if change.a is not None:
            ranks[_layer_of(path)].append(_used_rank(change.b, change.a))
    used = [rank for found in ranks.values() for rank in found]
    return WeightProfile(
        expert.name,
        expert.version,
        config.kind,
        tuple(
            LayerNorm(n, float(np.sqrt(max(squares[n], 0.0))), _mean(ranks[n]))
            for n in sorted(squares)
        ),
        config.r,
        _mean(used),
        len(changes),
    )


def _read(expert: InstalledExpert) -> tuple[AdapterConfig, dict[str, _Change]]:
    """Config and changes by module path, in float32."""
    with (expert.folder / CONFIG_FILE).open("rb") as stream:
        config = parse_adapter_config(stream.read(MAX_CONFIG_BYTES + 1))
    parts: dict[str, dict[str, Matrix]] = defaultdict(dict)
    with expert.weights_path.open("rb") as stream:
        for spec in read_header(expert.weights_path):
            stream.seek(spec.begin)
            values = _numbers(stream.read(spec.end - spec.begin), spec)
            place = place_of(spec.name)
            if place is None:
                parts["prompt"]["prompt"] = values
            else:
                parts[place.path][place.part] = values
    return config, {path: _change(path, found, config) for path, found in parts.items()}


def _change(path: str, found: dict[str, Matrix], config: AdapterConfig) -> _Change:
    if "lora_A" in found:
        return _Change(found["lora_B"] * np.float32(config.scale_of(path)), found["lora_A"])
    if "ia3_l" in found:
        return _Change(found["ia3_l"].reshape(-1) - np.float32(1), None)
    return _Change(found["prompt"], None)


def _numbers(data: bytes, spec: TensorSpec) -> Matrix:
    if spec.dtype == "BF16":
        bits = np.frombuffer(data, dtype="<u2").astype("<u4") << np.uint32(16)
        values: Any = bits.view("<f4")
    else:
        values = np.frombuffer(data, dtype="<f2" if spec.dtype == "F16" else "<f4")
    return np.asarray(values, dtype=np.float32).reshape(spec.shape)


def _layer_of(path: str) -> int:
    return -1 if path == "prompt" else int(path.split(".")[2])


def _inner(one: _Change, other: _Change) -> float:
    """The sum of the products of all entries of both changes."""
    if one.a is None or other.a is None:
        return float(np.sum(one.b.astype(np.float64) * other.b.astype(np.float64)))
    across = one.b.T.astype(np.float64) @ other.b.astype(np.float64)
    along = one.a.astype(np.float64) @ other.a.T.astype(np.float64)
    return float(np.sum(across * along))


def _overlap(pairs: Iterable[tuple[_Change, _Change]]) -> float:
    inner = ours = theirs = 0.0
    for one, other in pairs:
        inner += _inner(one, other)
        ours += _inner(one, one)
        theirs += _inner(other, other)
    size = np.sqrt(ours * theirs)
    return float(np.clip(inner / size, -1.0, 1.0)) if size > 0 else 0.0


def _conflict(pairs: Iterable[tuple[_Change, _Change]]) -> float:
    apart = shared = 0.0
    for one, other in pairs:
        for ours, theirs in _blocks(one, other):
            least = np.minimum(np.abs(ours), np.abs(theirs))
            shared += float(least.sum())
            apart += float(least[(ours < 0) != (theirs < 0)].sum())
    return apart / shared if shared > 0 else 0.0


def _blocks(one: _Change, other: _Change) -> Iterable[tuple[Matrix, Matrix]]:
    """Both changes multiplied out, some rows at a time."""
    if one.a is None or other.a is None:
        yield one.b, other.b
        return
    rows = max(1, _BLOCK_NUMBERS // one.a.shape[1])
    for start in range(0, one.b.shape[0], rows):
        part = slice(start, start + rows)
        yield one.b[part] @ one.a, other.b[part] @ other.a


def _used_rank(b: Matrix, a: Matrix) -> int:
    """How many singular values of b @ a hold `USED_ENERGY` of their squares."""
    left = np.linalg.qr(b.astype(np.float64)).R
    right = np.linalg.qr(a.T.astype(np.float64)).R
    energy = np.linalg.svd(left @ right.T).S ** 2
    total = float(energy.sum())
    if total <= 0:
        return 0
    return int(np.searchsorted(np.cumsum(energy) / total, USED_ENERGY) + 1)


def _mean(values: Iterable[int]) -> float:
    held = list(values)
    return sum(held) / len(held) if held else 0.0
