"""Rows as files: the same bytes for the same rows, whole or not at all, safe in spreadsheets."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from expert_studio.core.datasets import exporting
from expert_studio.core.datasets.examples import Example, Turn, parse_row, read_examples
from expert_studio.core.datasets.exporting import Format, export_dataset, formula_safe
from expert_studio.core.datasets.importing import import_file
from expert_studio.core.datasets.preference import PreferencePair
from expert_studio.core.datasets.row_body import Item
from expert_studio.core.datasets.row_document import ClassifiedDocument
from expert_studio.core.datasets.row_provenance import Provenance
from expert_studio.core.datasets.store import DatasetStore
from expert_studio.core.datasets.store_changes import DeleteRows
from expert_studio.core.datasets.store_rows import RowFilter
from expert_studio.core.errors import DatasetError, StorageError

ASKED = Turn("user", "What is 2 + 2?")
ITEMS: tuple[Item, ...] = (
    Example((ASKED, Turn("assistant", "4")), identifier="1", family="sums", task="add"),
    Example((Turn("system", "Be brief."), ASKED, Turn("assistant", "Four,\r\n\"4\"\u2028;"))),
    Example((ASKED, Turn("assistant", "3?"), Turn("user", "No."), Turn("assistant", "4"))),
    Example((Turn("user", "Think."), Turn("assistant", "4")), reasoning="2 and 2", scorer="text"),
    Example((Turn("user", "=cmd|' /C calc'!A0"), Turn("assistant", "'=1+1"))),
    Example((Turn("user", "JSON?"), Turn("assistant", '{"a": [1]}')), scorer="json"),
    PreferencePair((ASKED,), "4", "@SUM(1)", flaw="formula", family="sums"),
    PreferencePair((Turn("system", "Be kind."), ASKED), "4", "5"),
    ClassifiedDocument("a.log", "-1 GET /", "log", "log", ("nginx", "+"), family="o/r"),
    ClassifiedDocument("b.txt", "words", "text"),
)  # fmt: skip
ORIGIN = Provenance("deepseek", "chat", "ab" * 32, 0.5, 0.001, 9.0, {"seed": 4})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DatasetStore]:
    with DatasetStore(tmp_path / "rows") as opened:
        for number, item in enumerate(ITEMS):
            opened.append(item, ORIGIN, state="accepted", split="train" if number % 2 else "")
        yield opened


@pytest.mark.parametrize("file_format", ["jsonl", "parquet", "csv"])
def test_rows_come_back_as_they_went_out(
    store: DatasetStore, tmp_path: Path, file_format: Format
) -> None:
    path = tmp_path / "out" / f"rows.{file_format}"
    (written,) = export_dataset(store, path)
    assert (written.path, written.rows) == (path, len(ITEMS))
    with DatasetStore(tmp_path / "again") as again:
        report = import_file(again, path)
        assert report.bad == []
        assert [row.item for row in again.each()] == list(ITEMS)
        assert [row.split for row in again.each()] == [row.split for row in store.each()]
        assert all(again.provenance(row.hash) == ORIGIN for row in again.each())


def test_a_line_is_the_row_its_hash_names(store: DatasetStore, tmp_path: Path) -> None:
    (written,) = export_dataset(store, tmp_path / "rows.jsonl")
    assert written.sidecar is not None
    lines = written.path.read_bytes().splitlines()
    origins = [json.loads(line) for line in written.sidecar.read_bytes().splitlines()]
    hashes = [hashlib.sha256(line).hexdigest() for line in lines]
    assert hashes == [origin["hash"] for origin in origins]
    assert origins[0]["provider"] == "deepseek"


def test_equal_rows_are_equal_bytes_whenever_they_are_made(tmp_path: Path) -> None:
    made = []
    for name in ("one", "two"):
        with DatasetStore(tmp_path / name) as store:
            store.append(ITEMS[9])
            store.perform(DeleteRows((1,)))  # numbers differ, rows do not
            for item in ITEMS if name == "two" else ():
                store.append(item, ORIGIN, state="accepted")
            for item in ITEMS if name == "one" else ():
                store.append(item, state="accepted")
            export_dataset(store, tmp_path / f"{name}.jsonl")
            made.append((tmp_path / f"{name}.jsonl").read_bytes())
    assert made[0] == made[1]


@pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@x", "\tx", "\rx", "'=1", "''=1"])
def test_no_cell_begins_a_formula(cell: str) -> None:
    assert formula_safe(cell) == f"'{cell}"
    assert formula_safe(f"x{cell}") == f"x{cell}"


def test_no_cell_of_a_table_begins_a_formula(store: DatasetStore, tmp_path: Path) -> None:
    export_dataset(store, tmp_path / "rows.csv")
    with (tmp_path / "rows.csv").open(newline="", encoding="utf-8") as table:
        cells = [cell for row in csv.reader(table) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert "'=cmd|' /C calc'!A0" in cells


def test_layouts_other_tools_read(store: DatasetStore, tmp_path: Path) -> None:
    first = RowFilter(ids=(1,), states=("accepted",))
    export_dataset(store, tmp_path / "a.jsonl", layout="instruction", wanted=first)
    row = json.loads((tmp_path / "a.jsonl").read_text())
    assert row == {"instruction": "What is 2 + 2?", "input": "", "output": "4"}
    export_dataset(store, tmp_path / "b.jsonl", layout="chatml", wanted=first)
    row = json.loads((tmp_path / "b.jsonl").read_text())
    assert row["text"].startswith("<|im_start|>user\nWhat is 2 + 2?<|im_end|>\n")
    assert parse_row(row).answer == "4"
    export_dataset(store, tmp_path / "c.jsonl", wanted=RowFilter(kinds=("chat",)))
    assert next(read_examples(tmp_path / "c.jsonl")).answer == "4"


def test_a_version_and_one_file_a_split(store: DatasetStore, tmp_path: Path) -> None:
    version = store.keep_version("first")
    store.perform(DeleteRows((1, 2)))
    written = export_dataset(store, tmp_path / "v.jsonl", version=version.id, by_split=True)
    assert [(one.path.name, one.rows) for one in written] == [
        ("v-train.jsonl", 5),
        ("v-unsplit.jsonl", 5),
    ]


def test_a_full_disk_leaves_what_was_there(
    store: DatasetStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("before")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(exporting, "_write_lines", full)
    with pytest.raises(StorageError, match="No space left"):
        export_dataset(store, path)
    assert path.read_text() == "before"
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == ["rows.jsonl"]


def test_a_stop_in_the_middle_leaves_nothing(store: DatasetStore, tmp_path: Path) -> None:
    def stopped(_: int) -> None:
        raise KeyboardInterrupt

    many = (Example((Turn("user", f"{n}?"), Turn("assistant", "a"))) for n in range(1000))
    for item in many:
        store.append(item, state="accepted")
    with pytest.raises(KeyboardInterrupt):
        export_dataset(store, tmp_path / "rows.jsonl", progress=stopped)
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == []


def test_what_cannot_be_exported(store: DatasetStore, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="which format"):
        export_dataset(store, tmp_path / "rows.txt")
    nothing = RowFilter(states=("rejected",))
    for by_split in (False, True):
        with pytest.raises(DatasetError, match="nothing to export"):
            export_dataset(store, tmp_path / "rows.jsonl", wanted=nothing, by_split=by_split)
    assert not (tmp_path / "rows.jsonl").exists()
