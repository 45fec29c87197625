"""Which experts are installed, read from the library folder itself.

Knows nothing of how they got there (`install`) or of loading weights. On disk:

    library/experts/<name>/<version>/   manifest.json, adapter_model.safetensors, ...
    library/experts/<name>/active.json  only where the person chose or pinned a version
    library/.staging  library/.trash  library/.lock  library/.index.sqlite3

A version is there when its folder is, and each folder appears and disappears by one
rename; the index only saves parsing. Of several versions the highest is active unless
`active.json` names another; a pinned one stays active when a newer one is installed. Where
a base is favoured, the highest made for it comes before those that are not.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from expert_studio.core.errors import ExpertError, LibraryError, ManifestError, StorageError
from expert_studio.core.experts.active_version import (
    ACTIVE_FILE,
    by_preference,
    folders_in,
    read_active,
    write_active,
)
from expert_studio.core.experts.install_record import recorded, size_of
from expert_studio.core.experts.library_index import (
    KEPT_AT_ONCE,
    WORTH_KEEPING,
    Known,
    LibraryIndex,
    State,
)
from expert_studio.core.experts.manifest import MAX_MANIFEST_BYTES, Manifest, read_manifest
from expert_studio.core.experts.requirement import is_name, name_key, precedence
from expert_studio.core.experts.weights import weights_sha256

MANIFEST_FILE = "manifest.json"
WEIGHTS_FILE = "adapter_model.safetensors"
CONFIG_FILE = "adapter_config.json"
TESTS_FILE = "tests/test_cases.json"  # below an expert's folder
LOCK_WAIT_S = 30.0


@dataclass(frozen=True, slots=True)
class InstalledExpert:
    """One version of one expert on this disk. Two are equal when name, version and weights are."""

    name: str
    version: str
    folder: Path = field(compare=False)
    manifest: Manifest = field(compare=False, repr=False)
    weights_sha256: str
    size_bytes: int = field(compare=False)  # of all its files

    @property
    def weights_path(self) -> Path:
        return self.folder / WEIGHTS_FILE


class Library:
    """The experts under one folder; safe beside other processes that change it.

    Reading takes no lock. Manifests are kept in memory while their file is unchanged.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._seen: dict[Path, tuple[State, InstalledExpert]] = {}
        self._index = LibraryIndex(root)
        self._favoured: tuple[str, str] | None = None  # a base's name and hash

    def favour(self, base_name: str, base_sha256: str) -> bool:
        """From now on active is the version made for this base, where there is one.

        Returns whether another base, or none, was favoured before.
        """
        before, self._favoured = self._favoured, (base_name, base_sha256)
        return before != self._favoured

    @property
    def experts_folder(self) -> Path:
        return self.root / "experts"

    def experts(self) -> tuple[InstalledExpert, ...]:
        """The active version of every expert, by load order, then name."""
        preferred = [(f, by_preference(f)) for f in self._name_folders()]
        self._recall(folder / version for folder, order in preferred for version in order[:1])
        active = (self._first_usable(folder, order, []) for folder, order in preferred)
        found = [expert for expert in active if expert is not None]
        return tuple(sorted(found, key=lambda e: (e.manifest.constraints.load_order, e.name)))

    def problems(self) -> tuple[str, ...]:
        """One sentence for each folder in the library that cannot be used.

        What the index knows in its present state was sound when it was read, and is not again.
        """
        problems: list[str] = []
        places = [f / name for f in self._name_folders() for name in sorted(folders_in(f))]
        unseen = self._unseen(places)
        known = self._index.holds(unseen)
        learnt: list[tuple[str, Known]] = []
        for place in places:
            text = _place_text(place)
            if text not in known and (expert := self._usable(place, problems)) and text in unseen:
                learnt.append((text, _known(unseen[text], expert)))
            if len(learnt) >= KEPT_AT_ONCE:
                self._index.write(learnt)
                for text, _ in learnt:  # of a large library not everything stays in memory
                    del self._seen[self.experts_folder / text]
                learnt.clear()
        if len(learnt) >= WORTH_KEEPING:
            self._index.write(learnt)
        return tuple(problems)

    def find(self, name: str) -> InstalledExpert:
        """The active version of an expert; `expert-` in front may be left out or added.

        Raises:
            LibraryError: no such expert is installed, or no version of it can be used.
        """
        expert = self.active(name)
        if expert is None:
            problems: list[str] = []
            self._versions_in(self.folder_of(name), problems)
            raise LibraryError(
                f"{name} cannot be used.", " ".join(problems), "Remove it and install it again."
            )
        return expert

    def active(self, name: str) -> InstalledExpert | None:
        """The active version of an expert, or None where none is installed or usable."""
        for folder in self._folders_named(name):
            return self._active_of(folder, [])
        return None

    def folder_of(self, name: str) -> Path:
        """The folder that holds all versions of an expert, usable or not.

        Raises:
            LibraryError: no such expert is installed.
        """
        for folder in self._folders_named(name):
            return folder
        near = difflib.get_close_matches(name, [f.name for f in self._name_folders()], n=1)
        remedy = f"Did you mean {near[0]}?" if near else "Install it first."
        raise LibraryError(f"No expert named {name[:80]} is installed.", "", remedy)

    def versions(self, name: str) -> tuple[InstalledExpert, ...]:
        """Every installed version of an expert, highest first; empty if there is none."""
        found = [e for f in self._folders_named(name) for e in self._versions_in(f, [])]
        return tuple(sorted(found, key=lambda e: precedence(e.version), reverse=True))

    def activate(self, name: str, version: str, pinned: bool = False) -> InstalledExpert:
        """Makes this version the active one, by one rename of a small file.

        Args:
            pinned: it stays so: a newer one that is installed does not take its place, and
                no update is offered.

        Raises:
            LibraryError: that version is not installed.
            StorageError: the marker cannot be written.
        """
        with self.changing():
            for expert in self.versions(name):
                if expert.version == version:
                    try:
                        write_active(expert.folder.parent, version, pinned)
                    except OSError as cause:
                        what = "The active version could not be changed."
                        raise storage_error(what, cause, expert.folder.parent) from cause
                    return expert
        raise LibraryError(f"{name} {version} is not installed.", "", "Install that version first.")

    def pinned(self, name: str) -> str | None:
        """The version the person pinned, or None."""
        for folder in self._folders_named(name):
            chosen, pinned = read_active(folder)
            return chosen if pinned else None
        return None

    def unpin(self, name: str) -> InstalledExpert:
        """Lets the highest version be active again; returns what is active now.

        Raises:
            LibraryError: no such expert is installed.
            StorageError: the marker cannot be removed.
        """
        with self.changing():
            folder = self.folder_of(name)
            try:
                (folder / ACTIVE_FILE).unlink(missing_ok=True)
            except OSError as cause:
                raise storage_error(f"{name} stays pinned.", cause, folder) from cause
        return self.find(name)

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Holds the library against other writers, in this process and in others.

        Raises:
            LibraryError: another one held it for 30 s.
            StorageError: the library folder cannot be made or written.
        """
        try:
            self.experts_folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.root / ".lock", thread_local=False)
            lock.acquire(timeout=LOCK_WAIT_S)
        except Timeout as cause:
            raise LibraryError(
                "The library is being changed by another Expert Studio.",
                f"It was still busy after {LOCK_WAIT_S:.0f} s.",
                "Wait until the other one is done, then try again.",
            ) from cause
        except OSError as cause:
            raise storage_error("The library cannot be changed.", cause, self.root) from cause
        try:
            yield
        finally:
            lock.release()

    def _name_folders(self) -> list[Path]:
        try:
            with os.scandir(self.experts_folder) as entries:
                names = [e.name for e in entries if is_name(e.name) and e.is_dir()]
        except FileNotFoundError:
            return []
        except OSError as cause:  # such as a file where the data folder should be
            raise storage_error("The library cannot be read.", cause, self.root) from cause
        return [self.experts_folder / name for name in sorted(names)]

    def _folders_named(self, name: str) -> list[Path]:
        """The folders of the expert's two spellings that are there."""
        key = name_key(name)
        spelled = [n for n in sorted({key, f"expert-{key}"}) if is_name(n) and name_key(n) == key]
        return [f for n in spelled if (f := self.experts_folder / n).is_dir()]

    def _active_of(self, folder: Path, problems: list[str]) -> InstalledExpert | None:
        """The version chosen, else the highest; one that cannot be used makes way for the next."""
        return self._first_usable(folder, by_preference(folder), problems)

    def _first_usable(
        self, folder: Path, versions: Iterable[str], problems: list[str]
    ) -> InstalledExpert | None:
        first = None
        for version in versions:
            expert = self._usable(folder / version, problems)
            if expert is not None and (self._fits(expert) or read_active(folder)[0] == version):
                return expert
            first = first or expert
        return first

    def _fits(self, expert: InstalledExpert) -> bool:
        """Whether it is made for the base that is favoured."""
        made_for = expert.manifest.base_models
        return (
            self._favoured is None
            or not made_for
            or expert.manifest.base_for(*self._favoured) is not None
        )

    def _versions_in(self, folder: Path, problems: list[str]) -> list[InstalledExpert]:
        found = [self._usable(folder / name, problems) for name in sorted(folders_in(folder))]
        return [expert for expert in found if expert is not None]

    def _usable(self, folder: Path, problems: list[str]) -> InstalledExpert | None:
        try:
            return self._read(folder)
        except FileNotFoundError as cause:
            if folder.exists():  # else it was uninstalled since the folder was listed
                missing = Path(cause.filename or "").name
                problems.append(f"{folder} is not used: {missing} is missing.")
        except (ExpertError, OSError, ValueError) as cause:
            problems.append(f"{folder} is not used: {cause}")
        return None

    def _read(self, folder: Path) -> InstalledExpert:
        state = _state_of(folder)
        known = self._seen.get(folder)
        if known is not None and known[0] == state:
            return known[1]
        expert = _read_installed(folder, *state[:2])
        self._seen[folder] = (state, expert)
        return expert

    def _unseen(self, places: Iterable[Path]) -> dict[str, State]:
        """The states of those versions that are not in mind as they are now."""
        unseen: dict[str, State] = {}
        for place in places:
            with suppress(OSError):
                state = _state_of(place)
                if self._seen.get(place, ((), None))[0] != state:
                    unseen[_place_text(place)] = state
        return unseen

    def _recall(self, places: Iterable[Path]) -> None:
        """Brings to mind, by the index, what these versions' manifests say.

        What only the files could say is kept in the index, where it is worth that.
        """
        unseen = self._unseen(places)
        if len(unseen) < WORTH_KEEPING:
            return
        for place_text, known in self._index.read(unseen).items():
            said, place = known.manifest, self.experts_folder / place_text
            if f"{said.name}/{said.version}" == place_text:
                self._seen[place] = (known.state, _expert(place, known))
                del unseen[place_text]
        learnt = []
        for place_text, state in unseen.items():
            expert = self._usable(self.experts_folder / place_text, [])
            if expert is not None:
                learnt.append((place_text, _known(state, expert)))
        if len(learnt) >= WORTH_KEEPING:
            self._index.write(learnt)


