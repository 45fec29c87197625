"""Everything that makes a training run: with the same recipe and data, the same adapter.

A frozen value, stored as `recipe.json`. Knows nothing of folders, processes or tensors.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StrictBool,
    StrictInt,
    StrictStr,
    ValidationError,
    model_validator,
)

from expert_studio.core.errors import StorageError, TrainingError
from expert_studio.core.settings import BUNDLED_BASE_NAME

SCHEMA_VERSION: Literal[1] = 1
Name = Annotated[StrictStr, Field(pattern=r"^[a-z0-9][a-z0-9-]{1,63}$")]
Sha256 = Annotated[StrictStr, Field(pattern=r"^([0-9a-f]{64})?$")]
Weight = Annotated[float, Field(ge=-2.0, le=2.0)]
Projection = Literal["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
PROJECTIONS: tuple[Projection, ...] = (
    "q_proj",
    "k_proj",
    "v_proj",
    "o_proj",
    "gate_proj",
    "up_proj",
    "down_proj",
)


IA3_PROJECTIONS: tuple[Projection, ...] = ("k_proj", "v_proj", "down_proj")
FEEDFORWARD: tuple[Projection, ...] = ("down_proj",)
AdapterKind = Literal["lora", "dora", "ia3", "soft_prompt"]
Held = Literal["bf16", "fp32", "nf4", "int8"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)


class Base(_Part):
    """The base to learn on. sha256 "" takes the base as it is and records its hash."""

    name: StrictStr = BUNDLED_BASE_NAME
    sha256: Sha256 = ""


class Adapter(_Part):
    """What is trained, in every layer: low-rank deltas, factors, or virtual tokens.

    r, alpha, dropout and rslora are LoRA's and DoRA's; IA3 learns a factor for each output of
    the attention projections named and for each input of `down_proj`; a soft prompt adapts no
    projection, and learns `soft_tokens` embeddings that stand before the first token.
    """

    kind: AdapterKind = "lora"
    r: Annotated[StrictInt, Field(ge=1, le=256)] = 16
    alpha: Annotated[float, Field(gt=0, le=65536)] = 32.0
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    target_modules: Annotated[tuple[Projection, ...], Field(min_length=1)] = PROJECTIONS
    rslora: StrictBool = False
    soft_tokens: Annotated[StrictInt, Field(ge=1, le=512)] = 20

    @model_validator(mode="before")
    @classmethod
    def _usual_layers(cls, said: Any) -> Any:
        """IA3 adapts three projections where nothing else is said (Liu et al. 2022)."""
        if isinstance(said, dict) and said.get("kind") == "ia3":
            return {"target_modules": IA3_PROJECTIONS, **said}
        return said

    @property
    def feedforward_modules(self) -> tuple[Projection, ...]:
        """Those of `target_modules` whose input IA3 scales; it scales the others' output."""
        return tuple(name for name in self.target_modules if name in FEEDFORWARD)


class Start(_Part):
    """The installed expert whose adapter learning goes on from; DPO's reference is its copy."""

    name: Name
    version: StrictStr = ""  # filled in when the run starts
    weights_sha256: Sha256 = ""  # filled in when the run starts


class Preference(_Part):
    """How DPO weighs pairs (Rafailov et al. 2023). beta: how far it may leave the reference."""

    beta: Annotated[float, Field(gt=0, le=10)] = 0.1
    loss: Literal["sigmoid", "hinge", "ipo"] = "sigmoid"
    label_smoothing: Annotated[float, Field(ge=0, lt=0.5)] = 0.0


class Dependency(_Part):
    """An expert that is attached and frozen, at this weight, while the new one learns."""

    name: Name
    requirement: StrictStr = "*"  # the versions that will do, such as ">=2.0.0"
    version: StrictStr = ""  # filled in when the run starts
    weights_sha256: Sha256 = ""  # filled in when the run starts; a resumed run checks it
    weight: Weight = 1.0


