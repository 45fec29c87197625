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
from expert_studio.core.datasets.row_body import Item
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
from expert_studio.core.training.arithmetic import computed_in, held_as
from expert_studio.core.training.batch_plan import row_order
from expert_studio.core.training.launch import find_base
from expert_studio.core.training.measured_memory import UsualError, usual_error
from expert_studio.core.training.recipe import Recipe
from expert_studio.core.training.rows import gather_rows
from expert_studio.core.training.smaller import Smaller, smaller

Device = Literal["cpu", "mps", "cuda"]
PADDING_TOKENS = 32  # rows are padded to a multiple of it (`training.trainer_data`)
END_TOKENS = 2  # scored beside an answer: its end-of-turn token, and the position before it
MOST_COUNTED = 4000  # rows whose tokens are counted; the longest ones by their characters


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What a run takes on a device, against what is free there and what the chat holds.

    Attributes:
        tokens: of the longest row that is learned from.
        from_data: they were counted, not taken from max_length.
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
                f"free. Unloading the chat's base frees {in_words(self.chat_bytes)}; the "
                "next question in the chat loads it again."
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
    rows: Sequence[Item] | None = None,
) -> RunPlan:
    """Estimates a run. Counts the tokens of its rows where they are files; slow for many.

    `rows` are those it learns from, where they do not lie where the recipe says yet.

    Raises:
        CompatibilityError: the base is not on this machine.
        LoadError: the base cannot be read.
        DatasetError: the rows cannot be read.
    """
    base = find_base(recipe.base, folders)
    if rows is None:
        rows = _rows(recipe, beside or Path.cwd(), corpus)
    batches = _batches(recipe, base, rows) if rows else ()
    tokens = max((tokens for tokens, _ in batches), default=recipe.batches.max_length)
    device = likely_device(recipe.device)
    free = free_on(device)
    shape = read_shape(base)
    each = {load_of(recipe, batch, device) for batch in batches or ((tokens, tokens),)}
    memory = max((training_estimate(shape, load) for load in each), key=lambda said: said.total)
    usual = usual_error(folders.runs, device)
    change = None
    if memory.total > free + chat_bytes:
        change = smaller(recipe, device == "cuda")
    return RunPlan(device, memory, tokens, bool(batches), chat_bytes, free, usual, change)


def load_of(recipe: Recipe, batch: tuple[int, int], device: Device) -> TrainingLoad:
    """The recipe in the estimator's words, for a batch of (tokens a row, positions scored)."""
    adapter, batches = recipe.adapter, recipe.batches
    tokens, scored = batch
    if batches.packing:  # answers lie anywhere in such a row
        tokens = scored = batches.max_length
    padded = -(-tokens // PADDING_TOKENS) * PADDING_TOKENS
    return TrainingLoad(
        kind=adapter.kind,
        rank=adapter.r,
        modules=adapter.target_modules,
        soft_tokens=adapter.soft_tokens,
        batch_size=batches.batch_size,
        tokens=padded,
        scored_tokens=min(scored, padded),
        checkpointing=batches.gradient_checkpointing,
        pairs=recipe.method == "dpo",
        held=held_as(recipe, device),
        computed=computed_in(recipe, device),
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


def _rows(recipe: Recipe, beside: Path, corpus: Path | None) -> Sequence[Item]:
    """The rows that are learned from; none where they are yet to be made.

    A dataset recipe makes its rows when the run starts, which takes too long for an estimate.
    """
    if any(part.path.endswith(".json") for part in recipe.datasets):
        return ()
    return gather_rows(recipe, beside, corpus).train


def _batches(recipe: Recipe, base: Path, rows: Sequence[Item]) -> tuple[tuple[int, int], ...]:
    """(Tokens of the longest row, positions scored) of every batch of an epoch, in its order.

    A position is scored where any row of the batch has its answer. Of very many rows only the
    longest are taken, which errs on the safe side.
    """
    most, batches = recipe.batches.max_length, recipe.batches
    if len(rows) > MOST_COUNTED:
        rows = sorted(rows, key=_characters, reverse=True)[:MOST_COUNTED]
    counted = [each for each in TokenCounter(base).count_answers(rows) if each[0] <= most]
    per_step = batches.batch_size * batches.accumulation * recipe.processes
    lengths = [whole for whole, _ in counted]
    if not lengths:
        return ()
    steps = -(-len(counted) // per_step)
    order = row_order(lengths, steps, per_step, recipe.seed, batches.group_by_length)
    found = []
    for at in range(0, len(order), batches.batch_size):
        batch = [counted[number] for number in order[at : at + batches.batch_size]]
        longest = max(whole for whole, _ in batch)
        scored = longest
        if batches.completion_only:
            first = min(whole - answer for whole, answer in batch)
            scored = min(longest, longest - first + END_TOKENS)
        found.append((longest, scored))
    return tuple(found)


def _characters(row: Item) -> int:
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
