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

Point = tuple[float, float]

NODE_WIDTH = 154.0
NODE_HEIGHT = 46.0
EMPTY_SLOT_HEIGHT = 14.0
COLUMN_GAP = (60.0, 130.0)  # least and most
ROW_GAP = (18.0, 64.0)
_SWEEPS = 6


@dataclass(frozen=True, slots=True)
class Layout:
    """Places in scene pixels: a node's top left corner, an edge's points."""

    places: Mapping[str, Point]
    edges: Mapping[tuple[str, str], tuple[Point, ...]]
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Which node stands in which column and row; where that is depends on the room."""

    columns: tuple[tuple[str, ...], ...]  # nodes, and slots that long edges pass through
    chains: Mapping[tuple[str, str], tuple[str, ...]]
    nodes: tuple[str, ...]


def arrange(groups: Mapping[str, int], edges: Iterable[tuple[str, str]]) -> Arrangement:
    """The part of the work that takes long for many nodes; any thread.

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
    held = {pair: tuple(chain) for pair, chain in chains.items()}
    return Arrangement(tuple(map(tuple, columns)), held, tuple(groups))


def placed(arrangement: Arrangement, room: Point = (0.0, 0.0)) -> Layout:
    """Where everything stands.

    Args:
        room: width and height there is; gaps grow towards it, but not without limit.
    """
    return _placed(arrangement.columns, arrangement.chains, arrangement.nodes, room)


def place(
    groups: Mapping[str, int],
    edges: Iterable[tuple[str, str]],
    room: Point = (0.0, 0.0),
) -> Layout:
    """Lays out a directed graph from left to right: `arrange`, then `placed`."""
    return placed(arrange(groups, edges), room)


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
    chains: Mapping[tuple[str, str], Sequence[str]],
    groups: Iterable[str],
    room: Point,
) -> Layout:
    count = len(columns)
    column_gap = _gap(room[0], NODE_WIDTH * count, max(count - 1, 1), COLUMN_GAP)
    tallest = max(columns, key=_least_height, default=[])
    row_gap = _gap(room[1], _height_of(tallest), max(len(tallest), 1), ROW_GAP)
    height = _height_of(tallest) + row_gap * len(tallest)
    middles: dict[str, Point] = {}
    for number, column in enumerate(columns):
        x = number * (NODE_WIDTH + column_gap)
        gap = (height - _height_of(column)) / max(len(column), 1)
        y = 0.0
        for node in column:
            slot = _slot_height(node) + gap
            middles[node] = (x, y + slot / 2)
            y += slot
    width = count * (NODE_WIDTH + column_gap) - column_gap if count else 0.0
    places = {n: (middles[n][0], middles[n][1] - NODE_HEIGHT / 2) for n in groups}
    edges = {pair: _points(chain, middles) for pair, chain in chains.items()}
    return Layout(places, edges, width, height)


def _points(chain: Sequence[str], middles: Mapping[str, Point]) -> tuple[Point, ...]:
    """From the right side of a node through the middle of each slot to the left of another."""
    start, *slots, end = chain
    through = [(middles[slot][0] + NODE_WIDTH / 2, middles[slot][1]) for slot in slots]
    return ((middles[start][0] + NODE_WIDTH, middles[start][1]), *through, middles[end])


def _gap(room: float, filled: float, gaps: int, limits: tuple[float, float]) -> float:
    return min(max((room - filled) / gaps, limits[0]), limits[1])


def _least_height(column: Sequence[str]) -> float:
    return _height_of(column) + ROW_GAP[0] * len(column)


def _height_of(column: Sequence[str]) -> float:
    return sum(map(_slot_height, column))


def _slot_height(node: str) -> float:
    return EMPTY_SLOT_HEIGHT if node.startswith("\0") else NODE_HEIGHT
