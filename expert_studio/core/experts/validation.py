"""Whether an expert's folder or package is fit to be given away: every trouble named at once.

Looks and never changes. Errors are what the reader or the strict writer would refuse;
advice is what a careful maker would mend. Knows nothing of answers and scores.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from expert_studio.core.errors import ExpertError
from expert_studio.core.experts.adapter_config import (
    MAX_CONFIG_BYTES,
    AdapterConfig,
    parse_adapter_config,
)
from expert_studio.core.experts.archive import unpack
from expert_studio.core.experts.leniency import departures
from expert_studio.core.experts.manifest import (
    MAX_MANIFEST_BYTES,
    Manifest,
    manifest_as_json,
    read_manifest,
)
from expert_studio.core.experts.member_names import why_refused
from expert_studio.core.experts.requirement import name_key, parse_requirement
from expert_studio.core.experts.untrusted_json import UnreadableJsonError, read_json_object
from expert_studio.core.experts.weights import check_weights

_PASSED_OVER = frozenset({".git", ".github", "__pycache__"})
_REQUIRED_SECTIONS = ("perf", "training", "quality_metrics")


@dataclass(frozen=True, slots=True)
class Finding:
    """One trouble."""

    level: Literal["error", "advice"]
    where: str  # a file or a field
    sentence: str


def validate(path: Path) -> tuple[Manifest | None, tuple[Finding, ...]]:
    """Looks through a `.expert` file or a folder; the manifest is None if it cannot be read."""
    if path.is_dir():
        return _validated(path, ())
    with tempfile.TemporaryDirectory(prefix="expert-validate-") as scratch:
        folder = Path(scratch) / "unpacked"
        try:
            package = unpack(path, folder)
        except ExpertError as cause:
            return None, (_error(path.name, cause),)
        notes = tuple(Finding("advice", path.name, warning) for warning in package.warnings)
        return _validated(folder, notes)


def _validated(
    folder: Path, first: tuple[Finding, ...]
) -> tuple[Manifest | None, tuple[Finding, ...]]:
    found = [*first, *_programs(folder)]
    try:
        with (folder / "manifest.json").open("rb") as stream:
            data = stream.read(MAX_MANIFEST_BYTES + 1)
        manifest, deviations = read_manifest(data, folder.name)
        _ = manifest.kind
    except OSError as cause:
        return None, (*found, Finding("error", "manifest.json", f"{cause.strerror or cause}."))
    except ExpertError as cause:
        return None, (*found, _error("manifest.json", cause))
    strict = {d.field for d in departures(manifest_as_json(manifest))}
    strict |= {key for key in ("description", "license") if not getattr(manifest, key)}
    for deviation in deviations:
        wrong = deviation.field in strict and not deviation.field.endswith(".path")
        found.append(Finding("error" if wrong else "advice", deviation.field, deviation.sentence))
    found += _manifest_findings(manifest)
    found += _weights_findings(folder, manifest)
    found += _loose_ends(folder)
    return manifest, tuple(dict.fromkeys(found))


def _programs(folder: Path) -> Iterator[Finding]:
    """Experts are data only: a script, wherever it lies, is refused."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(set(folders) - _PASSED_OVER)
        for name in sorted(files):
            relative = (Path(place) / name).relative_to(folder).as_posix()
            if (why := why_refused(PurePosixPath(relative))) is not None and "program" in why:
                yield Finding("error", relative, why)


def _manifest_findings(manifest: Manifest) -> Iterator[Finding]:
    for need in manifest.needs:
        if name_key(parse_requirement(need).name) == name_key(manifest.name):
            yield Finding("error", "constraints.requires", f"{manifest.name} needs itself.")
    decoding = (manifest.training or {}).get("decoding")
    if isinstance(decoding, dict) and decoding.get("validation_cmd"):
        yield Finding("error", "training.decoding.validation_cmd", "It is a command; none is run.")
    for section in _REQUIRED_SECTIONS:
        if not getattr(manifest, section):
            yield Finding("advice", section, "It is not stated.")
    if not manifest.limitations:
        yield Finding("advice", "limitations", "None is stated; every expert has some.")


def _weights_findings(folder: Path, manifest: Manifest) -> Iterator[Finding]:
    weights, config_file = folder / "adapter_model.safetensors", folder / "adapter_config.json"
    if not weights.is_file():
        elsewhere = [*folder.glob("weights/**/*.safetensors"), *folder.glob("*.expert")]
        if not elsewhere and not manifest.soft_prompts:
            yield Finding("advice", weights.name, "There are no weights yet.")
        return
    try:
        config: AdapterConfig = parse_adapter_config(
            config_file.read_bytes()[: MAX_CONFIG_BYTES + 1]
        )
        check_weights(weights, config)
        if config.kind != manifest.kind:
            said = f"It says {config.kind}, the manifest {manifest.kind}."
            yield Finding("error", config_file.name, said)
    except OSError as cause:
        yield Finding("error", config_file.name, f"{cause.strerror or cause}.")
    except ExpertError as cause:
        yield _error(weights.name, cause)


def _loose_ends(folder: Path) -> Iterator[Finding]:
    if not (folder / "README.md").is_file():
        yield Finding("advice", "README.md", "There is none; it says what the expert is for.")
    if not list(folder.glob("LICENSE*")):
        yield Finding("advice", "LICENSE", "There is none.")
    tests = sorted((folder / "tests").glob("*.json"))
    if not tests:
        yield Finding("advice", "tests", "There are no test cases.")
    for path in tests:
        wrapped = b'{"cases": ' + path.read_bytes() + b"}"  # a list or an object, as it may be
        try:
            read_json_object(wrapped, 64 << 20)
        except UnreadableJsonError as cause:
            yield Finding("error", f"tests/{path.name}", str(cause))


def _error(where: str, cause: ExpertError) -> Finding:
    return Finding("error", where, " ".join(part for part in (cause.what, cause.why) if part))
