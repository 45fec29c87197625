"""The verbs evaluate and package: how good a run's expert is, and the `.expert` file of it.

Knows nothing of scoring (`measuring`, `core.training.evaluation`) nor of archives.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from expert_studio.commands.measuring import evaluate_run
from expert_studio.commands.report import AsJson, in_bytes, say, say_aside, say_json, say_table
from expert_studio.commands.training import find_run, read_manifest_file
from expert_studio.core.errors import UsageError
from expert_studio.core.experts import archive
from expert_studio.core.experts.made_here import remember
from expert_studio.core.experts.manifest import Manifest
from expert_studio.core.settings import Folders
from expert_studio.core.training.evaluation import Report
from expert_studio.core.training.package import pack, publish

LINE_EVERY_ROWS = 25


def evaluate(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A finished run.")],
    rows: Annotated[
        int | None, typer.Option(min=1, help="Only the first so many rows; all without it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Score a run's expert on rows it never saw: as trained, taken apart, the base alone."""
    folders = Folders.default()
    report = evaluate_run(find_run(run, folders), folders, _quiet if as_json else _tell, rows)
    if as_json:
        say_json(report.as_json())
        return
    say(
        f"{report.expert} {report.version} on {report.rows} rows, {report.quantization}, "
        f"{report.device}:"
    )
    say_table(("stack", "metric", "score", "95 % interval"), _rows(report))


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


def _rows(report: Report) -> list[tuple[str, ...]]:
    return [
        (
            condition.name.replace("_", " "),
            measured.metric,
            f"{measured.score:.3f}",
            f"{measured.interval[0]:.3f} to {measured.interval[1]:.3f}",
        )
        for condition in report.conditions
        for measured in condition.measurements
    ]


def _tell(condition: str, done: int, rows: int) -> None:
    if done % LINE_EVERY_ROWS == 0 or done == rows:
        say_aside(f"{condition.replace('_', ' ')}: {done}/{rows} rows")


def _quiet(_condition: str, _done: int, _rows: int) -> None:
    """With --json nothing but the answer is said."""
