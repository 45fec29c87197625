"""`stack.lock`: exactly which versions a stack is made of, so that it can be had elsewhere.

Each expert stands in it with version and the hash of its weights, dependencies first.
Knows nothing of engines; versions are chosen by `resolution`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field, StrictInt, StrictStr, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked_dataclass

from expert_studio.core.errors import DependencyError, ExpertError, StorageError, UsageError
from expert_studio.core.experts.archive import inspect
from expert_studio.core.experts.library import InstalledExpert, Library
from expert_studio.core.experts.package_file import write_by_rename
from expert_studio.core.experts.requirement import name_key, parse_requirement
from expert_studio.core.experts.resolution import Candidate, Installed, Shelf, resolve
from expert_studio.core.experts.untrusted_json import UnreadableJsonError, read_json_object

LOCK_FILE = "stack.lock"
MAX_LOCK_BYTES = 256 * 1024
_STRICT = ConfigDict(extra="forbid")
Digest = Annotated[StrictStr, Field(pattern=r"^[0-9a-f]{64}$")]


@checked_dataclass(frozen=True, config=_STRICT)
class LockedExpert:
    """One expert of the stack."""

    name: Annotated[StrictStr, Field(pattern=r"^[a-z0-9][a-z0-9-]{1,63}$")]
    version: Annotated[StrictStr, Field(max_length=64)]
    weights_sha256: Digest
    weight: Annotated[float, Field(ge=-2, le=2)] | None = None  # None: as it was trained with, or 1


@checked_dataclass(frozen=True, config=_STRICT)
class StackLock:
    """A stack, to be had again. `base_sha256` is of the base's weights, "" for any."""

    wanted: tuple[StrictStr, ...]
    experts: Annotated[tuple[LockedExpert, ...], Field(max_length=10)]
    base_name: StrictStr = ""
    base_sha256: StrictStr = ""
    lock_version: Annotated[StrictInt, Field(ge=1, le=1)] = 1


_LOCK = TypeAdapter(StackLock)


def lock(
    wanted: Sequence[str],
    library: Library,
    base: tuple[str, str] = ("", ""),
    weights: Mapping[str, float] | None = None,
) -> StackLock:
    """The newest installed versions that fit together, as a lock.

    Args:
        wanted: requirements as `name@spec`.
        base: name and SHA-256 of the base the stack is for.
        weights: how strongly each named expert counts; unnamed ones as they are.

    Raises:
        DependencyError: as `resolution.resolve`.
        UsageError: a weight names an expert that is not in the stack.
    """
    found = [_installed(c, library) for c in resolve(wanted, Installed(library))]
    given = {name_key(name): weight for name, weight in (weights or {}).items()}
    strange = set(given) - {name_key(expert.name) for expert in found}
    if strange:
        raise UsageError(f"{min(strange)} is not in the stack.", "", "Name experts of the stack.")
    experts = tuple(
        LockedExpert(e.name, e.version, e.weights_sha256, given.get(name_key(e.name)))
        for e in found
    )
    said = tuple(str(parse_requirement(text)) for text in wanted)
    return StackLock(said, experts, *base)


def write_lock(stack: StackLock, path: Path) -> None:
    """Writes the lock by one rename; the same bytes for the same stack.

    Raises:
        StorageError: it cannot be written.
    """
    text = json.dumps(asdict(stack), indent=2, ensure_ascii=False) + "\n"
    try:
        write_by_rename(path, text.encode("utf-8"))
    except OSError as cause:
        raise StorageError(
            f"{path.name} could not be written.",
            f"{cause.strerror or cause}.",
            f"Free some space, or allow writing to {path.parent}.",
        ) from cause


def read_lock(path: Path) -> StackLock:
    """Reads a lock.

    Raises:
        UsageError: it cannot be read, or is no lock.
    """
    try:
        with path.open("rb") as stream:
            return _LOCK.validate_python(
                read_json_object(stream.read(MAX_LOCK_BYTES + 1), MAX_LOCK_BYTES)
            )
    except (OSError, UnreadableJsonError, ValidationError) as cause:
        why = str(cause)
        if isinstance(cause, ValidationError):
            first = cause.errors()[0]
            why = f"{'.'.join(map(str, first['loc']))}: {first['msg']}."
        raise UsageError(
            f"{path} is no stack.lock.", why, "Make one with: expert-cli lock"
        ) from cause


@dataclass(frozen=True, slots=True)
class Restored:
    """What became of a lock: every expert of it, installed and active."""

    experts: tuple[InstalledExpert, ...]
    installed: tuple[str, ...]  # names that had to be installed


def restore(
    stack: StackLock,
    library: Library,
    sources: Iterable[Path] = (),
    install: Callable[[Path], object] | None = None,
) -> Restored:
    """Brings the library to exactly the versions of a lock, each one active.

    Args:
        sources: `.expert` files, or folders of them, to take from what is not installed.
        install: installs one of them.

    Raises:
        DependencyError: an expert is neither installed nor among the sources with these very
            weights: nothing was changed. Or the experts of the lock do not fit together: none
            was made active.
        ExpertError: an install was refused.
    """
    missing = [e for e in stack.experts if _exactly(e, library) is None]
    files = _found_in(sources, missing) if missing else {}
    lacking = [e for e in missing if e not in files]
    if lacking or (missing and install is None):
        names = ", ".join(f"{e.name} {e.version}" for e in lacking or missing)
        raise DependencyError(
            "The stack cannot be had here yet.",
            f"Missing with the weights the lock names: {names}.",
            "Say where their .expert files lie.",
        )
    if install is not None:
        for expert in missing:
            install(files[expert])
    found = [_exactly(e, library) for e in stack.experts]
    experts = tuple(e for e in found if e is not None)
    resolve([f"{e.name}@={e.version}" for e in experts], Shelf(map(Candidate.of, experts)))
    for member in experts:
        library.activate(member.name, member.version)
    return Restored(experts, tuple(e.name for e in missing))


def _exactly(locked: LockedExpert, library: Library) -> InstalledExpert | None:
    for expert in library.versions(locked.name):
        if (expert.version, expert.weights_sha256) == (locked.version, locked.weights_sha256):
            return expert
    return None


def _installed(candidate: Candidate, library: Library) -> InstalledExpert:
    versions = library.versions(candidate.name)
    return next(expert for expert in versions if expert.version == candidate.version)


def _found_in(sources: Iterable[Path], wanted: Sequence[LockedExpert]) -> dict[LockedExpert, Path]:
    """The packages with these very weights; damaged ones are passed over."""
    found: dict[LockedExpert, Path] = {}
    for source in sources:
        for path in sorted(source.rglob("*.expert")) if source.is_dir() else [source]:
            try:
                package = inspect(path)
            except ExpertError:
                continue
            said, hashes = package.manifest, {file.sha256 for file in package.files}
            for expert in wanted:
                same = said.same_name(expert.name) and said.version == expert.version
                if same and expert.weights_sha256 in hashes:
                    found.setdefault(expert, path)
    return found
