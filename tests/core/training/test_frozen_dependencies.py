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
from expert_studio.core.settings import Folders
from expert_studio.core.training.trainer_dependencies import (
    FrozenDependency,
    attach_dependencies,
)
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


def base() -> Any:
    folder = Folders.default().bundled_base
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)


def with_new_adapter(dependencies: list[FrozenDependency]) -> PeftModel:
    """The base with a new adapter that already answers differently from it."""
    torch.manual_seed(3)
    config = LoraConfig(
        r=4, lora_alpha=8, target_modules=MODULES, init_lora_weights=False, task_type="CAUSAL_LM"
    )
    model = get_peft_model(base(), config)
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


def test_only_the_new_adapter_learns(
    experts: tuple[InstalledExpert, InstalledExpert],
) -> None:
    model = with_new_adapter(frozen(experts, 1.0, 1.0)).train()
    learning = {name for name, p in model.named_parameters() if p.requires_grad}
    assert learning
    assert all(".lora_" in name and ".default." in name for name in learning)
    held = {
        name: tensor.clone()
        for name, tensor in (*model.named_parameters(), *model.named_buffers())
        if name not in learning
    }
    assert any(name.endswith("dependency_up") for name in held)
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


def test_a_dependency_of_another_shape_is_refused(tmp_path: Path) -> None:
    library = Library(tmp_path / "library")
    other = installed_expert(library, "json-parser", kind="ia3")
    with pytest.raises(TrainingError, match="must be LoRA"):
        with_new_adapter([FrozenDependency(other.name, other.folder, 1.0)])
