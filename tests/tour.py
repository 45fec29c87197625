"""Drives the real window through every page and state and writes pictures of it.

    python tests/tour.py DIR [--only NAME] [--part NAME]

Each state comes in light and dark, at 1280x800 and 1920x1080. Needs no display: without
one, Qt's offscreen platform draws. Uses the real base and, once packed, the real experts.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
if sys.platform.startswith("linux") and not (
    os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QDeadlineTimer, QEventLoop
from PySide6.QtWidgets import QApplication, QDialog, QPlainTextEdit, QPushButton

from expert_studio.app import Studio
from expert_studio.core.datasets.document_prompt import DocumentLabel
from expert_studio.core.datasets.examples import Example
from expert_studio.core.datasets.row_body import Item
from expert_studio.core.datasets.store_changes import ReplaceRows
from expert_studio.core.datasets.store_rows import RowFilter
from expert_studio.core.errors import CrashReport, StorageError
from expert_studio.core.inference.history import Composition, Conversation, Turn
from expert_studio.core.settings import Folders
from expert_studio.views.notices import Notices
from expert_studio.views.widgets.correction_dialog import CorrectionDialog, DatasetDialog
from expert_studio.views.widgets.dataset_dialogs import SplitDialog
from expert_studio.views.widgets.label_dialog import LabelDialog
from tests import library_tour, tour_training
from tests.demonstration_experts import experts_to_show

PARTS = ("first_run", "chat", "notices", "library", "datasets", "training", "settings")
SIZES = ((1280, 800), (1920, 1080))
DATASET_ROWS = int(os.environ.get("TOUR_DATASET_ROWS", "20000"))
PROMPT = (
    "Extract name, job and city as JSON: Maria Silva works as a nurse in Porto. "
    "She is 34 years old."
)
NEXT_PROMPT = (
    "Extract name, age and city as JSON.\n\nMaria Silva is 34 years old and works in Porto."
)
LONG_PROMPT = (
    "Extract name, age, city, phone, email, street, country, job, company, price, date, time, "
    "event, product and total as JSON: Maria Silva is 34 and lives in Porto."
)
FORMATTED = """The mail is a **supplier invoice**. These are its fields:

```json
{
  "vendor": "Brightline Supplies",
  "date": "2026-03-14",
  "total": 1284.50,
  "currency": "EUR"
}
```

1. `vendor` comes from the greeting
2. `date` was written as *14 March*

| field | found |
| --- | --- |
| vendor | yes |
| total | yes |

