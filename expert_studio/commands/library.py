"""The verbs about installed experts: list and info.

Knows nothing of how experts are stored or checked (`core.experts`). Imports no torch.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from expert_studio.commands.report import AsJson, in_bytes, say, say_aside, say_json, say_table
from expert_studio.core.errors import StorageError
from expert_studio.core.experts.library import InstalledExpert, Library
from expert_studio.core.experts.manifest import manifest_as_json
from expert_studio.core.settings import Folders, bundled_experts_folder

Name = Annotated[str, typer.Argument(metavar="NAME", help="The expert; `expert-` may be left out.")]


def list_experts(as_json: AsJson = False) -> None:
    """List the installed experts in the order they are loaded."""
    library = opened_library()
    experts, problems = library.experts(), library.problems()
    if as_json:
        say_json({"experts": [summary(expert) for expert in experts], "problems": list(problems)})
        return
    for problem in problems:
        say_aside(problem)
    if not experts:
        say("No experts are installed yet.", "Install one with: expert-cli install FILE.expert")
        return
    rows = [
        (
            e.name,
            e.version,
            e.manifest.tier,
            _needs(e),
            in_bytes(e.size_bytes),
            e.manifest.description,
        )
        for e in experts
    ]
    say_table(("name", "version", "tier", "needs", "size", "what it does"), rows)


def info(name: Name, as_json: AsJson = False) -> None:
    """Show one expert: what it does, for which base, what it needs, how good it is."""
    library = opened_library()
    expert = library.find(name)
    versions = [version.version for version in library.versions(name)]
    if as_json:
        stated = {"manifest": manifest_as_json(expert.manifest), "versions": versions}
        say_json(summary(expert) | stated)
        return
    said = expert.manifest
    rows: list[tuple[str, str]] = [
        ("expert", f"{expert.name} {expert.version}"),
        ("does", said.description),
        ("tier", f"{said.tier} (load order {said.constraints.load_order})"),
        ("adapter", said.kind + (f", rank {said.rank}" if said.rank else "")),
        ("bases", ", ".join(base.name for base in said.base_models)),
        ("needs", ", ".join(said.constraints.requires) or "nothing"),
        ("trained with", _trained_with(expert) or "no other expert"),
        ("capabilities", ", ".join(said.capabilities)),
        ("made by", " · ".join(part for part in (said.author, said.license) if part)),
        ("size", f"{in_bytes(expert.size_bytes)} in {expert.folder}"),
        ("weights", expert.weights_sha256),
    ]
    rows += [(f"quality: {key}", str(value)) for key, value in said.quality_metrics.items()]
    rows += [("limit", _limit(limit)) for limit in said.limitations]
    if len(versions) > 1:
        rows.append(("also installed", ", ".join(v for v in versions if v != expert.version)))
    say_table(("", ""), [row for row in rows if row[1]])


def opened_library() -> Library:
    """The person's library, with the experts that ship with the app in it.

    Where there is no room for those or nothing may be written, the verb goes on without them.

    Raises:
        ExpertError: one of those is damaged.
    """
    from expert_studio.core.experts.bundled import install_bundled

    library = Library(Folders.default().library)
    try:
        install_bundled(bundled_experts_folder(), library)
    except StorageError as cause:
        say_aside("Note: The experts that come with Expert Studio could not be installed.")
        say_aside(f"{cause.why} {cause.remedy}".strip())
    return library


def summary(expert: InstalledExpert) -> dict[str, Any]:
    """One expert as the JSON answers of `list`, `info`, `install` and `doctor` show it."""
    said = expert.manifest
    return {
        "name": expert.name,
        "version": expert.version,
        "description": said.description,
        "tier": said.tier,
        "kind": said.kind,
        "rank": said.rank,
        "load_order": said.constraints.load_order,
        "requires": list(said.constraints.requires),
        "trained_with": [
            {"name": t.name, "version": t.version, "weight": t.weight} for t in said.trained_with
        ],
        "bases": [{"name": base.name, "sha256": base.sha256} for base in said.base_models],
        "weights_sha256": expert.weights_sha256,
        "size_bytes": expert.size_bytes,
        "folder": str(expert.folder),
    }


def _needs(expert: InstalledExpert) -> str:
    return ", ".join(expert.manifest.constraints.requires) or "-"


def _trained_with(expert: InstalledExpert) -> str:
    return ", ".join(f"{t.name} {t.version} at {t.weight:g}" for t in expert.manifest.trained_with)


def _limit(limit: Any) -> str:
    return str(limit.get("description", limit)) if isinstance(limit, dict) else str(limit)
