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
    base: Annotated[
        str | None, typer.Option("--base", help="Which base's entry, where a manifest has several.")
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
        path = archive.build(folder, output or folder.parent, base)
    _say_packed(said, path, as_json)


def _say_packed(said: Manifest, path: Path, as_json: bool) -> None:
    sidecar = path.with_name(f"{path.name}.sha256")
    sha256 = sidecar.read_text(encoding="utf-8").split()[0]
    remember(sha256, Folders.default())
    size_bytes = path.stat().st_size
    if as_json:
        described: dict[str, Any] = {"name": said.name, "version": said.version}
        say_json(described | {"file": str(path), "size_bytes": size_bytes, "sha256": sha256})
        return
    say(
        f"{said.name} {said.version} is packed: {path} ({in_bytes(size_bytes)}).",
        f"Install it with: expert-cli install {path}",
    )
