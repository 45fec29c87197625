"""What is drawn in the dependency graph, and what belongs together. Knows no widget, no disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from expert_studio.core.experts.dependencies import GraphEdge
from expert_studio.core.experts.manifest import TIERS
from expert_studio.views.widgets.graph_layout import Arrangement, arrange


@dataclass(frozen=True, slots=True)
class GraphNode:
    """One expert, or one that is needed and not installed."""

    name: str
    caption: str  # "1.0.0 · LoRA r16", or "not installed"
    tier: str  # "" for a missing one
    missing: bool = False
    trouble: str = ""  # what does not hold about it, one sentence


def arranged(nodes: Sequence[GraphNode], edges: Sequence[GraphEdge]) -> Arrangement:
    """Who stands in which column and row; what takes long for hundreds. Any thread."""
    needs = [(edge.target, edge.source) for edge in edges if edge.kind == "requires"]
    return arrange(_groups(nodes, needs), needs)


def related(name: str, edges: Sequence[GraphEdge]) -> frozenset[str]:
    """An expert, all it needs, all that needs it, and what refuses it."""
    found = {name}
    for down in (True, False):
        waiting = [name]
        while waiting:
            here = waiting.pop()
            for edge in edges:
                if edge.kind != "requires":
                    if name in (edge.source, edge.target):
                        found |= {edge.source, edge.target}
                    continue
                start, end = (edge.source, edge.target) if down else (edge.target, edge.source)
                if start == here and end not in found:
                    found.add(end)
                    waiting.append(end)
    return frozenset(found)


def _groups(nodes: Sequence[GraphNode], pairs: Sequence[tuple[str, str]]) -> dict[str, int]:
    """The tier's number of each node; a missing one stands left of what needs it.

    Format and language share a column unless one needs the other.
    """
    groups = {node.name: TIERS.index(node.tier) for node in nodes if not node.missing}
    ends = {(groups.get(before), groups.get(after)) for before, after in pairs}
    if not ends & {(0, 1), (1, 0)}:
        groups = {name: max(group, 1) for name, group in groups.items()}
    for node in nodes:
        if node.missing:
            dependants = [groups[after] for before, after in pairs if before == node.name]
            groups[node.name] = min(dependants, default=0)
    return groups
