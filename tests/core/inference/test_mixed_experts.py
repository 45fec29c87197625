"""LoRA, DoRA, IA³ and soft prompts together on one base: exact, and in any order."""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from expert_studio.core.errors import CompatibilityError, InferenceError
from expert_studio.core.experts.library import InstalledExpert, Library
from expert_studio.core.inference.conversation import Message, Sampling
from expert_studio.core.inference.decoder import Decoder
from expert_studio.core.inference.decoder_shape import PRODUCTS
from expert_studio.core.inference.engine import Engine
from expert_studio.core.inference.stack import Stack, StackMember, compose
from expert_studio.core.settings import Folders, Quantization
from tests.core.inference import float_reference
from tests.core.inference.float_reference import relative_l2
from tests.expert_factory import ATTENTION, LAYERS, SHAPES, installed_expert

EVERYWHERE = tuple(SHAPES)
BOUNDS: dict[Quantization, float] = {"fp32": 1e-5, "bf16": 2e-2, "nf4": 2e-2, "int4": 2e-2}
QUESTION = [Message("user", "Extract name and city as JSON: Anna lives in Paris.")]
WEIGHTS = {"low": 1.3, "decomposed": -0.4, "scaled": 0.7, "prompt": 1.0}


@pytest.fixture
def library() -> Library:
    return Library(Folders.default().library)


@pytest.fixture
def four(library: Library, bundled_engine: Any) -> list[InstalledExpert]:
    """One of each kind, all on the same layers."""
    experts = [
        installed_expert(library, "low", rank=8, modules=EVERYWHERE, seed=1, load_order=5),
        installed_expert(
            library, "decomposed", kind="dora", rank=4, alpha=6.0, use_rslora=True, seed=2,
            modules=("k_proj", "v_proj", "o_proj", "up_proj", "down_proj"), load_order=3,
        ),
        installed_expert(
            library, "scaled", kind="ia3", modules=("k_proj", "v_proj", "up_proj", "down_proj"),
            seed=3, load_order=8, strength=0.2,
        ),
        installed_expert(library, "prompt", kind="soft_prompt", soft_tokens=6, seed=4,
            load_order=1),
    ]  # fmt: skip
    return [_natural(each, bundled_engine("fp32")) for each in experts]


def _natural(expert: InstalledExpert, engine: Engine) -> InstalledExpert:
    """Gives a DoRA expert magnitudes a fifth about those of the weights, as training would."""
    if expert.manifest.kind != "dora":
        return expert
    tensors = load_file(expert.weights_path)
    matrices = float_reference.base_matrices(_decoder(engine))
    random = torch.Generator().manual_seed(7)
    for name, vector in tensors.items():
        if name.endswith("lora_magnitude_vector"):
            place = name.split(".")
            norm = matrices[int(place[4]), place[6]].norm(dim=1)
            factor = 1 + 0.2 * torch.randn(norm.shape, generator=random)
            tensors[name] = (norm * factor).to(vector.dtype)
    save_file(tensors, expert.weights_path)
    return replace(expert, weights_sha256=_sha256(expert.weights_path))


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _stack(engine: Engine, experts: Sequence[Any], weights: dict[str, float]) -> Stack:
    return compose(weights, experts, engine.base.sha256, engine.base.quantization)


def _of_folders(engine: Engine, folders: dict[Path, float]) -> Stack:
    """A stack of loose folders, as PEFT writes them."""
    members = tuple(
        StackMember(
            folder.name, "1.0.0", _sha256(folder / "adapter_model.safetensors"), weight, 5,
            "technology", folder,
        )
        for folder, weight in folders.items()
    )  # fmt: skip
    return Stack(members, engine.base.sha256, engine.base.quantization)


def _decoder(engine: Engine) -> Decoder:
    decoder = engine._decoder
    assert decoder is not None
    return decoder


def _reference(engine: Engine, stack: Stack, ids: list[int]) -> torch.Tensor:
    decoder = _decoder(engine)
    experts = [(member.folder, member.weight) for member in stack.members]
    matrices, virtual = float_reference.composed(float_reference.base_matrices(decoder), experts)
    return float_reference.logits(decoder, matrices, ids, virtual)


