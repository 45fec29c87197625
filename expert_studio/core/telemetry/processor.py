"""What the processor can do by itself, read off the system; torch is not needed to know it."""

from __future__ import annotations

import platform
import sys
from functools import cache
from pathlib import Path

CPU_INFO = Path("/proc/cpuinfo")
_X86 = frozenset({"avx512f", "avx512bw", "avx512vl", "avx512dq"})
_ARM = "bf16"
_WINDOWS_AVX512 = 41  # PF_AVX512F_INSTRUCTIONS_AVAILABLE


@cache
def multiplies_bf16() -> bool:
    """Whether products of bfloat16 are quick on this processor.

    As oneDNN, which torch multiplies with, decides: with AVX-512, or bf16 on ARM. Elsewhere they
    are reckoned number by number and take about 30 times as long as float32. Of macOS, whose
    torch has no oneDNN, it is not so.
    """
    if sys.platform == "win32":
        return _windows_has_avx512()
    return has_bf16(CPU_INFO, platform.machine())


def has_bf16(cpu_info: Path, machine: str) -> bool:
    """As `multiplies_bf16`, from what Linux says of its processor; False where nothing does."""
    try:
        lines = cpu_info.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip().lower() in ("flags", "features"):
            flags = set(value.split())
            return flags >= _X86 if machine in ("x86_64", "AMD64") else _ARM in flags
    return False


def _windows_has_avx512() -> bool:
    import ctypes

    kernel: object = getattr(ctypes, "windll").kernel32  # noqa: B009 - known on Windows alone
    return bool(kernel.IsProcessorFeaturePresent(_WINDOWS_AVX512))  # type: ignore[attr-defined]
