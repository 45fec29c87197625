"""How older and looser manifests put things, said again in the words of schema 2.0.

Works on parsed JSON only; what a manifest must hold is `manifest`'s business. Every
change is reported as a `Deviation`, and nothing a manifest said is dropped: what has
no place in schema 2.0 stays as an unknown key.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

SCHEMA_VERSION = "2.0"
ADAPTER_MODULES = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
QUANTIZATIONS = ("", "none", "int4", "int8", "nf4", "fp16", "bf16", "fp32")
PROMPT_TEMPLATES = ("", "chatml", "llama2", "alpaca", "vicuna", "custom")
_CAPABILITY_ORDER = {"format": 1, "language": 3, "tech": 5, "domain": 7, "task": 9}
_SPELLINGS: dict[str, dict[str, str]] = {
    "integrity": {"timestamp": "created_at", "public_key": "pubkey"},
    "soft_prompts": {"length": "tokens"},
}
_REQUIRED_TEXT = ("description", "author", "license")


@dataclass(frozen=True, slots=True)
class Deviation:
    """One place where a manifest is not as schema 2.0 says."""

    field: str  # path such as base_models[0].prompt_template
    sentence: str

    def __str__(self) -> str:
        return f"{self.field}: {self.sentence}"


def as_schema_2(raw: dict[str, Any]) -> tuple[dict[str, Any], list[Deviation]]:
    """Returns a copy of the manifest in schema 2.0's shape, and what had to be changed."""
    said = dict(raw)
    found: list[Deviation] = []
    _settle_schema_version(said, found)
    _settle_base_models(said, found)
    if isinstance(said.get("base_models"), list):
        said["base_models"] = [
            _with_sound_hashes(base, f"base_models[{i}]", found)
            for i, base in enumerate(said["base_models"])
        ]
    found += [Deviation(key, "It is missing.") for key in _REQUIRED_TEXT if not said.get(key)]
    for section, spellings in _SPELLINGS.items():
        if section in said:
            said[section] = _respelled(said[section], section, spellings, found)
    _settle_constraints(said, found)
    return said, found


def departures(said: dict[str, Any]) -> Iterable[Deviation]:
    """Where a manifest in schema 2.0's shape still leaves its value lists."""
    if not said.get("capabilities"):
        yield Deviation("capabilities", "It names none; at least one is needed.")
    if not said.get("base_models"):
        yield Deviation("base_models", "It does not say for which base the expert was made.")
    for i, base in enumerate(said.get("base_models") or ()):
        place = f"base_models[{i}]"
        yield from _listed(base, place, "quantization", QUANTIZATIONS)
        yield from _listed(base, place, "prompt_template", PROMPT_TEMPLATES)
        if not base.get("adapters") and not said.get("soft_prompts"):
            yield Deviation(f"{place}.adapters", "It is empty.")
        if base["name"].startswith("/") or any(c in base["name"] for c in ":\\"):
            yield Deviation(f"{place}.name", "It is a path on another machine, not a name.")
        for j, adapter in enumerate(base.get("adapters") or ()):
            yield from _adapter_departures(adapter, f"{place}.adapters[{j}]")


def _adapter_departures(adapter: dict[str, Any], place: str) -> Iterable[Deviation]:
    if "path" in adapter:
        yield Deviation(f"{place}.path", "Paths are not read: files are found by their names.")
    if not adapter.get("target_modules"):
        yield Deviation(f"{place}.target_modules", "It is empty.")
    for module in adapter.get("target_modules") or ():
        if module not in ADAPTER_MODULES:
            yield Deviation(f"{place}.target_modules", f"{module!r} is not a layer we know.")


def _listed(
    part: dict[str, Any], place: str, key: str, allowed: tuple[str, ...]
) -> Iterable[Deviation]:
    value = part.get(key) or ""
    if value not in allowed:
        choices = ", ".join(choice for choice in allowed if choice)
        yield Deviation(f"{place}.{key}", f"{value!r} is not one of {choices}.")


