"""What a generator of rows by rule is asked for, and how that becomes one draw a row.

Every row has its own source of chance, seeded by domain, version, seed and number: the
first hundred rows of a thousand are those of a hundred. Knows nothing of any domain.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from random import Random
from typing import Literal, NamedTuple, TypeVar

from expert_studio.core.errors import DatasetError

Difficulty = Literal["easy", "medium", "hard"]
DIFFICULTIES: tuple[Difficulty, ...] = ("easy", "medium", "hard")
_Name = TypeVar("_Name", bound=str)


class FamilyName(NamedTuple):
    """A template family: rows of one family never lie on both sides of a split."""

    name: str
    task: str
    held_out: bool


@dataclass(frozen=True, slots=True)
class OfflineRequest:
    """What a generator is asked for.

    Attributes:
        held_out: True for rows of held-out families and vocabularies only, False for none.
        tasks: share by task; empty for the domain's own mix.
        difficulty: share of easy, medium and hard; empty for even shares.
        corpus: folder with the corpus text some families use; None for none of those.
        known_families: of held-out rows, the share that takes a training family
            with held-out words; 0 to 1.
        families: take only families named so, or matching such a pattern ("filter/more",
            "order/*"); empty for all. Of a task none of whose held-out families is named,
            held-out rows take any of these.
        kinds: which bugs (Python, Rust) or errors (English) are put in; empty for all.
    """

    count: int
    seed: int
    held_out: bool = False
    tasks: Mapping[str, float] = field(default_factory=dict)
    difficulty: Mapping[str, float] = field(default_factory=dict)
    corpus: Path | None = None
    known_families: float = 0.0
    families: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RowDraw:
    """What one row shall be, and the chance everything else in it comes from.

    Attributes:
        held_out_family: take a family of the held-out set.
        held_out_words: take names and words of the held-out vocabularies.
        families: those to choose from, by name or pattern; empty for all.
        kinds: as the request has them.
    """

    index: int
    identifier: str
    task: str
    difficulty: Difficulty
    chance: Random
    held_out_family: bool
    held_out_words: bool
    families: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()

    def allows(self, family: str) -> bool:
        """Whether the row may be of a family."""
        return not self.families or is_named(family, self.families)


def is_named(family: str, patterns: Sequence[str]) -> bool:
    """Whether a family is one that a request names, or matches a pattern of it."""
    return any(fnmatchcase(family, pattern) for pattern in patterns)


def row_draws(
    request: OfflineRequest,
    domain: str,
    version: int,
    mix: Mapping[str, float],
    families: Callable[[], Sequence[FamilyName]],
) -> Iterator[RowDraw]:
    """Yields `request.count` draws; `mix` is the domain's own share by task.

    Raises:
        DatasetError: a negative count, a share below 0, shares that are all 0,
            an unknown task, difficulty or family.
    """
    if request.count < 0 or not 0 <= request.known_families <= 1:
        raise DatasetError(
            "The rows cannot be made.",
            f"A count of {request.count} rows with a share of {request.known_families} "
            "known families is impossible.",
            "Ask for 0 or more rows and a share of 0 to 1.",
        )
    named = _named(request.families, families()) if request.families else {}
    if named and not request.tasks:  # each task by how many families of it there are
        mix = {task: float(named.get((task, False), 0)) for task in mix}
    tasks, task_shares = _shares(dict(request.tasks) or dict(mix), tuple(mix), "task")
    hardness, hard_shares = _shares(dict(request.difficulty), DIFFICULTIES, "difficulty")
    side = "held-out" if request.held_out else "train"
    for index in range(request.count):
        chance = Random(f"{domain}-{version}-{request.seed}-{side}-{index}")
        known = request.held_out and chance.random() < request.known_families
        task = chance.choices(tasks, task_shares)[0]
        new = request.held_out and not known
        yield RowDraw(
            index=index,
            identifier=f"{domain}-{task}-{side}-{request.seed}-{index}",
            task=task,
            difficulty=chance.choices(hardness, hard_shares)[0],
            chance=chance,
            held_out_family=new,
            held_out_words=request.held_out,
            families=request.families if named.get((task, new)) else (),
            kinds=request.kinds,
        )


def _named(
    patterns: Sequence[str], families: Sequence[FamilyName]
) -> Mapping[tuple[str, bool], int]:
    """How many families the patterns name, by task and whether they are held out."""
    for pattern in patterns:
        if not any(is_named(each.name, (pattern,)) for each in families):
            examples = ", ".join(each.name for each in families[:6])
            raise DatasetError(
                f"There is no family {pattern!r} to draw from.", f"Known are {examples} and others."
            )
    return Counter((e.task, e.held_out) for e in families if is_named(e.name, patterns))


def _shares(
    asked: Mapping[str, float], known: tuple[_Name, ...], what: str
) -> tuple[tuple[_Name, ...], tuple[float, ...]]:
    unknown = [name for name in asked if name not in known]
    if unknown:
        raise DatasetError(f"There is no {what} {unknown[0]!r}.", f"Known are {', '.join(known)}.")
    if not asked:
        return known, (1.0,) * len(known)
    shares = tuple(float(asked.get(name, 0.0)) for name in known)
    if min(shares) < 0 or not 0 < sum(shares) < float("inf"):
        raise DatasetError(
            f"The shares by {what} cannot be used.",
            "A share is below 0 or not a number, or all are 0.",
            f"Give each {what} a share of 0 or more.",
        )
    return known, shares
