"""What our events, checks and order of rows cost: the same steps by a bare TRL script beside it.

    pytest -m long -s tests/core/training/test_throughput.py      on the CPU
    pytest -m gpu -s tests/core/training/test_throughput.py       on a card

Both train the same rows in the same order, padded alike, with the same optimizer, schedule,
precision and logging: that the first loss and the tokens read are equal is asserted. How fast
either is depends on the machine: it is told, not judged.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from transformers import AutoTokenizer

from expert_studio.core.datasets.examples import read_examples
from expert_studio.core.settings import Folders
from expert_studio.core.training import launch
from expert_studio.core.training.batch_plan import row_order
from expert_studio.core.training.events import Step
from expert_studio.core.training.recipe import Recipe
from expert_studio.core.training.run_folder import RunFolder
from expert_studio.core.training.trainer_rows import IGNORED_LABEL, token_rows
from tests.core.training import runs

STEPS, BATCH, LENGTH, ROUNDS = 16, 8, 160, 2
WARM = 4  # first steps, in which kernels are made
RATE = 1e-3
MODULES = ("q_proj", "v_proj", "down_proj")
BARE = """
import json, sys, time
from pathlib import Path
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import SFTConfig, SFTTrainer
said = json.loads(sys.argv[1])
tokenizer = AutoTokenizer.from_pretrained(said["base"], local_files_only=True)
rows = [json.loads(line) for line in Path(said["rows"]).read_text().splitlines()]
times, losses, tokens = [], [], []
class Clock(TrainerCallback):
    def on_log(self, args, state, control, logs=None, **kwargs):
        if "loss" in logs:
            times.append(time.monotonic())
            losses.append(logs["loss"])
            tokens.append(logs["num_tokens"])
trainer = SFTTrainer(
    model=AutoModelForCausalLM.from_pretrained(said["base"], local_files_only=True,
        dtype=said["dtype"]).to(said["device"]),
    args=SFTConfig(output_dir=said["output"], max_steps=said["steps"],
        per_device_train_batch_size=said["batch"], max_length=said["length"],
        pad_to_multiple_of=32, train_sampling_strategy="sequential",
        completion_only_loss=said["completion_only"], learning_rate=said["rate"],
        lr_scheduler_type="cosine", warmup_steps=0, optim="adamw_torch", max_grad_norm=1.0,
        use_cpu=said["device"] == "cpu", bf16=said["dtype"] == "bfloat16",
        gradient_checkpointing=False, logging_steps=1, save_strategy="no", seed=1,
        report_to=[], disable_tqdm=True, dataloader_pin_memory=False),
    train_dataset=Dataset.from_list(rows),
    processing_class=tokenizer, callbacks=[Clock()],
    peft_config=LoraConfig(r=8, lora_alpha=16, task_type="CAUSAL_LM",
        target_modules=said["modules"]))
trainer.train()
print("TOLD", json.dumps({"times": times, "loss": losses[0], "tokens": tokens[-1]}))
"""


@dataclass(frozen=True, slots=True)
class Work:
    """What is trained, by either."""

    completion_only: bool
    device: str

    @property
    def precision(self) -> str:
        return "fp32" if self.device == "cpu" else "bf16"

    @property
    def recipe(self) -> Recipe:
        return runs.tiny_recipe(
            adapter={"r": 8, "alpha": 16, "target_modules": MODULES},
            schedule={"max_steps": STEPS, "learning_rate": RATE, "warmup_steps": 0},
            batches={
                "batch_size": BATCH, "max_length": LENGTH, "completion_only": self.completion_only,
            },
            watching={"eval_rows": 0, "save_every": STEPS},
            precision=self.precision,
            quantization=self.precision,
            device=self.device,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Told:
    """Seconds a step: the median, so that what the machine does beside it for a moment is out."""

    step_s: float
    first_loss: float
    tokens: int


def told(times: list[float], first_loss: float, tokens: int) -> Told:
    later = zip(times[WARM:], times[WARM + 1 :], strict=False)
    return Told(median(b - a for a, b in later), first_loss, tokens)


def ours(work: Work, home: Path) -> tuple[Told, RunFolder]:
    run = launch.start(work.recipe, Folders(home), home)
    runs.until_over(run)
    assert run.state().status == "finished", run.log_path.read_text()
    steps = [event for event in run.events() if isinstance(event, Step)]
    return told([e.at_s for e in steps], steps[0].loss, steps[-1].tokens), run


def bare(work: Work, home: Path, run: RunFolder) -> Told:
    said: dict[str, Any] = {
        "base": run.places.base_folder, "rows": str(_in_our_order(work, run)),
        "output": str(home / "bare"), "steps": STEPS, "batch": BATCH, "length": LENGTH,
        "rate": RATE, "modules": MODULES, "completion_only": work.completion_only,
        "device": work.device, "dtype": "float32" if work.precision == "fp32" else "bfloat16",
    }  # fmt: skip
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", BARE, json.dumps(said)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "TOLD " in ended.stdout, ended.stderr
    found = json.loads(ended.stdout.partition("TOLD ")[2].splitlines()[0])
    return told(found["times"], found["loss"], int(found["tokens"]))


def _in_our_order(work: Work, run: RunFolder) -> Path:
    """The run's tokens, in the order its steps read them, as TRL takes them."""
    examples = read_examples(run.train_path)
    tokenizer = AutoTokenizer.from_pretrained(run.places.base_folder, local_files_only=True)
    rows, dropped = token_rows(examples, tokenizer, LENGTH, work.completion_only)
    assert not dropped
    order = row_order([len(row.input_ids) for row in rows], STEPS, BATCH, work.recipe.seed, True)
    path = run.data_folder / "in-order.jsonl"
    with path.open("w", encoding="utf-8") as lines:
        for row in (rows[number] for number in order):
            said = {"input_ids": row.input_ids}
            if work.completion_only:
                said["completion_mask"] = [int(label != IGNORED_LABEL) for label in row.labels]
            lines.write(json.dumps(said) + "\n")
    return path


@pytest.mark.parametrize(
    "device",
    [pytest.param("cpu", marks=pytest.mark.long), pytest.param("cuda", marks=pytest.mark.gpu)],
)
@pytest.mark.parametrize("completion_only", [True, False], ids=["answers", "whole rows"])
def test_as_fast_as_a_bare_script(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], completion_only: bool, device: str
) -> None:
    """Rounds of either in turns; about a minute each."""
    work = Work(completion_only, device)
    runs.write_data(tmp_path, STEPS * BATCH)
    ratios = []
    for _ in range(ROUNDS):
        began = time.monotonic()
        mine, run = ours(work, tmp_path)
        theirs = bare(work, tmp_path, run)
        assert mine.first_loss == pytest.approx(theirs.first_loss, rel=1e-3)
        assert mine.tokens == theirs.tokens
        ratios.append(theirs.step_s / mine.step_s)
        with capsys.disabled():
            print(f"\n{device}, loss of {'answers' if completion_only else 'whole rows'}: "
                  f"ours {mine.step_s:.3f} s a step, bare TRL {theirs.step_s:.3f}; "
                  f"speed {ratios[-1]:.2f} ({time.monotonic() - began:.0f} s)", end="")  # fmt: skip
    with capsys.disabled():
        print(f"\n  median {median(ratios):.2f}; at least 0.95 is wanted", end="")
