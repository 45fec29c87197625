"""Splits keep groups whole, shares alike, and say what could not come out as asked."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

import hypothesis
import pytest
from hypothesis import strategies as st

from expert_studio.core.datasets import quality
from expert_studio.core.datasets.examples import Example, Turn
from expert_studio.core.datasets.split import RowToSplit, Shares, split_rows
from expert_studio.core.datasets.store import DatasetStore
from expert_studio.core.errors import DatasetError


@hypothesis.given(
    groups=st.lists(st.integers(1, 12), min_size=3, max_size=60),
    kinds=st.integers(1, 3),
    seed=st.integers(0, 5),
)
def test_no_group_is_cut_and_no_split_is_forgotten(
    groups: list[int], kinds: int, seed: int
) -> None:
    rows = [
        RowToSplit(f"g{group}", n % kinds) for group, size in enumerate(groups) for n in range(size)
    ]
    result = split_rows(rows, Shares(0.8, 0.1, 0.1), seed)
    sides = defaultdict(set)
    for row, side in zip(rows, result.sides, strict=True):
        sides[row.group].add(side)
    assert all(len(one) == 1 for one in sides.values())
    assert sum(result.sizes.values()) == len(rows)
    assert all(result.sizes.values())
    assert result == split_rows(rows, Shares(0.8, 0.1, 0.1), seed)


def test_rows_without_groups_come_out_as_asked_in_every_stratum() -> None:
    rows = [RowToSplit("", n % 10 == 0) for n in range(1000)]
    result = split_rows(rows, Shares(0.9, 0.05, 0.05), seed=1)
    assert result.sizes == {"train": 900, "validation": 50, "held_out": 50}
    assert {side: counts[True] for side, counts in result.strata.items()} == {
        "train": 90,
        "validation": 5,
        "held_out": 5,
    }
    assert result.notes == ()
    other = split_rows(rows, Shares(0.9, 0.05, 0.05), seed=2)
    assert other.sides != result.sides


def test_one_large_group_is_told() -> None:
    rows = [RowToSplit("large")] * 90 + [RowToSplit("small")] * 10
    result = split_rows(rows, Shares(0.5, 0.25, 0.25), seed=0)
    assert Counter(result.sides) == {"train": 90, "validation": 10}
    assert any("No row is left for held-out" in note for note in result.notes)
    assert any("instead of 50.0%" in note for note in result.notes)


@pytest.mark.parametrize("shares", [(0.5, 0.1, 0.1), (1.2, -0.1, -0.1), (0, 0.5, 0.5)])
def test_shares_that_cannot_be(shares: tuple[float, float, float]) -> None:
    with pytest.raises(DatasetError, match="cannot be split like that"):
        Shares(*shares)


def test_nothing_to_split() -> None:
    with pytest.raises(DatasetError, match="nothing to split"):
        split_rows([], Shares(), 0)


def test_a_dataset_is_split_and_taken_back(tmp_path: Path) -> None:
    with DatasetStore(tmp_path / "rows") as store:
        for n in range(100):
            turns = (Turn("user", f"{n}?"), Turn("assistant", "x"))
            store.append(Example(turns, family=f"f{n // 2}"), state="accepted")
        store.append(Example((Turn("user", "?"), Turn("assistant", "x"))))
        result = quality.split_dataset(store, Shares(0.8, 0.1, 0.1), seed=4)
        assert result.sizes == {"train": 80, "validation": 10, "held_out": 10}
        assert store.facets("split") == {"train": 80, "held_out": 10, "validation": 10, "": 1}
        found = quality.examine_dataset(
            store, quality.Examination(checks=frozenset({"family_leak"}))
        )
        assert found.findings == ()
        store.undo()
        assert store.facets("split") == {"": 101}
