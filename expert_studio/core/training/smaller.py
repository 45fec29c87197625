"""What to change in a recipe whose run had no room: one concrete step at a time.

Knows nothing of runs or of what the memory holds.
"""

from __future__ import annotations

from dataclasses import dataclass

from expert_studio.core.training.recipe import Adapter, Recipe

LEAST_LENGTH = 64  # tokens; shorter rows teach little
LEAST_RANK = 4


@dataclass(frozen=True, slots=True)
class Smaller:
    """A recipe that takes less, and what was changed, as a request to a person.

    `same_order` says that each step reads the rows it would have read, so that a run may go on
    from its checkpoint with these settings.
    """

    recipe: Recipe
    words: str
    same_order: bool


def smaller(recipe: Recipe, on_card: bool = False) -> Smaller | None:
    """The least change that takes clearly less memory; None where nothing is left to change.

    First what changes nothing that is learned: fewer rows at a time in more goes, then
    gradient checkpointing. Then a four-bit base where a card trains, shorter rows, a lower rank.
    """
    batches = recipe.batches
    if batches.batch_size > 1:
        return _fewer_at_a_time(recipe)
    if not batches.gradient_checkpointing:
        words = "Set gradient_checkpointing to true: the same steps, about a third slower."
        return Smaller(_with_batches(recipe, gradient_checkpointing=True), words, same_order=True)
    if on_card and recipe.quantization in ("fp32", "bf16"):
        held = recipe.model_copy(update={"quantization": "nf4"})
        words = "Set quantization to nf4: the base takes a quarter of the memory."
        return Smaller(held, words, same_order=True)
    if batches.max_length > LEAST_LENGTH:
        length = max(LEAST_LENGTH, batches.max_length // 2)
        words = f"Set max_length to {length}, which leaves longer rows out, or take a smaller base."
        return Smaller(_with_batches(recipe, max_length=length), words, same_order=False)
    if recipe.adapter.kind in ("lora", "dora") and recipe.adapter.r > LEAST_RANK:
        said = recipe.adapter.model_dump() | {
            "r": max(LEAST_RANK, recipe.adapter.r // 2),
            "alpha": recipe.adapter.alpha / 2,
        }
        lower = recipe.model_copy(update={"adapter": Adapter.model_validate(said)})
        words = f"Set the rank to {said['r']} and alpha to {said['alpha']:g}."
        return Smaller(lower, words, same_order=False)
    return None


def _fewer_at_a_time(recipe: Recipe) -> Smaller:
    """The largest batch up to half that divides the old one: a step still sees as many rows."""
    old, goes = recipe.batches.batch_size, recipe.batches.accumulation
    batch = next(size for size in range(old // 2, 0, -1) if old % size == 0)
    share = "half the" if batch * 2 == old else "less"
    words = (
        f"Set batch_size to {batch} and accumulation to {goes * old // batch}: "
        f"the same steps with {share} memory."
    )
    changed = _with_batches(recipe, batch_size=batch, accumulation=goes * old // batch)
    return Smaller(changed, words, same_order=not recipe.batches.packing)


def _with_batches(recipe: Recipe, **changes: int | bool) -> Recipe:
    return recipe.model_copy(update={"batches": recipe.batches.model_copy(update=changes)})
