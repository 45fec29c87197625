"""Which experts are in memory: listed, pinned, least recently used first to go."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch

from expert_studio.core.errors import InferenceError
from expert_studio.core.experts.library import InstalledExpert, Library
from expert_studio.core.inference.adapters import LoadedExpert, moved
from expert_studio.core.inference.adapters_shelf import AdapterShelf
from expert_studio.core.inference.conversation import BaseRequest
from expert_studio.core.inference.engine import Engine, load_engine
from expert_studio.core.inference.residency import ResidencyBudget
from expert_studio.core.inference.stack import Stack, compose
from expert_studio.core.settings import Folders, Quantization
from tests.core.inference.random_bases import BUNDLED
from tests.expert_factory import SHAPES, installed_expert

IDS = [1, 4120, 203, 77, 5000, 8, 1999, 42, 3000]


@pytest.fixture(params=["fp32", "bf16"])
def engine(request: Any) -> Iterator[Engine]:
    engine = load_engine(BaseRequest(BUNDLED, request.param, "cpu"), lambda _: None)
    yield engine
    engine.close()


@pytest.fixture
def experts() -> list[InstalledExpert]:
    """Four LoRA experts of about 160 kB in bf16."""
    library = Library(Folders.default().library)
    return [
        installed_expert(library, f"expert{number}", rank=8, seed=number, load_order=number + 1)
        for number in range(4)
    ]


def _stack(engine: Engine, *experts: InstalledExpert) -> Stack:
    chosen = {expert.name: 1.0 for expert in experts}
    return compose(chosen, experts, engine.base.sha256, engine.base.quantization)


def _names(engine: Engine) -> list[str]:
    return [expert.name for expert in engine.list_loaded_experts()]


def test_attached_experts_are_listed_with_size_and_use(engine: Engine, experts: Any) -> None:
    assert engine.list_loaded_experts() == ()
    first = engine.attach_experts(_stack(engine, experts[1], experts[0]))
    assert [expert.name for expert in first] == ["expert0", "expert1"]
    assert all(expert.composed and expert.where == "ram" for expert in first)
    assert all(not expert.pinned and expert.size_bytes > 100_000 for expert in first)
    second = engine.attach_experts(_stack(engine, experts[1], experts[2]))
    assert [(expert.name, expert.composed) for expert in second] == [
        ("expert0", False), ("expert1", True), ("expert2", True),
    ]  # fmt: skip
    assert second[0].last_used == first[0].last_used
    assert second[1].last_used > first[1].last_used
    assert dict(engine.memory().experts) == {e.name: e.size_bytes for e in second}


def test_a_detached_expert_is_read_again(engine: Engine, experts: Any) -> None:
    stack = _stack(engine, *experts[:2])
    before = engine.logits(IDS, stack)
    engine.detach("expert1")
    assert _names(engine) == ["expert0"]
    assert torch.equal(engine.logits(IDS, _stack(engine, experts[0])),
                       engine.logits(IDS, _stack(engine, experts[0])))  # fmt: skip
    assert torch.equal(engine.logits(IDS, stack), before)
    engine.detach("expert0")
    engine.detach("expert1")
    with pytest.raises(InferenceError, match="expert1 is not in memory"):
        engine.detach("expert1")


def test_the_least_recently_used_goes_first(engine: Engine, experts: Any) -> None:
    for expert in experts[:3]:
        engine.attach_experts(_stack(engine, expert))
    idle = engine.list_loaded_experts()[0].size_bytes
    engine.attach_experts(_stack(engine, experts[0]))  # now expert1 is the oldest
    engine.expert_budget = replace(engine.expert_budget, ram_bytes=int(2.5 * idle))
    assert _names(engine) == ["expert0", "expert2"]
    engine.pin(["expert2"])
    engine.attach_experts(_stack(engine, experts[1]))
    assert _names(engine) == ["expert1", "expert2"]
    assert [expert.pinned for expert in engine.list_loaded_experts()] == [False, True]
    # the stack that answers is never cut, and what is pinned stays
    engine.expert_budget = ResidencyBudget(0, 0)
    assert _names(engine) == ["expert1", "expert2"]
    engine.pin([])
    assert _names(engine) == ["expert1"]
    engine.logits(IDS, _stack(engine, *experts))
    assert len(_names(engine)) == 4


def test_what_a_stack_holds_is_held_once(engine: Engine, experts: Any) -> None:
    """In the dtype of the file: A lies in the stack alone. Its own comes back with its leave."""
    shelf: AdapterShelf = engine._adapters
    stack = _stack(engine, *experts)
    alone = engine.logits(IDS, stack)
    low = next(iter(shelf._held.values())).expert.low_ranks[0, "q_proj"]
    stored = low.a.untyped_storage().nbytes()
    once = shelf._dtype == torch.bfloat16
    assert (stored > 3 * low.a.numel() * low.a.itemsize) == once
    engine.attach_experts(_stack(engine, experts[2]))
    assert low.a.untyped_storage().nbytes() == low.a.numel() * low.a.itemsize
    assert torch.equal(engine.logits(IDS, stack), alone)


def test_a_large_base_keeps_one_a(experts: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a base whose experts are composed in bf16."""
    monkeypatch.setattr("expert_studio.core.inference.engine_threads.SMALL_BYTES", 0)
    large = load_engine(BaseRequest(BUNDLED, "bf16", "cpu"), lambda _: None)
    test_what_a_stack_holds_is_held_once(large, experts)
    large.close()


