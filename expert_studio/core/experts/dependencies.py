"""Which experts need which: closures, order, conflicts, and the picture of it all.

Works on what is installed (the active version of each); choosing among versions is not
its business, nor are weights. What an expert needs is its `requires` and every expert
it was trained on top of.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from expert_studio.core.errors import DependencyError
from expert_studio.core.experts.library import InstalledExpert, Library
from expert_studio.core.experts.manifest import TIERS, Manifest
from expert_studio.core.experts.requirement import (
    Requirement,
    name_key,
    parse_requirement,
)

__all__ = [
    "DependencyGraph",
    "GraphEdge",
    "GraphNode",
    "departures_from_training",
    "graph",
    "parse_requirement",
    "with_requirements",
    "with_what_they_need",
]


@dataclass(frozen=True, slots=True)
class GraphNode:
    """One expert in the drawing."""

    name: str
    version: str  # "" for a missing one
    tier: str  # format, language, technology, domain or task
    layer: int  # 0 (format, the bottom) to 4 (task)
    load_order: int | None  # None for a missing one
    state: str  # installed, missing or conflicting


@dataclass(frozen=True, slots=True)
class GraphEdge:
    """One expert's word about another; both are names of nodes."""

    source: str  # the expert that says it
    target: str
    requirement: str  # as written: json-parser@>=1.0.0
    kind: str  # requires or incompatible
    state: str  # satisfied, missing, wrong-version, conflicting or cycle


@dataclass(frozen=True, slots=True)
class DependencyGraph:
    """Nodes by layer, load order and name; edges by source and target."""

    nodes: tuple[GraphNode, ...]
    edges: tuple[GraphEdge, ...]
    missing: tuple[str, ...]  # names that are needed and not installed


def with_requirements(names: Iterable[str], library: Library) -> tuple[InstalledExpert, ...]:
    """The named experts and everything they need, dependencies first, then by load order and name.

    Raises:
        LibraryError: a named expert is not installed.
        DependencyError: something needed is missing or of the wrong version (says who needs
            it), two experts refuse each other, or experts need one another in a circle.
    """
    return with_what_they_need([library.find(name) for name in names], library.experts())


def with_what_they_need(
    chosen: Iterable[InstalledExpert], among: Iterable[InstalledExpert]
) -> tuple[InstalledExpert, ...]:
    """As `with_requirements`, where the library was read before."""
    installed = {name_key(expert.name): expert for expert in among}
    found: dict[str, InstalledExpert] = {}
    troubles: dict[str, None] = {}
    waiting = list(chosen)
    while waiting:
        expert = waiting.pop()
        if name_key(expert.name) in found:
            continue
        found[name_key(expert.name)] = expert
        for need in _needs(expert):
            other = installed.get(name_key(need.name))
            if other is None or not need.accepts(other.version):
                troubles[_unmet(expert, need, other)] = None
            else:
                waiting.append(other)
    if troubles:
        raise DependencyError(
            "These experts cannot work together yet.",
            " ".join(sorted(troubles)),
            "Install what is missing.",
        )
    _check_compatible(list(found.values()))
    return _ordered(found)


def refuse_circle(manifest: Manifest, installed: Sequence[InstalledExpert]) -> None:
    """Refuses an expert that would need itself, by way of the installed ones or at once.

    Raises:
        DependencyError: the circle is named.
    """
    needs = {name_key(e.name): (e.name, e.manifest.needs) for e in installed}
    own = name_key(manifest.name)
    needs[own] = (manifest.name, manifest.needs)
    came_from: dict[str, str] = {}
    waiting = [own]
    while waiting:
        key = waiting.pop()
        for text in needs[key][1]:
            other = name_key(parse_requirement(text).name)
            if other == own:
                chain = [own, *_way_back(key, came_from)]
                raise _circle_error([needs[k][0] for k in chain])
            if other in needs and other not in came_from:
                came_from[other] = key
                waiting.append(other)


def _way_back(key: str, came_from: dict[str, str]) -> list[str]:
    """The keys from just after the start to `key`."""
    path: list[str] = []
    while key in came_from:
        path.append(key)
        key = came_from[key]
    return path[::-1]


def _circle_error(circle: Sequence[str]) -> DependencyError:
    pairs = zip(circle, [*circle[1:], circle[0]], strict=True)
    return DependencyError(
        "These experts need one another in a circle.",
        ", ".join(f"{a} needs {b}" for a, b in pairs) + ".",
        "Ask the maker of one of them to break the circle.",
    )


def departures_from_training(experts: Sequence[InstalledExpert]) -> tuple[str, ...]:
    """A sentence for each expert that stands on other weights than it was trained on."""
    present = {name_key(expert.name): expert for expert in experts}
    sentences = []
    for expert in experts:
        for trained in expert.manifest.trained_with:
            other = present.get(name_key(trained.name))
            if other is not None and other.weights_sha256 != trained.weights_sha256:
                sentences.append(
                    f"{expert.name} was trained with {trained.name} {trained.version}, but "
                    f"{other.name} {other.version} with other weights is installed."
                )
    return tuple(sentences)


