"""How an answer is decoded when several have a say: the caller, then the experts, then defaults.

A manifest's `training.decoding` is untrusted: what is no sensible number is passed over.
Knows nothing of engines or of which experts are loaded.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, TypeGuard

from expert_studio.core.errors import UsageError
from expert_studio.core.experts.manifest import Manifest
from expert_studio.core.inference.conversation import Sampling

DEFAULTS = Sampling()
MAX_STOPS = 16
MAX_STOP_CHARACTERS = 200
# field of Sampling -> lowest and highest value a manifest may ask for
_RANGES: dict[str, tuple[float, float]] = {
    "temperature": (0.0, 2.0),
    "top_p": (0.01, 1.0),
    "min_p": (0.0, 1.0),
    "repetition_penalty": (0.5, 2.0),
}
_WHOLE = {"top_k": (0, 1000), "max_tokens": (1, 32768)}


def sampling_for(
    asked: Mapping[str, Any], manifests: Sequence[Manifest] = (), defaults: Sampling = DEFAULTS
) -> Sampling:
    """The sampling of one answer.

    Args:
        asked: fields of `Sampling` the caller has set; None counts as not set.
        manifests: of the experts in the stack, in load order; a later, more special one
            goes before an earlier one, field by field.
        defaults: where neither says anything.

    Raises:
        UsageError: `asked` names something that is no field of `Sampling`.
    """
    known = {field.name for field in fields(Sampling)}
    unknown = sorted(set(asked) - known)
    if unknown:
        raise UsageError(
            f"{unknown[0]} is no decoding parameter.", "", f"Use one of {', '.join(sorted(known))}."
        )
    said: dict[str, Any] = {}
    for manifest in manifests:
        said |= stated_decoding(manifest)
    said |= {name: value for name, value in asked.items() if value is not None}
    return replace(defaults, **said)


def stated_decoding(manifest: Manifest) -> dict[str, Any]:
    """The fields of `Sampling` a manifest's `training.decoding` sets to something sensible."""
    stated = (manifest.training or {}).get("decoding")
    if not isinstance(stated, dict):
        return {}
    found: dict[str, Any] = {}
    for name, (low, high) in _RANGES.items():
        value = stated.get(name)
        if _is_number(value) and low <= value <= high:
            found[name] = float(value)
    for name, (least, most) in _WHOLE.items():
        value = stated.get(name)
        if _is_number(value) and value == int(value) and least <= value <= most:
            found[name] = int(value)
    stops = stated.get("stop_sequences")
    if isinstance(stops, list):
        strings = [s for s in stops if isinstance(s, str) and 0 < len(s) <= MAX_STOP_CHARACTERS]
        if strings:
            found["stop"] = tuple(strings[:MAX_STOPS])
    return found


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
