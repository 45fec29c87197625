"""The verb group dataset: import, export, list, diff; the others are in its neighbours.

A dataset is named, or a file is given in its place: that is read into a dataset of the moment.
Knows nothing of how rows are kept (`core.datasets`). Imports nothing heavy.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from expert_studio.commands.report import AsJson, Sentences, say, say_aside, say_json, say_table
from expert_studio.core.datasets.exporting import export_dataset
from expert_studio.core.datasets.importing import ImportReport, import_file
from expert_studio.core.datasets.importing_fields import parse_field_map
from expert_studio.core.datasets.store import DatasetStore
from expert_studio.core.datasets.store_folder import DatasetFolders
from expert_studio.core.datasets.store_rows import SPLITS, STATES, RowFilter
from expert_studio.core.errors import DatasetError, UsageError
from expert_studio.core.settings import Folders

LINE_EVERY_ROWS = 20_000
_TOLD_BAD_ROWS = 20

DatasetName = Annotated[
    str, typer.Argument(metavar="DATASET", help="A dataset's name, or a file or folder of rows.")
]
Fields = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="FIELD=COLUMN", help="What a column means; may be repeated."),
]
States = Annotated[
    list[str] | None,
    typer.Option("--state", help=f"Only rows that are {', '.join(STATES)}; may be repeated."),
]

dataset_verbs = typer.Typer(
    cls=Sentences,
    no_args_is_help=True,
    help="Make, import, check, split and export training rows.",
    rich_markup_mode=None,
)


@dataset_verbs.command("list")
def list_datasets(as_json: AsJson = False) -> None:
    """List the datasets, with how many rows of which state they have."""
    found: list[dict[str, Any]] = []
    for name in all_datasets().names():
        with all_datasets().open(name) as store:
            states = store.facets("state")
            versions = store.versions()
            counts = {state: states.get(state, 0) for state in STATES}
            found.append({"name": name, "rows": counts, "versions": len(versions)})
    if as_json:
        say_json({"datasets": found})
        return
    if not found:
        say("There are no datasets yet.", "Make one with: expert-cli dataset generate --help")
        return
    rows = [
        (one["name"], *(f"{one['rows'][state]:,}" for state in STATES), str(one["versions"]))
        for one in found
    ]
    say_table(("name", *STATES, "versions"), rows)


@dataset_verbs.command("import")
def import_rows(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="JSON lines, JSON, CSV, Parquet, or a folder.")
    ],
    dataset: Annotated[
        str, typer.Option("--dataset", metavar="NAME", help="Where to; made where there is none.")
    ],
    fields: Fields = None,
    accept: Annotated[
        bool, typer.Option("--accept", help="Accept the rows; otherwise they are pending.")
    ] = False,
    split: Annotated[
        str, typer.Option(help="The split of rows that name none: train, validation, held_out.")
    ] = "",
    license_name: Annotated[
        str, typer.Option("--license", help="The license of rows that name none.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Import rows into a dataset; every row left out is told with its reason."""
    chosen = parse_field_map(fields) if fields else None
    checked_choice("split", split, ("", *SPLITS))
    with all_datasets().open_or_create(dataset) as store:
        report = import_file(
            store,
            file,
            chosen,
            state="accepted" if accept else "pending",
            split=split,  # type: ignore[arg-type]
            license_name=license_name,
            progress=_said_import,
        )
    if as_json:
        say_json(import_as_json(report, dataset))
        return
    say_bad_rows(report)
    say(f"{report.kept:,} of {report.read:,} rows are in {dataset} now.")
    if report.repeated:
        say(f"{report.repeated:,} were there already.")
    if report.duplicates:
        say(f"{report.duplicates:,} are rejected, as they say the same as another row.")


@dataset_verbs.command()
def export(
    dataset: DatasetName,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The file to write.")
    ],
    file_format: Annotated[
        str, typer.Option("--format", help="jsonl, parquet or csv; by the file's name otherwise.")
    ] = "",
    layout: Annotated[str, typer.Option(help="native, instruction or chatml.")] = "native",
    by_split: Annotated[
        bool, typer.Option("--by-split", help="Write one file a split: NAME-train and so on.")
    ] = False,
    version: Annotated[
        str, typer.Option(metavar="VERSION", help="The rows of a version, by number or hash.")
    ] = "",
    states: States = None,
    as_json: AsJson = False,
) -> None:
    """Export accepted rows, whole or not at all, with where they came from beside them."""
    from expert_studio.core.datasets.exporting import FORMATS, LAYOUTS

    checked_choice("format", file_format, ("", *FORMATS))
    checked_choice("layout", layout, LAYOUTS)
    wanted = RowFilter(states=chosen_states(states) or ("accepted",))
    with opened_dataset(dataset, accept=True) as store:
        written = export_dataset(
            store,
            output,
            file_format or None,  # type: ignore[arg-type]
            layout=layout,  # type: ignore[arg-type]
            wanted=wanted,
            version=store.version(version).id if version else None,
            by_split=by_split,
        )
    if as_json:
        files = [
            {
                "path": str(one.path),
                "rows": one.rows,
                "provenance": one.sidecar and str(one.sidecar),
            }
            for one in written
        ]
        say_json({"files": files})
        return
    for one in written:
        say(f"{one.path}: {one.rows:,} rows")