@pytest.mark.parametrize("quantization", ["fp32", "bf16", "nf4", "int4"])
def test_four_kinds_at_once(quantization: Quantization, four: Any, bundled_engine: Any) -> None:
    engine: Engine = bundled_engine(quantization)
    resident = engine.weights_sha256()
    ids = engine.prompt_ids(QUESTION)
    alone = engine.logits(ids)
    stack = _stack(engine, four, WEIGHTS)
    together = engine.logits(ids, stack)
    assert relative_l2(together, _reference(engine, stack, ids)) < BOUNDS[quantization]
    for left_out in four:
        rest = [each for each in four if each is not left_out]
        without = engine.logits(ids, _stack(engine, rest, WEIGHTS))
        assert relative_l2(without, together) > 4 * BOUNDS[quantization], left_out.name
    assert torch.equal(engine.logits(ids), alone)
    assert engine.weights_sha256() == resident


@pytest.mark.parametrize("quantization", ["int8", "nf4", "fp32"])
def test_every_product_of_every_layer(
    quantization: Quantization, four: Any, bundled_engine: Any
) -> None:
    """int8 also rounds its inputs, which adds up over layers; each product alone is close."""
    engine: Engine = bundled_engine(quantization)
    decoder, stack = _decoder(engine), _stack(engine, four, WEIGHTS)
    layers = engine._compose(stack).layers
    experts = [(member.folder, member.weight) for member in stack.members]
    matrices, _ = float_reference.composed(float_reference.base_matrices(decoder), experts)
    bound = 1e-5 if quantization == "fp32" else 2e-2
    for index, layer in enumerate(decoder.layers):
        for product, names in PRODUCTS.items():
            matrix = torch.cat([matrices[index, name] for name in names])
            x = torch.randn(5, matrix.shape[1], generator=torch.Generator().manual_seed(index))
            x = x.to(decoder.dtype)
            with torch.inference_mode():
                y = getattr(layers[index], product).product(layer.weight(product), x)
            assert relative_l2(y.float(), x.float() @ matrix.T) < bound


@pytest.mark.parametrize("draw", range(6))
def test_any_mix_of_kinds_ranks_and_weights(
    draw: int, library: Library, bundled_engine: Any
) -> None:
    engine: Engine = bundled_engine("fp32")
    choose = random.Random(draw)
    experts = []
    for number in range(choose.randint(2, 10)):
        expert = installed_expert(
            library,
            f"expert{number}",
            kind=choose.choice(("lora", "dora", "ia3", "soft_prompt")),
            rank=choose.choice((1, 4, 9, 16, 33)),
            use_rslora=choose.random() < 0.3,
            modules=choose.sample(EVERYWHERE, choose.randint(1, 7)),
            soft_tokens=choose.randint(1, 9),
            load_order=choose.randint(1, 10),
            strength=0.02,
            seed=100 * draw + number,
        )
        experts.append(_natural(expert, engine))
    weights = {expert.name: round(choose.uniform(-2, 2), 2) for expert in experts}
    ids = engine.prompt_ids(QUESTION)
    stack = _stack(engine, experts, weights)
    ours = engine.logits(ids, stack)
    assert relative_l2(ours, _reference(engine, stack, ids)) < 1e-5
    shuffled = choose.sample(stack.members, len(stack.members))
    assert torch.equal(engine.logits(ids, replace(stack, members=tuple(shuffled))), ours)


def test_factors_of_inputs_that_share_a_product(tmp_path: Path, bundled_engine: Any) -> None:
    """PEFT lets any layer be a feed-forward one: then q and gate have inputs of their own."""
    engine: Engine = bundled_engine("fp32")
    folders: dict[Path, float] = {}
    for number, (inputs, outputs) in enumerate(
        [(("q_proj", "gate_proj"), ("k_proj",)), (("q_proj", "up_proj"), ("gate_proj", "o_proj"))]
    ):
        folder = tmp_path / f"factors{number}"
        _write_ia3(folder, inputs, outputs, seed=number)
        folders[folder] = 1.5 - number
    dora = tmp_path / "dora"
    _write_dora(dora, engine, ("q_proj", "v_proj", "gate_proj"))
    folders[dora] = -0.7
    ids = engine.prompt_ids(QUESTION)
    stack = _of_folders(engine, folders)
    ours = engine.logits(ids, stack)
    assert relative_l2(ours, _reference(engine, stack, ids)) < 1e-5
    assert relative_l2(ours, engine.logits(ids)) > 0.01


