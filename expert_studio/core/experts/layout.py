"""Where a package keeps its weights: three layouts read, one written.

    flat            adapter_model.safetensors, adapter_config.json
    documented 1.0  weights.safetensors
    documented 2.0  weights/<base>/adapter.safetensors
                    weights/<base>/adapter/adapter_model.safetensors

Knows nothing of archives or libraries: works on a folder of files already checked.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from expert_studio.core.errors import ArchiveError
from expert_studio.core.experts.adapter_config import (
    MAX_CONFIG_BYTES,
    AdapterConfig,
    parse_adapter_config,
    write_adapter_config,
)
from expert_studio.core.experts.library import CONFIG_FILE, WEIGHTS_FILE
from expert_studio.core.experts.manifest import BaseEntry, Manifest


def settle(folder: Path, manifest: Manifest, base: BaseEntry | None) -> AdapterConfig:
    """Brings weights and config to the flat layout and returns the config.

    Where a package has no adapter_config.json, one is written from the manifest.

    Raises:
        ArchiveError: there are no weights, several sets and none is the base's, or the
            config cannot be used.
        OSError: a file cannot be moved or read.
    """
    weights = _weights(folder, manifest, base)
    beside = weights.with_name(CONFIG_FILE)
    if weights.parent != folder and beside.is_file():
        beside.replace(folder / CONFIG_FILE)
    if weights != folder / WEIGHTS_FILE:
        weights.replace(folder / WEIGHTS_FILE)
    if (folder / "weights").is_dir():
        shutil.rmtree(folder / "weights")
    path = folder / CONFIG_FILE
    if not path.is_file():
        path.write_bytes(write_adapter_config(_config_from(manifest, base)))
    with path.open("rb") as stream:
        return parse_adapter_config(stream.read(MAX_CONFIG_BYTES + 1))


def loose_weights(folder: Path, base: BaseEntry) -> tuple[Path, Path]:
    """Where an expert's source folder keeps weights and config for a base: apart, or flat."""
    for place in sorted(folder.glob("weights/*")):
        if _key(place.name) != _key(base.name):
            continue
        for name in (WEIGHTS_FILE, "adapter.safetensors", f"adapter/{WEIGHTS_FILE}"):
            if (place / name).is_file():
                beside = (place / name).with_name(CONFIG_FILE)
                return place / name, beside if beside.is_file() else folder / CONFIG_FILE
    return folder / WEIGHTS_FILE, folder / CONFIG_FILE


def _weights(folder: Path, manifest: Manifest, base: BaseEntry | None) -> Path:
    flat = [folder / WEIGHTS_FILE, folder / "weights.safetensors"]
    for path in flat:
        if path.is_file():
            return path
    found = sorted(folder.glob("weights/*/adapter.safetensors"))
    found += sorted(folder.glob("weights/*/adapter/adapter_model.safetensors"))
    found += sorted(folder.glob("weights/*/adapter_model.safetensors"))
    if len(found) > 1 and base is not None:
        found = [p for p in found if _key(p.relative_to(folder).parts[1]) == _key(base.name)]
    prompts = [folder / prompt.path for prompt in manifest.soft_prompts]
    if not found and len(prompts) == 1 and _is_plain_file(prompts[0], folder):
        return prompts[0]
    if len(found) != 1:
        raise ArchiveError(
            f"{manifest.name} has no weights that could be used.",
            f"There are {len(found)} files of weights for this base in it; one is needed.",
            "Ask its maker for a package made for one base.",
        )
    return found[0]


def _is_plain_file(path: Path, folder: Path) -> bool:
    inside = path.resolve().is_relative_to(folder.resolve())
    return inside and path.suffix == ".safetensors" and path.is_file()


def _key(base: str) -> str:
    """`Qwen/Qwen3-0.6B` and `qwen3-06b` name the same base."""
    last = base.replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in last.lower() if c.isalnum())


def _config_from(manifest: Manifest, base: BaseEntry | None) -> AdapterConfig:
    entry = base or next(iter(manifest.base_models), None)
    adapter = next(iter(entry.adapters), None) if entry is not None else None
    if adapter is None and manifest.soft_prompts:
        return AdapterConfig(kind="soft_prompt", soft_tokens=manifest.soft_prompts[0].tokens)
    kind = manifest.kind
    if adapter is None or (kind != "ia3" and (adapter.r is None or adapter.alpha is None)):
        raise ArchiveError(
            f"{manifest.name} does not say how its weights are to be used.",
            "It has no adapter_config.json, and its manifest lacks rank and alpha.",
            "Ask its maker for a complete package.",
        )
    return AdapterConfig(
        kind="ia3" if kind == "ia3" else "dora" if kind == "dora" else "lora",
        r=adapter.r,
        alpha=adapter.alpha,
        use_dora=kind == "dora",
        target_modules=adapter.target_modules,
        feedforward_modules=adapter.feedforward_modules,
    )
