"""The verbs registry export and import: the library as upstream's `expert-registry.json`.

Knows nothing of its form (`core.experts.registry_exchange`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from expert_studio.commands.consent import acceptance_of
from expert_studio.commands.library import opened_library
from expert_studio.commands.report import AsJson, Sentences, say, say_aside, say_json
from expert_studio.core.experts.acceptance import CONSENTS
from expert_studio.core.experts.library import storage_error
from expert_studio.core.experts.package_file import write_by_rename
from expert_studio.core.experts.registry_exchange import (
    REGISTRY_FILE,
    exported,
    import_registry,
)
from expert_studio.core.settings import Folders

registry_verbs = typer.Typer(
    cls=Sentences, no_args_is_help=True, help="The library as upstream's expert-registry.json."
)


@registry_verbs.command("export")
def export(
    file: Annotated[Path, typer.Argument(metavar="[FILE]")] = Path(REGISTRY_FILE),
    as_json: AsJson = False,
) -> None:
    """Write every installed version into a registry file."""
    library = opened_library()
    try:
        write_by_rename(file, exported(library, Folders.default()))
    except OSError as cause:
        raise storage_error("The registry could not be written.", cause, file.parent) from cause
    if as_json:
        say_json({"file": str(file), "experts": len(library.experts())})
        return
    say(f"{len(library.experts())} experts are listed in {file}.")


@registry_verbs.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE")],
    allow: Annotated[
        list[str] | None, typer.Option(metavar="|".join(CONSENTS), help="Agree to this.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Install what a registry file lists, where its files are still there."""
    given = [consent in (allow or ()) for consent in CONSENTS]
    done = import_registry(file, opened_library(), acceptance_of(given))
    installed = [f"{one.expert.name} {one.expert.version}" for one in done.installed]
    missing = [f"{one.name} {one.version}" for one in done.missing]
    if as_json:
        told = {"refused": list(done.refused), "problems": list(done.problems)}
        say_json({"installed": installed, "missing": missing} | told)
        return
    say(f"Installed: {', '.join(installed) or 'nothing'}.")
    for one in done.missing:
        say_aside(f"Note: the files of {one.name} {one.version} are gone. {one.source}".rstrip())
    for sentence in (*done.refused, *done.problems):
        say_aside(f"Note: {sentence}")
