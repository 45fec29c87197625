"""Where the nodes of a dependency graph stand: layers by tier, few crossings.

Pure geometry over names; knows nothing of experts, Qt or colours. A long edge runs
through a narrow empty slot in every column it crosses, so that it passes between
nodes and not behind them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

NODE_WIDTH = 154.0
NODE_HEIGHT = 46.0
COLUMN_GAP = 72.0
ROW_GAP = 24.0
EMPTY_SLOT_HEIGHT = 10.0
_SWEEPS = 6


@dataclass(frozen=True, slots=True)
class Column:
    """One column and the groups (tiers) its nodes belong to, left to right."""

    x: float
    groups: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """Places in scene pixels: a node's top left corner, an edge's points."""

    places: Mapping[str, tuple[float, float]]
    edges: Mapping[tuple[str, str], tuple[tuple[float, float], ...]]
    columns: tuple[Column, ...]
    width: float
    height: float


def place(groups: Mapping[str, int], edges: Iterable[tuple[str, str]]) -> Layout:
    """Lays out a directed graph from left to right.

    Args:
        groups: for each node the number of its tier; lower tiers stand further left.
        edges: (dependency, dependant); both ends must be in `groups`. Edges of a cycle
            are drawn, but do not move their ends apart.
    """
    known = sorted(set(edges))
    ranks = _ranks(groups, known)
    columns, chains = _columns_with_slots(ranks, known)
    for sweep in range(_SWEEPS):
        _order_by_neighbours(columns, chains, forward=sweep % 2 == 0)
    return _placed(columns, chains, groups)


def _ranks(groups: Mapping[str, int], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    """The column of each node: past everything it needs, and past every lower tier."""
    needs: dict[str, list[str]] = defaultdict(list)
    for dependency, dependant in edges:
        needs[dependant].append(dependency)
    depth: dict[str, int] = {}

    def depth_of(node: str, path: tuple[str, ...]) -> int:
        if node not in depth:
            inside = [
                other
                for other in needs[node]
                if groups[other] == groups[node] and other not in (*path, node)
            ]
            depth[node] = max((depth_of(other, (*path, node)) + 1 for other in inside), default=0)
        return depth[node]

    for node in groups:
        depth_of(node, ())
    wanted = sorted({(groups[node], depth[node]) for node in groups})
    column = {key: number for number, key in enumerate(wanted)}
    return {node: column[groups[node], depth[node]] for node in groups}


def _columns_with_slots(
    ranks: Mapping[str, int], edges: Sequence[tuple[str, str]]
) -> tuple[list[list[str]], dict[tuple[str, str], list[str]]]:
    """Nodes per column, with an empty slot wherever an edge passes; the chain of each edge."""
    columns: list[list[str]] = [[] for _ in range(max(ranks.values(), default=-1) + 1)]
    for node, rank in ranks.items():
        columns[rank].append(node)
    chains = {}
    for start, end in edges:
        chain = [start]
        for rank in range(ranks[start] + 1, ranks[end]):
            slot = f"\0{start}\0{end}\0{rank}"
            columns[rank].append(slot)
            chain.append(slot)
        chains[start, end] = [*chain, end]
    return columns, chains


def _order_by_neighbours(
    columns: list[list[str]], chains: Mapping[tuple[str, str], list[str]], forward: bool
) -> None:
    """One sweep of the barycentre method: each node moves to the middle of its neighbours."""
    neighbours: dict[str, list[str]] = defaultdict(list)
    for chain in chains.values():
        for left, right in pairwise(chain):
            neighbours[right if forward else left].append(left if forward else right)
    for column in columns if forward else reversed(columns):
        where = {n: (i + 0.5) / len(other) for other in columns for i, n in enumerate(other)}
        middle = {
            node: sum(where[other] for other in neighbours[node]) / len(neighbours[node])
            if neighbours[node]
            else where[node]
            for node in column
        }
        column.sort(key=lambda node: middle[node])


def _placed(
    columns: Sequence[Sequence[str]],
    chains: Mapping[tuple[str, str], list[str]],
    groups: Mapping[str, int],
) -> Layout:
    heights = [sum(_slot_height(node) + ROW_GAP for node in column) for column in columns]
    height = max(heights, default=0.0)
    middles: dict[str, tuple[float, float]] = {}
    found = []
    for number, column in enumerate(columns):
        x = number * (NODE_WIDTH + COLUMN_GAP)
        spare = (height - heights[number]) / max(len(column), 1)
        y = 0.0
        for node in column:
            slot = _slot_height(node) + ROW_GAP + spare
            middles[node] = (x, y + slot / 2)
            y += slot
        found.append(Column(x, tuple(sorted({groups[n] for n in column if n in groups}))))
    width = len(columns) * (NODE_WIDTH + COLUMN_GAP) - COLUMN_GAP if columns else 0.0
    places = {n: (middles[n][0], middles[n][1] - NODE_HEIGHT / 2) for n in groups}
    edges = {pair: _points(chain, middles) for pair, chain in chains.items()}
    return Layout(places, edges, tuple(found), width, height)


def _points(
    chain: Sequence[str], middles: Mapping[str, tuple[float, float]]
) -> tuple[tuple[float, float], ...]:
    start, *slots, end = chain
    points = [(middles[start][0] + NODE_WIDTH, middles[start][1])]
    for slot in slots:
        x, y = middles[slot]
        points += [(x, y), (x + NODE_WIDTH, y)]
    return (*points, middles[end])


def _slot_height(node: str) -> float:
    return EMPTY_SLOT_HEIGHT if node.startswith("\0") else NODE_HEIGHT
