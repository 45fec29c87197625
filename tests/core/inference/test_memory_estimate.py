"""What fits is known before it is taken: arithmetic against what really lies in memory."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM

from expert_studio.cli import main
from expert_studio.core import settings as settings_file
from expert_studio.core.errors import UsageError
from expert_studio.core.inference.call_arguments import base_request
from expert_studio.core.inference.conversation import BaseRequest
from expert_studio.core.inference.decoder_cache_quantized import Int4Cache
from expert_studio.core.inference.decoder_rotation import Rotation
from expert_studio.core.inference.decoder_shape import DecoderShape, read_shape, stretched
from expert_studio.core.inference.engine import load_engine
from expert_studio.core.inference.memory_estimate import (
    TrainingLoad,
    base_bytes,
    estimate,
    in_words,
    kv_bytes_per_token,
    trainable_parameters,
    training_estimate,
)
from expert_studio.core.settings import Folders, KVFormat, Quantization, Settings
from expert_studio.core.training.recipe import PROJECTIONS, Adapter
from expert_studio.core.training.trainer_model import peft_config
from tests.core.inference.random_bases import BUNDLED, QWEN3_06B, write_base

GIB = 1 << 30
QUANTIZATIONS: list[Quantization] = ["fp32", "bf16", "int8", "nf4", "int4"]


@pytest.fixture(scope="module")
def two_layers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_base(tmp_path_factory.mktemp("estimate") / "qwen3-0.6b", QWEN3_06B, layers=2)


@pytest.fixture(scope="module")
def whole(two_layers: Path) -> DecoderShape:
    """Qwen3-0.6B as it is published: 28 layers."""
    return replace(read_shape(two_layers), layers=28)


@pytest.mark.parametrize(
    ("kv", "context", "gib"),
    [
        ("native", 131_072, 14.0),
        ("native", 204_800, 21.875),
        ("int8", 131_072, 7.22),
        ("int8", 204_800, 11.28),
        ("int4", 131_072, 3.94),
        ("int4", 204_800, 6.15),
    ],
)
def test_what_a_long_context_takes(
    kv: KVFormat, context: int, gib: float, whole: DecoderShape
) -> None:
    assert kv_bytes_per_token(whole, "native") == 112 * 1024
    assert estimate(whole, "bf16", kv, context).kv_cache / GIB == pytest.approx(gib, abs=0.01)


@pytest.mark.parametrize("kv", ["native", "int8", "int4"])
@pytest.mark.parametrize("tokens", [1, 700])
def test_a_cache_takes_what_was_said(kv: KVFormat, tokens: int, bundled_engine: Any) -> None:
    decoder = bundled_engine("bf16")._decoder
    cache = decoder.new_cache(kv)
    cache.reserve(tokens)
    assert cache.resident_bytes == cache.capacity * kv_bytes_per_token(decoder.shape, kv)


@pytest.mark.parametrize("quantization", QUANTIZATIONS)
@pytest.mark.parametrize("base", ["bundled", "qwen3-0.6b"])
def test_a_base_takes_what_was_said(
    base: str, quantization: Quantization, two_layers: Path
) -> None:
    folder = BUNDLED if base == "bundled" else two_layers
    engine = load_engine(BaseRequest(folder, quantization, "cpu"), lambda _: None)
    resident = engine.base.resident_bytes
    engine.close()
    # With bf16 arithmetic a processor holds nf4's scales in two bytes, where four are reckoned.
    bound = 0.03 if quantization == "nf4" else 0.02
    assert base_bytes(read_shape(folder), quantization) == pytest.approx(resident, rel=bound)


def test_sizes_are_told_in_words() -> None:
    assert [in_words(n) for n in (12, 112 * 1024, 3 << 20, int(3.94 * GIB))] == [
        "12 bytes", "112 KiB", "3 MiB", "3.9 GiB",
    ]  # fmt: skip


def test_the_verb_says_what_it_takes_and_loads_nothing(
    two_layers: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["estimate", "--base", str(two_layers), "--quant", "int4", "--kv", "int4"]
    assert main([*asked, "--context", "131072", "--experts", "10", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    shape = stretched(read_shape(two_layers), 131_072, two_layers)
    owners = estimate(shape, "int4", "int4", experts=10)
    assert said["bytes"] == asdict(owners) | {"total": owners.total}
    assert said["kv_bytes_per_token"] == kv_bytes_per_token(shape, "int4") == 36 * 1024 * 2 // 32
    assert main([*asked, "--context", "50000"]) == 0
    assert "50,000 tokens" in capsys.readouterr().out
    assert main([*asked, "--context", "99999999"]) != 0
    assert "outside 1 to 64" in capsys.readouterr().err


def test_kv_and_context_are_checked_and_reach_the_engine(
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked = ["infer", "--prompt", "hello", "--max-tokens", "2", "--kv", "int4", "--context", "6000"]
    assert main([*asked, "--json"]) == 0
    capsys.readouterr()
    folders = Folders.default()
    request = base_request("bundled", "fp32", "cpu", folders, "int8", 6000)
    assert (request.kv, request.context) == ("int8", 6000)
    settings_file.save(Settings(kv="int4", context=7000, cache_mb=5), folders)
    request = base_request("bundled", "fp32", "cpu", folders)
    assert (request.kv, request.context, request.cache_bytes) == ("int4", 7000, 5 << 20)
    for wrong in ({"kv": "int2"}, {"context": -1}):
        with pytest.raises(UsageError):
            base_request("bundled", "fp32", "cpu", folders, **wrong)  # type: ignore[arg-type]


@pytest.mark.long
def test_the_real_shape_holds_128k_tokens_in_four_gib(whole: DecoderShape) -> None:
    """All 28 layers are filled; the next token looks at all positions of one of them."""
    shape = stretched(whole, 131_073, Path("qwen3-0.6b"))
    cache = Int4Cache(shape, Rotation(shape, shape.rope_scaling, torch.zeros(1).bfloat16()))
    cache.reserve(131_072)
    for plane in cache.planes:
        for layer in plane:
            layer.zero_()
    assert cache.capacity == 131_072
    assert cache.resident_bytes / GIB == pytest.approx(3.94, abs=0.01)
    some = torch.randn(1, 8, 128).bfloat16()
    cache.length = 131_071
    cache.begin(1)
    mixed = cache.attend(0, torch.randn(1, 16, 128).bfloat16(), some, some)
    assert mixed.shape == (1, 2048)
    assert bool(mixed.isfinite().all())
    assert cache.capacity == 131_072


def training_load(**changes: Any) -> TrainingLoad:
    return TrainingLoad(
        **{
            "kind": "lora", "rank": 16, "modules": PROJECTIONS, "soft_tokens": 20,
            "batch_size": 8, "tokens": 256, "scored_tokens": 128, "checkpointing": False,
            "pairs": False, "held": "fp32", "computed": "fp32", "device": "cpu",
        } | changes
    )  # fmt: skip


@pytest.mark.filterwarnings("ignore::FutureWarning")  # transformers' own, about its next version
@pytest.mark.parametrize("kind", ["lora", "dora", "ia3"])
def test_what_learns_is_counted_as_peft_does(kind: Any) -> None:
    modules = ("k_proj", "v_proj", "down_proj") if kind == "ia3" else PROJECTIONS
    adapter = Adapter(kind=kind) if kind == "ia3" else Adapter(kind=kind, r=16)
    config = AutoConfig.from_pretrained(BUNDLED)
    with torch.device("meta"):
        model = get_peft_model(AutoModelForCausalLM.from_config(config), peft_config(adapter))
    wanted = sum(p.numel() for p in model.parameters() if p.requires_grad)
    load = training_load(kind=kind, modules=modules)
    assert trainable_parameters(read_shape(BUNDLED), load) == wanted


@pytest.mark.parametrize(("computed", "mib"), [("fp32", 456.1), ("bf16", 308.0)])
def test_what_is_kept_for_the_way_back_is_what_autograd_saves(
    computed: Any, mib: float, two_layers: Path
) -> None:
    """Against `torch.autograd.graph.saved_tensors_hooks` over a LoRA step of 8 x 256 tokens."""
    shape = read_shape(BUNDLED)
    kept = training_estimate(shape, training_load(computed=computed)).activations
    assert kept / (1 << 20) == pytest.approx(mib, rel=0.1)
    checkpointed = training_estimate(shape, training_load(computed=computed, checkpointing=True))
    assert checkpointed.activations < kept / 4
    assert read_shape(two_layers).head_norms


def test_each_setting_moves_what_it_should() -> None:
    shape = read_shape(BUNDLED)
    plain = training_estimate(shape, training_load())
    assert plain.optimizer == 2 * plain.gradients == 2 * plain.adapter
    assert plain.total == sum(asdict(plain).values())
    pairs = training_estimate(shape, training_load(pairs=True))
    assert pairs.activations > 2 * plain.activations
    card = training_estimate(shape, training_load(device="cuda", held="nf4"))
    assert card.libraries == 0
    assert card.base < plain.base / 3
    assert training_estimate(shape, training_load(dependencies=2)).adapter > plain.adapter