@dataset_verbs.command()
def diff(
    dataset: Annotated[str, typer.Argument(metavar="DATASET", help="A dataset's name.")],
    older: Annotated[
        str, typer.Argument(metavar="[OLDER]", help="A version, by number or hash.")
    ] = "",
    newer: Annotated[
        str, typer.Argument(metavar="[NEWER]", help="Another; the rows as they are otherwise.")
    ] = "",
    keep: Annotated[
        str | None, typer.Option("--keep", metavar="NOTE", help="Keep the rows as a version first.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the versions of a dataset, keep one, or show what changed between two."""
    with all_datasets().open(dataset) as store:
        if keep is not None:
            store.keep_version(keep)
        if not older:
            _say_versions(store, as_json)
            return
        before = store.version(older)
        after = store.version(newer) if newer else None
        changed = store.diff(before.id, after.id if after else None)
    lists = {
        "added": changed.added,
        "removed": changed.removed,
        "edited": changed.edited,
        "moved": changed.moved,
    }
    if as_json:
        say_json({name: list(rows) for name, rows in lists.items()})
        return
    for name, rows in lists.items():
        shown = ", ".join(map(str, rows[:20])) + (", …" if len(rows) > 20 else "")
        say(f"{name}: {len(rows):,}" + (f" (rows {shown})" if rows else ""))


def _say_versions(store: DatasetStore, as_json: bool) -> None:
    versions = store.versions()
    if as_json:
        kept = [
            {"id": v.id, "hash": v.hash, "note": v.note, "created": v.created, "rows": v.rows}
            for v in versions
        ]
        say_json({"versions": kept, "hash_now": store.content_hash()})
        return
    if not versions:
        say("No version is kept yet.", "Keep one with: expert-cli dataset diff DATASET --keep NOTE")
        return
    rows = [(str(v.id), v.hash[:12], f"{v.rows:,}", v.note) for v in versions]
    say_table(("version", "hash", "rows", "note"), rows)


def all_datasets() -> DatasetFolders:
    """The person's datasets."""
    return DatasetFolders(Folders.default().datasets)


@contextmanager
def opened_dataset(named: str, *, accept: bool = False) -> Iterator[DatasetStore]:
    """A dataset by name, or a file read into one of the moment, its bad rows told aside.

    Args:
        accept: whether rows of a file count as accepted.

    Raises:
        DatasetError: there is neither a dataset nor a file of that name.
    """
    if named in all_datasets().names():
        with all_datasets().open(named) as store:
            yield store
        return
    path = Path(named)
    if not path.exists():
        known = ", ".join(all_datasets().names()) or "none yet"
        raise DatasetError(f"There is no dataset and no file {named!r}.", f"Datasets: {known}.")
    with (
        tempfile.TemporaryDirectory(prefix="expert-dataset-") as folder,
        DatasetStore(Path(folder) / "rows") as store,
    ):
        report = import_file(store, path, state="accepted" if accept else "pending")
        say_bad_rows(report, where=False)
        yield store


def say_bad_rows(report: ImportReport, *, where: bool = True) -> None:
    """Tells aside what was left out, and why."""
    if not report.left_out:
        return
    for bad in report.bad[:_TOLD_BAD_ROWS]:
        say_aside(f"{bad.file}, {bad.place}: {bad.reason}")
    told = f"{report.left_out:,} rows were left out"
    listed = f"; they are listed in {report.rejects}" if where and report.rejects else ""
    say_aside(f"{told}{listed}.")


def import_as_json(report: ImportReport, dataset: str) -> dict[str, Any]:
    """An import as `--json` shows it."""
    return {
        "dataset": dataset,
        "read": report.read,
        "kept": report.kept,
        "repeated": report.repeated,
        "duplicates": report.duplicates,
        "left_out": report.left_out,
        "reasons": dict(report.reasons.most_common()),
        "bad_rows": [
            {"file": bad.file, "place": bad.place, "reason": bad.reason} for bad in report.bad
        ],
        "bad_rows_file": report.rejects and str(report.rejects),
        "fields": dict(report.fields.columns),
    }


def chosen_states(states: list[str] | None) -> tuple[str, ...]:
    """The states asked for, checked."""
    for state in states or ():
        checked_choice("state", state, STATES)
    return tuple(states or ())


def checked_choice(what: str, chosen: str, known: tuple[str, ...]) -> None:
    """Raises UsageError where `chosen` is none of `known`."""
    if chosen not in known:
        names = ", ".join(name for name in known if name)
        raise UsageError(f"There is no {what} {chosen!r}.", f"Known are {names}.")


def _said_import(read: int, at: int, total: int) -> None:
    if read % LINE_EVERY_ROWS == 0 and total:
        say_aside(f"{read:,} rows read, {at / total:.0%} of the file.")
