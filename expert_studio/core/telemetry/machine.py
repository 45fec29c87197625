"""What this machine has, as a person would say it: processor, memory, disk, graphics card.

Knows nothing of what a base takes. Asking starts no CUDA context.
"""

from __future__ import annotations

import platform
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil

from expert_studio.core.telemetry.gpu import Sampler


@dataclass(frozen=True, slots=True)
class Machine:
    """Attributes:
    cards: (name, bytes) of each NVIDIA card.
    apple_graphics: whether the processor has Apple's graphics beside it.
    free_bytes: on the disk with the data folder.
    """

    cores: int
    memory_bytes: int
    available_bytes: int
    free_bytes: int
    cards: tuple[tuple[str, int], ...] = ()
    apple_graphics: bool = False


def read_machine(data: Path) -> Machine:
    """Looks at this machine; `data` need not exist yet."""
    with Sampler() as sampler:
        gpus = sampler.sample().gpus
    memory = psutil.virtual_memory()
    there = next(place for place in (data, *data.parents) if place.exists())
    return Machine(
        psutil.cpu_count(logical=False) or psutil.cpu_count() or 1,
        memory.total,
        memory.available,
        shutil.disk_usage(there).free,
        tuple((gpu.name, gpu.total_bytes) for gpu in gpus),
        sys.platform == "darwin" and platform.machine() == "arm64",
    )