@pytest.mark.parametrize("kind", ["lora", "dora", "ia3", "soft_prompt"])
def test_an_expert_moves_whole(kind: str, bundled_engine: Any) -> None:
    engine: Engine = bundled_engine("fp32")
    library = Library(Folders.default().library)
    expert = installed_expert(library, "odd", kind=kind, modules=tuple(SHAPES))
    stack = _stack(engine, expert)
    before = engine.logits(IDS, stack)
    held = next(h for h in engine._adapters._held.values() if h.expert.name == "odd")
    twin: LoadedExpert = moved(held.expert, torch.device("meta"))
    assert twin.resident_bytes == held.expert.resident_bytes
    held.expert = moved(held.expert, torch.device("cpu"))
    engine._adapters._composed = None
    assert torch.equal(engine.logits(IDS, stack), before)
    engine.detach("odd")


@pytest.mark.gpu
@pytest.mark.parametrize("quantization", ["bf16", "nf4"])
def test_beyond_the_device_budget_an_expert_waits_in_ram(
    quantization: Quantization, experts: Any
) -> None:
    engine = load_engine(BaseRequest(BUNDLED, quantization, "cuda"), lambda _: None)
    before = engine.logits(IDS, _stack(engine, experts[0]))
    engine.attach_experts(_stack(engine, experts[1]))
    assert [expert.where for expert in engine.list_loaded_experts()] == ["device", "device"]
    engine.expert_budget = replace(engine.expert_budget, device_bytes=0)
    assert [expert.where for expert in engine.list_loaded_experts()] == ["ram", "device"]
    assert torch.equal(engine.logits(IDS, _stack(engine, experts[0])), before)
    engine.expert_budget = replace(engine.expert_budget, ram_bytes=0)
    assert _names(engine) == ["expert0"]
    engine.close()


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on a process's memory there")
def test_out_of_memory_says_what_to_drop(experts: Any) -> None:
    """A child process whose memory is limited asks for more than it may have."""
    program = """
import resource, sys
from pathlib import Path
import torch
from expert_studio.core.errors import OutOfMemoryError
from expert_studio.core.experts.library import Library
from expert_studio.core.inference.conversation import BaseRequest
from expert_studio.core.inference.engine import load_engine
from expert_studio.core.inference.stack import compose

torch.set_num_threads(1)
engine = load_engine(BaseRequest(Path(sys.argv[1]), "fp32", "cpu"), lambda _: None)
experts = Library(Path(sys.argv[2])).experts()
stack = compose({e.name: 1.0 for e in experts}, experts, engine.base.sha256, "fp32")
before = engine.logits([1, 2, 3], stack)
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (6 << 20), resource.RLIM_INFINITY))
try:
    engine.logits(list(range(1, 4000)), stack)
except OutOfMemoryError as error:
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert torch.equal(engine.logits([1, 2, 3], stack), before)
    print(error)
"""
    library = Folders.default().library
    run = subprocess.run(
        [sys.executable, "-c", program, str(BUNDLED), str(library)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Take expert" in run.stdout, run.stderr
    assert "MB) out of the stack" in run.stdout
    assert run.returncode == 0, run.stderr
