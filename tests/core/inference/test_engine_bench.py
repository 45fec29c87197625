"""What a benchmark writes can be read, and its figures follow from what was measured."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open

from expert_studio.core.errors import UsageError
from expert_studio.core.inference.conversation import BaseRequest
from expert_studio.core.inference.decoder_shape import read_shape
from expert_studio.core.inference.engine import load_engine
from expert_studio.core.inference.engine_bench_files import (
    QWEN3_06B,
    adapter_values,
    base_bytes,
    write_random_base,
    write_random_expert,
)
from expert_studio.core.inference.engine_bench_plan import (
    BenchPlan,
    check_plan,
    disk_bytes,
    random_base_bytes,
    read_counts,
    read_peers,
)
from expert_studio.core.inference.engine_bench_results import Measured, Ratio, ratios
from tests.core.inference.random_bases import BUNDLED, SMALL

ROOT = Path(__file__).resolve().parents[3]


def plan(**changed: Any) -> BenchPlan:
    held: dict[str, Any] = {
        "shape": "qwen3-0.6b",
        "counts": (0, 1, 10),
        "quantization": "int4",
        "engines": ("studio", "peft", "llamacpp"),
        "device": "cpu",
        "rounds": 3,
        "tokens": 32,
        "prompt_tokens": 128,
        "context": 0,
        "rank": 16,
        "threads": 2,
    }
    return BenchPlan(**(held | changed))


def test_a_random_base_has_the_true_shape_and_answers(tmp_path: Path) -> None:
    assert base_bytes(QWEN3_06B) == 2 * 596_049_920  # parameters as the model's card counts them
    config = SMALL | {"num_hidden_layers": 2}
    folder = write_random_base(tmp_path / "base", config)
    with safe_open(folder / "model.safetensors", framework="pt") as file:
        values = sum(file.get_tensor(name).numel() for name in file.keys())  # noqa: SIM118
        assert file.get_tensor("model.norm.weight").eq(1).all()
        assert file.get_tensor("model.embed_tokens.weight").float().std() == pytest.approx(
            0.02, rel=0.05
        )
    assert 2 * values == base_bytes(config)
    engine = load_engine(BaseRequest(folder, "bf16", "cpu"), lambda _: None)
    assert engine.base.parameters == values
    assert torch.isfinite(engine.logits([1, 2, 3])).all()
    engine.close()


def test_a_random_expert_is_one_that_fits(tmp_path: Path) -> None:
    shape = read_shape(BUNDLED)
    folder = write_random_expert(tmp_path / "expert", shape, rank=4, seed=1)
    with safe_open(folder / "adapter_model.safetensors", framework="pt") as file:
        tensors = [file.get_tensor(name) for name in file.keys()]  # noqa: SIM118
    assert {tensor.dtype for tensor in tensors} == {torch.bfloat16}
    assert sum(tensor.numel() for tensor in tensors) == adapter_values(shape, 4)


def test_what_is_asked_for_is_checked() -> None:
    assert read_counts("10,0,1,1") == (0, 1, 10)
    assert read_peers("llamacpp, peft") == ("studio", "peft", "llamacpp")
    assert read_peers("none") == ("studio",)
    for text in ("", "x", "-1", "0,11"):
        with pytest.raises(UsageError, match="--experts cannot be"):
            read_counts(text)
    with pytest.raises(UsageError, match="no peer 'vllm'"):
        read_peers("vllm")
    check_plan(plan())
    wrong: dict[str, Any] = {"shape": "gpt", "quantization": "int3", "rounds": 0, "device": "mps"}
    for name, value in wrong.items():
        with pytest.raises(UsageError, match="cannot be"):
            check_plan(plan(**{name: value}))
    check_plan(plan(device="cuda:0", quantization="nf4"))
    with pytest.raises(UsageError, match="int4 on a GPU"):
        check_plan(plan(device="cuda"))


def test_the_room_on_disk_is_known_beforehand() -> None:
    shape, base = read_shape(BUNDLED), random_base_bytes("qwen3-0.6b")
    expert = 2 * adapter_values(shape, 16)
    alone = plan(engines=("studio",))
    assert disk_bytes(alone, shape, makes_base=True, base_size=base) == base + 11 * expert
    assert disk_bytes(alone, shape, makes_base=False, base_size=base) == 11 * expert
    assert disk_bytes(plan(), shape, makes_base=True, base_size=base) > 2 * base + 22 * expert


def measured(speeds: dict[tuple[str, int], list[float]], adapters: int = 100) -> Measured:
    """Rounds of these tokens a second; a base of 400 bytes, ten experts of `adapters`."""
    found = Measured()
    for (engine, experts), rounds in speeds.items():
        found.bases[engine] = {"quant": "int4", "base_bytes": 400}
        for speed in rounds:
            held = {"adapter_dtype": "bf16", "adapter_bytes": adapters * experts // 10}
            timed = dict.fromkeys(("load_cold_ms", "load_hot_ms", "swap_ms"), 5.0)
            told = {"ttft_ms": 100.0, "decode_tok_s": speed, "peak_mb": None}
            found.add(engine, experts, held | timed | told)
    return found


def test_ratios_are_taken_within_a_round() -> None:
    found = measured(
        {
            ("studio", 0): [50.0, 25.0, 50.0],  # the second round met a busy machine
            ("studio", 1): [45.0, 22.0, 44.0],
            ("studio", 10): [40.0, 20.0, 40.0],
            ("peft", 1): [10.0, 5.0, 10.0],
            ("peft", 10): [8.0, 4.0, 20.0],
        }
    )
    told = {ratio.name: ratio for ratio in ratios(found, plan())}
    assert told["floor_ten"].figure == pytest.approx(40 / (50 * 400 / 500))
    assert told["floor_ten"].holds is True
    assert told["ten_vs_peft"].figure == pytest.approx(5.0)
    assert told["ten_vs_peft"].holds is True
    assert told["one_latency_vs_peft"].figure == pytest.approx(
        (100 + 31_000 / 45) / (100 + 31_000 / 10), rel=0.05
    )
    assert told["one_latency_vs_peft"].holds is True
    assert told["ten_vs_llamacpp"].as_json()["holds"] is None  # not measured
    assert told["memory_saved"].figure == pytest.approx(1 - 500 / 4100)
    rows = found.rows()
    assert [(row["engine"], row["experts"]) for row in rows][:3] == [
        *(("studio", 0), ("studio", 1), ("studio", 10))
    ]
    assert rows[0]["decode_tok_s"] == 50.0
    assert rows[0]["peak_mb"] is None


def test_bounds_are_of_one_shape_and_a_miss_is_told() -> None:
    found = measured({("studio", 0): [50.0], ("studio", 10): [30.0]})
    assert {r.name: r.holds for r in ratios(found, plan())}["floor_ten"] is False
    assert all(r.bound is None for r in ratios(found, plan(shape="bundled")))
    assert Ratio("x", "x", 1.06, 1.05, at_least=False).holds is False


def test_a_gpu_is_held_to_its_own_bounds() -> None:
    found = measured({("studio", 10): [500.0], ("peft", 10): [50.0]})
    told = {ratio.name: ratio for ratio in ratios(found, plan(device="cuda"))}
    assert told["ten_1024_tokens_s"].figure == pytest.approx(0.1 + 1023 / 500)
    assert told["ten_1024_tokens_s"].holds is True
    assert told["ten_vs_peft"].holds is True
    assert told["peak_gib"].figure is None


HOLDING = """
import json, sys
from pathlib import Path
import psutil
from expert_studio.core.experts.weights import weights_sha256
from expert_studio.core.inference.conversation import BaseRequest
from expert_studio.core.inference.engine import load_engine
from expert_studio.core.inference.stack import Stack, StackMember

