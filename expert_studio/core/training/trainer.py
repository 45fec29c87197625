"""One supervised run: a recipe and rows become an adapter, by TRL and PEFT.

Base and dependencies are frozen; only the new adapter learns. Knows nothing of processes,
of launching or of packages. Runs in the training process, never in the window's.
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import datasets
import psutil
import torch
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict
from transformers import AutoModelForCausalLM, AutoTokenizer, PrinterCallback
from trl.trainer.sft_config import SFTConfig

from expert_studio.core.datasets.examples import read_examples
from expert_studio.core.errors import TrainingError
from expert_studio.core.experts.bf16 import write_bf16
from expert_studio.core.training.batch_plan import row_order, total_steps
from expert_studio.core.training.events import EventLog, Started
from expert_studio.core.training.recipe import Recipe
from expert_studio.core.training.run_folder import RunFolder
from expert_studio.core.training.trainer_callback import EventCallback
from expert_studio.core.training.trainer_dependencies import (
    FrozenDependency,
    attach_dependencies,
)
from expert_studio.core.training.trainer_loss import AdapterTrainer
from expert_studio.core.training.trainer_rows import TokenRow, token_rows

_DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}
PADDING_TOKENS = 32
_LIBRARIES = ("torch", "transformers", "peft", "trl")


@dataclass(frozen=True, slots=True)
class Trained:
    """How a session ended: at its last step, or stopped before it."""

    step: int
    stopped: bool


@dataclass(frozen=True, slots=True)
class _Rows:
    train: list[TokenRow]
    validation: list[TokenRow]
    dropped: int


def train(run: RunFolder, log: EventLog, should_stop: Callable[[], bool]) -> Trained:
    """Trains from the newest checkpoint, or from the beginning where there is none.

    Writes the adapter to `run.adapter_folder` when the last step is done. `should_stop`
    is asked after every step; a stop saves a checkpoint first.

    Raises:
        TrainingError: the data, a dependency or the base cannot be used.
    """
    began = time.monotonic()
    recipe = run.recipe
    device = chosen_device(recipe.device)
    # Adapters start from random numbers: the seed must stand before the model is built.
    torch.manual_seed(recipe.seed)
    tokenizer = AutoTokenizer.from_pretrained(run.places.base_folder, local_files_only=True)
    rows = _read_rows(run, recipe, tokenizer)
    model = build_model(run, recipe, device)
    per_step = recipe.batches.batch_size * recipe.batches.accumulation
    steps = total_steps(
        len(rows.train), recipe.schedule.epochs, per_step, recipe.schedule.max_steps
    )
    callback = EventCallback(
        log, should_stop, _memory_meter(device), len(rows.train) / per_step, len(rows.validation)
    )
    trainer = _trainer(run, recipe, model, tokenizer, rows, steps, device, callback)
    checkpoint = run.checkpoint()
    log.append(_started(recipe, device, rows, model, steps, checkpoint, time.monotonic() - began))
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    step = int(trainer.state.global_step)
    if callback.stopped:
        return Trained(step, stopped=True)
    round_to_bf16(model)
    if rows.validation:
        trainer.evaluate()
    save_adapter(model, recipe, run.adapter_folder)
    return Trained(step, stopped=False)


def build_model(run: RunFolder, recipe: Recipe, device: torch.device) -> PeftModel:
    """The base with the new adapter to train and the dependencies frozen beneath it."""
    base = AutoModelForCausalLM.from_pretrained(
        run.places.base_folder,
        dtype=_DTYPES[recipe.quantization],
        local_files_only=True,
        use_safetensors=True,
        trust_remote_code=False,
    )
    adapter = recipe.adapter
    config = LoraConfig(
        r=adapter.r,
        lora_alpha=adapter.alpha,  # type: ignore[arg-type]  # PEFT takes fractions too
        lora_dropout=adapter.dropout,
        target_modules=list(adapter.target_modules),
        use_rslora=adapter.rslora,
        task_type="CAUSAL_LM",
    )
    frozen: Any = base
    model = get_peft_model(frozen.to(device), config)
    attach_dependencies(model, frozen_dependencies(run, recipe))
    return model


def frozen_dependencies(run: RunFolder, recipe: Recipe) -> tuple[FrozenDependency, ...]:
    """The recipe's dependencies with the folders of their adapters."""
    folders = (Path(folder) for folder in run.places.dependency_folders)
    return tuple(
        FrozenDependency(dependency.name, folder, dependency.weight)
        for dependency, folder in zip(recipe.dependencies, folders, strict=True)
    )


def chosen_device(wanted: str) -> torch.device:
    """The device a recipe means; "auto" takes CUDA, then MPS, then the CPU.

    Raises:
        TrainingError: it is not there.
    """
    present = ["cpu"]
    if torch.backends.mps.is_available():
        present.insert(0, "mps")
    if torch.cuda.is_available():
        present.insert(0, "cuda")
    name = present[0] if wanted == "auto" else wanted
    if name.split(":")[0] not in present:
        raise TrainingError(
            f"The run wants to train on {name}.",
            f"This machine offers {', '.join(present)}.",
            "Set the recipe's device to auto.",
        )
    return torch.device(name)


