"""Every page without a mouse and without eyes: Tab reaches all, in order, and all has a name."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from expert_studio.core.settings import Folders
from expert_studio.views.widgets.reading_order import tab_stops
from tests.accessibility import faults_of, out_of_order, unreached, walk_by_tab
from tests.fake_engine import FakeEngine
from tests.studio_driver import Person
from tests.synthetic_runs import write_run
from tests.views.conftest import Opened


class Inspector:
    """Looks at one state after another and keeps what is wrong."""

    def __init__(self, qtbot: QtBot, person: Person) -> None:
        self.faults: dict[str, list[str]] = {}
        self._qtbot = qtbot
        self._person = person

    def inspect(self, state: str, part: QWidget) -> None:
        window = self._person.studio.window
        QApplication.processEvents()
        stops = walk_by_tab(self._qtbot, window, tab_stops(window)[0])
        here = [stop for stop in stops if part.isAncestorOf(stop)]
        found = faults_of(part) + unreached(part, stops) + out_of_order(here, window)
        if found:
            self.faults[state] = found


def test_all_pages_are_reached_and_told(qtbot: QtBot, opened: Opened) -> None:
    person = opened(FakeEngine())
    studio, until = person.studio, person.until
    inspector = Inspector(qtbot, person)
    until(lambda: QApplication.activeWindow() is not None)
    until(lambda: studio.window.is_made("train"))
    inspector.inspect("rail", studio.window.rail)
    inspector.inspect("chat, empty", studio.chat_page)
    person.type_and_send("Where is Porto?")
    until(lambda: not studio.dialogue.busy)
    inspector.inspect("chat, answered", studio.chat_page)
    _library(inspector, person)
    _datasets(inspector, person)
    _training(inspector, person)
    studio.window.show_page("settings")
    until(lambda: not studio.background.busy)
    inspector.inspect("settings", studio.settings_page)
    told = [f"{state}: {fault}" for state, faults in inspector.faults.items() for fault in faults]
    assert not told, "\n".join(told)


def _library(inspector: Inspector, person: Person) -> None:
    studio = person.studio
    studio.window.show_page("library")
    person.until(lambda: not studio.library_page.busy)
    inspector.inspect("library", studio.library_page)
    studio.library_page.choose("document-classifier")
    inspector.inspect("library, details", studio.library_page)


def _datasets(inspector: Inspector, person: Person) -> None:
    page, until = person.studio.datasets_page, person.until
    person.studio.window.show_page("datasets")
    until(lambda: not person.studio.background.busy)
    inspector.inspect("datasets, empty", page)
    page.begin_wizard()
    inspector.inspect("datasets, source", page)
    page.wizard.rule_form.set_request("cypher", 20)
    page.wizard.go_on()
    inspector.inspect("datasets, rule", page)
    page.wizard.go_on()
    until(lambda: page.wizard.previewed is not None)
    inspector.inspect("datasets, preview", page)
    page.wizard.go_on()
    until(lambda: not page.job.running and len(page.view.model.ids) == 20)
    until(lambda: page.view.settled)
    inspector.inspect("dataset", page)
    for part in ("checks", "versions"):
        page.side.show_part(part)
        inspector.inspect(f"dataset, {part}", page)


def _training(inspector: Inspector, person: Person) -> None:
    page, until = person.studio.train_page, person.until
    person.studio.window.show_page("train")
    inspector.inspect("training, empty", page)
    page.begin_wizard()
    until(lambda: bool(page.wizard.fault) or bool(page.wizard.memory))
    for depth in range(3):
        page.wizard.go_to(depth)
        inspector.inspect(f"training, depth {depth}", page)
    page.wizard.leave()
    runs = Folders(person.studio._folders.data).runs
    done = write_run(runs, "cypher-basics", 60, 60, "finished", seed=2)
    live = write_run(runs, "neo4j-cypher", 30, 60)
    with live.worker_lock():
        until(lambda: len(page.home.rows) == 2)
        inspector.inspect("training, runs", page)
        inspector.inspect("rail with a job", person.studio.window.rail)
        page.open(done.identifier)
        until(lambda: bool(page.view.portraits))
        inspector.inspect("training, a run", page)


def test_first_start_and_dialogs_are_told(qtbot: QtBot, opened: Opened) -> None:
    person = opened(FakeEngine())
    studio = person.studio
    shown: list[tuple[str, Callable[[], object], Callable[[], QWidget | None]]] = [
        ("palette", studio.shell.open_palette, lambda: studio.shell.palette),
        ("sheet", studio.shell.open_sheet, lambda: studio.shell.sheet),
        ("log", studio._log_links.open, lambda: studio._log_links.viewer),
        ("tour", studio.first_start.show_tour, lambda: studio.first_start.tour),
    ]
    faults = {}
    for name, open_it, found in shown:
        open_it()
        part = found()
        assert part is not None
        person.until(part.isVisible)
        if told := faults_of(part):
            faults[name] = told
        part.close() if name != "tour" else studio.first_start.tour.end()  # type: ignore[union-attr]
    assert faults == {}
