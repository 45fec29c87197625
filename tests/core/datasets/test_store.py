"""A dataset on disk: appended, looked through, changed, taken back, kept as versions."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from expert_studio.core.datasets.examples import Example, Turn
from expert_studio.core.datasets.preference import PreferencePair
from expert_studio.core.datasets.row_body import body_of
from expert_studio.core.datasets.row_document import ClassifiedDocument
from expert_studio.core.datasets.row_provenance import Provenance
from expert_studio.core.datasets.store import FILE_NAME, DatasetStore
from expert_studio.core.datasets.store_changes import (
    AssignSplits,
    DeleteRows,
    EditRow,
    Operation,
    RejectRows,
    ReplaceRows,
    RestoreVersion,
    SetSplit,
    SetState,
)
from expert_studio.core.datasets.store_folder import DatasetFolders
from expert_studio.core.datasets.store_intake import NewRow
from expert_studio.core.datasets.store_rows import RowFilter, Sort, StoredRow
from expert_studio.core.datasets.store_schema import MIGRATIONS, DatasetFile
from expert_studio.core.errors import DatasetError, StorageError
from expert_studio.core.settings import Folders


def example(asked: str, answer: str = "Yes.", family: str = "a", task: str = "") -> Example:
    turns = (Turn("user", asked), Turn("assistant", answer))
    return Example(turns, family=family, task=task)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DatasetStore]:
    with DatasetStore(tmp_path / "facts") as opened:
        yield opened


def fill(store: DatasetStore, count: int = 6) -> list[int]:
    rows = (
        NewRow(example(f"Question {n}?", "x" * (n + 1), family=f"f{n % 2}")) for n in range(count)
    )
    return [kept.id for kept in store.append_many(rows)]


def state_of(store: DatasetStore) -> list[StoredRow]:
    return store.rows(store.ids())


ITEMS = (
    example("What is 2 + 2?", "4 \u2028 \x00 \U0001f600", task="sum"),
    replace(example("Why?"), reasoning="Because.", scorer="json", check='{"a": 1}'),
    PreferencePair(
        (Turn("system", "Be brief."), Turn("user", "Hi")), "Hello.", "Go away.", flaw="rude"
    ),
    PreferencePair((Turn("user", "Hi"),), "Hello.", ""),
    ClassifiedDocument("a.log", "GET /", "log", "log", ("nginx",), family="owner/repo"),
    ClassifiedDocument("", "", "empty"),
)


@pytest.mark.parametrize("item", ITEMS)
def test_a_row_comes_back_as_it_went_in(
    store: DatasetStore, item: Example | PreferencePair | ClassifiedDocument
) -> None:
    origin = Provenance("offline", "json 3", at=5.0, more={"seed": 7})
    kept = store.append(item, origin)
    row = store.row(kept.id)
    assert row is not None
    assert row.item == item
    assert (row.hash, row.state, row.body) == (kept.hash, "pending", body_of(item).text)
    assert store.provenance(kept.hash) == origin
    assert json.loads(row.body) == json.loads(body_of(row.item).text)


def test_the_same_row_twice_is_one_and_a_twin_is_rejected_with_its_reason(
    store: DatasetStore,
) -> None:
    first = store.append(example("Hi?"), state="accepted")
    again = store.append(example("Hi?"))
    twin = store.append(example("Hi?", family="b"))
    assert (again.id, again.repeated, again.state) == (first.id, True, "accepted")
    assert (twin.state, twin.reason) == ("rejected", f"It says the same as row {first.id}.")
    assert store.count() == 2
    assert store.holds(example("Hi?")) == first.id
    assert store.holds(example("Ho?")) is None


def test_half_a_character_is_refused_and_leaves_nothing(store: DatasetStore) -> None:
    with pytest.raises(DatasetError, match="lone surrogate"):
        store.append(example("\ud800"))
    with pytest.raises(DatasetError):
        list(store.append_many([NewRow(example("Good?")), NewRow(example("\ud800"))]))
    assert store.count() == 0


def test_filters_orders_and_pages(store: DatasetStore) -> None:
    numbers = fill(store, 6)
    store.perform(SetState(tuple(numbers[:2]), "rejected", "Too short."))
    store.perform(SetSplit(tuple(numbers[4:]), "train"))
    assert store.count(RowFilter(states=("rejected",))) == 2
    assert store.ids(RowFilter(reasons=("Too short.",))) == numbers[:2]
    assert store.ids(RowFilter(families=("f1",), splits=("",))) == numbers[1:4:2]
    assert store.ids(RowFilter(min_chars=13, max_chars=14)) == numbers[1:3]
    assert store.ids(order=Sort("chars", descending=True)) == numbers[::-1]
    assert store.ids(RowFilter(ids=(numbers[3], 999))) == [numbers[3]]
    assert [row.id for row in store.window(order=Sort("family"), offset=2, limit=2)] == [
        numbers[4],
        numbers[1],
    ]
    assert [row.id for row in store.rows([numbers[5], 999, numbers[0]])] == [
        numbers[5],
        numbers[0],
    ]
    assert [row.id for row in store.each(order=Sort("id", descending=True))] == numbers[::-1]
    assert store.facets("family") == {"f0": 3, "f1": 3}
    assert store.facets("split", RowFilter(states=("pending",))) == {"": 2, "train": 2}
    assert store.lengths("chars") == [12, 13, 14, 15, 16, 17]


@pytest.mark.parametrize("search", ['a "quoted"\nline', "100%", "under_score", "BACK\\slash", "é"])
def test_search_finds_text_as_it_was_written(store: DatasetStore, search: str) -> None:
    wanted = store.append(example(f"It says {search} here"))
    store.append(example("100 underXscore percent"))
    assert store.ids(RowFilter(search=search)) == [wanted.id]


def test_tokens_are_measured_by_hash(store: DatasetStore) -> None:
    numbers = fill(store, 3)
    rows = state_of(store)
    store.keep_tokens({rows[0].hash: 12, rows[2].hash: 40, "f" * 64: 1})
    assert store.lengths("tokens") == [12, 40]
    assert store.ids(RowFilter(min_tokens=20)) == [numbers[2]]


OPERATIONS: dict[str, Operation] = {
    "edit": EditRow(2, example("Another question?", "Another answer.", family="g", task="t")),
    "repair": ReplaceRows({1: example("One?"), 3: example("Three?")}, "Strip"),
    "collide": ReplaceRows({1: example("One?"), 3: example("One?")}, "Strip"),
    "reject": SetState((1, 2, 3), "rejected", "Too short."),
    "reasons": RejectRows({1: "First.", 4: "Fourth."}),
    "split": SetSplit((1, 2), "held_out"),
    "splits": AssignSplits({1: "train", 2: "validation"}),
    "delete": DeleteRows((2, 5)),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_change_is_taken_back_and_made_again_after_a_restart(
    store: DatasetStore, name: str
) -> None:
    fill(store, 6)
    before = state_of(store)
    store.perform(OPERATIONS[name])
    after = state_of(store)
    assert after != before
    store.close()
    undone = store.undo()
    assert undone is not None
    assert state_of(store) == before
    assert store.undoable() is None
    store.close()
    redoable = store.redoable()
    assert redoable is not None
    assert redoable.label == undone.label
    store.redo()
    assert state_of(store) == after
    assert store.redo() is None


def test_a_new_change_ends_what_could_be_redone(store: DatasetStore) -> None:
    fill(store)
    store.perform(SetSplit((1,), "train"))
    store.undo()
    store.perform(SetSplit((2,), "train"))
    assert store.redo() is None
    assert [row.split for row in store.rows([1, 2])] == ["", "train"]


def test_an_edit_that_repeats_another_row_is_refused_whole(store: DatasetStore) -> None:
    fill(store, 2)
    twin = store.rows([1])[0].item
    with pytest.raises(DatasetError, match="Row 1 already says exactly this"):
        store.perform(EditRow(2, twin))
    with pytest.raises(DatasetError, match="no row 99"):
        store.perform(EditRow(99, example("New?")))
    assert store.undoable() is None
    store.perform(ReplaceRows({2: twin}))
    assert store.rows([2])[0].reason == "It says the same as row 1."


def test_an_edited_row_tells_what_it_was(store: DatasetStore) -> None:
    old = store.append(example("Hi?"), Provenance("deepseek", "chat"))
    store.perform(EditRow(old.id, example("Hi there?")))
    row = store.row(old.id)
    assert row is not None
    origin = store.provenance(row.hash)
    assert origin == Provenance("deepseek", "chat", more={"edited_from": old.hash})


def test_versions_are_named_by_content_and_stay_whole(store: DatasetStore) -> None:
    numbers = fill(store, 4)
    with pytest.raises(DatasetError, match="nothing to keep"):
        store.keep_version()
    store.perform(SetState(tuple(numbers), "accepted"))
    first = store.keep_version("first")
    assert store.keep_version("again") == first
    kept = [(row.id, row.item, row.split) for row in store.version_rows(first.id)]
    store.perform(EditRow(1, example("Changed?")))
    store.perform(DeleteRows((2,)))
    store.perform(SetSplit((3,), "train"))
    added = store.append(example("New?"), state="accepted")
    second = store.keep_version("second")
    assert second.hash != first.hash
    diff = store.diff(first.id, second.id)
    assert (diff.added, diff.removed, diff.edited, diff.moved) == ((added.id,), (2,), (1,), (3,))
    assert store.diff(first.id) == diff
    assert [(row.id, row.item, row.split) for row in store.version_rows(first.id)] == kept
    assert store.version(first.hash[:8]) == first
    with pytest.raises(DatasetError, match="No version"):
        store.version("none")
    now = state_of(store)
    store.perform(RestoreVersion(first.id))
    assert store.content_hash() == first.hash
    assert store.rows([added.id])[0].state == "pending"
    store.undo()
    assert state_of(store) == now


def test_equal_rows_in_two_datasets_have_equal_versions(tmp_path: Path) -> None:
    hashes = set()
    for name in ("one", "two"):
        with DatasetStore(tmp_path / name) as store:
            store.perform(SetState(tuple(fill(store)), "accepted"))
            hashes.add(store.keep_version(name).hash)
    assert len(hashes) == 1


def test_readers_see_whole_states_while_rows_are_written(store: DatasetStore) -> None:
    store.open()
    seen: list[int] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.append(store.count())

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    fill(store, 3500)
    done.set()
    for reader in readers:
        reader.join()
    assert set(seen) <= {0, 1000, 2000, 3000, 3500}
    assert store.count() == 3500


_WRITER = """
import sys
from pathlib import Path
from expert_studio.core.datasets.examples import Example, Turn
from expert_studio.core.datasets.store import DatasetStore
store = DatasetStore(Path(sys.argv[1]))
for n in range(int(sys.argv[3])):
    turns = (Turn("user", f"{sys.argv[2]} {n}"), Turn("assistant", "x" * 200))
    print(store.append(Example(turns)).id, flush=True)
