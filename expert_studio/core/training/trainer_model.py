"""The model that learns: a frozen base, quantized or not, with one adapter to train on it.

Knows PEFT's four configurations and how an adapter is written down. Knows nothing of rows,
losses or steps.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from peft import (
    IA3Config,
    LoraConfig,
    PeftModel,
    PromptTuningConfig,
    get_peft_model,
    get_peft_model_state_dict,
    set_peft_model_state_dict,
)
from peft.config import PeftConfig
from safetensors.torch import load_file
from torch import Tensor
from transformers import AutoModelForCausalLM, BitsAndBytesConfig

from expert_studio.core.errors import TrainingError
from expert_studio.core.experts.adapter_config import AdapterConfig, write_adapter_config
from expert_studio.core.experts.bf16 import write_bf16
from expert_studio.core.training.arithmetic import computed_in, held_as
from expert_studio.core.training.recipe import Adapter, Recipe
from expert_studio.core.training.run_folder import Places
from expert_studio.core.training.trainer_dependencies import (
    FrozenDependency,
    attach_dependencies,
)

WEIGHTS_FILE = "adapter_model.safetensors"
CONFIG_FILE = "adapter_config.json"
_DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}


def build_model(places: Places, recipe: Recipe, device: torch.device) -> PeftModel:
    """The base with the new adapter to train and the dependencies frozen beneath it.

    Raises:
        TrainingError: a dependency or the start does not fit this base.
    """
    base: Any = AutoModelForCausalLM.from_pretrained(
        places.base_folder,
        local_files_only=True,
        use_safetensors=True,
        trust_remote_code=False,
        **_held(recipe, device),
    )
    if recipe.quantization in _DTYPES:
        # rounded as it is held, then in the numbers that are quick here
        base = base.to(device, _DTYPES[held_as(recipe, device.type)])
    for parameter in base.parameters():
        parameter.requires_grad_(False)
    model = get_peft_model(base, peft_config(recipe.adapter))
    for parameter in model.parameters():
        if parameter.requires_grad and parameter.dtype is not torch.float32:
            parameter.data = parameter.data.float()
    if recipe.start is not None:
        load_start(model, Path(places.start_folder))
    attach_dependencies(model, frozen_dependencies(places, recipe))
    return model


def peft_config(adapter: Adapter) -> PeftConfig:
    """PEFT's configuration of an adapter, of plain numbers and names only."""
    if adapter.kind == "soft_prompt":
        return PromptTuningConfig(num_virtual_tokens=adapter.soft_tokens, task_type="CAUSAL_LM")
    if adapter.kind == "ia3":
        return IA3Config(
            target_modules=list(adapter.target_modules),
            feedforward_modules=list(adapter.feedforward_modules),
            task_type="CAUSAL_LM",
        )
    return LoraConfig(
        r=adapter.r,
        lora_alpha=adapter.alpha,  # type: ignore[arg-type]  # PEFT takes fractions too
        lora_dropout=adapter.dropout,
        target_modules=list(adapter.target_modules),
        use_rslora=adapter.rslora,
        use_dora=adapter.kind == "dora",
        task_type="CAUSAL_LM",
    )


def load_start(model: PeftModel, folder: Path) -> None:
    """Puts an installed expert's weights in place of the fresh ones.

    Raises:
        TrainingError: they are not of this adapter's shape.
    """
    tensors = {name: tensor.float() for name, tensor in load_file(folder / WEIGHTS_FILE).items()}
    wanted = get_peft_model_state_dict(model)
    if {n: t.shape for n, t in tensors.items()} != {n: t.shape for n, t in wanted.items()}:
        raise TrainingError(
            "Learning cannot go on from that expert.",
            "Its weights are not of the shape that the recipe's adapter has.",
            "Start from a fresh adapter, or take its rank and layers into the recipe.",
        )
    set_peft_model_state_dict(model, tensors)


def frozen_dependencies(places: Places, recipe: Recipe) -> tuple[FrozenDependency, ...]:
    """The recipe's dependencies with the folders of their adapters."""
    folders = (Path(folder) for folder in places.dependency_folders)
    return tuple(
        FrozenDependency(dependency.name, folder, dependency.weight)
        for dependency, folder in zip(recipe.dependencies, folders, strict=True)
    )


def round_to_bf16(model: PeftModel) -> None:
    """Rounds the adapter to the numbers its package can hold, so that both answer alike."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.copy_(parameter.bfloat16().to(parameter.dtype))


def adapter_tensors(model: PeftModel) -> Mapping[str, Tensor]:
    """What the package holds, by PEFT's names; on the CPU."""
    return {
        name: tensor.detach().to("cpu").contiguous()
        for name, tensor in get_peft_model_state_dict(model).items()
    }


def save_adapter(model: PeftModel, adapter: Adapter, folder: Path) -> None:
    """Writes the adapter as bf16 safetensors with its config, by one rename."""
    staging = folder.with_name(folder.name + ".partial")
    staging.mkdir(parents=True, exist_ok=True)
    tensors = {
        name: tensor.to(torch.bfloat16).view(torch.uint16).numpy()
        for name, tensor in adapter_tensors(model).items()
    }
    write_bf16(staging / WEIGHTS_FILE, tensors)
    (staging / CONFIG_FILE).write_bytes(write_adapter_config(_described(adapter)))
    staging.replace(folder)


def _described(adapter: Adapter) -> AdapterConfig:
    if adapter.kind == "soft_prompt":
        return AdapterConfig(kind="soft_prompt", soft_tokens=adapter.soft_tokens)
    modules = tuple(sorted(adapter.target_modules))
    if adapter.kind == "ia3":
        feedforward = tuple(sorted(adapter.feedforward_modules))
        return AdapterConfig(kind="ia3", target_modules=modules, feedforward_modules=feedforward)
    return AdapterConfig(
        kind=adapter.kind,
        r=adapter.r,
        alpha=adapter.alpha,
        use_rslora=adapter.rslora,
        use_dora=adapter.kind == "dora",
        target_modules=modules,
    )


def _held(recipe: Recipe, device: torch.device) -> dict[str, Any]:
    """How transformers is to hold the base."""
    if recipe.quantization in _DTYPES:
        return {"dtype": _DTYPES[recipe.quantization]}
    computed = _DTYPES[computed_in(recipe, device.type)]
    quantized: Any = BitsAndBytesConfig
    if recipe.quantization == "int8":
        said = quantized(load_in_8bit=True)
    else:
        said = quantized(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            # as the engine holds it: what is learned on is what answers
            bnb_4bit_use_double_quant=False,
            bnb_4bit_compute_dtype=computed,
        )
    return {"quantization_config": said, "dtype": computed, "device_map": {"": str(device)}}