def round_to_bf16(model: PeftModel) -> None:
    """Rounds the adapter to the numbers its package can hold, so that both answer alike."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.copy_(parameter.bfloat16().to(parameter.dtype))


def save_adapter(model: PeftModel, recipe: Recipe, folder: Path) -> None:
    """Writes the adapter as bf16 safetensors with its config, by one rename."""
    staging = folder.with_name(folder.name + ".partial")
    staging.mkdir(parents=True, exist_ok=True)
    tensors = {
        name: tensor.detach().to("cpu", torch.bfloat16).contiguous().view(torch.uint16).numpy()
        for name, tensor in get_peft_model_state_dict(model).items()
    }
    write_bf16(staging / "adapter_model.safetensors", tensors)
    adapter = recipe.adapter
    said = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "r": adapter.r,
        "lora_alpha": adapter.alpha,
        "lora_dropout": adapter.dropout,
        "use_rslora": adapter.rslora,
        "use_dora": False,
        "bias": "none",
        "target_modules": sorted(adapter.target_modules),
    }
    (staging / "adapter_config.json").write_text(json.dumps(said, indent=2) + "\n", "utf-8")
    staging.replace(folder)


def _read_rows(run: RunFolder, recipe: Recipe, tokenizer: Any) -> _Rows:
    batches = recipe.batches
    tokenized = [
        token_rows(read_examples(path), tokenizer, batches.max_length, batches.completion_only)
        for path in (run.train_path, run.validation_path)
    ]
    (train_rows, dropped), (validation, dropped_too) = tokenized
    if not train_rows:
        raise TrainingError(
            "There is nothing to learn from.",
            f"All {dropped} rows are longer than {batches.max_length} tokens."
            if dropped
            else "The datasets hold no rows.",
            "Raise max_length or give other data.",
        )
    return _Rows(train_rows, validation, dropped + dropped_too)


def _trainer(
    run: RunFolder,
    recipe: Recipe,
    model: PeftModel,
    tokenizer: Any,
    rows: _Rows,
    steps: int,
    device: torch.device,
    callback: EventCallback,
) -> AdapterTrainer:
    per_step = recipe.batches.batch_size * recipe.batches.accumulation
    order = row_order(
        [len(row.input_ids) for row in rows.train],
        steps,
        per_step,
        recipe.seed,
        recipe.batches.group_by_length,
    )
    trainer = AdapterTrainer(
        model=model,
        args=_arguments(run, recipe, steps, device, bool(rows.validation)),
        train_dataset=_dataset(rows.train).select(order),
        eval_dataset=_dataset(rows.validation) if rows.validation else None,
        processing_class=tokenizer,
        callbacks=[callback],
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def _arguments(
    run: RunFolder, recipe: Recipe, steps: int, device: torch.device, evaluates: bool
) -> SFTConfig:
    schedule, batches, watching = recipe.schedule, recipe.batches, recipe.watching
    return SFTConfig(
        output_dir=str(run.checkpoints_folder),
        max_steps=steps,
        per_device_train_batch_size=batches.batch_size,
        per_device_eval_batch_size=batches.batch_size,
        gradient_accumulation_steps=batches.accumulation,
        # The rows already stand in reading order (`batch_plan`), whatever the epoch.
        train_sampling_strategy="sequential",
        dataset_kwargs={"skip_prepare_dataset": True},
        max_length=None,
        learning_rate=schedule.learning_rate,
        lr_scheduler_type=schedule.shape,
        warmup_steps=schedule.warmup_steps,
        weight_decay=schedule.weight_decay,
        max_grad_norm=schedule.max_grad_norm,
        optim="adamw_torch",
        bf16=recipe.precision == "bf16",
        use_cpu=device.type == "cpu",
        gradient_checkpointing=False,
        logging_steps=1,
        logging_nan_inf_filter=False,
        eval_strategy="steps" if evaluates else "no",
        eval_steps=watching.eval_every,
        save_strategy="steps",
        save_steps=watching.save_every,
        save_total_limit=watching.keep_checkpoints,
        seed=recipe.seed,
        data_seed=recipe.seed,
        # Few distinct shapes: CPU kernels are made anew for each.
        pad_to_multiple_of=PADDING_TOKENS,
        dataloader_pin_memory=False,
        disable_tqdm=True,
        report_to=[],
    )


def _dataset(rows: list[TokenRow]) -> datasets.Dataset:
    return datasets.Dataset.from_dict(
        {
            "input_ids": [row.input_ids for row in rows],
            "labels": [row.labels for row in rows],
        }
    )


def _started(
    recipe: Recipe,
    device: torch.device,
    rows: _Rows,
    model: PeftModel,
    steps: int,
    checkpoint: Path | None,
    preparation_s: float,
) -> Started:
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    if device.type == "cpu":
        name = f"CPU {platform.machine()}, {torch.get_num_threads()} threads"
    return Started(
        at_s=time.time(),
        device=str(device),
        device_name=name,
        precision=recipe.precision,
        total_steps=steps,
        from_step=int(checkpoint.name.rpartition("-")[2]) if checkpoint else 0,
        train_rows=len(rows.train),
        eval_rows=len(rows.validation),
        dropped_rows=rows.dropped,
        trainable_parameters=sum(p.numel() for p in model.parameters() if p.requires_grad),
        versions={library: version(library) for library in _LIBRARIES},
        preparation_s=round(preparation_s, 2),
    )


def _memory_meter(device: torch.device) -> Callable[[], int]:
    if device.type == "cuda":
        return lambda: int(torch.cuda.max_memory_reserved(device))
    process = psutil.Process()
    return lambda: int(process.memory_info().rss)
