"""Files of every kind and condition into a dataset: bad rows cost themselves, and say why."""

from __future__ import annotations

import gzip
import json
import lzma
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from expert_studio.core.datasets import importing_text
from expert_studio.core.datasets.examples import Example
from expert_studio.core.datasets.importing import import_file, preview
from expert_studio.core.datasets.importing_fields import FieldMap, guess_fields, parse_field_map
from expert_studio.core.datasets.preference import PreferencePair
from expert_studio.core.datasets.row_document import ClassifiedDocument
from expert_studio.core.datasets.store import DatasetStore
from expert_studio.core.errors import DatasetError

GOOD = {"instruction": "Say hello.", "output": "Hello."}
LINE = json.dumps(GOOD)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DatasetStore]:
    with DatasetStore(tmp_path / "store") as opened:
        yield opened


def written(tmp_path: Path, name: str, data: str | bytes) -> Path:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def answers(store: DatasetStore) -> list[str]:
    items = [row.item for row in store.each()]
    return [item.answer for item in items if isinstance(item, Example)]


def numbered(*names: str) -> list[dict[str, str]]:
    return [{"instruction": f"Say {name}.", "output": name} for name in names]


LINES = "\n".join(json.dumps(row) for row in numbered("one", "two", "three"))
CSV = "instruction,output\nSay one.,one\nSay two.,two\nSay three.,three\n"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.jsonl", LINES),
        ("a.jsonl", "\ufeff" + LINES),
        ("a.jsonl", LINES.encode("utf-16")),
        ("a.jsonl", LINES.encode("utf-16-be")),
        ("a.jsonl", LINES.encode("utf-32")),
        ("a.jsonl", LINES.replace("\n", "\r\n")),
        ("a.jsonl", LINES.replace("\n", "\r\n\n  \n", 1) + "\n\n"),
        ("a.jsonl.xz", lzma.compress(LINES.encode())),
        ("a.jsonl.gz", gzip.compress(LINES.encode(), mtime=0)),
        ("a.json", json.dumps(numbered("one", "two", "three"))),
        ("a.json", json.dumps({"data": numbered("one", "two", "three")}, indent=2)),
        ("a.json", LINES),
        ("a.csv", CSV),
        ("a.csv", CSV.replace("\n", "\r\n")),
        ("a.csv", CSV.replace(",", ";")),
        ("a.csv", CSV.encode("utf-16")),
        ("a.tsv", CSV.replace(",", "\t")),
    ],
)
def test_every_kind_of_file(
    store: DatasetStore, tmp_path: Path, name: str, data: str | bytes
) -> None:
    report = import_file(store, written(tmp_path, name, data))
    assert (report.read, report.kept, report.left_out) == (3, 3, 0)
    assert answers(store) == ["one", "two", "three"]
    assert report.rejects is None


