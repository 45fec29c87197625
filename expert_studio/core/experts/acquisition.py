"""Getting an expert and all it needs, from anywhere; looked at first, installed on consent.

    with acquire(parse_source(text), place, markets, acceptance, base) as got:
        got.experts            # dependencies first; each with manifest, package, preview, origin
        got.consents           # what the person has to agree to, of acceptance.CONSENTS
        install_all(got, place.library, acceptance_with_consents, base)

`acquire` reaches the network where the source or a dependency does, and changes nothing in
the library. Dependencies come from what is installed where that will do, else from the
marketplaces; an index's word on what an expert needs holds until its own manifest is there.
Knows nothing of windows: progress is told by `fetch_control`, on the caller's thread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from expert_studio.core.errors import (
    ArchiveError,
    CompatibilityError,
    DependencyError,
    FetchStopped,
    IntegrityError,
)
from expert_studio.core.experts.acceptance import Acceptance
from expert_studio.core.experts.archive import Package, build, inspect
from expert_studio.core.experts.fetch_control import FetchControl, Tell, untold
from expert_studio.core.experts.git_repository import Wanted, fetch
from expert_studio.core.experts.incoming import Scratch
from expert_studio.core.experts.install import Installation, install
from expert_studio.core.experts.library import Library
from expert_studio.core.experts.manifest import Manifest, read_manifest
from expert_studio.core.experts.marketplace import Entry
from expert_studio.core.experts.marketplaces import Marketplaces
from expert_studio.core.experts.requirement import name_key, parse_requirement
from expert_studio.core.experts.resolution import Candidate, Installed, resolve
from expert_studio.core.experts.source import Source, parse_source
from expert_studio.core.experts.update_preview import UpdatePreview, preview
from expert_studio.core.settings import Folders


@dataclass(frozen=True, slots=True)
class BaseWanted:
    """The base experts are to work with; all empty for any."""

    name: str | None = None
    sha256: str | None = None
    folder: Path | None = None


ANY_BASE = BaseWanted()


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an expert came from, as noted beside it."""

    source: str  # as the person, or the index, wrote it
    ref: str = ""  # the tag or branch
    commit: str = ""  # 40 hex
    market: str = ""

    def as_record(self) -> dict[str, str]:
        said = {"source": self.source, "ref": self.ref, "commit": self.commit}
        return {k: v for k, v in (said | {"market": self.market}).items() if v}


@dataclass(frozen=True, slots=True)
class Acquired:
    """One expert at hand, checked, not installed."""

    manifest: Manifest
    package: Package
    file: Path  # a .expert file, gone when the acquisition is closed
    origin: Origin
    preview: UpdatePreview
    asked_for: bool  # False: another one needs it


@dataclass(slots=True)
class Acquisition:
    """What was got. Close it (or leave its `with`): its files are then removed."""

    experts: tuple[Acquired, ...]  # dependencies first
    present: tuple[str, ...]  # "name version" of needed ones that are installed already
    warnings: tuple[str, ...] = ()
    _scratch: Scratch | None = field(default=None, repr=False)

    @property
    def consents(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(c for e in self.experts for c in e.preview.consents))

    @property
    def refusals(self) -> tuple[str, ...]:
        """Why it cannot be installed, whatever is agreed to."""
        return tuple(e.preview.refusal for e in self.experts if e.preview.refusal)

    def close(self) -> None:
        if self._scratch is not None:
            self._scratch.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()


