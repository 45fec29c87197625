"""How a dataset is made, as a file that makes it again: parts by rule, parts of a corpus.

Builds three splits: train, validation (for the curve, may be looked at) and held-out (for
the final score only). Splits never cut through a template family or a repository. Knows
nothing of training.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StrictInt, StrictStr, ValidationError

from expert_studio.core.datasets import offline, offline_json, offline_logs
from expert_studio.core.datasets.dataset_corpus import (
    CorpusPart,
    Counts,
    Part,
    PiecesPart,
    Split,
    from_corpus,
    from_pieces,
)
from expert_studio.core.datasets.examples import Example
from expert_studio.core.datasets.offline_request import OfflineRequest
from expert_studio.core.datasets.preference import PreferencePair
from expert_studio.core.errors import DatasetError

_SPLIT_SEEDS: Mapping[Split, int] = {"train": 0, "validation": 1, "held_out": 2}
_FIRST_GENERATORS = ("json", "logs")


class RulePart(Part):
    """Rows made by rule. `share` weighs the generator's tasks.

    Attributes:
        generator: "json" and "logs" are the first generators, whose rows stay as they are;
            the others are the domains of `offline`, "json-tasks" being its json.
        version: of the domain's generator; another one is refused. None takes any.
        difficulty: shares of easy, medium and hard; empty for even ones.
        known_families: of the held-out rows, the share with a training family, unseen words.
        families: the training families to draw, by name or pattern ("order/*"); () for all.
        kinds: which bugs (Python, Rust) or errors (English) to put in; () for all.
        uses_corpus: whether the domain's families that need the corpus folder are drawn.
        leave_out: sources of the corpus whose rows are dropped after they were drawn: those
            that another dataset keeps for its scores.
    """

    kind: Literal["rule"]
    generator: Literal[
        "json", "logs", "english", "json-tasks", "cypher", "python", "rust", "classification"
    ]
    rows: Counts
    share: dict[StrictStr, float] = Field(default_factory=dict)
    version: StrictInt | None = None
    difficulty: dict[StrictStr, float] = Field(default_factory=dict)
    known_families: Annotated[float, Field(ge=0, le=1)] = 0.0
    families: tuple[StrictStr, ...] = ()
    kinds: tuple[StrictStr, ...] = ()
    uses_corpus: bool = False
    leave_out: tuple[StrictStr, ...] = ()


class DatasetRecipe(Part):
    """A dataset: its parts, and the seed all chance comes from."""

    schema_version: Literal[1] = 1
    name: StrictStr
    description: StrictStr = ""
    seed: StrictInt
    parts: tuple[Annotated[RulePart | CorpusPart | PiecesPart, Field(discriminator="kind")], ...]


@dataclass(frozen=True, slots=True)
class Splits:
    """A dataset that was made."""

    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    held_out: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class PairSplits:
    """The same dataset as preference pairs."""

    train: tuple[PreferencePair, ...]
    validation: tuple[PreferencePair, ...]
    held_out: tuple[PreferencePair, ...]


def read_dataset_recipe(path: Path) -> DatasetRecipe:
    """Reads a dataset recipe.

    Raises:
        DatasetError: the file is missing, not JSON, or says something impossible.
    """
    try:
        return DatasetRecipe.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as cause:
        raise DatasetError(
            f"The dataset recipe {path.name} cannot be used.",
            f"{getattr(cause, 'strerror', None) or cause}.",
            "Correct it, or give a JSON-lines file.",
        ) from cause


def build(recipe: DatasetRecipe, corpus: Path | None) -> Splits:
    """Makes the rows; the same recipe and corpus give the same rows in the same order.

    `corpus` is the folder that corpus parts count from; None where no part needs one.

    Raises:
        DatasetError: a corpus file is missing, changed, or holds a row that cannot be used.
    """
    made: dict[Split, list[Example]] = {"train": [], "validation": [], "held_out": []}
    for part in recipe.parts:
        if isinstance(part, RulePart):
            for split, rows in made.items():
                rows.extend(_by_rule(part, recipe.seed, split, corpus))
        elif isinstance(part, CorpusPart):
            for split, documents in from_corpus(part, recipe.seed, corpus).items():
                made[split] += documents
        else:
            made["train"] += from_pieces(part, recipe.seed, corpus)
    return Splits(*(tuple(made[split]) for split in _SPLIT_SEEDS))


def build_pairs(recipe: DatasetRecipe, corpus: Path | None) -> PairSplits:
    """Makes a dataset's rows as pairs of the right answer and a flawed one, as `build` does.

    Raises:
        DatasetError: a part is of a corpus or of the first generators, which make no pairs; or
            as `build`.
    """
    made: dict[Split, list[PreferencePair]] = {"train": [], "validation": [], "held_out": []}
    for part in recipe.parts:
        if not isinstance(part, RulePart) or part.generator in _FIRST_GENERATORS:
            raise DatasetError(
                f"The dataset recipe {recipe.name} makes rows that DPO cannot learn from.",
                "DPO learns from preference pairs, and a part of it makes single answers alone.",
                "Leave that part out, or set the method to sft.",
            )
        for split, rows in made.items():
            domain, request = _asked(part, recipe.seed, split, corpus)
            pairs = domain.preference_pairs(request)
            rows.extend(pair for pair in pairs if pair.source not in part.leave_out)
    return PairSplits(*(tuple(made[split]) for split in _SPLIT_SEEDS))


def _by_rule(part: RulePart, seed: int, split: Split, corpus: Path | None) -> Iterator[Example]:
    count: int = getattr(part.rows, split)
    split_seed = seed * 10 + _SPLIT_SEEDS[split]
    held_out = split == "held_out"
    if part.generator == "json":
        return offline_json.rows(count, split_seed, held_out, part.share)
    if part.generator == "logs":
        return offline_logs.rows(count, split_seed, held_out)
    domain, request = _asked(part, seed, split, corpus)
    return (row for row in domain.sft_rows(request) if row.source not in part.leave_out)


def _asked(
    part: RulePart, seed: int, split: Split, corpus: Path | None
) -> tuple[offline.Domain, OfflineRequest]:
    """A part's generator, and what it is asked for."""
    domain = offline.domain(part.generator.removesuffix("-tasks"))
    if part.version not in (None, domain.VERSION):
        raise DatasetError(
            f"The {part.generator} rows cannot be made again.",
            f"The recipe names version {part.version} of the generator, this is {domain.VERSION}.",
            "Use the program the recipe was written with, or take the version out.",
        )
    if part.uses_corpus and corpus is None:
        raise DatasetError(
            f"The {part.generator} rows need a corpus.",
            "No corpus folder was given.",
            "Name it with --corpus FOLDER.",
        )
    request = OfflineRequest(
        count=getattr(part.rows, split),
        seed=seed * 10 + _SPLIT_SEEDS[split],
        held_out=split == "held_out",
        tasks=part.share,
        difficulty=part.difficulty,
        corpus=corpus if part.uses_corpus else None,
        known_families=part.known_families,
        families=part.families,
        kinds=part.kinds,
    )
    return domain, request
