"""A recipe in the words of TRL's configurations. Knows nothing of models or of rows' text."""

from __future__ import annotations

from typing import Any

import torch
from trl.trainer.dpo_config import DPOConfig
from trl.trainer.sft_config import SFTConfig

from expert_studio.core.training.arithmetic import computed_in
from expert_studio.core.training.recipe import Recipe
from expert_studio.core.training.run_folder import RunFolder
from expert_studio.core.training.trainer_data import PADDING_TOKENS, RunRows


def sft_arguments(run: RunFolder, recipe: Recipe, rows: RunRows, device: torch.device) -> SFTConfig:
    """For `AdapterTrainer`."""
    return SFTConfig(
        dataset_kwargs={"skip_prepare_dataset": True},
        max_length=None,
        remove_unused_columns=rows.collator is None,
        pad_to_multiple_of=PADDING_TOKENS,
        **_shared(run, recipe, rows, device),
    )


def preference_arguments(
    run: RunFolder, recipe: Recipe, rows: RunRows, device: torch.device
) -> DPOConfig:
    """For `PreferenceTrainer`. Dropout is off, as TRL has it: the reference has none either."""
    said = recipe.preference
    return DPOConfig(
        beta=said.beta,
        loss_type=[said.loss],
        label_smoothing=said.label_smoothing,
        max_length=None,
        pad_to_multiple_of=PADDING_TOKENS,
        **_shared(run, recipe, rows, device),
    )


def _shared(run: RunFolder, recipe: Recipe, rows: RunRows, device: torch.device) -> dict[str, Any]:
    schedule, batches, watching = recipe.schedule, recipe.batches, recipe.watching
    return {
        "output_dir": str(run.checkpoints_folder),
        "max_steps": rows.steps,
        "per_device_train_batch_size": batches.batch_size,
        "per_device_eval_batch_size": batches.batch_size,
        "gradient_accumulation_steps": batches.accumulation,
        # The rows already stand in reading order (`batch_plan`), whatever the epoch.
        "train_sampling_strategy": "sequential",
        "learning_rate": schedule.learning_rate,
        "lr_scheduler_type": schedule.shape,
        "warmup_steps": schedule.warmup_steps,
        "weight_decay": schedule.weight_decay,
        "max_grad_norm": schedule.max_grad_norm,
        "optim": "adamw_torch",
        "bf16": computed_in(recipe, device.type) == "bf16",
        "use_cpu": device.type == "cpu",
        "gradient_checkpointing": batches.gradient_checkpointing,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "eval_strategy": "no" if rows.validation is None else "steps",
        "eval_steps": watching.eval_every,
        "prediction_loss_only": True,
        "save_strategy": "steps",
        "save_steps": watching.save_every,
        "save_total_limit": watching.keep_checkpoints,
        "seed": recipe.seed,
        "data_seed": recipe.seed,
        "dataloader_pin_memory": False,
        "disable_tqdm": True,
        "report_to": [],
    }
