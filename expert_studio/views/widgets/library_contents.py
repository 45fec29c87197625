"""What the library holds at one moment, and what is taken out of it together.

Functions for the thread pool and the frozen values they hand to the page. Knows no widget.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from expert_studio.core.errors import ExpertError
from expert_studio.core.experts.acceptance import Acceptance
from expert_studio.core.experts.dependencies import GraphEdge, graph
from expert_studio.core.experts.install import uninstall
from expert_studio.core.experts.install_record import RECORD_FILE, origin
from expert_studio.core.experts.library import (
    InstalledExpert,
    Library,
    storage_error,
)
from expert_studio.core.experts.removal import remove
from expert_studio.core.experts.signature import Signature
from expert_studio.core.experts.signing import examine_installed
from expert_studio.core.experts.trash import restore
from expert_studio.core.experts.trust import Standing
from expert_studio.core.experts.weights import weights_sha256
from expert_studio.views.widgets.graph_contents import GraphContents, graph_of
from expert_studio.views.widgets.library_facets import Facets, facets_of

_NOT_SIGNED = Standing("unsigned", "")


@dataclass(frozen=True, slots=True)
class LibraryContents:
    """Experts, who needs whom, their files, and folders that cannot be used."""

    experts: tuple[InstalledExpert, ...] = ()
    edges: tuple[GraphEdge, ...] = ()  # who needs or refuses whom
    missing: tuple[str, ...] = ()  # needed, not installed
    graph: GraphContents = field(default_factory=GraphContents)
    standings: dict[str, Standing] = field(default_factory=dict)  # of each one's signature
    problems: tuple[str, ...] = ()
    facets: Facets | None = None  # of all these experts

    def expert(self, name: str) -> InstalledExpert | None:
        return next((expert for expert in self.experts if expert.name == name), None)

    def standing(self, name: str) -> Standing:
        """What the signature of an installed expert is worth."""
        return self.standings.get(name, _NOT_SIGNED)

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

    @property
    def words(self) -> str:
        return ", ".join(self.names).replace("@", " ")


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file of an installed version."""

    path: str  # relative, with forward slashes
    size_bytes: int
    sha256: str  # 64 hex digits


@dataclass(frozen=True, slots=True)
class ExpertFiles:
    """What is read of one expert once it is chosen."""

    name: str
    versions: tuple[InstalledExpert, ...]  # highest first
    pinned: bool  # the active one was fixed by the person
    files: tuple[StoredFile, ...]  # of the active version
    standing: Standing  # of its signature, with every file hashed anew


def read_contents(library: Library, acceptance: Callable[[], Acceptance]) -> LibraryContents:
    """Reads manifests and who signed them; blocking, safe beside writers."""
    experts = library.experts()
    needs = graph(experts)
    signatures = [_noted_signature(expert) for expert in experts]
    standings = acceptance().store.standings(signatures)
    return LibraryContents(
        experts=experts,
        edges=needs.edges,
        missing=tuple(needs.missing),
        graph=graph_of(experts, needs.edges, needs.missing),
        standings={expert.name: s for expert, s in zip(experts, standings, strict=True)},
        problems=library.problems(),
        facets=facets_of(experts),
    )


def uninstall_each(names: tuple[str, ...], library: Library) -> Removed:
    """Uninstalls in this order; when one cannot be, those before it come back.

    "name@version" is one version, any other name every version. Raises: as `removal.remove`.
    """
    entries: list[Path] = []
    try:
        for name in names:
            one = "@" in name
            entries += remove(name, library).entries if one else (uninstall(name, library),)
    except ExpertError:
        for entry in reversed(entries):
            restore(entry, library)
        raise
    return Removed(names, tuple(entries))


def restore_each(removed: Removed, library: Library) -> None:
    """Brings back what `uninstall_each` took out. Raises: as `trash.restore`."""
    for entry in reversed(removed.entries):
        restore(entry, library)


def read_files(name: str, library: Library, acceptance: Callable[[], Acceptance]) -> ExpertFiles:
    """Versions and hashed files of one expert; blocking.

    Raises:
        LibraryError: it is no longer installed.
        StorageError: a file cannot be read.
    """
    expert = library.find(name)
    try:
        files = tuple(_files(expert))
        standing = examine_installed(expert, acceptance().store)
    except OSError as cause:
        what = f"The files of {name} cannot be read."
        raise storage_error(what, cause, expert.folder) from cause
    versions, pinned = library.versions(name), library.pinned(name) is not None
    return ExpertFiles(expert.name, versions, pinned, files, standing)


def _noted_signature(expert: InstalledExpert) -> Signature:
    """Who signed it, as noted when it came in; its files are hashed only once it is chosen."""
    record = origin(expert.folder)
    signer, publisher = str(record.get("signed_by") or ""), str(record.get("publisher") or "")
    return Signature("valid", signer, publisher) if signer else Signature()


def _files(expert: InstalledExpert) -> Iterator[StoredFile]:
    for path in sorted(expert.folder.rglob("*")):
        if path.is_file() and path.name != RECORD_FILE:
            name = path.relative_to(expert.folder).as_posix()
            yield StoredFile(name, path.stat().st_size, weights_sha256(path))
