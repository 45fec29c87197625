"""Settings that go well together, for who does not want to choose each. Torch-free, Qt-free."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Preset:
    """A name and what it sets in a recipe; `changes` has the recipe's own shape."""

    name: str  # "quick", "balanced", "thorough", "preference"
    changes: Mapping[str, Any]


PRESETS: tuple[Preset, ...] = (
    Preset(
        "quick",
        {
            "method": "sft",
            "adapter": {"kind": "lora", "r": 8, "alpha": 16.0},
            "schedule": {"epochs": 1.0, "max_steps": 60, "learning_rate": 2e-3, "warmup_steps": 5},
            "batches": {"batch_size": 8},
            "watching": {"eval_every": 10, "save_every": 10, "sample_every": 20},
        },
    ),
    Preset(
        "balanced",
        {
            "method": "sft",
            "adapter": {"kind": "lora", "r": 16, "alpha": 32.0},
            "schedule": {"epochs": 1.0, "learning_rate": 1e-3, "warmup_steps": 20},
            "batches": {"batch_size": 8},
            "watching": {"eval_every": 50, "save_every": 50, "sample_every": 100},
        },
    ),
    Preset(
        "thorough",
        {
            "method": "sft",
            "adapter": {"kind": "dora", "r": 32, "alpha": 64.0},
            "schedule": {"epochs": 3.0, "learning_rate": 7e-4, "warmup_steps": 50},
            "batches": {"batch_size": 8},
            "watching": {
                "eval_every": 50, "save_every": 50, "sample_every": 100, "early_stop": 6,
            },
        },
    ),
    Preset(
        "preference",
        {
            "method": "dpo",
            "adapter": {"kind": "lora", "r": 16, "alpha": 32.0},
            "schedule": {"epochs": 1.0, "learning_rate": 2e-4, "warmup_steps": 20},
            "batches": {"batch_size": 4, "accumulation": 2},
            "watching": {"eval_every": 25, "save_every": 50, "sample_every": 100},
        },
    ),
)  # fmt: skip


def with_changes(said: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The recipe with these settings put in, section by section; the others stay."""
    merged = dict(said)
    for name, value in changes.items():
        known = merged.get(name)
        if isinstance(known, Mapping) and isinstance(value, Mapping):
            merged[name] = {**known, **value}
        else:
            merged[name] = value
    return merged
