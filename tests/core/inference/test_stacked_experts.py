"""Several experts on one base: exact, in any order, and gone without a trace."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
import torch

from expert_studio.core.errors import (
    CompatibilityError,
    InferenceError,
    IntegrityError,
    LoadError,
)
from expert_studio.core.experts.library import InstalledExpert, Library
from expert_studio.core.inference.conversation import Message
from expert_studio.core.inference.decoder import Decoder
from expert_studio.core.inference.engine import Engine
from expert_studio.core.inference.stack import EMPTY, Stack, compose
from expert_studio.core.settings import Folders, Quantization
from tests.core.inference import float_reference
from tests.core.inference.float_reference import relative_l2
from tests.expert_factory import SHAPES, installed_expert

EVERYWHERE = tuple(SHAPES)
BOUNDS: dict[Quantization, float] = {"fp32": 1e-5, "bf16": 2e-2, "nf4": 2e-2, "int4": 2e-2}
QUESTION = [Message("user", "Extract name and city as JSON: Anna lives in Paris.")]
WEIGHTS = {"json-parser": 1.3, "tone": -0.4}


@pytest.fixture
def library() -> Library:
    return Library(Folders.default().library)


@pytest.fixture
def two(library: Library) -> tuple[InstalledExpert, InstalledExpert]:
    """Rank 8 on all projections, and rank 4 rsLoRA on three."""
    return (
        installed_expert(library, "json-parser", rank=8, modules=EVERYWHERE, seed=1, strength=0.08),
        installed_expert(
            library,
            "tone",
            rank=4,
            alpha=6.0,
            use_rslora=True,
            modules=("k_proj", "o_proj", "up_proj"),
            seed=2,
            load_order=6,
            strength=0.08,
        ),
    )


def _stack(engine: Engine, experts: Any, weights: dict[str, float]) -> Stack:
    return compose(weights, experts, engine.base.sha256, engine.base.quantization)


def _decoder(engine: Engine) -> Decoder:
    decoder = engine._decoder
    assert decoder is not None
    return decoder


@pytest.mark.parametrize("quantization", ["fp32", "bf16", "nf4", "int4"])
def test_two_experts_are_base_plus_deltas(
    quantization: Quantization, two: Any, bundled_engine: Any
) -> None:
    engine: Engine = bundled_engine(quantization)
    decoder = _decoder(engine)
    resident = engine.weights_sha256()
    ids = engine.prompt_ids(QUESTION)
    alone = engine.logits(ids)

    composed = engine.logits(ids, _stack(engine, two, WEIGHTS))
    # alpha / rank is 2 for the first; rsLoRA's alpha / sqrt(rank) is 3 for the second
    raw = [(two[0].folder, 2.0, 1.3), (two[1].folder, 3.0, -0.4)]
    matrices, moved = float_reference.with_experts(float_reference.base_matrices(decoder), raw)
    reference = float_reference.logits(decoder, matrices, ids)

    assert moved > 0.02
    assert relative_l2(composed, alone) > 4 * BOUNDS[quantization]
    assert relative_l2(composed, reference) < BOUNDS[quantization]
    assert torch.equal(engine.logits(ids), alone)
    assert engine.weights_sha256() == resident


@pytest.mark.parametrize("quantization", ["int8", "nf4"])
def test_deltas_layer_by_layer(quantization: Quantization, two: Any, bundled_engine: Any) -> None:
    """int8 also rounds its inputs, which adds up over layers; each layer alone is exact."""
    engine: Engine = bundled_engine(quantization)
    decoder, shape = _decoder(engine), _decoder(engine).shape
    layers = engine._compose(_stack(engine, two, WEIGHTS)).layers
    fused = {
        "qkv": ("q_proj", "k_proj", "v_proj"),
        "o": ("o_proj",),
        "gate_up": ("gate_proj", "up_proj"),
        "down": ("down_proj",),
    }
    experts = [(two[0].folder, 2.0, 1.3), (two[1].folder, 3.0, -0.4)]
    for index, layer in enumerate(decoder.layers):
        for site, names in fused.items():
            x = torch.randn(5, shape.projection(names[0])[1], generator=_seeded(index))
            x = x.to(decoder.dtype)
            with torch.inference_mode():
                y = getattr(layer, site)(x)
                base = y.float()
                getattr(layers[index], site).add_to(y, x)
            expected = torch.zeros_like(base)
            for folder, scale, weight in experts:
                rows = []
                for name in names:
                    delta = float_reference.raw_delta(folder, index, name, scale)
                    outputs = shape.projection(name)[0]
                    rows.append(
                        torch.zeros(5, outputs) if delta is None else weight * (x.float() @ delta.T)
                    )
                expected += torch.cat(rows, dim=1)
            # y was rounded to bf16 twice: the bound is of the sum, not of the small delta
            assert relative_l2(y.float(), base + expected) < 5e-3
            dequantized = x.float() @ getattr(layer, site).dequantized().T
            assert relative_l2(base, dequantized) < 2e-2


def test_ten_experts_of_mixed_ranks(library: Library, bundled_engine: Any) -> None:
    engine: Engine = bundled_engine("fp32")
    experts = [
        installed_expert(
            library, f"expert{n}", rank=1 + 5 * n, seed=n, load_order=n + 1, strength=0.02,
            modules=random.Random(n).sample(EVERYWHERE, 1 + n % 7),
        )
        for n in range(10)
    ]  # fmt: skip
    weights = {expert.name: 2.0 - 0.4 * n for n, expert in enumerate(experts)}
    ids = engine.prompt_ids(QUESTION)
    composed = engine.logits(ids, _stack(engine, experts, weights))
    decoder = _decoder(engine)
    raw = [(expert.folder, 2.0, weights[expert.name]) for expert in experts]
    matrices, _ = float_reference.with_experts(float_reference.base_matrices(decoder), raw)
    assert relative_l2(composed, float_reference.logits(decoder, matrices, ids)) < 1e-5


def test_order_does_not_matter(two: Any, bundled_engine: Any) -> None:
    engine: Engine = bundled_engine("bf16")
    ids = engine.prompt_ids(QUESTION)
    stack = _stack(engine, two, WEIGHTS)
    turned = replace(stack, members=stack.members[::-1])
    assert torch.equal(engine.logits(ids, stack), engine.logits(ids, turned))


def test_a_weight_change_reads_no_file(two: Any, bundled_engine: Any) -> None:
    engine: Engine = bundled_engine("fp32")
    ids = engine.prompt_ids(QUESTION)
    first = engine.logits(ids, _stack(engine, two, WEIGHTS))
    for expert in two:
        expert.weights_path.rename(expert.weights_path.with_suffix(".away"))
    changed = engine.logits(ids, _stack(engine, two, {"json-parser": 0.5, "tone": 1.0}))
    engine.logits(ids)
    one = engine.logits(ids, _stack(engine, two[:1], {"json-parser": 0.5}))
    again = engine.logits(ids, _stack(engine, two, WEIGHTS))
    assert torch.equal(again, first)
    assert not torch.equal(changed, first)
    assert not torch.equal(one, changed)


def test_weight_nought_is_the_base(two: Any, bundled_engine: Any) -> None:
    engine: Engine = bundled_engine("fp32")
    ids = engine.prompt_ids(QUESTION)
    nought = _stack(engine, two, {"json-parser": 0.0, "tone": 0.0})
    assert relative_l2(engine.logits(ids, nought), engine.logits(ids)) < 1e-6


def test_memory_names_the_experts_in_load_order(two: Any, bundled_engine: Any) -> None:
    engine: Engine = bundled_engine("fp32")
    engine.logits(engine.prompt_ids(QUESTION), _stack(engine, two, WEIGHTS))
    memory = engine.memory()
    names = [name for name, _ in memory.experts]
    assert names.index("json-parser") < names.index("tone")
    held = dict(memory.experts)
    assert held["json-parser"] > held["tone"] > 8 * 3 * 4 * (4 * 320)  # layers, places, rank
    assert memory.base == engine.base.resident_bytes


@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing.:FutureWarning")  # PEFT's own call
def test_agrees_with_peft(two: Any, bundled_engine: Any) -> None:
    """An outside check: PEFT's own sum of the same two adapters on transformers' model."""
    peft = pytest.importorskip("peft")
    transformers = pytest.importorskip("transformers")
    transformers.utils.logging.disable_progress_bar()
    engine: Engine = bundled_engine("fp32")
    ids = engine.prompt_ids(QUESTION)
    model = transformers.AutoModelForCausalLM.from_pretrained(
        engine.base.folder, dtype=torch.float32
    )
    for expert in two:
        if isinstance(model, peft.PeftModel):
            model.load_adapter(expert.folder, expert.name)
        else:
            model = peft.PeftModel.from_pretrained(model, expert.folder, expert.name)
    model.base_model.set_adapter([expert.name for expert in two], inference_mode=True)
    for module in model.modules():
        if isinstance(module, peft.tuners.lora.LoraLayer):
            for name, weight in WEIGHTS.items():
                if name in module.scaling:
                    module.set_scale(name, weight)
    with torch.inference_mode():
        theirs = model(torch.tensor([ids])).logits[0]
    ours = engine.logits(ids, _stack(engine, two, WEIGHTS))
    assert relative_l2(ours, theirs) < 1e-5


def test_a_stack_of_another_base_is_refused(two: Any, bundled_engine: Any) -> None:
    engine: Engine = bundled_engine("fp32")
    stack = replace(_stack(engine, two, WEIGHTS), base_sha256="0" * 64)
    with pytest.raises(InferenceError, match="another base"):
        engine.logits([1, 2, 3], stack)


@pytest.mark.parametrize(
    ("keywords", "error", "sentence"),
    [
        ({"damage": "truncate"}, IntegrityError, "changed on disk"),
        ({"damage": "remove"}, LoadError, "could not be loaded"),
        ({"damage": "layers"}, CompatibilityError, "has 8 layers"),
        ({"damage": "width"}, CompatibilityError, "does not fit the base"),
        ({"damage": "half"}, CompatibilityError, "only one LoRA half"),
        ({"damage": "nan"}, CompatibilityError, "no numbers"),
        ({"damage": "rank"}, CompatibilityError, "rank"),
        ({"damage": "foreign"}, CompatibilityError, "embed_tokens"),
    ],
)
def test_an_expert_that_does_not_fit_is_a_sentence(
    keywords: dict[str, str], error: type[Exception], sentence: str, library: Library,
    bundled_engine: Any,
) -> None:  # fmt: skip
    engine: Engine = bundled_engine("bf16")
    damage = keywords.pop("damage", "")
    expert = installed_expert(library, "odd", **keywords)
    before = engine.logits([1, 2, 3])
    expert = replace(expert, weights_sha256=_damaged(expert, damage) or expert.weights_sha256)
    with pytest.raises(error, match=sentence):
        engine.logits([1, 2, 3], _stack(engine, [expert], {"odd": 1.0}))
    assert torch.equal(engine.logits([1, 2, 3], EMPTY), before)


def _damaged(expert: InstalledExpert, damage: str) -> str | None:
    """Spoils the weights; returns their new hash where the engine shall accept that."""
    import hashlib

    from safetensors.torch import load_file, save_file

    path = expert.weights_path
    if damage == "truncate":
        path.write_bytes(path.read_bytes()[:-100])
    if damage == "remove":
        path.unlink()
    if damage in ("", "truncate", "remove"):
        return None
    tensors = load_file(path)
    name = next(key for key in tensors if key.endswith("lora_A.weight"))
    if damage == "layers":
        tensors = {key.replace("layers.7", "layers.8"): value for key, value in tensors.items()}
    elif damage == "width":
        tensors[name] = torch.zeros(4, 319, dtype=torch.bfloat16)
    elif damage == "half":
        del tensors[name]
    elif damage == "nan":
        tensors[name][0, 0] = float("nan")
    elif damage == "rank":
        tensors[name] = torch.zeros(2, 320, dtype=torch.bfloat16)
        tensors[name.replace("_A", "_B")] = tensors[name.replace("_A", "_B")][:, :2].clone()
    else:
        tensors["base_model.model.model.embed_tokens.lora_A.weight"] = tensors.pop(name)
    save_file(tensors, path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
