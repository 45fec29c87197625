"""What the processor says of itself, on this machine and on others."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from expert_studio.core.telemetry.processor import has_bf16, multiplies_bf16

AVX2 = "processor\t: 0\nflags\t\t: fpu sse2 avx avx2 fma\n"
AVX512 = "flags\t\t: fpu avx2 avx512f avx512dq avx512cd avx512bw avx512vl amx_bf16\n"


@pytest.mark.parametrize(
    ("said", "machine", "has"),
    [
        (AVX2, "x86_64", False),
        (AVX512, "x86_64", True),
        (AVX2.replace("avx2", "avx2 avx512f"), "x86_64", False),  # not all of them
        ("Features\t: fp asimd bf16 i8mm\n", "aarch64", True),
        ("Features\t: fp asimd\n", "aarch64", False),
        ("vendor_id : none\n", "x86_64", False),
        ("", "x86_64", False),
    ],
)
def test_the_flags_tell(tmp_path: Path, said: str, machine: str, has: bool) -> None:
    (tmp_path / "cpuinfo").write_text(said)
    assert has_bf16(tmp_path / "cpuinfo", machine) is has


def test_where_nothing_says_it_there_is_none(tmp_path: Path) -> None:
    assert not has_bf16(tmp_path / "cpuinfo", "x86_64")


@pytest.mark.skipif(sys.platform == "darwin", reason="torch has no oneDNN there")
def test_it_is_what_torch_decides_by() -> None:
    assert multiplies_bf16() == torch.ops.mkldnn._is_mkldnn_bf16_supported()