def _path(layer: int, module: str) -> str:
    block = "self_attn" if module in ATTENTION else "mlp"
    return f"base_model.model.model.layers.{layer}.{block}.{module}"


def _write_ia3(folder: Path, inputs: Sequence[str], outputs: Sequence[str], seed: int) -> None:
    folder.mkdir()
    generator = torch.Generator().manual_seed(seed)
    tensors = {
        f"{_path(layer, module)}.ia3_l": 1
        + 0.1 * torch.randn(SHAPES[module][module in inputs], 1, generator=generator)
        for layer in range(LAYERS)
        for module in (*inputs, *outputs)
    }
    save_file(tensors, folder / "adapter_model.safetensors")
    config = {
        "peft_type": "IA3",
        "target_modules": [*inputs, *outputs],
        "feedforward_modules": list(inputs),
    }
    (folder / "adapter_config.json").write_text(json.dumps(config))


def _write_dora(folder: Path, engine: Engine, modules: Sequence[str]) -> None:
    folder.mkdir()
    generator = torch.Generator().manual_seed(5)
    matrices = float_reference.base_matrices(_decoder(engine))
    tensors = {}
    for layer in range(LAYERS):
        for module in modules:
            outputs, inputs = SHAPES[module]
            path = _path(layer, module)
            tensors[f"{path}.lora_A.weight"] = 0.05 * torch.randn(3, inputs, generator=generator)
            tensors[f"{path}.lora_B.weight"] = 0.05 * torch.randn(outputs, 3, generator=generator)
            tensors[f"{path}.lora_magnitude_vector"] = 1.1 * matrices[layer, module].norm(dim=1)
    save_file(tensors, folder / "adapter_model.safetensors")
    config = {
        "peft_type": "LORA", "r": 3, "lora_alpha": 6, "use_dora": True, "use_rslora": False,
        "target_modules": list(modules),
    }  # fmt: skip
    (folder / "adapter_config.json").write_text(json.dumps(config))


def test_a_fresh_process_gives_the_same_logits(
    four: Any, bundled_engine: Any, tmp_path: Path
) -> None:
    """After another stack, other weights and another order in this one."""
    engine: Engine = bundled_engine("bf16")
    ids = engine.prompt_ids(QUESTION)
    engine.logits(ids, _stack(engine, four[:2], {"low": 2.0, "decomposed": 2.0}))
    engine.logits(ids, _stack(engine, four, dict.fromkeys(WEIGHTS, -1.7)))
    stack = _stack(engine, four, WEIGHTS)
    ours = engine.logits(ids, stack)
    program = """
import json, sys
from pathlib import Path
import torch
from expert_studio.core.inference.conversation import BaseRequest
from expert_studio.core.inference.engine import load_engine
from expert_studio.core.inference.stack import Stack, StackMember
torch.set_num_threads(1)
asked = json.loads(sys.argv[1])
engine = load_engine(BaseRequest(Path(asked["base"]), "bf16", "cpu"), lambda _: None)
members = tuple(StackMember(*fields[:-1], Path(fields[-1])) for fields in asked["members"])
stack = Stack(members, engine.base.sha256, "bf16")
engine.save_logits(Path(asked["out"]), asked["ids"], stack)
"""
    members = [
        (m.name, m.version, m.weights_sha256, m.weight, m.load_order, m.tier, str(m.folder))
        for m in stack.members[::-1]
    ]
    out = tmp_path / "logits.safetensors"
    asked = {"base": str(engine.base.folder), "members": members, "out": str(out), "ids": ids}
    subprocess.run([sys.executable, "-c", program, json.dumps(asked)], check=True)
    assert torch.equal(load_file(out)["logits"], ours)


