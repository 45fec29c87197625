"""Official experts that stand ready-made beside their recipes, and new figures for such a package.

A checkout has packages and recipes but no training runs. What a package states of its making
tells whether the recipe beside it would make the same; then it need not be trained again. How it
does beside others may be measured anew, when one of those was. Knows nothing of measuring.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from expert_studio.core.errors import ExpertError, TrainingError
from expert_studio.core.experts import archive
from expert_studio.core.experts.manifest import Manifest, write_manifest
from expert_studio.core.training.evaluation import FINAL, Report, read_report, write_report
from expert_studio.core.training.official_plan import Source
from expert_studio.core.training.package import (
    REPORT_FILE,
    Packed,
    measured_limits,
    pack_folder,
    stated_quality,
)
from expert_studio.core.training.report_table import markdown_table
from expert_studio.core.training.report_text import choice, score_table, warnings
from expert_studio.core.training.rows import dataset_sha256

# What a run fills in.
_FILLED_IN = {"datasets": ("sha256",), "dependencies": ("version", "weights_sha256")}


def shipped_package(
    source: Source, base_sha256: str, weights: Mapping[str, str] | None = None
) -> Path | None:
    """The package beside a recipe, if that recipe would make it; None where it would not.

    The last stage's settings and datasets, the base and the `weights` of what it stands on (by
    name; not looked at where None) must be those that the package states. Of an earlier stage a
    package states no more than the weights it ended with, so a change there is not seen.
    """
    path = source.folder / f"{source.name}{archive.SUFFIX}"
    try:
        manifest = archive.inspect(path).manifest
        stated: Any = (manifest.training or {})["recipe"]
        of_this_base = any(base.sha256 == base_sha256 for base in manifest.base_models)
        same = _comparable(stated) == _comparable(source.recipe.model_dump(mode="json"))
        shas = [part["sha256"] for part in stated["datasets"]]
    except (ExpertError, KeyError, TypeError, ValueError):
        return None
    now = [dataset_sha256(part.path, source.folder) for part in source.recipe.datasets]
    stands = weights is None or all(
        weights.get(needed.name) == needed.weights_sha256 for needed in manifest.trained_with
    )
    return path if of_this_base and same and shas == now and stands else None


def shipped_report(source: Source) -> Report | None:
    """How the package beside a recipe did; None where nothing usable says so."""
    return read_report(source.folder / REPORT_FILE)


def restate(package: Path, before: Report, report: Report, place: Path) -> Packed:
    """Packs an expert again with other figures; its weights and all else stay as they are.

    `before` is what the package states now; the new package is written into `place`, which is
    emptied first.

    Raises:
        TrainingError: its card does not state what `before` says.
        ArchiveError, IntegrityError, ManifestError, StorageError: as `archive.unpack` and `build`.
    """
    shutil.rmtree(place, ignore_errors=True)
    folder = place / "expert"
    manifest = archive.unpack(package, folder).manifest
    card = folder / "README.md"
    told = card.read_text(encoding="utf-8") if card.is_file() else ""
    card.write_text(_reworded(told, before, report, manifest.name), encoding="utf-8")
    update = {
        "quality_metrics": stated_quality(report),
        "limitations": _other_limits(manifest, before, report),
    }
    manifest = manifest.model_copy(update=update)
    (folder / "manifest.json").write_bytes(write_manifest(manifest))
    write_report(report, folder / REPORT_FILE)
    return pack_folder(folder, place / package.name)


def _comparable(said: dict[str, Any]) -> dict[str, Any]:
    """A recipe without what its run fills in and what decides nothing that is learned.

    The latter is what `official_plan.key_of` leaves aside, too.
    """
    said = {name: value for name, value in said.items() if name not in ("card", "base")}
    for name, filled in _FILLED_IN.items():
        said[name] = [
            {key: value for key, value in part.items() if key not in filled} for part in said[name]
        ]
    if said["start"] is not None:
        said["start"] = {k: v for k, v in said["start"].items() if k != "weights_sha256"}
    said["watching"] = {k: v for k, v in said["watching"].items() if k != "test_cases"}
    modules = sorted(said["adapter"]["target_modules"])
    said["adapter"] = {**said["adapter"], "target_modules": modules}
    return said


def _reworded(card: str, before: Report, report: Report, name: str) -> str:
    """The card with the new sentences of warning where the former ones stood."""
    table = markdown_table(*score_table(before))
    above = choice(before) if before.checkpoint != FINAL else table
    former, now = ("\n\n".join((above, *warnings(each), "")) for each in (before, report))
    if card.count(former) != 1:
        raise TrainingError(
            f"{name} cannot be given its new figures.",
            "Its card does not state the ones it has now.",
            "Build it anew without --shipped.",
        )
    return card.replace(former, now)


def _other_limits(manifest: Manifest, before: Report, report: Report) -> tuple[Any, ...]:
    """The manifest's limitations with those that were measured exchanged."""
    needed = tuple(need.partition("@")[0] for need in manifest.constraints.requires)
    former = measured_limits(before, needed)
    said = tuple(limit for limit in manifest.limitations if limit not in former)
    return (*said, *measured_limits(report, needed))
