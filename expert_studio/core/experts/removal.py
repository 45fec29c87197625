"""Taking experts out: one version or all, refused or with those that need it; undone by one call.

    removed = remove("json-parser", library)                 # DependencyError names who needs it
    removed = remove("json-parser@1.0.0", library)
    removed = remove("json-parser", library, cascade=True)   # with everything that needs it
    undo(removed, library)

Everything goes to the trash, each by one rename, what needs another before that other: a crash
in between leaves a library in which nothing lacks what it needs. Knows nothing of models in
memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from expert_studio.core.errors import DependencyError, LibraryError, UsageError
from expert_studio.core.experts.library import InstalledExpert, Library, storage_error
from expert_studio.core.experts.requirement import name_key, parse_requirement, parse_version
from expert_studio.core.experts.trash import put_away, restore


@dataclass(frozen=True, slots=True)
class Removed:
    """What was taken out, in the order it was."""

    experts: tuple[str, ...]  # "name version", every version
    entries: tuple[Path, ...]  # in the library's trash


def dependants(name: str, library: Library) -> tuple[InstalledExpert, ...]:
    """The active experts that need this one, directly or by way of others; those first that
    nothing else needs."""
    return _needing({name_key(name)}, library.experts())


def remove(wanted: str, library: Library, cascade: bool = False) -> Removed:
    """Takes out `name`, every version of it, or `name@version`, that one alone.

    Args:
        cascade: also take out every expert that could not go on without it.

    Raises:
        LibraryError: it is not installed, or the library is busy.
        UsageError: what stands after the @ is not one version.
        DependencyError: others need it, and `cascade` was not asked for.
        StorageError: a folder cannot be moved; what was moved before it stays in the trash.
    """
    name, at, version = wanted.partition("@")
    with library.changing():
        folder = library.folder_of(name)
        going = _named(folder, version) if at else [folder]
        if going[0] == folder:
            others = _needing({name_key(folder.name)}, library.experts())
        else:
            others = _left_without(folder, version, library)
        if others and not cascade:
            raise DependencyError(
                f"{wanted} was not removed.",
                f"{_listed([other.name for other in others])} cannot work without it.",
                "Remove what needs it first, or all together.",
            )
        going = [*(other.folder.parent for other in others), *going]
        gone = [text for place in going for text in _versions_of(place, folder, library)]
        entries = [_away(place, library) for place in going]
    return Removed(tuple(gone), tuple(entries))


def undo(removed: Removed, library: Library) -> tuple[InstalledExpert, ...]:
    """Brings everything back, what others need first.

    Raises:
        LibraryError, StorageError: as `trash.restore`; what came back before stays.
    """
    return tuple(restore(entry, library) for entry in reversed(removed.entries))


def _named(folder: Path, version: str) -> list[Path]:
    """The folder of one version; of the last one, the expert's own."""
    try:
        parse_version(version)
    except ValueError as cause:
        raise UsageError(
            f"{version[:60]!r} is not one version.", "", "Write name@1.2.0."
        ) from cause
    there = [entry for entry in folder.iterdir() if entry.is_dir()]
    found = [entry for entry in there if entry.name == version]
    if not found:
        names = ", ".join(sorted(entry.name for entry in there))
        raise LibraryError(f"{folder.name} {version} is not installed.", f"There is {names}.")
    return found if len(there) > 1 else [folder]


def _versions_of(place: Path, folder: Path, library: Library) -> list[str]:
    if place.parent == folder:
        return [f"{folder.name} {place.name}"]
    return [f"{e.name} {e.version}" for e in library.versions(place.name)] or [place.name]


def _away(place: Path, library: Library) -> Path:
    is_version = place.parent.parent == library.experts_folder
    label = f"{place.parent.name}@{place.name}" if is_version else place.name
    try:
        return put_away(place, label, library)
    except OSError as cause:
        raise storage_error(f"{label} could not be removed.", cause, library.root) from cause


def _left_without(folder: Path, version: str, library: Library) -> tuple[InstalledExpert, ...]:
    """Who could not go on once another version of this expert is the active one."""
    active = library.active(folder.name)
    if active is None or active.version != version:
        return ()
    rest = [e for e in library.versions(folder.name) if e.version != version]
    if not rest:
        return _needing({name_key(folder.name)}, library.experts())
    next_ = max(rest, key=lambda e: parse_version(e.version))
    experts = library.experts()
    stuck = [
        other
        for other in experts
        for need in map(parse_requirement, other.manifest.needs)
        if need.names(folder.name) and not need.accepts(next_.version)
    ]
    further = _needing({name_key(e.name) for e in stuck}, experts)
    return tuple(dict.fromkeys((*further, *stuck)))


def _needing(
    keys: Iterable[str], experts: Sequence[InstalledExpert]
) -> tuple[InstalledExpert, ...]:
    """All that need one of these, found from the bottom, returned from the top."""
    reached = set(keys)
    start = frozenset(reached)
    needs = {e: {name_key(parse_requirement(t).name) for t in e.manifest.needs} for e in experts}
    layers: list[list[InstalledExpert]] = []
    while True:
        layer = [e for e in experts if name_key(e.name) not in reached and needs[e] & reached]
        if not layer:
            break
        layers.append(layer)
        reached |= {name_key(e.name) for e in layer}
    found = [e for layer in layers for e in layer if name_key(e.name) not in start]
    return _top_first(found, needs)


def _top_first(
    found: Sequence[InstalledExpert], needs: dict[InstalledExpert, set[str]]
) -> tuple[InstalledExpert, ...]:
    left = list(found)
    ordered: list[InstalledExpert] = []
    while left:
        wanted = {key for e in left for key in needs[e] - {name_key(e.name)}}
        free = [e for e in left if name_key(e.name) not in wanted] or left  # a circle: as they come
        ordered += free
        left = [e for e in left if e not in free]
    return tuple(ordered)


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
