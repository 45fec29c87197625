"""The dependency graph of what the library holds, as nodes to draw. Knows no widget.

Made on the thread that reads the library: arranging hundreds of nodes takes long.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication

from expert_studio.core.experts.dependencies import GraphEdge
from expert_studio.core.experts.library import InstalledExpert
from expert_studio.views.widgets import expert_facts
from expert_studio.views.widgets.graph_layout import Arrangement
from expert_studio.views.widgets.graph_nodes import GraphNode, arranged, related


@dataclass(frozen=True, slots=True)
class GraphContents:
    """Nodes, edges between them, and who stands where."""

    nodes: tuple[GraphNode, ...] = ()
    edges: tuple[GraphEdge, ...] = ()
    arrangement: Arrangement | None = None

    def around(self, name: str) -> GraphContents:
        """An expert with all it needs and all that needs it."""
        kept = related(name, self.edges)
        nodes = tuple(node for node in self.nodes if node.name in kept)
        edges = tuple(e for e in self.edges if {e.source, e.target} <= kept)
        return GraphContents(nodes, edges, arranged(nodes, edges))


def graph_of(
    experts: Sequence[InstalledExpert], edges: Sequence[GraphEdge], missing: Sequence[str]
) -> GraphContents:
    """Every installed expert, and those that others need and are missing."""
    troubles = _troubles(edges)
    nodes = [
        GraphNode(
            expert.name,
            f"{expert.version} · {expert_facts.form_text(expert.manifest)}",
            expert.manifest.tier,
            trouble="\n".join(troubles[expert.name]),
        )
        for expert in experts
    ]
    absent = _tr("not installed")
    nodes += [GraphNode(name, absent, "", missing=True) for name in missing]
    return GraphContents(tuple(nodes), tuple(edges), arranged(nodes, edges))


def _troubles(edges: Sequence[GraphEdge]) -> dict[str, list[str]]:
    """What does not hold about each expert that says so, a sentence each."""
    words = {
        "missing": _tr("needs {need}, which is not installed"),
        "wrong-version": _tr("needs {need}; another version is installed"),
        "conflicting": _tr("does not work together with {need}"),
        "cycle": _tr("needs itself, through {need}"),
    }
    found: dict[str, list[str]] = defaultdict(list)
    for edge in edges:
        if edge.state in words:
            need = expert_facts.requirement_text(edge.requirement)
            found[edge.source].append(words[edge.state].format(need=need))
            if edge.state == "conflicting":
                found[edge.target].append(words["conflicting"].format(need=edge.source))
    return found


def _tr(text: str) -> str:
    return QCoreApplication.translate("graph_contents", text)