class DatasetPart(_Part):
    """Examples to learn from: a `.jsonl` or `.jsonl.xz` file, or a dataset recipe (`.json`).

    `path` counts from the folder of the recipe file. `weight` is how often its examples are
    seen: 1 once an epoch, 2 twice, 0.5 every other one. `held_out` names what the final score
    is measured on: beside a file another file of rows, beside a dataset recipe another recipe,
    whose held-out answers are taken. Without one, a tenth of a plain file is kept for it.
    """

    path: StrictStr
    held_out: StrictStr = ""
    sha256: Sha256 = ""
    weight: Annotated[float, Field(gt=0, le=100)] = 1.0


class Schedule(_Part):
    """How long, and how fast at which step."""

    epochs: Annotated[float, Field(gt=0, le=1000)] = 1.0
    max_steps: Annotated[StrictInt, Field(ge=1)] | None = None  # ends the run earlier or later
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 1e-3
    shape: Literal["linear", "cosine", "constant", "constant_with_warmup"] = "cosine"
    warmup_steps: Annotated[StrictInt, Field(ge=0)] = 20
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 0.0
    max_grad_norm: Annotated[float, Field(gt=0)] = 1.0


class Batches(_Part):
    """What one optimiser step sees: batch_size x accumulation examples."""

    batch_size: Annotated[StrictInt, Field(ge=1)] = 8
    accumulation: Annotated[StrictInt, Field(ge=1)] = 1
    max_length: Annotated[StrictInt, Field(ge=16, le=200_000)] = 768  # tokens; longer rows drop out
    completion_only: StrictBool = True  # the loss counts the answer, not the prompt
    group_by_length: StrictBool = True  # rows of like length together: less padding
    packing: StrictBool = False  # short rows share a sequence without seeing one another
    gradient_checkpointing: StrictBool = False  # less memory, about a third slower


class Watching(_Part):
    """What is measured and kept on the way."""

    eval_rows: Annotated[StrictInt, Field(ge=0)] = 64
    eval_every: Annotated[StrictInt, Field(ge=1)] = 100  # steps
    save_every: Annotated[StrictInt, Field(ge=1)] = 100  # steps
    keep_checkpoints: Annotated[StrictInt, Field(ge=2)] = 2
    # Measurements without a better loss after which the run ends; 0: it runs to its last step.
    early_stop: Annotated[StrictInt, Field(ge=0, le=1000)] = 0
    sample_every: Annotated[StrictInt, Field(ge=0)] = 0  # steps; 0: no answers on the way
    sample_prompts: tuple[StrictStr, ...] = ()  # none: the first rows set aside
    sample_tokens: Annotated[StrictInt, Field(ge=1, le=2048)] = 96
    test_every: Annotated[StrictInt, Field(ge=0)] = 0  # steps; 0: no scored answers on the way
    # The expert's own tests, counted from the recipe's folder; "": `tests/test_cases.json` there,
    # and where that is missing, rows set aside.
    test_cases: StrictStr = ""
    test_rows: Annotated[StrictInt, Field(ge=1, le=1000)] = 16  # how many of them are asked


class Card(_Part):
    """What the finished expert says of itself; scores are added when it is packaged."""

    description: StrictStr = ""
    author: StrictStr = ""
    license: StrictStr = "Apache-2.0"
    capabilities: tuple[StrictStr, ...] = ()
    keywords: tuple[StrictStr, ...] = ()
    load_order: Annotated[StrictInt, Field(ge=0, le=1000)] = 5
    incompatible_with: tuple[StrictStr, ...] = ()
    limitations: tuple[StrictStr, ...] = ()
    prompts: tuple[StrictStr, ...] = ()  # prompts that show what it does
    data: StrictStr = ""  # where its examples come from, with licences