BAD: dict[str, tuple[str | bytes, str]] = {
    "nul": (LINE.replace("Hello", "He\x00llo"), "NUL"),
    "not utf-8": (b'{"instruction": "Say", "output": "\xff"}', "not UTF-8 at byte"),
    "not json": ("{'instruction': 1}", "It is not JSON"),
    "depth bomb": ("[" * 100_000, "nested too deep"),
    "deep fields": ('{"a":' * 50_000 + "1" + "}" * 50_000, "nested too deep"),
    "a list": ("[1, 2]", "not an object"),
    "a number": ("7", "not an object"),
    "lone surrogate": (r'{"instruction": "Say", "output": "\ud800"}', "lone surrogate"),
    "no answer": ('{"instruction": "Say"}', "none of the fields output"),
    "empty answer": ('{"instruction": "Say", "output": " "}', "is empty"),
    "no role": ('{"messages": [{"content": "x"}]}', "no known role"),
    "ends with the user": ('{"messages": [{"role": "user", "content": "x"}]}', "not an answer"),
    "a pair without prompt": ('{"chosen": "a", "rejected": "b"}', "none of the fields instruction"),
    "a pair of numbers": ('{"prompt": "x", "chosen": 1, "rejected": "b"}', "chosen answer"),
    "a label without type": ('{"content": "x", "label": {"kind": "log"}}', "label has no type"),
    "an endless number": ('{"instruction": 1, "n": ' + "9" * 10_000 + "}", "none of the fields"),
    "not a number": ('{"instruction": "Say", "output": NaN}', "none of the fields output"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_row_costs_that_row_only(store: DatasetStore, tmp_path: Path, name: str) -> None:
    data, reason = BAD[name]
    raw = data.encode() if isinstance(data, str) else data
    second = json.dumps(numbered("two")[0]).encode()
    path = written(tmp_path, "a.jsonl", b"\n".join([LINE.encode(), raw, second]))
    report = import_file(store, path)
    assert (report.read, report.kept, report.left_out) == (3, 2, 1)
    assert (report.bad[0].file, report.bad[0].place) == ("a.jsonl", "line 2")
    assert reason in report.bad[0].reason
    assert report.rejects is not None
    listed = json.loads(report.rejects.read_text())
    assert (listed["place"], listed["reason"]) == ("line 2", report.bad[0].reason)


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.xz", ".csv"])
def test_a_line_no_memory_could_hold(
    store: DatasetStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    monkeypatch.setattr(importing_text, "LONGEST_LINE_BYTES", 1_000_000)
    begun, ended = (CSV[:32], CSV[32:]) if suffix == ".csv" else (LINE + "\n", LINES)
    huge = begun + "x" * 5_000_000 + "\n" + ended
    data = lzma.compress(huge.encode()) if suffix.endswith("xz") else huge.encode()
    report = import_file(store, written(tmp_path, "a" + suffix, data))
    assert report.left_out == 1
    assert report.bad[0].reason == "It is 5 MB long; at most 1 MB are read."
    assert report.kept == report.read - 1 >= 3


@pytest.mark.long
def test_one_line_of_a_gigabyte(store: DatasetStore, tmp_path: Path) -> None:
    import resource

    path = tmp_path / "a.jsonl"
    with path.open("wb") as stream:
        stream.write(LINE.encode() + b'\n{"instruction": "')
        for _ in range(1000):
            stream.write(b"x" * 1_000_000)
        stream.write(b'"}\n' + LINES.encode())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    report = import_file(store, path)
    assert (report.kept, report.bad[0].place) == (4, "line 2")
    assert "1,000 MB" in report.bad[0].reason
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kB


def test_an_empty_file_one_row_and_all_the_same(store: DatasetStore, tmp_path: Path) -> None:
    assert import_file(store, written(tmp_path, "a.jsonl", "")).read == 0
    assert import_file(store, written(tmp_path, "a.csv", "")).read == 0
    assert import_file(store, written(tmp_path, "a.json", "[]")).read == 0
    assert import_file(store, written(tmp_path, "b.jsonl", LINE)).kept == 1
    again = import_file(store, written(tmp_path, "b.jsonl", "\n".join([LINE] * 50)))
    assert (again.read, again.kept, again.repeated) == (50, 0, 50)
    twins = "\n".join(json.dumps({**GOOD, "id": str(n)}) for n in range(5))
    report = import_file(store, written(tmp_path, "c.jsonl", twins))
    assert (report.kept, report.duplicates) == (5, 5)
    assert store.facets("reason")["It says the same as row 1."] == 5


def test_a_row_of_200_000_tokens_is_kept_whole(store: DatasetStore, tmp_path: Path) -> None:
    long = {"instruction": "Repeat.", "output": "word " * 200_000}
    import_file(store, written(tmp_path, "a.jsonl", json.dumps(long)))
    assert answers(store) == ["word " * 200_000]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]},
         Example),
        ({"prompt": "a", "chosen": "b", "rejected": "c"}, PreferencePair),
        ({"chosen": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}],
          "rejected": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "c"}]},
         PreferencePair),
        ({"task": "json_repair", "input": {"instruction": "Mend.", "broken_json": "{"},
          "chosen": "{}", "rejected": "{"}, PreferencePair),
        ({"task": "json_repair", "input": {"instruction": "Mend.", "broken_json": "{"},
          "output": "{}"}, Example),
        ({"input": "2 + 2?", "reasoning": "Two and two.", "answer": "4"}, Example),
        ({"text": "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHo<|im_end|>\n"},
         Example),
        ({"path": "a.log", "content": "GET", "label": {"type": "log", "technologies": ["x"]}},
         ClassifiedDocument),
        ({"text": "GET /", "label": "log"}, ClassifiedDocument),
    ],
)  # fmt: skip
def test_every_shape_of_row(
    store: DatasetStore, tmp_path: Path, row: dict[str, Any], expected: type
) -> None:
    report = import_file(store, written(tmp_path, "a.jsonl", json.dumps(row)))
    assert report.bad == []
    assert isinstance(store.window()[0].item, expected)


def test_columns_are_guessed_and_can_be_said(store: DatasetStore, tmp_path: Path) -> None:
    odd = "Frage,Antwort,Repo\nWas?,Das.,a/b\n"
    path = written(tmp_path, "a.csv", odd)
    assert "none of the fields" in preview(path).rows[0][1]
    fields = parse_field_map(["instruction=Frage", "output=Antwort", "family=Repo"])
    item, reason = preview(path, fields).rows[0]
    assert reason == ""
    assert isinstance(item, Example)
    assert (item.prompt[0].content, item.answer, item.family) == ("Was?", "Das.", "a/b")
    import_file(store, path, fields)
    assert store.facets("family") == {"a/b": 1}
    assert preview(written(tmp_path, "b.csv", "Query,Target\nA?,B\n")).rows[0][1] == ""


@pytest.mark.parametrize(
    ("columns", "guessed"),
    [
        (("instruction", "input", "output"), {}),
        (("prompt", "completion"), {}),
        (("User", "Assistant"), {"instruction": "User", "output": "Assistant"}),
        (("promptText", "Response"), {"instruction": "promptText", "output": "Response"}),
        (("document", "category"), {"content": "document", "label": "category"}),
    ],
)
def test_guesses(columns: tuple[str, ...], guessed: dict[str, str]) -> None:
    assert guess_fields(columns).columns == guessed


