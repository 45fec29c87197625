"""Whether this machine can run Expert Studio: one finding per part, each with its remedy.

Torch-free: torch and Qt are looked at from outside, Qt in a child process, since a missing
system library ends the process that loads it. Knows nothing of how findings are shown; what
needs a loaded base (`engine_reference`) is asked by the caller.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keyring
from keyring.errors import KeyringError

from expert_studio.core.errors import ExpertError
from expert_studio.core.experts.library import Library
from expert_studio.core.inference.base_model_files import check_whole, weight_files
from expert_studio.core.inference.decoder_shape import read_shape
from expert_studio.core.settings import Folders
from expert_studio.core.telemetry.gpu import Sampler

ROOM_BYTES = 2_000_000_000  # a small base and some experts
SET_UP = "Run: python3 installers/bootstrap.py run"
QT_PROGRAM = (
    "from PySide6.QtWidgets import QApplication, QLabel; app = QApplication([]); QLabel('').show()"
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found about one part. A finding may be in order and still carry advice."""

    name: str
    ok: bool
    found: str  # one line
    advice: str = ""  # "" when there is nothing to do


def examine(folders: Folders, base: Path) -> tuple[Finding, ...]:
    """Looks at Python, torch, Qt, disk, GPU, keyring, library and base, in this order."""
    looks: tuple[Callable[[], Finding], ...] = (
        python_version,
        torch_version,
        qt_opens,
        lambda: disk_room(folders.data),
        gpu_driver,
        keyring_works,
        lambda: library_whole(folders.library),
        lambda: base_files(base),
    )
    return tuple(look() for look in looks)


def python_version() -> Finding:
    """3.11 to 3.13, which the libraries beneath are built for."""
    ok = (3, 11) <= sys.version_info[:2] < (3, 14)
    found = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    return Finding("python", ok, found, "" if ok else "Use Python 3.11, 3.12 or 3.13.")


def torch_version() -> Finding:
    """The release this version was tested with; loading it is left to the base's check."""
    version = _installed("torch")
    if version is None:
        return Finding("torch", False, "torch is not installed", SET_UP)
    ok = version.startswith("2.13.")
    return Finding("torch", ok, f"torch {version}", "" if ok else f"2.13 is needed. {SET_UP}")


def qt_opens() -> Finding:
    """Opens a window on no screen in a child process, which loads every library Qt needs."""
    version = _installed("PySide6_Essentials")
    if version is None:
        return Finding("qt", False, "PySide6 is not installed", SET_UP)
    # platform plug-ins of a desktop session may be named in the environment; none is wanted
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    command = [sys.executable, "-c", QT_PROGRAM]
    try:
        child = subprocess.run(
            command, capture_output=True, text=True, timeout=60, env=environment, check=False
        )
        told = child.stderr.strip().splitlines()
        ok, last = child.returncode == 0, told[-1] if told else "it ended without a word"
    except (OSError, subprocess.TimeoutExpired) as cause:
        ok, last = False, str(cause)
    found = f"PySide6 {version}" if ok else f"PySide6 {version} does not open a window: {last}"
    return Finding("qt", ok, found, "" if ok else f"A system library is missing. {SET_UP}")


def disk_room(data: Path) -> Finding:
    """Free space where the data folder lies, and whether it can be written."""
    place = next(folder for folder in (data, *data.parents) if folder.exists())
    free = shutil.disk_usage(place).free
    found = f"{free / 1e9:.1f} GB free in {data}"
    try:
        with tempfile.TemporaryFile(dir=place) as probe:
            probe.write(b"\0" * 4096)
    except OSError as cause:
        advice = "Allow writing there, or set EXPERT_STUDIO_HOME to another folder."
        return Finding("disk", False, f"{place} cannot be written: {cause.strerror}", advice)
    if free < ROOM_BYTES:
        return Finding("disk", False, found, f"Free space up to {ROOM_BYTES / 1e9:.0f} GB.")
    return Finding("disk", True, found)


def gpu_driver() -> Finding:
    """NVIDIA cards as their driver tells them. None is in order: the CPU answers then."""
    with Sampler() as sampler:
        cards = sampler.sample().gpus
        has_driver = sampler.has_gpu_driver
    if not cards:
        found = "an NVIDIA driver without a card" if has_driver else "no NVIDIA driver"
        return Finding("gpu", True, f"{found}; answers come from the CPU or an Apple GPU")
    found = "; ".join(f"{card.name}, {card.total_bytes / 2**30:.0f} GiB" for card in cards)
    if (_installed("torch") or "").endswith("+cpu"):
        return Finding("gpu", False, f"{found}, but torch is its CPU build", SET_UP)
    return Finding("gpu", True, f"{found}, driver {cards[0].driver}")


def keyring_works() -> Finding:
    """Whether secrets can be kept. Without a keyring HF_TOKEN does, so that is in order too."""
    backend = keyring.get_keyring()
    try:
        works = backend.priority > 0
        keyring.get_password("expert-studio", "doctor")
    except (KeyringError, RuntimeError):
        works = False
    if works:
        return Finding("keyring", True, type(backend).__module__.rpartition(".")[2])
    advice = "Set HF_TOKEN when you fetch a gated base."
    return Finding("keyring", True, "no keyring on this machine", advice)


def library_whole(root: Path) -> Finding:
    """Every installed expert can be read."""
    library = Library(root)
    try:
        problems, count = library.problems(), len(library.experts())
    except ExpertError as cause:
        return Finding("library", False, f"{cause.what} {cause.why}".strip(), cause.remedy)
    found = f"{count} expert{'' if count == 1 else 's'} installed"
    if problems:
        advice = "Uninstall and install again what cannot be read."
        return Finding("library", False, f"{found}; {' '.join(problems)}", advice)
    return Finding("library", True, found)


def base_files(folder: Path) -> Finding:
    """The base's files are there, whole, and of an architecture that can run."""
    try:
        shape = read_shape(folder)
        files = weight_files(folder)
        check_whole(files)
    except ExpertError as cause:
        found = f"{cause.what} {cause.why}".strip()
        return Finding("base", False, found, cause.remedy or "Choose another base.")
    size_mb = sum(path.stat().st_size for path in files) / 1e6
    return Finding("base", True, f"{shape.architecture} in {folder}, {size_mb:,.0f} MB")


def _installed(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None
