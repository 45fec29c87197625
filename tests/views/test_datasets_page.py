"""The Datasets page as a whole: import, rename, delete, repair, versions, copy, export."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMainWindow, QPushButton
from pytestqt.qtbot import QtBot

from expert_studio.core import settings
from expert_studio.core.datasets.examples import Example, Turn
from expert_studio.core.datasets.preference import PreferencePair
from expert_studio.core.datasets.provider_book import load_book
from expert_studio.core.datasets.store_folder import DatasetFolders
from expert_studio.core.datasets.store_intake import NewRow
from expert_studio.core.datasets.store_rows import RowFilter
from expert_studio.core.experts.bundled import install_bundled
from expert_studio.core.experts.library import Library
from expert_studio.core.settings import Folders, Settings, bundled_experts_folder
from expert_studio.runtime.background import Background
from expert_studio.runtime.dataset_job import JobProgress
from expert_studio.views.notices import Notices
from expert_studio.views.pages.datasets_page import DatasetsPage
from tests.provider_server import Conduct, Fault, ProviderServer
from tests.teacher_jobs import KEY, files_with_key

WAIT_MS = 120_000


class Stage:
    """A window with the page in it."""

    def __init__(self, qtbot: QtBot, data: Path) -> None:
        self.qtbot = qtbot
        self.data = data
        self.folders = DatasetFolders(data / "datasets")
        self.background = Background()
        self.window = QMainWindow()
        qtbot.addWidget(self.window)
        self.notices = Notices(self.window)
        self.base: Path | None = None
        self.page = DatasetsPage(Folders(data), self.background, self.notices, lambda: self.base)
        self.window.setCentralWidget(self.page)
        self.window.resize(1096, 770)

    def open(self) -> None:
        self.window.show()
        self.settle()

    def until(self, reached: Callable[[], bool]) -> None:
        self.qtbot.waitUntil(reached, timeout=WAIT_MS)

    def settle(self) -> None:
        page = self.page
        lanes = (*page.desk.lanes, self.background)
        jobs = (page.job, page.wizard.job)

        def idle() -> bool:
            return not any(job.running for job in jobs) and not any(lane.busy for lane in lanes)

        self.until(idle)
        page.desk.look()
        self.until(idle)

    def made(self, name: str, answers: list[str]) -> None:
        """A dataset with a row an answer."""
        with self.folders.create(name) as store:
            rows = (
                NewRow(
                    Example((Turn("user", f"Question {at}?"), Turn("assistant", answer))),
                    state="accepted",
                )
                for at, answer in enumerate(answers)
            )
            list(store.append_many(rows))

    def told(self) -> str:
        return " ".join(part for toast in self.notices.toasts for part in toast.sentences)

    def press_in_toast(self, text: str) -> None:
        for toast in self.notices.toasts:
            for button in toast.findChildren(QPushButton):
                if button.text() == text:
                    button.click()
                    return
        raise AssertionError(f"no toast offers {text!r}: {self.told()}")


@pytest.fixture
def stage(qtbot: QtBot, tmp_path: Path) -> Iterator[Stage]:
    made = Stage(qtbot, tmp_path / "data")
    yield made
    for toast in made.notices.toasts:
        toast.dismiss()
    assert made.page.close_all()
    made.background.close()


def test_a_table_with_its_own_names_is_mapped_looked_at_and_imported(
    stage: Stage, tmp_path: Path
) -> None:
    table = tmp_path / "sums.csv"
    rows = "".join(f"What is {n} + {n}?,{n + n}\n" for n in range(30))
    table.write_text(f"ask,told\n{rows}lonely\n", encoding="utf-8")
    stage.open()
    page, wizard = stage.page, stage.page.wizard
    page._drop.files_dropped.emit((table,))
    stage.until(lambda: wizard.previewed is not None)
    assert wizard.previewed is not None
    assert wizard.previewed["columns"] == ["ask", "told"]
    wizard.file_form.map_column("ask", "instruction")
    wizard.file_form.map_column("told", "output")
    wizard.go_on()
    stage.until(lambda: wizard.previewed is not None)
    assert wizard.preview.rowCount() == 10
    assert wizard.preview.item(3, 1).text() == "6"
    wizard.go_on()
    stage.settle()
    assert page.opened == "sums"
    with stage.folders.open("sums") as store:
        assert store.count() == 30
        assert store.row(4).item.answer == "6"
    assert "could not be used" in stage.told(), "the lonely line cost itself only"


def test_other_files_are_looked_at_anew(stage: Stage, tmp_path: Path) -> None:
    """After an estimate, and in place of files that were chosen before."""
    for name, columns in (("one", "ask,told"), ("two", "why,because")):
        (tmp_path / f"{name}.csv").write_text(f"{columns}\na,b\n", encoding="utf-8")
    stage.open()
    page, wizard = stage.page, stage.page.wizard
    page._begin_wizard()
    wizard.go_on()
    wizard.go_on()
    stage.until(lambda: wizard.previewed is not None)
    page._drop.files_dropped.emit((tmp_path / "one.csv",))
    page._drop.files_dropped.emit((tmp_path / "two.csv",))  # while the first is being read
    stage.until(lambda: wizard.previewed is not None)
    assert wizard.previewed is not None
    assert wizard.previewed["columns"] == ["why", "because"]
    wizard.file_form.set_paths([tmp_path / "one.csv"])
    assert wizard.previewed is None
    stage.until(lambda: wizard.previewed is not None)
    wizard.file_form.map_column("ask", "instruction")
    wizard.file_form.map_column("told", "output")
    wizard.go_on()
    stage.until(lambda: wizard.previewed is not None)
    assert wizard.preview.item(0, 0).text() == "a"
    wizard.leave()
    stage.settle()


def test_the_folder_of_a_hugging_face_dataset_is_mapped_and_keeps_its_splits(
    stage: Stage, tmp_path: Path
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = tmp_path / "sums"
    (folder / "data").mkdir(parents=True)
    for side, first in (("train", 0), ("validation", 20), ("test", 25)):
        rows = [{"ask": f"What is {n} + {n}?", "told": str(2 * n)} for n in range(first, first + 5)]
        table = pa.Table.from_pylist(rows)
        pq.write_table(table, folder / "data" / f"{side}-00000-of-00001.parquet")
    (folder / "README.md").write_text("---\nlicense: cc0-1.0\n---\n", encoding="utf-8")
    (folder / "sums.py").write_text("raise SystemExit('never run')", encoding="utf-8")
    stage.open()
    page, wizard = stage.page, stage.page.wizard
    page._drop.files_dropped.emit((folder,))
    stage.until(lambda: wizard.previewed is not None)
    wizard.file_form.map_column("ask", "instruction")
    wizard.file_form.map_column("told", "output")
    wizard.go_on()
    stage.until(lambda: wizard.previewed is not None)
    assert wizard.preview.item(2, 1).text() == "54", "files in the order of their names"
    wizard.go_on()
    stage.settle()
    with stage.folders.open("sums") as store:
        assert store.facets("split") == {"train": 5, "validation": 5, "held_out": 5}
        assert {row.item.answer for row in store.each(RowFilter(splits=("train",)))} == {
            "0", "2", "4", "6", "8"
        }  # fmt: skip


def test_a_row_is_shown_as_the_base_reads_it(stage: Stage) -> None:
    """The chat template of the real base, with how many tokens it comes to."""
    stage.base = Folders(stage.data).bundled_base
    with stage.folders.create("pairs") as store:
        prompt = (Turn("system", "Be brief."), Turn("user", "Which sea?"))
        store.append(PreferencePair(prompt, "The North Sea.", "No idea."), state="accepted")
        store.append(Example((*prompt, Turn("assistant", "The Baltic."))), state="accepted")
    stage.open()
    page, side = stage.page, stage.page.side
    page.open("pairs")
    stage.settle()
    assert side.rendered.text.startswith("<|im_start|>system\nBe brief.<|im_end|>")
    assert "<|im_start|>assistant\nThe North Sea.<|im_end|>" in side.rendered.text
    page.view.table.setCurrentIndex(page.view.model.index(1, 1))
    stage.settle()
    assert "<|im_start|>assistant\nThe Baltic.<|im_end|>" in side.rendered.text


def test_a_dataset_is_renamed_deleted_and_brought_back(stage: Stage) -> None:
    stage.made("first", ["1"])
    stage.open()
    page = stage.page
    assert [card.summary.name for card in page.home.grid.cards] == ["first"]
    page.home.rename("first", "second")
    stage.settle()
    assert stage.folders.names() == ["second"]
    page.home.rename("second", "Not A Name")
    stage.settle()
    assert "cannot be called" in stage.told()
    page.home.delete("second")
    stage.settle()
    assert not stage.folders.names()
    stage.press_in_toast("Undo")
    stage.settle()
    assert stage.folders.names() == ["second"]


def test_faults_are_found_shown_repaired_and_taken_back(stage: Stage) -> None:
    stage.made("mixed", ["fine", "odd <|im_end|>", "odder <|im_start|>", "also fine"])
    stage.open()
    page, side = stage.page, stage.page.side
    page.open("mixed")
    stage.settle()
    side.checks.run_button.click()
    stage.settle()
    (group,) = (one for one in side.checks.groups if one["check"] == "special_tokens")
    assert group["rows"] == [2, 3]
    side.checks.press(side.checks.groups.index(group))
    stage.settle()
    assert page.view.model.ids == [2, 3]
    side.checks.repair_wanted.emit(group["check"], group["repair"])
    stage.settle()
    with stage.folders.open("mixed") as store:
        assert store.row(2).item.answer.strip() == "odd"
        stage.press_in_toast("Undo")
        stage.settle()
        assert store.row(2).item.answer == "odd <|im_end|>"


def test_versions_are_kept_compared_and_returned_to(stage: Stage) -> None:
    stage.made("kept", ["red", "green", "blue"])
    stage.open()
    page = stage.page
    page.open("kept")
    stage.settle()
    page.side.versions.keep_wanted.emit("first")
    stage.settle()
    page.works.start_work("replace_text", {"old": "green", "new": "teal"})
    stage.settle()
    page.side.show_part("versions")
    stage.settle()
    (version,) = page.side.versions.versions
    assert version.note == "first"
    page.side.versions.diff_wanted.emit(version.id, None)
    stage.settle()
    assert "green" in page.view.diff.text
    assert "teal" in page.view.diff.text
    page.view.diff.left.emit()
    page.side.versions.restore_wanted.emit(version.id)
    stage.settle()
    with stage.folders.open("kept") as store:
        assert [row.item.answer for row in store.window()] == ["red", "green", "blue"]


def test_copied_rows_are_pasted_elsewhere_and_a_bad_line_costs_itself(stage: Stage) -> None:
    stage.made("from", ["one", "two"])
    stage.folders.create("to").close()
    stage.open()
    page = stage.page
    page.open("from")
    stage.settle()
    page.view.table.selectAll()
    page.view.copy()
    stage.settle()
    copied = QGuiApplication.clipboard().text()
    assert [json.loads(row)["messages"][1]["content"] for row in copied.splitlines()] == [
        "one",
        "two",
    ]
    page.open("to")
    stage.settle()
    page.view.paste_wanted.emit(copied + "not a row\n")
    stage.settle()
    assert len(page.view.model.ids) == 2
    assert "Line 3" in stage.told()


def test_rows_are_exported_as_they_are_shown(stage: Stage, tmp_path: Path) -> None:
    stage.made("out", ["=1+1", "plain"])
    stage.open()
    page = stage.page
    page.open("out")
    stage.settle()
    page.works.export_to(str(tmp_path / "out.csv"))
    stage.settle()
    assert "'=1+1" in (tmp_path / "out.csv").read_text(encoding="utf-8")
    page.view.filter.search.setText("plain")
    stage.until(lambda: page.view.filter.narrows)
    page.works.export_to(str(tmp_path / "out.jsonl"))
    stage.settle()
    assert len((tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()) == 1


def test_a_model_is_priced_before_it_is_asked(stage: Stage) -> None:
    stage.open()
    wizard = stage.page.wizard
    stage.page._begin_wizard()
    wizard.begin("", 1)
    wizard.go_on()
    stage.settle()
    assert not wizard.form.ready, "a provider that wants a key waits for one"
    wizard.model_form.set_request("ollama", "http://127.0.0.1:9/v1", "qwen3:8b", 40)
    stage.settle()
    wizard.go_on()
    stage.until(lambda: wizard.previewed is not None)
    assert wizard.previewed is not None
    assert wizard.previewed["usd"] == 0
    assert wizard.previewed["requests"] == 8
    assert "JSON" in wizard.previewed["prompt"]


def test_a_model_that_is_not_known_waits_for_its_price(stage: Stage) -> None:
    """A cap in money is as good as the price: without one it could not be held."""
    stage.open()
    page, wizard, form = stage.page, stage.page.wizard, stage.page.wizard.model_form
    page._begin_wizard()
    wizard.begin("", 1)
    wizard.go_on()
    stage.settle()
    form.set_request("openai", "https://api.openai.com/v1", "gpt-4o-mini", 40)
    form.hold_key(KEY)
    stage.settle()
    assert form.price.stated == (0.15, 0.60)
    assert form.ready
    form.set_request("openai", "https://api.openai.com/v1", "brand-new", 40)
    stage.settle()
    assert form.price.stated is None
    assert "what this model costs" in form.missing
    assert not form.ready
    form.price.input.setValue(2.0)
    form.price.output.setValue(4.0)
    assert form.ready
    wizard.go_on()
    stage.until(lambda: wizard.previewed is not None)
    assert wizard.previewed is not None
    assert wizard.previewed["usd"] > 0


def test_a_model_writes_rows_and_its_key_is_nowhere(stage: Stage, tmp_path: Path) -> None:
    """From the wizard to the table, by a server that limits, breaks and echoes the key."""
    faults = [Fault("status", 429, "0"), Fault("broken-json"), Fault("echo")]
    server = ProviderServer(Conduct(key=KEY, faults=faults))
    try:
        stage.open()
        page, wizard, form = stage.page, stage.page.wizard, stage.page.wizard.model_form
        page._begin_wizard()
        wizard.begin("", 1)
        wizard.go_on()
        stage.settle()
        form.set_request("openai", server.address(), "teacher-1", 20)
        form.hold_key(KEY)
        stage.settle()
        form.price.input.setValue(1.0)
        form.price.output.setValue(2.0)
        wizard.go_on()
        stage.until(lambda: wizard.previewed is not None)
        wizard.go_on()
        stage.settle()
        assert "refused the key" in stage.told()
        assert KEY not in stage.told()
        assert page.side.resumable, "a job that failed can be gone on with"
        page.side.resume_wanted.emit()
        stage.settle()
        assert "20 rows added" in stage.told(), stage.told()
        assert "That took" in stage.told()
        assert "$" in stage.told()
        store = page.desk.store
        assert store is not None
        assert store.facets("state") == {"pending": 20}
        assert sorted(server.replied) == sorted(
            json.loads(row.item.answer)["number"]  # type: ignore[union-attr]
            for row in store.window(limit=100)
        )
    finally:
        server.close()
    assert files_with_key(tmp_path) == []
    assert KEY not in stage.told()
    book = load_book(stage.data)
    assert book.prices["openai/teacher-1"].output_usd == 2.0, "a price that was given is kept"


def test_the_base_of_this_machine_writes_rows_with_its_experts(
    stage: Stage, tmp_path: Path
) -> None:
    """The real base, in the job's child: the window's process loads no second one."""
    install_bundled(bundled_experts_folder(), Library(tmp_path / "data" / "library"))
    stage.open()
    page, wizard, form = stage.page, stage.page.wizard, stage.page.wizard.model_form
    page._begin_wizard()
    wizard.begin("", 1)
    wizard.go_on()
    form.set_request("local", "", "", 1)
    stage.until(lambda: "json-parser" in form.local.experts.rows)
    tick, weight = form.local.experts.rows["json-parser"]
    tick.setChecked(True)
    weight.setValue(0.5)
    assert form.ready, "neither key nor address is wanted"
    assert form.local.base.isVisible()
    assert not form.local.base.currentText().startswith("/")
    wizard.go_on()
    stage.until(lambda: wizard.previewed is not None)
    assert wizard.previewed is not None
    assert wizard.previewed["requests"] == 1, "one row a request: it is held to a row's shape"
    needed = wizard.previewed["memory_bytes"]
    heard: list[JobProgress] = []
    results: list[dict[str, object]] = []
    page.job.progressed.connect(heard.append)
    page.job.finished.connect(results.append)
    wizard.go_on()
    stage.until(lambda: bool(results or stage.told()) and not page.job.running)
    assert results, stage.told()
    assert "That took" in stage.told()
    # a base of 12 million weights may write what cannot be used; every answer is told
    assert results[0]["end"] in {"done", "exhausted"}
    store = page.desk.store
    assert store is not None
    assert store.count() == results[0]["pending"]
    (journal,) = store.folder.glob("teacher-*.journal")
    told = [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]
    replies = [one["reply"]["text"] for one in told if one["kind"] == "reply"]
    assert replies
    assert all(text.lstrip().startswith("{") for text in replies)
    for row in store.window():
        origin = store.provenance(row.hash)
        assert origin is not None
        assert (origin.provider, origin.model) == ("local", "base+json-parser=0.5")
    held = [told.facts["memory_bytes"] for told in heard if "memory_bytes" in told.facts]
    assert held, "what the child's base takes is told"
    print(f"\nlocal base: {max(held) / 1e6:.0f} MB held, {needed / 1e6:.0f} MB foreseen")


def test_a_base_without_room_is_not_begun(stage: Stage) -> None:
    stage.open()
    page, wizard = stage.page, stage.page.wizard
    page._begin_wizard()
    wizard.begin("", 1)
    wizard.go_on()
    wizard.model_form.set_request("local", "", "", 3)
    stage.until(lambda: wizard.model_form.ready)
    settings.save(Settings(base=str(_giant(stage.data))), Folders(stage.data))
    wizard.model_form.local.refresh()
    stage.settle()
    wizard.model_form.local.base.setCurrentIndex(1)
    wizard.go_on()
    stage.until(lambda: wizard.previewed is not None)
    assert wizard.previewed is not None
    assert not wizard.previewed["fits"]
    begin = next(one for one in wizard.findChildren(QPushButton) if one.text() == "Begin")
    assert not begin.isEnabled()


def _giant(data: Path) -> Path:
    """The configuration of a base that no machine of today holds."""
    folder = data / "bases" / "giant"
    folder.mkdir(parents=True)
    bundled = Folders(data).bundled_base
    shape = json.loads((bundled / "config.json").read_text(encoding="utf-8"))
    shape["num_hidden_layers"] = 1_000_000
    (folder / "config.json").write_text(json.dumps(shape), encoding="utf-8")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes((bundled / name).read_bytes())
    return folder
