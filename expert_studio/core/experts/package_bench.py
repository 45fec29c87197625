"""How long packages and libraries take: one of 20 MB checked and installed, many listed.

Everything is made in a folder of its own and removed by the caller: a signed package of random
weights, and libraries of many experts with ten versions each, whose weights are one small file
linked many times. Knows nothing of who reads the figures.
"""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from expert_studio.core.experts import archive, signing
from expert_studio.core.experts.acceptance import Acceptance
from expert_studio.core.experts.adapter_config import AdapterConfig, write_adapter_config
from expert_studio.core.experts.bf16 import bf16_bits, write_bf16
from expert_studio.core.experts.install import install
from expert_studio.core.experts.install_record import write_record
from expert_studio.core.experts.keys import generate
from expert_studio.core.experts.library import CONFIG_FILE, WEIGHTS_FILE, Library
from expert_studio.core.experts.manifest import read_manifest, write_manifest
from expert_studio.core.experts.resolution import Installed, resolve
from expert_studio.core.experts.trust import TrustStore
from expert_studio.core.experts.weights import weights_sha256

VERSIONS = 10
WEIGHTS_BYTES = 24_800_000  # gzip brings random numbers in bfloat16 to about 20 MB
_WIDTH = 320
_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class LibraryFigures:
    """One library. `first_list_ms` is the first listing after its index was lost; `check_ms`
    looks at every version for what cannot be used, `first_check_ms` without an index of them."""

    experts: int
    resolve_ms: float
    list_ms: float
    first_list_ms: float
    check_ms: float
    first_check_ms: float


@dataclass(frozen=True, slots=True)
class PackageFigures:
    """What was measured; times are medians of three, in milliseconds."""

    package_bytes: int
    verify_install_ms: float
    by_size: tuple[LibraryFigures, ...]

    def as_json(self) -> dict[str, Any]:
        sizes = [
            {
                "experts": one.experts,
                "resolve_ms": round(one.resolve_ms, 2),
                "list_ms": round(one.list_ms, 2),
                "first_list_ms": round(one.first_list_ms, 2),
                "check_ms": round(one.check_ms, 2),
                "first_check_ms": round(one.first_check_ms, 2),
            }
            for one in self.by_size
        ]
        return {
            "verify_install_ms": round(self.verify_install_ms, 1),
            "package_bytes": self.package_bytes,
            "versions_each": VERSIONS,
            "by_size": sizes,
        }


def measure(
    folder: Path, sizes: tuple[int, ...], tell: Callable[[str], None] = lambda _: None
) -> PackageFigures:
    """Makes what is measured in `folder`, measures it, and leaves the files there.

    Raises:
        StorageError, OSError: the disk refuses.
    """
    tell("A package of 20 MB is made.")
    size, verify_ms = _package(folder / "package")
    found = []
    for experts in sizes:
        tell(f"A library of {experts:,} experts with {VERSIONS} versions each is made.")
        found.append(_library(folder / f"library-{experts}", experts))
    return PackageFigures(size, verify_ms, tuple(found))


def _package(folder: Path) -> tuple[int, float]:
    loose = _expert(folder / "loose", "bench-package", 256, _layers_of_20_mb(256))
    key = generate(folder / "key.pem", "bench")
    path = signing.sign(archive.build(loose, folder / "bench.expert"), key)
    store = TrustStore(folder / "trust.json")
    store.add(key.public, "bench")
    taken = []
    for round_ in range(_ROUNDS):
        library = Library(folder / f"library-{round_}")
        start = time.perf_counter()
        signing.examine(path, store)
        install(path, library, acceptance=Acceptance(store))
        taken.append((time.perf_counter() - start) * 1000)
    return path.stat().st_size, statistics.median(taken)


def _library(root: Path, experts: int) -> LibraryFigures:
    _fill(root, experts)
    first = _ms(lambda: Library(root).experts())
    listed = [_ms(lambda: Library(root).experts()) for _ in range(_ROUNDS)]
    assert len(Library(root).experts()) == experts
    top = f"bench-{min(experts, 10) - 1:05d}@>=3.0.0"
    resolved = [_ms(lambda: resolve([top], Installed(Library(root)))) for _ in range(_ROUNDS)]
    first_check = _ms(lambda: Library(root).problems())
    check = _ms(lambda: Library(root).problems())
    usual = statistics.median
    return LibraryFigures(experts, usual(resolved), usual(listed), first, check, first_check)


def _ms(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def _fill(root: Path, experts: int) -> None:
    """Expert n needs n - 1, in tens: the deepest stack there may be."""
    sample = _expert(root / "sample", "sample", rank=1, layers=1)
    write_record(sample, weights_sha256(sample / WEIGHTS_FILE))
    said = json.loads((sample / "manifest.json").read_text(encoding="utf-8"))
    shared = [sample / name for name in (WEIGHTS_FILE, CONFIG_FILE, "installed.json")]
    for number in range(experts):
        name = f"bench-{number:05d}"
        needs = [f"bench-{number - 1:05d}@>=2.0.0"] if number % 10 else []
        said |= {"name": name, "description": f"Number {number}."}
        said["constraints"] |= {"requires": needs, "load_order": number % 10}
        for version in range(1, VERSIONS + 1):
            place = root / "experts" / name / f"{version}.0.0"
            place.mkdir(parents=True)
            said["version"] = f"{version}.0.0"
            (place / "manifest.json").write_text(json.dumps(said), encoding="utf-8")
            _link(shared, place)


def _link(files: list[Path], place: Path) -> None:
    for file in files:
        try:
            os.link(file, place / file.name)
        except OSError:  # a disk without links, or too many of one file
            (place / file.name).write_bytes(file.read_bytes())
            if file.name == WEIGHTS_FILE:
                os.utime(place / file.name, ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns))


def _expert(folder: Path, name: str, rank: int, layers: int) -> Path:
    folder.mkdir(parents=True)
    random = np.random.default_rng(7)
    modules = ("q_proj", "v_proj")
    tensors = {}
    for layer in range(layers):
        for module in modules:
            place = f"base_model.model.model.layers.{layer}.self_attn.{module}"
            for half, shape in (("A", (rank, _WIDTH)), ("B", (_WIDTH, rank))):
                values = (random.standard_normal(shape) * 0.02).astype(np.float32)
                tensors[f"{place}.lora_{half}.weight"] = bf16_bits(values)
    write_bf16(folder / WEIGHTS_FILE, tensors)
    config = AdapterConfig(kind="lora", r=rank, alpha=float(rank), target_modules=modules)
    (folder / CONFIG_FILE).write_bytes(write_adapter_config(config))
    adapter = {"type": "lora", "target_modules": list(modules), "r": rank, "alpha": float(rank)}
    said = {
        "name": name,
        "version": "1.0.0",
        "schema_version": "2.0",
        "description": "Random weights, to be measured.",
        "author": "bench",
        "license": "CC0-1.0",
        "base_models": [{"name": "bench-base", "adapters": [adapter]}],
        "capabilities": ["task:bench"],
        "constraints": {"load_order": 5, "requires": [], "incompatible_with": []},
    }
    manifest, _ = read_manifest(json.dumps(said).encode("utf-8"), name)
    (folder / "manifest.json").write_bytes(write_manifest(manifest))
    return folder


def _layers_of_20_mb(rank: int) -> int:
    """How many layers of two projections come to 20 MB in bfloat16."""
    return round(WEIGHTS_BYTES / (2 * 2 * rank * _WIDTH * 2))
