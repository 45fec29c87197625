"""What would change if a package took the place of what is installed: shown before consent.

    preview(package, library, acceptance)   a package against the active version, or against nothing
    compare(left, right)                    two installed versions

Every field is words for a person. Knows nothing of how the person is asked, or of answers:
`canary` has prompts to try.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from expert_studio.core.errors import ConsentError, ExpertError
from expert_studio.core.experts.acceptance import Acceptance, recorded_signer
from expert_studio.core.experts.archive import Package
from expert_studio.core.experts.install_record import RECORD_FILE
from expert_studio.core.experts.library import InstalledExpert, Library
from expert_studio.core.experts.manifest import Manifest
from expert_studio.core.experts.requirement import name_key, parse_requirement, parse_version
from expert_studio.core.experts.trust import Standing

Direction = Literal["new", "upgrade", "downgrade", "same"]
Level = Literal["plain", "notice", "warning"]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing a person should see: what it is, as it was, as it would be."""

    field: str  # needs, rules out, capabilities, base, adapter, license, author, size, score: …
    before: str  # "" where there was none
    after: str
    level: Level = "plain"


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file. Hashes and sizes of what is not there are empty and 0."""

    path: str
    state: Literal["added", "removed", "changed", "same"]
    before_sha256: str = ""
    after_sha256: str = ""
    before_bytes: int = 0
    after_bytes: int = 0


@dataclass(frozen=True, slots=True)
class UpdatePreview:
    """What would change. Nothing has changed yet."""

    name: str
    before: str  # the version it is held against; "" for none
    after: str
    direction: Direction
    changes: tuple[Change, ...]
    files: tuple[FileChange, ...]
    breaks: tuple[str, ...] = ()  # a sentence for each installed expert that could not go on
    signer_before: str = ""  # ed25519:…; "" unsigned
    signer_after: str = ""
    standing: Standing | None = None  # of the package; None between two installed versions
    consents: tuple[str, ...] = ()  # of acceptance.CONSENTS: what the person has to agree to
    refusal: str = ""  # why it may not come in at all, whatever is agreed to
    pinned: bool = False  # the person pinned the version that is active


def preview(package: Package, library: Library, acceptance: Acceptance) -> UpdatePreview:
    """What installing this package would change, and what has to be agreed to first.

    Raises:
        KeyFileError: the list of trusted keys is damaged.
        StorageError: a file of the installed version cannot be read.
    """
    said = package.manifest
    versions = library.versions(said.name)
    active = library.active(said.name)
    standing = acceptance.store.standing(package.signature)
    consents, refusal = _asked(package, versions, acceptance)
    files_after = {f.path: (f.sha256, f.size_bytes) for f in package.files if f.kept}
    return UpdatePreview(
        name=said.name,
        before=active.version if active else "",
        after=said.version,
        direction=_direction(active.version if active else "", said.version),
        changes=tuple(_changes(active.manifest if active else None, said)),
        files=_file_changes(_files_of(active) if active else {}, files_after),
        breaks=tuple(_breaks(said, library.experts())) if active else (),
        signer_before=recorded_signer(active.folder) if active else "",
        signer_after=package.signature.public_key,
        standing=standing,
        consents=consents,
        refusal=refusal,
        pinned=library.pinned(said.name) is not None,
    )


def compare(left: InstalledExpert, right: InstalledExpert) -> UpdatePreview:
    """Two installed versions of one expert, the left one as it was, the right as it would be."""
    return UpdatePreview(
        name=right.name,
        before=left.version,
        after=right.version,
        direction=_direction(left.version, right.version),
        changes=tuple(_changes(left.manifest, right.manifest)),
        files=_file_changes(_files_of(left), _files_of(right)),
        signer_before=recorded_signer(left.folder),
        signer_after=recorded_signer(right.folder),
    )


def _asked(
    package: Package, versions: Iterable[InstalledExpert], acceptance: Acceptance
) -> tuple[tuple[str, ...], str]:
    try:
        acceptance.check(package, versions)
    except ConsentError as cause:
        return cause.needed, ""
    except ExpertError as cause:
        return (), f"{cause.what} {cause.why}".strip()
    return (), ""


def _direction(before: str, after: str) -> Direction:
    if not before:
        return "new"
    order = parse_version(after).compare(parse_version(before))
    return "upgrade" if order > 0 else "downgrade" if order < 0 else "same"


def _changes(before: Manifest | None, after: Manifest) -> Iterator[Change]:
    was, will = dict(_said(before)) if before else {}, dict(_said(after))
    for field in dict.fromkeys([*was, *will]):
        old, new = was.get(field, ""), will.get(field, "")
        if old != new:
            yield Change(field, old, new, _level(field, old, new) if before else "plain")


def _said(manifest: Manifest) -> Iterator[tuple[str, str]]:
    limits = manifest.constraints
    yield "description", manifest.description
    yield "author", manifest.author
    yield "license", manifest.license
    yield "needs", ", ".join(manifest.needs)
    yield "rules out", ", ".join(limits.incompatible_with)
    yield "capabilities", ", ".join(manifest.capabilities)
    yield "base", ", ".join(base.name for base in manifest.base_models)
    yield "base revision", ", ".join(filter(None, (b.sha256[:12] for b in manifest.base_models)))
    yield "adapter", manifest.kind + (f", rank {manifest.rank}" if manifest.rank else "")
    yield "load order", str(limits.load_order)
    yield "limitations", " ".join(map(_limit, manifest.limitations))
    for key, value in manifest.quality_metrics.items():
        if isinstance(value, int | float | str) and not isinstance(value, bool):
            yield f"score: {key.replace('_', ' ')}", str(value)


def _limit(limit: object) -> str:
    return str(limit.get("description", limit)) if isinstance(limit, dict) else str(limit)


def _level(field: str, before: str, after: str) -> Level:
    if field in ("author", "license", "base"):
        return "warning"
    if field in ("needs", "rules out", "capabilities", "base revision", "adapter", "load order"):
        return "notice"
    worse = field == "score: benchmark score" and _number(after) < _number(before)
    return "warning" if worse else "plain"


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def _breaks(after: Manifest, installed: Iterable[InstalledExpert]) -> Iterator[str]:
    own = name_key(after.name)
    for other in installed:
        if name_key(other.name) == own:
            continue
        for text in other.manifest.needs:
            need = parse_requirement(text)
            if need.names(after.name) and not need.accepts(after.version):
                yield f"{other.name} {other.version} needs {need}."
        for text in other.manifest.constraints.incompatible_with:
            refused = parse_requirement(text)
            if refused.names(after.name) and refused.accepts(after.version):
                yield f"{other.name} {other.version} rules out {refused}."


def _files_of(expert: InstalledExpert) -> dict[str, tuple[str, int]]:
    files: dict[str, tuple[str, int]] = {}
    for path in sorted(expert.folder.rglob("*")):
        name = path.relative_to(expert.folder).as_posix()
        if path.is_file() and name != RECORD_FILE:
            data = path.read_bytes()
            files[name] = (sha256(data).hexdigest(), len(data))
    return files


def _file_changes(
    before: Mapping[str, tuple[str, int]], after: Mapping[str, tuple[str, int]]
) -> tuple[FileChange, ...]:
    rows = []
    for path in sorted({*before, *after}):
        old, new = before.get(path, ("", 0)), after.get(path, ("", 0))
        state: Literal["added", "removed", "changed", "same"] = "same"
        if not old[0] or not new[0]:
            state = "removed" if old[0] else "added"
        elif old[0] != new[0]:
            state = "changed"
        rows.append(FileChange(path, state, old[0], new[0], old[1], new[1]))
    return tuple(rows)
