"""The Library page in the real window with many experts, and how long the window stood still.

Reading, listing, filtering and the graph of 200 and of 1,000 experts; the longest gap of the
event loop is printed by phase (`-m long -s`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from expert_studio.app import Studio
from expert_studio.composition.pages import MADE_LATE
from expert_studio.core.experts.library import Library
from expert_studio.core.settings import Folders
from expert_studio.runtime.event_loop_watch import EventLoopWatch
from expert_studio.views.widgets.composer_rows import MOST_OTHERS
from tests.fake_engine import FakeEngine, factory_of
from tests.large_library import fill_library
from tests.studio_driver import Person

STUCK_MS = 5_000  # no measure: above it the window would be dead, not slow


@pytest.fixture(params=[200, 1000])
def crowded(
    request: pytest.FixtureRequest, qapp: QApplication, qtbot: QtBot, tmp_path: Path
) -> Iterator[Person]:
    """The window over a library of so many experts, past its start."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "settings.json").write_text('{"first_run_done": true}')
    fill_library(Library(Folders(data).library), request.param)
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    studio = Studio(qapp, Folders(data), factory_of(FakeEngine()), bundled_experts=nothing)
    studio.open()
    person = Person(studio, qtbot)
    person.until(lambda: studio.loaded_base() is not None)
    person.until(lambda: not studio.background.busy)
    person.until(lambda: all(map(studio.window.is_made, MADE_LATE)))
    person.until(lambda: not studio.background.busy)
    yield person
    studio.window.close()
    studio.window.deleteLater()
    qapp.setStyleSheet("")


@pytest.mark.long
def test_many_experts_are_listed_filtered_and_drawn(
    crowded: Person, qtbot: QtBot, capsys: pytest.CaptureFixture[str]
) -> None:
    studio = crowded.studio
    page, shelf = studio.library_page, studio.library_page.shelf
    watch = EventLoopWatch()
    watch.start()
    watch.enter("reading and showing")
    studio.window.show_page("library")
    crowded.until(lambda: len(page.contents.experts) >= 200 and not page.busy)
    count = len(page.contents.experts)
    qtbot.wait(300)

    watch.enter("searching, a letter at a time")
    for typed in ("p", "py", "pyt", "pyth", "python", ""):
        page._search.setText(typed)
        qtbot.wait(30)
    assert len(shelf.names) == count

    watch.enter("facets and orders")
    shelf.filter.menu("licence").choose("MIT")
    qtbot.wait(30)
    assert 0 < len(shelf.names) < count
    shelf.filter.menu("licence").choose("")
    shelf.filter.set_tier("technology")
    qtbot.wait(30)
    shelf.filter.set_tier("")
    shelf.filter.set_order("score")
    qtbot.wait(30)

    watch.enter("scrolling the cards")
    bar = shelf.cards.verticalScrollBar()
    for step in range(40):
        bar.setValue(bar.maximum() * step // 40)
        qtbot.wait(10)

    watch.enter("the list")
    shelf.filter.set_form("list")
    qtbot.wait(30)
    shelf.table.horizontalHeader().setSortIndicator(0, Qt.SortOrder.DescendingOrder)
    qtbot.wait(30)

    watch.enter("the graph: whole, zoomed, pulled")
    shelf.filter.set_form("graph")
    qtbot.wait(100)
    view = shelf.graph.view
    for step in range(12):
        wheel(view.viewport(), 120 if step < 6 else -120)
        qtbot.wait(10)
    for step in range(30):
        view.horizontalScrollBar().setValue(20 * step)
        view.verticalScrollBar().setValue(60 * step)
        qtbot.wait(10)

    watch.enter("the graph: searched, chosen, narrowed")
    qtbot.keyClicks(shelf.graph.search, "python")
    qtbot.keyClick(shelf.graph.search, Qt.Key.Key_Return)
    assert page.details.expert_name
    shelf.graph.around.click()
    qtbot.wait(50)
    assert len(shelf.graph.shown_names) < count
    shelf.graph.around.click()
    qtbot.wait(50)

    watch.enter("the window is made larger")
    studio.window.resize(1700, 1000)
    qtbot.wait(100)

    watch.enter("the composer: shown, searched, ticked")
    studio.window.show_page("chat")
    composer = studio.chat_page.composer
    crowded.until(composer.isVisible)
    assert len(composer.rows) == MOST_OTHERS
    qtbot.keyClicks(composer.choices.search, "rust-strict")
    qtbot.wait(30)
    crowded.tick(composer.rows[0].name)
    composer.choices.search.clear()
    qtbot.wait(30)
    assert composer.stack.members
    watch.stop()
    crowded.until(lambda: not page.busy and not studio.background.busy)
    with capsys.disabled():
        for gap in watch.longest():
            print(f"\n  {count} experts, {gap.phase}: longest gap {gap.gap_ms:.0f} ms", end="")
    assert not watch.gaps_over(STUCK_MS)


def wheel(target: object, angle: int) -> None:
    """Ctrl and the wheel over the middle of a widget."""
    event = QWheelEvent(
        QPointF(200, 150),
        QPointF(200, 150),
        QPoint(),
        QPoint(0, angle),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.ControlModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(target, event)  # type: ignore[arg-type]
