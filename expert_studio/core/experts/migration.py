"""A manifest said again in the other schema, with nothing lost on the way there or back.

Schema 1.0 has one `base_model` with the adapters beside it, 2.0 a list `base_models` with
the adapters inside. What only 2.0 knows of a base stays as an unknown key of 1.0.
"""

from __future__ import annotations

import json
from typing import Any

from expert_studio.core.errors import ManifestError
from expert_studio.core.experts.leniency import SCHEMA_VERSION, Deviation
from expert_studio.core.experts.manifest import Manifest, manifest_as_json, read_manifest

SCHEMAS = ("1.0", SCHEMA_VERSION)


def migrated(
    data: bytes, origin: str, to: str = SCHEMA_VERSION, base_name: str | None = None
) -> tuple[bytes, tuple[Deviation, ...]]:
    """The manifest in schema `to`, and what it still leaves to be desired.

    Args:
        origin: where the bytes come from, as an error should say it.
        base_name: which base to keep; needed for 1.0 where there are several.

    Raises:
        ManifestError: it cannot be read, or 1.0 cannot say what it says.
    """
    manifest, found = read_manifest(data, origin)
    said = _as_schema_1(manifest, base_name) if to == "1.0" else manifest_as_json(manifest)
    said["schema_version"] = to
    return (json.dumps(said, indent=2, ensure_ascii=False) + "\n").encode("utf-8"), found


def _as_schema_1(manifest: Manifest, base_name: str | None) -> dict[str, Any]:
    bases = [b for b in manifest.base_models if base_name is None or b.is_named(base_name)]
    if len(bases) != 1:
        names = ", ".join(base.name for base in manifest.base_models) or "none"
        raise ManifestError(
            f"The manifest of {manifest.name} cannot be written in schema 1.0.",
            f"That schema has room for one base model; this manifest names {names}.",
            "Say which base to keep.",
        )
    base = manifest_as_json(bases[0])
    adapters = base.pop("adapters")
    said: dict[str, Any] = {}
    for key, value in manifest_as_json(manifest).items():
        if key == "base_models":
            said |= {"base_model": base, "adapters": adapters}
        else:
            said[key] = value
    return said
