"""Which experts are installed, read from the library folder itself.

Knows nothing of how they got there (`install`) or of loading weights. On disk:

    library/experts/<name>/<version>/   manifest.json, adapter_model.safetensors, ...
    library/experts/<name>/active.json  only where the person chose a version
    library/.staging  library/.trash  library/.lock

There is no index to go stale: a version is there when its folder is, and each folder
appears and disappears by one rename. Of several versions the highest is active unless
`active.json` names another.
"""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from expert_studio.core.errors import ExpertError, LibraryError, ManifestError, StorageError
from expert_studio.core.experts.manifest import MAX_MANIFEST_BYTES, Manifest, read_manifest
from expert_studio.core.experts.requirement import is_name, name_key, parse_version
from expert_studio.core.experts.weights import weights_sha256

MANIFEST_FILE = "manifest.json"
WEIGHTS_FILE = "adapter_model.safetensors"
CONFIG_FILE = "adapter_config.json"
RECORD_FILE = "installed.json"
ACTIVE_FILE = "active.json"
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
        self._seen: dict[Path, tuple[tuple[int, ...], InstalledExpert]] = {}

    @property
    def experts_folder(self) -> Path:
        return self.root / "experts"

    def experts(self) -> tuple[InstalledExpert, ...]:
        """The active version of every expert, by load order, then name."""
        found = self._scan([])
        return tuple(sorted(found, key=lambda e: (e.manifest.constraints.load_order, e.name)))

    def problems(self) -> tuple[str, ...]:
        """One sentence for each folder in the library that cannot be used."""
        problems: list[str] = []
        self._scan(problems)
        return tuple(problems)

    def find(self, name: str) -> InstalledExpert:
        """The active version of an expert; `expert-` in front may be left out or added.

        Raises:
            LibraryError: no such expert is installed, or no version of it can be used.
        """
        problems: list[str] = []
        expert = self._active_of(self.folder_of(name), problems)
        if expert is None:
            raise LibraryError(
                f"{name} cannot be used.", " ".join(problems), "Remove it and install it again."
            )
        return expert

    def folder_of(self, name: str) -> Path:
        """The folder that holds all versions of an expert, usable or not.

        Raises:
            LibraryError: no such expert is installed.
        """
        folders = self._name_folders()
        for folder in folders:
            if name_key(folder.name) == name_key(name):
                return folder
        near = difflib.get_close_matches(name, [folder.name for folder in folders], n=1)
        remedy = f"Did you mean {near[0]}?" if near else "Install it first."
        raise LibraryError(f"No expert named {name[:80]} is installed.", "", remedy)

    def versions(self, name: str) -> tuple[InstalledExpert, ...]:
        """Every installed version of an expert, highest first; empty if there is none."""
        folders = [f for f in self._name_folders() if name_key(f.name) == name_key(name)]
        found = [e for folder in folders for e in self._versions_in(folder, [])]
        return tuple(sorted(found, key=lambda e: parse_version(e.version), reverse=True))

    def activate(self, name: str, version: str) -> InstalledExpert:
        """Makes this version the active one, by one rename of a small file.

        Raises:
            LibraryError: that version is not installed.
            StorageError: the marker cannot be written.
        """
        with self.changing():
            for expert in self.versions(name):
                if expert.version == version:
                    _write_active(expert.folder.parent, version)
                    return expert
        raise LibraryError(f"{name} {version} is not installed.", "", "Install that version first.")

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

    def _scan(self, problems: list[str]) -> list[InstalledExpert]:
        active = (self._active_of(folder, problems) for folder in self._name_folders())
        return [expert for expert in active if expert is not None]

    def _name_folders(self) -> list[Path]:
        try:
            with os.scandir(self.experts_folder) as entries:
                names = [e.name for e in entries if is_name(e.name) and e.is_dir()]
        except FileNotFoundError:
            return []
        except OSError as cause:  # such as a file where the data folder should be
            raise storage_error("The library cannot be read.", cause, self.root) from cause
        return [self.experts_folder / name for name in sorted(names)]

    def _active_of(self, folder: Path, problems: list[str]) -> InstalledExpert | None:
        found = self._versions_in(folder, problems)
        chosen = _read_active(folder)
        pinned = [expert for expert in found if expert.version == chosen]
        return max(pinned or found, key=lambda e: parse_version(e.version), default=None)

    def _versions_in(self, folder: Path, problems: list[str]) -> list[InstalledExpert]:
        found = []
        try:
            version_folders = sorted(entry for entry in folder.iterdir() if entry.is_dir())
        except (FileNotFoundError, NotADirectoryError):
            return []  # uninstalled since the folder was listed
        for version_folder in version_folders:
            try:
                found.append(self._read(version_folder))
            except FileNotFoundError as cause:
                if version_folder.exists():
                    missing = Path(cause.filename or "").name
                    problems.append(f"{version_folder} is not used: {missing} is missing.")
            except (ExpertError, OSError, ValueError) as cause:
                problems.append(f"{version_folder} is not used: {cause}")
        return found

    def _read(self, folder: Path) -> InstalledExpert:
        weights = (folder / WEIGHTS_FILE).stat()
        said = (folder / MANIFEST_FILE).stat()
        state = (weights.st_size, weights.st_mtime_ns, said.st_size, said.st_mtime_ns, said.st_ino)
        known = self._seen.get(folder)
        if known is not None and known[0] == state:
            return known[1]
        expert = _read_installed(folder, weights.st_size, weights.st_mtime_ns)
        self._seen[folder] = (state, expert)
        return expert