class Recipe(_Part):
    """One training run.

    `precision` is what products are computed in; adapter weights and the optimiser are
    always float32. `quantization` is how the frozen base is held.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    name: Name
    # what stands behind a plus names the base it is for, where there is one for another base
    version: Annotated[StrictStr, Field(pattern=r"^\d+\.\d+\.\d+(\+[0-9A-Za-z.-]{1,32})?$")] = (
        "0.1.0"
    )
    method: Literal["sft", "dpo"] = "sft"
    base: Base = Base()
    adapter: Adapter = Adapter()
    start: Start | None = None  # None: a fresh adapter, which changes nothing yet
    preference: Preference = Preference()
    dependencies: tuple[Dependency, ...] = ()
    datasets: Annotated[tuple[DatasetPart, ...], Field(min_length=1)]
    schedule: Schedule = Schedule()
    batches: Batches = Batches()
    watching: Watching = Watching()
    precision: Literal["bf16", "fp32"] = "bf16"
    quantization: Held = "bf16"  # nf4 and int8 make it QLoRA (Dettmers et al. 2023)
    device: StrictStr = "auto"  # auto, cpu, mps, cuda, cuda:N
    processes: Annotated[StrictInt, Field(ge=1, le=64)] = 1  # one for each card of this machine
    seed: Annotated[StrictInt, Field(ge=0, lt=2**31)] = 1
    card: Card = Card()

    @model_validator(mode="after")
    def _names_differ(self) -> Recipe:
        names = [dependency.name for dependency in self.dependencies]
        if len({self.name, *names}) != len(names) + 1:
            raise ValueError("an expert cannot be trained on top of itself or twice on another one")
        return self

    @model_validator(mode="after")
    def _goes_together(self) -> Recipe:
        if self.start is not None and self.start.name in {d.name for d in self.dependencies}:
            raise ValueError("an expert cannot be both the start and a dependency")
        if self.batches.packing and (self.method == "dpo" or self.adapter.kind == "soft_prompt"):
            raise ValueError(
                "pairs and soft prompts cannot be packed; set batches.packing to false"
            )
        return self


def parse_recipe(said: object, origin: str) -> Recipe:
    """Reads a recipe from parsed JSON; `origin` names it in errors.

    Raises:
        TrainingError: a field is missing, unknown or impossible; all are listed.
    """
    try:
        return Recipe.model_validate_json(json.dumps(said))
    except ValidationError as cause:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc']) or 'recipe'}: {fault['msg']}"
            for fault in cause.errors()
        )
        raise TrainingError(
            f"The recipe in {origin} cannot be used.", f"{faults}.", "Correct these fields."
        ) from cause


def read_recipe(path: Path) -> Recipe:
    """Reads a recipe file.

    Raises:
        TrainingError: the file is missing, not JSON, or not a recipe.
    """
    try:
        said: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as cause:
        raise TrainingError(
            f"The recipe {path.name} cannot be read.",
            f"{getattr(cause, 'strerror', None) or cause}.",
            "Give the path of a recipe.json.",
        ) from cause
    return parse_recipe(said, path.name)


def recipe_in_manifest(training: dict[str, JsonValue] | None, name: str) -> Recipe:
    """The recipe a manifest carries under `training.recipe`.

    Raises:
        TrainingError: the manifest has none, or it cannot be used.
    """
    said = (training or {}).get("recipe")
    if said is None:
        raise TrainingError(
            f"The manifest of {name} says nothing of how to train it.",
            "It has no training.recipe.",
            "Train with a recipe file instead.",
        )
    return parse_recipe(said, f"the manifest of {name}")


def write_recipe(recipe: Recipe, path: Path) -> None:
    """Writes a recipe as two-space JSON by one rename.

    Raises:
        StorageError: the folder cannot be written.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_text(recipe.model_dump_json(indent=2) + "\n", encoding="utf-8")
        partial.replace(path)
    except OSError as cause:
        partial.unlink(missing_ok=True)
        raise StorageError(
            f"The recipe could not be written to {path}.",
            f"{cause.strerror or cause}.",
            "Free some space or allow writing there.",
        ) from cause
