"""Splitting rows into train, validation and held-out without cutting through a group.

A group is a template family or a repository: its rows are alike, and one side must not know
the other's. Kinds of rows (label, task, difficulty) come out in like shares as far as whole
groups allow. Knows nothing of datasets.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from expert_studio.core.errors import DatasetError

Side = Literal["train", "validation", "held_out"]
SIDES: tuple[Side, ...] = ("train", "validation", "held_out")


@dataclass(frozen=True, slots=True)
class Shares:
    """The share of each split; together 1."""

    train: float = 0.9
    validation: float = 0.05
    held_out: float = 0.05

    def __post_init__(self) -> None:
        shares = (self.train, self.validation, self.held_out)
        if min(shares) < 0 or abs(sum(shares) - 1) > 1e-6 or not self.train:
            raise DatasetError(
                "The rows cannot be split like that.",
                f"Shares of {', '.join(f'{share:g}' for share in shares)} are not parts of 1, "
                "or leave nothing to train on.",
                "Give three shares of 0 or more that add up to 1.",
            )


@dataclass(frozen=True, slots=True)
class RowToSplit:
    """What a split looks at of a row.

    Attributes:
        group: rows of one group stay together; "" for a row by itself.
        stratum: what shall come out in like shares.
    """

    group: str
    stratum: Hashable = ""


@dataclass(frozen=True, slots=True)
class SplitResult:
    """Where each row goes, in the order given, and how it came out.

    Attributes:
        sizes: rows of each split.
        strata: rows of each split by stratum.
        notes: sentences about what could not come out as asked.
    """

    sides: tuple[Side, ...]
    sizes: Mapping[Side, int]
    strata: Mapping[Side, Mapping[Hashable, int]]
    notes: tuple[str, ...]


def split_rows(rows: Sequence[RowToSplit], shares: Shares, seed: int) -> SplitResult:
    """Gives every group to the split that lacks its rows most; equal input, equal split.

    Large groups go first, as they are hardest to place; among equals chance decides. A
    split that was asked for gets at least one group where there are enough groups.

    Raises:
        DatasetError: there are no rows.
    """
    if not rows:
        raise DatasetError(
            "There is nothing to split.", "No row is accepted.", "Accept rows first."
        )
    groups: dict[Hashable, list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        groups[row.group or place].append(place)
    total = Counter(row.stratum for row in rows)
    asked: dict[Side, float] = {
        "train": shares.train, "validation": shares.validation, "held_out": shares.held_out
    }  # fmt: skip
    wanted = [side for side in SIDES if asked[side] > 0]
    had: dict[Side, Counter[Hashable]] = {side: Counter() for side in SIDES}
    sizes: dict[Side, int] = dict.fromkeys(SIDES, 0)
    sides: list[Side] = ["train"] * len(rows)
    order = list(groups.values())
    Random(f"split-{seed}").shuffle(order)
    order.sort(key=len, reverse=True)
    for at, members in enumerate(order):
        counts = Counter(rows[place].stratum for place in members)
        empty = [side for side in wanted if not sizes[side]]
        choice = empty if len(order) - at <= len(empty) and empty else wanted

        def lack(side: Side, counts: Counter[Hashable] = counts) -> tuple[float, float]:
            """How far the split stays below its share once it has this group, in parts of it."""
            aim = asked[side]
            of_strata = sum(
                number
                * (aim * total[stratum] - had[side][stratum] - number / 2)
                / (aim * total[stratum])
                for stratum, number in counts.items()
            )
            size = sum(counts.values())
            return of_strata / size + (aim * len(rows) - sizes[side] - size / 2) / (
                aim * len(rows)
            ), aim

        side = max(choice, key=lack)
        had[side].update(counts)
        sizes[side] += len(members)
        for place in members:
            sides[place] = side
    return SplitResult(tuple(sides), sizes, had, tuple(_notes(sizes, asked, len(rows), order)))


def _notes(
    sizes: Mapping[Side, int], asked: Mapping[Side, float], rows: int, groups: list[list[int]]
) -> list[str]:
    notes = []
    for side in SIDES:
        aim = asked[side]
        if aim and not sizes[side]:
            notes.append(
                f"No row is left for {side.replace('_', '-')}: there are {len(groups)} groups only."
            )
        elif aim and abs(sizes[side] - aim * rows) > max(0.2 * aim * rows, 1):
            notes.append(
                f"{side.replace('_', '-').capitalize()} has {sizes[side] / rows:.1%} of the rows "
                f"instead of {aim:.1%}: whole groups do not come out nearer "
                f"(the largest has {len(groups[0]):,} rows)."
            )
    return notes