def acquire(
    source: Source,
    folders: Folders,
    library: Library,
    markets: Marketplaces,
    acceptance: Acceptance,
    base: BaseWanted = ANY_BASE,
    control: FetchControl | None = None,
    tell: Tell = untold,
) -> Acquisition:
    """Gets the expert at `source` and what it needs and is not installed.

    Raises:
        UsageError: no marketplace lists the name.
        FetchStopped, FetchError: as `git_repository.fetch`.
        DependencyError: a need cannot be met, or not together with the others.
        IntegrityError: a signature is INVALID, or not of the key the index names.
        CompatibilityError, ArchiveError, ManifestError, StorageError: as `install`.
    """
    scratch = Scratch(folders.data / "incoming")
    work = _Work(folders, library, markets, base, control or FetchControl(), tell, scratch)
    try:
        first = work.get(source)
        needed = work.needed(first)
        experts = [
            Acquired(
                got.package.manifest,
                got.package,
                got.file,
                got.origin,
                preview(got.package, library, acceptance),
                got is first,
            )
            for got in needed
        ]
        return Acquisition(tuple(experts), tuple(work.present), tuple(work.warnings), scratch)
    except BaseException:
        scratch.close()
        raise


def install_all(
    acquired: Acquisition,
    library: Library,
    acceptance: Acceptance,
    base: BaseWanted = ANY_BASE,
) -> tuple[Installation, ...]:
    """Installs what was got, dependencies first, each wholly or not at all.

    Raises:
        ExpertError: as `install`; what was installed before the one that failed stays.
    """
    done = []
    for expert in acquired.experts:
        done.append(  # noqa: PERF401 - told one by one
            install(
                expert.file,
                library,
                base.name,
                base.sha256,
                base.folder,
                acceptance,
                expert.origin.as_record(),
            )
        )
    return tuple(done)


@dataclass(slots=True)
class _Got:
    package: Package
    file: Path
    origin: Origin


@dataclass(slots=True)
class _Work:
    folders: Folders
    library: Library
    markets: Marketplaces
    base: BaseWanted
    control: FetchControl
    tell: Tell
    scratch: Scratch
    present: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    _at_hand: dict[tuple[str, str], _Got] = field(default_factory=dict)

    def get(self, source: Source, entry: Entry | None = None) -> _Got:
        """One expert, as a package in the scratch folder."""
        if self.control.stopped:
            raise FetchStopped("Fetching was stopped.", "", "What had come is kept for next time.")
        if source.kind == "name":
            wanted = parse_requirement(source.requirement)
            entry = self.markets.entry(wanted.name)
            fitting = [v for v in entry.versions if wanted.accepts(v.version)]
            if not fitting:
                raise DependencyError(
                    f"There is no {wanted} in the marketplace {entry.market}.",
                    "It has " + ", ".join(v.version for v in entry.versions[:10]) + ".",
                )
            return self.get(entry.source(fitting[0].version), entry)
        place = self.scratch.folder / str(len(self._at_hand))
        if source.kind == "git":
            fetched = fetch(
                source, place, self.folders.data / "git", Wanted.EXPERT, self.control, self.tell
            )
            file = self._packed(place)
            market = entry.market if entry is not None else ""
            ref = source.ref if entry is None else _ref_of(entry, source)
            where = f"git+{source.url}" + (f"#:{source.subfolder}" if source.subfolder else "")
            origin = Origin(where, ref, fetched.commit, market)
        else:
            assert source.path is not None
            place.mkdir()
            file = self._packed(source.path) if source.kind == "folder" else source.path
            origin = Origin(source.path.as_uri())
        got = _Got(inspect(file), file, origin)
        _check_signer(got.package, entry)
        said = got.package.manifest
        self._at_hand[name_key(said.name), said.version] = got
        return got

    def needed(self, first: _Got) -> list[_Got]:
        """What is to be installed, dependencies first; fetches until no need is open."""
        said = first.package.manifest
        while True:
            chosen = self._chosen(f"{said.name}@={said.version}")
            missing = [c for c in chosen if not self._is_there(c)]
            if not missing:
                break
            for candidate in missing:
                entry = self.markets.entry(candidate.name)
                self.get(entry.source(candidate.version), entry)
        result = []
        for candidate in chosen:
            got = self._at_hand.get((name_key(candidate.name), candidate.version))
            if got is not None:
                result.append(got)
            else:
                self.present.append(f"{candidate.name} {candidate.version}")
        return result

    def _chosen(self, wanted: str) -> tuple[Candidate, ...]:
        """With what is installed where that will do, else with newer ones."""
        at_hand = {key: _candidate(got) for key, got in self._at_hand.items()}
        try:
            return resolve([wanted], _Catalogue(at_hand, self.library, self.markets, True))
        except DependencyError:
            return resolve([wanted], _Catalogue(at_hand, self.library, self.markets, False))

    def _is_there(self, candidate: Candidate) -> bool:
        if (name_key(candidate.name), candidate.version) in self._at_hand:
            return True
        installed = self.library.versions(candidate.name)
        return any(e.version == candidate.version for e in installed)

    def _packed(self, folder: Path) -> Path:
        """The package in a folder, or one made of the loose files there."""
        packages = sorted(folder.rglob("*.expert"))
        if not (folder / "adapter_model.safetensors").is_file() and packages:
            return self._for_base(packages)
        if not any(folder.rglob("*.safetensors")):
            raise ArchiveError(
                "There are no weights in it.",
                "It holds a description of an expert that has not been trained yet.",
                "Train it: expert-cli train --manifest FOLDER/manifest.json",
            )
        return build(folder, self.scratch.folder, self._base_of(folder), as_signed=True)

    def _for_base(self, packages: Sequence[Path]) -> Path:
        if len(packages) == 1:
            return packages[0]
        for path in packages:
            if inspect(path).manifest.base_for(self.base.name, self.base.sha256) is not None:
                return path
        raise CompatibilityError(
            "None of its packages is for this base.",
            f"There are {len(packages)}: {', '.join(path.name for path in packages[:5])}.",
            "Load the base one of them was made for.",
        )

    def _base_of(self, folder: Path) -> str | None:
        manifest, _ = read_manifest((folder / "manifest.json").read_bytes(), folder.name)
        if len(manifest.base_models) < 2:
            return None
        found = manifest.base_for(self.base.name, self.base.sha256)
        return found.name if found is not None else None


