"""Torch's library comes in beside a thread that goes on working, and then torch itself."""

from __future__ import annotations

import subprocess
import sys

import pytest

CHILD = """
import sys
from expert_studio.core.inference.torch_preload import SHORT_TURN_S, bring_library, short_turns

brought = bring_library()
assert "torch" not in sys.modules
usual = sys.getswitchinterval()
with short_turns():
    assert sys.getswitchinterval() == SHORT_TURN_S
    import torch
assert sys.getswitchinterval() == usual
assert bring_library() == (), "it is there already"
print(torch.ones(2).sum().item(), *brought)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the names of the files differ elsewhere")
def test_the_library_is_brought_and_torch_works_with_it() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", CHILD], capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split() == ["2.0", "libc10.so", "libtorch_cpu.so", "libtorch_python.so"]
