"""What a training run will take, and whether it fits, before anything of it is started.

Brings together a recipe, its rows' lengths, the base's shape and what earlier estimates were
worth on this machine. Torch-free; knows no arithmetic (`inference.memory_estimate`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from expert_studio.core.datasets.quality_tokens import TokenCounter
from expert_studio.core.inference.decoder_shape import read_shape
from expert_studio.core.inference.memory_estimate import (
    TrainingLoad,
    TrainingMemory,
    free_bytes,
    in_words,
    training_estimate,
)
from expert_studio.core.settings import Folders
from expert_studio.core.telemetry.gpu import Sampler
from expert_studio.core.training.launch import find_base
from expert_studio.core.training.measured_memory import UsualError, usual_error
from expert_studio.core.training.recipe import Recipe
from expert_studio.core.training.rows import Row, gather_rows
from expert_studio.core.training.smaller import Smaller, smaller

Device = Literal["cpu", "mps", "cuda"]
PADDING_TOKENS = 32  # rows are padded to a multiple of it (`training.trainer_data`)
MOST_COUNTED = 4000  # rows whose tokens are counted; the longest ones by their characters


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What a run takes on a device, against what is free there and what the chat holds.

    Attributes:
        tokens: of the longest row; from_data: counted, not taken from max_length.
        chat_bytes: what the window's base holds on that device now.
        free_bytes: what is free there now, beside the chat.
        usual: how far estimates were off here so far; None: no run was measured yet.
        change: the least change that would take less; None where it fits or nothing is left.
    """

    device: Device
    memory: TrainingMemory
    tokens: int
    from_data: bool
    chat_bytes: int
    free_bytes: int
    usual: UsualError | None
    change: Smaller | None

    @property
    def fits(self) -> bool:
        """Beside the chat, as things are."""
        return self.memory.total <= self.free_bytes

    @property
    def fits_without_chat(self) -> bool:
        """Once the chat's base is unloaded."""
        return self.memory.total <= self.free_bytes + self.chat_bytes

    def words(self) -> str:
        """One or two sentences for a person."""
        said = f"The run takes about {in_words(self.memory.total)}"
        if self.usual is not None:
            said += f" (earlier estimates here were off by {self.usual.median:+.0%})"
        if self.fits:
            return f"{said}; {in_words(self.free_bytes)} are free."
        if self.fits_without_chat:
            return (
                f"{said}, and chat and run do not fit together: {in_words(self.free_bytes)} are "
                f"free. Unloading the chat's base frees {in_words(self.chat_bytes)}."
            )
        remedy = self.change.words if self.change else "Take a smaller base."
        return (
            f"{said}, but {in_words(self.free_bytes + self.chat_bytes)} are all there is. {remedy}"
        )


def plan_run(
    recipe: Recipe,
    folders: Folders,
    beside: Path | None = None,
    chat_bytes: int = 0,
    corpus: Path | None = None,
) -> RunPlan:
    """Estimates a run. Counts the tokens of its rows where they are files; slow for many.

    Raises:
        CompatibilityError: the base is not on this machine.
        LoadError: the base cannot be read.
        DatasetError: the rows cannot be read.
    """
    base = find_base(recipe.base, folders)
    counted = _longest(recipe, base, beside or Path.cwd(), corpus)
    tokens = counted or recipe.batches.max_length
    device = likely_device(recipe.device)
    free = free_on(device)
    memory = training_estimate(read_shape(base), load_of(recipe, tokens, device))
    usual = usual_error(folders.runs, device)
    change = None
    if memory.total > free + chat_bytes:
        change = smaller(recipe, device == "cuda")
    return RunPlan(device, memory, tokens, counted is not None, chat_bytes, free, usual, change)


def load_of(recipe: Recipe, tokens: int, device: Device) -> TrainingLoad:
    """The recipe in the estimator's words, for rows of so many tokens at most.

    Rows of one batch begin their answers at different places: all positions may be scored.
    """
    adapter, batches = recipe.adapter, recipe.batches
    if batches.packing:
        tokens = batches.max_length
    padded = -(-tokens // PADDING_TOKENS) * PADDING_TOKENS
    return TrainingLoad(
        kind=adapter.kind,
        rank=adapter.r,
        modules=adapter.target_modules,
        soft_tokens=adapter.soft_tokens,
        batch_size=batches.batch_size,
        tokens=padded,
        scored_tokens=padded,
        checkpointing=batches.gradient_checkpointing,
        pairs=recipe.method == "dpo",
        held=recipe.quantization,
        computed=recipe.precision,
        device=device,
        dependencies=len(recipe.dependencies),
    )


def likely_device(wanted: str) -> Device:
    """Where a recipe's run will train, as far as it is known without torch."""
    name = wanted.partition(":")[0]
    if name == "auto":
        with Sampler() as sampler:
            return "cuda" if sampler.sample().gpus else "cpu"
    return "cuda" if name == "cuda" else "mps" if name == "mps" else "cpu"


def free_on(device: Device) -> int:
    """Bytes that are free on a device now: the machine's memory, or the roomiest card's."""
    if device != "cuda":
        return free_bytes()
    with Sampler() as sampler:
        cards = sampler.sample().gpus
    return max((card.total_bytes - card.used_bytes for card in cards), default=0)


def _longest(recipe: Recipe, base: Path, beside: Path, corpus: Path | None) -> int | None:
    """Tokens of the longest row that is learned from; None where rows are yet to be made.

    A dataset recipe makes its rows when the run starts, which takes too long for an estimate.
    """
    if any(part.path.endswith(".json") for part in recipe.datasets):
        return None
    rows = sorted(gather_rows(recipe, beside, corpus).train, key=_characters, reverse=True)
    counts = TokenCounter(base).count(rows[:MOST_COUNTED])
    most = recipe.batches.max_length
    return max((count for count in counts if count <= most), default=most)


def _characters(row: Row) -> int:
    return len(str(row))


def owners(memory: TrainingMemory) -> Sequence[tuple[str, int]]:
    """What takes how much, in words, in the order to show it."""
    return (
        ("libraries", memory.libraries),
        ("base", memory.base),
        ("adapter", memory.adapter),
        ("gradients", memory.gradients),
        ("optimiser", memory.optimizer),
        ("activations", memory.activations),
        ("vocabulary scores", memory.scores),
        ("held by the allocator", memory.slack),
    )