def test_soft_prompts_come_first_in_load_order(library: Library, bundled_engine: Any) -> None:
    engine: Engine = bundled_engine("fp32")
    early, late = (
        installed_expert(
            library, name, kind="soft_prompt", soft_tokens=count, load_order=order,
            seed=order, strength=0.3,
        )
        for name, count, order in (("zebra", 3, 2), ("apple", 5, 9))
    )  # fmt: skip
    ids = engine.prompt_ids(QUESTION)
    weights = {"zebra": 1.0, "apple": 1.0}
    stack = _stack(engine, [late, early], weights)
    ours = engine.logits(ids, stack)
    assert ours.shape[0] == len(ids)
    assert relative_l2(ours, _reference(engine, stack, ids)) < 1e-5
    # on or off: how much above nought says nothing, and nothing is ever taken away
    assert torch.equal(engine.logits(ids, _stack(engine, [early, late], weights | {"zebra": 0.2})),
                       ours)  # fmt: skip
    for off in (0.0, -1.0):
        one = engine.logits(ids, _stack(engine, [early, late], weights | {"zebra": off}))
        assert torch.equal(one, engine.logits(ids, _stack(engine, [late], {"apple": 1.0})))
    none = _stack(engine, [early, late], {"zebra": 0.0, "apple": 0.0})
    assert torch.equal(engine.logits(ids, none), engine.logits(ids))


def test_a_conversation_goes_on_from_its_cache_behind_a_soft_prompt(
    four: Any, bundled_engine: Any
) -> None:
    engine: Engine = bundled_engine("fp32")
    greedy = Sampling(max_tokens=12, temperature=0.0)
    stack = _stack(engine, four, WEIGHTS)

    def ask(messages: Sequence[Message], stop_at_once: bool = False) -> Any:
        return engine.generate(messages, stack, greedy, lambda _: None, lambda: stop_at_once)

    engine._caches.clear()
    assert ask(QUESTION, stop_at_once=True).timing.cached_tokens == 0
    first = ask(QUESTION)
    assert first.timing.cached_tokens == 0
    turns = [*QUESTION, Message("assistant", first.text), Message("user", "And again?")]
    second = ask(turns)
    assert second.timing.cached_tokens >= first.timing.prompt_tokens
    # a prompt that shares only its beginning copies that
    other = ask([Message("user", "Extract something else altogether. " * 9)])
    engine._caches.clear()
    assert ask(turns).text == second.text
    engine._caches.clear()
    assert ask([Message("user", "Extract something else altogether. " * 9)]).text == other.text


def test_virtual_tokens_count_in_the_context(library: Library, bundled_engine: Any) -> None:
    engine: Engine = bundled_engine("fp32")
    expert = installed_expert(library, "prompt", kind="soft_prompt", soft_tokens=100)
    stack = _stack(engine, [expert], {"prompt": 1.0})
    context = engine.base.context_length
    with pytest.raises(InferenceError, match="100 of soft prompts"):
        engine.logits([5] * (context - 100), stack)


def test_memory_counts_every_kind(four: Any, bundled_engine: Any) -> None:
    engine: Engine = bundled_engine("bf16")
    engine.logits([1, 2, 3], _stack(engine, four, WEIGHTS))
    held = dict(engine.memory().experts)
    assert held["low"] > held["decomposed"] > held["scaled"] > held["prompt"] >= 6 * 320 * 2


@pytest.mark.parametrize(
    ("kind", "spoil", "sentence"),
    [
        ("dora", "lora_magnitude_vector", "lacks a magnitude"),
        ("ia3", "ia3_l", "factors are needed"),
        ("soft_prompt", "prompt_embeddings", "of 4 x 320"),
    ],
)
def test_what_does_not_fit_is_a_sentence(
    kind: str, spoil: str, sentence: str, library: Library, bundled_engine: Any
) -> None:
    engine: Engine = bundled_engine("bf16")
    expert = installed_expert(library, "odd", kind=kind)
    tensors = load_file(expert.weights_path)
    name = next(key for key in tensors if key.endswith(spoil))
    tensors[name] = torch.ones(3, 7, dtype=torch.bfloat16)
    save_file(tensors, expert.weights_path)
    expert = replace(expert, weights_sha256=_sha256(expert.weights_path))
    before = engine.logits([1, 2, 3])
    with pytest.raises(CompatibilityError, match=sentence):
        engine.logits([1, 2, 3], _stack(engine, [expert], {"odd": 1.0}))
    assert torch.equal(engine.logits([1, 2, 3]), before)