def storage_error(what: str, cause: OSError, place: Path) -> StorageError:
    """The disk's refusal as sentences for the person."""
    reason = cause.strerror or str(cause)
    return StorageError(what, f"{reason}.", f"Free some space, or allow writing to {place}.")


def write_record(
    folder: Path, weights_digest: str, came_from: Mapping[str, str] | None = None
) -> None:
    """Notes the weights' hash and all files' size, so that listing need not read them again.

    Size and modification time stand with it: weights changed later are hashed anew.

    Args:
        came_from: what else to note: the package's hash and who signed it.
    """
    weights = (folder / WEIGHTS_FILE).stat()
    record = {
        "weights_sha256": weights_digest,
        "weights_bytes": weights.st_size,
        "weights_mtime_ns": weights.st_mtime_ns,
        "size_bytes": _size_of(folder),
    } | dict(came_from or {})
    (folder / RECORD_FILE).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def _read_installed(folder: Path, weights_bytes: int, weights_mtime_ns: int) -> InstalledExpert:
    path = folder / MANIFEST_FILE
    with path.open("rb") as stream:
        manifest, _ = read_manifest(stream.read(MAX_MANIFEST_BYTES + 1), str(path))
    if (manifest.name, manifest.version) != (folder.parent.name, folder.name):
        raise ManifestError(
            f"Its manifest says {manifest.name} {manifest.version}, which belongs elsewhere."
        )
    recorded = _recorded(folder, weights_bytes, weights_mtime_ns)
    if recorded is None:  # a copied or hand-made folder
        recorded = weights_sha256(folder / WEIGHTS_FILE), _size_of(folder)
    return InstalledExpert(
        name=manifest.name,
        version=manifest.version,
        folder=folder,
        manifest=manifest,
        weights_sha256=recorded[0],
        size_bytes=recorded[1],
    )


def _recorded(folder: Path, weights_bytes: int, weights_mtime_ns: int) -> tuple[str, int] | None:
    """Weights' hash and size of all files from the record, while the weights are as it says."""
    try:
        record = json.loads((folder / RECORD_FILE).read_text(encoding="utf-8"))
        stated = (record["weights_bytes"], record["weights_mtime_ns"])
        if stated != (weights_bytes, weights_mtime_ns):
            return None
        return str(record["weights_sha256"]), int(record["size_bytes"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _size_of(folder: Path) -> int:
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())


def _read_active(folder: Path) -> str | None:
    try:
        return str(json.loads((folder / ACTIVE_FILE).read_text(encoding="utf-8"))["version"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        return None  # the highest version is active then


def _write_active(folder: Path, version: str) -> None:
    partial = folder / f"{ACTIVE_FILE}.partial"
    try:
        partial.write_text(json.dumps({"version": version}) + "\n", encoding="utf-8")
        partial.replace(folder / ACTIVE_FILE)
    except OSError as cause:
        partial.unlink(missing_ok=True)
        raise storage_error("The active version could not be changed.", cause, folder) from cause
