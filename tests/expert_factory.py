"""Tiny real experts for tests: random weights that fit the bundled base.

    from tests.expert_factory import expert_file, expert_folder, installed_expert

`expert_folder` writes the loose files, `expert_file` packs them, `installed_expert` installs
them. All take the same keywords; without any, the expert is a rank-4 LoRA on q and v.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from expert_studio.core.experts import archive
from expert_studio.core.experts.bf16 import bf16_bits, write_bf16
from expert_studio.core.experts.install import install
from expert_studio.core.experts.library import InstalledExpert, Library
from expert_studio.core.experts.manifest import read_manifest, write_manifest
from expert_studio.core.settings import resources_folder

BASE_NAME = "expert-base-12m"
LAYERS = 8
HIDDEN = 320
# (out, in) of every layer an adapter can sit on, in the bundled base
SHAPES = {
    "q_proj": (384, HIDDEN),
    "k_proj": (128, HIDDEN),
    "v_proj": (128, HIDDEN),
    "o_proj": (HIDDEN, 384),
    "gate_proj": (896, HIDDEN),
    "up_proj": (896, HIDDEN),
    "down_proj": (HIDDEN, 896),
}
ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
CAPABILITY = ("format:json", "language:en", "tech:python", "domain:law", "task:classification")


@lru_cache(maxsize=1)
def base_sha256() -> str:
    """SHA-256 of the bundled base's model.safetensors, as it lies there now."""
    with (resources_folder() / "base" / "model.safetensors").open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def expert_folder(
    folder: Path,
    name: str = "json-parser",
    version: str = "1.0.0",
    *,
    kind: str = "lora",  # lora, dora, ia3, soft_prompt
    requires: Sequence[str] = (),
    incompatible_with: Sequence[str] = (),
    load_order: int = 1,
    rank: int = 4,
    alpha: float | None = None,  # None: twice the rank
    use_rslora: bool = False,
    modules: Sequence[str] = ("q_proj", "v_proj"),
    soft_tokens: int = 4,
    strength: float = 0.05,  # standard deviation of the random weights
    seed: int = 0,
    trained_with: Sequence[tuple[InstalledExpert, float]] = (),
    base_name: str = BASE_NAME,
    base_digest: str | None = None,  # None: the bundled base's
    **manifest_keys: Any,
) -> Path:
    """Writes manifest.json, adapter_config.json, adapter_model.safetensors, README and tests."""
    folder.mkdir(parents=True, exist_ok=True)
    alpha = float(2 * rank) if alpha is None else alpha
    write_bf16(
        folder / "adapter_model.safetensors",
        {
            key: bf16_bits(values)
            for key, values in random_tensors(
                kind, rank, modules, soft_tokens, strength, seed
            ).items()
        },
    )
    config = _adapter_config(kind, rank, alpha, use_rslora, modules, soft_tokens)
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=2) + "\n")
    adapter = _manifest_adapter(kind, rank, alpha, modules)
    said = {
        "name": name,
        "version": version,
        "schema_version": "2.0",
        "description": f"A tiny {kind} expert for tests.",
        "author": "tests",
        "base_models": [
            {
                "name": base_name,
                "sha256": base_sha256() if base_digest is None else base_digest,
                "quantization": "bf16",
                "prompt_template": "chatml",
                "adapters": [adapter] if adapter else [],
            }
        ],
        "soft_prompts": []
        if adapter
        else [{"name": "prompt", "path": "adapter_model.safetensors", "tokens": soft_tokens}],
        "capabilities": [CAPABILITY[min(max(load_order - 1, 0) // 2, 4)]],
        "constraints": {
            "load_order": load_order,
            "requires": list(requires),
            "incompatible_with": list(incompatible_with),
        },
        "training": {
            "dependencies": [
                {
                    "name": expert.name,
                    "version": expert.version,
                    "weights_sha256": expert.weights_sha256,
                    "weight": weight,
                }
                for expert, weight in trained_with
            ]
        },
        "license": "Apache-2.0",
    } | manifest_keys
    manifest, _ = read_manifest(json.dumps(said).encode(), "the factory")
    (folder / "manifest.json").write_bytes(write_manifest(manifest))
    (folder / "README.md").write_text(f"# {name}\n\nA tiny expert for tests.\n")
    (folder / "tests").mkdir(exist_ok=True)
    (folder / "tests" / "test_cases.json").write_text("[]\n")
    return folder


def expert_file(folder: Path, name: str = "json-parser", **keywords: Any) -> Path:
    """Writes `<folder>/<name>.expert` with its sidecar and returns it."""
    loose = expert_folder(folder / f"{name}-files", name, **keywords)
    return archive.build(loose, folder / f"{name}.expert")


def installed_expert(
    library: Library, name: str = "json-parser", **keywords: Any
) -> InstalledExpert:
    """Installs an expert into the library, through a package as any other, and returns it."""
    with tempfile.TemporaryDirectory() as scratch:
        return install(expert_file(Path(scratch), name, **keywords), library).expert


def random_tensors(
    kind: str,
    rank: int,
    modules: Sequence[str],
    soft_tokens: int,
    strength: float,
    seed: int,
) -> dict[str, np.ndarray[Any, np.dtype[np.float32]]]:
    """Float32 tensors under PEFT's names: A (rank, in), B (out, rank), magnitude (out,)."""
    random = np.random.default_rng(seed)

    def normal(*shape: int) -> Any:
        return (random.standard_normal(shape) * strength).astype(np.float32)

    if kind == "soft_prompt":
        return {"prompt_embeddings": normal(soft_tokens, HIDDEN)}
    tensors: dict[str, Any] = {}
    for layer in range(LAYERS):
        for module in modules:
            part = "self_attn" if module in ATTENTION else "mlp"
            place = f"base_model.model.model.layers.{layer}.{part}.{module}"
            outputs, inputs = SHAPES[module]
            if kind == "ia3":
                shape = (1, inputs) if module == "down_proj" else (outputs, 1)
                tensors[f"{place}.ia3_l"] = 1 + normal(*shape)
                continue
            tensors[f"{place}.lora_A.weight"] = normal(rank, inputs)
            tensors[f"{place}.lora_B.weight"] = normal(outputs, rank)
            if kind == "dora":
                tensors[f"{place}.lora_magnitude_vector"] = 1 + np.abs(normal(outputs))
    return tensors


def _adapter_config(
    kind: str,
    rank: int,
    alpha: float,
    use_rslora: bool,
    modules: Sequence[str],
    soft_tokens: int,
) -> dict[str, Any]:
    if kind == "soft_prompt":
        return {
            "peft_type": "PROMPT_TUNING",
            "task_type": "CAUSAL_LM",
            "num_virtual_tokens": soft_tokens,
            "token_dim": HIDDEN,
        }
    if kind == "ia3":
        return {
            "peft_type": "IA3",
            "task_type": "CAUSAL_LM",
            "target_modules": list(modules),
            "feedforward_modules": [module for module in modules if module == "down_proj"],
        }
    return {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "r": rank,
        "lora_alpha": alpha,
        "lora_dropout": 0.0,
        "use_rslora": use_rslora,
        "use_dora": kind == "dora",
        "target_modules": list(modules),
    }


def _manifest_adapter(
    kind: str, rank: int, alpha: float, modules: Sequence[str]
) -> dict[str, Any] | None:
    if kind == "soft_prompt":
        return None
    if kind == "ia3":
        feedforward = [module for module in modules if module == "down_proj"]
        return {"type": "ia3", "target_modules": list(modules), "feedforward_modules": feedforward}
    return {
        "type": "lora",
        "target_modules": list(modules),
        "r": rank,
        "alpha": alpha,
        "use_dora": kind == "dora",
    }
