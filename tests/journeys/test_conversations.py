"""A conversation edited, branched, continued, checked, exported: in the real window, real base.

The longest standstill of the event loop is printed for each part.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QFileDialog
from pytestqt.qtbot import QtBot

from expert_studio.runtime.event_loop_watch import EventLoopWatch
from expert_studio.views.widgets.conversation_dialog import ConversationDialog
from expert_studio.views.widgets.message_bubble import MessageBubble
from tests.studio_driver import Person, with_six_experts

PROMPT = "Extract name, age and city as JSON: Maria Silva is 34 and lives in Porto."


@pytest.fixture
def person(qapp: QApplication, qtbot: QtBot, tmp_path: Path) -> Iterator[Person]:
    settings = {"first_run_done": True, "quantization": "fp32", "device": "cpu"}
    with with_six_experts(qapp, qtbot, tmp_path / "data", settings) as person:
        yield person


def _settled(person: Person) -> None:
    person.until(lambda: not person.studio.dialogue.busy)
    person.until(lambda: not person.studio.database_lane.busy)


def _ask(person: Person, text: str) -> None:
    person.studio.chat_page.prompt.sent.emit(text)
    assert person.studio.dialogue.busy
    _settled(person)


def test_a_conversation_through_all_its_turns(
    person: Person, watch: EventLoopWatch, tmp_path: Path
) -> None:
    watch.start()
    watch.enter("answers, branches, settings")
    _settings_of_the_conversation(person)
    _branches(person)
    watch.enter("the same again, and who did what")
    _checks(person)
    watch.enter("files, list, export")
    _files(person, tmp_path)
    _the_list(person, tmp_path)
    watch.stop()


def _settings_of_the_conversation(person: Person) -> None:
    page = person.studio.chat_page
    person.tick("document-classifier")
    assert "brings json-parser" not in person.row("document-classifier").note
    assert "This stack beside the base" in page.composer.cost.told
    page.desk.show_settings()
    person.until(lambda: isinstance(QApplication.activeModalWidget(), ConversationDialog))
    dialog = QApplication.activeModalWidget()
    assert isinstance(dialog, ConversationDialog)
    dialog.write("Answer as JSON.", temperature=0.9, top_p=0.95, top_k=40, max_tokens=12)
    dialog.press()
    assert page.prompt.presets.key == "custom"
    _ask(person, PROMPT)
    turn = person.last_answer.turn
    assert turn.system == "Answer as JSON."
    assert turn.sampling is not None
    assert (turn.sampling.temperature, turn.sampling.max_tokens) == (0.9, 12)
    assert len(turn.tokens) == 12  # any answer here is longer
    assert turn.state == "length"


def _branches(person: Person) -> None:
    page, dialogue = person.studio.chat_page, person.studio.dialogue
    first = person.last_answer.turn
    person.last_answer.foot.press("continue")
    _settled(person)
    longer = person.last_answer.turn
    assert longer.text.startswith(first.text)
    assert len(longer.text) > longer.begun_with == len(first.text)
    assert person.last_answer.foot.branches.told == "2 / 2"
    person.last_answer.foot.press("regenerate")
    _settled(person)
    assert person.last_answer.foot.branches.told == "3 / 3"
    person.last_answer.foot.branches.step(-1)
    assert person.last_answer.turn.id == longer.id
    person.last_answer.foot.branches.step(-1)
    assert person.last_answer.text == first.text

    bubble = page.transcript.findChildren(MessageBubble)[-1]
    bubble.press_edit()
    assert page.prompt.editing
    assert page.prompt.text == PROMPT
    page.prompt.set_text("Extract city as JSON: Ann lives in Lyon.")
    page.prompt._submit()
    _settled(person)
    assert not page.prompt.editing
    assert dialogue.turns[0].text == "Extract city as JSON: Ann lives in Lyon."
    bubbles = [b for b in page.transcript.findChildren(MessageBubble) if not b.isHidden()]
    assert bubbles[-1].branches.told == "2 / 2"
    bubbles[-1].branches.step(-1)
    assert dialogue.turns[0].text == PROMPT
    kept = person.studio.history.conversations()[0]
    person.until(lambda: not person.studio.database_lane.busy)
    assert [turn.id for turn in person.studio.history.turns(kept.id)] == [
        turn.id for turn in dialogue.turns
    ]


def _checks(person: Person) -> None:
    page = person.studio.chat_page
    for branch in range(3):  # of one token after another, continued, and generated anew
        view = person.last_answer
        view.foot.press("details")
        assert view.turn.stack is not None
        assert view.turn.stack.short_hash in view.details.lines["Stack"]
        view.details.press_repeat()
        person.until(lambda view=view: "came again" in view.details.told)  # type: ignore[misc]
        view.details.press_copy()
        record = json.loads(QGuiApplication.clipboard().text())
        assert record["tokens"] == list(view.turn.tokens)
        assert [m["role"] for m in record["asked"]][:2] == ["system", "user"]
        assert "folder" not in json.dumps(record)
        if branch < 2:
            view.foot.branches.step(-1 if branch else 1)
    view = person.last_answer
    view.foot.press("attribution")
    person.until(lambda: view.attribution.found is not None)
    found = view.attribution.found
    assert found is not None
    assert found.experts[0] == "json-parser"
    assert found.experts[-1] == "document-classifier"
    assert len(found.tokens) == len(view.turn.tokens)
    assert found.gain("document-classifier") != 0
    assert page.prompt.presets.key == "custom"


def _files(person: Person, tmp_path: Path) -> None:
    page = person.studio.chat_page
    file = tmp_path / "notes.txt"
    file.write_text("Ann lives in Lyon.\n```\n")
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"\x89PNG\0\0\0")
    person.drop([file, picture], page.prompt._editor.viewport())
    person.until(lambda: len(page.prompt.attached) == 1)
    person.until(lambda: bool(person.studio.notices.toasts))
    assert "picture.png" in person.studio.notices.toasts[-1].sentences[0]
    person.studio.dialogue.new()
    page.prompt.set_text("Which city?")
    page.prompt._submit()
    _settled(person)
    said = person.studio.dialogue.turns[0].text
    assert said == "Which city?\n\nnotes.txt:\n````\nAnn lives in Lyon.\n```\n````"
    assert page.prompt.attached == ()


def _the_list(person: Person, tmp_path: Path) -> None:
    page, studio = person.studio.chat_page, person.studio
    conversations = page.conversations
    person.until(lambda: len(conversations.titles) == 2)
    first = next(c for c in studio.history.conversations() if "Extract name" in c.title)
    conversations.pin_wanted.emit(first, True)
    person.until(lambda: conversations.first.pinned)
    assert conversations.first.id == first.id
    conversations.archive_wanted.emit(first, True)
    person.until(lambda: len(conversations.titles) == 1)
    conversations._archived.click()
    person.until(lambda: conversations.titles == (first.title,))
    conversations.archive_wanted.emit(first, False)
    conversations._archived.click()
    person.until(lambda: len(conversations.titles) == 2)

    for name in ("talk.md", "talk.json"):
        conversations.export_wanted.emit(first)
        person.until(lambda: isinstance(QApplication.activeModalWidget(), QFileDialog))
        dialog = QApplication.activeModalWidget()
        assert isinstance(dialog, QFileDialog)
        dialog.fileSelected.emit(str(tmp_path / name))
        dialog.reject()
        person.until(lambda name=name: (tmp_path / name).is_file())  # type: ignore[misc]
    told = json.loads((tmp_path / "talk.json").read_text())
    assert len([t for t in told["turns"] if t["role"] == "assistant"]) == 4
    assert told["composition"]["system"] == "Answer as JSON."
    markdown = (tmp_path / "talk.md").read_text()
    assert PROMPT in markdown
    assert "document-classifier" in markdown
    assert str(tmp_path) not in markdown + json.dumps(told)

    page.composer.presets.save_wanted.emit("both")
    person.until(lambda: [p.name for p in page.composer.presets.presets] == ["both"])
    person.tick("document-classifier")
    assert page.composer.stack.members == ()
    page.composer.presets.taken.emit(page.composer.presets.presets[0].composition)
    assert len(page.composer.stack.members) == 4