base, shares, *folders = sys.argv[1:]

def member(folder):
    digest = weights_sha256(Path(folder) / "adapter_model.safetensors")
    return StackMember(Path(folder).name, "1.0.0", digest, 1.0, 1, "task", Path(folder))

groups = [folders] if shares == "shares" else [[folder] for folder in folders]
process, engines = psutil.Process(), []
before = process.memory_info().rss
for group in groups:
    engine = load_engine(BaseRequest(Path(base), "bf16", "cpu"), lambda _: None)
    base_of = engine.base
    stack = Stack(tuple(map(member, group)), base_of.sha256, base_of.quantization)
    engine.attach_experts(stack)
    engine.logits([1, 2, 3], stack)
    engines.append(engine)
print(json.dumps(process.memory_info().rss - before))
"""


def test_sharing_the_base_saves_over_half_the_memory(tmp_path: Path) -> None:
    """Resident memory as the system counts it: one base with five experts, and five models."""
    shape = read_shape(BUNDLED)
    folders = [
        str(write_random_expert(tmp_path / f"expert-{seed}", shape, rank=4, seed=seed))
        for seed in range(5)
    ]

    def grown(shares: str) -> int:
        asked = subprocess.run(
            [sys.executable, "-c", HOLDING, str(BUNDLED), shares, *folders],
            cwd=ROOT,
            capture_output=True,
            check=True,
        )
        return int(json.loads(asked.stdout))

    assert grown("shares") < grown("apart") / 2