"""


def test_two_processes_write_one_dataset(tmp_path: Path) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", _WRITER, tmp_path / "d", name, "200"],
                         stdout=subprocess.PIPE)
        for name in ("one", "two")
    ]  # fmt: skip
    ids = [int(line) for writer in writers for line in writer.communicate()[0].split()]
    assert sorted(ids) == list(range(1, 401))
    with DatasetStore(tmp_path / "d") as store:
        assert store.count() == 400


def test_what_was_kept_survives_a_kill(tmp_path: Path) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", _WRITER, tmp_path / "d", "row", "100000"], stdout=subprocess.PIPE
    )
    assert writer.stdout is not None
    said = [writer.stdout.readline() for _ in range(150)]
    writer.kill()
    rest = writer.communicate()[0]
    told = len(said) + rest.count(b"\n")
    with DatasetStore(tmp_path / "d") as store:
        assert told <= store.count() <= told + 1


def test_a_newer_file_and_a_damaged_one_are_sentences(tmp_path: Path) -> None:
    with DatasetStore(tmp_path / "new") as store:
        store.open()
    with sqlite3.connect(tmp_path / "new" / FILE_NAME) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StorageError, match="newer Expert Studio"):
        DatasetStore(tmp_path / "new").count()
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / FILE_NAME).write_bytes(b"not a database" * 1000)
    with pytest.raises(StorageError, match="not a database"):
        DatasetStore(tmp_path / "bad").count()


def test_a_migration_keeps_a_copy_of_what_was(tmp_path: Path) -> None:
    with DatasetStore(tmp_path) as store:
        fill(store, 3)
    newer = DatasetFile(tmp_path / FILE_NAME, (*MIGRATIONS, "ALTER TABLE rows ADD COLUMN more"))
    with newer.reading() as connection:
        assert connection.execute("SELECT COUNT(more), COUNT(*) FROM rows").fetchone() == (0, 3)
    newer.close()
    copy = sqlite3.connect(tmp_path / "rows.before-v2.sqlite3")
    assert copy.execute("SELECT COUNT(*) FROM rows").fetchone() == (3,)
    copy.close()


def test_settings_and_revision(store: DatasetStore) -> None:
    assert store.setting("recipe", {"n": 1}) == {"n": 1}
    at = store.revision()
    store.keep_setting("recipe", {"rows": [1, 2]})
    assert store.setting("recipe") == {"rows": [1, 2]}
    assert store.revision() > at


def test_datasets_have_names_and_come_back_from_the_trash(studio_home: Path) -> None:
    datasets = DatasetFolders(Folders.default().datasets)
    assert datasets.names() == []
    with datasets.create("facts") as store:
        fill(store)
    with datasets.open_or_create("facts") as store:
        assert store.count() == 6
    with pytest.raises(DatasetError, match="already a dataset"):
        datasets.create("facts")
    datasets.rename("facts", "truths")
    token = datasets.delete("truths")
    assert datasets.names() == []
    assert datasets.restore(token) == "truths"
    assert datasets.names() == ["truths"]
    with pytest.raises(DatasetError, match="There are: truths"):
        datasets.open("facts")
    with pytest.raises(StorageError, match="could not be brought back"):
        datasets.restore(token)


@pytest.mark.parametrize("name", ["", "..", "a/b", "Upper", "con", "nul.x", "a.", "-a", "x" * 65])
def test_names_no_folder_can_have(tmp_path: Path, name: str) -> None:
    with pytest.raises(DatasetError, match="cannot be called"):
        DatasetFolders(tmp_path).create(name)


_FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from expert_studio.core.datasets.examples import Example, Turn
from expert_studio.core.datasets.store import DatasetStore
from expert_studio.core.datasets.store_intake import NewRow
from expert_studio.core.errors import StorageError

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))
store = DatasetStore(Path(sys.argv[1]))
rows = (Example((Turn("user", f"{n}?"), Turn("assistant", "x" * 2000))) for n in range(10_000))
kept = 0
try:
    if sys.argv[2] == "one":
        for row in rows:
            store.append(row)
            kept += 1
    else:
        for one in store.append_many(NewRow(row) for row in rows):
            kept += 1
except StorageError as cause:
    print(kept, cause.what, cause.remedy, sep="|")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are POSIX")
@pytest.mark.parametrize("how", ["one", "many"])
def test_a_disk_that_fills_up_keeps_what_was_told_kept(tmp_path: Path, how: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _FULL_DISK, tmp_path / "d", how], capture_output=True, check=True
    )
    kept, what, remedy = ended.stdout.decode().strip().split("|")
    assert "could not be saved" in what
    assert "Free some space" in remedy
    with DatasetStore(tmp_path / "d") as store:
        assert store.count() == int(kept)
        assert store.append(example("Room again?")).state == "pending"


def test_several_threads_make_one_dataset(tmp_path: Path) -> None:
    datasets = DatasetFolders(tmp_path)

    def make(_: int) -> str:
        with datasets.open_or_create("votes") as store:
            return store.folder.name

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(make, range(16))) == {"votes"}
