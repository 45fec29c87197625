"""A package's grammar holds its answers, a long prompt is stopped while it is read, an answer is
corrected into a dataset: through the real window, on the real base, with packages dropped on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from expert_studio.app import Studio
from expert_studio.core.datasets.preference import PreferencePair
from expert_studio.core.datasets.store_folder import DatasetFolders
from expert_studio.core.experts import archive
from expert_studio.core.settings import Folders
from expert_studio.views.widgets.answer_foot import AnswerFoot
from expert_studio.views.widgets.correction_dialog import CorrectionDialog
from tests.expert_factory import expert_folder
from tests.studio_driver import Person

GRAMMARS = {
    "yes-or-no": 'root ::= "yes" | "no"\n',
    "hostile": f"root ::= {'(' * 5000}x{')' * 5000}\n",
}
LONG = "Porto is a city by the sea. " * 300


@pytest.fixture
def packages(tmp_path: Path) -> list[Path]:
    made = []
    for name, grammar in GRAMMARS.items():
        training = {"decoding": {"use_grammar": True, "temperature": 0.0}}
        folder = expert_folder(tmp_path / name, name, training=training)
        (folder / "grammar.gbnf").write_text(grammar)
        made.append(archive.build(folder, tmp_path / f"{name}.expert"))
    return made


@pytest.fixture
def person(qapp: QApplication, qtbot: QtBot, tmp_path: Path) -> Iterator[Person]:
    data, bundled = tmp_path / "data", tmp_path / "nothing"
    data.mkdir()
    bundled.mkdir()
    (data / "settings.json").write_text('{"first_run_done": true}')
    studio = Studio(qapp, Folders(data), bundled_experts=bundled)
    studio.open()
    yield Person(studio, qtbot)
    studio.window.close()
    studio.window.deleteLater()
    qapp.setStyleSheet("")


def _ask(person: Person, text: str) -> None:
    person.studio.chat_page.prompt.sent.emit(text)
    assert person.studio.dialogue.busy
    person.until(lambda: not person.studio.dialogue.busy)


def test_answers_are_held_stopped_and_corrected(person: Person, packages: list[Path]) -> None:
    studio, page = person.studio, person.studio.chat_page
    person.until(lambda: studio.loaded_base() is not None)
    person.install(packages)
    person.until(lambda: len(page.composer.rows) == 2)
    studio.window.show_page("chat")

    person.tick("yes-or-no")
    person.until(lambda: "experts 0 B" not in page.composer.cost.held)
    assert studio.dialogue.turns == (), "read ahead, before anything was asked"
    assert page.prompt.grammar == "Grammar: on"
    _ask(person, "Is Porto a city?")
    held = person.last_answer.turn
    assert held.text in ("yes", "no")
    assert held.sampling is not None
    assert held.sampling.constraint is not None

    person.tick("yes-or-no")
    person.tick("hostile")
    _ask(person, "Is Porto a city?")
    assert "grammar cannot be used" in studio.notices.toasts[-1].sentences[0]
    page.prompt.press_grammar()
    assert page.prompt.grammar == "Grammar: off"
    person.tick("hostile")

    studio.dialogue.new()
    read: list[tuple[int, int]] = []
    told: list[str] = []

    def stop_midway(_: str, done: int, whole: int) -> None:
        read.append((done, whole))
        told.append(person.last_answer.reading)
        if done:
            person.press_escape()

    studio.dialogue.prompt_read.connect(stop_midway)
    _ask(person, LONG)
    studio.dialogue.prompt_read.disconnect(stop_midway)
    assert (person.last_answer.turn.state, person.last_answer.text) == ("cancelled", "")
    assert read[-1][0] < read[-1][1], "the rest was not read"
    assert "Reading the conversation" in told[0]
    _correct(person, held.id)


def _correct(person: Person, turn: str) -> None:
    """The answer of the first conversation becomes a pair, and its row goes again."""
    studio, page = person.studio, person.studio.chat_page
    (first,) = (c for c in studio.history.conversations() if c.title == "Is Porto a city?")
    studio.dialogue.open(first)
    person.until(lambda: page.transcript.answer(turn) is not None)
    view = page.transcript.answer(turn)
    assert view is not None
    foot = view.findChild(AnswerFoot)
    assert foot is not None
    foot.press("correct")
    person.until(lambda: isinstance(QApplication.activeModalWidget(), CorrectionDialog))
    writing = QApplication.activeModalWidget()
    assert isinstance(writing, CorrectionDialog)
    writing.write("Yes, it is.", pair=True, dataset="porto")
    writing.keep.click()
    folders = DatasetFolders(studio._folders.datasets)
    person.until(lambda: not studio.background.busy and folders.names() == ["porto"])
    with folders.open("porto") as store:
        (row,) = store.window()
        origin = store.provenance(row.hash)
    assert isinstance(row.item, PreferencePair)
    assert (row.item.chosen, row.item.rejected) == ("Yes, it is.", view.turn.text)
    assert origin is not None
    assert origin.more["stack"] == {"yes-or-no 1.0.0": 1.0}
    assert origin.more["base"] == "expert-base-12m"
    assert origin.more["sampling"]["constraint"]["source"] == GRAMMARS["yes-or-no"]