def _settle_schema_version(said: dict[str, Any], found: list[Deviation]) -> None:
    stated = said.get("schema_version")
    if stated is None:
        stated = "1.0" if "base_model" in said else SCHEMA_VERSION
        found.append(Deviation("schema_version", f"It is missing; read as {stated}."))
        said["schema_version"] = stated
    elif stated not in ("1.0", SCHEMA_VERSION):
        found.append(Deviation("schema_version", f"{stated!r} is unknown; read as 2.0."))
        said["schema_version"] = str(stated)


def _settle_base_models(said: dict[str, Any], found: list[Deviation]) -> None:
    """Schema 1.0 has one `base_model` and the adapters beside it."""
    base = said.pop("base_model", None)
    if base is None:
        return
    if said.get("base_models") is not None:
        said["_base_model"] = base
        found.append(Deviation("base_model", "It stands beside base_models and is not used."))
        return
    entry = {"name": base} if isinstance(base, str) else base
    if isinstance(entry, dict) and "adapters" in said:
        entry = entry | {"adapters": said.pop("adapters")}
    said["base_models"] = [entry]
    if said["schema_version"] != "1.0":
        found.append(Deviation("base_model", "Schema 2.0 writes base_models."))


def _with_sound_hashes(part: Any, place: str, found: list[Deviation]) -> Any:
    """A hash that is none can vouch for nothing: it becomes a comment, here and in adapters."""
    if not isinstance(part, dict):
        return part
    sound = dict(part)
    stated = sound.get("sha256")
    if isinstance(stated, str) and not re.fullmatch(r"([0-9a-f]{64})?", stated.lower()):
        sound["_sha256"] = sound.pop("sha256")
        found.append(Deviation(f"{place}.sha256", "It is not a SHA-256 and is not used."))
    elif isinstance(stated, str):
        sound["sha256"] = stated.lower()
    if isinstance(sound.get("adapters"), list):
        sound["adapters"] = [
            _with_sound_hashes(adapter, f"{place}.adapters[{i}]", found)
            for i, adapter in enumerate(sound["adapters"])
        ]
    return sound


def _respelled(value: Any, place: str, spellings: dict[str, str], found: list[Deviation]) -> Any:
    if isinstance(value, list):
        return [_respelled(v, f"{place}[{i}]", spellings, found) for i, v in enumerate(value)]
    if not isinstance(value, dict):
        return value
    written = dict(value)
    for spelled, meant in spellings.items():
        if spelled in written and meant not in written:
            written[meant] = written.pop(spelled)
            found.append(Deviation(f"{place}.{spelled}", f"Schema 2.0 writes {meant}."))
    return written


def _settle_constraints(said: dict[str, Any], found: list[Deviation]) -> None:
    constraints = said.get("constraints")
    if constraints is not None and not isinstance(constraints, dict):
        said["_constraints"] = constraints
        found.append(Deviation("constraints", "It is not of the right shape and is not used."))
    constraints = dict(constraints) if isinstance(constraints, dict) else {}
    if "load_order" not in constraints:
        constraints["load_order"] = _order_by_capability(said.get("capabilities"))
        order = constraints["load_order"]
        found.append(Deviation("constraints.load_order", f"It is missing; read as {order}."))
    for key in ("requires", "incompatible_with"):
        if constraints.get(key) is None:
            constraints[key] = []
            found.append(Deviation(f"constraints.{key}", "It is missing; read as empty."))
    said["constraints"] = constraints


def _order_by_capability(capabilities: Any) -> int:
    """The lowest order of the band the first known capability prefix belongs to."""
    for capability in capabilities if isinstance(capabilities, list) else ():
        order = _CAPABILITY_ORDER.get(str(capability).split(":")[0])
        if order is not None:
            return order
    return _CAPABILITY_ORDER["task"]
