"""Which official experts are to be built, in which order, and which are built already.

Reads the experts' source folders (`experts/<name>/`: dataset.json, recipe.json, and first.json
where that goes on from what was learned before) and keeps one record for each that was built.
What was made from the same recipes, data, base and dependencies is not made again. Knows
nothing of training, scoring or packing.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from expert_studio.core.errors import DependencyError, StorageError, UsageError
from expert_studio.core.settings import BUNDLED_BASE_NAME
from expert_studio.core.training.recipe import Base, Recipe, read_recipe
from expert_studio.core.training.rows import dataset_sha256

RECIPE_FILE = "recipe.json"
FIRST_FILE = "first.json"
# Other bases learn at a smaller rate than the bundled one, unless a recipe of theirs says so.
RATE_FOR_OTHER_BASES = 0.1
# Beside a dataset that wants the corpus: the one for who has no corpus, all of it made by rule.
BY_RULE = "by-rule-"


@dataclass(frozen=True, slots=True)
class Source:
    """One official expert before it is trained; `stages` one after the other, often one."""

    folder: Path
    stages: tuple[Recipe, ...]

    @property
    def recipe(self) -> Recipe:
        """Of the finished expert."""
        return self.stages[-1]

    @property
    def name(self) -> str:
        return self.recipe.name


@dataclass(frozen=True, slots=True)
class Built:
    """What became of one: `key` names all that it was made from."""

    key: str
    runs: tuple[str, ...] = ()  # folders, one for each stage that was begun
    package: str = ""  # the `.expert` file; "" until it is packed


def sources(experts: Path, base_name: str, has_corpus: bool = True) -> tuple[Source, ...]:
    """Every official expert as it is trained for a base, dependencies first.

    A base other than the bundled one has a recipe of its own (`recipe-<base>.json`), or takes
    the bundled one's at a smaller learning rate; its version names the base, as in
    `2.0.0+qwen3-0.6b`, so that it can stand beside the one for another base.

    Raises:
        UsageError: there are none.
        TrainingError: a recipe cannot be read.
        DependencyError: they need one another in a circle, or one that is none of them.
    """
    found = [
        Source(folder, _stages(folder, base_name, has_corpus)) for folder in source_folders(experts)
    ]
    if not found:
        raise UsageError(f"There are no experts to build in {experts}.", "No recipe.json is there.")
    return _dependencies_first(found)


def source_folders(experts: Path) -> list[Path]:
    """The folders that hold what makes an official expert, by name."""
    return [folder for folder in sorted(experts.glob("*")) if (folder / RECIPE_FILE).is_file()]


def wanted(all_of_them: Sequence[Source], only: Sequence[str]) -> tuple[Source, ...]:
    """Those named, with what they need; all where none is named.

    Raises:
        UsageError: one that is named is none of them.
    """
    by_name = {source.name: source for source in all_of_them}
    unknown = [name for name in only if name not in by_name]
    if unknown:
        raise UsageError(
            f"There is no official expert {unknown[0]!r}.", f"They are {', '.join(by_name)}."
        )
    chosen = set(only or by_name)
    for source in reversed(all_of_them):
        if source.name in chosen:
            chosen |= {needed.name for needed in source.recipe.dependencies}
    return tuple(source for source in all_of_them if source.name in chosen)


def key_of(source: Source, base_sha256: str, keys: dict[str, str]) -> str:
    """SHA-256 over all that decides what is trained; `keys` has those of its dependencies."""
    # Which tests are asked on the way decides nothing that is learned.
    aside: Any = {"card": True, "base": True, "watching": {"test_cases"}}
    said = [stage.model_dump(mode="json", exclude=aside) for stage in source.stages]
    parts = [
        json.dumps(said, sort_keys=True),
        base_sha256,
        *(
            dataset_sha256(one, source.folder)
            for stage in source.stages
            for part in stage.datasets
            for one in (part.path, part.held_out)
            if one
        ),
        *(keys[needed.name] for needed in source.recipe.dependencies),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def read_built(records: Path, name: str) -> Built | None:
    """What an earlier build noted of an expert; None where there is nothing usable."""
    try:
        said = json.loads((records / f"{name}.json").read_text(encoding="utf-8"))
        return Built(said["key"], tuple(said["runs"]), said["package"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_built(records: Path, name: str, built: Built) -> None:
    """Notes it by one rename. Raises StorageError."""
    path = records / f"{name}.json"
    partial = path.with_suffix(".partial")
    try:
        records.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps(asdict(built), indent=2) + "\n", encoding="utf-8")
        partial.replace(path)
    except OSError as cause:
        raise StorageError(
            f"What was built of {name} could not be noted.", f"{cause.strerror or cause}."
        ) from cause


def _stages(folder: Path, base_name: str, has_corpus: bool) -> tuple[Recipe, ...]:
    stages = _for_base(folder, base_name)
    return stages if has_corpus else tuple(_by_rule(stage, folder) for stage in stages)


def _by_rule(recipe: Recipe, folder: Path) -> Recipe:
    """The recipe without what takes a corpus, where the folder knows how."""

    def other(path: str) -> str:
        return BY_RULE + path if path and (folder / (BY_RULE + path)).is_file() else path

    parts = tuple(
        part.model_copy(update={"path": other(part.path), "held_out": other(part.held_out)})
        for part in recipe.datasets
    )
    if parts == recipe.datasets:
        return recipe
    card = recipe.card.model_copy(update={"data": "Made by rule alone (CC0-1.0)."})
    return recipe.model_copy(update={"datasets": parts, "card": card})


def _for_base(folder: Path, base_name: str) -> tuple[Recipe, ...]:
    short = base_name.replace("\\", "/").rpartition("/")[2]
    first = folder / FIRST_FILE
    files = [*([first] if first.is_file() else []), folder / RECIPE_FILE]
    if short == BUNDLED_BASE_NAME:
        return tuple(map(read_recipe, files))
    own = folder / f"recipe-{short.lower()}.json"
    if not own.is_file():
        return tuple(_moved(read_recipe(f), base_name, RATE_FOR_OTHER_BASES) for f in files)
    before = folder / f"first-{short.lower()}.json"
    files = [*([before] if before.is_file() else []), own]
    return tuple(_moved(read_recipe(file), base_name, 1.0) for file in files)


def _moved(recipe: Recipe, base_name: str, rate: float) -> Recipe:
    """The recipe for another base, its learning rate times `rate`."""
    slower = {"learning_rate": recipe.schedule.learning_rate * rate}
    named = f"+{label_of(base_name)}"
    update: dict[str, Any] = {
        "base": Base(name=base_name),
        "schedule": recipe.schedule.model_copy(update=slower),
        "version": recipe.version + named,
    }
    if recipe.start is not None and recipe.start.version:
        start = recipe.start.model_copy(update={"version": recipe.start.version + named})
        update["start"] = start
    return recipe.model_copy(update=update)


def label_of(base_name: str) -> str:
    """A base's short name as a version may end in it: "qwen3-0.6b"."""
    short = base_name.replace("\\", "/").rstrip("/").rpartition("/")[2].lower()
    return re.sub(r"[^0-9a-z.-]+", "-", short)[:32].strip(".-") or "base"


def _dependencies_first(found: Sequence[Source]) -> tuple[Source, ...]:
    ordered: list[Source] = []
    left = sorted(found, key=lambda s: (s.recipe.card.load_order, s.name))
    while left:
        done = {source.name for source in ordered}
        ready = [s for s in left if all(need.name in done for need in s.recipe.dependencies)]
        if not ready:
            raise DependencyError(
                f"{left[0].name} cannot be built.",
                "What it is trained on top of is none of the official experts, or needs it itself.",
                "Correct the dependencies in its recipe.json.",
            )
        ordered.append(ready[0])
        left.remove(ready[0])
    return tuple(ordered)