def _expert(folder: Path, known: Known) -> InstalledExpert:
    said = known.manifest
    return InstalledExpert(
        said.name, said.version, folder, said, known.weights_sha256, known.size_bytes
    )


def _known(state: State, expert: InstalledExpert) -> Known:
    return Known(state, expert.manifest, expert.weights_sha256, expert.size_bytes)


def _place_text(place: Path) -> str:
    return f"{place.parent.name}/{place.name}"


def _state_of(folder: Path) -> State:
    """What changes when a version's weights or manifest do."""
    weights, said = (folder / WEIGHTS_FILE).stat(), (folder / MANIFEST_FILE).stat()
    return (weights.st_size, weights.st_mtime_ns, said.st_size, said.st_mtime_ns, said.st_ino)


def storage_error(what: str, cause: OSError, place: Path) -> StorageError:
    """The disk's refusal as sentences for the person."""
    reason = cause.strerror or str(cause)
    return StorageError(what, f"{reason}.", f"Free some space, or allow writing to {place}.")


def _read_installed(folder: Path, weights_bytes: int, weights_mtime_ns: int) -> InstalledExpert:
    path = folder / MANIFEST_FILE
    with path.open("rb") as stream:
        manifest, _ = read_manifest(stream.read(MAX_MANIFEST_BYTES + 1), str(path))
    if (manifest.name, manifest.version) != (folder.parent.name, folder.name):
        raise ManifestError(
            f"Its manifest says {manifest.name} {manifest.version}, which belongs elsewhere."
        )
    known = recorded(folder, weights_bytes, weights_mtime_ns)
    if known is None:  # a copied or hand-made folder
        known = weights_sha256(folder / WEIGHTS_FILE), size_of(folder)
    return InstalledExpert(
        name=manifest.name,
        version=manifest.version,
        folder=folder,
        manifest=manifest,
        weights_sha256=known[0],
        size_bytes=known[1],
    )
