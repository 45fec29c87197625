"""Writing a `.expert` file: one strict form, the same bytes for the same content.

Manifest first, then members by name; times, owners and the gzip stamp zero; weights in
bfloat16; each file's SHA-256 in the manifest, the archive's in a sidecar. Knows nothing
of training; reading is `archive`'s business.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from expert_studio.core.errors import ArchiveError, ExpertError, IntegrityError
from expert_studio.core.experts.adapter_config import (
    MAX_CONFIG_BYTES,
    AdapterConfig,
    parse_adapter_config,
    write_adapter_config,
)
from expert_studio.core.experts.bf16 import bf16_bits, safetensors_bytes
from expert_studio.core.experts.layout import loose_weights
from expert_studio.core.experts.manifest import (
    MAX_MANIFEST_BYTES,
    AdapterEntry,
    Integrity,
    Manifest,
    manifest_as_json,
    read_manifest,
    write_manifest,
)
from expert_studio.core.experts.member_names import BadNameError, Names, checked_path
from expert_studio.core.experts.package_file import archive_bytes, write_archive
from expert_studio.core.experts.signature import FORM_KEY, MANIFEST, SIGNATURE_FILE, check
from expert_studio.core.experts.tar_stream import LIMITS
from expert_studio.core.experts.weights import TensorSpec, check_weights

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_OF_A_SIGNATURE = frozenset({"signature", "signature_algorithm", "pubkey", FORM_KEY})
_ROOT_FILES = ("README.md", "LICENSE", "NOTICE", "license.txt", "grammar.gbnf")
_FOLDERS = {"tests": (".json", ".jsonl"), "soft_prompts": (".safetensors",)}


def write_package(
    folder: Path, destination: Path, base_name: str | None = None, as_signed: bool = False
) -> Path:
    """Packs an expert's folder; see `archive.build`."""
    members = _members(folder, base_name, as_signed)
    manifest, _ = read_manifest(members["manifest.json"], str(folder))
    target = destination
    if destination.is_dir() or destination.suffix != ".expert":
        target = destination / package_name(manifest)
    write_archive(target, archive_bytes(members))
    return target


def package_name(manifest: Manifest) -> str:
    """`<name>-<base>.v<version>.expert`, as upstream names schema 2.0 packages."""
    base = manifest.base_models[0].name.replace("\\", "/").rpartition("/")[2].lower()
    spelled = "".join(c if c.isascii() and c.isalnum() else "-" for c in base)
    return f"{manifest.name}-{spelled}.v{manifest.version}.expert"


def _members(folder: Path, base_name: str | None, as_signed: bool) -> dict[str, bytes]:
    """Every file of the package, by name, the finished manifest included."""
    written = _loose(folder, "manifest.json", MAX_MANIFEST_BYTES)
    manifest, _ = read_manifest(written, str(folder))
    chosen = _for_one_base(manifest, base_name)
    weights, config_file = loose_weights(folder, chosen.base_models[0])
    if weights.is_symlink():
        raise _unpackable(folder, "adapter_model.safetensors is a link, not a file.")
    written_config = _loose(folder, config_file.relative_to(folder).as_posix(), MAX_CONFIG_BYTES)
    config = parse_adapter_config(written_config)
    members = {
        "adapter_config.json": write_adapter_config(config),
        "adapter_model.safetensors": _bf16_weights(weights, config),
    }
    extra = [folder / name for name in _ROOT_FILES]
    for name, suffixes in _FOLDERS.items():
        extra += [p for p in (folder / name).glob("*") if p.suffix in suffixes]
    for path in extra:
        if path.is_file():
            name = path.relative_to(folder).as_posix()
            members[name] = _loose(folder, name, LIMITS.file_bytes)
    _check_names(folder, members)
    members = dict(sorted(members.items()))
    if as_signed and manifest.integrity is not None and manifest.integrity.signature:
        _check_listed(folder, manifest)
    if _still_signed(written, members, as_signed):
        return {"manifest.json": written} | members
    finished = _finished(chosen, config, members)
    return {"manifest.json": write_manifest(finished)} | members


def _check_listed(folder: Path, manifest: Manifest) -> None:
    """A folder that says it was signed holds what its manifest lists, byte for byte."""
    assert manifest.integrity is not None
    for name, digest in manifest.integrity.files.items():
        if name in (MANIFEST, SIGNATURE_FILE):
            continue
        try:
            path = folder.joinpath(*checked_path(name).parts)
        except BadNameError as cause:
            raise _unpackable(folder, str(cause)) from cause
        if not path.is_file() or sha256(path.read_bytes()).hexdigest() != digest.lower():
            raise IntegrityError(
                f"The signature of {manifest.name} {manifest.version} is INVALID.",
                f"Its file {name[:100]!r} is missing, or not the one that was signed.",
                "Do not use it; get it again from its publisher.",
            )


