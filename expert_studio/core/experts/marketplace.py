"""What a marketplace's index says: a folder of JSON from a Git repository, read with distrust.

    index.json            {"version", "updated_at", "experts": [{"name", "repository", "latest"}]}
    experts/<name>.json   {"name", "repository", "description", "author", "publisher", "public_key",
                           "latest_version", "license", "tags", "categories", "bases", "added_at",
                           "updated_at", "versions": [{"version", "ref", "commit", "requires",
                           "incompatible_with", "load_order", "size_bytes"}]}
    categories/*.json     {"name", "title", "description"}              (may be missing)
    publishers.json       {"publishers": [{"name", "public_key"}]}      (may be missing)

An expert counts as verified when the index lists its publisher's key among those it has
verified. Downloads and ratings cannot be known from a Git index: such keys are passed over
and said so. Knows nothing of where indexes come from (`marketplaces`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr, ValidationError

from expert_studio.core.errors import DependencyError, FetchError, UsageError
from expert_studio.core.experts.keys import is_public_key
from expert_studio.core.experts.requirement import is_name, parse_requirement, parse_version
from expert_studio.core.experts.resolution import Candidate
from expert_studio.core.experts.source import Source, parse_source
from expert_studio.core.experts.untrusted_json import UnreadableJsonError, read_json_object

INDEX_FILE = "index.json"
MAX_FILE_BYTES = 1 << 20
MAX_INDEX_BYTES = 16 << 20
MAX_ENTRIES = 20_000
MAX_VERSIONS = 1000
UNKNOWABLE = frozenset({"downloads", "rating", "ratings", "stars", "verified", "installs"})
_Text = Annotated[StrictStr, Field(max_length=2000)]
_Short = Annotated[StrictStr, Field(max_length=200)]


@dataclass(frozen=True, slots=True)
class EntryVersion:
    """One version an expert can be had in."""

    version: str
    ref: str  # the tag it stands under
    commit: str = ""  # 40 hex; given, nothing else is taken
    requires: tuple[str, ...] = ()
    incompatible_with: tuple[str, ...] = ()
    load_order: int = 9
    size_bytes: int = 0  # as its author says; 0 is not said


@dataclass(frozen=True, slots=True)
class Entry:
    """One expert of one marketplace."""

    market: str  # the name the person gave the marketplace
    name: str
    repository: str  # git+https://…
    description: str = ""
    author: str = ""
    publisher: str = ""
    public_key: str = ""  # ed25519:…; what its packages must be signed with, "" for not said
    verified: bool = False  # the index vouches for this publisher's key
    latest_version: str = ""
    license: str = ""
    tags: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    bases: tuple[str, ...] = ()
    added_at: str = ""
    updated_at: str = ""
    versions: tuple[EntryVersion, ...] = ()  # the highest first
    notes: tuple[str, ...] = ()  # what its file got wrong, in sentences

    def source(self, version: str = "") -> Source:
        """Where a version lies; the latest if none is named.

        Raises:
            UsageError: it has no such version.
        """
        for listed in self.versions:
            if version in ("", listed.version):
                return parse_source(self.repository).at(listed.commit or listed.ref)
        raise UsageError(f"{self.name} {version} is not in the marketplace {self.market}.")

    def candidates(self) -> tuple[Candidate, ...]:
        """Its versions, for `resolution`."""
        return tuple(
            Candidate(self.name, v.version, v.requires, v.incompatible_with, v.load_order)
            for v in self.versions
        )


@dataclass(frozen=True, slots=True)
class Category:
    """One shelf of the marketplace."""

    name: str
    title: str
    description: str = ""
    experts: int = 0  # how many stand on it


@dataclass(frozen=True, slots=True)
class Publisher:
    """A publisher whose key the index has verified."""

    name: str
    public_key: str


@dataclass(frozen=True, slots=True)
class Index:
    """One marketplace as read."""

    market: str
    entries: tuple[Entry, ...]
    categories: tuple[Category, ...]
    publishers: tuple[Publisher, ...]
    updated_at: str = ""
    problems: tuple[str, ...] = ()  # entries that cannot be used, a sentence each


class _Said(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _SaidVersion(_Said):
    version: _Short
    ref: _Short = ""
    commit: Annotated[StrictStr, Field(pattern=r"^([0-9a-f]{40})?$")] = ""
    requires: Annotated[tuple[_Short, ...], Field(max_length=50)] = ()
    incompatible_with: Annotated[tuple[_Short, ...], Field(max_length=50)] = ()
    load_order: Annotated[StrictInt, Field(ge=0, le=1000)] = 9
    size_bytes: Annotated[StrictInt, Field(ge=0)] = 0


class _SaidEntry(_Said):
    name: _Short
    repository: _Text
    description: _Text = ""
    author: _Short = ""
    publisher: _Short = ""
    public_key: _Short = ""
    latest_version: _Short = ""
    license: _Short = ""
    tags: Annotated[tuple[_Short, ...], Field(max_length=50)] = ()
    categories: Annotated[tuple[_Short, ...], Field(max_length=20)] = ()
    bases: Annotated[tuple[_Short, ...], Field(max_length=50)] = ()
    added_at: _Short = ""
    updated_at: _Short = ""
    versions: Annotated[tuple[_SaidVersion, ...], Field(max_length=MAX_VERSIONS)] = ()


def read_index(folder: Path, market: str, schemes: frozenset[str]) -> Index:
    """Reads the files of an index; entries that cannot be used are left out and told.

    Args:
        market: the name the person gave it.
        schemes: protocols its experts may be fetched by.

    Raises:
        FetchError: there is no index.json that could be read.
    """
    try:
        said = _json(folder / INDEX_FILE, MAX_INDEX_BYTES)
    except (OSError, UnreadableJsonError) as cause:
        raise FetchError(
            f"{market} is no marketplace.", f"Its index.json cannot be read: {cause}"
        ) from cause
    problems: list[str] = []
    publishers = tuple(_publishers(folder, problems))
    keys = {(p.name, p.public_key) for p in publishers}
    entries: dict[str, Entry] = {}
    listed = said.get("experts")
    for row in (listed if isinstance(listed, list) else [])[:MAX_ENTRIES]:
        try:
            entry = _entry(folder, row, market, keys, schemes)
        except (OSError, ValueError, UsageError, DependencyError) as cause:
            problems.append(f"{_named(row)} cannot be used: {_reason(cause)}")
            continue
        if entry.name in entries:
            problems.append(f"{entry.name} stands in the index twice; the first counts.")
        entries.setdefault(entry.name, entry)
    found = tuple(entries[name] for name in sorted(entries))
    when = said.get("updated_at")
    return Index(
        market,
        found,
        tuple(_categories(folder, found, problems)),
        publishers,
        when if isinstance(when, str) else "",
        tuple(problems),
    )


def _entry(
    folder: Path, row: Any, market: str, verified: set[tuple[str, str]], schemes: frozenset[str]
) -> Entry:
    name = row.get("name") if isinstance(row, dict) else None
    if not isinstance(name, str) or not is_name(name):
        raise ValueError("it has no name")
    path = folder / "experts" / f"{name}.json"
    stated = _json(path, MAX_FILE_BYTES) if path.is_file() else {}
    notes = [f"{key} is passed over: an index cannot know it." for key in UNKNOWABLE & set(stated)]
    latest = row.get("latest")
    short = {"name": name, "repository": row.get("repository"), "latest_version": latest}
    said = _SaidEntry.model_validate({k: v for k, v in short.items() if v is not None} | stated)
    if said.name != name:
        raise ValueError(f"its file is about {said.name!r}")
    source = _repository(said.repository, schemes)
    versions = sorted(
        _versions(said), key=lambda v: (parse_version(v.version), v.version), reverse=True
    )
    if not versions:
        raise ValueError("it names no version")
    key = said.public_key.lower()
    return Entry(
        market=market,
        name=name,
        repository=f"git+{source.url}" + (f"#:{source.subfolder}" if source.subfolder else ""),
        description=said.description,
        author=said.author,
        publisher=said.publisher,
        public_key=key if is_public_key(key) else "",
        verified=(said.publisher, key) in verified,
        latest_version=versions[0].version,
        license=said.license,
        tags=said.tags,
        categories=said.categories,
        bases=said.bases,
        added_at=said.added_at,
        updated_at=said.updated_at,
        versions=tuple(versions),
        notes=tuple(sorted(notes)),
    )


def _repository(text: str, schemes: frozenset[str]) -> Source:
    source = parse_source(text if text.startswith("git+") else f"git+{text}")
    if source.scheme not in schemes:
        raise ValueError(f"its repository would be fetched by {source.scheme}")
    return source


def _versions(said: _SaidEntry) -> Iterator[EntryVersion]:
    stated = said.versions
    if not stated and said.latest_version:  # upstream's form
        stated = (_SaidVersion(version=said.latest_version),)
    for one in stated:
        parse_version(one.version)
        for need in (*one.requires, *one.incompatible_with):
            parse_requirement(need)
        yield EntryVersion(
            one.version,
            one.ref or f"v{one.version}",
            one.commit,
            one.requires,
            one.incompatible_with,
            one.load_order,
            one.size_bytes,
        )


def _publishers(folder: Path, problems: list[str]) -> Iterator[Publisher]:
    path = folder / "publishers.json"
    if not path.is_file():
        return
    try:
        listed = _json(path, MAX_FILE_BYTES).get("publishers")
    except (OSError, UnreadableJsonError) as cause:
        problems.append(f"publishers.json cannot be used: {cause}")
        return
    for one in listed if isinstance(listed, list) else []:
        name, key = (one.get("name"), one.get("public_key")) if isinstance(one, dict) else ("", "")
        if isinstance(name, str) and isinstance(key, str) and is_public_key(key.lower()):
            yield Publisher(name, key.lower())
        else:
            problems.append("publishers.json names a publisher without a key.")


def _categories(
    folder: Path, entries: tuple[Entry, ...], problems: list[str]
) -> Iterator[Category]:
    counts: dict[str, int] = {}
    for entry in entries:
        for name in entry.categories:
            counts[name] = counts.get(name, 0) + 1
    titles: dict[str, tuple[str, str]] = {}
    for path in sorted((folder / "categories").glob("*.json"))[:200]:
        try:
            said = _json(path, MAX_FILE_BYTES)
        except (OSError, UnreadableJsonError) as cause:
            problems.append(f"categories/{path.name} cannot be used: {cause}")
            continue
        title, about = said.get("title"), said.get("description")
        titles[path.stem] = (
            title if isinstance(title, str) else path.stem,
            about if isinstance(about, str) else "",
        )
    for name in sorted({*counts, *titles}):
        title, about = titles.get(name, (name.replace("-", " ").capitalize(), ""))
        yield Category(name, title, about, counts.get(name, 0))


def _json(path: Path, limit_bytes: int) -> dict[str, Any]:
    with path.open("rb") as stream:
        return read_json_object(stream.read(limit_bytes + 1), limit_bytes)


def _named(row: Any) -> str:
    name = row.get("name") if isinstance(row, dict) else None
    return ascii(str(name)[:80]) if name else "An entry"


def _reason(cause: Exception) -> str:
    if isinstance(cause, ValidationError):
        first = cause.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}."
    if isinstance(cause, UsageError | DependencyError):
        return f"{cause.what} {cause.why}"
    return f"{cause}."
