"""The verb package: a finished run, or a folder, as one `.expert` file.

Knows nothing of archives.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from expert_studio.commands.report import AsJson, in_bytes, say, say_json
from expert_studio.commands.training import find_run, read_manifest_file
from expert_studio.core.errors import UsageError
from expert_studio.core.experts import archive
from expert_studio.core.experts.made_here import remember
from expert_studio.core.experts.manifest import Manifest
from expert_studio.core.settings import Folders
from expert_studio.core.training.package import pack, publish


def package(
    run: Annotated[str | None, typer.Argument(metavar="[RUN]", help="A finished run.")] = None,
    manifest: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Pack the folder this manifest.json lies in instead."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="PATH", help="The .expert file or the folder for it.")
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            "--base",
            metavar="NAME",
            help="Which base to pack for, where a manifest has several; `all` for one file each.",
        ),
    ] = None,
    source_folder: Annotated[
        Path | None,
        typer.Option("--publish", metavar="FOLDER", help="Also fill an expert's source folder."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Pack an expert into one .expert file, from a finished run or from a folder."""
    if (run is None) == (manifest is None):
        raise UsageError("package takes either a run or --manifest FILE.")
    if run is not None:
        packed = pack(find_run(run, Folders.default()), output)
        if source_folder is not None:
            publish(packed, source_folder)
        said, path = packed.manifest, packed.archive
    else:
        assert manifest is not None
        if source_folder is not None:
            raise UsageError("--publish goes with a run.", "", "Leave it away.")
        said = read_manifest_file(manifest)
        folder = manifest.resolve().parent
        _pack_for_each(said, folder, output or folder.parent, model or [], as_json)
        return
    _say_packed([(said, path)], as_json)


def _pack_for_each(
    said: Manifest, folder: Path, output: Path, models: list[str], as_json: bool
) -> None:
    """One archive for each base asked for; several cannot go into one file."""
    names: list[str | None] = [*models] or [None]
    if models == ["all"]:
        names = [base.name for base in said.base_models]
    if len(names) > 1 and output.suffix == ".expert":
        raise UsageError(
            f"{len(names)} packages cannot be one file.", "", "Give a folder as --output."
        )
    _say_packed([(said, archive.build(folder, output, name)) for name in names], as_json)


def _say_packed(packed: list[tuple[Manifest, Path]], as_json: bool) -> None:
    described: list[dict[str, Any]] = []
    for said, path in packed:
        sidecar = path.with_name(f"{path.name}.sha256")
        sha256 = sidecar.read_text(encoding="utf-8").split()[0]
        remember(sha256, Folders.default())
        told = {"file": str(path), "size_bytes": path.stat().st_size, "sha256": sha256}
        described.append({"name": said.name, "version": said.version} | told)
    if as_json:
        more = {"packages": described} if len(described) > 1 else {}
        say_json(described[0] | more)
        return
    for told in described:
        say(
            f"{told['name']} {told['version']} is packed: {told['file']} "
            f"({in_bytes(told['size_bytes'])}).",
            f"Install it with: expert-cli install {told['file']}",
        )
