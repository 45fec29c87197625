"""One run: a recipe and rows become an adapter, by TRL and PEFT.

Base and dependencies are frozen; only the new adapter learns. Knows nothing of processes,
of launching or of packages. Runs in the training process, never in the window's.
"""

from __future__ import annotations

import os
import platform
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
import torch
from peft import PeftModel
from transformers import AutoTokenizer, PrinterCallback, Trainer

from expert_studio.core.errors import TrainingError
from expert_studio.core.training.arithmetic import computed_in
from expert_studio.core.training.events import BestKept, EventLog, Started
from expert_studio.core.training.own_tests import own_tests
from expert_studio.core.training.recipe import Recipe
from expert_studio.core.training.run_folder import RunFolder
from expert_studio.core.training.trainer_answers import AnswersOnTheWay
from expert_studio.core.training.trainer_arguments import preference_arguments, sft_arguments
from expert_studio.core.training.trainer_callback import EventCallback, Wishes
from expert_studio.core.training.trainer_data import RunRows, read_rows, watched_examples
from expert_studio.core.training.trainer_loss import AdapterTrainer
from expert_studio.core.training.trainer_model import (
    build_model,
    load_start,
    round_to_bf16,
    save_adapter,
)
from expert_studio.core.training.trainer_preference import PreferenceTrainer

_LIBRARIES = ("torch", "transformers", "peft", "trl")
BEST_KEPT = 3


@dataclass(frozen=True, slots=True)
class Trained:
    """How a session ended: at its last step, or stopped before it."""

    step: int
    stopped: bool


def train(run: RunFolder, log: EventLog, wishes: Wishes) -> Trained:
    """Trains from the newest checkpoint, or from the beginning where there is none.

    Writes the adapter to `run.adapter_folder` when the last step is done. `wishes` are asked
    after every step; a stop and a pause save a checkpoint first.

    Raises:
        TrainingError: the data, a dependency or the base cannot be used, or the loss is no
            number any more.
    """
    began = time.monotonic()
    recipe = run.recipe
    device = chosen_device(recipe.device)
    # Adapters start from random numbers: the seed must stand before the model is built.
    torch.manual_seed(recipe.seed)
    tokenizer = AutoTokenizer.from_pretrained(run.places.base_folder, local_files_only=True)
    rows = read_rows(run, recipe, tokenizer)
    model = build_model(run.places, recipe, device)
    callback = EventCallback(log, wishes, memory_meter(device), rows, recipe.watching.early_stop)
    checkpoint = run.checkpoint()
    callback.take_up(run.events(), checkpoint)
    trainer = _trainer(run, recipe, model, tokenizer, rows, device, callback)
    callback.keep_best = lambda step, loss: _keep_best(run, recipe, model, log, step, loss)
    if is_first_process():
        callback.answers = AnswersOnTheWay(
            model, tokenizer, recipe, watched_examples(run, recipe), own_tests(run), log, device
        )
    log.append(_started(recipe, device, rows, model, checkpoint, time.monotonic() - began))
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    step = int(trainer.state.global_step)
    if callback.diverged_at is not None:
        raise _diverged(recipe, callback.diverged_at)
    if callback.stopped:
        return Trained(step, stopped=True)
    _finish(run, recipe, model, trainer, callback, has_validation=rows.watched > 0)
    return Trained(step, stopped=False)


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
    if name == "cuda" and "LOCAL_RANK" in os.environ:  # one of several processes: its own card
        name = f"cuda:{os.environ['LOCAL_RANK']}"
    cards = torch.cuda.device_count() if name.startswith("cuda:") else 0
    if name.startswith("cuda:") and int(name.partition(":")[2]) >= cards:
        raise TrainingError(
            f"The run wants to train on {name}.",
            f"This machine has {cards} cards.",
            "Set the recipe's device to auto, and processes to the number of cards or less.",
        )
    return torch.device(name)


def is_first_process() -> bool:
    """Whether this one writes for its group; true where there is no group."""
    return os.environ.get("RANK", "0") == "0"