@dataclass(frozen=True, slots=True)
class _Catalogue:
    """What is at hand, then what is installed, then what the marketplaces list."""

    at_hand: Mapping[tuple[str, str], Candidate]
    library: Library
    markets: Marketplaces
    installed_first: bool

    def versions(self, name: str) -> Sequence[Candidate]:
        key = name_key(name)
        here = [c for (k, _), c in self.at_hand.items() if k == key]
        installed = [*Installed(self.library).versions(name)]
        if (here or installed) and self.installed_first:
            offered: Sequence[Candidate] = ()
        else:
            offered = self.markets.versions(name)
        found: dict[str, Candidate] = {}
        for candidate in (*here, *installed, *offered):
            found.setdefault(candidate.version, candidate)
        return tuple(found.values())


def _candidate(got: _Got) -> Candidate:
    said = got.package.manifest
    limits = said.constraints
    return Candidate(
        said.name, said.version, said.needs, limits.incompatible_with, limits.load_order
    )


def _check_signer(package: Package, entry: Entry | None) -> None:
    """An index that names a key is held to it, and to the name it lists."""
    if entry is None:
        return
    said = package.manifest
    if name_key(said.name) != name_key(entry.name):
        raise IntegrityError(
            f"{entry.name} was not taken.",
            f"The marketplace {entry.market} leads to another expert, {said.name}.",
            "Tell the marketplace.",
        )
    if entry.public_key and package.signature.public_key != entry.public_key:
        how = package.signature.public_key or "nobody"
        raise IntegrityError(
            f"{said.name} {said.version} was not taken.",
            f"The marketplace {entry.market} says {entry.public_key} signs it; {how} did.",
            "Tell the marketplace and the publisher.",
        )


def _ref_of(entry: Entry, source: Source) -> str:
    """The tag the entry's version stands under; the source may name its commit."""
    for version in entry.versions:
        if source.ref in (version.commit, version.ref):
            return version.ref
    return source.ref


def origin_source(record: Mapping[str, object]) -> Source | None:
    """The repository an installed expert came from, as its record notes it; None for others."""
    text = record.get("source")
    if not isinstance(text, str) or not text.startswith("git+"):
        return None
    return parse_source(text)