def test_mappings_that_cannot_be() -> None:
    with pytest.raises(DatasetError, match="instruction=question"):
        parse_field_map(["question"])
    with pytest.raises(DatasetError, match="cannot be mapped to 'nonsense'"):
        FieldMap({"nonsense": "x"})
    nested = FieldMap({"instruction": "meta.q", "output": "a"})
    assert nested.apply({"meta": {"q": "Q?"}, "a": "A", "text": "T"}) == {
        "meta": {"q": "Q?"},
        "instruction": "Q?",
        "output": "A",
    }


def test_parquet_and_a_folder_of_splits(store: DatasetStore, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = tmp_path / "hub"
    for name, word in (("train-00000-of-00001", "one"), ("test-00000-of-00001", "two")):
        (folder / "data").mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(numbered(word)), folder / "data" / f"{name}.parquet")
    (folder / "loader.py").write_text("raise SystemExit('never run')")
    (folder / "dataset_infos.json").write_text("{}")
    report = import_file(store, folder)
    assert report.kept == 2
    assert {row.split: row.item.answer for row in store.each()} == {  # type: ignore[union-attr]
        "train": "one",
        "held_out": "two",
    }


def test_a_saved_dataset_folder(store: DatasetStore, tmp_path: Path) -> None:
    import pyarrow as pa

    for split, word in (("train", "one"), ("validation", "two")):
        folder = tmp_path / "saved" / split
        folder.mkdir(parents=True)
        table = pa.Table.from_pylist(numbered(word))
        arrow = str(folder / "data-00000-of-00001.arrow")
        with pa.OSFile(arrow, "wb") as sink, pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table)
        (folder / "state.json").write_text("{}")
    (tmp_path / "saved" / "dataset_dict.json").write_text('{"splits": ["train"]}')
    assert import_file(store, tmp_path / "saved").kept == 2
    assert store.facets("split") == {"train": 1, "validation": 1}


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.parquet", b"PAR1 nonsense PAR1", "cannot be read after row 0"),
        ("a.arrow", b"nonsense", "cannot be read after row 0"),
        ("a.xlsx", b"x", "of no kind"),
        ("a.json", b"{", "cannot be read"),
        ("a.json", b"7", "holds no rows"),
        ("a.jsonl.xz", b"not packed", "cannot be read"),
        ("a.jsonl.xz", lzma.compress(LINES.encode())[:-20], "cannot be read"),
        ("a.csv", b"a,a\n1,2\n", "same name"),
    ],
)
def test_files_that_cannot_be_read(
    store: DatasetStore, tmp_path: Path, name: str, data: bytes, said: str
) -> None:
    with pytest.raises(DatasetError, match=said):
        import_file(store, written(tmp_path, name, data))


def test_what_is_not_there(store: DatasetStore, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no file"):
        import_file(store, tmp_path / "none.jsonl")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "load.py").write_text("")
    with pytest.raises(DatasetError, match="scripts are not run"):
        import_file(store, tmp_path / "empty")


def test_bad_rows_of_a_table(store: DatasetStore, tmp_path: Path) -> None:
    table = 'instruction,output\nSay one.,one,more\n"Say\r\ntwo.",two\n,\nSay three.\n'
    report = import_file(store, written(tmp_path, "a.csv", table))
    assert [(bad.place, bad.reason[:20]) for bad in report.bad] == [
        ("line 2", "It has 3 cells; the "),
        ("line 6", "It has none of the f"),
    ]
    item = store.window()[0].item
    assert isinstance(item, Example)
    assert item.prompt[0].content == "Say\r\ntwo."


def test_an_import_tells_how_far_it_is_and_stops(store: DatasetStore, tmp_path: Path) -> None:
    rows = "\n".join(json.dumps(row) for row in numbered(*map(str, range(5000))))
    path = written(tmp_path, "a.jsonl", rows)
    stop = threading.Event()
    told: list[tuple[int, int, int]] = []

    def progress(read: int, at: int, total: int) -> None:
        told.append((read, at, total))
        if read >= 2000:
            stop.set()

    report = import_file(store, path, progress=progress, stop=stop)
    assert report.stopped
    assert store.count() == report.kept == 2000
    assert [read for read, _, _ in told] == [1000, 2000]
    assert all(0 < at <= total == path.stat().st_size for _, at, total in told)


def test_rows_of_an_import_know_their_file(store: DatasetStore, tmp_path: Path) -> None:
    import_file(store, written(tmp_path, "a.jsonl", LINE), license_name="CC0-1.0")
    row = store.window()[0]
    origin = store.provenance(row.hash)
    assert origin is not None
    assert (origin.provider, origin.more) == ("import", {"file": "a.jsonl", "place": "line 1"})
    assert row.item.license == "CC0-1.0"