def memory_meter(device: torch.device) -> Callable[[], int]:
    """What the worker holds now, in bytes: device memory on a GPU, else its resident memory."""
    if device.type == "cuda":
        return lambda: int(torch.cuda.max_memory_reserved(device))
    process = psutil.Process()
    return lambda: int(process.memory_info().rss)


def _trainer(
    run: RunFolder,
    recipe: Recipe,
    model: PeftModel,
    tokenizer: Any,
    rows: RunRows,
    device: torch.device,
    callback: EventCallback,
) -> Trainer:
    said: dict[str, Any] = {
        "model": model,
        "train_dataset": rows.train,
        "eval_dataset": rows.validation,
        "processing_class": tokenizer,
        "callbacks": [callback],
    }
    trainer: Trainer
    if recipe.method == "dpo":
        trainer = PreferenceTrainer(args=preference_arguments(run, recipe, rows, device), **said)
        trainer.freeze_reference()
    else:
        if rows.collator is not None:
            said["data_collator"] = rows.collator
        trainer = AdapterTrainer(args=sft_arguments(run, recipe, rows, device), **said)
    trainer.remove_callback(PrinterCallback)
    return trainer


def _finish(
    run: RunFolder,
    recipe: Recipe,
    model: PeftModel,
    trainer: Trainer,
    callback: EventCallback,
    has_validation: bool,
) -> None:
    """The adapter as its package will hold it, measured once more as such."""
    if callback.stopped_early and callback.best is not None:
        load_start(model, run.best_folder / callback.best.folder)
    round_to_bf16(model)
    if has_validation:
        callback.finishing = True
        trainer.evaluate()
    if is_first_process():
        save_adapter(model, recipe.adapter, run.adapter_folder)


def _keep_best(
    run: RunFolder, recipe: Recipe, model: PeftModel, log: EventLog, step: int, loss: float
) -> BestKept:
    """Writes the adapter as it is; only the best few stay."""
    name = f"step-{step}"
    kept = BestKept(time.time(), step, loss, name)
    if not is_first_process():
        return kept
    shutil.rmtree(run.best_folder / name, ignore_errors=True)
    run.best_folder.mkdir(exist_ok=True)
    save_adapter(model, recipe.adapter, run.best_folder / name)
    log.append(kept)
    known = {event.folder: event for event in run.events() if isinstance(event, BestKept)}
    there = [event for event in known.values() if (run.best_folder / event.folder).is_dir()]
    for event in sorted(there, key=lambda event: event.loss)[BEST_KEPT:]:
        shutil.rmtree(run.best_folder / event.folder, ignore_errors=True)
    return kept


def _diverged(recipe: Recipe, step: int) -> TrainingError:
    rate = recipe.schedule.learning_rate
    return TrainingError(
        f"The training stopped at step {step}: its loss is no number any more.",
        "The adapter's weights grew without bound.",
        f"Set learning_rate to {rate / 3:.1g} or lower and train again; "
        "the checkpoints before that step are kept.",
    )


def _started(
    recipe: Recipe,
    device: torch.device,
    rows: RunRows,
    model: PeftModel,
    checkpoint: Path | None,
    preparation_s: float,
) -> Started:
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    if device.type == "cpu":
        count = torch.get_num_threads()
        name = f"CPU {platform.machine()}, {count} thread{'s' if count > 1 else ''}"
    return Started(
        at_s=time.time(),
        device=str(device),
        device_name=name,
        precision=computed_in(recipe, device.type),
        total_steps=rows.steps,
        from_step=int(checkpoint.name.rpartition("-")[2]) if checkpoint else 0,
        train_rows=rows.learned,
        eval_rows=rows.watched,
        dropped_rows=rows.dropped,
        trainable_parameters=sum(p.numel() for p in model.parameters() if p.requires_grad),
        versions={library: version(library) for library in _LIBRARIES},
        preparation_s=round(preparation_s, 2),
    )
