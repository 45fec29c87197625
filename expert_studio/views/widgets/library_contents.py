"""What the library holds at one moment, and what is taken out of it together.

Functions for the thread pool and the frozen values they hand to the page. Knows no widget.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from expert_studio.core.errors import ExpertError
from expert_studio.core.experts.dependencies import GraphEdge, graph
from expert_studio.core.experts.install import uninstall
from expert_studio.core.experts.library import InstalledExpert, Library
from expert_studio.core.experts.trash import restore


@dataclass(frozen=True, slots=True)
class LibraryContents:
    """Experts, who needs whom, their files, and folders that cannot be used."""

    experts: tuple[InstalledExpert, ...] = ()
    edges: tuple[GraphEdge, ...] = ()  # who needs or refuses whom
    missing: tuple[str, ...] = ()  # needed, not installed
    files: dict[str, tuple[tuple[str, int], ...]] = field(default_factory=dict)  # path, bytes
    problems: tuple[str, ...] = ()

    def expert(self, name: str) -> InstalledExpert | None:
        return next((expert for expert in self.experts if expert.name == name), None)

    def dependants(self, name: str) -> tuple[str, ...]:
        """Who needs an expert directly, by name."""
        needs = (edge for edge in self.edges if edge.kind == "requires")
        return tuple(sorted({edge.source for edge in needs if edge.target == name}))

    def all_dependants(self, name: str) -> tuple[str, ...]:
        """Who needs an expert directly or through others; each before what it needs."""
        found: list[str] = []
        waiting = [name]
        while waiting:
            fresh = [one for one in self.dependants(waiting.pop(0)) if one != name]
            found = [one for one in found if one not in fresh] + fresh
            waiting += fresh
            if len(found) + len(waiting) > len(self.experts) ** 2:
                break  # a circle
        return tuple(reversed(found))

    def unmet(self, name: str) -> tuple[GraphEdge, ...]:
        """What an expert needs directly and has not."""
        own = (e for e in self.edges if e.source == name and e.kind == "requires")
        return tuple(edge for edge in own if edge.state != "satisfied")


@dataclass(frozen=True, slots=True)
class Removed:
    """Experts that were uninstalled together, outermost first, and where they lie now."""

    names: tuple[str, ...]
    entries: tuple[Path, ...]


def read_contents(library: Library) -> LibraryContents:
    """Reads manifests and folder listings; blocking, safe beside writers."""
    experts = library.experts()
    needs = graph(experts)
    return LibraryContents(
        experts=experts,
        edges=needs.edges,
        missing=tuple(needs.missing),
        files={expert.name: _files(expert) for expert in experts},
        problems=library.problems(),
    )


def uninstall_each(names: tuple[str, ...], library: Library) -> Removed:
    """Uninstalls in this order; when one cannot be, those before it come back.

    Raises: as `install.uninstall`.
    """
    entries: list[Path] = []
    try:
        for name in names:
            entries.append(uninstall(name, library))  # noqa: PERF401 - kept when one fails
    except ExpertError:
        for entry in reversed(entries):
            restore(entry, library)
        raise
    return Removed(names, tuple(entries))


def restore_each(removed: Removed, library: Library) -> None:
    """Brings back what `uninstall_each` took out. Raises: as `trash.restore`."""
    for entry in reversed(removed.entries):
        restore(entry, library)


def _files(expert: InstalledExpert) -> tuple[tuple[str, int], ...]:
    found = []
    for path in sorted(expert.folder.rglob("*")):
        try:
            if path.is_file():
                found.append((path.relative_to(expert.folder).as_posix(), path.stat().st_size))
        except FileNotFoundError:
            continue  # uninstalled since the folder was listed
    return tuple(found)