def _still_signed(written: bytes, members: Mapping[str, bytes], as_signed: bool) -> bool:
    """Whether the folder is a signed package unpacked, every byte as it was signed."""
    hashes = {name: sha256(data).hexdigest() for name, data in members.items()}
    try:
        return check(written, hashes).state == "valid"
    except IntegrityError:
        if as_signed:
            raise
        return False


def _check_names(folder: Path, members: Mapping[str, bytes]) -> None:
    """What the reader would refuse is not packed."""
    names = Names()
    try:
        for name in members:
            names.accept(name)
    except BadNameError as cause:
        raise _unpackable(folder, str(cause)) from cause


def _loose(folder: Path, name: str, limit_bytes: int) -> bytes:
    """The content of one file; links are refused, they may show what lies elsewhere."""
    if (folder / name).is_symlink():
        raise _unpackable(folder, f"{name} is a link, not a file.")
    try:
        with (folder / name).open("rb") as stream:
            return stream.read(limit_bytes + 1)
    except OSError as cause:
        raise _unpackable(folder, f"{name} cannot be read: {cause.strerror or cause}.") from cause


def _bf16_weights(path: Path, config: AdapterConfig) -> bytes:
    """The checked weights as the bytes of a safetensors file in bfloat16."""
    try:
        specs = check_weights(path, config)
        return safetensors_bytes({spec.name: _as_bf16(path, spec) for spec in specs})
    except OSError as cause:
        why = f"{path.name} cannot be read: {cause.strerror or cause}."
        raise _unpackable(path.parent, why) from cause


def _as_bf16(path: Path, spec: TensorSpec) -> NDArray[np.uint16]:
    import numpy as np

    kind = {"BF16": "<u2", "F16": "<f2", "F32": "<f4"}[spec.dtype]
    with path.open("rb") as stream:
        stream.seek(spec.begin)
        values = np.frombuffer(stream.read(spec.end - spec.begin), dtype=kind).reshape(spec.shape)
    if spec.dtype == "BF16":
        return values
    bits = bf16_bits(values.astype(np.float32))
    if bool(np.any((bits & 0x7F80) == 0x7F80)):
        raise _unpackable(path.parent, f"{spec.name} holds numbers too large for bfloat16.")
    return bits


def _for_one_base(manifest: Manifest, base_name: str | None) -> Manifest:
    bases = [b for b in manifest.base_models if base_name is None or b.is_named(base_name)]
    if len(bases) != 1:
        names = ", ".join(base.name for base in manifest.base_models) or "none"
        raise ArchiveError(
            f"{manifest.name} cannot be packed.",
            f"A package is for one base model; its manifest names {names}.",
            "Say which base to pack for.",
        )
    return manifest.model_copy(update={"base_models": tuple(bases)})


def _finished(manifest: Manifest, config: AdapterConfig, members: Mapping[str, bytes]) -> Manifest:
    """The manifest with what only the files can say: ranks, sizes and hashes."""
    weights = members["adapter_model.safetensors"]
    base = manifest.base_models[0]
    if config.kind != "soft_prompt":
        stated = base.adapters[0] if base.adapters else AdapterEntry()
        adapter = stated.model_copy(
            update={
                "type": "ia3" if config.kind == "ia3" else "lora",
                "target_modules": config.target_modules,
                "feedforward_modules": config.feedforward_modules,
                "r": config.r,
                "alpha": config.alpha,
                "use_dora": config.use_dora,
                "size_bytes": len(weights),
                "sha256": sha256(weights).hexdigest(),
            }
        )
        base = base.model_copy(update={"adapters": (adapter,)})
    hashes = {name: sha256(data).hexdigest() for name, data in sorted(members.items())}
    # An old signature covered other bytes; who published it stays.
    before = manifest.integrity or Integrity()
    integrity = Integrity.model_validate(
        {k: v for k, v in manifest_as_json(before).items() if k not in _OF_A_SIGNATURE}
        | {"files": hashes}
    )
    return manifest.model_copy(update={"base_models": (base,), "integrity": integrity})


def _unpackable(folder: Path, why: str) -> ExpertError:
    return ArchiveError(
        f"The expert in {folder} cannot be packed.",
        why,
        "It needs manifest.json, adapter_config.json and adapter_model.safetensors.",
    )
