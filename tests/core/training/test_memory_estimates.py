"""The one estimator against what runs really take: shapes, methods and settings, on the CPU.

pytest -m long -s tests/core/training/test_memory_estimates.py

How much of the libraries' own files lies in memory is the machine's affair, not arithmetic's: it
is measured beside each run.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from expert_studio.core.inference.memory_estimate import in_words
from expert_studio.core.planning import plan_run
from expert_studio.core.settings import Folders
from expert_studio.core.training import launch
from expert_studio.core.training.measured_memory import measured, usual_error
from tests.core.inference.random_bases import QWEN3_06B, write_base
from tests.core.training import runs

MIDDLE: dict[str, Any] = QWEN3_06B | {
    "hidden_size": 512, "intermediate_size": 1536, "num_attention_heads": 8,
    "num_key_value_heads": 4, "head_dim": 64, "vocab_size": 32000,
}  # fmt: skip
STEPS = 3
SHAPES: dict[str, tuple[dict[str, Any], int]] = {"middle": (MIDDLE, 6), "wide": (QWEN3_06B, 2)}
LORA = {"r": 16, "alpha": 32}
CASES: dict[str, dict[str, Any]] = {
    "bundled, lora fp32": {},
    "bundled, lora bf16": {"precision": "bf16", "quantization": "bf16"},
    "bundled, lora fp32, 32 rows": {"batches": {"batch_size": 32, "max_length": 768}},
    "bundled, dora fp32": {"adapter": {**LORA, "kind": "dora"}},
    "bundled, ia3 fp32": {"adapter": {"kind": "ia3"}},
    "bundled, soft prompt fp32": {"adapter": {"kind": "soft_prompt", "soft_tokens": 20}},
    "bundled, dpo": {"method": "dpo", "datasets": [{"path": "pairs.jsonl"}]},
    "bundled, packed": {"batches": {"batch_size": 4, "max_length": 512, "packing": True}},
    "bundled, recomputed": {"batches": {"batch_size": 32, "gradient_checkpointing": True}},
    "bundled, nf4": {"precision": "bf16", "quantization": "nf4"},
    "middle, lora fp32": {},
    "middle, lora bf16": {"precision": "bf16", "quantization": "bf16"},
    "middle, dora bf16": {
        "precision": "bf16", "quantization": "bf16", "adapter": {**LORA, "kind": "dora"},
    },
    "middle, recomputed": {"batches": {"batch_size": 8, "gradient_checkpointing": True}},
    "middle, dpo": {"method": "dpo", "datasets": [{"path": "pairs.jsonl"}]},
    "wide, lora bf16": {"precision": "bf16", "quantization": "bf16"},
    "wide, lora fp32": {},
    "wide, nf4": {"precision": "bf16", "quantization": "nf4"},
    "wide, int8": {"precision": "bf16", "quantization": "int8"},
}  # fmt: skip


LIBRARIES = """
import peft, trl
from expert_studio.core.training import trainer
from expert_studio.core.training.measured_memory import process_peak_bytes
print(process_peak_bytes())
"""


@pytest.fixture(scope="module")
def libraries_bytes() -> int:
    """What the libraries that train take by themselves, here and now."""
    command = [sys.executable, "-c", LIBRARIES]
    return int(subprocess.run(command, capture_output=True, check=True).stdout)


@pytest.mark.long
@pytest.mark.parametrize("case", CASES)
def test_a_run_takes_what_was_said(
    case: str, tmp_path: Path, libraries_bytes: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """About ten seconds each."""
    runs.write_data(tmp_path, 200)
    runs.write_pairs(tmp_path)
    folders, shape = Folders(tmp_path), case.partition(",")[0]
    rows = 8 if shape == "bundled" else 4
    changes: dict[str, Any] = {"adapter": LORA, "batches": {"batch_size": rows}, **CASES[case]}
    if shape in SHAPES:
        config, layers = SHAPES[shape]
        write_base(folders.bases / shape, config, layers)
        changes["base"] = {"name": shape}
    recipe = runs.tiny_recipe(
        **changes,
        schedule={"max_steps": STEPS, "learning_rate": 1e-4},
        watching={"eval_rows": 8, "eval_every": STEPS, "save_every": STEPS},
    )
    plan = plan_run(recipe, folders, tmp_path)
    run = launch.start(recipe, folders, tmp_path, estimated_bytes=plan.memory.total)
    runs.until_over(run)
    assert run.state().status == "finished", run.log_path.read_text()
    (found,) = measured(folders.runs)
    owners = {name: f"{size / 2**20:.0f}" for name, size in asdict(plan.memory).items()}
    with capsys.disabled():
        print(
            f"\n{case:28} {plan.tokens:4} tokens: said {in_words(found.estimated_bytes)}, "
            f"took {in_words(found.peak_bytes)}, error {found.error:+.1%} {owners}",
            f"libraries really {in_words(libraries_bytes)}",
            end="",
        )
    usual = usual_error(folders.runs, "cpu")
    assert usual is not None
    assert usual.median == found.error
    reckoned = found.estimated_bytes - plan.memory.libraries + libraries_bytes
    assert -0.03 < reckoned / found.peak_bytes - 1 < 0.15


@pytest.mark.gpu
def test_a_card_takes_what_was_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """NF4 training of the 0.6B shape: `pytest -m gpu -s tests/core/training`."""
    runs.write_data(tmp_path, 200)
    folders = Folders(tmp_path)
    write_base(folders.bases / "whole", QWEN3_06B, 28)
    recipe = runs.tiny_recipe(
        base={"name": "whole"},
        adapter=LORA,
        batches={"batch_size": 8},
        precision="bf16",
        quantization="nf4",
        device="cuda",
        schedule={"max_steps": 20, "learning_rate": 1e-4},
        watching={"eval_rows": 8, "eval_every": 10, "save_every": 20},
    )
    plan = plan_run(recipe, folders, tmp_path)
    run = launch.start(recipe, folders, tmp_path, estimated_bytes=plan.memory.total)
    runs.until_over(run)
    assert run.state().status == "finished", run.log_path.read_text()
    (found,) = measured(folders.runs, "cuda")
    with capsys.disabled():
        print(
            f"\n0.6B, nf4: said {in_words(found.estimated_bytes)}, took "
            f"{in_words(found.peak_bytes)}, error {found.error:+.1%}",
            end="",
        )
    assert found.error > -0.03
