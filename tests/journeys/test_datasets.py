"""Make a dataset by rule in the real window; filter, sort, edit, reject and undo meanwhile.

The longest standstill of the event loop is printed, phase by phase. The same journey with
100,000 rows is marked `long`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QPlainTextEdit, QPushButton
from pytestqt.qtbot import QtBot

from expert_studio.app import Studio
from expert_studio.core.datasets.store_folder import DatasetFolders
from expert_studio.core.settings import Folders
from expert_studio.runtime.event_loop_watch import EventLoopWatch
from tests.fake_engine import FakeEngine, factory_of
from tests.studio_driver import Person

STUCK_MS = 5_000  # no measure: above it the window would be dead, not slow
LONG_MS = 900_000


@pytest.fixture
def studio(qapp: QApplication, tmp_path: Path) -> Iterator[Studio]:
    nothing_bundled = tmp_path / "nothing"
    nothing_bundled.mkdir()
    made = Studio(qapp, Folders(tmp_path / "data"), factory_of(FakeEngine()), nothing_bundled)
    made.open()
    yield made
    made.window.close()
    made.window.deleteLater()
    qapp.setStyleSheet("")


@pytest.mark.parametrize(
    "rows", [1500, pytest.param(100_000, marks=pytest.mark.long)], ids=["short", "100,000"]
)
def test_rows_are_made_filtered_edited_and_taken_back(
    studio: Studio,
    qtbot: QtBot,
    rows: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    person = Person(studio, qtbot)
    page = studio.datasets_page
    view, side, wizard = page.view, page.side, page.wizard
    watch = EventLoopWatch(studio)
    watch.start()

    def until(reached: Callable[[], bool]) -> None:
        qtbot.waitUntil(reached, timeout=LONG_MS)

    def press(button: QPushButton) -> None:
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)

    studio.window.show_page("datasets")
    first = page.findChild(QPushButton, "first dataset")
    assert first is not None
    until(first.isVisible)
    press(first)
    wizard.rule_form.set_request("cypher", rows)
    wizard.go_on()
    wizard.go_on()
    until(lambda: wizard.previewed is not None)
    assert wizard.preview.rowCount() == 10
    watch.enter("generating")
    wizard.go_on()
    until(lambda: bool(view.model.ids))
    assert page.job.running

    watch.enter("generating and filtering")
    qtbot.keyClicks(view.filter.search, "MATCH")
    until(lambda: view.filter.wanted.search == "MATCH")
    until(lambda: view.settled or page.job.running)
    view.table.sortByColumn(6, Qt.SortOrder.DescendingOrder)
    view.table.scrollToBottom()
    qtbot.wait(300)
    view.table.scrollToTop()
    view.filter.clear()

    watch.enter("generating and editing")
    until(lambda: side.editor.row is not None)
    row = side.editor.row
    assert row is not None
    answer = side.editor.findChildren(QPlainTextEdit)[1]
    answer.selectAll()
    qtbot.keyClicks(answer, "RETURN 1 AS one")
    side.editor.save()
    until(lambda: side.editor.row is not None and side.editor.row.hash != row.hash)

    watch.enter("generating")
    until(lambda: not page.job.running)
    until(lambda: view.settled)
    store = DatasetFolders(tmp_path / "data" / "datasets").open(page.opened)
    with store:
        assert store.count() == rows
        assert store.row(row.id).item.answer == "RETURN 1 AS one"

        watch.enter("scrolling")
        bar = view.table.verticalScrollBar()
        for step in range(40):
            bar.setValue(bar.maximum() * step // 40)
            qtbot.wait(10)

        watch.enter("rejecting all, and undo")
        view.table.setFocus()
        view.table.selectAll()
        assert len(view.table.selected_ids) == rows
        qtbot.keyClick(view.table, Qt.Key.Key_R)
        until(lambda: view.overview is not None and view.overview.facets["state"] == {
            "rejected": rows})  # fmt: skip
        page.desk.undo()
        until(lambda: "rejected" not in view.overview.facets["state"] and view.settled)
        assert store.facets("state") == {"accepted": rows}
        page.desk.undo()
        until(lambda: store.row(row.id).hash == row.hash)

        watch.enter("splitting")
        page.works.split(0.8, 0.1, 0.1, 1)
        until(lambda: not page.job.running)
        assert set(store.facets("split")) == {"train", "validation", "held_out"}
        watch.enter("keeping a version")
        page.works.start_work("keep_version", {"note": ""})
        until(lambda: not page.job.running)
        watch.enter("checking")
        page.works.start_work("check", {})
        until(lambda: not page.job.running)
        assert side.part == "checks"
        until(lambda: view.settled)
    watch.stop()
    person.until(lambda: not page.desk.busy)
    with capsys.disabled():
        for gap in watch.longest():
            print(f"\n  {rows} rows, {gap.phase}: longest gap {gap.gap_ms:.0f} ms", end="")
        for phase, gap_ms in watch.stopped:
            print(f"\n  {phase}: the process was stopped from outside for {gap_ms:.0f} ms", end="")
    assert not watch.gaps_over(STUCK_MS)
