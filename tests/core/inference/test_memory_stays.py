"""Swapping experts and answering for long leaves no more in memory than doing so ten times."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.core.inference.random_bases import BUNDLED

PROGRAM = """
import json, sys
from pathlib import Path
import psutil
import torch
from expert_studio.core.experts.library import Library
from expert_studio.core.inference.conversation import BaseRequest, Message, Sampling
from expert_studio.core.inference.engine import load_engine
from expert_studio.core.inference.stack import compose
from tests.expert_factory import SHAPES, installed_expert

torch.set_num_threads(1)
library = Library(Path(sys.argv[2]))
kinds = ("lora", "dora", "ia3", "lora", "soft_prompt", "lora")
experts = [
    installed_expert(library, f"expert-{n}", kind=kind, load_order=n)
    for n, kind in enumerate(kinds)
]
held, kv = sys.argv[3:]
engine = load_engine(BaseRequest(Path(sys.argv[1]), held, "cpu", kv=kv), lambda _: None)
engine.cache_budget_bytes = 2 << 20  # full after ten answers
base = engine.base

def live(turn):
    one, other = experts[turn % 6], experts[(turn * 5 + 1) % 6]
    chosen = {e.name: 1 - (turn % 5) / 4 for e in (one, other)}
    wanted = [e for e in experts if e.name in chosen]
    stack = compose(chosen, wanted, base.sha256, held)
    # ten lengths, 20 to 300 tokens, so that the first ten answers have had every kind of them
    said = [Message("user", f"Turn {turn % 17}: tell me more. " * (1 + 3 * (7 * turn % 10)))]
    engine.generate(said, stack, Sampling(max_tokens=4, temperature=0.0),
                    lambda _: None, lambda: False)

process, sizes = psutil.Process(), []
for turn in range(200):
    live(turn)
    if turn + 1 in (10, 200):
        sizes.append(process.memory_info().rss)
print(json.dumps(sizes))
"""


@pytest.mark.long
@pytest.mark.parametrize(("held", "kv"), [("bf16", "native"), ("bf16", "int4"), ("int4", "native")])
def test_two_hundred_swaps_take_no_more_than_ten(
    held: str, kv: str, tmp_path: object, capsys: pytest.CaptureFixture[str]
) -> None:
    """Beside an int4 base experts also have copies in eight bits."""
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(BUNDLED), str(tmp_path), held, kv],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    after_ten, after_all = _sizes(run.stdout)
    with capsys.disabled():
        print(f"\n  {held}, cache {kv}: {after_ten:,} bytes after ten, {after_all:,} after all")
    assert after_all < 1.02 * after_ten, (after_ten, after_all)


def _sizes(said: str) -> tuple[int, int]:
    first, last = said.strip().strip("[]").split(",")
    return int(first), int(last)
