"""Newer versions of what is installed: found in the marketplaces, or by tag where it came from.

    for offer in offers(library, markets): ...       # without a network, from the last copies
    offer = newest(name, folders, library, markets)  # asks the expert's own repository for tags
    acquire(offer.source, ...)                       # then as any other

A pinned expert is offered nothing. Knows nothing of fetching files.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from expert_studio.core.errors import FetchError, LibraryError, UsageError
from expert_studio.core.experts.acquisition import origin_source
from expert_studio.core.experts.fetch_control import FetchControl
from expert_studio.core.experts.git_repository import versions
from expert_studio.core.experts.install_record import origin
from expert_studio.core.experts.library import InstalledExpert, Library
from expert_studio.core.experts.marketplaces import Marketplaces
from expert_studio.core.experts.requirement import name_key, parse_version
from expert_studio.core.experts.source import Source
from expert_studio.core.settings import Folders


@dataclass(frozen=True, slots=True)
class Offer:
    """A version newer than the active one."""

    name: str
    installed: str
    version: str
    source: Source
    market: str = ""  # "": found among the tags of the expert's own repository


def offers(library: Library, markets: Marketplaces) -> tuple[Offer, ...]:
    """What the marketplaces list above the active versions, by name; reads no network."""
    return tuple(_listed(library, markets))


def newest(
    name: str,
    folders: Folders,
    library: Library,
    markets: Marketplaces,
    control: FetchControl | None = None,
) -> Offer | None:
    """The newest version of one expert, or None where the active one is.

    Looked for where it came from: among the tags of its repository, or in the marketplace. A
    version that is not a release (1.2.0-rc.1) is offered only beside one that is not either.

    Raises:
        LibraryError: it is not installed, or is pinned.
        FetchError: its repository cannot be asked.
        UsageError: it came from a file, and no marketplace lists it.
    """
    expert = library.find(name)
    pinned = library.pinned(name)
    if pinned is not None:
        raise LibraryError(
            f"{expert.name} was not updated.",
            f"You pinned it to {pinned}.",
            f"To update it: expert-cli pin --remove {expert.name}",
        )
    record = origin(expert.folder)
    source = origin_source(record)
    if source is not None and not record.get("market"):
        tagged = versions(source, folders.data / "git", control)
        for tag in tagged:
            if _newer(tag.version, expert.version):
                return Offer(expert.name, expert.version, tag.version, source.at(tag.ref))
        return None
    entry = markets.entry(expert.name)
    for listed in entry.versions:
        if _newer(listed.version, expert.version):
            at = entry.source(listed.version)
            return Offer(expert.name, expert.version, listed.version, at, entry.market)
    return None


def _listed(library: Library, markets: Marketplaces) -> Iterator[Offer]:
    installed: dict[str, InstalledExpert] = {name_key(e.name): e for e in library.experts()}
    seen: set[str] = set()
    for entry in markets.entries():
        key = name_key(entry.name)
        expert = installed.get(key)
        if expert is None or key in seen:
            continue
        seen.add(key)
        if library.pinned(expert.name) is not None:
            continue
        for listed in entry.versions:
            if _newer(listed.version, expert.version):
                try:
                    at = entry.source(listed.version)
                except (UsageError, FetchError):
                    break
                yield Offer(expert.name, expert.version, listed.version, at, entry.market)
                break


def _newer(version: str, active: str) -> bool:
    """Whether it comes after; one before a release only where the active one is such too."""
    new, old = parse_version(version), parse_version(active)
    return new.compare(old) > 0 and (not new.prerelease or bool(old.prerelease))
