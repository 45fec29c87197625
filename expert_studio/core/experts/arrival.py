"""What a package would bring and what it asks for, read before anything is installed.

Reads the whole package, so that every hash and the signature are checked, and compares
it with the library. Changes nothing, and knows nothing of how the person is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from expert_studio.core.errors import CompatibilityError, ExpertError, IntegrityError
from expert_studio.core.experts import archive
from expert_studio.core.experts.acceptance import Acceptance
from expert_studio.core.experts.acquisition import ANY_BASE, BaseWanted
from expert_studio.core.experts.archive import Package
from expert_studio.core.experts.install import Installation, install
from expert_studio.core.experts.library import InstalledExpert, Library
from expert_studio.core.experts.manifest import Manifest
from expert_studio.core.experts.requirement import name_key, parse_requirement, parse_version
from expert_studio.core.experts.trust import Standing
from expert_studio.core.experts.update_preview import UpdatePreview, preview

NeedState = Literal["installed", "comes along", "missing", "wrong version"]


@dataclass(frozen=True, slots=True)
class Need:
    """Another expert it needs, and whether that will be there."""

    requirement: str  # as written: json-parser@>=1.0.0
    state: NeedState
    version: str = ""  # the one that is or will be there


@dataclass(frozen=True, slots=True)
class Arrival:
    """One package that was looked at."""

    source: Path
    standing: Standing  # of its signature; INVALID where package is None
    package: Package | None = None  # None: it cannot be read, `refusal` says why
    asked: tuple[tuple[str, str], ...] = ()  # consent of `acceptance.CONSENTS`, its sentence
    refusal: ExpertError | None = None  # why it cannot come in whatever the person says
    preview: UpdatePreview | None = None  # against the active version; None where refused
    already: bool = False  # this very version is installed: nothing would change
    origin: tuple[tuple[str, str], ...] = ()  # where it came from, to be noted beside it

    @property
    def manifest(self) -> Manifest | None:
        return self.package.manifest if self.package is not None else None

    @property
    def name(self) -> str:
        """The expert's, or the file's where it cannot be read."""
        return self.package.manifest.name if self.package is not None else self.source.name

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing to decide: nothing is asked, refused or replaced."""
        new = self.already or (self.preview is not None and self.preview.direction == "new")
        return new and not self.asked and self.refusal is None


def look_at(
    source: Path,
    library: Library,
    acceptance: Acceptance,
    base: BaseWanted = ANY_BASE,
    origin: tuple[tuple[str, str], ...] = (),
) -> Arrival:
    """Reads a package and says what installing it would mean. Blocking.

    What is wrong with the package is told by `refusal`, not raised.

    Raises:
        KeyFileError: the list of trusted keys is damaged.
        StorageError: the library cannot be read.
    """
    try:
        package = archive.inspect(source)
    except IntegrityError as error:
        return Arrival(source, Standing("INVALID", error.why), refusal=error)
    except ExpertError as error:
        return Arrival(source, Standing("unsigned", ""), refusal=error)
    arrival = Arrival(source, acceptance.store.standing(package.signature), package, origin=origin)
    installed = library.versions(package.manifest.name)
    try:
        _, asked = acceptance.weigh(package, installed)
        _check_base(package.manifest, base)
    except ExpertError as error:
        return replace(arrival, refusal=error)
    same = [e for e in installed if e.version.lower() == package.manifest.version.lower()]
    return replace(
        arrival,
        asked=tuple(asked.items()),
        preview=preview(package, library, acceptance),
        already=any(e.manifest == package.manifest for e in same),
    )


def bring_in(
    arrival: Arrival,
    library: Library,
    acceptance: Acceptance,
    consents: frozenset[str],
    base: BaseWanted = ANY_BASE,
) -> Installation:
    """Installs what was looked at. Consents hold for that very file: a changed one asks anew.

    Raises: as `install.install`.
    """
    seen = arrival.package.sha256 if arrival.package is not None else ""
    agreed = replace(acceptance, consents=acceptance.consents | consents, seen=seen)
    return install(
        arrival.source,
        library,
        base.name,
        base.sha256,
        whole_base(base).folder,
        acceptance=agreed,
        origin=dict(arrival.origin),
    )


def needs_of(
    arrival: Arrival, together: Sequence[Arrival], installed: Iterable[InstalledExpert]
) -> tuple[Need, ...]:
    """What it needs, given what is installed and what would come in with it."""
    if arrival.manifest is None:
        return ()
    there = {name_key(expert.name): expert.version for expert in installed}
    coming = {
        name_key(other.name): other.manifest.version
        for other in together
        if other.manifest is not None and other.refusal is None and other is not arrival
    }
    needs = []
    for text in arrival.manifest.needs:
        need = parse_requirement(text)
        key = name_key(need.name)
        if key in coming and need.accepts(coming[key]):
            needs.append(Need(str(need), "comes along", coming[key]))
        elif key not in there:
            needs.append(Need(str(need), "missing"))
        elif need.accepts(there[key]):
            needs.append(Need(str(need), "installed", there[key]))
        else:
            needs.append(Need(str(need), "wrong version", there[key]))
    return tuple(needs)


def in_order(arrivals: Iterable[Arrival]) -> tuple[Arrival, ...]:
    """Those that can be read by load order, lower versions first, then the others."""

    def place(arrival: Arrival) -> tuple[bool, int, str, object]:
        manifest = arrival.manifest
        if manifest is None:
            return True, 0, arrival.name, parse_version("0.0.0")
        version = parse_version(manifest.version)
        return False, manifest.constraints.load_order, manifest.name, version

    return tuple(sorted(arrivals, key=place))


def _check_base(manifest: Manifest, base: BaseWanted) -> None:
    if base.name is None and base.sha256 is None:
        return
    if manifest.base_for(base.name, base.sha256) is None:
        made_for = ", ".join(entry.name for entry in manifest.base_models)
        raise CompatibilityError(
            f"{manifest.name} {manifest.version} does not work with {base.name or 'this base'}.",
            f"It was made for {made_for or 'no base it names'}.",
            "Load that base, or get the expert made for yours.",
        )


def whole_base(base: BaseWanted) -> BaseWanted:
    """Without its folder where no base lies in it whose shapes could be compared."""
    there = base.folder is not None and (base.folder / "config.json").is_file()
    return base if there else replace(base, folder=None)
