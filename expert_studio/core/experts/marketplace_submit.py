"""An expert's entry for a marketplace, prepared as a branch of it for a person to propose.

Nothing is pushed: the branch lies in a folder of the person's, with the index's newest commit
as its parent. Knows nothing of who takes it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from expert_studio.core.errors import ExpertError, FetchError, StorageError, UsageError
from expert_studio.core.experts.archive import inspect
from expert_studio.core.experts.fetch_control import FetchControl, Tell, untold
from expert_studio.core.experts.git_program import Git
from expert_studio.core.experts.git_repository import Clone
from expert_studio.core.experts.manifest import MAX_MANIFEST_BYTES, Manifest, read_manifest
from expert_studio.core.experts.marketplaces import Marketplaces
from expert_studio.core.experts.requirement import parse_version
from expert_studio.core.experts.source import parse_source
from expert_studio.core.experts.untrusted_json import UnreadableJsonError, read_json_object

_MAX_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Submission:
    """A branch that is ready to be proposed."""

    name: str
    version: str
    branch: str
    folder: Path  # a Git repository with the branch checked out
    commit: str
    files: tuple[str, ...]  # what the branch changes


def submit(
    expert: Path,
    markets: Marketplaces,
    market: str,
    repository: str,
    output: Path,
    *,
    ref: str = "",
    categories: tuple[str, ...] = (),
    control: FetchControl | None = None,
    tell: Tell = untold,
) -> Submission:
    """Writes the entry of an expert's folder or `.expert` file into a new clone of the index.

    Args:
        repository: where others fetch the expert: git+https://host/path.
        output: a new folder for the clone.
        ref: the tag the version stands under; `v<version>` if not given.

    Raises:
        UsageError: `output` is there already, there is no such marketplace, or the version is
            listed already.
        FetchError: the index cannot be fetched or read.
        ExpertError: the expert's manifest cannot be used.
    """
    said, key, publisher = _described(expert)
    place = parse_source(repository)
    if place.kind != "git" or place.ref:
        raise UsageError(
            f"{repository[:100]} is no repository.", "", "Write git+https://host/path."
        )
    if output.exists() and any(output.iterdir()):
        raise UsageError(f"{output} is there already.", "", "Give another --output.")
    known = next((one for one in markets.all() if one.name == market), None)
    if known is None:
        raise UsageError(f"There is no marketplace {market[:40]!r}.", "", "Add it first.")
    branch = f"add-{said.name}-{said.version}"
    try:
        output.mkdir(parents=True, exist_ok=True)
        clone = Clone(parse_source(known.source), output.resolve(), control or FetchControl(), tell)
        parent = clone.commit
        git = clone.git
        day = datetime.now(UTC).date().isoformat()
        entry = _entry(git, parent, said, place.text, ref or f"v{said.version}", categories, day)
        if key:
            entry |= {"publisher": publisher, "public_key": key}
        changed = {
            f"experts/{said.name}.json": entry,
            "index.json": _index(git, parent, entry, day),
        }
        commit = _committed(git, parent, changed, f"Add {said.name} {said.version}", branch)
        clone.check_out(branch)
    except OSError as cause:
        raise StorageError(
            "The change could not be prepared.",
            f"{cause.strerror or cause}.",
            f"Allow writing to {output}.",
        ) from cause
    return Submission(said.name, said.version, branch, output, commit, tuple(sorted(changed)))


def _described(expert: Path) -> tuple[Manifest, str, str]:
    """Manifest, key and publisher of a folder or a package."""
    if expert.suffix == ".expert":
        package = inspect(expert)
        return package.manifest, package.signature.public_key, package.signature.publisher
    path = expert / "manifest.json" if expert.is_dir() else expert
    try:
        with path.open("rb") as stream:
            manifest, _ = read_manifest(stream.read(MAX_MANIFEST_BYTES + 1), str(path))
    except OSError as cause:
        raise UsageError(f"{path} cannot be read.", f"{cause.strerror or cause}.") from cause
    key, publisher = "", ""
    for package_file in sorted(path.parent.glob("*.expert")):
        try:
            signature = inspect(package_file).signature
        except ExpertError:
            continue
        key, publisher = signature.public_key, signature.publisher
    return manifest, key, publisher


def _entry(
    git: Git,
    parent: str,
    said: Manifest,
    repository: str,
    ref: str,
    shelves: tuple[str, ...],
    day: str,
) -> dict[str, Any]:
    before = _stated(git, parent, f"experts/{said.name}.json")
    listed = [v for v in before.get("versions") or [] if isinstance(v, dict)]
    if any(v.get("version") == said.version for v in listed):
        raise UsageError(
            f"{said.name} {said.version} is listed there already.", "", "Give it a new version."
        )
    limits = said.constraints
    version = {
        "version": said.version,
        "ref": ref,
        "requires": list(said.needs),
        "incompatible_with": list(limits.incompatible_with),
        "load_order": limits.load_order,
    }
    versions = sorted([*listed, version], key=_rank, reverse=True)
    return before | {
        "name": said.name,
        "repository": repository,
        "description": said.description,
        "author": said.author,
        "latest_version": versions[0]["version"],
        "license": said.license,
        "tags": list(said.tags or said.capabilities),
        "categories": list(shelves or before.get("categories") or (said.tier,)),
        "bases": [base.name for base in said.base_models],
        "added_at": before.get("added_at") or day,
        "updated_at": day,
        "versions": versions,
    }


def _rank(version: Mapping[str, Any]) -> Any:
    try:
        return parse_version(str(version.get("version")))
    except ValueError:
        return parse_version("0.0.0")


def _index(git: Git, parent: str, entry: Mapping[str, Any], day: str) -> dict[str, Any]:
    before = _stated(git, parent, "index.json")
    row = {
        "name": entry["name"],
        "repository": entry["repository"],
        "latest": entry["latest_version"],
    }
    rows = [r for r in before.get("experts") or [] if isinstance(r, dict)]
    rows = sorted([*(r for r in rows if r.get("name") != entry["name"]), row], key=_name_of)
    return before | {"updated_at": day, "experts_count": len(rows), "experts": rows}


def _name_of(row: Mapping[str, Any]) -> str:
    return str(row.get("name"))


def _stated(git: Git, commit: str, path: str) -> dict[str, Any]:
    try:
        data = git.local("cat-file", "blob", f"{commit}:{path}")
    except FetchError:
        return {}
    try:
        return read_json_object(data, _MAX_BYTES)
    except UnreadableJsonError as cause:
        raise FetchError(f"{path} of the marketplace cannot be used.", str(cause)) from cause


def _committed(git: Git, parent: str, changed: Mapping[str, Any], message: str, branch: str) -> str:
    git.local("read-tree", parent)
    for path, said in changed.items():
        data = (json.dumps(said, indent=2, ensure_ascii=False) + "\n").encode("utf-8")
        digest = git.local("hash-object", "-w", "--stdin", given=data).decode("ascii").strip()
        git.local("update-index", "--add", "--cacheinfo", f"100644,{digest},{path}")
    tree = git.local("write-tree").decode("ascii").strip()
    who = ("-c", "user.name=Expert Studio", "-c", "user.email=expert-studio@localhost")
    said = git.local(*who, "commit-tree", tree, "-p", parent, "-m", message)
    commit = said.decode("ascii").strip()
    assert re.fullmatch(r"[0-9a-f]{40}", commit)
    git.local("update-ref", f"refs/heads/{branch}", commit)
    return commit
