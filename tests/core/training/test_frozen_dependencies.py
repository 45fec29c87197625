"""Dependencies under training: the forward is base + dependencies + new, only new learns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM

from expert_studio.core.errors import TrainingError
from expert_studio.core.experts.library import InstalledExpert, Library
from expert_studio.core.inference.conversation import BaseRequest
from expert_studio.core.inference.engine import load_engine
from expert_studio.core.inference.stack import Stack, StackMember
from expert_studio.core.settings import Folders, Quantization
from expert_studio.core.training.recipe import Recipe
from expert_studio.core.training.run_folder import Places
from expert_studio.core.training.trainer_dependencies import (
    FrozenDependency,
    attach_dependencies,
)
from expert_studio.core.training.trainer_model import build_model
from tests.expert_factory import installed_expert

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")  # transformers' own
MODULES = ["q_proj", "down_proj"]
IDS = torch.arange(300, 340).unsqueeze(0)  # (1, 40)


@pytest.fixture
def experts(tmp_path: Path) -> tuple[InstalledExpert, InstalledExpert]:
    library = Library(tmp_path / "library")
    first = installed_expert(library, "json-parser", version="2.0.0")
    second = installed_expert(library, "english-basic", version="1.0.0", load_order=3)
    return first, second


def base(dtype: torch.dtype = torch.float32) -> Any:
    folder = Folders.default().bundled_base
    return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)


def with_new_adapter(
    dependencies: list[FrozenDependency], dtype: torch.dtype = torch.float32
) -> PeftModel:
    """The base with a new adapter that already answers differently from it."""
    torch.manual_seed(3)
    config = LoraConfig(
        r=4, lora_alpha=8, target_modules=MODULES, init_lora_weights=False, task_type="CAUSAL_LM"
    )
    model = get_peft_model(base(dtype), config)
    attach_dependencies(model, dependencies)
    return model


def frozen(experts: tuple[InstalledExpert, ...], *weights: float) -> list[FrozenDependency]:
    return [
        FrozenDependency(expert.name, expert.folder, weight)
        for expert, weight in zip(experts, weights, strict=True)
    ]


def test_the_forward_is_base_and_dependencies_and_new(
    experts: tuple[InstalledExpert, InstalledExpert],
) -> None:
    model = with_new_adapter(frozen(experts, 1.0, -0.5))
    reference = with_new_adapter([])
    for expert, weight in zip(experts, (1.0, -0.5), strict=True):
        reference.load_adapter(str(expert.folder), expert.name)
        for module in reference.modules():
            if expert.name in getattr(module, "r", {}):
                module.scaling[expert.name] *= weight
    reference.base_model.set_adapter(["default", *(expert.name for expert in experts)])
    with torch.no_grad():
        given = model.eval()(input_ids=IDS).logits
        wanted = reference.eval()(input_ids=IDS).logits
        without = with_new_adapter([]).eval()(input_ids=IDS).logits
    assert torch.linalg.norm(given - wanted) / torch.linalg.norm(wanted) < 1e-5
    assert torch.linalg.norm(without - wanted) / torch.linalg.norm(wanted) > 1e-3


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_only_the_new_adapter_learns(
    experts: tuple[InstalledExpert, InstalledExpert], dtype: torch.dtype
) -> None:
    """In fp32 the weights take the dependencies in; in bf16, which would round, they lie beside."""
    model = with_new_adapter(frozen(experts, 1.0, 1.0), dtype).train()
    learning = {name for name, p in model.named_parameters() if p.requires_grad}
    assert learning
    assert all(".lora_" in name and ".default." in name for name in learning)
    held = {
        name: tensor.clone()
        for name, tensor in (*model.named_parameters(), *model.named_buffers())
        if name not in learning
    }
    beside = any(name.endswith("dependency_up") for name in held)
    assert beside is (dtype is torch.bfloat16)
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    before = {name: p.clone() for name, p in model.named_parameters() if name in learning}
    model(input_ids=IDS, labels=IDS).loss.backward()
    optimizer.step()
    now = dict((*model.named_parameters(), *model.named_buffers()))
    assert all(torch.equal(now[name], tensor) for name, tensor in held.items())
    assert any(not torch.equal(now[name], tensor) for name, tensor in before.items())


def test_a_dependency_never_gets_into_what_is_saved(
    experts: tuple[InstalledExpert, InstalledExpert], tmp_path: Path
) -> None:
    model = with_new_adapter(frozen(experts, 1.0, 1.0))
    assert not any("dependency" in name for name in model.state_dict())


@pytest.mark.parametrize("learning", ["lora", "dora", "ia3", "soft_prompt"])
def test_every_kind_learns_on_what_the_engine_composes(tmp_path: Path, learning: str) -> None:
    """Base, three kinds frozen beneath, one that learns: the engine gives the same logits."""
    library = Library(tmp_path / "library")
    everything = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    kinds = ["lora", "dora"] if learning == "dora" else ["lora", "dora", "ia3"]
    beneath = [
        installed_expert(
            library, f"beneath-{kind}", kind=kind, load_order=n, modules=everything, seed=n
        )
        for n, kind in enumerate(kinds)
    ]
    top = installed_expert(
        library, "on-top", kind=learning, load_order=9, modules=everything, seed=9
    )
    weights = [0.7, -0.4, 1.3][: len(beneath)]
    recipe = Recipe.model_validate(
        {
            "name": "next-one",
            "datasets": [{"path": "rows.jsonl"}],
            "adapter": adapter_said(learning, everything),
            "start": {"name": "on-top"},
            "dependencies": [
                {"name": e.name, "weight": w} for e, w in zip(beneath, weights, strict=True)
            ],
            "quantization": "fp32",
        }
    )
    places = Places(
        str(Folders.default().bundled_base), tuple(str(e.folder) for e in beneath), str(top.folder)
    )
    model = build_model(places, recipe, torch.device("cpu")).eval()
    with torch.no_grad():
        logits = model(input_ids=IDS).logits[0, -IDS.shape[1] :]

    request = BaseRequest(Folders.default().bundled_base, "fp32", "cpu")
    engine = load_engine(request, lambda _share: None)
    try:
        stack = Stack(
            (
                *(member(e, w) for e, w in zip(beneath, weights, strict=True)),
                member(top, 1.0),
            ),
            engine.base.sha256,
            "fp32",
        )
        wanted = engine.logits(IDS[0].tolist(), stack)
        alone = engine.logits(IDS[0].tolist(), Stack(stack.members[:-1], *stack_base(stack)))
    finally:
        engine.close()
    assert torch.linalg.norm(logits - wanted) / torch.linalg.norm(wanted) < 1e-5
    assert torch.linalg.norm(alone - wanted) / torch.linalg.norm(wanted) > 1e-3


def adapter_said(kind: str, modules: list[str]) -> dict[str, Any]:
    """The adapter of a recipe that `expert_factory` makes of that kind."""
    if kind == "soft_prompt":
        return {"kind": kind, "soft_tokens": 4}
    if kind == "ia3":
        return {"kind": kind, "target_modules": modules}
    return {"kind": kind, "target_modules": modules, "r": 4, "alpha": 8}


def member(expert: InstalledExpert, weight: float) -> StackMember:
    order = expert.manifest.constraints.load_order
    return StackMember(
        expert.name, expert.version, expert.weights_sha256, weight, order, "task", expert.folder
    )


def stack_base(stack: Stack) -> tuple[str, Quantization]:
    return stack.base_sha256, stack.quantization


@pytest.mark.parametrize(("kind", "learning"), [("soft_prompt", "lora"), ("ia3", "dora")])
def test_what_cannot_be_stood_on_is_refused(tmp_path: Path, kind: str, learning: str) -> None:
    library = Library(tmp_path / "library")
    other = installed_expert(library, "json-parser", kind=kind)
    config = LoraConfig(
        r=2, target_modules=MODULES, use_dora=learning == "dora", task_type="CAUSAL_LM"
    )
    model = get_peft_model(base(), config)
    with pytest.raises(TrainingError, match="cannot be attached"):
        attach_dependencies(model, [FrozenDependency(other.name, other.folder, 1.0)])
