"""What this machine is: system, graphics driver, screen, room on the disk.

Knows nothing of what gets installed because of it.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from refusal import Refused

System = Literal["linux", "windows", "macos"]
Kind = Literal["cpu", "cuda"]

CUDA_NEEDED = 13000  # as the driver counts: 1000 * major + 10 * minor
ROOM_NEEDED_GB: dict[Kind, float] = {"cpu": 3.0, "cuda": 10.0}


def system(platform: str = sys.platform) -> System:
    """The operating system's family.

    Raises:
        Refused: it is none that PySide6 and PyTorch both come for.
    """
    if platform == "win32":
        return "windows"
    if platform == "darwin":
        return "macos"
    if platform.startswith("linux"):
        return "linux"
    raise Refused(
        f"Expert Studio does not run on {platform}.",
        "PyTorch and Qt come for Linux, Windows and macOS.",
    )


def check_processor(name: System, processor: str) -> None:
    """Refuses a processor that PyTorch no longer comes for.

    Raises:
        Refused: an Intel Mac, or a processor other than x86-64 and ARM64.
    """
    if name == "macos" and processor == "x86_64":
        raise Refused(
            "Expert Studio cannot be installed on this Mac.",
            "PyTorch comes for Macs with Apple silicon only.",
        )
    if processor.lower() not in {"x86_64", "amd64", "aarch64", "arm64"}:
        raise Refused(
            f"Expert Studio cannot be installed on a {processor} processor.",
            "PyTorch comes for x86-64 and 64-bit ARM.",
        )


def check_libc(name: System, processor: str, libc: tuple[str, str]) -> None:
    """Refuses a Linux older than the one Qt's wheels were built on.

    Args:
        libc: name and version, as `platform.libc_ver()` gives them.

    Raises:
        Refused: no glibc, or one too old.
    """
    if name != "linux":
        return
    needed = (2, 39) if processor in {"aarch64", "arm64"} else (2, 34)
    found = tuple(int(part) for part in libc[1].split(".")[:2] if part.isdigit())
    if libc[0] != "glibc" or found < needed:
        there = " ".join(libc).strip() or "none"
        raise Refused(
            "Expert Studio cannot be installed on this Linux.",
            f"Qt needs glibc {needed[0]}.{needed[1]}, and this has {there}.",
            "Debian 12 and Ubuntu 22.04 are new enough; on 64-bit ARM, Debian 13 and Ubuntu 24.04.",
        )


def cuda_of_driver(name: System) -> int:
    """The CUDA version the NVIDIA driver can run (13000 is 13.0); 0 without driver or GPU.

    Asks the driver itself and opens no context on the GPU.
    """
    if name == "macos":
        return 0
    try:
        driver = ctypes.CDLL("nvcuda.dll" if name == "windows" else "libcuda.so.1")
        count, version = ctypes.c_int(0), ctypes.c_int(0)
        if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
            return 0
        driver.cuDriverGetVersion(ctypes.byref(version))
    except (OSError, AttributeError):
        return 0
    return version.value if count.value > 0 else 0


@dataclass(frozen=True, slots=True)
class Choice:
    """Which lock this machine takes, and what the person should know about it ("" if nothing)."""

    kind: Kind
    note: str = ""


def choose_kind(name: System, python: tuple[int, int], cuda: int, installed: str = "") -> Choice:
    """The build of PyTorch for this machine.

    Args:
        python: (major, minor) of the Python that set-up runs under.
        cuda: what `cuda_of_driver` found.
        installed: the kind installed already; "cuda" stays, for it runs without a GPU too.
    """
    if installed == "cuda":
        return Choice("cuda")
    if cuda == 0:
        return Choice("cpu")
    if cuda < CUDA_NEEDED:
        return Choice(
            "cpu",
            f"The NVIDIA driver here runs CUDA {cuda // 1000}.{cuda % 1000 // 10}, and PyTorch "
            "needs 13.0. The processor is used until the driver is 580 or newer.",
        )
    if name == "windows" and python < (3, 12):
        return Choice(
            "cpu",
            "On Windows the GPU needs Python 3.12 or 3.13; with Python 3.11 the processor is used.",
        )
    return Choice("cuda")


def has_display(name: System, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether a window can be shown. A display that is named but gone does not count."""
    if name != "linux":
        return True
    wayland = environment.get("WAYLAND_DISPLAY", "")
    if wayland and Path(environment.get("XDG_RUNTIME_DIR", ""), wayland).exists():
        return True
    screen = environment.get("DISPLAY", "")
    if screen.startswith((":", "unix:")):
        number = screen.partition(":")[2].partition(".")[0]
        return Path("/tmp/.X11-unix", f"X{number}").exists()  # noqa: S108 - X11's own place
    return bool(screen)


def check_room(folder: Path, kind: Kind) -> None:
    """Refuses to begin what the disk cannot hold.

    Raises:
        Refused: less is free than an installation of this kind takes.
    """
    free_gb = shutil.disk_usage(folder).free / 1e9
    if free_gb < ROOM_NEEDED_GB[kind]:
        raise Refused(
            "There is too little room to set Expert Studio up.",
            f"It takes {ROOM_NEEDED_GB[kind]:.0f} GB, and {free_gb:.1f} GB are free "
            f"where {folder} lies.",
            "Free some space, or move the folder to a larger disk.",
        )