> Due within 30 days, see [the terms](https://example.org/terms).
"""


class Tour:
    """One window, driven by hand."""

    def __init__(self, application: QApplication, folder: Path, only: str, part: str) -> None:
        self._application = application
        self._folder = folder
        self._only = only
        self._part = part
        self._home = tempfile.TemporaryDirectory()
        home = Path(self._home.name)
        self._experts = experts_to_show(home / "bundled")
        self.folders = Folders(home / "data")
        self.studio = Studio(application, self.folders, bundled_experts=self._experts)

    def run(self) -> None:
        try:
            self._take()
        finally:
            self.studio.close()
            self._home.cleanup()

    def settle(self, seconds: float = 0.15) -> None:
        """Lets Qt work for a while."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._application.processEvents(
                QEventLoop.ProcessEventsFlag.AllEvents, QDeadlineTimer(20)
            )

    def until(self, reached: Callable[[], bool], what: str, limit_s: float = 300) -> None:
        end = time.monotonic() + limit_s
        while not reached():
            if time.monotonic() > end:
                raise TimeoutError(f"{what} did not come within {limit_s:.0f} s")
            self.settle(0.02)

    def picture(self, name: str) -> None:
        """The state as it is, four times."""
        if self._only and self._only not in name:
            return
        for theme in ("light", "dark"):
            for width, height in SIZES:
                self.studio.theme.apply(theme)
                self.studio.window.resize(width, height)
                self.settle()
                path = self._folder / f"{name}-{theme}-{width}x{height}.png"
                self.studio.window.grab().save(str(path))
        self.studio.theme.apply("light")
        self.studio.window.resize(*SIZES[0])
        self.settle()

    def large(self, name: str) -> None:
        """The state as it is, with type half as large again."""
        self.studio.theme.apply("light", 150)
        self.settle()
        self.picture(f"{name}-large-text")
        self.studio.theme.apply("light", 100)
        self.settle()

    def _take(self) -> None:
        studio = self.studio
        studio.open()
        self.settle()
        self.picture("00-loading")
        self.until(lambda: studio.loaded_base() is not None, "the base")
        self.until(lambda: len(studio.chat_page.composer.rows) > 1, "the experts")
        self._tour_of_three()
        for part in PARTS:
            if self._part in ("", part):
                getattr(self, f"_{part}")()

    def _tour_of_three(self) -> None:
        """What the first start shows by itself."""
        first = self.studio.first_start
        self.until(lambda: first.tour is not None, "the tour")
        assert first.tour is not None
        self.settle()
        self.picture("00b-tour")
        first.tour.end()
        self.settle()

    def _settings(self) -> None:
        self.studio.window.show_page("settings")
        self.settle(0.4)
        self.picture("30-settings")
        self.large("31-settings")
        shell = self.studio.shell
        shell.open_palette()
        self.settle(0.5)
        assert shell.palette is not None
        self._pictured_dialog(shell.palette, "32-palette")
        shell.open_sheet()
        assert shell.sheet is not None
        self._pictured_dialog(shell.sheet, "33-shortcuts")

    def _first_run(self) -> None:
        task = self.studio.chat_page.first_task
        self.settle()
        self.picture("01-first-run")
        task.run()
        self.until(lambda: any(answer.text for answer in task.answers), "a first word")
        self.picture("02-first-run-streaming")
        self.until(lambda: not task.running, "three answers")
        self.picture("03-first-run-answered")
        task.left.emit()
        self.settle()
        self.picture("04-empty-chat")
        self.large("04b-empty-chat")

    def _chat(self) -> None:
        studio, page = self.studio, self.studio.chat_page
        page.composer.add("document-classifier")
        if "english-basic" in {row.name for row in page.composer.rows}:
            page.composer.add("english-basic")
        page.prompt.set_text(PROMPT)
        self.settle()
        self.picture("05-composed")
        page.prompt.sent.emit(PROMPT)
        self.until(lambda: bool(page.transcript.answers[-1].text), "streamed text")
        self.picture("06-streaming")
        self.until(lambda: not studio.dialogue.busy, "the whole answer")
        self.settle()
        self.picture("07-answered")
        page.prompt.sent.emit(LONG_PROMPT)
        self.until(lambda: len(page.transcript.answers[-1].text) > 40, "a long answer")
        studio.dialogue.stop()
        self.until(lambda: not studio.dialogue.busy, "the end of the answer")
        self.picture("07b-stopped")
        page.composer.rows[0].weighed.emit("json-parser", 0.6)
        page.prompt.sent.emit(NEXT_PROMPT)
        self.until(lambda: not studio.dialogue.busy, "the second answer")
        self.settle()
        self.picture("08-not-as-trained")
        self.large("08-not-as-trained")
        self._answers()
        self._formatted()

    def _answers(self) -> None:
        """A stack changed under way, a long prompt being read, what is said of an answer."""
        studio, page = self.studio, self.studio.chat_page
        page.prompt.sent.emit(LONG_PROMPT)
        self.until(lambda: len(page.transcript.answers[-1].text) > 10, "streamed text")
        page.composer.rows[0].weighed.emit("json-parser", 0.9)
        self.until(lambda: bool(page.transcript.answers[-1].changes), "another stack")
        self.picture("08b-stack-changed-streaming")
        self.until(lambda: not studio.dialogue.busy, "the whole answer")
        self.settle()
        self.picture("08c-stack-changed")
        page.transcript.answers[-1].show_read(512, 3_072)
        self.picture("08d-reading")
        page.transcript.answers[-1].show_read(1, 1)
        page.prompt.show_grammar("json-parser", "grammar", True)
        page.transcript.answers[-1].mark("good")
        studio.notices.toast("Kept in “corrections” as a good answer.", "Undo", self.settle)
        self.settle()
        self.picture("08e-judged")
        self.clear_toasts()
        page.prompt.show_grammar("", "", False)
        said = page.transcript.answers[-1].text
        writing = CorrectionDialog(said, ["corrections", "invoices"], "invoices", page)
        self._pictured_dialog(writing, "08f-correct")
        self._pictured_dialog(DatasetDialog([], "", page), "08g-dataset")
        label = DocumentLabel("log", "en", ("nginx",))
        labelling = LabelDialog("deploy/site.conf", label, ["labels"], "labels", page)
        self._pictured_dialog(labelling, "08h-label")

    def _formatted(self) -> None:
        """A conversation whose answer holds every kind of block."""
        studio = self.studio
        last = studio.dialogue.turns[-1]
        kept = Conversation.begun("Extract invoice fields", Composition({"json-parser": 1.0}))
        studio.history.create(kept)
        studio.history.add(kept.id, Turn.said(PROMPT))
        stack, sampling, timing = last.stack, last.sampling, last.timing
        assert stack is not None
        assert sampling is not None
        answer = Turn.begun(stack, sampling)
        studio.history.add(
            kept.id,
            Turn(
                answer.id, "assistant", FORMATTED, "finished", answer.at_s, stack, sampling, timing
            ),
        )
        studio.chat_page._shelf.refresh()
        studio.dialogue.open(kept)
        self.settle(0.4)
        self.picture("09-formatted")
        self.large("09b-formatted")

    def _notices(self) -> None:
        notices: Notices = self.studio.notices
        notices.error(
            StorageError(
                "Your conversation could not be saved.",
                "No space left on device.",
                "Free some space; what is on screen can still be copied.",
            )
        )
        notices.toast("“Extract invoice fields” was deleted.", "Undo", self.settle)
        self.settle()
        self.picture("10-notices")
        for toast in notices.toasts:
            toast.dismiss()
        self._crash()

    def _crash(self) -> None:
        try:
            raise ValueError("a defect made for this picture")
        except ValueError as defect:
            self.studio.notices.crash(CrashReport.of(defect, "the tour"))
        self.settle()
        dialog = self._application.activeModalWidget()
        if dialog is not None and (not self._only or self._only in "11-crash"):
            for theme in ("light", "dark"):
                self.studio.theme.apply(theme)
                self.settle()
                dialog.grab().save(str(self._folder / f"11-crash-{theme}.png"))
        if dialog is not None:
            dialog.close()
        self.settle()

    def _library(self) -> None:
        library_tour.take(self)

    def _datasets(self) -> None:
        page = self.studio.datasets_page
        self.studio.window.show_page("datasets")
        self.settle(0.4)
        self.picture("40-datasets-empty")
        wizard = page.wizard
        page.findChild(QPushButton, "first dataset").click()
        self.picture("41-datasets-source")
        wizard.rule_form.set_request("cypher", DATASET_ROWS)
        wizard.go_on()
        self.settle(0.3)
        self.picture("42-datasets-rule")
        wizard.go_on()
        self.until(lambda: wizard.previewed is not None, "the first rows")
        self.picture("43-datasets-preview")
        wizard.go_on()
        self.until(lambda: len(page.view.model.ids) > 3000, "rows")
        self.settle(1.5)
        self.picture("44-datasets-running")
        self.until(lambda: not page.job.running, "all rows", 300)
        self.until(lambda: page.view.settled, "the table")
        self.clear_toasts()
        self.settle(1.2)
        self.picture("45-datasets-table")
        self._dataset_changes()
        self._dataset_sources()

    def _dataset_changes(self) -> None:
        page = self.studio.datasets_page
        view, side = page.view, page.side
        view.filter.set_wanted(RowFilter(search="CONTROLS", tasks=("path", "collect")))
        self.until(lambda: view.settled, "the filtered rows")
        self.settle(0.4)
        self.picture("46-datasets-filter")
        view.table.setCurrentIndex(view.model.index(2, 1))
        self.until(lambda: side.editor.row is not None and view.settled, "the row")
        side.editor.focus()
        fields = side.editor.findChildren(QPlainTextEdit)
        fields[1].selectAll()
        fields[1].insertPlainText("MATCH (b:Building) RETURN b.name")
        self.settle(0.3)
        self.picture("47-datasets-edit")
        side.editor.save()
        view.table.selectAll()
        self.settle(0.3)
        view.set_state("rejected")
        self.until(lambda: page.desk.busy or True, "the change")
        self.settle(1.5)
        self.picture("48-datasets-bulk")
        page.desk.undo()
        self.clear_toasts()
        view.filter.clear()
        self.settle(1.0)
        page.works.split(0.8, 0.1, 0.1, 1)
        self.until(lambda: not page.job.running, "the split")
        page.works.start_work("keep_version", {"note": "as generated"})
        self.until(lambda: not page.job.running, "a version")
        self._spoil_rows()
        page.works.start_work("check", {})
        self.until(lambda: not page.job.running, "the checks", 300)
        self.clear_toasts()
        self.until(lambda: view.settled, "the table")
        self.settle(1.2)
        self.picture("49-datasets-checks")
        side.checks.press(0)
        self.until(lambda: view.settled, "the rows found")
        self.settle(0.5)
        self.picture("50-datasets-finding")
        view.filter.clear()
        side.show_part("versions")
        self.until(lambda: bool(side.versions.versions), "the versions")
        self.settle(0.8)
        self.picture("51-datasets-versions")
        side.versions.diff_wanted.emit(1, None)
        self.until(lambda: bool(view.diff.text), "the comparison")
        self.settle(0.5)
        self.picture("52-datasets-diff")
        view.diff.left.emit()
        self._pictured_dialog(SplitDialog(page), "53-datasets-split")
        page.show_home()
        self.settle(0.8)
        self.picture("54-datasets-home")

    def _spoil_rows(self) -> None:
        """Faults for the checks to find."""
        page = self.studio.datasets_page
        store = page.desk.store
        assert store is not None
        changed: dict[int, Item] = {}
        for at, row in enumerate(store.window(limit=60)):
            item = row.item
            assert isinstance(item, Example)
            spoilt = (
                "MATCH (p:Person RETURN p",
                item.answer + "<|im_end|>",
                item.answer + " // mail anna.berg@example.org",
            )[at % 3]
            changed[row.id] = replace(
                item, turns=(*item.turns[:-1], replace(item.turns[-1], content=spoilt))
            )
        store.perform(ReplaceRows(changed))

    def _dataset_sources(self) -> None:
        wizard = self.studio.datasets_page.wizard
        page = self.studio.datasets_page
        page._begin_wizard()
        wizard.begin("", 1)
        wizard.go_on()
        wizard.model_form.set_request("ollama", "http://127.0.0.1:11434/v1", "qwen3:8b", 500)
        self.settle(0.5)
        self.picture("55-datasets-model")
        wizard.go_on()
        self.until(lambda: wizard.previewed is not None, "the estimate")
        self.picture("56-datasets-estimate")
        wizard.begin("", 1)
        wizard.go_on()
        wizard.model_form.set_request("local", "", "", 200)
        self.until(lambda: bool(wizard.model_form.local.experts.rows), "the experts")
        next(iter(wizard.model_form.local.experts.rows.values()))[0].setChecked(True)
        self.settle(0.5)
        self.picture("55b-datasets-local")
        wizard.go_on()
        self.until(lambda: wizard.previewed is not None, "the estimate")
        self.picture("56b-datasets-local-estimate")
        table = self._folder / "orders.csv"
        table.write_text(
            "ask,reply,level\n" + "".join(f"What is {n} + {n}?,{n + n},easy\n" for n in range(40))
        )
        wizard.import_paths([table])
        self.until(lambda: wizard.previewed is not None, "the columns")
        wizard.file_form.map_column("ask", "instruction")
        wizard.file_form.map_column("reply", "output")
        self.settle(0.3)
        self.picture("57-datasets-import")
        wizard.go_on()
        self.until(lambda: wizard.previewed is not None, "the first rows")
        self.picture("58-datasets-import-preview")
        table.unlink()
        wizard.leave()
        self.settle()

    def _training(self) -> None:
        tour_training.take(self)

    def dialog_picture(self, dialog: QDialog, name: str) -> None:
        """A window that is open, as it is, in light and dark."""
        if self._only and self._only not in name:
            return
        for theme in ("light", "dark"):
            self.studio.theme.apply(theme)
            self.settle()
            dialog.grab().save(str(self._folder / f"{name}-{theme}.png"))
        self.studio.theme.apply("light")
        self.settle()

    def _pictured_dialog(self, dialog: QDialog, name: str) -> None:
        dialog.open()
        for theme in ("light", "dark"):
            self.studio.theme.apply(theme)
            self.settle()
            dialog.grab().save(str(self._folder / f"{name}-{theme}.png"))
        self.studio.theme.apply("light")
        dialog.close()
        self.settle()

    def clear_toasts(self) -> None:
        for toast in self.studio.notices.toasts:
            toast.dismiss()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="", help="a part of the names of the pictures")
    parser.add_argument("--part", default="", choices=PARTS, help="this part alone")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    application = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(application, QApplication)
    Tour(application, given.folder, given.only, given.part).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
