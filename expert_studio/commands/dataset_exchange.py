"""Rows from files and to files, as work beside the window. Knows the readers and writers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from expert_studio.commands.dataset_worker import Desk
from expert_studio.core.datasets import exporting, importing
from expert_studio.core.datasets.importing_fields import TARGETS, FieldMap
from expert_studio.core.datasets.row_body import parse_item, prompt_and_answer, row_of
from expert_studio.core.datasets.row_provenance import Provenance
from expert_studio.core.datasets.store import DatasetStore
from expert_studio.core.datasets.store_intake import NewRow
from expert_studio.core.datasets.store_rows import RowFilter
from expert_studio.core.errors import DatasetError

_SHOWN_CHARACTERS = 2000
_REASONS = 3
_PASTED_AT_MOST = 5000


def preview_file(order: Mapping[str, Any], _desk: Desk) -> dict[str, Any]:
    """The first rows of a file as they would be read, and what its columns seem to mean."""
    columns = order.get("columns")
    chosen = None if columns is None else FieldMap(dict(columns))
    begun = importing.preview(Path(order["path"]), chosen, int(order["rows"]))
    rows = []
    for item, reason in begun.rows:
        prompt, answer = ("", "") if item is None else prompt_and_answer(item)
        rows.append(
            {
                "kind": "" if item is None else row_of(item)[0],
                "prompt": prompt[:_SHOWN_CHARACTERS],
                "answer": answer[:_SHOWN_CHARACTERS],
                "task": "" if item is None else item.task,
                "problem": reason,
            }
        )
    return {
        "rows": rows,
        "columns": list(begun.columns),
        "fields": dict(begun.fields.columns),
        "targets": list(TARGETS),
    }


def import_files(order: Mapping[str, Any], desk: Desk) -> dict[str, Any]:
    """Takes in files one after another; a row that cannot be read costs itself only."""
    columns = order.get("columns")
    fields = None if columns is None else FieldMap(dict(columns))
    facts = {"accepted": 0, "repeated": 0, "refused": 0, "rejected": 0}
    problems: list[str] = []
    rejects = ""
    with DatasetStore(Path(order["folder"])) as store:
        for path in map(Path, order["paths"]):

            def told(read: int, done: int, total: int) -> None:
                desk.rest()
                rows = int(read * total / done) if done else 0
                desk.progress(read, rows or None, **facts)

            report = importing.import_file(
                store, path, fields, state=order["state"], progress=told, stop=desk.stop
            )
            facts["accepted"] += report.kept - report.duplicates
            facts["rejected"] += report.duplicates
            facts["repeated"] += report.repeated
            facts["refused"] += report.left_out
            problems += [f"{one.file}, {one.place}: {one.reason}" for one in report.bad[:_REASONS]]
            rejects = str(report.rejects) if report.rejects else rejects
            if desk.stop.is_set():
                break
    return {
        **facts,
        "problems": problems[:_REASONS],
        "rejects": rejects,
        "stopped": desk.stop.is_set(),
    }


def export(order: Mapping[str, Any], desk: Desk) -> dict[str, Any]:
    """Writes rows to a file, whole or not at all."""
    asked = order["filter"]
    wanted = exporting.ACCEPTED if asked is None else RowFilter(**_tuples(asked))
    with DatasetStore(Path(order["folder"])) as store:
        total = store.count(wanted)

        def told(done: int) -> None:
            desk.rest()
            desk.progress(done, total)

        written = exporting.export_dataset(
            store,
            Path(order["path"]),
            wanted=wanted,
            by_split=bool(order["by_split"]),
            progress=told,
        )
    return {"files": [str(one.path) for one in written], "rows": sum(one.rows for one in written)}


def paste(order: Mapping[str, Any], _desk: Desk) -> dict[str, Any]:
    """Takes in rows that were pasted as JSON lines; a bad line costs itself only."""
    kept, problems = {"accepted": 0, "rejected": 0, "repeated": 0}, []
    rows: list[NewRow] = []
    lines = [line for line in str(order["text"]).splitlines() if line.strip()]
    if len(lines) > _PASTED_AT_MOST:
        raise DatasetError(
            "That is too much to paste.",
            f"It has {len(lines):,} lines; {_PASTED_AT_MOST:,} can be pasted.",
            "Save it to a file and import that.",
        )
    for number, line in enumerate(lines, start=1):
        try:
            rows.append(NewRow(parse_item(json.loads(line)), Provenance("pasted")))
        except (ValueError, RecursionError) as cause:
            problems.append(f"Line {number}: it is not JSON ({cause}).")
        except DatasetError as error:
            problems.append(f"Line {number}: {error.why or error.what}")
    with DatasetStore(Path(order["folder"])) as store:
        for row in store.append_many(rows):
            kept["repeated" if row.repeated else "rejected" if row.state == "rejected" else
                 "accepted"] += 1  # fmt: skip
    return {**kept, "refused": len(problems), "problems": problems[:_REASONS], "stopped": False}


def _tuples(asked: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: tuple(value) if isinstance(value, list) else value for name, value in asked.items()
    }
