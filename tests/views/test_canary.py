"""A package is tried apart, base against expert, and leaves nothing behind."""

from __future__ import annotations

import threading
from pathlib import Path

from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from tests.expert_factory import expert_file
from tests.fake_engine import FakeEngine
from tests.studio_driver import Person
from tests.views.conftest import Opened


def tried(person: Person, qtbot: QtBot, package: Path) -> None:
    studio = person.studio
    person.drop([package])
    installs = studio.library_page.installs
    person.until(lambda: installs.sheet is not None)
    assert installs.sheet is not None
    assert installs.sheet.try_button.isVisible()
    qtbot.mouseClick(installs.sheet.try_button, Qt.MouseButton.LeftButton)
    assert installs.trial is not None


def quarantined(person: Person) -> list[Path]:
    return list((person.studio.library.root.parent / "quarantine").glob("*"))


def test_base_and_expert_answer_side_by_side_and_nothing_is_installed(
    opened: Opened, qtbot: QtBot, tmp_path: Path
) -> None:
    engine = FakeEngine(pieces=("Get it at ", "evil.example.com"))
    person = opened(engine)
    studio, before = person.studio, len(engine.asked)
    package = expert_file(tmp_path, "law-terms", load_order=7)
    tried(person, qtbot, package)
    trial = studio.library_page.installs.trial
    assert trial is not None
    person.until(lambda: "6 of 6" in trial.summary)
    stacks = [stack for _, stack, _ in engine.asked[before:]]
    assert [len(stack.members) for stack in stacks] == [0, 1] * 6
    assert all(stack.members[0].name == "law-terms" for stack in stacks[1::2])
    assert all(sampling.temperature == 0 for _, _, sampling in engine.asked[before:])
    assert trial.answer("link", True) == trial.answer("link", False)
    assert "0 warnings" in trial.summary, "the base says the same"
    assert quarantined(person)
    assert "law-terms" not in [e.name for e in studio.library.experts()]
    trial.accept()
    person.until(lambda: not quarantined(person))
    sheet = studio.library_page.installs.sheet
    assert sheet is not None, "the question still stands"
    sheet.reject()
    person.until(lambda: not studio.background.busy)


def test_a_trial_is_stopped_and_closed_while_it_runs(
    opened: Opened, qtbot: QtBot, tmp_path: Path
) -> None:
    engine = FakeEngine(gate=threading.Event())
    person = opened(engine)
    engine.gate.clear()
    tried(person, qtbot, expert_file(tmp_path, "law-terms", load_order=7))
    installs = person.studio.library_page.installs
    trial = installs.trial
    assert trial is not None
    person.until(lambda: bool(engine.asked))
    trial.accept()
    person.until(lambda: not quarantined(person) and not person.studio.model_thread.busy)
    assert installs.sheet is not None
    installs.sheet.reject()
    person.until(lambda: not person.studio.background.busy)


def test_what_it_needs_and_has_not_is_told(opened: Opened, qtbot: QtBot, tmp_path: Path) -> None:
    person = opened(FakeEngine())
    package = expert_file(tmp_path, "law-terms", load_order=7, requires=["latin-basic"])
    tried(person, qtbot, package)
    installs = person.studio.library_page.installs
    trial = installs.trial
    assert trial is not None
    person.until(lambda: "latin-basic" in trial.summary)
    trial.accept()
    assert installs.sheet is not None
    installs.sheet.reject()
    person.until(lambda: not person.studio.background.busy and not quarantined(person))