def graph(experts: Sequence[InstalledExpert]) -> DependencyGraph:
    """What these experts need and refuse, for drawing; never raises over a broken stack.

    A missing expert stands one layer below the lowest expert that needs it.
    """
    present = {name_key(expert.name): expert for expert in experts}
    circular = set(_cycle(present))
    edges: list[GraphEdge] = []
    missing: dict[str, tuple[str, int]] = {}  # key -> name as first written, layer
    for expert in experts:
        layer = TIERS.index(expert.manifest.tier)
        for need in _needs(expert):
            other = present.get(name_key(need.name))
            if other is None:
                key = name_key(need.name)
                name, lowest = missing.get(key, (need.name, len(TIERS)))
                missing[key] = (name, min(lowest, max(layer - 1, 0)))
                state, target = "missing", name
            else:
                target = other.name
                in_cycle = {name_key(expert.name), name_key(other.name)} <= circular
                fits = need.accepts(other.version)
                state = "cycle" if in_cycle else "satisfied" if fits else "wrong-version"
            edges.append(GraphEdge(expert.name, target, str(need), "requires", state))
        edges += [
            GraphEdge(expert.name, other.name, str(refused), "incompatible", "conflicting")
            for refused, other in _refusals(expert, present)
        ]
    broken = [edge for edge in edges if edge.state in ("wrong-version", "conflicting", "cycle")]
    conflicting = {name for edge in broken for name in (edge.source, edge.target)}
    nodes = [_node(expert, expert.name in conflicting) for expert in experts]
    nodes += [
        GraphNode(name, "", TIERS[layer], layer, None, "missing")
        for name, layer in missing.values()
    ]
    nodes.sort(key=lambda n: (n.layer, n.load_order is None, n.load_order or 0, n.name))
    edges.sort(key=lambda e: (e.source, e.target, e.kind))
    return DependencyGraph(
        tuple(nodes), tuple(edges), tuple(sorted(name for name, _ in missing.values()))
    )


def _node(expert: InstalledExpert, conflicting: bool) -> GraphNode:
    tier = expert.manifest.tier
    return GraphNode(
        name=expert.name,
        version=expert.version,
        tier=tier,
        layer=TIERS.index(tier),
        load_order=expert.manifest.constraints.load_order,
        state="conflicting" if conflicting else "installed",
    )


def _needs(expert: InstalledExpert) -> tuple[Requirement, ...]:
    return tuple(parse_requirement(text) for text in expert.manifest.needs)


def _unmet(expert: InstalledExpert, need: Requirement, other: InstalledExpert | None) -> str:
    if other is None:
        return f"{expert.name} needs {need}, which is not installed."
    return f"{expert.name} needs {need}, but {other.name} {other.version} is installed."


def _refusals(
    expert: InstalledExpert, present: dict[str, InstalledExpert]
) -> list[tuple[Requirement, InstalledExpert]]:
    """The present experts that this one's `incompatible_with` rules out."""
    refused = [parse_requirement(t) for t in expert.manifest.constraints.incompatible_with]
    pairs = [(r, present.get(name_key(r.name))) for r in refused]
    return [(r, o) for r, o in pairs if o is not None and o != expert and r.accepts(o.version)]


def _check_compatible(experts: list[InstalledExpert]) -> None:
    present = {name_key(expert.name): expert for expert in experts}
    for expert in sorted(experts, key=lambda e: e.name):
        for refused, other in _refusals(expert, present):
            raise DependencyError(
                f"{expert.name} and {other.name} {other.version} do not work together.",
                f"{expert.name} rules out {refused}.",
                "Leave one of them out.",
            )


def _ordered(found: dict[str, InstalledExpert]) -> tuple[InstalledExpert, ...]:
    """Dependencies first; among those free to come next, the lowest load order, then name."""
    open_needs = {key: {name_key(n.name) for n in _needs(e)} for key, e in found.items()}
    ready: list[tuple[int, str, str]] = []
    ordered: list[InstalledExpert] = []

    def release(keys: Iterable[str]) -> None:
        for key in keys:
            order = found[key].manifest.constraints.load_order
            heapq.heappush(ready, (order, found[key].name, key))

    release(key for key, open_ in open_needs.items() if not open_)
    while ready:
        _, _, done = heapq.heappop(ready)
        ordered.append(found[done])
        freed = [key for key, open_ in open_needs.items() if done in open_ and open_ == {done}]
        for open_ in open_needs.values():
            open_.discard(done)
        release(freed)
    if len(ordered) < len(found):
        raise _circle_error([found[key].name for key in _cycle(found)])
    return tuple(ordered)


def _cycle(present: dict[str, InstalledExpert]) -> list[str]:
    """The keys along the first circle of needs, or []; iterative, so that depth has no limit."""
    done: set[str] = set()
    for start in sorted(present):
        path: list[str] = []
        branches = [iter([start])]
        while branches:
            key = next(branches[-1], None)
            if key is None:
                branches.pop()
                if path:
                    done.add(path.pop())
            elif key in path:
                return path[path.index(key) :]
            elif key in present and key not in done:
                path.append(key)
                branches.append(iter([name_key(need.name) for need in _needs(present[key])]))
    return []
